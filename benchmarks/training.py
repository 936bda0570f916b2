"""Seconds an epoch, side by side in one run: the lab's ``train()``, a bare PyTorch loop, and Keras' LSTM with L1 regularisers.

    python benchmarks/training.py [--keras-python PATH] [--threads N] [--rounds N] [--corpus NAME|PATH] [--hidden N] …

All see the same clips, batch size and size of network. One epoch of each makes a round, so that whatever else the machine does
falls on all of them; medians over the rounds are printed, and the bars that the lab sets itself.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from l1demo import corpora, model, training
from l1demo.corpora.division import divide
from l1demo.spec import RunSpec

MOST_OF_BARE = 1.15  # ours may take so many times the bare loop's epoch
LEAST_OF_KERAS = 2.0  # Keras' epoch must take so many times ours
WARM_UP = 4  # rounds that are not counted: three are free of the penalty, and Keras compiles in its first

Epoch = Callable[[], object]


def main() -> int:
    options = _options()
    torch.set_num_threads(options.threads)
    spec = RunSpec().with_values(
        corpus=options.corpus, hidden=options.hidden, batch=options.batch, augment=False, free_epochs=0, epochs=300
    )
    corpus = corpora.load(spec.corpus.name)
    data = training.prepare(divide(corpus, spec.corpus, spec.seed), spec)
    frames, bands = data.train.x.shape[1:]
    print(
        f"{corpus.name}: {len(data.train):,} clips to train on, {len(data.validation):,} to validate on, {frames} frames × {bands} "
        f"bands; hidden {spec.model.hidden}, batch {spec.training.batch}, threads {options.threads}"
    )
    with contextlib.ExitStack() as stack:
        epochs: dict[str, Epoch] = {
            "l1demo, all statistics": ours(spec, data),
            "bare PyTorch loop": bare(spec, data),
            "bare loop, padded batches": bare(spec, data, pooled=False),
            "l1demo, augmenting": ours(spec.with_values(augment=True), data),
        }
        if keras := stack.enter_context(keras_epoch(spec, data, options)):
            epochs["Keras LSTM with L1"] = keras
        seconds = measure(epochs, options.rounds)
    return report(seconds)


def ours(spec: RunSpec, data: training.Dataset) -> Epoch:
    """One epoch of ``train()``: the proximal step, four losses and accuracies, and every count of the weights."""
    return training.train(spec, data).__next__


def bare(spec: RunSpec, data: training.Dataset, pooled: bool = True) -> Epoch:
    """One epoch as a tutorial writes it: shuffle, step, and one validation pass. No penalty, no statistics.

    ``pooled`` gives it the lab's own batches of clips of like length; otherwise every batch is padded to the longest clip of all.
    """
    network = model.build(spec, len(data.words))
    optimizer = torch.optim.Adam(network.parameters(), lr=spec.training.lr)
    generator = torch.Generator().manual_seed(spec.seed)
    train, validation = training._normalised(data.train), training._normalised(data.validation)
    size = spec.training.batch

    def epoch() -> float:
        network.train()
        order = torch.randperm(len(train), generator=generator).split(size)
        for chosen in training._batches(train.lengths, size, generator) if pooled else order:
            lengths = train.lengths[chosen]
            x = train.x[chosen, : int(lengths.max())] if pooled else train.x[chosen]
            loss = cross_entropy(network(x, lengths), train.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        right = 0
        with torch.no_grad():
            for chosen in validation.lengths.argsort().split(training.EVALUATION_BATCH):
                lengths = validation.lengths[chosen]
                logits = network(validation.x[chosen, : int(lengths.max())], lengths)
                right += int((logits.argmax(1) == validation.labels[chosen]).sum())
        return right / len(validation)

    return epoch


@contextlib.contextmanager
def keras_epoch(spec: RunSpec, data: training.Dataset, options: argparse.Namespace) -> Iterator[Epoch | None]:
    """Start ``keras_lstm.py`` in an interpreter that has TensorFlow; None, with a kind word, where there is none."""
    program = [options.keras_python, str(Path(__file__).with_name("keras_lstm.py"))]
    if subprocess.run([options.keras_python, "-c", "import tensorflow"], capture_output=True).returncode:
        print("TensorFlow is not installed here, so Keras is left out; name a Python that has it with --keras-python PATH.")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        train, validation = training._normalised(data.train), training._normalised(data.validation)
        clips = Path(folder) / "clips.npz"
        np.savez(
            clips,
            x=train.x.numpy(),
            labels=train.labels.numpy(),
            validation_x=validation.x[:, : train.x.shape[1]].numpy(),
            validation_labels=validation.labels.numpy(),
        )
        settings = [clips, spec.model.hidden, len(data.words), spec.training.batch, spec.training.lr, spec.lam, options.threads]
        child = subprocess.Popen(
            [*program, *map(str, settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(options.threads)},
        )
        assert child.stdin and child.stdout
        asked, told = child.stdin, child.stdout

        def epoch() -> float:
            asked.write("epoch\n")
            asked.flush()
            return float(told.readline())

        try:
            yield epoch
        finally:
            asked.close()
            child.wait()


def measure(epochs: dict[str, Epoch], rounds: int) -> dict[str, list[float]]:
    """Run one epoch of each in turn, and return the seconds of each round after the warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(WARM_UP + rounds):
        for name, epoch in epochs.items():
            started = time.perf_counter()
            epoch()
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def report(seconds: dict[str, list[float]]) -> int:
    """Print the table and the bars; return 0 when every bar that was measured is met."""
    first, *others = seconds
    print(f"\n{'seconds an epoch':28}{'median':>9}{'lowest':>9}{'highest':>9}   times ours (median of rounds)")
    ratios = {
        name: statistics.median(b / a for a, b in zip(seconds[first], values, strict=True)) for name, values in seconds.items()
    }
    for name, values in seconds.items():
        print(f"{name:28}{statistics.median(values):9.3f}{min(values):9.3f}{max(values):9.3f}   {ratios[name]:.2f}")
    bars = [(f"l1demo takes at most {MOST_OF_BARE} × the bare loop", 1 / ratios[others[0]], 1 / ratios[others[0]] <= MOST_OF_BARE)]
    if "Keras" in others[-1]:
        bars.append((f"Keras takes at least {LEAST_OF_KERAS} × l1demo", ratios[others[-1]], ratios[others[-1]] >= LEAST_OF_KERAS))
    print()
    for sentence, value, met in bars:
        print(f"{sentence}: {value:.2f}, {'met' if met else 'NOT met'}")
    return 0 if all(met for *_rest, met in bars) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="digits", help="a built-in corpus, or a folder or ZIP of clips")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1, help="for each of them")
    parser.add_argument("--rounds", type=int, default=10, help=f"that are counted, after {WARM_UP} that are not")
    parser.add_argument("--keras-python", default=sys.executable, help="the Python that has TensorFlow")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
