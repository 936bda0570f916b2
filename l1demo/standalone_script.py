"""One run of L1 Speech Lab in one file: it reads clips.npz and run.json beside it, trains, and compares its numbers with the lab's.

It needs Python, PyTorch and NumPy, and nothing of the lab: the lab's own functions stand here as they are there, in the order in
which they are used. To see what a setting does, change it in run.json.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from l1demo.model import Recogniser
from l1demo.training import prepare, train

COMPARED = {
    "train_loss": "train loss",
    "val_loss": "val loss",
    "train_accuracy": "train acc",
    "val_accuracy": "val acc",
    "penalty": "penalty",
    "exact_zero_fraction": "exactly 0",
}
CLOSE = 1e-6


class RunSpec(SimpleNamespace):
    """The settings of a run, by the names that run.json has."""

    @classmethod
    def of(cls, settings: dict) -> RunSpec:
        return cls(**{name: SimpleNamespace(**value) if isinstance(value, dict) else value for name, value in settings.items()})

    @property
    def changes(self) -> tuple[tuple[int, float], ...]:
        """From which epoch on λ is another: pairs of epoch and λ."""
        return tuple((int(epoch), float(lam)) for epoch, lam in (pair.split(":") for pair in self.penalty.changes.split()))

    def lam_at(self, epoch: int) -> float:
        """Return the λ of an epoch (from 1)."""
        if self.penalty.kind == "none":
            return 0.0
        return [self.penalty.lam, *(lam for since, lam in self.changes if since <= epoch)][-1]


FeatureSpec = SimpleNamespace  # a part of the settings


@dataclass
class Corpus:
    """Clips end to end: int16 ``samples`` at 8 kHz, where each starts, and its word's index."""

    words: tuple[str, ...]
    samples: np.ndarray
    starts: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def clip(self, i: int) -> np.ndarray:
        return self.samples[self.starts[i] : self.starts[i + 1]]


@dataclass
class Division:
    """The clips to train on, those to validate on, and with the split "both" others of the training voices."""

    train: Corpus
    validation: Corpus
    seen: Corpus | None


def read(path: Path, words: list[str]) -> Division:
    """Read the clips, divided as the run divided them; wrong labels are in it, if the run had any."""
    with np.load(path) as file:  # NumPy's format, without pickles
        parts = {
            part: Corpus(tuple(words), *(file[f"{part}_{name}"] for name in ("samples", "starts", "labels")))
            for part in ("train", "validation", "seen")
            if f"{part}_labels" in file
        }
    return Division(parts["train"], parts["validation"], parts.get("seen"))


def describe(model: Recogniser) -> dict[str, float]:
    """Count the weights that are exactly 0."""
    weights = list(model.weights().values())
    return {"exact_zero_fraction": sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)}


def _triangles(n_mels: int, n_fft: int, rate: int) -> torch.Tensor:
    """Return mel filters (n_fft // 2 + 1, n_mels): triangles on the HTK mel scale, as torchaudio's ``melscale_fbanks`` has them."""
    mel = torch.linspace(0.0, 2595 * math.log10(1 + rate / 2 / 700), n_mels + 2)
    corners = 700 * (10 ** (mel / 2595) - 1)  # Hz: where a triangle begins, the next has its top and the one before ends
    hertz = torch.linspace(0, rate // 2, n_fft // 2 + 1)
    apart, away = corners.diff(), corners - hertz[:, None]
    return torch.minimum(-away[:, :-2] / apart[:-1], away[:, 2:] / apart[1:]).clamp(min=0)


def _(sentence: str) -> str:
    """Return a sentence as it is; the lab translates it here."""
    return sentence


def line(name: str, row: dict[str, float]) -> str:
    """Write the compared numbers of an epoch."""
    return f"{name:<11}" + "".join(f"{row[each]:>12.6f}" for each in COMPARED)


def main() -> None:
    """Train the run again and say whether its numbers are the lab's."""
    here = Path(__file__).resolve().parent
    run = json.loads((here / "run.json").read_text(encoding="utf-8"))
    torch.set_num_threads(1)  # as the lab does: the order of additions is a part of the numbers
    spec: Any = RunSpec.of(run["settings"])
    clips: Any = read(here / "clips.npz", run["words"])
    data = prepare(clips, spec)
    print(f"{len(data.train)} clips to train on, {len(data.validation)} to validate on: {', '.join(run['words'])}")
    print(" " * 11 + "".join(f"{title:>12}" for title in COMPARED.values()))
    apart = 0.0
    for kept, row in zip(run["epochs"], train(spec, data), strict=False):
        print(line(f"epoch {row['epoch']}", row), line("  the lab's", kept), sep="\n", flush=True)
        apart = max(apart, *(abs(row[each] - kept[each]) for each in COMPARED))
    if apart == 0:
        print("The numbers are the lab's, bit for bit.")
    elif apart <= CLOSE:
        print(f"The numbers agree with the lab's: they differ by {apart:.1g} at most.")
    else:
        print(f"The numbers differ from the lab's by up to {apart:.3g}. {reasons(run)}")
        sys.exit(1)


def reasons(run: dict) -> str:
    """Say why numbers may differ."""
    ours = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    others = [f"{name} {version}, here {ours[name]}" for name, version in run["versions"].items() if version != ours.get(name)]
    if others:
        return f"The lab had {' and '.join(others)}."
    return "Was a setting changed in run.json? Else another kind of processor adds in another order, and rounding grows."


if __name__ == "__main__":
    main()
