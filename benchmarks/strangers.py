"""How well a preset hears people it never met: trained on the built-in voices, tested on another corpus, start to end.

    python benchmarks/strangers.py ../shared/data/fsdd-4-speakers.zip --preset strangers --seeds 3
    … --others      the test's other speakers join the training, each speaker in turn is the stranger
    … --degrade     the same clips as a browser's microphone would have given them, condition by condition
    … --lams 0 1e-5 3e-5 1e-4      the largest λ within one standard error of the best accuracy, and its exact zeros
    … --ends anywhere      what is not known here goes to the command line as it stands: one setting is another

Every run is a process of its own through the public command line, so the seconds hold everything: imports, loading, features,
training. What it saved is then asked about each speaker.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import degrade
import numpy as np
import torch

from l1demo import audio, corpora, features, sparsity, weights
from l1demo.corpora import RATE, Corpus

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Trained:
    """A run's model as bytes, and the whole process's seconds."""

    seed: int
    model: bytes
    seconds: float


def main() -> None:
    options, settings = _options()
    torch.set_num_threads(1)
    test = corpora.load(str(options.test.resolve()))
    if options.others:
        others(test, options, settings)
    elif options.lams:
        sparse(test, options, settings)
    else:
        runs = report(options.preset, test, options, ["--test", str(options.test.resolve()), *settings])
        if options.degrade:
            degraded(test, runs, options.takes)


def report(title: str, test: Corpus, options: argparse.Namespace, settings: Sequence[str]) -> list[Trained]:
    """Train from every seed, and print what each hears of every speaker of ``test``."""
    runs, means = [], []
    for run in trained(options.preset, options.seeds, settings):
        right, zeros = hears(run.model, test)
        each = ", ".join(f"{name} {right[test.voices == i].mean():.1%}" for i, name in _present(test))
        print(f"seed {run.seed}: {right.mean():.1%} right ({each}), {zeros:.1%} zeros, {run.seconds:.1f} s", flush=True)
        runs.append(run)
        means.append(right.mean())
    slowest = max(run.seconds for run in runs)
    print(f"{title}: mean {statistics.mean(means):.1%}, worst {min(means):.1%}, slowest {slowest:.1f} s on one thread", flush=True)
    return runs


def others(test: Corpus, options: argparse.Namespace, settings: Sequence[str]) -> None:
    """Train on the built-in voices and all speakers of ``test`` but one, who is the test."""
    for i, name in _present(test):
        alone = test.subset(np.flatnonzero(test.voices == i))
        given = ["--corpus", str(options.test.resolve()), "--also", "digits-wide", "--hold-out", name, *settings]
        report(name, alone, options, given)


def degraded(test: Corpus, runs: Sequence[Trained], takes: int) -> None:
    """Print what the runs hear of the same clips in every condition, each read and trimmed as a visitor's recording is."""
    chosen = np.concatenate([np.flatnonzero((test.voices == i) & (test.takes < takes)) for i, _name in _present(test)])
    clips = test.subset(chosen)
    print(f"{len(clips)} clips, the recordings 0 to {takes - 1} of each speaker and word")
    clean = 0.0
    for condition in degrade.CONDITIONS:
        files = [degrade.degrade(clips.clip(i), RATE, condition, seed=i) for i in range(len(clips))]
        heard = _corpus([audio.to_int16(audio.read(file, RATE).samples) for file in files], clips)
        accuracies = [hears(run.model, heard)[0].mean() for run in runs]
        mean = statistics.mean(accuracies)
        clean = clean or mean
        each = " ".join(f"{accuracy:.1%}" for accuracy in accuracies)
        print(f"{condition}: {mean:.1%} ({each}), {100 * (mean - clean):+.1f} points", flush=True)


def sparse(test: Corpus, options: argparse.Namespace, settings: Sequence[str]) -> None:
    """Train every λ from the same seeds, and name the largest whose mean accuracy is within one standard error of the best."""
    rows: list[tuple[float, list[float], float]] = []
    for lam in sorted(options.lams):
        outcomes = []
        given = ["--test", str(options.test.resolve()), "--lam", repr(lam), *settings]
        for run in trained(options.preset, options.seeds, given):
            right, zeros = hears(run.model, test)
            outcomes.append((float(right.mean()), zeros))
        rows.append((lam, [right for right, _zeros in outcomes], statistics.mean(zeros for _right, zeros in outcomes)))
        each = " ".join(f"{right:.1%}" for right in rows[-1][1])
        print(f"λ = {lam:g}: {statistics.mean(rows[-1][1]):.1%} ({each}), {rows[-1][2]:.1%} exact zeros", flush=True)
    _lam, best, _zeros = max(rows, key=lambda row: statistics.mean(row[1]))
    error = statistics.stdev(best) / math.sqrt(len(best)) if len(best) > 1 else 0.0
    lam, _right, zeros = max(row for row in rows if statistics.mean(row[1]) >= statistics.mean(best) - error)
    print(
        f"largest λ within one standard error ({error:.1%}) of the best ({statistics.mean(best):.1%}): {lam:g}, {zeros:.1%} zeros"
    )


def trained(preset: str, seeds: int, settings: Sequence[str]) -> Iterator[Trained]:
    """Train from every seed, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            file = Path(folder) / "model.safetensors"
            command = [
                sys.executable,
                "-m",
                "l1demo",
                "train",
                "--preset",
                preset,
                "--seed",
                str(seed),
                "--save",
                str(file),
                *settings,
            ]
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, check=True)
            yield Trained(seed, file.read_bytes(), time.perf_counter() - started)


@torch.no_grad()
def hears(model: bytes, test: Corpus) -> tuple[np.ndarray, float]:
    """Return which clips of a corpus a saved model gives the right word to, bool of shape (n,), and its fraction of exact zeros."""
    recogniser, spec, words = weights.load(model)
    frames = features.frames([test.clip(i) for i in range(len(test))], test.labels, spec.features)
    heard = np.empty(len(test), np.int64)
    for chosen in frames.lengths.argsort(stable=True).split(256):
        lengths = frames.lengths[chosen]
        x = features.normalise(frames.x[chosen, : int(lengths.max())], lengths)
        heard[chosen] = recogniser(x, lengths).argmax(1).numpy()
    right = np.array(words)[heard] == np.array(test.words)[test.labels]
    return right, sparsity.describe(recogniser)["exact_zero_fraction"]


def _corpus(clips: Sequence[np.ndarray], like: Corpus) -> Corpus:
    return replace(like, samples=np.concatenate(clips), starts=np.cumsum([0, *map(len, clips)], dtype=np.int64))


def _present(test: Corpus) -> list[tuple[int, str]]:
    return [(i, test.speakers[i]) for i in np.unique(test.voices).tolist()]


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("test", type=Path, help="a folder or ZIP of {label}_{speaker}_{index}.wav")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--degrade", action="store_true")
    parser.add_argument("--takes", type=int, default=10, help="recordings of each speaker and word that are degraded")
    parser.add_argument("--lams", type=float, nargs="+", default=())
    return parser.parse_known_args()


if __name__ == "__main__":
    main()
