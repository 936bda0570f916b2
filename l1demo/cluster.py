"""The local cluster as one child process: `python -m l1demo.cluster` lives exactly as long as its standard input.

One training worker a core, one more for short interactive work that must never wait behind training, and one for what takes
long without training, such as a download. Which work goes where is the engine's.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

TRAIN, QUICK, LOAD = "TRAIN", "QUICK", "LOAD"
JOBS = 3  # at once: a download that waits for the network is not to keep others waiting
WORKER_MEMORY = 1.5 * 2**30  # bytes; torch with its libraries, a corpus, its features and a network in training fit twice

_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # the engine knows which work may be tried again; Dask cannot tell
    "distributed.scheduler.worker-ttl": None,  # a laptop that slept has lost no worker; a closed connection tells of a death
    "distributed.scheduler.transition-log-length": 100,
    "distributed.scheduler.events-log-length": 100,
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.log-length": 60,
    "distributed.worker.profile.enabled": False,  # it wakes every worker 100 times a second
    "distributed.worker.memory.target": False,  # results are small and leave at once: nothing to spill,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # and a paused worker would hold its queue for ever
    "distributed.worker.memory.terminate": 0.95,
    "distributed.comm.timeouts.connect": "10s",
    # Memory of a batch is kept for the next one. Dask sets the first to 64 KiB, and setting it to anything stops the C library from
    # adapting the second: every batch was asked from the system anew, and an epoch took 2.6 times as long
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 256 * 2**20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 * 2**20,
}


def launch() -> tuple[subprocess.Popen[bytes], str]:
    """Start the cluster as a child and return it with its scheduler's address; closing its ``stdin`` ends it.

    Raises
    ------
    OSError
        When it cannot be started or ends before it is up.
    """
    root = str(Path(__file__).parents[1])  # the server may have been started from any folder
    child = subprocess.Popen(
        [sys.executable, "-m", "l1demo.cluster"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the server, which then ends the cluster
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same for Windows
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise OSError(f"the cluster ended with code {child.wait()} before it was up")
    return child, json.loads(line)["scheduler"]


async def serve(ready: "asyncio.Future[str] | None" = None) -> None:
    """Run scheduler and workers in this process's children until cancelled; ``ready`` gets the scheduler's address."""
    from dask.system import CPU_COUNT
    from distributed import Nanny, Scheduler
    from distributed.system import MEMORY_LIMIT

    trainers = max(1, min(CPU_COUNT, int(MEMORY_LIMIT / WORKER_MEMORY) - 2))
    limit = int(max(WORKER_MEMORY, MEMORY_LIMIT / (trainers + 2)))
    async with contextlib.AsyncExitStack() as stack:
        scheduler = await stack.enter_async_context(
            Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0")
        )
        if ready:
            ready.set_result(scheduler.address)

        def worker(name: str, resource: str, places: int = 1) -> Nanny:
            return Nanny(
                scheduler.address,
                name=name,
                nthreads=places,
                host="127.0.0.1",
                resources={resource: places},
                memory_limit=str(limit),
                preload=["l1demo.worker"],
                dashboard=False,
                dashboard_address=None,
            )

        nannies = [worker("quick", QUICK), worker("load", LOAD, JOBS), *(worker(f"train-{i}", TRAIN) for i in range(trainers))]
        await asyncio.gather(*(stack.enter_async_context(nanny) for nanny in nannies))
        await asyncio.Event().wait()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()
    serving = asyncio.create_task(serve(ready))
    await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        print(json.dumps({"scheduler": ready.result()}), flush=True)
    await serving


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)  # the workers watch a pipe to this process and end with it, in the midst of an epoch too


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    os.environ["DASK_LOGGING__DISTRIBUTED"] = "error"  # read when distributed is imported, here and in every worker
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")  # it frees the semaphores of an abrupt end, as is meant here
    from dask import config

    config.set(_CONFIG)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
