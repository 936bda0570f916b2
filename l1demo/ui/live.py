"""The live chart: a small component around ``Plotly.react``, which changes a chart where it stands."""

from importlib.metadata import version
from pathlib import Path

import streamlit as st
from streamlit.components import v2 as components

from l1demo.charts import Chart
from l1demo.text import _

PLOTLY_ROUTE = "/l1demo/plotly.min.js"

_HTML = """
<div class="l1-plot" role="img"></div>
<label class="l1-steps" hidden><span></span> <input type="range" min="0" step="1"> <output></output></label>
<p class="l1-note"></p>
"""
_CSS = """
.l1-steps { display: flex; gap: 0.75rem; align-items: center; font-size: 0.875rem; }
.l1-steps[hidden] { display: none; }
.l1-steps input { flex: 1; accent-color: var(--st-primary-color); min-width: 4rem; }
.l1-steps output { min-width: 6rem; font-variant-numeric: tabular-nums; }
.l1-note { margin: 0.25rem 0 0; font-size: 0.875rem; opacity: 0.8; font-variant-numeric: tabular-nums; }
.l1-note:empty { display: none; }
"""
_component = components.component(
    "l1demo_live_chart",
    html=_HTML,
    css=_CSS,
    js=Path(__file__).with_name("live.js").read_text(encoding="utf-8"),
    isolate_styles=False,  # Plotly puts its own style sheet into the document
)


def chart(chart: Chart, key: str, height: int = 260, note: bool = True) -> None:
    """Show a chart, or update the one that stands under the same key.

    Parameters
    ----------
    chart : Chart
    key : str
        One on a page.
    height : int
        CSS pixels.
    note : bool
        Whether the finding stands below the chart for everyone; screen readers always have it.
    """
    data = {
        "figure": chart.figure,
        "alt": chart.alt,
        "note": note,
        "height": height,
        "key": chart.subject,
        "plotly": f"{st.get_option('server.baseUrlPath').rstrip('/')}{PLOTLY_ROUTE}?v={version('plotly')}",
        "failed": _("The chart cannot be drawn; reload the page."),
    }
    if chart.steps:
        data |= {"steps": chart.steps, "steps_label": chart.steps_label}
    _component(key=key, data=data)
