"""Which words a network takes for which, and which training clips are nearest to a sound, to a Plotly figure and sentences."""

import html
from collections.abc import Mapping
from typing import Any

import numpy as np

from l1demo.charts import ZERO, Chart, packed, percent
from l1demo.text import _

INK = "#10202a"  # of numbers on cells, which are light in the dark, too
COUNTED = 24  # words up to which a table of them has room for numbers


def confusion(found: Mapping[str, Any], subject: str) -> Chart:
    """Draw how many clips of each word were heard as which; rows are what was said, columns what was heard.

    Parameters
    ----------
    found : mapping
        ``tasks.confusion``'s result.
    subject : str
    """
    names, table = [html.escape(word) for word in found["words"]], counts(found)
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    right = np.eye(len(names), dtype=bool)
    cell = {"type": "heatmap", "x": names, "y": names, "zmin": 0, "zmax": 1, "showscale": False}
    cell |= {"hoverongaps": False, "xgap": 1, "ygap": 1, "textfont": {"color": INK}}
    cell |= {"texttemplate": "%{text}"} if len(names) <= COUNTED else {}
    traces = [
        cell
        | {"z": packed(np.where(shown & (table > 0), share, np.nan).astype(np.float32)), "colorscale": [[0, pale], [1, full]]}
        | {"text": np.where(shown & (table > 0), table.astype(str), "").tolist()}
        | {"hovertemplate": hover + "<extra></extra>"}
        for shown, pale, full, hover in (
            (right, "#d5ece7", ZERO, _("{said} heard right: {n}").format(said="%{y}", n="%{text}")),
            (~right, "#fae6d3", "#e8914a", _("{said} heard as {heard}: {n}").format(said="%{y}", heard="%{x}", n="%{text}")),
        )
    ]
    layout = {
        "uirevision": subject,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "showlegend": False,
        "xaxis": {"title": {"text": _("heard")}, "type": "category", "automargin": True, "showgrid": False, "fixedrange": True},
        "yaxis": {"title": {"text": _("said")}, "type": "category", "automargin": True, "showgrid": False, "fixedrange": True}
        | {"autorange": "reversed", "ticksuffix": " "},
    }
    return Chart({"data": traces, "layout": layout}, confusion_finding(found), subject)


def cell(words: tuple[str, ...], x: str, y: str) -> tuple[str, str] | None:
    """Return what was said and what was heard in the cell of ``confusion`` at x and y; None where there is no such cell."""
    names = {html.escape(word): word for word in words}
    return (names[y], names[x]) if x in names and y in names else None


def counts(found: Mapping[str, Any]) -> np.ndarray:
    """Count clips by what was said and what was heard, int64 (C, C)."""
    table = np.zeros((len(found["words"]),) * 2, np.int64)
    np.add.at(table, (found["said"], found["heard"]), 1)
    return table


def worst(table: np.ndarray) -> tuple[int, int] | None:
    """Return the word that is most often heard as another, and as which; None where all are heard right."""
    wrong = np.where(np.eye(len(table), dtype=bool), 0, table)
    said, heard = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return (int(said), int(heard)) if wrong.any() else None


def confusion_finding(found: Mapping[str, Any]) -> str:
    """Say how many clips are heard right, and which word is most often taken for which."""
    table, words = counts(found), found["words"]
    answered = np.flatnonzero(table.sum(0))
    if len(answered) == 1:
        return _("It answers “{word}” to each of the {n} validation clips: it is deaf.").format(
            word=words[answered[0]], n=table.sum()
        )
    said = _("It hears {right} of the {n} validation clips right.").format(
        right=percent(np.trace(table) / table.sum()), n=table.sum()
    )
    if (pair := worst(table)) is None:
        return said
    return f"{said} " + _("Most often it hears “{said}” as “{heard}”: {n} of {of} clips.").format(
        said=words[pair[0]], heard=words[pair[1]], n=table[pair], of=table[pair[0]].sum()
    )


def nearest_finding(found: Mapping[str, Any]) -> str:
    """Say what the nearest training clips say; ``found`` is ``tasks.nearest_clips``'s result."""
    words, distances = found["words"], found["distances"]
    most = max(dict.fromkeys(words), key=words.count)
    return _(
        "Of the {n} nearest training clips, {k} say “{word}”. The nearest is {near:.2f} away; half of all {of:,} are farther than "
        "{middle:.2f}."
    ).format(n=len(words), k=words.count(most), word=most, near=distances[0], of=found["of"], middle=found["median"])
