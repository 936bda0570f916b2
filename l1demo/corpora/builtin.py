"""The built-in corpora: ten spoken digits that work offline, and the same with more voices that were made from people.

``tools/render_digits.py`` and ``tools/render_wide.py`` rendered them; ``docs/data-card.md`` and ``docs/data-card-wide.md`` say in
whose voices and under which licences.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from l1demo.corpora import RATE, Corpus, CorpusError
from l1demo.text import _

FOLDER = Path(__file__).parent
PARTS = {"digits": ("digits",), "digits-wide": ("digits", "digits-wide")}  # a corpus and the files it is read from, in this order


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


def load(name: str = "digits") -> Corpus:
    """Decode a whole corpus, one of ``PARTS``.

    Raises
    ------
    CorpusError
        When its files are missing, or do not belong together.
    """
    indices = [_read_index(part) for part in PARTS[name]]
    first_voices = np.cumsum([0, *(len(index["speakers"]) for index in indices)])
    return Corpus(
        name=name,
        words=tuple(indices[0]["words"]),
        speakers=tuple(voice["name"] for index in indices for voice in index["speakers"]),
        samples=np.concatenate([_read_sound(part, index) for part, index in zip(PARTS[name], indices, strict=True)]),
        starts=np.cumsum([0, *(length for index in indices for length in index["lengths"])]).astype(np.int64),
        labels=np.array([label for index in indices for label in index["labels"]], np.int64),
        voices=np.concatenate([np.array(i["voices"], np.int64) + n for i, n in zip(indices, first_voices[:-1], strict=True)]),
        takes=np.array([take for index in indices for take in index["takes"]], np.int64),
    )


def voices(name: str = "digits") -> list[Voice]:
    """Return every voice's engine and licence, in the order of ``Corpus.speakers``."""
    return [Voice(**voice) for part in PARTS[name] for voice in _read_index(part)["speakers"]]


def index_of(part: str) -> Path:
    """Return the file that says what is in a part of a corpus."""
    return FOLDER / f"{part}.json"


def sound_of(part: str) -> Path:
    """Return the file that holds a part's clips end to end."""
    return FOLDER / f"{part}.ogg"


def _read_sound(part: str, index: dict) -> np.ndarray:
    try:
        samples, rate = soundfile.read(sound_of(part), dtype="int16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise _damaged(str(error)) from error
    wanted = sum(index["lengths"])
    if rate != RATE or wanted != len(samples):
        raise _damaged(_("it holds {n} samples instead of {wanted}").format(n=len(samples), wanted=wanted))
    return samples


def _read_index(part: str) -> dict:
    try:
        return json.loads(index_of(part).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(str(error)) from error


def _damaged(reason: str) -> CorpusError:
    return CorpusError(_("The built-in corpus cannot be read: {reason}. Install the lab again.").format(reason=reason))
