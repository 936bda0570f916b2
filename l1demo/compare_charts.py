"""Up to four runs beside each other under one slider of epochs: numbers, curves, heat maps and histograms as a stage.

What they differ in is said by ``differences``. A run is told by its colour, and besides by its sign, its dashes and its name.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from l1demo import charts, film
from l1demo.charts import Chart
from l1demo.dead import dead_units
from l1demo.differences import NOTHING
from l1demo.gates import GATES
from l1demo.spec import RunSpec
from l1demo.stage import BINS, COLUMNS, Curves, Histogram, Maps, Panel, Readouts, Stage
from l1demo.text import _

MOST = 4  # runs beside each other
SIGNS = ("●", "◆", "■", "▲")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up")
_DASHES = ("solid", "dash", "dot", "longdashdot")
_COLOURS = (charts.TRAIN, charts.VALIDATION, charts.OBJECTIVE, charts.ZERO)
_MARKS = 12  # on a line at most
_LINE = 20  # pixels of a legend's line
_ROOM = 2 * film.ROOM  # bytes of all heat maps' steps before compression
PARTS = {"val": _("validation"), "train": _("training"), "seen": _("seen voices")}


@dataclass(frozen=True, eq=False)
class Side:
    """A run among those that are compared.

    Attributes
    ----------
    name : str
    spec : RunSpec
    rows : sequence of dict
        One an epoch, from 1 on.
    frames : mapping of int to (mapping of str to np.ndarray, int8)
        Levels of all matrices by epoch, as ``film`` has them; empty where there are none (yet).
    """

    name: str
    spec: RunSpec
    rows: Sequence[dict[str, Any]]
    frames: Mapping[int, Mapping[str, np.ndarray]] = field(default_factory=dict)

    def row(self, epoch: int) -> dict[str, Any] | None:
        """Return an epoch's row; the last one's where the run was shorter, None before its first."""
        return self.rows[min(epoch, len(self.rows)) - 1] if self.rows else None

    def frame(self, epoch: int) -> Mapping[str, np.ndarray]:
        """Return the levels of an epoch, or of the newest before it that there are; else of the first, or none."""
        return self.frames[max((e for e in self.frames if e <= epoch), default=min(self.frames))] if self.frames else {}


def stage(sides: Sequence[Side], subject: str, part: str = "val", matrices: Sequence[str] | None = None) -> Stage | None:
    """Set runs beside each other; None while no epoch of any has ended.

    Parameters
    ----------
    sides : sequence of Side, at most 4
    subject : str
        What is compared; while it stays the same, so does the slider's place.
    part : str
        One of ``PARTS``: the clips that losses and accuracies were measured on.
    matrices : sequence of str, optional
        The weights drawn as heat maps, by their names; where not given all of the LSTM's.
    """
    drawn = {
        name for side in sides for name in side.frame(1) if name.startswith("lstm.") and (matrices is None or name in matrices)
    }
    wanted = sorted(drawn, key=lambda name: (name[-1], "_hh_" in name))
    epochs = _epochs(sides, wanted)
    if not epochs:
        return None
    span = COLUMNS // len(sides)
    titles = [_title(side, i, len(sides)) for i, side in enumerate(sides)]
    every = list(zip(sides, titles, strict=True))
    at = np.array(epochs, float)
    panels: list[Panel] = [_readouts(side, title, span, epochs, len(sides) == 1) for side, title in every]
    height = 210 + _LINE * (len(sides) - 1)
    panels += [
        Curves(_("Loss, {part}").format(part=PARTS[part]), 4, loss(sides, part), at, height),
        Curves(_("Accuracy, {part}").format(part=PARTS[part]), 4, accuracy(sides, part), at, height),
        Curves(_("Weights that are exactly 0"), 4, zeros(sides), at, height),
    ]
    for name in wanted:
        for side, title in every:
            shown = [title] * bool(title) + [called(name)] * (len(wanted) > 1 or not title)
            panels.append(_maps(side, " · ".join(shown), name, COLUMNS // 2 if len(sides) == 1 else span, epochs))
    counts = [_counts(side, epochs) for side in sides]
    top = max(int(each.max()) for each in counts)
    for (side, title), each in zip(every, counts, strict=True):
        zeros_at = np.array([row["exact_zero_fraction"] if (row := side.row(epoch)) else 0.0 for epoch in epochs])
        panels.append(Histogram(title or _("All weights by size"), span, each, zeros_at, top=top))
    return Stage(
        _("Epoch"),
        tuple(_step(sides, epoch) for epoch in epochs),
        tuple(panels),
        len(epochs) - 1,
        tuple(_finding(sides, epoch) for epoch in epochs),
        subject,
    )


def loss(sides: Sequence[Side], part: str) -> Chart:
    """Draw the runs' losses over the epochs, one line each."""
    chart = _curves(sides, f"{part}_loss", _("loss"), "{:.3f}".format)
    chart.figure["layout"]["yaxis"] |= {"rangemode": "tozero", "hoverformat": ".3f"}
    return chart


