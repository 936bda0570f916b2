"""Runs of several seeds to Plotly figures: their mean, their range, and each seed's three λ joined by a line."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1demo import intervals, overfit
from l1demo.charts import MARGIN, POINTS, TRAIN, VALIDATION, WEIGHT, ZERO, Chart, packed, percent
from l1demo.overfit import Band, Trio
from l1demo.store import Run
from l1demo.text import _

SHADES = {TRAIN: "rgba(43, 140, 196, 0.22)", VALIDATION: "rgba(221, 116, 24, 0.22)", ZERO: "rgba(23, 153, 127, 0.22)"}
HEADROOM = 1.15  # room above the loss of guessing for its word


def highest_loss(runs: Sequence[Trio], guessing: float | None) -> float:
    """Return the end of a loss axis that all three λ share, so that their curves can be compared."""
    bands = [overfit.band(column, name).mean for column in zip(*runs, strict=True) for name in ("train_loss", "val_loss")]
    return HEADROOM * max([guessing or 1.0, *(float(mean.max()) for mean in bands if len(mean))])


def losses(runs: Sequence[Run], top: float, guessing: float | None) -> Chart:
    """Draw training and validation loss of one λ: for one seed with the gap shaded, for several the mean and the range."""
    train, val = (overfit.band(runs, name) for name in ("train_loss", "val_loss"))
    gap = {"fill": "tonexty", "fillcolor": SHADES[VALIDATION]} if len(runs) == 1 else {}
    lines = [
        *(_range(train, TRAIN) if not gap else ()),
        *(_range(val, VALIDATION) if not gap else ()),
        _line(train.mean, _("training"), TRAIN),
        _line(val.mean, _("validation"), VALIDATION, **gap),
    ]
    layout = _layout(runs, _("loss"))
    layout["shapes"] = [_mark(guessing)] if guessing is not None else []
    layout["yaxis"] |= {"range": [0, top]}
    return Chart({"data": lines, "layout": layout}, _losses_finding(train, val) + _of_band(runs), _subject(runs))


def accuracies(runs: Sequence[Run]) -> Chart:
    """Draw the accuracy of one λ; with the split "both" that on seen speakers, too."""
    named = [("train_accuracy", _("training"), TRAIN), ("val_accuracy", _("validation"), VALIDATION)]
    if all("seen_accuracy" in run.rows[0] for run in runs if run.rows) and any(run.rows for run in runs):
        named = [named[0], ("seen_accuracy", _("seen speakers"), ZERO), ("val_accuracy", _("unseen speakers"), VALIDATION)]
    bands = [(overfit.band(runs, name), label, colour) for name, label, colour in named]
    lines = [line for band, _label, colour in bands if len(runs) > 1 for line in _range(band, colour)]
    lines += [_line(band.mean, label, colour) for band, label, colour in bands]
    layout = _layout(runs, _("accuracy"))
    layout["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%", "hoverformat": ".1%"}
    return Chart({"data": lines, "layout": layout}, _accuracies_finding(bands) + _of_band(runs), _subject(runs))


def seeds(runs: Sequence[Trio]) -> Chart:
    """Draw each seed's validation loss under the three λ, joined by a line, and the mean with its standard error."""
    done = overfit.whole(runs)
    lams = [f"λ = {run.spec.lam:g}" for run in runs[0]]
    table = np.array([[run.rows[-1]["val_loss"] for run in three] for three in done], float).reshape(len(done), 3)
    lines: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines+markers", "x": lams, "y": packed(row.astype(np.float32)), "opacity": 0.55}
        | {"line": {"color": WEIGHT, "width": 1.5}, "marker": {"size": 6}, "showlegend": False}
        | {"name": _("seed {seed}").format(seed=three[0].spec.seed)}
        for three, row in zip(done, table, strict=True)
    ]
    if len(done) > 1:
        errors = intervals.standard_error(table).astype(np.float32)
        lines.append(
            {"type": "scatter", "mode": "markers", "x": lams, "y": packed(table.mean(0).astype(np.float32))}
            | {"error_y": {"type": "data", "array": packed(errors), "thickness": 2.5, "width": 8}}
            | {"marker": {"size": 11, "symbol": "diamond", "color": VALIDATION}, "name": _("mean ± standard error")}
        )
    layout = {
        "margin": MARGIN,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"type": "category", "range": [-0.3, 2.3]},
        "yaxis": {"title": {"text": _("validation loss")}, "rangemode": "tozero", "hoverformat": ".3f"},
        "uirevision": _subject(runs[0]),
    }
    return Chart({"data": lines, "layout": layout}, _seeds_finding(lams, table), _subject(runs[0]))


