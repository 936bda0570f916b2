"""The built-in corpus: ten spoken digits that work offline.

``tools/render_digits.py`` rendered them; ``docs/data-card.md`` says in whose voices and under which licences.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from l1demo.corpora import RATE, Corpus, CorpusError
from l1demo.text import _

INDEX = Path(__file__).with_name("digits.json")
SOUND = Path(__file__).with_name("digits.ogg")


@dataclass(frozen=True)
class Voice:
    """Who speaks: one line of the data card.

    Attributes
    ----------
    name, engine, package, licence, language : str
    human : str
        The person whose recordings the voice was made from; the engine's name where a formula speaks.
    """

    name: str
    engine: str
    package: str
    licence: str
    language: str
    human: str


def load() -> Corpus:
    """Decode the whole corpus.

    Raises
    ------
    CorpusError
        When its files are missing, or do not belong together.
    """
    index = _read_index()
    try:
        samples, rate = soundfile.read(SOUND, dtype="int16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise _damaged(str(error)) from error
    starts = np.concatenate([[0], np.cumsum(index["lengths"])]).astype(np.int64)
    if rate != RATE or starts[-1] != len(samples):
        raise _damaged(_("it holds {n} samples instead of {wanted}").format(n=len(samples), wanted=int(starts[-1])))
    return Corpus(
        name="digits",
        words=tuple(index["words"]),
        speakers=tuple(voice["name"] for voice in index["speakers"]),
        samples=samples,
        starts=starts,
        labels=np.array(index["labels"], np.int64),
        voices=np.array(index["voices"], np.int64),
        takes=np.array(index["takes"], np.int64),
    )


def voices() -> list[Voice]:
    """Return every voice's engine and licence, in the order of ``Corpus.speakers``."""
    return [Voice(**voice) for voice in _read_index()["speakers"]]


def _read_index() -> dict:
    try:
        return json.loads(INDEX.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(str(error)) from error


def _damaged(reason: str) -> CorpusError:
    return CorpusError(_("The built-in corpus cannot be read: {reason}. Install the lab again.").format(reason=reason))
