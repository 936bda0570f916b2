"""A λ path: from dense to sparse in one run, each λ warm-started from the last. Its description, and what its rows say.

How it is trained is ``training``'s affair, what its weights look like ``path_weights``', and how both are drawn ``path_charts``'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1demo.spec import RunSpec, SpecError, control
from l1demo.text import _

FEWEST, MOST = 12, 20  # stops above λ = 0 that a page offers; the command line takes any
STOPS = 16
SEEDS = 3
SHARE = 0.4  # of a cold run's epochs that a warm-started λ is given: docs/measurements.md says what becomes of it
FIRST, LAST = 0.05, 100.0  # the first and the last λ, in units of λ_ref: from nothing seen to collapse
OF_LAM_MAX = 0.75  # where a path of two words has collapsed, and one of ten nearly: docs/measurements.md
SETTLED = {"lam": 0.0, "lam_changes": "", "lr_falls": "once", "free_epochs": 0}  # what a path decides by itself


@dataclass(frozen=True)
class Plan:
    """Several paths of the same settings and λ, over which a mean and its standard error are taken.

    Attributes
    ----------
    settings : RunSpec
        Its λ is not read; its epochs are those at λ = 0, and of a cold run.
    lams : tuple of float
        Above 0, rising.
    seeds : int
        Paths from ``settings.seed`` on.
    speakers : tuple of str
        Where given, one path for each of them and each seed, who is kept out of training and validated on.
    """

    settings: RunSpec
    lams: tuple[float, ...]
    seeds: int = 1
    speakers: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[RunSpec, ...]:
        """The descriptions of its runs."""
        return tuple(describe(start, self.lams) for start in self._starts)

    @property
    def cold(self) -> tuple[tuple[RunSpec, ...], ...]:
        """For each λ, 0 among them, a run of its own from first weights, for each path."""
        kind = settle(self.settings).penalty.kind
        return tuple(
            tuple(start.with_values(penalty=kind, lam=lam, lam_changes="", lr_falls="once") for start in self._starts)
            for lam in (0.0, *self.lams)
        )

    @property
    def _starts(self) -> list[RunSpec]:
        seeds = range(self.settings.seed, self.settings.seed + self.seeds)
        held = [self.settings.with_values(hold_out=name) for name in self.speakers] or [self.settings]
        return [start.with_values(seed=seed) for start in held for seed in seeds]


def settle(settings: RunSpec) -> RunSpec:
    """Return settings without what a path decides by itself; where no penalty was chosen, with L1."""
    chosen = {"penalty": "l1", "method": "proximal"} if settings.penalty.kind == "none" else {}
    return settings.with_values(**chosen, **SETTLED)


def describe(settings: RunSpec, lams: Sequence[float], each: int | None = None) -> RunSpec:
    """Return the description of a path: the settings' epochs with λ = 0, then some with each λ.

    Parameters
    ----------
    settings : RunSpec
    lams : sequence of float
        Above 0, rising: from weights that are all 0 no way leads back.
    each : int, optional
        Epochs at each of them; else two fifths of those at λ = 0, or as many as a run may have.

    Raises
    ------
    SpecError
        When the λ do not rise from above 0, or the run would have too many epochs.
    """
    if not lams or list(lams) != sorted(set(lams)) or not lams[0] > 0:
        raise SpecError(_("The λ of a path must rise, and begin above 0; these are {lams}.").format(lams=_listed(lams)))
    first = settings.training.epochs
    room = (int(control("epochs").high or 0) - first) // len(lams)
    each = each or max(1, min(round(SHARE * first), room))
    changes = " ".join(f"{first + 1 + i * each}:{float(lam)!r}" for i, lam in enumerate(lams))
    return settle(settings).with_values(epochs=first + each * len(lams), lam_changes=changes, lr_falls="each")


def is_path(spec: RunSpec) -> bool:
    """Say whether a run's λ rises from 0 with a settled network at each: λ that was changed by hand may do otherwise."""
    lams = lams_of(spec)
    return spec.training.fall == "each" and lams[0] == 0 and len(lams) > 1 and list(lams) == sorted(set(lams))


def lams_of(spec: RunSpec) -> tuple[float, ...]:
    """Return the λ of a path in turn, the first among them."""
    return (spec.lam, *(lam for _epoch, lam in spec.changes))


def ends_of(spec: RunSpec) -> tuple[int, ...]:
    """Return the last epoch of each λ."""
    return (*(since - 1 for since, _lam in spec.changes), spec.training.epochs)


def guessing(loss: str, words: int) -> float:
    """Return the loss of guessing among equally frequent words: ln C for cross-entropy."""
    if loss == "ce":
        return float(np.log(words))
    return float(np.log(words) + (words - 1) * np.log(words / (words - 1))) if loss == "bce" else 1 - 1 / words


def weights_of(spec: RunSpec, words: int) -> int:
    """Return how many weights a recogniser has; biases are not counted."""
    hidden = spec.model.hidden
    into = [spec.features.n_mels, *[hidden] * (spec.model.layers - 1)]
    return sum(4 * hidden * (below + hidden) for below in into) + hidden * words


