"""Corpora that the lab keeps: a safetensors file each, named after its content, so that a name never changes its meaning.

Who has which corpus on their list is the store's; where a corpus comes from is ``corpora``'s.
"""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from l1demo.corpora import RATE, Corpus, CorpusError
from l1demo.home import data_folder
from l1demo.text import _

KINDS = ("fsdd", "commands", "own", "class", "words")
ARRAYS = ("samples", "starts", "labels", "voices", "takes")
SUFFIX = ".safetensors"
MAX_ABOUT = 16 * 2**20  # bytes of a file's header


@dataclass(frozen=True)
class About:
    """What is known of a corpus without reading its sound.

    Attributes
    ----------
    name, title, kind : str
        As in a run's description, as on the screen, and one of ``KINDS``.
    words, speakers : tuple of str
    clips : int
    seconds : float
        Of all clips together.
    licence, source : str
    per_word, per_speaker : tuple of int
        Clips of each of ``words`` and of ``speakers``.
    skipped : tuple of str
        Sentences that name what could not be read, and why.
    official : bool
        Whether its makers gave a split.
    bytes : int
        Of the file.
    """

    name: str
    title: str
    kind: str
    words: tuple[str, ...]
    speakers: tuple[str, ...]
    clips: int
    seconds: float
    licence: str
    source: str
    per_word: tuple[int, ...]
    per_speaker: tuple[int, ...]
    skipped: tuple[str, ...]
    official: bool
    bytes: int


def folder() -> Path:
    """Return the folder of the corpora."""
    return data_folder() / "corpora"


def is_name(text: str) -> bool:
    """Say whether a text is the name of a corpus that the lab could keep: no path, no name of a file."""
    return re.fullmatch(r"fsdd|(commands|own|class|words)-[0-9a-f]{12}", text) is not None


def save(corpus: Corpus, kind: str, title: str, licence: str = "", source: str = "", into: Path | None = None) -> str:
    """Keep a corpus and return its name. The file is there whole or not at all.

    Parameters
    ----------
    corpus : Corpus
    kind : str
        One of ``KINDS``. Of "fsdd" there is one only, which its download has checked.
    title : str
        What it is called on the screen.
    licence, source : str
    into : Path, optional
        The folder; ``folder()`` where not given.

    Raises
    ------
    CorpusError
        When the file cannot be written, as on a full disk.
    """
    arrays = {name: np.ascontiguousarray(getattr(corpus, name)) for name in ARRAYS}
    if corpus.official is not None:
        arrays["official"] = np.ascontiguousarray(corpus.official, np.int8)
    facts = {"words": corpus.words, "speakers": corpus.speakers, "numbered": corpus.numbered}
    digest = hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode())
    for name, array in arrays.items():
        digest.update(name.encode())
        digest.update(array.data)  # no copy: of a large corpus it would be hundreds of megabytes
    name = "fsdd" if kind == "fsdd" else f"{kind}-{digest.hexdigest()[:12]}"
    about = {
        **facts,
        "title": title,
        "kind": kind,
        "clips": len(corpus),
        "seconds": len(corpus.samples) / RATE,
        "licence": licence,
        "source": source,
        "per_word": np.bincount(corpus.labels, minlength=len(corpus.words)).tolist(),
        "per_speaker": np.bincount(corpus.voices, minlength=len(corpus.speakers)).tolist(),
        "skipped": corpus.skipped,
        "official": corpus.official is not None,
    }
    place = into or folder()
    target = place / f"{name}{SUFFIX}"
    part = place / f".{uuid.uuid4().hex}.part"
    try:
        place.mkdir(parents=True, exist_ok=True)
        safetensors.numpy.save_file(arrays, part, {"about": json.dumps(about, ensure_ascii=False)})
        part.replace(target)
    except (OSError, safetensors.SafetensorError) as error:
        raise CorpusError(_("The corpus cannot be kept in {folder}: {reason}.").format(folder=place, reason=error)) from error
    finally:
        part.unlink(missing_ok=True)
    return name


def require(name: str) -> None:
    """Do nothing for a corpus that the lab keeps, or for what is no name of one.

    Raises
    ------
    CorpusError
        When a corpus of that name is not kept, or not any more.
    """
    if is_name(name):
        _path(name)


def load(name: str) -> Corpus:
    """Return a corpus that the lab keeps.

    Raises
    ------
    CorpusError
        When there is none of that name, or its file is damaged.
    """
    path = _path(name)
    about = _header(path)
    try:
        arrays = safetensors.numpy.load_file(path)
        return Corpus(
            name,
            tuple(about["words"]),
            tuple(about["speakers"]),
            *(arrays[each] for each in ARRAYS),
            skipped=tuple(about["skipped"]),
            numbered=about["numbered"],
            official=arrays.get("official"),
        )
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise _damaged(name, error) from error


def about(name: str) -> About:
    """Return what is known of a corpus that the lab keeps; reads its file's header alone.

    Raises
    ------
    CorpusError
        As ``load``.
    """
    path = _path(name)
    known = _header(path) | {"name": name, "bytes": path.stat().st_size}
    try:
        return About(**{f.name: _frozen(known[f.name]) for f in fields(About)})
    except KeyError as error:
        raise _damaged(name, error) from error


def names() -> list[str]:
    """Return the names of all corpora that the lab keeps, in order of the alphabet."""
    return sorted(path.stem for path in folder().glob(f"*{SUFFIX}") if is_name(path.stem))


def delete(name: str) -> None:
    """Delete a corpus; one that is not there is no error.

    Raises
    ------
    CorpusError
        When its file cannot be deleted, or this is no corpus's name.
    """
    try:
        _path(name, there=False).unlink(missing_ok=True)
    except OSError as error:
        raise CorpusError(_("The corpus cannot be deleted: {reason}.").format(reason=error.strerror or error)) from error


def sweep() -> None:
    """Delete what a writing that ended in its midst has left; for the one process that begins alone in the folder."""
    for part in folder().glob(".*.part"):
        part.unlink(missing_ok=True)


def _path(name: str, there: bool = True) -> Path:
    path = folder() / f"{name}{SUFFIX}"
    if not is_name(name) or (there and not path.is_file()):
        raise CorpusError(_("The lab keeps no corpus “{name}”; load it again on the page Data.").format(name=name[:60]))
    return path


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_ABOUT:
                raise ValueError(_("its header has {n:,} bytes").format(n=length))
            return json.loads(json.loads(file.read(length))["__metadata__"]["about"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path.stem, error) from error


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _damaged(name: str, error: Exception) -> CorpusError:
    return CorpusError(
        _("The corpus “{name}” cannot be read ({reason}); delete it on the page Data and load it again.").format(
            name=name, reason=error
        )
    )
