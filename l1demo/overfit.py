"""Runs with and without penalty, several seeds of each, to means, bands and the sentences that they support.

What is trained stands here too, as descriptions; training is the engine's, drawing is ``overfit_charts``'.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from l1demo import advice, intervals
from l1demo.charts import percent
from l1demo.spec import RunSpec
from l1demo.store import DONE, Run
from l1demo.text import _

TOO_LARGE = 10  # times the λ that is tried
SHUFFLED = 0.9  # of ten words' labels: with each wrong word as likely as the right one, a label says nothing
# Measured so that λ has the lower validation cross-entropy in 9 of 10 seeds or more: benchmarks/overfit.py
WRONG_LABELS = RunSpec().with_values(
    train_clips=300, label_noise=0.4, augment=False, epochs=40, batch=32, lr=0.01, free_epochs=3, lam=0.003
)
EXPERIMENTS: dict[str, RunSpec] = {
    "wrong": WRONG_LABELS,
    "shuffled": WRONG_LABELS.with_values(label_noise=SHUFFLED),
    "voices": RunSpec().with_values(
        split="both", train_voices=4, augment=False, epochs=30, batch=32, lr=0.005, free_epochs=3, lam=0.001
    ),
}

Trio = tuple[Run, Run, Run]


@dataclass(frozen=True)
class Band:
    """A number of several runs, epoch by epoch: its mean, and the least and the greatest of them, each of shape (epochs,)."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Ends:
    """What runs of one λ ended with, each of shape (seeds,): losses in nats for cross-entropy, the others fractions."""

    lam: float
    train_loss: np.ndarray
    val_loss: np.ndarray
    train_accuracy: np.ndarray
    val_accuracy: np.ndarray
    zeros: np.ndarray
    seen_accuracy: np.ndarray | None = None

    @property
    def gap(self) -> float:
        """Mean validation loss less mean training loss, both as they are shown, so that the difference is one on the screen."""
        return round(float(self.val_loss.mean()), 3) - round(float(self.train_loss.mean()), 3)


def trio(spec: RunSpec) -> tuple[RunSpec, RunSpec, RunSpec]:
    """Return three descriptions that differ in λ alone: none, that of ``spec``, and too much."""
    return spec.with_values(lam=0.0), spec, spec.with_values(lam=TOO_LARGE * spec.lam)


def trios(spec: RunSpec, seeds: int) -> list[tuple[RunSpec, RunSpec, RunSpec]]:
    """Return a trio for each of some seeds, from that of ``spec`` upwards."""
    return [trio(spec.with_values(seed=spec.seed + i)) for i in range(seeds)]


def whole(runs: Sequence[Trio]) -> list[Trio]:
    """Return the trios of which every run was trained to its end."""
    return [three for three in runs if all(run.state == DONE and run.rows for run in three)]


def ends(runs: Sequence[Run]) -> Ends:
    """Gather what runs of one λ ended with."""
    last = [run.rows[-1] for run in runs]

    def values(name: str) -> np.ndarray:
        return np.array([row[name] for row in last], float)

    names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "exact_zero_fraction")
    seen = values("seen_accuracy") if all("seen_accuracy" in row for row in last) else None
    return Ends(runs[0].spec.lam, *map(values, names), seen_accuracy=seen)


def band(runs: Sequence[Run], name: str) -> Band:
    """Return the mean and the range of a number, over the runs that have come furthest: those that end later join at their end."""
    epochs = max((len(run.rows) for run in runs), default=0)
    if not epochs:
        return Band(*(np.zeros(0) for _bound in range(3)))
    table = np.array([[row[name] for row in run.rows] for run in runs if len(run.rows) == epochs], float)  # (runs, epochs)
    return Band(table.mean(0), table.min(0), table.max(0))


def findings(runs: Sequence[Trio], guessing: float | None) -> list[str]:
    """Name what happened, each sentence from the numbers of the trios that have ended; none where none has.

    Parameters
    ----------
    runs : sequence of three runs
        Of each seed those that ``trio`` describes.
    guessing : float or None
        The loss of guessing.
    """
    done = whole(runs)
    if not done:
        return []
    dense, sparse, deaf = (ends(column) for column in zip(*done, strict=True))
    said = [_of_lam(dense, sparse), _of_too_large([three[2] for three in done], deaf, guessing)]
    if guessing is not None and _by_lot(done[0][0].spec, guessing):
        said.insert(0, _of_shuffled(dense, guessing))
    elif dense.seen_accuracy is not None:
        said.insert(0, _of_speakers(dense.seen_accuracy, dense.val_accuracy))
    if len(done) < len(runs):
        said.insert(0, _of_part(len(done), len(runs)))
    return said


