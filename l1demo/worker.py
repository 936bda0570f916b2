"""What a worker of the local cluster does before it takes work: yield to the page, and have torch in memory."""

import gc
import threading
from typing import Any

import psutil

from l1demo import cluster

NICENESS = 10


def dask_setup(worker: Any) -> None:
    """Prepare the process; Dask calls this before the worker registers, so a registered worker is a warm one."""
    resources = worker.state.total_resources
    trains = cluster.TRAIN in resources
    if trains or cluster.LOAD in resources:
        _yield_to_the_page()
    if cluster.LOAD in resources:
        return  # most of what it does needs no torch
    import torch

    from l1demo import tasks

    torch.set_num_threads(1)
    tasks.warm()
    if trains:
        threading.Thread(target=tasks.fetch, name="fetch", daemon=True).start()
    gc.freeze()  # a million objects of torch and Dask that never die need not be looked through in every collection


def _yield_to_the_page() -> None:
    psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", NICENESS))  # the class is there on Windows only