def _losses_finding(train: Band, val: Band) -> str:
    if not len(val.mean):
        return _("No epoch has ended yet.")
    return _("Epoch {epoch}: training loss {train:.3f}, validation loss {val:.3f}; the generalisation gap is {gap:+.3f}.").format(
        epoch=len(val.mean), train=train.mean[-1], val=val.mean[-1], gap=round(val.mean[-1], 3) - round(train.mean[-1], 3)
    )


def _accuracies_finding(bands: Sequence[tuple[Band, str, str]]) -> str:
    epochs = len(bands[0][0].mean)
    if not epochs:
        return _("No epoch has ended yet.")
    shares = ", ".join(f"{label} {percent(float(band.mean[-1]))}" for band, label, _colour in bands)
    return _("Epoch {epoch}, accuracy: {shares}.").format(epoch=epochs, shares=shares)


def _of_band(runs: Sequence[Run]) -> str:
    return (
        " " + _("Lines are means over the seeds that have come furthest, bands reach from the least to the greatest of them.")
        if len(runs) > 1
        else ""
    )


def _seeds_finding(lams: Sequence[str], table: np.ndarray) -> str:
    if not len(table):
        return _("No seed has been trained with all three λ yet.")
    means = ", ".join(f"{mean:.3f} ({lam})" for lam, mean in zip(lams, table.mean(0), strict=True))
    if len(table) == 1:
        return _("One seed, validation loss: {means}. Each further seed draws other clips, wrong labels and first weights.").format(
            means=means
        )
    helped = int((table[:, 1] < table[:, 0]).sum())
    return _("Mean validation loss of {n} seeds: {means}. {lam} is below {none} in {helped} of them.").format(
        n=len(table), means=means, lam=lams[1], none=lams[0], helped=helped
    )


def _line(values: np.ndarray, label: str, colour: str, **more: Any) -> dict[str, Any]:
    stride = -(-len(values) // POINTS) or 1
    return {
        "type": "scatter",
        "mode": "lines",
        "x0": 1,
        "dx": stride,
        "y": packed(values[::stride].astype(np.float32)),
        "name": label,
        "line": {"color": colour, "width": 2.5, "dash": {ZERO: "dash", TRAIN: "dot"}.get(colour, "solid")},
        **more,
    }


def _range(band: Band, colour: str) -> list[dict[str, Any]]:
    edge = {"showlegend": False, "hoverinfo": "skip", "line": {"width": 0, "color": colour}}
    return [
        _line(band.low, "", colour) | edge,
        _line(band.high, "", colour) | edge | {"fill": "tonexty", "fillcolor": SHADES[colour]},
    ]


def _layout(runs: Sequence[Run], y: str) -> dict[str, Any]:
    epochs = runs[0].spec.training.epochs
    return {
        "margin": MARGIN,
        "uirevision": _subject(runs),
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"title": {"text": _("epoch")}, "range": [0.5, epochs + 0.5], "nticks": 6},
        "yaxis": {"title": {"text": y}, "hoverformat": ".3f"},
    }


def _mark(guessing: float) -> dict[str, Any]:
    label = {"text": _("guessing"), "font": {"size": 10}, "textposition": "end", "textangle": 0, "xanchor": "right"}
    ends = {"x0": 0, "x1": 1, "xref": "paper", "y0": guessing, "y1": guessing}
    return {"type": "line", "line": {"color": WEIGHT, "width": 1, "dash": "dash"}, "label": label, **ends}


def _subject(runs: Sequence[Run]) -> str:
    return f"{runs[0].id}-{len(runs)}"