def _of_part(done: int, seeds: int) -> str:
    return _(
        "Seeds of which all three networks were trained to their end: {n} of {all}. What is said here is about these; the columns "
        "below show those that have come furthest."
    ).format(n=done, all=seeds)


def _of_lam(dense: Ends, sparse: Ends) -> str:
    better = dense.val_loss - sparse.val_loss  # (seeds,)
    n, helped = len(better), int((better > 0).sum())
    values = {
        "lam": sparse.lam,
        "sparse": sparse.val_loss.mean(),
        "dense": dense.val_loss.mean(),
        "by": abs(round(float(dense.val_loss.mean()), 3) - round(float(sparse.val_loss.mean()), 3)),
        "gap": sparse.gap,
        "gap_dense": dense.gap,
        "zeros": percent(float(sparse.zeros.mean())),
        "helped": helped,
        "n": n,
        "error": float(intervals.standard_error(better[:, None])[0]),
    }
    if n == 1:
        head = (
            _("λ = {lam:g} helped: its validation loss is {sparse:.3f}, lower by {by:.3f} than {dense:.3f} without penalty.")
            if helped
            else _(
                "With this seed L1 did not help: validation loss {sparse:.3f} with λ = {lam:g}, and {dense:.3f} without penalty."
            )
        )
    elif not intervals.means_something(better):
        head = _(
            "With these {n} seeds nothing can be told apart: with λ = {lam:g} the validation loss is {sparse:.3f} on average, and "
            "the lower one in {helped} of {n}; without penalty it is {dense:.3f}. The difference is {by:.3f} ± {error:.3f} "
            "(standard error)."
        )
    elif better.mean() > 0:
        head = _(
            "λ = {lam:g} had the lower validation loss in {helped} of {n} seeds: {sparse:.3f} on average, and {dense:.3f} without "
            "penalty. The difference is {by:.3f} ± {error:.3f} (standard error)."
        )
    else:
        head = _(
            "With these seeds L1 did not help: λ = {lam:g} had the lower validation loss in {helped} of {n}, {sparse:.3f} on "
            "average, and {dense:.3f} without penalty (the difference ± {error:.3f}, one standard error)."
        )
    rest = _(
        "The generalisation gap, validation loss less training loss, is {gap:.3f} instead of {gap_dense:.3f}, and {zeros} of the "
        "weights are 0."
    )
    return f"{head} {rest}".format(**values)


def _of_too_large(runs: Sequence[Run], large: Ends, guessing: float | None) -> str:
    values = {"lam": large.lam, "loss": large.val_loss.mean(), "accuracy": percent(float(large.val_accuracy.mean()))}
    if guessing is None or not all(advice.deaf(run, guessing) for run in runs):
        return _("λ = {lam:g}: validation loss {loss:.3f}, accuracy {accuracy}.").format(**values)
    values["guessing"] = advice.price_of_guessing(runs[0], guessing)
    words = {run.rows[-1].get("always", "") for run in runs}
    if len(words) == 1 and (word := words.pop()):
        sentence = _(
            "λ = {lam:g} is too large: it always says “{word}”, and its loss of {loss:.3f} is about that of guessing, {guessing}."
        )
        return sentence.format(word=word, **values)
    return _(
        "λ = {lam:g} is too large: it hears nothing, and its loss of {loss:.3f} is about that of guessing, {guessing}."
    ).format(**values)


def _by_lot(spec: RunSpec, guessing: float) -> bool:
    # Wrong labels beyond the share of wrong words would say which word a clip is not; and only cross-entropy's e^-loss is a chance
    return spec.training.loss == "ce" and abs(spec.corpus.label_noise - (1 - math.exp(-guessing))) < 1e-3


def _of_shuffled(dense: Ends, guessing: float) -> str:
    return _(
        "The labels are drawn by lot, so there is nothing to learn from them. Without penalty the network still gives {train} of "
        "its training clips the label they have: it knows them by heart. Its validation "
        "accuracy is {val}; that of a guess is {chance}."
    ).format(
        train=percent(float(dense.train_accuracy.mean())),
        val=percent(float(dense.val_accuracy.mean())),
        chance=percent(math.exp(-guessing)),
    )


def _of_speakers(seen: np.ndarray, unseen: np.ndarray) -> str:
    return _(
        "The same network hears {seen} of the words of seen speakers, in recordings it never heard, and {unseen} of those of "
        "unseen speakers."
    ).format(seen=percent(float(seen.mean())), unseen=percent(float(unseen.mean())))
