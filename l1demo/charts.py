"""A run's numbers to Plotly figures, each with a sentence that states its finding. Plain dicts, made twice a second."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1demo.spec import RunSpec
from l1demo.text import _

TRAIN, VALIDATION, OBJECTIVE, ZERO, WEIGHT = "#2b8cc4", "#dd7418", "#8b5fd0", "#17997f", "#8894a3"  # on white and on black
GAP = "rgba(221, 116, 24, 0.18)"
MOST = 2  # times the highest loss, up to which an objective may flatten the others
NAMED = 4  # changes of λ whose values can be read beside each other
POINTS = 100  # of a line: more can hardly be told apart, and an update stays small; the finding has the newest numbers
HISTOGRAM_RANGE = 1.0  # as sparsity.EDGES
MARGIN = {"l": 48, "r": 12, "t": 28, "b": 40}


@dataclass(frozen=True)
class Chart:
    """A Plotly figure and what it says.

    Attributes
    ----------
    figure : dict
        ``data`` and ``layout``, without theme colours.
    alt : str
        The finding in a sentence, for those who cannot see the chart and those who do not yet read it.
    subject : str
        What the chart is of; while it stays the same, zoom survives.
    steps : tuple of dict
        Where the chart has a slider of its own: ``label``, ``alt`` and ``data``, which changes each trace.
    steps_label : str
    """

    figure: dict[str, Any]
    alt: str
    subject: str = ""
    steps: tuple[dict[str, Any], ...] = ()
    steps_label: str = ""


def loss(rows: Sequence[dict[str, Any]], spec: RunSpec, guessing: float | None = None) -> Chart:
    """Draw training and validation loss over the epochs with the gap shaded, the objective, and the loss of guessing."""
    penalised = spec.lam > 0 or bool(spec.changes)
    lines = [
        _line(rows, "train_loss", _("training"), TRAIN),
        _line(rows, "val_loss", _("validation"), VALIDATION, fill="tonexty", fillcolor=GAP),
    ]
    if penalised:
        lines.append(_line(rows, "objective", _("objective"), OBJECTIVE, dash="dot"))
    shapes = []
    if guessing is not None:
        shapes.append(_mark("y", guessing, _("guessing")))
    if penalised and 0 < spec.penalty.free_epochs < spec.training.epochs:
        shapes.append(_mark("x", spec.penalty.free_epochs + 0.5, _("penalty begins")))
    layout = _layout(_("epoch"), _("loss"), spec)
    layout["shapes"] = [*shapes, *_changes(spec)]
    losses = max([row[name] for row in rows for name in ("train_loss", "val_loss")] + [guessing or 0.0])
    objectives = [min(row["objective"], MOST * losses) for row in rows if row["epoch"] > spec.penalty.free_epochs] + [
        row["objective"] for row in rows[-1:]
    ]
    top = max([losses, *objectives])
    layout["yaxis"] |= {"range": [0, 1.25 * top]} if top else {"rangemode": "tozero"}
    return Chart({"data": lines, "layout": layout}, _loss_finding(rows), spec.id)


def accuracy(rows: Sequence[dict[str, Any]], spec: RunSpec) -> Chart:
    """Draw the fraction of clips heard right, in training and validation."""
    lines = [
        _line(rows, "train_accuracy", _("training"), TRAIN),
        _line(rows, "val_accuracy", _("validation"), VALIDATION),
    ]
    layout = _layout(_("epoch"), _("accuracy"), spec)
    layout["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    layout["shapes"] = _changes(spec)
    return Chart({"data": lines, "layout": layout}, _accuracy_finding(rows), spec.id)


def histogram(rows: Sequence[dict[str, Any]], spec: RunSpec) -> Chart:
    """Draw how many weights of the newest epoch have which size; exact zeros have a bar of their own, as a part of all weights."""
    shown = rows[-1:] if rows else []
    counts = weight_counts(shown[0]) if shown else np.zeros(80, np.int32)
    zero = shown[0]["exact_zero_fraction"] if shown else 0.0
    width = 2 * HISTOGRAM_RANGE / len(counts)
    bars = [
        {
            "type": "bar",
            "x": [_("exactly 0")],
            "y": [zero],
            "text": [percent(zero)],
            "textposition": "outside",
            "cliponaxis": False,
        }
        | {"marker": {"color": ZERO}, "hovertemplate": "%{y:.1%}<extra></extra>"},
        {"type": "bar", "x0": -HISTOGRAM_RANGE + width / 2, "dx": width, "y": packed(counts), "width": width, "xaxis": "x2"}
        | {"yaxis": "y2", "marker": {"color": WEIGHT}, "hovertemplate": _("w = {x}: {y} weights").format(x="%{x:.3f}", y="%{y:,}")}
        | {"hoverinfo": "x+y", "name": ""},
    ]
    layout = {
        "showlegend": False,
        "uirevision": spec.id,
        "bargap": 0,
        "margin": MARGIN,
        "xaxis": {"domain": [0, 0.1], "fixedrange": True, "showgrid": False},
        "yaxis": {"range": [0, 1.12], "tickformat": ".0%", "fixedrange": True},
        "xaxis2": {
            "domain": [0.2, 1],
            "title": {"text": _("weight")},
            "range": [-HISTOGRAM_RANGE, HISTOGRAM_RANGE],
            "tickvals": [-1, -0.5, 0, 0.5, 1],
            "ticktext": ["≤ −1", "−0.5", "0", "0.5", "≥ 1"],  # the outermost bins hold what lies beyond
            "anchor": "y2",
        },
        "yaxis2": {"anchor": "x2", "rangemode": "tozero"},
        "annotations": [
            {"text": _("all other weights"), "x": 0.22, "y": 1.02, "xref": "paper", "yref": "paper", "yanchor": "bottom"}
            | {"xanchor": "left", "showarrow": False}
        ],
    }
    return Chart({"data": bars, "layout": layout}, zeros_finding(rows), spec.id)


def zeros_finding(rows: Sequence[dict[str, Any]]) -> str:
    """Say how many weights are exactly 0 and how many nearly 0."""
    if not rows:
        return _("No epoch has ended yet.")
    last = rows[-1]
    size = sum(gate["size"] for matrix in last["matrices"].values() for gate in matrix["gates"].values())
    nearly = last["near_zero_fraction"] - last["exact_zero_fraction"]
    return _("Epoch {epoch}: {exact} of {n:,} weights are exactly 0; another {near} are nearly 0 (below 0.001).").format(
        epoch=last["epoch"], exact=percent(last["exact_zero_fraction"]), near=percent(nearly), n=size
    )


def percent(fraction: float) -> str:
    """Write a fraction as a percentage with one decimal; only nothing is 0.0 %, and only all is 100.0 %."""
    shown = round(100 * fraction, 1)
    return f"{min(max(shown, 0.1 if fraction > 0 else 0.0), 99.9 if fraction < 1 else 100.0):.1f} %"


def weight_counts(row: dict[str, Any]) -> np.ndarray:
    """Return how many of a row's weights are between which of ``sparsity.EDGES``, int32, shape (80,)."""
    return np.array([matrix["histogram"] for matrix in row["matrices"].values()], np.int32).sum(0, dtype=np.int32)


