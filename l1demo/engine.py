"""The server's one client for background work: queue a run, follow it, stop it, and call short functions on a worker.

Torch is never imported here: work is named by its function and done by ``l1demo.tasks`` on the workers. How runs are ordered
and kept is the desk's, how workers are reached is the link's.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

from l1demo import tasks
from l1demo.desk import Desk, EngineError
from l1demo.link import Connection, Link
from l1demo.spec import RunSpec
from l1demo.store import Run, data_folder
from l1demo.text import _

log = logging.getLogger(__name__)

STARTING = 30.0  # seconds that a short call waits for a worker to be there


class Engine:
    """Runs and short calls in the background.

    Parameters
    ----------
    home : Path, optional
        The folder of the history; ``store.data_folder()`` where not given.
    scheduler : str, optional
        A Dask scheduler's address; else ``L1DEMO_SCHEDULER``, else a local cluster as a child.
    train : callable, optional
        What trains a run on a worker, with ``tasks.train_run``'s signature and result.
    """

    def __init__(
        self, home: Path | None = None, scheduler: str | None = None, train: Callable[..., dict[str, Any]] = tasks.train_run
    ) -> None:
        self._link = Link(scheduler or os.environ.get("L1DEMO_SCHEDULER") or None, self._on_link)
        self._desk = Desk(home or data_folder(), train, self._link.look_again)
        self._connection: Connection | None = None
        self._connected = threading.Condition()  # of _connection
        self._turn = threading.Semaphore(1)  # one short call on the cluster at a time: a crash then has one suspect
        self._closed = False

    def __enter__(self) -> "Engine":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def start(self) -> None:
        """Begin: the cluster comes up in the background, and work can be submitted at once."""
        self._desk.start()
        self._link.start()

    def close(self) -> None:
        """End the cluster; what was queued or running becomes interrupted."""
        if not self._closed:
            self._closed = True
            self._desk.close()
            self._link.close()

    @property
    def ready(self) -> bool:
        """Whether workers for runs and for short calls are there, with torch in memory."""
        connection = self._connection
        return bool(connection and connection.trainers and connection.quick)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what is wrong with the workers or the history just now; usually none."""
        return (self._link.trouble, *self._desk.notices) if self._link.trouble else self._desk.notices

    def submit(self, spec: RunSpec, session: str) -> str:
        """Ask for a run and return its id.

        A run that is done is answered from the history, one that is queued or running is joined, any other begins anew.

        Raises
        ------
        EngineError
            When the lab is closing.
        """
        self._desk.submit(spec, session)
        return spec.id

    def stop(self, run_id: str) -> None:
        """Stop a run: at once where it is queued, after its epoch where it is running. One that has ended stays as it is."""
        self._desk.stop(run_id)

    def run(self, run_id: str) -> Run | None:
        """Return a run as it stands; cheap enough for every page to ask several times a second.

        Raises
        ------
        StoreError
            When it is not in memory and the history cannot be read.
        """
        return self._desk.run(run_id)

    def history(self, session: str | None = None, limit: int = 100) -> list[Run]:
        """Return the newest runs first, without rows: those a session asked for, or everyone's.

        Raises
        ------
        StoreError
            When the history cannot be read.
        """
        return self._desk.history(session, limit)

    def weights(self, run_id: str) -> bytes | None:
        """Return a run's trained weights as safetensors; None where it has none yet.

        Raises
        ------
        StoreError
            When the history cannot be read.
        """
        return self._desk.weights(run_id)

    def call(self, function: Callable[..., Any], *args: Any, timeout: float = 10.0) -> Any:
        """Run a function of ``l1demo.tasks`` on the worker for short work and return its result.

        Raises
        ------
        EngineError
            With the function's own sentence where it refused (``AudioError``, ``CorpusError``), or one that says that it took too
            long, crashed its process, or found no worker. It is never tried twice: what crashed one worker would crash the next.
        """
        if not self._turn.acquire(timeout=STARTING + timeout):
            raise EngineError(_("The lab is busy with other recordings; try again in a moment."))
        try:
            return _answer(*self._on_quick_worker(function, args, timeout))
        finally:
            self._turn.release()

    def _on_quick_worker(self, function: Callable[..., Any], args: tuple[Any, ...], timeout: float) -> tuple[str, Any]:
        with self._connected:
            if not self._connected.wait_for(lambda: self._connection and self._connection.quick, STARTING):
                raise EngineError(_("The lab's workers are not ready after {n:.0f} s; try again in a moment.").format(n=STARTING))
            connection = self._connection
        assert connection is not None
        from distributed import KilledWorker

        begun = time.monotonic()
        slow = _("This took longer than {n:.0f} s and was ended; try a shorter recording.").format(n=timeout)
        ours = bool(connection.quick_resources)
        future = connection.client.submit(
            tasks.outcome,
            function,
            args,
            timeout if ours else None,  # it ends its process, which on a cluster of others' may have other work
            resources=connection.quick_resources,
            key=f"call-{uuid.uuid4().hex}",
            priority=10,
        )
        try:
            return future.result(timeout=timeout + STARTING if ours else timeout)  # ours ends by itself, so this is for a lost one
        except KilledWorker as error:
            log.warning("a short call ended its worker: %s", getattr(function, "__name__", function))
            with self._connected:  # the next call waits for the worker's successor
                if self._connection is connection:
                    self._connection = replace(connection, quick=0)
            self._link.look_again()
            crashed = _("This crashed the process that worked on it, so it was given up; try another file.")
            raise EngineError(slow if time.monotonic() - begun >= timeout else crashed) from error
        except TimeoutError as error:
            raise EngineError(slow) from error
        except (CancelledError, OSError) as error:
            raise EngineError(_("The lab's workers were restarted in the midst of this; try again.")) from error
        finally:
            future.release()

    def _on_link(self, connection: Connection | None) -> None:  # in the link's thread
        is_new = connection is not None and (self._connection is None or self._connection.client is not connection.client)
        self._desk.on_connection(connection, is_new)
        with self._connected:
            self._connection = connection
            self._connected.notify_all()


def _answer(kind: str, value: Any) -> Any:
    if kind == "value":
        return value
    if kind == "refused":
        raise EngineError(value)
    log.error("a short call failed:\n%s", value)
    raise EngineError(_("This could not be done because of an error in the program; the server's log has the details."))


_current: Engine | None = None
_making = threading.Lock()


def current() -> Engine:
    """Return the process's engine, started if nobody has yet."""
    global _current
    with _making:
        if _current is None:
            _current = Engine()
            _current.start()
        return _current


def use(engine: Engine | None) -> None:
    """Make an engine the process's; None lets the next ``current`` start another."""
    global _current
    with _making:
        _current = engine
