"""One's own word against λ, to a Plotly figure and a sentence: at which λ does a network go deaf to it?"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from l1demo import path_charts
from l1demo.charts import TRAIN, WEIGHT, Chart, packed
from l1demo.recognise_charts import OF_SIDE, tells
from l1demo.text import _

SHADE = "rgba(43, 140, 196, 0.15)"


def deaf_at(rows: np.ndarray, said: int) -> int | None:
    """Return the first stop of a path from which on a word is no longer heard; None where it is heard at the last.

    Parameters
    ----------
    rows : np.ndarray, shape (S, C)
        The probability of each word at each λ.
    said : int
    """
    heard = np.flatnonzero([tells(p) and p.argmax() == said for p in rows])  # a deaf network may say the right word by chance
    after = int(heard[-1]) + 1 if len(heard) else 0
    return after if after < len(rows) else None


def against_lam(
    lams: np.ndarray, words: Sequence[str], rows: np.ndarray, said: int, points: Sequence[tuple[str, float, float]], subject: str
) -> Chart:
    """Draw how probable each word is in a recording along a λ path, and the said word to networks of their own.

    Parameters
    ----------
    lams : np.ndarray, shape (S,)
    words : sequence of str, length C
    rows : np.ndarray, shape (S, C)
    said : int
        The word that was said.
    points : sequence of (str, float, float)
        Of each network its name, its λ, and the probability that it gives the said word.
    subject : str
    """
    at = path_charts.places(lams)
    answers: set[int] = set(rows.argmax(1).tolist())
    rest = [i for i in range(len(words)) if i not in answers | {said}]
    traces = [
        _of_word(at, rows[:, i], "")
        | {"line": {"width": 1, "color": WEIGHT}, "opacity": 0.5, "showlegend": False, "hoverinfo": "skip"}
        for i in rest
    ]
    for i in sorted(answers - {said}):
        style = {"color": path_charts.LINES[i % len(path_charts.LINES)], "dash": "dash", "width": 1.6}
        traces.append(_of_word(at, rows[:, i], words[i]) | {"line": style})
    traces.append(
        _of_word(at, rows[:, said], words[said]) | {"line": {"color": TRAIN, "width": 3.5}, "fill": "tozeroy", "fillcolor": SHADE}
    )
    for (name, lam, p), (colour, _dash), symbol in zip(points, OF_SIDE, ("circle", "diamond", "square"), strict=False):
        x = float(np.log10(lam)) if lam > 0 else float(at[0])
        traces.append(
            {"type": "scatter", "mode": "markers", "name": html.escape(name), "x": [x], "y": [p]}
            | {"marker": {"size": 12, "color": colour, "symbol": symbol, "line": {"width": 1, "color": WEIGHT}}}
            | {"hovertemplate": f"{html.escape(name)}: %{{y:.1%}}<extra></extra>"}
        )
    layout = path_charts.axes(lams, _("probability"), subject)
    layout["xaxis"]["range"][1] = max(
        layout["xaxis"]["range"][1], *(np.log10(lam) + 0.15 for _name, lam, _p in points if lam > 0), -9
    )
    layout["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    if deaf := deaf_at(rows, said):
        layout["shapes"] = [path_charts.upright(float(at[deaf]), _("deaf"), "left")]
    return Chart({"data": traces, "layout": layout}, deaf_finding(lams, words, rows, said), subject)


def deaf_finding(lams: np.ndarray, words: Sequence[str], rows: np.ndarray, said: int) -> str:
    """Say at which λ a path goes deaf to the said word."""
    deaf = deaf_at(rows, said)
    if deaf is None:
        return _("It hears “{word}” up to the largest λ of this path, {lam:.2g}.").format(word=words[said], lam=lams[-1])
    if deaf == 0:
        return _("At no λ of this path does it hear “{word}”.").format(word=words[said])
    if not tells(rows[deaf]):
        return _("It goes deaf at λ = {lam:.2g}: from there on it cannot tell “{word}” from other words.").format(
            lam=lams[deaf], word=words[said]
        )
    return _("It goes deaf at λ = {lam:.2g}: from there on it no longer hears “{word}”, but “{other}”.").format(
        lam=lams[deaf], word=words[said], other=words[rows[deaf].argmax()]
    )


def _of_word(at: np.ndarray, p: np.ndarray, word: str) -> dict[str, Any]:
    name = html.escape(word)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": packed(at),
        "y": packed(p.astype(np.float32)),
        "name": name,
        "hovertemplate": f"{name}: %{{y:.1%}}<extra></extra>",
    }
