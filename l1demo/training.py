"""The training loop: a plain generator of epoch records. It knows no threads, no screen, no files and no history.

What decides the epochs to come is a ``checkpoint.State``, which can be written down between two of them.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional

from l1demo import LabError, penalties, sparsity
from l1demo import model as recogniser
from l1demo.augment import add_to_frames, augment
from l1demo.checkpoint import State, begin
from l1demo.corpora import Corpus
from l1demo.corpora.division import Division
from l1demo.features import Frames, frames, normalise
from l1demo.spec import RunSpec
from l1demo.text import _

SAMPLE = 500  # training clips that an epoch's record is measured on: all of a small corpus, a fixed draw from a large one
POOL = 16  # batches that are filled together with clips of like length, so that little time goes into padding
TRACED, STEPS = 4, 40  # single weights that a record follows, over the last steps of its epoch
EVALUATION_BATCH = 64  # small enough for a processor's cache, and little padding: 3 % of an epoch less than 512


class Diverged(LabError):
    """The run's numbers grew past all bounds; the message says what to do."""


@dataclass(frozen=True)
class Dataset:
    """Training and validation clips as the network is to see them.

    None is normalised yet, because augmentation comes before normalisation. ``seen`` is other recordings of the training voices,
    where the division keeps some.
    """

    train: Frames
    validation: Frames
    words: tuple[str, ...]
    seen: Frames | None = None


def prepare(data: Division, spec: RunSpec) -> Dataset:
    """Turn a division's clips into frames."""

    def framed(part: Corpus) -> Frames:
        return frames([part.clip(i) for i in range(len(part))], part.labels, spec.features)

    seen = framed(data.seen) if data.seen else None
    return Dataset(framed(data.train), framed(data.validation), data.train.words, seen)


