"""The one thread in which runs are queued, given to workers, and their rows and ends taken in.

An attempt is one time on a worker; a run may need several, because it pauses or because a worker dies. What pages ask for, and
what is to happen when an attempt leaves before its run's end, is the desk's; Dask's workings are the link's.
"""

import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from l1demo.ledger import Ledger
from l1demo.link import LOST, Connection
from l1demo.store import DONE, FAILED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Left, Run
from l1demo.text import _

log = logging.getLogger(__name__)

ONE_MORE = -1  # as the epoch after which a run pauses: the one after those that are done
TRIES = 3  # how often a run is begun when its workers die under it
PATIENCE = 60.0  # seconds for the desk to answer: far more than ever needed


class EngineError(RuntimeError):
    """Work was not done; the message is for the person at the screen."""


@dataclass(frozen=True)
class Pace:
    """After which epoch a run pauses by itself (0: not before its end; or ``ONE_MORE``), and the seconds between its epochs."""

    until: int = 0
    wait: float = 0.0

    def joined(self, other: "Pace") -> "Pace":
        """Return the pace for two: as far as who goes farther, as fast as who goes faster."""
        return Pace(max(self.until, other.until) if self.until and other.until else 0, min(self.wait, other.wait))


@dataclass
class Live:
    """A run that is queued or running, known to the desk alone."""

    run: Run
    session: str
    pace: Pace = Pace()
    epoch: int = 0  # the epochs done at the checkpoint
    checkpoint: bytes | None = None  # from where its next attempt goes on; None: from nothing
    film: dict[int, bytes] = field(default_factory=dict)  # of its earlier attempts
    anew: bool = True  # it began without a checkpoint
    afresh: bool = True  # its first row replaces those of an earlier time
    attempt: str = ""  # under way; empty while the run is queued
    losses: int = 0
    leaving: bool = False  # the attempt has been asked to leave after its epoch, for one of the next three or another pace
    stopping: bool = False
    pausing: bool = False
    change: tuple[float, str] | None = None  # of λ, and the session that asked for it
    unwanted: bool = False  # nobody asks for it any more, so it is deleted at its end
    unsaved: bool = False  # the history could not take something of it, so all of it is written again at its end
    again: dict[str, Pace] = field(default_factory=dict)  # sessions that asked for it anew while it was stopping

    @property
    def done(self) -> int:
        """The epochs that are done, with those whose rows are shown and which are done once more after a worker's death."""
        shown = self.run.last["epoch"] if self.run.last and not self.afresh else 0
        return max(shown, self.epoch)

    def meant(self, pace: Pace) -> Pace:
        """Return a pace with the number of the epoch for ``ONE_MORE``."""
        return replace(pace, until=self.done + 1) if pace.until == ONE_MORE else pace


