"""Sound to Plotly figures: a waveform, and any kind of spectrogram."""

from collections.abc import Sequence

import numpy as np

from l1demo.charts import MARGIN, TRAIN, Chart, packed
from l1demo.text import _


def waveform(low: np.ndarray, high: np.ndarray, seconds: float, subject: str) -> Chart:
    """Draw a recording's outline, float32 (P,) each, over its seconds."""
    step = seconds / len(low)
    line = {"width": 1, "color": TRAIN}
    both = {"type": "scatter", "mode": "lines", "x0": step / 2, "dx": step, "line": line}
    traces = [
        {**both, "y": packed(low), "hoverinfo": "skip"},
        {
            **both,
            "y": packed(high),
            "fill": "tonexty",
            "name": "",
            "hovertemplate": _("{x} s: {y}").format(x="%{x:.3f}", y="%{y:.3f}"),
        },
    ]
    layout = {
        "margin": {**MARGIN, "t": 8},
        "showlegend": False,
        "uirevision": subject,
        "xaxis": {"title": {"text": _("time (s)")}, "range": [0, seconds]},
        "yaxis": {"range": [-1, 1], "title": {"text": _("amplitude")}},
    }
    peak = max(float(-low.min()), float(high.max()))
    alt = _("{seconds:.2f} s of sound; the loudest moment reaches {peak:.0f} % of full scale.").format(
        seconds=seconds, peak=100 * peak
    )
    return Chart({"data": traces, "layout": layout}, alt, subject)


def picture(
    level: np.ndarray, hop: float, rows: Sequence[str], row_title: str, unit: str, alt: str, subject: str, centred: bool = False
) -> Chart:
    """Draw sound as a picture: time across, rows (frequencies) upward, level as brightness.

    Parameters
    ----------
    level : np.ndarray, float32, shape (R, T)
    hop : float
        Seconds from column to column.
    rows : sequence of str, length R
        What each row is, as the hover says it.
    row_title, unit, alt, subject : str
    centred : bool
        Whether 0 is a middle value: two colours instead of one brightness.
    """
    ends = {"zmid": 0, "colorscale": "RdBu"} if centred else {"colorscale": "Viridis"}
    heat = {
        "type": "heatmap",
        "z": packed(level),
        "x0": hop / 2,
        "dx": hop,
        "y": list(rows),
        "hovertemplate": f"%{{x:.3f}} s<br>%{{y}}<br>%{{z:.1f}} {unit}<extra></extra>",
        "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 10},
        **ends,
    }
    layout = {
        "margin": {**MARGIN, "l": 72, "t": 8},
        "uirevision": subject,
        "xaxis": {"title": {"text": _("time (s)")}},
        "yaxis": {"type": "category", "title": {"text": row_title}, "nticks": 8, "tickangle": 0},
    }
    return Chart({"data": [heat], "layout": layout}, alt, subject)
