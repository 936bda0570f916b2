"""The engine's line to a Dask scheduler: connects, counts the workers, notices a loss and connects again.

Locally it starts the cluster as a child and starts it anew when it is gone. What is to be done with a loss is the engine's.
"""

import contextlib
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from l1demo import cluster, tasks
from l1demo.text import _

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

LOST = "lost"  # an attempt's worker or its scheduler is gone
CONNECTING = 5.0  # seconds for a scheduler to answer
PATIENCE = 30.0  # seconds at most between two tries to connect
ARRIVING = 60.0  # seconds for a result to come from its worker: far more than ever needed


@dataclass(frozen=True)
class Connection:
    """A live client with the places for work that the cluster offers.

    Attributes
    ----------
    client : distributed.Client
    trainers, quick : int
        How many runs and how many short calls can be worked on at once.
    train_resources, quick_resources, load_resources : dict or None
        What to ask of Dask for each, and for jobs; None on a cluster that does not set such places apart.
    """

    client: "Client"
    trainers: int = 0
    quick: int = 0
    train_resources: dict[str, float] | None = None
    quick_resources: dict[str, float] | None = None
    load_resources: dict[str, float] | None = None

    def listen(self, topic: str, on_message: Callable[[dict[str, str]], None]) -> None:
        """Have what workers send under a topic, in Dask's loop."""
        self.client.subscribe_topic(topic, lambda event: on_message(event[1]))  # its first part is the time

    def begin(
        self,
        attempt: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        on_end: Callable[[str, str, Any], None],
        resources: dict[str, float] | None,
    ) -> None:
        """Send an attempt at a run, or a job, to a worker.

        Parameters
        ----------
        attempt : str
            Its name, new for each.
        function : callable
            Called on the worker with ``args``.
        args : tuple
        on_end : callable
            Called in a thread of Dask's with the attempt and ``tasks.outcome``'s result, or with ``LOST`` and None.
        resources : dict or None
            One of the connection's own.

        Raises
        ------
        ConnectionError
            When the connection has been closed.
        """
        from distributed.client import ClosedClientError

        def ended(future: Any) -> None:
            on_end(attempt, *_outcome(attempt, future))

        try:
            future = self.client.submit(tasks.outcome, function, args, resources=resources, key=attempt)
        except ClosedClientError as error:
            raise ConnectionError(str(error)) from error
        future.add_done_callback(ended)

    def ask_to_leave(self, attempt: str) -> None:
        """Have an attempt leave after its epoch, or a job be cancelled; returns at once."""
        client: Any = self.client
        client.loop.add_callback(_set_event, client, attempt)


class Link:
    """Keep a connection, in a thread of its own.

    Parameters
    ----------
    scheduler : str or None
        A Dask scheduler's address; None for the local cluster.
    on_change : callable
        Called in the link's thread with a ``Connection``, again whenever workers come and go, and with None at a loss.
    """

    def __init__(self, scheduler: str | None, on_change: Callable[[Connection | None], None]) -> None:
        self._scheduler = scheduler
        self._on_change = on_change
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._keep_connected, name="l1demo link", daemon=True)
        self.trouble = ""

    def start(self) -> None:
        """Begin to connect, without waiting for it."""
        self._thread.start()

    def close(self) -> None:
        """Disconnect, and end the local cluster."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout=15)

    def look_again(self) -> None:
        """Count the workers now and report them, changed or not."""
        self._wake.set()

    def _keep_connected(self) -> None:
        pause, losses = 0.5, 0
        while not self._closing.is_set():
            started = time.monotonic()
            try:
                with self._connected() as client:
                    self.trouble = ""
                    try:
                        self._watch(client)
                    finally:
                        self._on_change(None)
            except OSError as error:
                log.warning("no connection to the workers: %s", error)
            except Exception:
                log.exception("no connection to the workers")
            if self._closing.is_set():
                return
            losses += 1
            self.trouble = self._sentence(losses)
            log.warning("the connection to the workers was lost; connecting again")
            pause = 0.5 if time.monotonic() - started > 2 * PATIENCE else min(pause * 2, PATIENCE)
            self._closing.wait(pause)

    @contextlib.contextmanager
    def _connected(self) -> "Iterator[Client]":
        from dask import config

        config.set({"logging": {"distributed": "error", "distributed.client": "critical"}})  # losses are told here
        from distributed import Client

        with contextlib.ExitStack() as stack:
            address = self._scheduler or stack.enter_context(_child())
            client = Client(address, set_as_default=False, timeout=CONNECTING, direct_to_workers=False)
            try:
                yield client
            finally:
                client.close(timeout=2)

    def _watch(self, client: "Client") -> None:
        told: Connection | None = None
        most = 1
        while not self._closing.is_set() and client.status == "running":
            asked = self._wake.is_set()
            self._wake.clear()
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            counted = _places(client, workers, ours=self._scheduler is None)
            if asked or counted != told:
                told = counted
                self._on_change(counted)
            most = max(most, counted.trainers)
            complete = counted.quick and counted.trainers == most
            self._wake.wait(timeout=1 if complete else 0.1)

    def _sentence(self, losses: int) -> str:
        if self._scheduler:
            return _("The Dask scheduler at {address} cannot be reached; the lab goes on when it is back.").format(
                address=self._scheduler
            )
        if losses < 3:
            return _("The lab's workers ended unexpectedly and are being started again; runs begin anew.")
        return _("The lab's workers have ended {n} times and are being started again; the server's log says why.").format(n=losses)


def _outcome(attempt: str, future: Any) -> tuple[str, Any]:
    from distributed import KilledWorker

    try:
        return future.result(timeout=ARRIVING)
    except (KilledWorker, CancelledError, TimeoutError, OSError):
        return LOST, None
    except Exception as error:
        log.error("the cluster could not do %s", attempt, exc_info=error)
        return "crashed", str(error)
    finally:
        future.release()


async def _set_event(client: Any, name: str) -> None:
    from distributed import Event

    try:
        await Event(name, client=client).set()
    except OSError as error:
        log.info("an attempt could not be asked to leave, so it is about to be lost anyway: %s", error)


def _places(client: "Client", workers: Collection[dict[str, Any]], ours: bool) -> Connection:
    def marked(resource: str) -> int:
        return int(sum(worker["resources"].get(resource, 0) for worker in workers))

    trainers, quick = marked(cluster.TRAIN), marked(cluster.QUICK)
    train_resources = {cluster.TRAIN: 1.0} if trainers or ours else None
    quick_resources = {cluster.QUICK: 1.0} if quick or ours else None
    load_resources = {cluster.LOAD: 1.0} if marked(cluster.LOAD) or ours else None
    threads = sum(worker["nthreads"] for worker in workers)
    if not quick_resources:  # a cluster that sets nothing apart for short calls: leave them a thread, where there are two
        quick = min(1, threads)
    if not train_resources:
        trainers = max(min(1, threads), threads - 1)
    return Connection(client, trainers, quick, train_resources, quick_resources, load_resources)


@contextlib.contextmanager
def _child() -> Iterator[str]:
    child, address = cluster.launch()
    try:
        yield address
    finally:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
