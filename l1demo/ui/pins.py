"""The pinned runs, which stand beside each other: kept for the visit, and in the URL for a reload and for others."""

from collections.abc import Iterable

import streamlit as st

from l1demo.compare_charts import MOST
from l1demo.store import Run
from l1demo.text import _
from l1demo.ui import state


def ids() -> tuple[str, ...]:
    """Return the ids of what is pinned: in this visit, else by the URL."""
    if "pins" not in st.session_state:
        put(filter(None, st.query_params.get("pin", "").split(",")))
    return st.session_state.pins


def runs() -> list[Run]:
    """Return what is pinned; a run that is not here is let go of with a sentence."""
    found = [run for run_id in ids() if (run := state.find(run_id))]
    if len(found) < len(ids()):
        state.refuse(_("A pinned run is left out, because it has not been made here, or was deleted."))
        st.session_state.pins = tuple(run.id for run in found)
    return found


def put(wanted: Iterable[str]) -> None:
    """Pin these runs and no others; more than fit are refused with a sentence, and the first ones stay."""
    wanted = tuple(dict.fromkeys(wanted))
    if len(wanted) > MOST:
        state.refuse(_("{n} runs fit beside each other; unpin one to pin another.").format(n=MOST))
    st.session_state.pins = wanted[:MOST]


def write_url(page: str) -> None:
    """Write what is pinned into the page's URL; once for each visit to a page, as ``state.shown`` does and says why."""
    wanted = {"pin": ",".join(ids())} if ids() else {}
    if st.session_state.get("written") != (page, ids()):
        st.session_state.written = (page, ids())
        if st.query_params.to_dict() != wanted:
            st.query_params.from_dict(wanted)
