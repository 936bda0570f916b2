"""One engine on a real cluster for all tests that need one."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest

from l1demo.engine import Engine

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch is imported: as in the workers, and two threads only wait for each other
_home = tempfile.TemporaryDirectory(prefix="l1demo-")  # deleted at the end
os.environ["L1DEMO_HOME"] = _home.name  # where workers keep and read corpora; each engine has a history of its own
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])  # workers import fakes


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., Any]:
    """A function that returns the first true value of another."""

    def wait(truth: Callable[[], Any], seconds: float = 120.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (value := truth()):
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)
        return value

    return wait


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., Any]) -> Iterator[Engine]:
    """An engine whose training is ``fakes.mixed_run``, with warm workers."""
    with Engine(tmp_path_factory.mktemp("home"), train=fakes.mixed_run) as engine:
        wait_for(lambda: engine.ready)
        yield engine