def packed(values: np.ndarray) -> dict[str, Any]:
    """Write an array as Plotly's typed array: a third of the bytes of decimal numbers."""
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"  # f8, f4, i4, i2, i1
    shape = {"shape": ", ".join(map(str, values.shape))} if values.ndim > 1 else {}
    return {"dtype": kind, "bdata": base64.b64encode(np.ascontiguousarray(values).tobytes()).decode(), **shape}


def _line(rows: Sequence[dict[str, Any]], name: str, label: str, colour: str, dash: str = "solid", **more: Any) -> dict[str, Any]:
    stride = -(-len(rows) // POINTS) or 1
    return {
        "type": "scatter",
        "mode": "lines" if dash != "solid" or len(rows) > 60 else "lines+markers",
        "x0": 1,
        "dx": stride,
        "y": packed(np.array([row[name] for row in rows[::stride]], np.float32)),
        "name": label,
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "marker": {"size": 5, "symbol": "circle" if colour == TRAIN else "diamond"},
        **more,
    }


def _layout(x: str, y: str, spec: RunSpec) -> dict[str, Any]:
    return {
        "margin": MARGIN,
        "uirevision": spec.id,
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"title": {"text": x}, "range": [0.5, spec.training.epochs + 0.5], "dtick": _tick(spec.training.epochs)},
        "yaxis": {"title": {"text": y}, "hoverformat": ".3f"},
    }


def _tick(epochs: int) -> int:
    return next(step for step in (1, 2, 5, 10, 20, 50) if epochs <= 6 * step)


def _changes(spec: RunSpec) -> list[dict[str, Any]]:
    named = len(spec.changes) <= NAMED  # the many of a λ path stand as lines alone
    return [_mark("x", epoch - 0.5, f"λ = {lam:g}" if named else "", 1 + i) for i, (epoch, lam) in enumerate(spec.changes)]


def _mark(axis: str, at: float, text: str, line: int = 0) -> dict[str, Any]:
    if axis == "y":
        ends, corner = {"x0": 0, "x1": 1, "xref": "paper", "y0": at, "y1": at}, {"xanchor": "right"}
    else:
        ends, corner = (
            {"y0": 0, "y1": 1, "yref": "paper", "x0": at, "x1": at},
            {"xanchor": "left", "yanchor": "top", "padding": 3 + 13 * line},
        )
    label = {"text": text, "font": {"size": 10}, "textposition": "end", "textangle": 0, **corner}
    return {"type": "line", "line": {"color": WEIGHT, "width": 1, "dash": "dash"}, "label": label, **ends}


def _loss_finding(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return _("No epoch has ended yet.")
    last = rows[-1]
    return _("Epoch {epoch}: training loss {train:.3f}, validation loss {val:.3f}; the generalisation gap is {gap:+.3f}.").format(
        epoch=last["epoch"],
        train=last["train_loss"],
        val=last["val_loss"],
        gap=round(last["val_loss"], 3) - round(last["train_loss"], 3),
    )


def _accuracy_finding(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return _("No epoch has ended yet.")
    last = rows[-1]
    return _("Epoch {epoch}: {train} of the training clips and {val} of the validation clips are heard right.").format(
        epoch=last["epoch"], train=percent(last["train_accuracy"]), val=percent(last["val_accuracy"])
    )
