"""A λ path as Plotly figures, each with a sentence that states its finding: the picture of glmnet, for a recurrent network.

λ = 0 has no place on a log axis, so it stands left of a break in it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1demo import intervals
from l1demo.charts import GAP, MARGIN, OBJECTIVE, TRAIN, VALIDATION, WEIGHT, ZERO, Chart, packed, percent
from l1demo.path import Path
from l1demo.text import _

BREAK = 0.5  # decades between λ = 0 and the first above it
LINES = ("#2b8cc4", "#dd7418", "#8b5fd0", "#17997f", "#c8509b", "#8a8a1f", "#c44747", "#5b7fd6")
DASHES = ("solid", "dash", "dot")
HEADROOM = 0.2  # of an axis, above the curves and the word at their level, for the words at the upright lines
ROOM = 0.6  # of the x axis, up to which a long word at an upright line has its place
TICKS = {"tickvals": [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5], "tickformat": "~g"}  # of a loss on a log axis

Points = Sequence[tuple[float, dict[str, Any]]]  # λ and the last row of a run of its own


def places(lams: np.ndarray) -> np.ndarray:
    """Return where each λ stands on the x axis: log₁₀ λ, and 0 left of the first above it."""
    above = np.log10(lams[lams > 0]) if (lams > 0).any() else np.zeros(1)
    return np.where(lams > 0, np.log10(np.where(lams > 0, lams, 1)), above.min() - BREAK)


def losses(path: Path, guessing: float, subject: str, cold: Path | None = None, points: Points = ()) -> Chart:
    """Draw training and validation loss with the gap shaded, their standard errors, and runs of one λ each as points.

    Parameters
    ----------
    path : Path
    guessing : float
        The loss of guessing.
    subject : str
        What is shown; while it stays the same, zoom survives.
    cold : Path, optional
        A run of its own for each λ.
    points : sequence of (float, dict)
        Others' runs.
    """
    traces = [
        _line(path, path.train_loss, _("training"), TRAIN, ".3f"),
        _line(path, path.val_loss, _("validation"), VALIDATION, ".3f", fill="tonexty", fillcolor=GAP),
        *_crown(path),
    ]
    if cold:
        traces.append(_open(path, cold.lams, intervals.mean(cold.val_loss), _("cold start"), ".3f"))
    traces += _points(path, points, "val_loss", ".3f")
    layout = _layout(path, _("loss"), subject, crowned=True)
    layout["shapes"] = [_level(guessing, _("guessing")), *_marks(path)]
    seen = np.array([guessing, *path.val_loss.ravel(), *intervals.mean(path.train_loss)])
    seen = seen[np.isfinite(seen) & (seen > 0)]
    low, high = np.log10(0.8 * seen.min()), np.log10(seen.max())
    layout["yaxis"] |= {"type": "log", "range": [low, high + HEADROOM * (high - low)], **TICKS}
    return Chart({"data": traces, "layout": layout}, loss_finding(path), subject)


def accuracies(path: Path, clips: int | None, subject: str, cold: Path | None = None, points: Points = ()) -> Chart:
    """Draw validation accuracy with its 95 % confidence interval beside the exact zeros.

    ``clips`` is how many clips the accuracy was measured on; without it there is no interval. Other parameters as for ``losses``.
    """
    middle = intervals.mean(path.val_accuracy)
    more: dict[str, Any] = {}
    if clips:
        bounds = [intervals.wilson(right * clips, clips) if np.isfinite(right) else (np.nan, np.nan) for right in middle]
        low, high = np.array(bounds).T
        more = {"error_y": _bars(high - middle, VALIDATION, middle - low)}
    traces = [
        _line(path, path.val_accuracy, _("accuracy"), VALIDATION, ".1%", **more),
        _line(path, path.zeros, _("exact zeros"), ZERO, ".1%"),
    ]
    if cold:
        traces.append(_open(path, cold.lams, intervals.mean(cold.val_accuracy), _("cold start"), ".1%"))
    traces += _points(path, points, "val_accuracy", ".1%")
    layout = _layout(path, _("part of all"), subject)
    layout["shapes"] = _marks(path)
    layout["yaxis"] |= {"range": [0, 1 + HEADROOM], "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1], "tickformat": ".0%"}
    return Chart({"data": traces, "layout": layout}, accuracy_finding(path), subject)


def norms(path: Path, guessing: float, kind: str, subject: str) -> Chart:
    """Draw ‖W‖₁ and, where the penalty is no less than λ‖W‖₁, its bound guessing / λ.

    No global minimiser of the objective exceeds it: a network of zeros would cost less. Group lasso's λ Σ √n ‖w_g‖₂ is no less, by
    the inequality of Cauchy and Schwarz in each group; λ Σw² may be, so the L2 penalty bounds nothing here.

    Parameters
    ----------
    path : Path
    guessing : float
        The loss of guessing.
    kind : str
        Of the penalty, as ``spec`` names it.
    subject : str
        As for ``losses``.
    """
    traces = [_line(path, np.where(path.norm > 0, path.norm, np.nan), "‖W‖₁", TRAIN, ",.4g")]
    norm = intervals.mean(path.norm)
    if kind == "l2":
        alt = _("‖W‖₁ is {first:,.0f} at λ = 0.").format(first=norm[0])
    else:
        bound = np.divide(guessing, path.lams, out=np.full(len(path.lams), np.nan), where=path.lams > 0)
        traces.append(_line(path, bound[None], _("bound"), WEIGHT, ",.4g", mode="lines"))
        alt = _norms_finding(path, norm, bound)
    layout = _layout(path, "‖W‖₁", subject)
    layout["yaxis"] |= {"type": "log", "exponentformat": "power", "dtick": 1}
    return Chart({"data": traces, "layout": layout}, alt, subject)


def single_weights(lams: np.ndarray, values: np.ndarray, subject: str) -> Chart:
    """Draw single weights (S, n) along the path: glmnet's picture."""
    at = places(lams)
    traces = [
        {"type": "scatter", "mode": "lines", "x": packed(at), "y": packed(w.astype(np.float32)), "showlegend": False}
        | {"line": {"width": 1.3, "color": LINES[i % len(LINES)], "dash": DASHES[i // len(LINES) % len(DASHES)]}}
        | {"name": "", "customdata": packed(lams), "hovertemplate": "λ = %{customdata:.2g}<br>w = %{y:.3f}<extra></extra>"}
        for i, w in enumerate(values.T)
    ]
    left = (values != 0).sum(1)
    layout = axes(lams, _("weight"), subject)
    alt = _("Of these {n} weights, {first} are not 0 at λ = 0, {half} at λ = {lam:.2g} and {last} at the largest λ.").format(
        n=values.shape[1], first=left[0], half=left[len(left) // 2], lam=lams[len(left) // 2], last=left[-1]
    )
    return Chart({"data": traces, "layout": layout}, alt, subject)


def gates(lams: np.ndarray, values: np.ndarray, names: Sequence[str], subject: str) -> Chart:
    """Draw Σ|w| of each gate (S, G), as a part of what it is at λ = 0."""
    at = places(lams)
    parts = values / np.where(values[0] > 0, values[0], 1)
    traces = [
        {"type": "scatter", "mode": "lines", "x": packed(at), "y": packed(part.astype(np.float32)), "name": name}
        | {"line": {"width": 2, "color": LINES[i % len(LINES)], "dash": DASHES[i // 4 % len(DASHES)]}}
        | {"customdata": packed(lams), "hovertemplate": f"λ = %{{customdata:.2g}}<br>{name}: %{{y:.1%}}<extra></extra>"}
        for i, (name, part) in enumerate(zip(names, parts.T, strict=True))
    ]
    layout = axes(lams, _("Σ|w|, part of λ = 0"), subject)
    layout["yaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
    middle = len(lams) // 2
    most, least = int(parts[middle].argmax()), int(parts[middle].argmin())
    alt = _("At λ = {lam:.2g}, {most} has kept most of its Σ|w|, {a}, and {least} least, {b}.").format(
        lam=lams[middle], most=names[most], a=f"{parts[middle, most]:.0%}", least=names[least], b=f"{parts[middle, least]:.0%}"
    )
    return Chart({"data": traces, "layout": layout}, alt, subject)


def loss_finding(path: Path) -> str:
    """Say which λ has the least validation loss, and which is the largest within one standard error of it."""
    path = path.begun
    least, error = intervals.best(path.val_loss), intervals.standard_error(path.val_loss)
    if least is None:
        return _("No λ has ended yet.")
    value = intervals.mean(path.val_loss)[least]
    largest = intervals.within_one_error(path.val_loss)
    if largest is None:
        return _("Validation loss is least, {value:.3f}, at λ = {lam:.2g}; with one path there is no standard error.").format(
            value=value, lam=path.lams[least]
        )
    if largest == least:
        return _(
            "Validation loss is least, {value:.3f} ± {error:.3f}, at λ = {lam:.2g}; no larger λ stays within one standard error of "
            "it."
        ).format(value=value, error=error[least], lam=path.lams[least])
    return _(
        "Validation loss is least, {value:.3f} ± {error:.3f}, at λ = {lam:.2g}; the largest λ within one standard error of it is "
        "{largest:.2g}."
    ).format(value=value, error=error[least], lam=path.lams[least], largest=path.lams[largest])


def accuracy_finding(path: Path) -> str:
    """Say how sparse a network can be whose accuracy is within one standard error of the best."""
    path = path.begun
    top = intervals.best(-path.val_accuracy)
    if top is None:
        return _("No λ has ended yet.")
    middle, zeros = intervals.mean(path.val_accuracy), intervals.mean(path.zeros)
    said = _("The best accuracy is {best}, at λ = {lam:.2g}.").format(best=percent(middle[top]), lam=path.lams[top])
    sparsest = intervals.within_one_error(-path.val_accuracy)
    if sparsest is None:
        return said
    if sparsest == top:
        return f"{said} " + _(
            "No larger λ stays within one standard error of it; {zeros} of the weights are exactly 0 there."
        ).format(zeros=percent(zeros[top]))
    return f"{said} " + _("Within one standard error of it, λ = {lam:.2g} has {zeros} exact zeros and hears {accuracy}.").format(
        lam=path.lams[sparsest], zeros=percent(zeros[sparsest]), accuracy=percent(middle[sparsest])
    )


def unfinished(path: Path) -> str:
    """Say how far the paths came where some ended early, and so which λ the findings are of; "" where all came to every λ."""
    there = np.isfinite(path.begun.val_loss)
    if there.all() and path.paths == len(path.val_loss):
        return ""
    if not path.paths:
        return _("No λ has ended yet.")
    return _(
        "Not every seed has come to every λ: {n} of {all} have come to the first, and all of these to λ = {lam:.2g}. Only the λ up "
        "to there are compared."
    ).format(n=path.paths, all=len(path.val_loss), lam=path.lams[there.all(0)][-1])


def _norms_finding(path: Path, norm: np.ndarray, bound: np.ndarray) -> str:
    above = np.isfinite(norm) & (path.lams > 0) & (norm > bound)
    if above.any():
        return _(
            "‖W‖₁ is {first:,.0f} at λ = 0. At {n} of {all} λ it lies above the loss of guessing divided by λ, where no global "
            "minimiser can be: there a better network exists."
        ).format(first=norm[0], n=int(above.sum()), all=int((np.isfinite(norm) & (path.lams > 0)).sum()))
    return _(
        "‖W‖₁ is {first:,.0f} at λ = 0, and nowhere above the loss of guessing divided by λ, as every global minimiser."
    ).format(first=norm[0])


def apart(path: Path, cold: Path) -> str:
    """Say at which λ warm and cold starts differ by more than a standard error of their difference."""
    gap, error = intervals.difference(path.val_loss, cold.val_loss)
    judged = np.isfinite(error)
    if not judged.any():
        return _("Warm and cold starts can be compared when at least two seeds of both are there.")
    better, worse = judged & (gap < -error), judged & (gap > error)
    return _(
        "By more than a standard error, the path's validation loss is lower than a cold start's at {better} of {n} λ and higher "
        "at {worse}{where}."
    ).format(
        better=int(better.sum()),
        worse=int(worse.sum()),
        n=int(judged.sum()),
        where=": " + ", ".join(f"{lam:.2g}" for lam in path.lams[worse]) if worse.any() else "",
    )


def _line(path: Path, values: np.ndarray, name: str, colour: str, form: str, **more: Any) -> dict[str, Any]:
    error = intervals.standard_error(values)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": packed(places(path.lams)),
        "y": packed(intervals.mean(values).astype(np.float32)),
        "name": name,
        "line": {"color": colour, "width": 2.5},
        "marker": {"size": 5, "symbol": "circle" if colour == TRAIN else "diamond"},
        "customdata": packed(path.lams),
        "hovertemplate": f"λ = %{{customdata:.2g}}<br>{name}: %{{y:{form}}}<extra></extra>",
        **({"error_y": _bars(error, colour)} if np.isfinite(error).any() else {}),
        **more,
    }


def _bars(up: np.ndarray, colour: str, down: np.ndarray | None = None) -> dict[str, Any]:
    size = {"array": packed(up.astype(np.float32)), "color": colour, "thickness": 1.2, "width": 3}
    return size if down is None else size | {"symmetric": False, "arrayminus": packed(down.astype(np.float32))}


def _open(path: Path, lams: np.ndarray, values: np.ndarray, name: str, form: str) -> dict[str, Any]:
    return _marker(path, lams, values, name, form, {"symbol": "circle-open", "size": 10, "color": WEIGHT, "line": {"width": 2}})


def _points(path: Path, points: Points, field: str, form: str) -> list[dict[str, Any]]:
    if not points:
        return []
    lams, values = np.array([lam for lam, _row in points], float), np.array([row[field] for _lam, row in points], float)
    return [_marker(path, lams, values, _("the class"), form, {"symbol": "x", "size": 9, "color": OBJECTIVE})]


def _marker(path: Path, lams: np.ndarray, values: np.ndarray, name: str, form: str, marker: dict[str, Any]) -> dict[str, Any]:
    at = np.where(lams > 0, np.log10(np.where(lams > 0, lams, 1)), places(path.lams)[0])
    return {
        "type": "scatter",
        "mode": "markers",
        "x": packed(at),
        "y": packed(values.astype(np.float32)),
        "name": name,
        "marker": marker,
        "customdata": packed(lams),
        "hovertemplate": f"λ = %{{customdata:.2g}}<br>{name}: %{{y:{form}}}<extra></extra>",
    }


def _crown(path: Path) -> list[dict[str, Any]]:
    at = packed(places(path.lams))  # Plotly draws an axis only where something stands on it
    return [
        {"type": "scatter", "x": at, "y": packed(np.full(len(path.lams), np.nan, np.float32)), "xaxis": "x2"}
        | {"showlegend": False}
    ]


def _marks(path: Path) -> list[dict[str, Any]]:
    loss = path.begun.val_loss
    at, least, largest = places(path.lams), intervals.best(loss), intervals.within_one_error(loss)
    found = [] if least is None else [upright(at[least], _("best"), "right" if least else "left")]  # at λ = 0 the axis is near
    if largest is None or largest == least:
        return found
    name = _("one standard error") if at[largest] - at[0] < ROOM * (at[-1] - at[0]) else _("1 SE")
    return [*found, upright(at[largest], name, "left")]


def upright(at: float, text: str, side: str) -> dict[str, Any]:
    """Return an upright line at a place of the λ axis, with words on one side of it."""
    label = {"text": text, "font": {"size": 10}, "textposition": "end", "textangle": 0, "xanchor": side, "yanchor": "top"}
    line = {"color": WEIGHT, "width": 1.5, "dash": "dash"}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line, "label": label}


def _level(at: float, text: str) -> dict[str, Any]:
    label = {"text": text, "font": {"size": 10}, "textposition": "start", "xanchor": "left", "yanchor": "bottom"}
    line = {"color": WEIGHT, "width": 1, "dash": "dash"}
    return {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": at, "y1": at, "line": line, "label": label}


def _layout(path: Path, y: str, subject: str, crowned: bool = False) -> dict[str, Any]:
    layout = axes(path.lams, y, subject)
    if crowned:
        left = path.weights * (1 - intervals.mean(path.zeros))
        shown = [i for i in range(0, len(left), -(-len(left) // 6)) if np.isfinite(left[i])]
        layout["margin"] = {**MARGIN, "t": 64}
        layout["legend"]["y"] = 1.16
        layout["xaxis2"] = {"overlaying": "x", "side": "top", "matches": "x", "showgrid": False, "tickfont": {"size": 10}} | {
            "title": {"text": _("weights that are not 0"), "font": {"size": 10}, "standoff": 2},
            "tickvals": [float(places(path.lams)[i]) for i in shown],
            "ticktext": [f"{left[i]:,.0f}" for i in shown],
        }
    return layout


def axes(lams: np.ndarray, y: str, subject: str) -> dict[str, Any]:
    """Return the layout of a chart against λ, whose axis has a break between 0 and the first above it."""
    at = places(lams)
    decades = np.arange(np.ceil(at[1:].min(initial=0) - 1e-9), np.floor(at.max() + 1e-9) + 1) if len(at) > 1 else np.zeros(0)
    return {
        "margin": MARGIN,
        "uirevision": subject,
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {
            "title": {"text": "λ"},
            "range": [float(at[0]) - 0.15, float(at.max()) + 0.15],
            "tickvals": [float(at[0]), *decades.tolist()],
            "ticktext": ["0", *(f"{10**decade:g}" for decade in decades)],
            "zeroline": False,
        },
        "yaxis": {"title": {"text": y}},
        "annotations": [
            {"text": "//", "x": float(at[0]) + BREAK / 2, "y": 0, "yref": "paper", "showarrow": False, "font": {"size": 14}}
        ],
    }
