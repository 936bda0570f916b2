"""The λ path's stage: every panel that moves when λ is dragged. Which path is shown, and in which words, is the page's affair."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1demo import intervals, path_charts, path_weights
from l1demo import path as paths
from l1demo.charts import percent
from l1demo.path import Path
from l1demo.path_charts import Points
from l1demo.path_weights import Weights
from l1demo.spec import RunSpec
from l1demo.stage import Bars, Curves, Histogram, Maps, Panel, Readouts, Stage
from l1demo.text import _

HALF = 6  # of 12 columns
CURVES = 300  # pixels: loss has a second axis above
GATES = (_("input"), _("forget"), _("cell"), _("output"))


def build(
    path: Path,
    stops: Sequence[Weights],
    spec: RunSpec,
    words: int,
    *,
    clips: int | None = None,
    cold: Path | None = None,
    points: Points = (),
    heard: tuple[Sequence[str], np.ndarray] | None = None,
    by_gate: bool = False,
) -> Stage:
    """Put a path under one slider of λ.

    Parameters
    ----------
    path : Path
        Of S stops.
    stops : sequence of Weights, length S
        The first path's network at each of them.
    spec : RunSpec
        The first path's description.
    words : int
        How many words there are.
    clips : int, optional
        How many clips were validated on.
    cold : Path, optional
        Runs from first weights at the same λ.
    points : sequence of (float, dict)
        Others' runs.
    heard : tuple of sequence of str and np.ndarray, optional
        Words, and the probability of each in a recording at each stop, shape (S, C).
    by_gate : bool
        Follow gates, not single weights.
    """
    guessing = paths.guessing(spec.training.loss, words)
    at = path_charts.places(path.lams)
    units = path_weights.dead_units(stops)
    lams = tuple(f"{lam:g}" for lam in path.lams)
    alone = len(path.val_loss) == 1  # else some numbers are means, while weights are the first seed's
    panels: list[Panel] = [
        Readouts(_("At this λ") if alone else _("At this λ, on average over the seeds"), 2 * HALF, *_readouts(path, units)),
        Curves(_("Loss"), HALF, path_charts.losses(path, guessing, spec.id, cold, points), at, CURVES),
        Curves(_("Accuracy and exact zeros"), HALF, path_charts.accuracies(path, clips, spec.id, cold, points), at, CURVES),
        *_maps(stops, spec, units),
        Histogram(
            _("All weights") if alone else _("All weights of the first seed"), HALF, path_weights.histograms(stops), _zeros(stops)
        ),
    ]
    if heard:
        panels.append(Bars(_("What it hears in your word"), HALF, tuple(heard[0]), heard[1][: len(path.lams)]))
    else:
        panels.append(Bars(_("What it hears in your word"), HALF, (_("no word yet"),), np.zeros((len(path.lams), 1))))
    panels += [
        Curves(_("Gates") if by_gate else _("Single weights"), HALF, _lines(path, stops, spec, by_gate), at, CURVES),
        Curves(_norm_title(spec), HALF, path_charts.norms(path, guessing, spec.penalty.kind, spec.id), at, CURVES),
    ]
    loss = path.begun.val_loss
    start = intervals.within_one_error(loss) or intervals.best(loss) or 0
    return Stage("λ", lams, tuple(panels), start, tuple(_alt(path, units, i) for i in range(len(lams))), spec.id)


def _readouts(path: Path, units: list[np.ndarray]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    dead = _("dead units") if len(path.val_loss) == 1 else _("dead units, first seed")
    names = (_("validation loss"), _("accuracy"), _("exactly 0"), _("weights left"), dead, "‖W‖₁")
    loss, error, right, zeros, norm = (
        intervals.mean(path.val_loss),
        intervals.standard_error(path.val_loss),
        intervals.mean(path.val_accuracy),
        intervals.mean(path.zeros),
        intervals.mean(path.norm),
    )
    texts = tuple(
        (
            _plus_minus(loss[i], error[i]),
            percent(right[i]),
            percent(zeros[i]),
            f"{path.weights * (1 - zeros[i]):,.0f}",
            _dead(units, i),
            f"{norm[i]:,.1f}",
        )
        for i in range(len(path.lams))
    )
    return names, texts


def _alt(path: Path, units: list[np.ndarray], i: int) -> str:
    said = _("λ = {lam:g}: validation loss {loss}; {right} of the clips heard right; {zeros} exact zeros; dead units: {dead}.")
    if len(path.val_loss) > 1:
        said = _(
            "λ = {lam:g}: on average over the seeds, validation loss {loss}; {right} of the clips heard right; {zeros} exact "
            "zeros; dead units of the first seed: {dead}."
        )
    return said.format(
        lam=path.lams[i],
        loss=_plus_minus(intervals.mean(path.val_loss)[i], intervals.standard_error(path.val_loss)[i]),
        right=percent(intervals.mean(path.val_accuracy)[i]),
        zeros=percent(intervals.mean(path.zeros)[i]),
        dead=_dead(units, i),
    )


def _maps(stops: Sequence[Weights], spec: RunSpec, units: list[np.ndarray]) -> list[Maps]:
    found = []
    for layer in range(spec.model.layers):
        below = _("mel band") if layer == 0 else _("unit of layer {n}").format(n=layer)
        for kind, title, columns in (("ih", _("From the input"), below), ("hh", _("From the moment before"), _("hidden unit"))):
            title = title if spec.model.layers == 1 else f"{title} · {_('layer')} {layer + 1}"
            levels = path_weights.levels(stops, f"lstm.weight_{kind}_l{layer}")
            found.append(Maps(title, HALF, levels, GATES, _("hidden unit"), columns, units[layer]))
    return found


def _lines(path: Path, stops: Sequence[Weights], spec: RunSpec, by_gate: bool) -> Any:
    if not by_gate:
        return path_charts.single_weights(path.lams, path_weights.singles(stops), spec.id)
    names = [_gate(name, gate, spec) for name, gate in path_weights.gate_names(stops[0])]
    return path_charts.gates(path.lams, path_weights.gate_norms(stops), names, spec.id)


def _norm_title(spec: RunSpec) -> str:
    return "‖W‖₁" if spec.penalty.kind == "l2" else _("‖W‖₁ and its bound")


def _gate(name: str, gate: int, spec: RunSpec) -> str:
    if not name.startswith("lstm"):
        return _("to the words")
    layer = "" if spec.model.layers == 1 else f" {int(name[-1]) + 1}"
    return (_("{gate}, from the sound{layer}") if "_ih_" in name else _("{gate}, from before{layer}")).format(
        gate=GATES[gate], layer=layer
    )


def _zeros(stops: Sequence[Weights]) -> np.ndarray:
    return np.array([1 - sum(np.count_nonzero(w) for w in ws.values()) / sum(w.size for w in ws.values()) for ws in stops])


def _dead(units: list[np.ndarray], i: int) -> str:
    return _("{n} of {all}").format(n=sum(int(layer[i].sum()) for layer in units), all=sum(layer.shape[1] for layer in units))


def _plus_minus(value: float, error: float) -> str:
    return f"{value:.3f} ± {error:.3f}" if np.isfinite(error) else f"{value:.3f}"
