"""What of a sound still reaches a network: its mel bands as a chart, and the sound through them. Payoff and Recognise share it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from l1demo import payoff_charts
from l1demo.text import _
from l1demo.ui import live


def show(found: Mapping[str, Any], subject: str, key: str) -> None:
    """Draw the bands and both sounds; ``found`` is ``payoff.hearing``'s result."""
    live.chart(payoff_charts.bands(found["seen"], found["hop"], found["hertz"], found["weight"], subject), key, 340)
    left, right = st.columns(2)
    with left:
        st.caption(_("The word at 8 kHz"))
        st.audio(found["whole"])
    with right:
        st.caption(_("Through only the bands that reach the network"))
        st.audio(found["through"])
