"""The server's one client for background work: queue a run, follow it, pause or stop it, and call short functions on a worker.

Torch is never imported here: work is named by its function and done by ``l1demo.tasks`` on the workers. How runs are ordered
and kept is the desk's, how workers are reached is the link's.
"""

import logging
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

from l1demo import shelf, tasks
from l1demo.attempts import ONE_MORE as ONE_MORE
from l1demo.attempts import EngineError as EngineError
from l1demo.attempts import Pace
from l1demo.class_sets import ClassSets
from l1demo.desk import Desk
from l1demo.home import data_folder
from l1demo.jobs import Job, Jobs
from l1demo.link import Connection, Link
from l1demo.spec import RunSpec
from l1demo.store import Run
from l1demo.text import _

log = logging.getLogger(__name__)

NAME = 60  # characters of a run's name at most
STARTING = 30.0  # seconds that a short call waits for a worker to be there


class Engine:
    """Runs and short calls in the background.

    Parameters
    ----------
    home : Path, optional
        The folder of the history; ``home.data_folder()`` where not given.
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
        self._alone = self._desk.ledger.store.alone
        self._jobs = Jobs((home or data_folder()) / "scratch" if self._alone else Path(tempfile.mkdtemp(prefix="l1demo-")))
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
        if self._alone:  # else it would take another lab's unfinished files
            shelf.sweep()
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
        return tuple(sentence for sentence in (self._link.trouble, *self._desk.ledger.notices) if sentence)

    def submit(self, spec: RunSpec, session: str, until: int = 0, wait: float = 0.0) -> str:
        """Ask for a run and return its id.

        A run that is done is answered from the history. One that is queued or running is joined, at the pace of who goes farther
        and faster. One that is paused, or was interrupted after a pause, goes on. Any other begins anew.

        Parameters
        ----------
        spec : RunSpec
        session : str
        until : int
            The epoch after which the run pauses by itself; 0 to let it run to its end, ``ONE_MORE`` for one epoch.
        wait : float
            Seconds between epochs, for slow motion.

        Raises
        ------
        EngineError
            Here and in every method that asks for something to be done: when the lab is closing, or does not answer.
        """
        self._desk.submit(spec, session, Pace(until, wait))
        return spec.id

    def resume(self, run_id: str, session: str, until: int = 0, wait: float = 0.0) -> None:
        """Go on with a run as ``submit`` does, where it is paused, was interrupted after a pause, or is under way."""
        self._desk.resume(run_id, session, Pace(until, wait))

    def pause(self, run_id: str, session: str | None = None) -> bool:
        """Pause a run: at once where it is queued, after its epoch where it is running. It leaves its worker to others.

        Parameters and result are as for ``stop``.
        """
        return self._desk.pause(run_id, session)

    def pace(self, run_id: str, until: int | None = None, wait: float | None = None, session: str | None = None) -> bool:
        """Change the pace of a run that is queued or running; it loses nothing.

        Parameters
        ----------
        run_id : str
        until, wait : optional
            As for ``submit``; None: as it is.
        session : str, optional
            As for ``stop``, as the result is.
        """
        return self._desk.set_pace(run_id, until, wait, session)

    def stop(self, run_id: str, session: str | None = None) -> bool:
        """Stop a run: at once where it is queued or paused, after its epoch where it is running; else it stays as it is.

        Parameters
        ----------
        run_id : str
        session : str, optional
            Who asks. Where others have asked for the run since it began, it goes on for them as it does; without a session it
            is always done.

        Returns
        -------
        bool
            False where it goes on for others.
        """
        return self._desk.stop(run_id, session)

    def change(self, run_id: str, lam: float, session: str, until: int = 0, wait: float = 0.0) -> None:
        """Go on with another λ from where a run is: a new run, which ``Run.successor`` of this one names when it is there.

        A running one leaves after its epoch and is then paused, unless others have asked for it; its successor takes its pace.
        One that is paused, or was interrupted after a pause, has its successor at once, at the pace given here. One that has not
        begun gives way to one with that λ from the start. Where no epoch is left, λ is that already or there is no penalty,
        nothing happens.

        Raises
        ------
        EngineError
            When another session has changed λ in this epoch.
        SpecError
            When λ is out of range.
        """
        if run := self.run(run_id):
            run.spec.with_values(lam=lam)
            self._desk.change(run_id, lam, session, Pace(until, wait))

    def rename(self, run_id: str, session: str, name: str) -> None:
        """Call a run something in a session's list; the empty name takes the name away.

        Raises
        ------
        EngineError
            When the name is too long or cannot be printed, or the run is not in that list.
        StoreError
            When the history cannot be written.
        """
        name = " ".join(name.split())
        if len(name) > NAME or not name.isprintable():
            raise EngineError(
                _("A name has at most {n} characters, all of which can be printed; this has {m}.").format(n=NAME, m=len(name))
            )
        if not self._desk.rename(run_id, session, name):
            raise EngineError(_("Only runs of your own list have a name; press Train to have this one in it."))

    def delete(self, run_id: str, session: str) -> None:
        """Take a run off a session's list.

        Where it is on nobody else's it goes with its epochs, weights and film; where it is under way it is stopped before.

        Raises
        ------
        StoreError
            When the history cannot be written; then it stays.
        """
        self._desk.delete(run_id, session)

    def run(self, run_id: str) -> Run | None:
        """Return a run as it stands; cheap enough for every page to ask several times a second.

        Raises
        ------
        StoreError
            When it is not in memory and the history cannot be read.
        """
        return self._desk.ledger.run(run_id)

    def history(self, session: str | None = None, limit: int = 100) -> list[Run]:
        """Return the newest runs first, without rows: those a session asked for, or everyone's.

        Raises
        ------
        StoreError
            When the history cannot be read.
        """
        return self._desk.ledger.history(session, limit)

    def weights(self, run_id: str) -> bytes | None:
        """Return a run's weights after its newest epoch as safetensors; None where it has not left a worker since.

        Raises
        ------
        StoreError
            When the history cannot be read.
        """
        return self._desk.ledger.weights(run_id)

    def film(self, run_id: str) -> dict[int, bytes]:
        """Return ``film.frame``'s bytes of some of a run's epochs by their numbers, up to where it last left a worker.

        Raises
        ------
        StoreError
            When the history cannot be read.
        """
        return self._desk.ledger.film(run_id)

    def begin(
        self,
        function: Callable[..., Any],
        *args: Any,
        session: str,
        title: str,
        then: Callable[[Any], Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> str:
        """Begin what takes long and is no training, and return the job's id; parameters and errors are those of ``Jobs.begin``."""
        return self._jobs.begin(function, args, session, title, then, file)

    def job(self, job_id: str) -> Job | None:
        """Return a job as it stands; None where there is none of that id since the lab was started."""
        return self._jobs.job(job_id)

    def jobs(self, session: str) -> list[Job]:
        """Return the jobs that a session has begun, the newest first."""
        return self._jobs.of(session)

    def cancel(self, job_id: str) -> None:
        """Cancel a job: at once where it waits, else where it next tells how far it is."""
        self._jobs.cancel(job_id)

    def keep_corpus(self, name: str, session: str, title: str) -> None:
        """Put a corpus of the shelf onto a session's list.

        Raises
        ------
        StoreError
            When the history cannot be written.
        """
        self._desk.ledger.store.keep_corpus(name, session, title)

    def drop_corpus(self, name: str, session: str) -> None:
        """Take a corpus off a session's list; one on nobody's list is deleted.

        Raises
        ------
        StoreError
            When the history cannot be written.
        CorpusError
            When its file cannot be deleted.
        """
        if self._desk.ledger.store.drop_corpus(name, session):
            shelf.delete(name)

    def corpora(self, session: str) -> dict[str, str]:
        """Return the corpora on a session's list: their titles by their names, the newest first.

        Raises
        ------
        StoreError
            When the history cannot be read.
        """
        return self._desk.ledger.store.corpora(session)

    @property
    def classes(self) -> ClassSets:
        """What classes have recorded."""
        return self._desk.ledger.store.classes

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
        self._jobs.on_connection(connection, is_new)
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
