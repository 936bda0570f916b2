"""The desk: the one thread that decides what runs when, keeps what comes of it, and is alone in writing the history.

What readers see was committed before. It knows runs, not Dask's workings: those are asked for through a ``link.Connection``.
"""

import json
import logging
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from l1demo import tasks
from l1demo.link import Connection
from l1demo.spec import RunSpec
from l1demo.store import DONE, FAILED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Run, Store, StoreError
from l1demo.text import _

log = logging.getLogger(__name__)

TRIES = 3  # how often a run is begun when its workers die under it
KEPT = 64  # ended runs that stay in memory for pages that poll them
PATIENCE = 60.0  # seconds for the desk to answer, or for a result to come from its worker: far more than ever needed


class EngineError(RuntimeError):
    """Work was not done; the message is for the person at the screen."""


@dataclass
class _Live:
    """A run that is queued or running, known to the desk alone."""

    run: Run
    session: str
    attempt: str = ""
    tries: int = 0
    afresh: bool = True  # its first row replaces those of an earlier time
    stopping: bool = False
    unsaved: bool = False  # the history could not take something of it, so all of it is written again at its end
    again: set[str] = field(default_factory=set)  # sessions that asked for it anew while it was stopping


class Desk:
    """Runs, from their being asked for to their end.

    Parameters
    ----------
    home : Path
        The folder of the history; where it cannot be used, ``notices`` says so and history lasts as long as the process.
    train : callable
        What trains a run on a worker.
    look_again : callable
        Has the workers counted anew.
    """

    def __init__(self, home: Path, train: Callable[..., dict[str, Any]], look_again: Callable[[], None]) -> None:
        self._train = train
        self._look_again = look_again
        self._topic = f"l1demo-{uuid.uuid4().hex}"
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._arrived: deque[tuple[str, str]] = deque()
        self._thread = threading.Thread(target=self._work, name="l1demo desk", daemon=True)
        self._closing = False
        self._runs: OrderedDict[str, Run] = OrderedDict()  # what readers see
        self._guard = threading.Lock()  # of _runs
        self._live: dict[str, _Live] = {}
        self._attempts: dict[str, _Live] = {}
        self._queue: deque[_Live] = deque()
        self._connection: Connection | None = None
        self._places = 0
        self._unsaved: dict[str, bytes] = {}
        self._trouble = ""
        self._store, self._notice = _open_store(home)

    def start(self) -> None:
        """Begin to take what is asked."""
        self._thread.start()

    def close(self) -> None:
        """Mark what was queued or running as interrupted, and close the history."""
        if self._thread.is_alive():
            self._do(self._interrupt_all)
            self._inbox.put(None)
            self._thread.join(timeout=PATIENCE)
        self._closing = True
        self._store.close()

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what is wrong with the history."""
        return tuple(sentence for sentence in (self._notice, self._trouble) if sentence)

    def submit(self, spec: RunSpec, session: str) -> None:
        """Queue, join or merely note a run that a session asks for; returns when that is committed."""
        self._do(self._submit, spec, session)

    def stop(self, run_id: str) -> None:
        """Stop a run that has not ended."""
        self._do(self._stop, run_id)

    def run(self, run_id: str) -> Run | None:
        """Return a run as it stands."""
        found = self._runs.get(run_id)
        if found is None and (stored := self._store.get(run_id)):
            with self._guard:
                found = self._runs.setdefault(run_id, stored)
                self._forget_oldest()
        return found

    def history(self, session: str | None, limit: int) -> list[Run]:
        """Return the newest runs first, without rows."""
        return [
            replace(now, rows=()) if (now := self._runs.get(run.id)) and not now.ended else run
            for run in self._store.history(session, limit)
        ]

    def weights(self, run_id: str) -> bytes | None:
        """Return a run's weights."""
        return self._unsaved.get(run_id) or self._store.weights(run_id)

    def on_connection(self, connection: Connection | None, is_new: bool) -> None:
        """Take note of a connection, its places, or its loss (None); called in the link's thread."""
        if connection and is_new:
            connection.client.subscribe_topic(self._topic, self._on_event)
        self._inbox.put(lambda: self._recount(connection))

    def _on_event(self, event: tuple[float, dict[str, str]]) -> None:  # in Dask's loop
        _time, message = event
        self._arrived.append((message["attempt"], message["row"]))
        self._inbox.put(self._take_rows)

    def _work(self) -> None:
        while (task := self._inbox.get()) is not None:
            try:
                task()
            except Exception:
                log.exception("the desk failed at a task and goes on with the next")

    def _do(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._closing:
            raise EngineError(_("The lab is closing; start it again to go on."))
        answer: Future[Any] = Future()

        def task() -> None:
            try:
                answer.set_result(function(*args))
            except Exception as error:
                answer.set_exception(error)

        self._inbox.put(task)
        return answer.result(timeout=PATIENCE)

    def _submit(self, spec: RunSpec, session: str) -> None:
        live = self._live.get(spec.id)
        known = self._runs.get(spec.id)
        if live and live.stopping:
            live.again.add(session)
        elif live or (known and known.state == DONE):
            self._save(self._store.add, spec, session)
        else:
            run = Run(spec.id, spec, QUEUED, created=time.time())
            before = self._before(spec.id)
            saved = self._save(self._store.add, spec, session)
            if before and before.state == DONE:
                return
            if before:  # what it showed stays until there is something newer
                run = replace(run, rows=before.rows, last=before.last)
            live = self._live[run.id] = _Live(run, session, unsaved=not saved)
            self._queue.append(live)
            self._show(run)
            self._dispatch()

    def _before(self, run_id: str) -> Run | None:
        try:
            return self.run(run_id)
        except StoreError as error:
            self._trouble = str(error)
            return None

    def _save(self, write: Callable[..., object], *args: Any) -> bool:
        try:
            write(*args)
        except StoreError as error:  # the lab goes on from memory, and says so
            log.error("%s", error)
            self._trouble = str(error)
            return False
        self._trouble = ""
        return True

    def _show(self, run: Run) -> None:
        if live := self._live.get(run.id):
            live.run = run
        with self._guard:
            self._runs[run.id] = run
            self._runs.move_to_end(run.id)
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        ended = [run.id for run in self._runs.values() if run.ended and run.id not in self._unsaved]
        for run_id in ended[: max(0, len(ended) - KEPT)]:
            del self._runs[run_id]

    def _stop(self, run_id: str) -> None:
        live = self._live.get(run_id)
        if live is None or live.stopping:
            return
        live.stopping = True
        if live in self._queue:
            self._queue.remove(live)
            self._end(live, STOPPED)
            self._number()
        elif self._connection:
            client: Any = self._connection.client
            client.loop.add_callback(_set_stop, client, live.attempt)

    def _recount(self, connection: Connection | None) -> None:
        self._connection = connection
        self._places = connection.trainers if connection else 0
        if connection is None:
            for attempt in list(self._attempts):
                self._lost(attempt)
        self._dispatch()

    def _dispatch(self) -> None:
        connection = self._connection
        if connection is None:
            self._number()
            return
        from distributed.client import ClosedClientError

        while self._queue and len(self._attempts) < self._places:
            live = self._queue.popleft()
            live.attempt = f"{live.run.id}-{uuid.uuid4().hex[:8]}"
            live.tries += 1
            self._attempts[live.attempt] = live
            if not live.unsaved:
                self._save(self._store.begin, live.run.id)
            self._show(replace(live.run, state=RUNNING, started=time.time(), place=0))
            try:
                future = connection.client.submit(
                    tasks.outcome,
                    self._train,
                    (live.run.spec.to_dict(), live.attempt, self._topic),
                    resources=connection.train_resources,
                    key=live.attempt,
                )
                future.add_done_callback(self._on_done)
            except ClosedClientError:
                self._lost(live.attempt)
            except Exception as error:  # whatever it is, the person who waits is told
                self._finished(live.attempt, "crashed", repr(error))
        self._number()

    def _on_done(self, future: Any) -> None:  # in Dask's thread for callbacks
        from distributed import KilledWorker

        attempt = future.key
        try:
            kind, value = future.result(timeout=PATIENCE)
        except (KilledWorker, CancelledError, TimeoutError, OSError):
            self._inbox.put(lambda: self._lost(attempt))
        except Exception as error:
            log.error("the cluster could not do %s", attempt, exc_info=error)
            reason = str(error)
            self._inbox.put(lambda: self._finished(attempt, "crashed", reason))
        else:
            self._inbox.put(lambda: self._finished(attempt, kind, value))
        finally:
            future.release()

    def _take_rows(self) -> None:
        rows: list[tuple[str, dict[str, Any]]] = []
        afresh: set[str] = set()
        changed: dict[str, _Live] = {}
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
        saved = not rows or self._save(self._store.add_rows, rows, afresh)
        for live in changed.values():
            live.unsaved |= not saved
            self._show(live.run)

    def _finished(self, attempt: str, kind: str, value: Any) -> None:
        if kind == "value":  # events may have been lost on their way, the result was not
            self._arrived.extend((attempt, json.dumps(row)) for row in value["rows"])
        self._take_rows()
        if not (live := self._attempts.pop(attempt, None)):
            return
        if kind == "value":
            self._end(live, STOPPED if value["stopped"] else DONE, value["weights"])
        elif kind == "refused":
            self._end(live, FAILED, error=value)
        else:
            log.error("run %s failed:\n%s", live.run.id, value)
            self._end(live, FAILED, error=_("The run ended by an error in the program; the server's log has the details."))
        self._dispatch()

    def _lost(self, attempt: str) -> None:
        if self._closing or not (live := self._attempts.pop(attempt, None)):
            return
        self._places = 0  # until the link has counted who is left, so that nothing is sent to wait behind another run
        self._look_again()
        if live.stopping:
            self._end(live, STOPPED)
        elif live.tries >= TRIES:
            sentence = _("The run's worker ended {n} times in its midst, perhaps for want of memory; try fewer clips or units.")
            self._end(live, FAILED, error=sentence.format(n=TRIES))
        else:
            log.warning("the worker of run %s is gone; the run begins again", live.run.id)
            live.run = replace(live.run, state=QUEUED)
            self._queue.appendleft(live)
            self._number()

    def _end(self, live: _Live, state: str, weights: bytes | None = None, error: str = "") -> None:
        run = live.run
        saved = self._save(self._finish_whole if live.unsaved else self._store.finish, run.id, state, weights, error)
        if weights is not None and not saved:
            self._unsaved[run.id] = weights
        del self._live[run.id]
        self._show(replace(run, state=state, error=error, finished=time.time(), place=None))
        for session in live.again:
            self._submit(run.spec, session)

    def _finish_whole(self, run_id: str, *how: Any) -> None:
        live = self._live[run_id]
        self._store.add(live.run.spec, live.session)
        self._store.add_rows(((run_id, row) for row in live.run.rows), afresh={run_id})
        self._store.finish(run_id, *how)

    def _interrupt_all(self) -> None:
        self._closing = True
        for live in list(self._live.values()):
            live.again.clear()
            self._end(live, INTERRUPTED)
        self._queue.clear()
        self._attempts.clear()

    def _number(self) -> None:
        for place, live in enumerate(self._queue, start=1):
            if live.run.place != place or live.run.state != QUEUED:
                live.run = replace(live.run, state=QUEUED, place=place)
                self._show(live.run)


async def _set_stop(client: Any, attempt: str) -> None:
    from distributed import Event

    try:
        await Event(attempt, client=client).set()
    except OSError as error:
        log.info("a stop could not be sent, so its run is about to be lost anyway: %s", error)


def _open_store(home: Path) -> tuple[Store, str]:
    try:
        store = Store(home)
    except StoreError as error:
        log.error("%s", error)
        return Store(None), _("{reason} Until then the lab forgets its runs when it ends.").format(reason=error)
    return store, store.notice
