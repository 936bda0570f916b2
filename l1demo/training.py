"""The training loop: a plain generator of epoch records. It knows no threads, no screen, no files and no history."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional

from l1demo import LabError, penalties, sparsity
from l1demo import model as recogniser
from l1demo.augment import augment
from l1demo.corpora import Division
from l1demo.features import Frames, frames, normalise
from l1demo.spec import RunSpec
from l1demo.text import _

SAMPLE = 500  # training clips that an epoch's record is measured on: all of a small corpus, a fixed draw from a large one
POOL = 16  # batches that are filled together with clips of like length, so that little time goes into padding
EVALUATION_BATCH = 64  # small enough for a processor's cache, and little padding: 3 % of an epoch less than 512


class Diverged(LabError):
    """The run's numbers grew past all bounds; the message says what to do."""


@dataclass(frozen=True)
class Dataset:
    """Training and validation clips as the network is to see them.

    ``train`` and ``validation`` are not yet normalised, because augmentation comes before normalisation.
    """

    train: Frames
    validation: Frames
    words: tuple[str, ...]


def prepare(data: Division, spec: RunSpec) -> Dataset:
    """Compute the features of a divided corpus."""
    train, validation = (
        frames([corpus.clip(i) for i in range(len(corpus))], corpus.labels, spec.features)
        for corpus in (data.train, data.validation)
    )
    return Dataset(train, validation, data.train.words)


def train(spec: RunSpec, data: Dataset, model: recogniser.Recogniser | None = None) -> Iterator[dict[str, Any]]:
    """Train a recogniser and yield one record an epoch, after the epoch.

    Parameters
    ----------
    spec : RunSpec
    data : Dataset
        ``prepare``'s result for the same spec.
    model : Recogniser, optional
        Trained in place; ``model.build(spec, len(data.words))`` where not given.

    Yields
    ------
    dict
        ``epoch`` (from 1), ``train_loss``, ``val_loss`` (data loss, mean over clips, in nats for cross-entropy),
        ``train_accuracy``, ``val_accuracy``, ``penalty``, ``objective`` (= ``train_loss`` + ``penalty``), ``penalised``
        (whether the penalty was at work in this epoch), ``seconds``, and all that ``sparsity.describe`` counts. Both losses
        are measured after the epoch on clips as they are, without augmentation; the training loss on at most 500 clips,
        always the same.

    Raises
    ------
    Diverged
        When a loss or a weight is no longer a finite number.
    """
    model = recogniser.build(spec, len(data.words)) if model is None else model
    penalty = penalties.make(spec.penalty)
    data_loss = LOSSES[spec.training.loss]
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.training.lr)
    generator = torch.Generator().manual_seed(spec.seed)
    sample = _normalised(_draw(data.train, SAMPLE, spec.seed))
    validation = _normalised(data.validation)
    fixed = None if spec.training.augment else _normalised(data.train)
    weights = list(model.weights().values())

    for epoch in range(1, spec.training.epochs + 1):
        started = time.perf_counter()
        active = penalty if epoch > spec.penalty.free_epochs else None
        optimizer.param_groups[0]["lr"] = learning_rate(spec, epoch)
        model.train()
        for chosen in _batches(data.train.lengths, spec.training.batch, generator):
            batch = _select(data.train, chosen, generator) if fixed is None else _take(fixed, chosen)
            loss = data_loss(model(batch.x, batch.lengths), batch.labels)
            if active and spec.penalty.method == "subgradient":
                loss = loss + sum(active.value(w) for w in weights)
            optimizer.zero_grad()
            loss.backward()
            if not math.isfinite(loss.item()):
                raise _diverged(spec, epoch)
            optimizer.step()
            if active and spec.penalty.method == "proximal":
                penalties.proximal_step(active, optimizer, weights)
        yield _record(epoch, model, penalty, active, data_loss, sample, validation, started, spec)


def learning_rate(spec: RunSpec, epoch: int) -> float:
    """Return Adam's step size in an epoch (from 1): constant for half of the run, then falling in a line towards 0.

    The fall takes out the last steps' noise, which would otherwise hide what λ does to the accuracy.
    """
    return spec.training.lr * min(1.0, 2 * (1 - (epoch - 1) / spec.training.epochs))


