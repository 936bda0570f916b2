"""What networks hear in a recording, to sentences, panels and figures: the answer, over time, and which instants mattered."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1demo import path_charts
from l1demo.charts import TRAIN, VALIDATION, WEIGHT, ZERO, Chart, packed, percent
from l1demo.stage import COLUMNS, Bars, Curves, Panel, Stage
from l1demo.text import _

MOST = 3  # networks beside each other
WORDS = 12  # bars of a network; of more words the most probable ones
NAMED = 0.2  # the probability from which on a word's line has a name
UNSURE = 0.9  # of the entropy of guessing: from there on a network cannot tell
NOTHING = 0.01  # nats: an instant that costs no more does not matter
OF_SIDE = ((TRAIN, "solid"), (ZERO, "dash"), (VALIDATION, "dot"))  # colour is never the only sign


@dataclass(frozen=True, eq=False)
class Side:
    """A network on the page, and what it hears of the sound.

    Attributes
    ----------
    label : str
    heard : mapping
        ``recognition.heard``'s result.
    """

    label: str
    heard: Mapping[str, Any]

    @property
    def words(self) -> tuple[str, ...]:
        return self.heard["words"]

    @property
    def over_time(self) -> np.ndarray:
        """Probabilities, (S, C)."""
        return self.heard["probabilities"]

    @property
    def last(self) -> np.ndarray:
        """Probabilities of the whole clip, (C,)."""
        return self.over_time[-1]

    @property
    def best(self) -> int:
        """The word that is heard."""
        return int(self.last.argmax())


def tells(p: np.ndarray) -> bool:
    """Say whether probabilities (C,) tell one word from the others, or are about those of guessing."""
    part = p / p.sum()
    entropy = -float((part * np.log(np.maximum(part, 1e-300))).sum())
    return entropy < UNSURE * np.log(len(p))


def answer(words: Sequence[str], p: np.ndarray) -> tuple[str, str]:
    """Say which word is heard and how sure the network is, and below it the second guess; or that it cannot tell.

    Parameters
    ----------
    words : sequence of str, length C
    p : np.ndarray, shape (C,)
        The probability of each.
    """
    best, second = (int(i) for i in np.argsort(-p, kind="stable")[:2])
    if not tells(p):
        return _("It cannot tell"), _("Its best guess is “{word}” with {p}; who guesses gives each word {guess}.").format(
            word=words[best], p=percent(p[best]), guess=percent(1 / len(p))
        )
    return (
        _("It heard “{word}”, {p} sure").format(word=words[best], p=percent(p[best])),
        _("Second guess: “{word}”, {p}").format(word=words[second], p=percent(p[second])),
    )


def stage(sides: Sequence[Side], subject: str) -> Stage:
    """Put what up to three networks hear over a clip's time under one slider, which moves as the clip plays.

    Parameters
    ----------
    sides : sequence of Side
        Of the same sound; the moments are those of the first.
    subject : str
        Which sound it is; while it stays the same, the slider keeps its place.
    """
    seconds = sides[0].heard["seconds"]
    panels: list[Panel] = []
    bars = [_bars(side, seconds, 4 if len(sides) == 1 else COLUMNS // len(sides)) for side in sides]
    curves = [
        Curves(
            _("{network}: each word over time").format(network=side.label),
            8 if len(sides) == 1 else COLUMNS // len(sides),
            over_time(side, f"{subject}{side.label}"),
            seconds,
            250,
        )
        for side in sides
    ]
    panels += [*bars, *curves, Curves(_("Which instants mattered"), COLUMNS, instants(sides, subject), seconds, 420)]
    at = [_moments(side, seconds) for side in sides]
    alts = tuple(
        _("{seconds:.2f} s: {parts}.").format(
            seconds=seconds[i],
            parts="; ".join(
                f"{side.label}: “{side.words[p.argmax()]}” {percent(p.max())}"
                for side, p in ((side, side.over_time[places[i]]) for side, places in zip(sides, at, strict=True))
            ),
        )
        for i in range(len(seconds))
    )
    steps = tuple(_("{seconds:.2f} s").format(seconds=each) for each in seconds)
    return Stage(
        _("Time"), steps, tuple(panels), len(seconds) - 1, alts, subject, sides[0].heard["whole"], tuple(map(float, seconds))
    )


def over_time(side: Side, subject: str) -> Chart:
    """Draw each word's probability if the clip ended at each moment; words that never come near have no name."""
    seconds, rows = side.heard["seconds"], side.over_time
    named = [i for i in np.argsort(-rows.max(0), kind="stable") if rows[:, i].max() >= NAMED or i == side.best]
    traces = []
    for i, word in enumerate(side.words):
        line = {
            "type": "scatter",
            "mode": "lines",
            "x": packed(seconds.astype(np.float32)),
            "y": packed(rows[:, i].astype(np.float32)),
        }
        if i not in named:
            traces.append(line | {"line": {"width": 1, "color": WEIGHT}, "opacity": 0.5, "showlegend": False, "hoverinfo": "skip"})
            continue
        style = {
            "color": path_charts.LINES[i % len(path_charts.LINES)],
            "dash": path_charts.DASHES[i // len(path_charts.LINES) % len(path_charts.DASHES)],
            "width": 3 if i == side.best else 1.8,
        }
        traces.append(
            line
            | {
                "name": html.escape(word),
                "line": style,
                "hovertemplate": f"%{{x:.2f}} s<br>{html.escape(word)}: %{{y:.1%}}<extra></extra>",
            }
        )
    layout = _layout(subject) | {
        "xaxis": {"title": {"text": _("time (s)")}, "range": [0, 1.02 * float(seconds[-1])]},
        "yaxis": {"range": [0, 1.02], "tickformat": ".0%"},
    }
    return Chart({"data": traces, "layout": layout}, over_time_finding(side), subject)


def instants(sides: Sequence[Side], subject: str) -> Chart:
    """Draw the clip as the first network sees it, and below how much each stretch of it mattered to each."""
    first = sides[0].heard
    rows = [f"{h:,.0f} Hz" for h in first["hertz"]]
    traces: list[dict[str, Any]] = [
        {"type": "heatmap", "z": packed(first["seen"]), "x0": _centre(first), "dx": first["hop"], "y": rows, "zmid": 0}
        | {"colorscale": "RdBu", "showscale": False, "hovertemplate": "%{x:.3f} s<br>%{y}<br>%{z:.1f}<extra></extra>"}
    ]
    for side, (colour, dash) in zip(sides, OF_SIDE, strict=False):
        drop = side.heard["drop"]
        traces.append(
            {"type": "scatter", "mode": "lines", "name": html.escape(f"{side.label}: “{side.words[side.best]}”"), "yaxis": "y2"}
            | {"x": packed((_centre(side.heard) + side.heard["hop"] * np.arange(len(drop))).astype(np.float32))}
            | {"y": packed(drop.astype(np.float32)), "line": {"color": colour, "dash": dash, "width": 2.2}, "showlegend": True}
            | {"hovertemplate": "%{x:.2f} s: %{y:.2f}<extra></extra>"}
        )
    layout = _layout(subject) | {
        "margin": {"l": 72, "r": 12, "t": 28, "b": 40},
        "xaxis": {"title": {"text": _("time (s)")}, "range": [0, 1.01 * float(first["seconds"][-1])], "anchor": "y2"},
        "yaxis": {"type": "category", "title": {"text": _("mel band")}, "nticks": 6, "tickangle": 0, "domain": [0.42, 1]},
        "yaxis2": {"title": {"text": _("lost, ln p")}, "domain": [0, 0.36], "zeroline": True, "nticks": 4},
    }
    return Chart({"data": traces, "layout": layout}, " ".join(map(instant_finding, sides)), subject)


def _bars(side: Side, seconds: np.ndarray, span: int) -> Bars:
    chosen = np.sort(np.argsort(-side.over_time.max(0), kind="stable")[:WORDS])
    return Bars(side.label, span, tuple(side.words[i] for i in chosen), side.over_time[_moments(side, seconds)][:, chosen])


def _moments(side: Side, seconds: np.ndarray) -> np.ndarray:
    """Which of a network's own moments is the last before each of others."""
    found = np.searchsorted(side.heard["seconds"], seconds + 1e-9, "right") - 1
    found[-1] = len(side.over_time) - 1  # the end is the end, though its last frame may end a little later
    return np.maximum(found, 0)


def _centre(heard: Mapping[str, Any]) -> float:
    return float(heard["seconds"][0]) / 2  # of the first frame


def over_time_finding(side: Side) -> str:
    """Say from when on a network gives its answer."""
    word, best = side.words[side.best], side.over_time.argmax(1)
    if not tells(side.last):
        return _("At the end it cannot tell: no word stands out.")
    changed = np.flatnonzero(best != side.best)
    if not len(changed):
        return _("Its answer is “{word}” from the first moment on.").format(word=word)
    first = int(changed[-1]) + 1
    return _("From {seconds:.2f} s on its answer is “{word}”; just before it was “{other}”.").format(
        seconds=side.heard["seconds"][first], word=word, other=side.words[best[first - 1]]
    )


def instant_finding(side: Side) -> str:
    """Say which instant matters most to a network, and how much."""
    drop, p = side.heard["drop"], side.last[side.best]
    at = int(drop.argmax())
    if drop[at] <= NOTHING:
        return _("{network}: no instant matters.").format(network=side.label)
    return _("{network}: without the 80 ms around {seconds:.2f} s, “{word}” falls from {p} to {less}.").format(
        network=side.label,
        seconds=_centre(side.heard) + at * side.heard["hop"],
        word=side.words[side.best],
        p=percent(p),
        less=percent(float(p * np.exp(-drop[at]))),
    )


def _layout(subject: str) -> dict[str, Any]:
    return {
        "margin": {"l": 44, "r": 8, "t": 28, "b": 40},
        "uirevision": subject,
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    }
