"""What the worker for jobs runs: work that takes long, tells how far it is, and ends where it is cancelled.

Each is a function of a ``Tell`` and its arguments. Which jobs there are, and what becomes of their results, is ``jobs``'.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1demo import shelf
from l1demo.corpora import Corpus, fsdd, speech_commands
from l1demo.text import _

TELLING = 0.1  # seconds between two looks at whether a job is cancelled


class _Cancelled(BaseException):  # no error, so that what skips a bad file and goes on does not go on
    pass


@dataclass
class Tell:
    """How a job tells how far it is: ``tell(fraction or None, sentence)``, as often as one likes. Raises where it is to end.

    Attributes
    ----------
    say : callable
        Shows the two to whoever looks.
    cancelled : callable
        Says whether the job is to end.
    scratch : Path
        A folder for what is not finished, which is gone after the job.
    """

    say: Callable[[float | None, str], object]
    cancelled: Callable[[], bool]
    scratch: Path
    told: float = -1.0

    def __call__(self, fraction: float | None, sentence: str) -> None:
        if time.monotonic() - self.told >= TELLING:
            self.told = time.monotonic()
            if self.cancelled():
                raise _Cancelled
            self.say(fraction, sentence)


def work(function: Callable[..., Any], args: tuple[Any, ...], job: str, topic: str, scratch: str) -> dict[str, Any]:
    """Do a job of ``jobs``, which tells how far it is and ends where it is cancelled.

    Parameters
    ----------
    function, args
        Called with a ``Tell`` before its own arguments.
    job, topic : str
        The name of the ``distributed.Event`` that cancels it, and the Dask topic of ``{"job", "fraction", "text"}``.
    scratch : str
        A folder, made and deleted here.

    Returns
    -------
    dict
        ``cancelled`` (bool) and ``result``, what the function returned.
    """
    from distributed import Event, get_worker

    worker, event = get_worker(), Event(job)

    def say(fraction: float | None, sentence: str) -> None:
        worker.log_event(topic, {"job": job, "fraction": fraction, "text": sentence})

    Path(scratch).mkdir(parents=True, exist_ok=True)
    try:
        return {"cancelled": False, "result": function(Tell(say, lambda: bool(event.is_set()), Path(scratch)), *args)}
    except _Cancelled:
        return {"cancelled": True, "result": None}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def download_fsdd(tell: Tell, url: str, digest: str = fsdd.DIGEST) -> str:
    """Download the Free Spoken Digit Dataset and return its name on the shelf; parameters are those of ``fsdd.download``."""
    if "fsdd" in shelf.names():  # another of the class was faster
        return "fsdd"
    return keep_fsdd(fsdd.download(tell, url, digest))


def import_archive(tell: Tell, path: str, title: str, digest: str = fsdd.DIGEST) -> str:
    """Read a ZIP that a visitor brought and return the name under which the shelf keeps it.

    Parameters
    ----------
    tell : Tell
    path : str
    title : str
        What its owner calls it.
    digest : str
        Of the Free Spoken Digit Dataset, which is taken as such where it is whole.

    Raises
    ------
    CorpusError
        When nothing in it can be used, or there is no room for it.
    """
    from l1demo.corpora import archive

    corpus = archive.load(path, tell)
    if fsdd.is_whole(Path(path), digest):
        return keep_fsdd(corpus)
    source, licence = _("your own archive"), ""
    if fsdd.is_part(corpus):
        source = _("{n:,} recordings named as those of the {title}, which has {all:,}: not the whole of it").format(
            n=len(corpus), title=fsdd.TITLE, all=fsdd.RECORDINGS
        )
        licence = fsdd.LICENCE
    return shelf.save(corpus, "own", title, licence, source)


def download_speech_commands(
    tell: Tell, url: str, words: tuple[str, ...], most: int, size: int = speech_commands.BYTES, digest: str = speech_commands.DIGEST
) -> str:
    """Download some words of Speech Commands and return their name on the shelf; parameters as of ``speech_commands.download``."""
    corpus = speech_commands.download(tell, url, words, most, size, digest)
    return keep_speech_commands(corpus)


def keep_speech_commands(corpus: Corpus) -> str:
    """Put words of Speech Commands onto the shelf and return their name there."""
    title = f"{speech_commands.TITLE}: {', '.join(corpus.words[:4])}{', …' if len(corpus.words) > 4 else ''}"
    return shelf.save(corpus, "commands", title, speech_commands.LICENCE, speech_commands.URL)


def keep_fsdd(corpus: Corpus) -> str:
    """Put the whole of the Free Spoken Digit Dataset onto the shelf and return its name there."""
    return shelf.save(corpus, "fsdd", fsdd.TITLE, fsdd.LICENCE, fsdd.URL)