class Attempts:
    """The queue and what is under way. All is done in one thread, to which others hand their calls.

    Parameters
    ----------
    home : Path
        The folder of the history.
    train : callable
        What trains a run on a worker.
    look_again : callable
        Has the workers counted anew.

    Attributes
    ----------
    ledger : Ledger
        What readers see.
    """

    def __init__(self, home: Path, train: Callable[..., dict[str, Any]], look_again: Callable[[], None]) -> None:
        self._train = train
        self._look_again = look_again
        self._topic = f"l1demo-{uuid.uuid4().hex}"
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._arrived: deque[tuple[str, str]] = deque()
        self._thread = threading.Thread(target=self._work, name="l1demo desk", daemon=True)
        self._closing = False
        self._door = threading.Lock()  # nothing is asked behind what closes
        self._live: dict[str, Live] = {}
        self._attempts: dict[str, Live] = {}
        self._queue: deque[Live] = deque()
        self._connection: Connection | None = None
        self._places = 0
        self.ledger = Ledger(home)
        self._store = self.ledger.store

    def start(self) -> None:
        """Begin to take what is asked."""
        self._thread.start()

    def close(self) -> None:
        """Mark what was queued or running as interrupted, and close the history."""
        with self._door:
            self._closing = True
            self._inbox.put(self._interrupt_all)
            self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=PATIENCE)
        self.ledger.close()

    def on_connection(self, connection: Connection | None, is_new: bool) -> None:
        """Take note of a connection, its places, or its loss (None); called in the link's thread."""
        if connection and is_new:
            connection.listen(self._topic, self._on_message)
        self._inbox.put(lambda: self._recount(connection))

    def _on_message(self, message: dict[str, str]) -> None:  # in Dask's loop
        self._arrived.append((message["attempt"], message["row"]))
        self._inbox.put(self._take_rows)

    def _on_end(self, attempt: str, kind: str, value: Any) -> None:  # in Dask's thread for callbacks
        self._inbox.put(lambda: self._lost(attempt) if kind == LOST else self._finished(attempt, kind, value))

    def _work(self) -> None:
        while (task := self._inbox.get()) is not None:
            try:
                task()
            except Exception:
                log.exception("the desk failed at a task and goes on with the next")

    def _do(self, function: Callable[..., Any], *args: Any) -> Any:
        answer: Future[Any] = Future()

        def task() -> None:
            try:
                answer.set_result(function(*args))
            except Exception as error:
                answer.set_exception(error)

        with self._door:
            if self._closing:
                raise EngineError(_("The lab is closing; start it again to go on."))
            self._inbox.put(task)
        try:
            return answer.result(timeout=PATIENCE)
        except TimeoutError as error:
            raise EngineError(_("The lab did not answer within {n:.0f} s; try again in a moment.").format(n=PATIENCE)) from error

    def _left(self, live: Live, left: Left) -> None:
        """Decide what is to happen with a run whose attempt left before the run's end."""
        raise NotImplementedError

    def _after(self, live: Live) -> None:
        """Do what is to be done when a run has ended."""
        raise NotImplementedError

    def _recount(self, connection: Connection | None) -> None:
        self._connection = connection
        self._places = connection.trainers if connection else 0
        if connection is None:
            for attempt in list(self._attempts):
                self._lost(attempt)
        self._dispatch()

    def _enter(self, live: Live, place: int) -> None:
        self._live[live.run.id] = live
        self._queue.insert(place, live)
        self._show(live.run)
        self._dispatch()

    def _dispatch(self) -> None:
        connection = self._connection
        while connection and self._queue and len(self._attempts) < self._places:
            live = self._queue.popleft()
            live.attempt, live.leaving = f"{live.run.id}-{uuid.uuid4().hex[:8]}", False
            self._attempts[live.attempt] = live
            if not live.unsaved:
                self.ledger.save(self._store.begin, live.run.id)
            self._show(replace(live.run, state=RUNNING, started=time.time(), place=0))
            about = live.run.spec.to_dict(), live.attempt, self._topic, live.checkpoint, _until(live), live.pace.wait
            try:
                connection.begin(live.attempt, self._train, about, self._on_end, connection.train_resources)
            except ConnectionError:
                self._lost(live.attempt)
            except Exception as error:  # whatever it is, the person who waits is told
                self._finished(live.attempt, "crashed", repr(error))
        self._number()

    def _number(self) -> None:
        for place, live in enumerate(self._queue, start=1):
            if live.run.place != place or live.run.state != QUEUED:
                self._show(replace(live.run, state=QUEUED, place=place))

    def _ask_to_leave(self, live: Live) -> None:
        if self._connection and not live.leaving:
            live.leaving = True
            self._connection.ask_to_leave(live.attempt)

    def _show(self, run: Run) -> None:
        if live := self._live.get(run.id):
            live.run = run = replace(run, wait=live.pace.wait)
        self.ledger.show(run)

    def _take_rows(self) -> None:
        rows: list[tuple[str, dict[str, Any]]] = []
        afresh: set[str] = set()
        changed: dict[str, Live] = {}
        while self._arrived:
            attempt, text = self._arrived.popleft()
            if not (live := self._attempts.get(attempt)):
                continue
            row = json.loads(text)
            if live.afresh:
                live.afresh = False
                afresh.add(live.run.id)
                live.run = replace(live.run, rows=(), last=None)
            if live.run.last and row["epoch"] <= live.run.last["epoch"]:
                continue  # the run was begun again after its worker's death, and this epoch came out the same
            if not live.unsaved:
                rows.append((live.run.id, row))
            live.run = replace(live.run, rows=(*live.run.rows, row), last=row)
            changed[live.run.id] = live
        saved = not rows or self.ledger.save(self._store.add_rows, rows, afresh)
        for live in changed.values():
            live.unsaved |= not saved
            self._show(live.run)

    def _finished(self, attempt: str, kind: str, value: Any) -> None:
        if kind == "value":  # events may have been lost on their way, the result was not
            self._arrived.extend((attempt, json.dumps(row)) for row in value["rows"])
        self._take_rows()
        if not (live := self._attempts.pop(attempt, None)):
            return
        live.attempt = ""
        if kind == "value":
            live.film |= value["film"]
            if value["state"] is not None:
                live.epoch, live.checkpoint = value["rows"][-1]["epoch"], value["state"]
            left = Left(value["weights"], live.checkpoint, live.epoch, live.film)
            if value["stopped"]:
                self._left(live, left)
            else:
                self._end(live, DONE, left)
        elif kind == "refused":
            self._end(live, FAILED, error=value)
        else:
            log.error("run %s failed:\n%s", live.run.id, value)
            self._end(live, FAILED, error=_("The run ended by an error in the program; the server's log has the details."))
        self._dispatch()

    def _lost(self, attempt: str) -> None:
        if self._closing or not (live := self._attempts.pop(attempt, None)):
            return
        live.attempt = ""
        live.losses += 1
        self._places = 0  # until the link has counted who is left, so that nothing is sent to wait behind another run
        self._look_again()
        if live.stopping:
            self._end(live, STOPPED)
        elif live.losses >= TRIES:
            sentence = _("The run's worker ended {n} times in its midst, perhaps for want of memory; try fewer clips or units.")
            self._end(live, FAILED, error=sentence.format(n=TRIES))
        else:
            log.warning("the worker of run %s is gone; the run begins again from epoch %s", live.run.id, live.epoch)
            self._queue.appendleft(live)
            self._number()

    def _end(self, live: Live, state: str, left: Left | None = None, error: str = "") -> None:
        live.run = replace(live.run, state=state, error=error, finished=time.time(), place=None)
        left = left or Left(None, live.checkpoint, live.epoch, live.film)
        self.ledger.save_end(live.run, left, live.session if live.unsaved else None, live.anew)
        del self._live[live.run.id]
        self._show(live.run)
        self._after(live)

    def _interrupt_all(self) -> None:
        for live in list(self._live.values()):
            live.again.clear()
            self._end(live, INTERRUPTED)
        self._queue.clear()
        self._attempts.clear()


def _until(live: Live) -> int:
    if not (live.pausing or live.change):
        return live.pace.until
    return max(live.done, live.epoch + 1)  # its worker died before it could leave: it is to leave where it would have