def loss_of_guessing(loss: str, data: Division) -> float:
    """Return the least validation loss of a machine that is deaf: it says each word as often as it is right.

    For cross-entropy and C equally frequent words this is ln C.
    """
    labels = torch.from_numpy(data.validation.labels)
    frequency = torch.bincount(labels, minlength=len(data.train.words)) / len(labels)
    frequency = frequency.clamp(1e-6, 1 - 1e-6)
    logits = torch.logit(frequency) if loss == "bce" else frequency.log()
    return LOSSES[loss](logits.expand(len(labels), -1), labels).item()


def initial_norm(spec: RunSpec, words: int) -> float:
    """Return ‖W₀‖₁ of the first weights, or Σw₀² for the L2 penalty: without it λ has no scale."""
    weights = recogniser.build(spec, words).weights().values()
    return sum(float((w.square() if spec.penalty.kind == "l2" else w.abs()).sum().detach()) for w in weights)


def probabilities(logits: torch.Tensor, loss: str) -> torch.Tensor:
    """Turn logits (B, C) into the probability of each word, as the loss that trained them understands it."""
    return logits.sigmoid() if loss == "bce" else logits.softmax(1)


def _cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, labels)


def _binary_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    target = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(labels)


def _mean_squared_error(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    target = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return (logits.softmax(1) - target).square().sum(1).mean()


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "ce": _cross_entropy,
    "bce": _binary_cross_entropy,
    "mse": _mean_squared_error,
}


def _batches(lengths: torch.Tensor, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    order = torch.randperm(len(lengths), generator=generator)
    for pool in order.split(size * POOL):
        batches = pool[lengths[pool].argsort(stable=True)].split(size)
        for i in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[i]


def _take(data: Frames, chosen: torch.Tensor) -> Frames:
    lengths = data.lengths[chosen]
    return Frames(data.x[chosen, : int(lengths.max())], lengths, data.labels[chosen])


def _select(data: Frames, chosen: torch.Tensor, generator: torch.Generator) -> Frames:
    batch = _take(data, chosen)
    x, lengths = augment(batch.x, batch.lengths, generator)
    return Frames(normalise(x, lengths), lengths, batch.labels)


def _normalised(data: Frames) -> Frames:
    return replace(data, x=normalise(data.x, data.lengths))


def _draw(data: Frames, size: int, seed: int) -> Frames:
    if len(data) <= size:
        return data
    return _take(data, torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))[:size])


@torch.no_grad()
def _evaluate(model: recogniser.Recogniser, data: Frames, data_loss: Callable) -> tuple[float, float]:
    model.eval()
    loss, right = 0.0, 0
    for chosen in data.lengths.argsort(stable=True).split(EVALUATION_BATCH):
        batch = _take(data, chosen)
        logits = model(batch.x, batch.lengths)
        loss += data_loss(logits, batch.labels).item() * len(chosen)
        right += int((logits.argmax(1) == batch.labels).sum())
    return loss / len(data), right / len(data)


def _record(
    epoch: int,
    model: recogniser.Recogniser,
    penalty: penalties.Penalty | None,
    active: penalties.Penalty | None,
    data_loss: Callable,
    sample: Frames,
    validation: Frames,
    started: float,
    spec: RunSpec,
) -> dict[str, Any]:
    train_loss, train_accuracy = _evaluate(model, sample, data_loss)
    val_loss, val_accuracy = _evaluate(model, validation, data_loss)
    if not math.isfinite(train_loss + val_loss):
        raise _diverged(spec, epoch)
    with torch.no_grad():
        value = sum(float(penalty.value(w)) for w in model.weights().values()) if penalty else 0.0
    return {
        "epoch": epoch,
        "train_loss": train_loss,
        "val_loss": val_loss,
        "train_accuracy": train_accuracy,
        "val_accuracy": val_accuracy,
        "penalty": value,
        "objective": train_loss + value,
        "penalised": active is not None,
        **sparsity.describe(model),
        "seconds": time.perf_counter() - started,
    }


def _diverged(spec: RunSpec, epoch: int) -> Diverged:
    return Diverged(
        _(
            "The run diverged in epoch {epoch}: its loss is no longer a finite number. "
            "The learning rate is {lr:g}; try a tenth of it, or a smaller λ."
        ).format(epoch=epoch, lr=spec.training.lr)
    )