def train(spec: RunSpec, data: Dataset, state: State | None = None) -> Iterator[dict[str, Any]]:
    """Train a recogniser and yield one record an epoch, after the epoch.

    Parameters
    ----------
    spec : RunSpec
    data : Dataset
        ``prepare``'s result for the same spec.
    state : State, optional
        Where to go on from; it is changed in place. ``checkpoint.begin``'s where not given.

    Yields
    ------
    dict
        ``epoch`` (from 1), ``lam``, ``train_loss``, ``val_loss`` (data loss, mean over clips, in nats for cross-entropy),
        ``train_accuracy``, ``val_accuracy``, with a division that has them ``seen_loss`` and ``seen_accuracy``, ``always`` (the
        word that is the answer to every validation clip, else empty), ``penalty``, ``objective`` (= ``train_loss`` + ``penalty``),
        ``penalised`` (whether the penalty was at work in this epoch), ``trace`` (4 single weights after each of the epoch's last 40
        steps), on the last record ``residual`` and ``residual_max`` (how far from an optimum, mean and largest over the weights),
        ``seconds``, and all that ``sparsity.describe`` counts. Losses are measured after the epoch on clips as they are, without
        augmentation; the training loss on at most 500 clips, always the same; the residual on all.

        A λ path (``fall`` of "each") ends where all weights are exactly 0: from there no gradient leads away.

    Raises
    ------
    Diverged
        When a loss or a weight is no longer a finite number.
    """
    state = begin(spec, len(data.words)) if state is None else state
    model, optimizer, generator = state.model, state.optimizer, state.generator
    measured = _Measured(spec, data)
    fixed = None if spec.training.augment else _normalised(data.train)
    weights = list(model.weights().values())
    units = model.units() if spec.penalty.kind == "group" else []
    traced = weights[0].detach().view(-1)[:: -(-weights[0].numel() // TRACED)]  # a view: it changes with the weights

    for epoch in range(state.epoch + 1, spec.training.epochs + 1):
        started = time.perf_counter()
        penalty = penalties.make(spec.penalty.kind, spec.lam_at(epoch))
        active = penalty if epoch > spec.penalty.free_epochs else None
        rate = optimizer.param_groups[0]["lr"] = learning_rate(spec, epoch)
        trace: list[list[float]] = []
        model.train()
        for chosen in _batches(data.train.lengths, spec.training.batch, generator):
            batch = _select(spec, data.train, chosen, generator) if fixed is None else _take(fixed, chosen)
            loss = data_loss(spec)(model(batch.x, batch.lengths), batch.labels)
            if active and spec.penalty.method == "subgradient":
                loss = loss + sum(active.value(w) for w in penalties.take(weights, units))
            optimizer.zero_grad()
            loss.backward()
            if not math.isfinite(loss.item()):
                raise _diverged(spec, epoch)
            if active and spec.penalty.method == "decoupled":
                _decay(weights, 2 * active.lam * rate)
            optimizer.step()
            if active and spec.penalty.method in PROXIMAL:
                penalties.proximal_step(active, optimizer, weights, units, scaled=spec.penalty.method != "unscaled")
            trace = [*trace[1 - STEPS :], traced.tolist()]
        state.epoch = epoch
        row = {"epoch": epoch, "lam": spec.lam_at(epoch), **measured.record(model, penalty, units), "penalised": active is not None}
        if not math.isfinite(row["train_loss"] + row["val_loss"]):
            raise _diverged(spec, epoch)
        end_of_stop = epoch == stop_end(spec, epoch)
        collapsed = spec.training.fall == "each" and end_of_stop and row["exact_zero_fraction"] == 1
        if spec.training.fall == "each" and end_of_stop:
            state.stops.append({name: w.detach().clone() for name, w in model.state_dict().items()})
        if collapsed or epoch == spec.training.epochs:
            row |= measured.residual(model, penalty, units)
        yield row | {"trace": trace, "seconds": time.perf_counter() - started}
        if collapsed:
            return


def learning_rate(spec: RunSpec, epoch: int) -> float:
    """Return the step size in an epoch (from 1): constant for half of the run, then falling in a line towards 0.

    The fall takes out the last steps' noise, which would otherwise hide what λ does to the accuracy. Where ``fall`` is "each",
    every λ has its own half and fall.
    """
    first, last = 1, spec.training.epochs
    if spec.training.fall == "each":
        first, last = max([1, *(since for since, _lam in spec.changes if since <= epoch)]), stop_end(spec, epoch)
    return spec.training.lr * min(1.0, 2 * (1 - (epoch - first) / (last - first + 1)))


def stop_end(spec: RunSpec, epoch: int) -> int:
    """Return the last epoch that has the same λ as this one."""
    return min([spec.training.epochs, *(since - 1 for since, _lam in spec.changes if since > epoch)])


def data_loss(spec: RunSpec) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the loss of logits (B, C) and labels (B,) that a description names."""
    return LOSSES[spec.training.loss]


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
    """Return what λ is multiplied with at the start, as ‖W₀‖₁ or Σw₀²: without it λ has no scale."""
    model = recogniser.build(spec, words)
    penalty = penalties.make(spec.penalty.kind, 1.0) or penalties.L1(1.0)
    parts = penalties.take(list(model.weights().values()), model.units() if spec.penalty.kind == "group" else ())
    return sum(float(penalty.value(w).detach()) for w in parts)


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


PROXIMAL = ("proximal", "sgd", "unscaled")
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


def _select(spec: RunSpec, data: Frames, chosen: torch.Tensor, generator: torch.Generator) -> Frames:
    batch = _take(data, chosen)
    silent_frames = spec.training.silence * 1000 / spec.features.hop_ms
    x, lengths = augment(batch.x, batch.lengths, generator, spec.training.ends, spec.training.stress, silent_frames)
    x = normalise(x, lengths)
    if spec.training.noise:
        x = add_to_frames(x, lengths, spec.training.noise, generator)
    return Frames(x, lengths, batch.labels)


def _normalised(data: Frames) -> Frames:
    return replace(data, x=normalise(data.x, data.lengths))


def _draw(data: Frames, size: int, seed: int) -> Frames:
    if len(data) <= size:
        return data
    return _take(data, torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))[:size])


@torch.no_grad()
def _decay(weights: Sequence[torch.Tensor], share: float) -> None:
    for w in weights:
        w.mul_(1 - share)


class _Measured:
    """The clips that every record is measured on, as the network sees them."""

    def __init__(self, spec: RunSpec, data: Dataset) -> None:
        self.loss = data_loss(spec)
        self.train = data.train
        self.sample = _normalised(_draw(data.train, SAMPLE, spec.seed))
        self.validation = _normalised(data.validation)
        self.seen = _normalised(data.seen) if data.seen else None
        self.words = data.words

    @torch.no_grad()
    def record(
        self, model: recogniser.Recogniser, penalty: penalties.Penalty | None, units: Sequence[torch.Tensor]
    ) -> dict[str, Any]:
        model.eval()
        train_loss, train_accuracy, _answers = self._evaluate(model, self.sample)
        val_loss, val_accuracy, answers = self._evaluate(model, self.validation)
        seen = {}
        if self.seen:
            seen["seen_loss"], seen["seen_accuracy"], _answers = self._evaluate(model, self.seen)
        parts = penalties.take(list(model.weights().values()), units)
        value = sum(float(penalty.value(w)) for w in parts) if penalty else 0.0
        return {
            "train_loss": train_loss,
            "val_loss": val_loss,
            "train_accuracy": train_accuracy,
            "val_accuracy": val_accuracy,
            **seen,
            "always": self.words[next(iter(answers))] if len(answers) == 1 else "",
            "penalty": value,
            "objective": train_loss + value,
            **sparsity.describe(model),
        }

    def residual(
        self, model: recogniser.Recogniser, penalty: penalties.Penalty | None, units: Sequence[torch.Tensor]
    ) -> dict[str, float]:
        weights = list(model.weights().values())
        grads = [torch.zeros_like(w) for w in weights]
        for chosen in self.train.lengths.argsort(stable=True).split(EVALUATION_BATCH):
            batch = _normalised(_take(self.train, chosen))
            loss = self.loss(model(batch.x, batch.lengths), batch.labels) * len(chosen) / len(self.train)
            for total, grad in zip(grads, torch.autograd.grad(loss, weights), strict=True):
                total += grad
        pairs = zip(penalties.take(weights, units), penalties.take(grads, units), strict=True)
        with torch.no_grad():
            parts = [penalty.subdiff_distance(w, grad) if penalty else grad.abs() for w, grad in pairs]
            far = torch.cat([part.flatten() for part in parts])
        return {"residual": far.mean().item(), "residual_max": far.max().item()}

    def _evaluate(self, model: recogniser.Recogniser, data: Frames) -> tuple[float, float, set[int]]:
        loss, right, answers = 0.0, 0, set()
        for chosen in data.lengths.argsort(stable=True).split(EVALUATION_BATCH):
            batch = _take(data, chosen)
            logits = model(batch.x, batch.lengths)
            loss += self.loss(logits, batch.labels).item() * len(chosen)
            best = logits.argmax(1)
            right += int((best == batch.labels).sum())
            answers.update(best.tolist())
        return loss / len(data), right / len(data), answers


def _diverged(spec: RunSpec, epoch: int) -> Diverged:
    return Diverged(
        _(
            "The run diverged in epoch {epoch}: its loss is no longer a finite number. "
            "The learning rate is {lr:g}; try a tenth of it, or a smaller λ."
        ).format(epoch=epoch, lr=spec.training.lr)
    )
