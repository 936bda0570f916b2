"""Earlier runs as a table; a click on one shows it."""

from datetime import datetime

import streamlit as st

from l1demo import engine
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import controls, identity, run_view, state


def table(key: str) -> None:
    """Show the newest runs that this visitor asked for; choosing a row makes that run the one that is shown."""
    try:
        runs = engine.current().history(identity.visitor())
    except StoreError as error:
        st.warning(str(error))
        return
    if not runs:
        st.caption(_("No run has been made yet."))
        return
    # The number in the key makes a fresh table after each choice, so that the same row can be chosen again.
    turn = st.session_state.setdefault(f"{key}-turn", 0)
    picked = st.dataframe(
        [_row(run) for run in runs],
        key=f"{key}-{turn}",
        hide_index=True,
        height=min(400, 36 * (len(runs) + 1)),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            _("asked"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "λ": st.column_config.NumberColumn(format="%g"),
            _("accuracy"): st.column_config.NumberColumn(format="percent"),
            _("exactly 0"): st.column_config.NumberColumn(format="percent"),
        },
    ).selection.rows
    if picked:
        st.session_state[f"{key}-turn"] = turn + 1
        state.show(runs[picked[0]].spec)
        controls.replace_all(runs[picked[0]].spec)
        st.rerun()


def _row(run: Run) -> dict[str, object]:
    last = run.last or {}
    return {
        _("asked"): datetime.fromtimestamp(run.created),
        "λ": run.spec.lam,
        _("penalty"): _(controls.NAMES[run.spec.penalty.kind]),
        _("method"): _(controls.NAMES[run.spec.penalty.method]),
        _("seed"): run.spec.seed,
        _("state"): run_view.STATE_WORDS[run.state],
        _("epochs"): last.get("epoch", 0),
        _("accuracy"): last.get("val_accuracy"),
        _("exactly 0"): last.get("exact_zero_fraction"),
    }
