"""What the worker for jobs runs: work that takes long, tells how far it is, and ends where it is cancelled.

Each is a function of a ``Tell`` and its arguments. Which jobs there are, and what becomes of their results, is ``jobs``'.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