def reference(spec: RunSpec, words: int) -> float:
    """Return λ_ref = L_guessing / E‖W₀‖₁, at which the L1 penalty of first weights is the loss of guessing.

    PyTorch draws the weights of an LSTM evenly from ±1/√H, and those of a last layer of H inputs, too: their mean size is 1/(2√H).
    For the L2 penalty the mean square takes its place, 1/(3H). Group lasso has the λ_ref of L1, where it costs a little more than
    guessing: √n ‖w_g‖₂ is more than ‖w_g‖₁, 2/√3 times as much for many weights in a group.
    """
    hidden = spec.model.hidden
    size = 1 / (3 * hidden) if spec.penalty.kind == "l2" else 1 / (2 * hidden**0.5)
    return guessing(spec.training.loss, words) / (weights_of(spec, words) * size)


def lam_max(words: int) -> float:
    """Return the λ at which L1 leaves a last layer no weights, whatever the hidden states are: 2 (C - 1) / C².

    The states are between -1 and 1. Where each of C words is as frequent and all that is said is a guess, the gradient of
    cross-entropy for a weight of word c is (E[h] - E[h | c]) / C, and no larger than that; a soft threshold of λ keeps it at 0.
    """
    return 2 * (words - 1) / words**2


def stops(spec: RunSpec, words: int, count: int = STOPS) -> tuple[float, ...]:
    """Return λ above 0, evenly spaced on a log scale, from where nothing is seen of it to collapse.

    They have two digits, or as many more as it takes to tell them apart. Few words, or many units, collapse at more than ``LAST``.
    """
    ref = reference(spec, words)
    last = LAST * ref
    if settle(spec).penalty.kind == "l1" and spec.training.loss != "mse":
        last = max(last, OF_LAM_MAX * lam_max(words))
    wanted, digits = np.geomspace(FIRST * ref, last, count), 2
    while len(set(lams := tuple(float(f"{lam:.{digits}g}") for lam in wanted))) < count:
        digits += 1
    return lams


def lands(spec: RunSpec, settings: RunSpec) -> bool:
    """Say whether a run with one λ differs from a path's settings in λ, seed and epochs alone, so that it can be drawn on it.

    Epochs are all of them, and those without penalty.
    """
    apart = {**SETTLED, "epochs": 1, "seed": 0}
    if spec.lam == 0:  # then the kind of penalty decides nothing
        apart |= {"penalty": "l1", "method": "proximal"}
    return not spec.changes and spec.with_values(**apart) == settings.with_values(**apart)


@dataclass(frozen=True, eq=False)
class Path:
    """What one or several paths of the same λ came to, at the end of each λ.

    Attributes
    ----------
    lams : np.ndarray, float, shape (S,)
        Rising from 0.
    train_loss, val_loss, train_accuracy, val_accuracy, zeros, norm, dead : np.ndarray, float, shape (K, S)
        A row a path; NaN where it is not there yet. ``zeros`` is the fraction of exact zeros, ``norm`` is ‖W‖₁.
    weights : int
        How many weights a network has.
    """

    lams: np.ndarray
    train_loss: np.ndarray
    val_loss: np.ndarray
    train_accuracy: np.ndarray
    val_accuracy: np.ndarray
    zeros: np.ndarray
    norm: np.ndarray
    dead: np.ndarray
    weights: int

    @property
    def paths(self) -> int:
        """How many of them have come to their first λ."""
        return int(np.isfinite(self.val_loss[:, 0]).sum())

    @property
    def begun(self) -> "Path":
        """The paths among them that have come to their first λ."""
        there = np.isfinite(self.val_loss[:, 0])
        parts = {name: value[there] for name, value in vars(self).items() if isinstance(value, np.ndarray) and value.ndim == 2}
        return Path(self.lams, **parts, weights=self.weights)

    def until(self, stop: int) -> "Path":
        """Return the part before a stop."""
        parts = {name: value[..., :stop] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return Path(**parts, weights=self.weights)


def gather(lams: Sequence[float], runs: Sequence[Sequence[tuple[float, Mapping[str, Any]]]], weights: int) -> Path:
    """Put stops of several paths, or runs of one λ each, into one table.

    Parameters
    ----------
    lams : sequence of float
    runs : sequence of sequence of (float, dict)
        For each path, λ and the row at its end, as ``at_stops`` returns them.
    weights : int
    """
    table = np.full((7, len(runs), len(lams)), np.nan)
    place = {lam: i for i, lam in enumerate(lams)}
    for k, run in enumerate(runs):
        for lam, row in run:
            table[:, k, place[lam]] = (
                *(row[name] for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy")),
                *(row["exact_zero_fraction"], row["l1_norm"], sum(row["dead_units"])),
            )
    return Path(np.array(lams, float), *table, weights=weights)


def at_stops(spec: RunSpec, rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, Mapping[str, Any]]]:
    """Return each λ of a path with the row at its end, as far as it came; weights that are all 0 stay so for every λ to come."""
    found = [(lam, rows[end - 1]) for lam, end in zip(lams_of(spec), ends_of(spec), strict=True) if end <= len(rows)]
    if found and found[-1][1]["exact_zero_fraction"] == 1:
        found += [(lam, found[-1][1]) for lam in lams_of(spec)[len(found) :]]
    return found


def _listed(lams: Sequence[float]) -> str:
    return ", ".join(f"{lam:g}" for lam in lams) or _("none")
