"""The live chart: a small component around ``Plotly.react``, which changes a chart where it stands."""

import hashlib
import json
import zlib
from importlib.metadata import version
from pathlib import Path

import streamlit as st
from streamlit.components import v2 as components

from l1demo.charts import Chart

FOLDER = "/l1demo"  # of the addresses below; app.py serves them
MODULE = Path(__file__).with_name("live.js")
VERSION = f"{hashlib.sha256(MODULE.read_bytes()).hexdigest()[:8]}-{version('plotly')}"

# Streamlit sends a component's code with each of its updates, so this is only the door to it.
_DOOR = """
let chart
export default (component) => {
  if (chart) chart.draw(component)
  else import(new URL("ADDRESS", location.origin)).then((module) => (chart = module).draw(component))
  return () => chart?.release(component.parentElement)
}
"""
_ADDRESS = f"{st.get_option('server.baseUrlPath').rstrip('/')}{FOLDER}/{MODULE.name}?v={VERSION}"
_component = components.component(
    "l1demo_live_chart",
    js=_DOOR.replace("ADDRESS", _ADDRESS),
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
    data = {"figure": chart.figure, "alt": chart.alt, "note": note, "height": height, "subject": chart.subject}
    if chart.steps:
        data |= {"steps": chart.steps, "steps_label": chart.steps_label}
    _component(key=key, data=zlib.compress(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()))
