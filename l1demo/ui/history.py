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
    shown = f"{key}-{st.session_state.setdefault(key, 0)}"
    st.dataframe(
        [_row(run) for run in runs],
        key=shown,
        hide_index=True,
        height=min(400, 36 * (len(runs) + 1)),
        on_select=lambda: _choose(key, shown, runs),
        selection_mode="single-row",
        column_config={
            _("asked"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "λ": st.column_config.NumberColumn(format="%g"),
            _("accuracy"): st.column_config.NumberColumn(format="percent"),
            _("exactly 0"): st.column_config.NumberColumn(format="percent"),
        },
    )


def _choose(key: str, shown: str, runs: list[Run]) -> None:  # before the page is drawn, when widgets can still be set
    if picked := st.session_state[shown].selection.rows:
        st.session_state[key] += 1
        state.show(runs[picked[0]].spec)
        controls.replace_all(runs[picked[0]].spec)


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
