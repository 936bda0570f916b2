"""How many clips a class has of each word, to a Plotly figure and a sentence."""

import html
from collections import Counter
from collections.abc import Sequence
from typing import Any

from l1demo.charts import MARGIN, TRAIN, WEIGHT, Chart
from l1demo.class_rules import ENOUGH, ClassSet, Clip
from l1demo.text import _


def words(class_set: ClassSet, clips: Sequence[Clip]) -> Chart:
    """Draw the clips of each word as bars, and how many are suggested as a line."""
    of = Counter(clip.word for clip in clips)
    counts = [of[word] for word in class_set.words]
    bars = {
        "type": "bar",
        "x": [html.escape(word) for word in class_set.words],
        "y": counts,
        "text": list(map(str, counts)),
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": _("{word}: {n} clips").format(word="%{x}", n="%{y}") + "<extra></extra>",
        "marker": {"color": TRAIN},
    }
    label = {"text": _("suggested"), "font": {"size": 10}, "textposition": "end", "xanchor": "right", "textangle": 0}
    line = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": ENOUGH, "y1": ENOUGH, "label": label}
    layout: dict[str, Any] = {
        "margin": MARGIN,
        "uirevision": class_set.id,
        "showlegend": False,
        "xaxis": {"type": "category", "fixedrange": True},
        "yaxis": {"title": {"text": _("clips")}, "range": [0, 1.2 * max(ENOUGH, *counts)], "fixedrange": True},
        "shapes": [line | {"line": {"color": WEIGHT, "width": 1, "dash": "dash"}}],
    }
    return Chart({"data": [bars], "layout": layout}, finding(class_set, clips), class_set.id)


def finding(class_set: ClassSet, clips: Sequence[Clip]) -> str:
    """Say how many clips there are, of how many voices, and which word has the fewest."""
    if not clips:
        return _("No clip has been recorded yet.")
    of = Counter(clip.word for clip in clips)
    fewest = min(class_set.words, key=of.__getitem__)
    there = _("Clips: {n}, voices: {voices}.").format(n=len(clips), voices=len({clip.session for clip in clips}))
    if of[fewest] < ENOUGH:
        more = _("“{word}” has the fewest: {n} of the {enough} that are suggested.").format(
            word=fewest, n=of[fewest], enough=ENOUGH
        )
    else:
        more = _("Every word has the {enough} that are suggested, or more.").format(enough=ENOUGH)
    return f"{there} {more}"
