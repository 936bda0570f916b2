"""Work that takes long and is no training: a download, an archive, a corpus that is spoken. It can be cancelled.

Jobs live as long as the server. A worker's death fails its job; a folder for what a job has not finished is cleared at its end.
"""

import logging
import re
import shutil
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from l1demo import LabError, job_tasks
from l1demo.database import StoreError
from l1demo.link import LOST, Connection
from l1demo.text import _

log = logging.getLogger(__name__)

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
KEPT = 200  # ended jobs that are remembered
MOST = 4  # jobs that a session may have under way
NAME = 60  # characters of a file's name


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes
    ----------
    id, session : str
        Its unguessable name, and who asked for it.
    title : str
        What it is, for the screen.
    state : str
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    fraction : float or None
        How much of it is done, 0 to 1; None where that is not known.
    text : str
        What it does just now; the sentence of a failure.
    result : object
        Where it is done, what came of it.
    """

    id: str
    session: str
    title: str
    state: str = QUEUED
    fraction: float | None = 0.0
    text: str = ""
    result: Any = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (DONE, FAILED, CANCELLED)


@dataclass(frozen=True)
class _Order:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    then: Callable[[Any], Any]


class Jobs:
    """All jobs of a server. Any thread asks; Dask's threads bring what comes of them.

    Parameters
    ----------
    scratch : Path
        A folder of theirs alone, in which each job has one of its own while it lasts.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        shutil.rmtree(scratch, ignore_errors=True)  # of a server that was killed
        self._topic = f"l1demo-jobs-{uuid.uuid4().hex}"
        self._guard = threading.RLock()
        self._jobs: dict[str, Job] = {}  # in the order in which they were begun
        self._orders: dict[str, _Order] = {}  # of those that have not ended
        self._sent: set[str] = set()
        self._connection: Connection | None = None

    def begin(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        session: str,
        title: str,
        then: Callable[[Any], Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> str:
        """Begin a job and return its id.

        Parameters
        ----------
        function : callable
            Of ``l1demo.job_tasks``; called on a worker with a ``job_tasks.Tell`` and ``args``.
        args : tuple
        session, title : str
        then : callable, optional
            Called in the server with what the function returned; the job's result is what this returns.
        file : tuple of str and bytes, optional
            The name and content of a file for this job alone, which is deleted at its end, however that comes. Its path is the
            function's first argument after the ``Tell``.

        Raises
        ------
        LabError
            When there is no room for the file, or the session has too many jobs under way.
        """
        if sum(not job.ended for job in self.of(session)) >= MOST:
            raise LabError(_("{n} things are under way for you already; wait for one, or cancel it.").format(n=MOST))
        job = Job(uuid.uuid4().hex, session, title)
        if file:
            args = (str(self._write(job.id, *file)), *args)
        with self._guard:
            self._jobs[job.id] = job
            self._orders[job.id] = _Order(function, args, then or _as_it_is)
            ended = [each.id for each in self._jobs.values() if each.ended]
            for old in ended[: max(0, len(ended) - KEPT)]:
                del self._jobs[old]
        self._send(job.id)
        return job.id

    def job(self, job_id: str) -> Job | None:
        """Return a job as it stands."""
        return self._jobs.get(job_id)

    def of(self, session: str) -> list[Job]:
        """Return a session's jobs, the newest first."""
        with self._guard:
            return [job for job in reversed(self._jobs.values()) if job.session == session]

    def cancel(self, job_id: str) -> None:
        """Cancel a job: at once where it waits, else where it next tells how far it is. One that has ended stays as it is."""
        with self._guard:
            job, connection = self._jobs.get(job_id), self._connection
            if job is None or job.ended:
                return
            sent = job_id in self._sent
            if job.state == QUEUED:
                self._end(job_id, CANCELLED)  # where a worker has it by now, it leaves when it first tells
            else:
                self._jobs[job_id] = replace(job, text=_("ending …"))
        if connection and sent:
            connection.ask_to_leave(job_id)

    def on_connection(self, connection: Connection | None, is_new: bool) -> None:
        """Take note of a connection or its loss; called in the link's thread."""
        with self._guard:
            self._connection = connection
            lost = list(self._sent) if connection is None else []
            waiting = [each for each in self._orders if each not in self._sent]
        if connection and is_new:
            connection.listen(self._topic, self._on_message)
        for job_id in lost:
            self._on_end(job_id, LOST, None)
        for job_id in waiting:
            self._send(job_id)

    def _write(self, job_id: str, name: str, content: bytes) -> Path:
        folder = self._files(job_id)
        path = folder / re.sub(r"[^\w.-]", "_", name.strip(" ."))[-NAME:]  # a name from a browser is no path
        try:
            folder.mkdir(parents=True)
            path.write_bytes(content)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise LabError(
                _("“{name}” cannot be kept: {reason}.").format(name=path.name, reason=error.strerror or error)
            ) from error
        return path

    def _files(self, job_id: str) -> Path:
        return self.scratch / f"{job_id}-file"

    def _send(self, job_id: str) -> None:
        with self._guard:
            connection, order = self._connection, self._orders.get(job_id)
            if connection is None or order is None or job_id in self._sent:
                return
            self._sent.add(job_id)
        about = (order.function, order.args, job_id, self._topic, str(self.scratch / job_id))
        try:
            connection.begin(job_id, job_tasks.work, about, self._on_end, connection.load_resources)
        except ConnectionError:
            self._on_end(job_id, LOST, None)

    def _on_message(self, message: dict[str, Any]) -> None:  # in Dask's loop
        with self._guard:
            job = self._jobs.get(message["job"])
            if job and not job.ended:
                told = {"fraction": message["fraction"], "text": message["text"]}
                self._jobs[job.id] = replace(job, state=RUNNING, **told)

    def _on_end(self, job_id: str, kind: str, value: Any) -> None:  # in Dask's thread for callbacks
        with self._guard:
            order = self._orders.get(job_id)
        if order is None:
            return
        shutil.rmtree(self.scratch / job_id, ignore_errors=True)  # what a worker that died has left
        if kind == "refused":
            self._end(job_id, FAILED, text=value)
        elif kind == LOST:
            self._end(job_id, FAILED, text=_("The process that worked on this ended; nothing of it was kept. Begin it again."))
        elif kind == "crashed":
            log.error("job %s failed:\n%s", job_id, value)
            self._end(job_id, FAILED, text=_("This ended by an error in the program; the server's log has the details."))
        elif value["cancelled"]:
            self._end(job_id, CANCELLED)
        else:
            try:
                result = order.then(value["result"])
            except (LabError, StoreError) as error:
                self._end(job_id, FAILED, text=str(error))
            except Exception:  # whatever it is, the person who waits is told
                log.exception("what job %s made could not be taken", job_id)
                self._end(job_id, FAILED, text=_("This ended by an error in the program; the server's log has the details."))
            else:
                self._end(job_id, DONE, fraction=1.0, result=result)

    def _end(self, job_id: str, state: str, **more: Any) -> None:
        with self._guard:
            self._orders.pop(job_id, None)
            shutil.rmtree(self._files(job_id), ignore_errors=True)
            self._sent.discard(job_id)
            self._jobs[job_id] = replace(self._jobs[job_id], state=state, **{"text": ""} | more)


def _as_it_is(result: Any) -> Any:
    return result
