"""Trainings for tests of the engine: the whole way of a run without a corpus. Workers import this file by its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from l1demo import tasks
from l1demo.corpora import CorpusError
from l1demo.job_tasks import Tell
from l1demo.spec import RunSpec


def noise_run(spec: dict[str, Any], *how: Any, paced: bool = False) -> dict[str, Any]:
    """Train the real recogniser on noise, a few milliseconds an epoch; ``paced`` as ``paced_run``."""
    import torch

    from l1demo import training
    from l1demo.features import Frames

    described = RunSpec.from_dict(spec)
    generator = torch.Generator().manual_seed(described.seed)
    frames = Frames(torch.randn(8, 10, 40, generator=generator), torch.full((8,), 10), torch.arange(8) % 2)
    data = training.Dataset(frames, frames, ("no", "yes"))
    return tasks.train_on(data, described, *how, train=_at_pace if paced else None)


def _at_pace(described: RunSpec, data: Any, state: Any) -> Iterator[dict[str, Any]]:
    from distributed import Queue

    from l1demo import training

    pace = Queue(f"pace-{described.seed}")
    rows = training.train(described, data, state)
    for _epoch in range(state.epoch, described.training.epochs):
        pace.get(timeout=60)
        yield next(rows)


def paced_noise_run(spec: dict[str, Any], *how: Any) -> dict[str, Any]:
    """Do an epoch of ``noise_run`` for each item that the test puts into the Dask queue ``pace-SEED``."""
    return noise_run(spec, *how, paced=True)


def paced_run(
    spec: dict[str, Any], attempt: str, topic: str, state: bytes | None = None, until: int = 0, wait: float = 0.0
) -> dict[str, Any]:
    """Do an epoch for each item that the test puts into the Dask queue ``pace-SEED``; its state is the epoch's number."""
    from distributed import Queue

    described = RunSpec.from_dict(spec)

    def rows() -> Iterator[dict[str, Any]]:
        pace = Queue(f"pace-{described.seed}")
        for epoch in range(int(state or 0) + 1, described.training.epochs + 1):
            pace.get(timeout=60)
            yield {"epoch": epoch, "nested": [1, [2, 3]]}

    sent, cut = tasks.report(rows(), attempt, topic, until, wait)
    last = sent[-1]["epoch"]
    stopped = cut and last < described.training.epochs
    film = {row["epoch"]: b"frame %d" % row["epoch"] for row in sent}
    return {"rows": sent, "stopped": stopped, "weights": b"paced", "state": b"%d" % last if stopped else None, "film": film}


def plain_run(spec: dict[str, Any], attempt: str, topic: str, *_how: Any) -> dict[str, Any]:
    """Do three epochs at once."""
    sent, stopped = tasks.report(({"epoch": epoch} for epoch in (1, 2, 3)), attempt, topic)
    return {"rows": sent, "stopped": stopped, "weights": b"plain", "state": None, "film": {}}


def silent_run(spec: dict[str, Any], *_how: Any) -> dict[str, Any]:
    """Lose every event on its way."""
    return {"rows": [{"epoch": 1}, {"epoch": 2}], "stopped": False, "weights": b"silent", "state": None, "film": {}}


def refusing_run(spec: dict[str, Any], *_how: Any) -> dict[str, Any]:
    """Refuse with a sentence."""
    raise CorpusError("There is no such corpus.")


def broken_run(spec: dict[str, Any], *_how: Any) -> dict[str, Any]:
    """Fail as only a mistake in the program does."""
    raise KeyError("broken")


def deadly_run(spec: dict[str, Any], *_how: Any) -> dict[str, Any]:
    """End the worker each time."""
    import os

    os._exit(1)


def mixed_run(spec: dict[str, Any], *how: Any) -> dict[str, Any]:
    """Choose one of the above by the seed's hundreds, so that one engine serves all tests."""
    kinds = (noise_run, paced_run, plain_run, silent_run, refusing_run, broken_run, deadly_run, paced_noise_run)
    return kinds[spec["seed"] // 100](spec, *how)


NOISE, PACED, PLAIN, SILENT, REFUSING, BROKEN, DEADLY, PACED_NOISE = range(0, 800, 100)


def plain_value(value: Any) -> Any:
    """Give back what was given."""
    return value


def refuse() -> None:
    """Refuse with a sentence, in a short call."""
    raise CorpusError("There is no such clip.")


def segfault() -> None:
    """End the process as a broken decoder does."""
    import ctypes

    ctypes.string_at(0)


def loop_forever() -> None:
    """Never return and never let the interpreter go, as a decoder in C does."""
    import re

    re.match(r"(a+)+$", "a" * 60 + "b")


def waiting_job(tell: Tell, go: str) -> int:
    """Tell that half is done until the file ``go`` is there, and give 21."""
    while not Path(go).exists():
        tell(0.5, "waiting")
    (tell.scratch / "half").touch()
    return 21


def refusing_job(tell: Tell) -> None:
    """Leave a file, and refuse with a sentence."""
    (tell.scratch / "half").touch()
    raise CorpusError("There are no bananas; bring some.")


def crashing_job(tell: Tell) -> None:
    """Fail as only a mistake in the program does."""
    raise KeyError("broken")


def dying_job(tell: Tell) -> None:
    """Leave a file, and end the process."""
    import os

    (tell.scratch / "half").touch()
    os._exit(1)


def reading_job(tell: Tell, path: str, go: str) -> tuple[str, bytes]:
    """Wait for the file ``go``, and tell what the job's own file is."""
    tell(None, "begun")
    while not Path(go).exists():
        tell(None, "waiting")
    return Path(path).name, Path(path).read_bytes()
