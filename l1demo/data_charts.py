"""A corpus to Plotly figures: who says what how often, and how its clips divide between training and validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1demo.charts import MARGIN, TRAIN, VALIDATION, ZERO, Chart, packed
from l1demo.text import _

READABLE = 40  # names of speakers that can be read below an axis; of more, the pointer tells


def counts(name: str, words: Sequence[str], speakers: Sequence[str], clips: np.ndarray) -> Chart:
    """Draw how many clips of each word each speaker gave.

    Parameters
    ----------
    name : str
        The corpus, as the subject of the chart.
    words : sequence of str, length W
    speakers : sequence of str, length S
    clips : np.ndarray of int, shape (W, S)
    """
    heat = {
        "type": "heatmap",
        "z": packed(clips.astype(np.int32)),
        "x": list(speakers),
        "y": list(words),
        "zmin": 0,
        "zmax": max(1, int(clips.max())),
        "colorscale": "Viridis",
        "hovertemplate": _("“{word}” by {speaker}: {n} clips").format(word="%{y}", speaker="%{x}", n="%{z}") + "<extra></extra>",
        "colorbar": {"title": {"text": _("clips"), "side": "right"}, "thickness": 10, "tickformat": "d"},
    }
    layout = {
        "margin": {**MARGIN, "l": 72, "t": 8, "b": 44},
        "uirevision": name,
        "xaxis": _speaker_axis(speakers),
        "yaxis": {"type": "category", "autorange": "reversed", "tickangle": 0},
    }
    return Chart({"data": [heat], "layout": layout}, _counts_finding(words, speakers, clips), name)


def division(name: str, divided: dict[str, Any]) -> Chart:
    """Draw for each speaker how many clips are trained on, and validated on as a known or as a new voice.

    Parameters
    ----------
    name : str
        The corpus, as the subject of the chart.
    divided : dict
        What ``data_tasks.divided`` returns.
    """
    speakers, clips = divided["speakers"], divided["counts"]  # (3, S)
    parts = (
        (_("training"), TRAIN, ""),
        (_("validation, voices known from training"), ZERO, "/"),
        (_("validation, voices never heard"), VALIDATION, "x"),
    )
    kind = np.where(clips[0] > 0, 0, np.where(clips[2] > 0, 1, 2))  # the new voices stand beside each other, at the right
    order = np.lexsort((np.arange(len(speakers)), kind))
    bars = [
        {
            "type": "bar",
            "name": label,
            "x": [speakers[i] for i in order],
            "y": packed(clips[part][order].astype(np.int32)),
            "marker": {"color": colour, "line": {"width": 0}, "pattern": {"shape": shape, "fillmode": "overlay", "size": 6}},
            "hovertemplate": _("{speaker}: {n} clips, {part}").format(speaker="%{x}", n="%{y:,}", part=label) + "<extra></extra>",
        }
        for part, (label, colour, shape) in enumerate(parts)
        if clips[part].any()
    ]
    layout = {
        "barmode": "stack",
        "bargap": 0.1,
        "margin": {**MARGIN, "b": 44},
        "uirevision": name,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": _speaker_axis([speakers[i] for i in order]),
        "yaxis": {"title": {"text": _("clips")}, "rangemode": "tozero"},
    }
    return Chart({"data": bars, "layout": layout}, _division_finding(divided), name)


def _speaker_axis(speakers: Sequence[str]) -> dict[str, Any]:
    named = len(speakers) <= READABLE
    title = _("speaker") if named else _("{n:,} speakers").format(n=len(speakers))
    ticks = {"tickangle": "auto", "automargin": True} if named else {"showticklabels": False, "ticks": ""}
    return {"type": "category", "title": {"text": title}, "showgrid": False, **ticks}


def _counts_finding(words: Sequence[str], speakers: Sequence[str], clips: np.ndarray) -> str:
    of_word, of_speaker = clips.sum(1), clips.sum(0)
    rarest, commonest = int(of_word.argmin()), int(of_word.argmax())
    if of_word[rarest] == of_word[commonest]:
        said = _("Every word has {n:,} clips").format(n=of_word[rarest])
    else:
        said = _("The words have from {low:,} clips (“{rarest}”) to {high:,} (“{commonest}”)").format(
            low=of_word[rarest], rarest=words[rarest], high=of_word[commonest], commonest=words[commonest]
        )
    low, high = of_speaker.min(), of_speaker.max()
    if len(speakers) == 1:
        return _("{said}, all by one speaker.").format(said=said)
    if low == high:
        return _("{said}; each of the {s:,} speakers gave {n:,}.").format(said=said, s=len(speakers), n=low)
    return _("{said}; the {s:,} speakers gave from {low:,} to {high:,} each.").format(
        said=said, s=len(speakers), low=low, high=high
    )


def _division_finding(divided: dict[str, Any]) -> str:
    clips = divided["counts"]
    train, seen, unseen = (int(n) for n in clips.sum(1))
    voices = [int(n) for n in (clips > 0).sum(1)]
    said = _("{n:,} clips of {voices} are trained on").format(n=train, voices=_voices(voices[0]))
    if divided["also"]:
        said += _(", beside {n:,} of another corpus").format(n=divided["also"])
    if divided["wrong"]:
        said += _("; {n:,} of them say a wrong word on purpose").format(n=divided["wrong"])
    parts = []
    if unseen:
        parts.append(_("{n:,} of {voices} never heard in training").format(n=unseen, voices=_voices(voices[2])))
    if seen:
        parts.append(_("{n:,} others of {voices} known from it").format(n=seen, voices=_voices(voices[1])))
    if divided["elsewhere"]:
        parts.append(_("{n:,} of another corpus").format(n=divided["elsewhere"]))
    said += ". " + _("Validation: {parts}.").format(parts=_(" and ").join(parts))
    if divided["untaught"]:
        said += " " + _("Nobody says “{words}” in training, so that cannot be learned; choose another split.").format(
            words=_("” and “").join(divided["untaught"])
        )
    if divided["unused"]:
        said += " " + _("{n:,} clips have no part in this.").format(n=divided["unused"])
    return said


def _voices(n: int) -> str:
    return _("one voice") if n == 1 else _("{n:,} voices").format(n=n)
