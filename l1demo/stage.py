"""Panels that move together under one slider: what a stage shows at each of its steps, and its form on the wire.

All steps travel at once, so that the browser answers the slider alone; how it draws them is ``ui/stage.js``'s affair.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1demo import charts, film
from l1demo.charts import Chart
from l1demo.text import _

BLACK = "#0b0e12"  # an exact zero in a heat map
DIVERGING = (
    "#2166ac",
    "#67a9cf",
    "#d1e5f0",
    "#fddbc7",
    "#ef8a62",
    "#b2182b",
)  # ColorBrewer RdBu: paired lightness, safe for the colour-blind
COLUMNS = 12  # of a wide screen; a narrow one shows one panel below the other
BINS = 80  # as sparsity.EDGES


@dataclass(frozen=True, eq=False)
class Panel:
    """A part of a stage.

    Attributes
    ----------
    title : str
    span : int
        Of the 12 columns of a wide screen.
    """

    title: str
    span: int

    def __post_init__(self) -> None:
        if not 1 <= self.span <= COLUMNS:
            raise ValueError(f"{self.title!r} spans {self.span} columns; there are 1 to {COLUMNS}")

    @property
    def steps(self) -> int:
        """How many steps there is something to show for."""
        raise NotImplementedError

    def wire(self) -> dict[str, Any]:
        """What the browser needs beside the title and the span; ``alts`` says what is seen at each step."""
        raise NotImplementedError

    def _expect(self, what: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
        if found != expected:
            raise ValueError(f"{self.title!r}: {what} has the shape {found}, not {expected}")


@dataclass(frozen=True, eq=False)
class Curves(Panel):
    """A Plotly chart, drawn once, over which a cursor and a dot on each line of the legend move to ``at[step]``.

    Attributes
    ----------
    chart : Chart
    at : np.ndarray, float, shape (S,)
        On the chart's first x axis, as in its data; without a cursor where it is not finite.
    height : int
        CSS pixels.
    """

    chart: Chart
    at: np.ndarray
    height: int = 260

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect("at", self.at.shape, (self.at.size,))

    @property
    def steps(self) -> int:
        return len(self.at)

    def wire(self) -> dict[str, Any]:
        at = [float(x) if np.isfinite(x) else None for x in self.at]
        return {"figure": self.chart.figure, "alts": [self.chart.alt] * self.steps, "at": at, "height": self.height}


@dataclass(frozen=True, eq=False)
class Maps(Panel):
    """A matrix as heat maps, its gates beside each other; an exact zero is black, which no other weight is.

    Attributes
    ----------
    levels : np.ndarray, int8, shape (S, R, C)
        As of ``film.py``: 0 only where a weight is exactly 0, ±127 from ``full`` on. The gates' rows one below the other.
    gates : tuple of str, length G
        Their names as shown.
    rows, columns : str
        What they are, in the singular.
    dead : np.ndarray, bool, shape (S, R / G), or None
        Units that carry nothing, marked at the left edge.
    height : int
        CSS pixels of a map.
    full : float
    """

    levels: np.ndarray
    gates: tuple[str, ...]
    rows: str
    columns: str
    dead: np.ndarray | None = None
    height: int = 240
    full: float = film.FULL

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.levels.ndim != 3 or self.levels.dtype != np.int8:
            raise ValueError(f"{self.title!r}: levels are {self.levels.dtype} of shape {self.levels.shape}, not int8 (S, R, C)")
        steps, rows, _columns = self.levels.shape
        if not self.gates or rows % len(self.gates):
            raise ValueError(f"{self.title!r}: {rows} rows cannot be divided among {len(self.gates)} gates")
        if self.dead is not None:
            self._expect("dead", self.dead.shape, (steps, rows // len(self.gates)))

    @property
    def steps(self) -> int:
        return len(self.levels)

    def wire(self) -> dict[str, Any]:
        dead = {} if self.dead is None else {"dead": charts.packed(self.dead.astype(np.uint8))}
        words = {
            "zero": _("exactly 0"),
            "about": _("about {w}"),
            "beyond": _("{w} or more in size"),
            "place": _("{gate}: {rows} {row}, {columns} {column}"),
            "dead": _("dead unit"),
            "rows": self.rows,
            "columns": self.columns,
        }
        return {
            "levels": charts.packed(self.levels),
            "gates": self.gates,
            "colours": charts.packed(colours()),
            "full": self.full,
            "height": self.height,
            "words": words,
            "alts": [self._alt(step) for step in range(self.steps)],
            **dead,
        }

    def _alt(self, step: int) -> str:
        parts = self.levels[step].reshape(len(self.gates), -1)  # (G, H * C)
        zeros = [f"{gate} {charts.percent(float((part == 0).mean()))}" for gate, part in zip(self.gates, parts, strict=True)]
        said = _("Exact zeros: {parts}.").format(parts=", ".join(zeros))
        if self.dead is None:
            return said
        return f"{said} " + _("{n} of {units} units are dead.").format(n=int(self.dead[step].sum()), units=self.dead.shape[1])


@dataclass(frozen=True, eq=False)
class Histogram(Panel):
    """How many weights have which size; the exact zeros have a bar of their own, as a part of all weights.

    Attributes
    ----------
    counts : np.ndarray, int, shape (S, 80)
        Between -1 and 1, without the exact zeros; the outermost bins hold what lies beyond, as in ``charts.histogram``.
    zeros : np.ndarray, float, shape (S,)
        Fractions of all weights.
    height : int
        CSS pixels.
    top : int
        The count at which the scale ends, the same for histograms that are compared; 0: the largest.
    """

    counts: np.ndarray
    zeros: np.ndarray
    height: int = 220
    top: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect("counts", self.counts.shape, (len(self.zeros), BINS))
        self._expect("zeros", self.zeros.shape, (len(self.counts),))

    @property
    def steps(self) -> int:
        return len(self.zeros)

    def wire(self) -> dict[str, Any]:
        # One scale for all steps: λ thins the bars out, and a scale that followed them would hide just that.
        top = self.top or int(self.counts.max(initial=1))
        return {
            "counts": charts.packed(self.counts.astype(np.int32)),
            "top": top,
            "ticks": [(tick, f"{tick:,}") for tick in _ticks(top)],
            "zeros": [float(zero) for zero in self.zeros],
            "texts": [charts.percent(float(zero)) for zero in self.zeros],
            "colours": {"zero": charts.ZERO, "weight": charts.WEIGHT},
            "height": self.height,
            "words": {"zero": _("exactly 0"), "others": _("all other weights"), "weight": _("weight")},
            "alts": [
                _("{zeros} of the weights are exactly 0; {n:,} are not.").format(zeros=charts.percent(float(zero)), n=int(n))
                for zero, n in zip(self.zeros, self.counts.sum(1), strict=True)
            ],
        }


@dataclass(frozen=True, eq=False)
class Bars(Panel):
    """Parts of a whole as horizontal bars, for example the probability of each word.

    Attributes
    ----------
    names : tuple of str, length N
    values : np.ndarray, float, shape (S, N)
        Fractions.
    top : float
        The value that fills the width.
    chosen : int or None
        Which bar stands out at every step; None: the largest of each.
    """

    names: tuple[str, ...]
    values: np.ndarray
    top: float = 1.0
    chosen: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect("values", self.values.shape, (len(self.values), len(self.names)))
        if not self.names or self.top <= 0:
            raise ValueError(f"{self.title!r} needs names and a top above 0; it has {len(self.names)} and {self.top}")
        if self.chosen is not None and not 0 <= self.chosen < len(self.names):
            raise ValueError(f"{self.title!r}: bar {self.chosen} is chosen, and there are {len(self.names)}")

    @property
    def steps(self) -> int:
        return len(self.values)

    def wire(self) -> dict[str, Any]:
        texts = [[charts.percent(float(value)) for value in row] for row in self.values]
        chosen = [int(row.argmax()) if self.chosen is None else self.chosen for row in self.values]
        return {
            "names": self.names,
            "parts": [[min(float(value) / self.top, 1.0) for value in row] for row in self.values],
            "texts": texts,
            "chosen": chosen,
            "alts": [f"{self.names[i]} {row[i]}." for i, row in zip(chosen, texts, strict=True)],
        }


@dataclass(frozen=True, eq=False)
class Readouts(Panel):
    """Numbers with their names.

    Attributes
    ----------
    names : tuple of str, length N
    texts : tuple of tuple of str, shape (S, N)
    """

    names: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        for step, row in enumerate(self.texts):
            self._expect(f"step {step} of the texts", (len(row),), (len(self.names),))

    @property
    def steps(self) -> int:
        return len(self.texts)

    def wire(self) -> dict[str, Any]:
        return {"names": self.names, "texts": self.texts}


@dataclass(frozen=True, eq=False)
class Stage:
    """Panels under one slider.

    Attributes
    ----------
    label : str
        What the slider chooses.
    steps : tuple of str, length S
        Its places as shown.
    panels : tuple of Panel
    start : int
        Where it begins with a new subject.
    alts : tuple of str, length S
        The finding of each step in a sentence.
    subject : str
        What is shown; while it stays the same, so does the slider's place.
    sound : bytes
        An audio file whose playing moves the slider; empty where there is none.
    seconds : tuple of float, length S
        Where each step stands in the sound, rising.
    """

    label: str
    steps: tuple[str, ...]
    panels: tuple[Panel, ...]
    start: int
    alts: tuple[str, ...]
    subject: str
    sound: bytes = b""
    seconds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < len(self.steps):
            raise ValueError(f"the slider cannot begin at step {self.start} of {len(self.steps)}")
        if len(self.alts) != len(self.steps):
            raise ValueError(f"{len(self.alts)} findings for {len(self.steps)} steps")
        for panel in self.panels:
            if panel.steps != len(self.steps):
                raise ValueError(f"{panel.title!r} has {panel.steps} steps, the stage {len(self.steps)}")
        if self.sound and len(self.seconds) != len(self.steps):
            raise ValueError(f"{len(self.seconds)} moments of the sound for {len(self.steps)} steps")


def wire(stage: Stage) -> dict[str, Any]:
    """Write a stage as what JSON can say; arrays as in ``charts.packed``."""
    sound = {
        "data": base64.b64encode(stage.sound).decode(),
        "seconds": stage.seconds,
        "words": {"play": _("Play"), "pause": _("Pause")},
    }
    return {
        "label": stage.label,
        "steps": stage.steps,
        "start": stage.start,
        "alts": stage.alts,
        "subject": stage.subject,
        "panels": [
            {"kind": type(panel).__name__, "title": panel.title, "span": panel.span, **panel.wire()} for panel in stage.panels
        ],
        **({"sound": sound} if stage.sound else {}),
    }


def colours() -> np.ndarray:
    """Make the heat maps' lookup table.

    Returns
    -------
    np.ndarray, uint8, shape (256, 4)
        Red, green, blue and opacity of each int8 level, found at ``level & 255``; 0 is black, which no other level is.
    """
    level = np.arange(-127, 128)
    deep = np.maximum(np.abs(level) - 0.5, 0) / 126.5  # 0 palest, 1 deepest
    stops = _rgb(DIVERGING)  # (6, 3)
    table = np.zeros((256, 4), np.uint8)
    for sign, towards in ((-1, stops[2::-1]), (1, stops[3:])):
        one = np.sign(level) == sign
        table[level[one] & 255, :3] = np.rint([np.interp(deep[one], [0, 0.5, 1], channel) for channel in towards.T]).T
    table[-128 & 255] = table[-127 & 255]
    table[0, :3] = _rgb([BLACK])[0]
    table[:, 3] = 255
    return table


def _rgb(names: Sequence[str]) -> np.ndarray:
    return np.array([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in names])  # (n, 3)


def _ticks(top: int) -> list[int]:
    size = 10 ** (len(str(top)) - 1)
    step = next(step for step in (size // 5, size // 2, size, 2 * size, 5 * size) if step and top / step <= 5)
    return list(range(0, top + 1, step))
