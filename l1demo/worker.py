"""What a worker of the local cluster does before it takes work: yield to the page, and have torch in memory."""

import gc
import os
from typing import Any

import psutil


def dask_setup(worker: Any) -> None:
    """Prepare the process; Dask calls this before the worker registers, so a registered worker is a warm one."""
    _yield_to_the_page(int(os.environ.get("L1DEMO_NICE", "0")))
    import torch

    from l1demo import tasks

    torch.set_num_threads(1)
    tasks.warm()
    gc.freeze()  # a million objects of torch and Dask that never die need not be looked through in every collection


def _yield_to_the_page(niceness: int) -> None:
    if niceness:
        process = psutil.Process()
        process.nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", niceness))  # the class is there on Windows only
