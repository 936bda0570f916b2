"""The lesson on methods to Plotly figures: exact zeros over the epochs, and one weight near 0 step by step."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from l1demo.charts import MARGIN, OBJECTIVE, TRAIN, VALIDATION, WEIGHT, ZERO, Chart, packed, percent
from l1demo.methods import METHODS, telling
from l1demo.store import Run
from l1demo.text import N_, _

LINES = {  # colour and dash, so that colour is not the only sign
    "loss": (VALIDATION, "solid"),
    "proximal": (ZERO, "solid"),
    "sgd": (TRAIN, "dash"),
    "unscaled": (OBJECTIVE, "dot"),
    "l2": ("#c2487f", "dash"),
    "decay": (WEIGHT, "dot"),
    "group": (WEIGHT, "solid"),
}
FOREMOST = ("loss", "proximal")
GATES = (N_("input"), N_("forget"), N_("cell"), N_("output"))  # a trace follows the weight of band 1 in each gate of unit 1
ROOM = 1.3  # of the scale, beyond the widest swing that sets it
FINEST = 1e-5  # of a scale
LATE = 2  # epochs that set the scale: earlier ones swing beyond it


def zeros(runs: Mapping[str, Run], subject: str) -> Chart:
    """Draw the part of the weights that is exactly 0 over the epochs, a line for each method that has begun."""
    begun = _begun(runs)
    lines = [
        _line(key, np.array([row["exact_zero_fraction"] for row in run.rows]), hovertemplate="%{y:.1%}")
        for key, run in begun.items()
    ]
    epochs = max((run.spec.training.epochs for run in runs.values()), default=1)
    layout = _layout(_("epoch"), _("exactly 0"), subject)
    layout["xaxis"] |= {"range": [0.5, epochs + 0.5]}
    layout["yaxis"] |= {"range": [-0.02, 1.02], "tickformat": ".0%"}
    alt = _("No epoch has ended yet.")
    if begun:
        shares = ((METHODS[key].name, run.rows[-1]["exact_zero_fraction"]) for key, run in begun.items())
        alt = _("Exactly 0: {shares}.").format(shares=", ".join(f"{_(name)} {percent(share)}" for name, share in shares))
    return Chart({"data": lines, "layout": layout}, alt, subject)


def weight(runs: Mapping[str, Run], subject: str) -> Chart:
    """Draw one weight after each of an epoch's last steps under each method, on one scale; a slider over the epochs at the end.

    The weight is ``telling``'s, the scale that of its swings under proximal Adam and with the penalty in the loss.
    """
    begun, chosen = _begun(runs), telling(runs)
    order = sorted(begun, key=lambda key: key in FOREMOST)  # the last drawn lies on top
    traces = {key: [np.array(row["trace"])[:, chosen] for row in begun[key].rows] for key in order}  # [epoch] (steps,)
    lines = [_line(key, trace[-1], hovertemplate="%{y:.2g}") for key, trace in traces.items()]
    top = _scale(traces)
    layout = _layout(_("step of the epoch"), _("weight"), subject)
    layout |= {"showlegend": False, "margin": MARGIN}  # colours and dashes are the other chart's
    layout["yaxis"] |= {"range": [-top, top], "zeroline": True, "zerolinewidth": 2, "exponentformat": "power"}
    if not all(run.ended for run in runs.values()) or not begun.keys() >= set(FOREMOST):
        alt = _("The same weight under each method, in its newest epoch; what it does is said when all have ended.")
        return Chart({"data": lines, "layout": layout}, alt, subject)
    epochs = min(map(len, traces.values()))
    steps = tuple(_step(traces, epoch, top, _(GATES[chosen])) for epoch in range(epochs))
    lines = [line | change for line, change in zip(lines, steps[-1]["data"], strict=True)]
    return Chart({"data": lines, "layout": layout}, steps[-1]["alt"], subject, steps, _("Epoch"))


def _begun(runs: Mapping[str, Run]) -> dict[str, Run]:
    return {key: run for key in METHODS if (run := runs.get(key)) and run.rows}


def _scale(traces: Mapping[str, list[np.ndarray]]) -> float:
    late = [w for key in FOREMOST for w in traces.get(key, [])[-LATE:]]
    return max(FINEST, ROOM * max((float(np.abs(w).max()) for w in late), default=1.0))


def _step(traces: Mapping[str, list[np.ndarray]], epoch: int, top: float, gate: str) -> dict[str, Any]:
    loss, proximal = traces["loss"][epoch], traces["proximal"][epoch]
    beyond = [(METHODS[key].name, trace[epoch][-1]) for key, trace in traces.items() if abs(trace[epoch][-1]) > top]
    alt = _(
        "One weight, of the {gate} gate, over the {n} steps of epoch {epoch}. With the penalty in the loss it changes sides "
        "{crossings} times and is exactly 0 after {loss} steps; under proximal Adam it is exactly 0 after {proximal}."
    ).format(
        gate=gate,
        epoch=epoch + 1,
        n=len(loss),
        crossings=_crossings(loss),
        loss=np.count_nonzero(loss == 0),
        proximal=np.count_nonzero(proximal == 0),
    )
    if beyond:
        alt += " " + _("Beyond the scale: {names}.").format(names=", ".join(f"{_(name)} {w:+.2g}" for name, w in beyond))
    return {
        "label": str(epoch + 1),
        "alt": alt,
        "data": [{"y": packed(trace[epoch].astype(np.float32))} for trace in traces.values()],
    }


def _crossings(w: np.ndarray) -> int:
    return int(np.count_nonzero(np.diff(np.sign(w[w != 0]))))


def _line(key: str, values: np.ndarray, **more: Any) -> dict[str, Any]:
    colour, dash = LINES[key]
    return {
        "type": "scatter",
        "mode": "lines",
        "x0": 1,
        "dx": 1,
        "y": packed(values.astype(np.float32)),
        "name": _(METHODS[key].name),
        "line": {"color": colour, "width": 3 if key in FOREMOST else 2, "dash": dash},
        **more,
    }


def _layout(x: str, y: str, subject: str) -> dict[str, Any]:
    return {
        "margin": MARGIN | {"t": 8, "b": 110},
        "uirevision": subject,
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "y": -0.28, "yanchor": "top", "traceorder": "normal"},
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
    }