def accuracy(sides: Sequence[Side], part: str) -> Chart:
    """Draw the fractions of clips that the runs hear right."""
    chart = _curves(sides, f"{part}_accuracy", _("accuracy"), charts.percent)
    chart.figure["layout"]["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%", "hoverformat": ".1%"}
    return chart


def zeros(sides: Sequence[Side]) -> Chart:
    """Draw the fractions of weights that are exactly 0."""
    chart = _curves(sides, "exact_zero_fraction", _("exactly 0"), charts.percent)
    chart.figure["layout"]["yaxis"] |= {"range": [-0.02, 1.02], "tickformat": ".0%", "hoverformat": ".1%"}
    return chart


def called(matrix: str) -> str:
    """Say what a matrix of the LSTM leads from."""
    layer = int(matrix[-1])
    if "_hh_" in matrix:
        return _("From the moment before") if layer == 0 else _("From the moment before, layer {n}").format(n=layer + 1)
    return _("From the input") if layer == 0 else _("From layer {n}").format(n=layer)


def _curves(sides: Sequence[Side], name: str, title: str, write: Callable[[float], str]) -> Chart:
    lines, said = [], []
    for i, side in enumerate(sides):
        y = np.array([row.get(name, np.nan) for row in side.rows], np.float32)
        lines.append(
            {"type": "scatter", "mode": "lines+markers", "x0": 1, "dx": 1, "y": charts.packed(y), "name": html.escape(side.name)}
            | {"line": {"color": _COLOURS[i], "width": 2.5, "dash": _DASHES[i]}}
            | {"marker": {"size": 7, "symbol": _SYMBOLS[i], "maxdisplayed": _MARKS}}
        )
        said.append(f"{SIGNS[i]} {side.name} {write(float(y[-1])) if len(y) and np.isfinite(y[-1]) else NOTHING}")
    epochs = max(side.spec.training.epochs for side in sides)
    layout = {
        "margin": {"l": 48, "r": 12, "t": 12 + _LINE * len(sides) if len(sides) > 1 else 12, "b": 40},
        "hovermode": "x unified",
        "showlegend": len(sides) > 1,
        "legend": {"x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"title": {"text": _("epoch")}, "range": [0.5, epochs + 0.5], "dtick": -(-epochs // 6)},
        "yaxis": {"title": {"text": title}},
    }
    return Chart(
        {"data": lines, "layout": layout}, _("{what} after the last epoch: {values}.").format(what=title, values=", ".join(said))
    )


def _epochs(sides: Sequence[Side], matrices: Sequence[str]) -> list[int]:
    """Choose the slider's places: epochs of which every run has a frame, where there are heat maps; and always the newest."""
    last = max((len(side.rows) for side in sides), default=0)
    chosen = set(range(1, last + 1))
    for side in sides:
        kept = film.epochs(side.spec.training.epochs, _size(side))
        if matrices and len(side.frames) > 1:
            kept = frozenset(side.frames)
        chosen &= kept | set(range(len(side.rows), last + 1))
    most = film.FRAMES
    if matrices:
        most = max(1, _ROOM // sum(side.frame(1)[name].size for side in sides for name in matrices if name in side.frame(1)))
    epochs = sorted(chosen | {last} - {0})
    return [epochs[i] for i in sorted({round(x) for x in np.linspace(len(epochs) - 1, 0, most)})] if len(epochs) > most else epochs


def _size(side: Side) -> int:
    shapes = (matrix["shape"] for matrix in side.rows[0]["matrices"].values()) if side.rows else ()
    return sum(rows * columns for rows, columns in shapes) or 1


def _title(side: Side, i: int, of: int) -> str:
    return f"{SIGNS[i]} {side.name}" if of > 1 else ""


def _readouts(side: Side, title: str, span: int, epochs: Sequence[int], alone: bool) -> Readouts:
    def percent(name: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: charts.percent(row[name])

    said: dict[str, Callable[[dict[str, Any]], str]] = {
        _("epoch"): lambda row: f"{row['epoch']}",
        "λ": lambda row: f"{row.get('lam', side.spec.lam):g}",
        _("training loss"): lambda row: f"{row['train_loss']:.3f}",
        _("validation loss"): lambda row: f"{row['val_loss']:.3f}",
        _("accuracy"): percent("val_accuracy"),
        _("exactly 0"): percent("exact_zero_fraction"),
        _("nearly 0"): lambda row: charts.percent(row["near_zero_fraction"] - row["exact_zero_fraction"]),
        _("dead units"): lambda row: _("{n} of {all}").format(n=sum(row["dead_units"]), all=sum(row["units"])),
        "‖W‖₁": lambda row: f"{row['l1_norm']:,.0f}",
    }
    if not alone:
        del said[_("training loss")], said[_("nearly 0")], said["‖W‖₁"]
    rows = [side.row(epoch) for epoch in epochs]
    texts = tuple(tuple(say(row) if row else NOTHING for say in said.values()) for row in rows)
    return Readouts(title, span, tuple(said), texts)


def _maps(side: Side, title: str, name: str, span: int, epochs: Sequence[int]) -> Panel:
    if name not in side.frame(1):  # it has fewer layers, or no weights: its place stays empty, so that the others keep theirs
        return Readouts(title, span, (), ((),) * len(epochs))
    layer = int(name[-1])
    frames = [side.frame(epoch) for epoch in epochs]
    dead = {id(frame): dead_units(frame)[layer] for frame in frames}
    columns = _("hidden unit")
    if "_ih_" in name:
        columns = _("mel band") if layer == 0 else _("unit of layer {n}").format(n=layer)
    return Maps(
        title,
        span,
        np.stack([frame[name] for frame in frames]),
        tuple(_(gate) for gate in GATES),
        _("hidden unit"),
        columns,
        np.stack([dead[id(frame)] for frame in frames]),
    )


def _counts(side: Side, epochs: Sequence[int]) -> np.ndarray:
    return np.stack([charts.weight_counts(row) if (row := side.row(epoch)) else np.zeros(BINS, np.int32) for epoch in epochs])


def _step(sides: Sequence[Side], epoch: int) -> str:
    if len(sides) == 1 and sides[0].spec.changes:
        return _("{epoch} · λ = {lam:g}").format(epoch=epoch, lam=sides[0].spec.lam_at(epoch))
    return str(epoch)


def _finding(sides: Sequence[Side], epoch: int) -> str:
    numbers = [
        (
            _("epoch {epoch}").format(epoch=row["epoch"]) if len(sides) == 1 else f"{SIGNS[i]} {side.name}",
            charts.percent(row["exact_zero_fraction"]),
            charts.percent(row["val_accuracy"]),
        )
        for i, side in enumerate(sides)
        if (row := side.row(epoch))
    ]
    said = "; ".join(_("{name}: {zeros} and {accuracy}").format(name=name, zeros=z, accuracy=a) for name, z, a in numbers)
    return _("Weights that are exactly 0, and validation clips heard right, at {runs}.").format(runs=said)
