"""Earlier runs as a table: one is chosen to be shown, or several are pinned, renamed and deleted."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Literal

import streamlit as st

from l1demo import differences, engine
from l1demo.choices import NAMES
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import controls, identity, pins, run_view, state

ALL = 1000  # runs of a visitor, newest first
ROW, ROWS = 35, 5  # pixels, and rows that are seen without scrolling


def mine() -> list[Run]:
    """Return the newest runs that this visitor asked for, without rows; none, with a sentence, where they cannot be read."""
    try:
        return engine.current().history(identity.visitor(), ALL)
    except StoreError as error:
        st.warning(str(error))
        return []


def table(key: str) -> None:
    """Show the runs of this visitor; choosing a row makes that run the one that is shown."""
    runs = mine()
    if not runs:
        st.caption(_("No run has been made yet."))
        return
    # The number in the key makes a fresh table after each choice, so that the same row can be chosen again.
    shown = f"{key}-{st.session_state.setdefault(key, 0)}"
    _draw(runs, shown, partial(_choose, key, shown, runs), "single-row")


def chooser(key: str, runs: Sequence[Run]) -> None:
    """Show runs as a table that filters; its marked rows are pinned, and can be renamed and deleted."""
    listed = _filtered(key, runs)
    places = [i for i, run in enumerate(listed) if run.id in pins.ids()]
    st.session_state[key] = {"selection": {"rows": places, "columns": [], "cells": []}}
    _draw(listed, key, partial(_pin, key, [run.id for run in listed]), "multi-row")
    marked = [run for run in runs if run.id in pins.ids()]
    with st.container(horizontal=True):
        if st.button(_("Rename"), icon=":material/edit:", disabled=not marked, help=_("Give the pinned runs names of your own.")):
            rename(marked)
        if st.button(_("Delete"), icon=":material/delete:", disabled=not runs, help=_("Take runs off your list.")):
            delete(runs, [run.id for run in marked])


def called(run: Run) -> str:
    """Call a run as its visitor does, else by its settings."""
    return run.name or differences.in_full(run.spec)


@st.dialog(_("Rename"))
def rename(runs: Sequence[Run]) -> None:
    """Ask for the names of runs."""
    with st.form("rename", border=False):
        for run in runs:
            st.text_input(differences.in_full(run.spec), run.name, key=f"name-{run.id}")
        if st.form_submit_button(_("Save"), type="primary", on_click=_rename, args=(runs,)):
            st.rerun()


@st.dialog(_("Delete runs"))
def delete(runs: Sequence[Run], marked: Sequence[str]) -> None:
    """Ask once which runs to delete, and delete them."""
    names = {run.id: called(run) for run in runs}
    chosen = st.multiselect(_("Runs"), list(names), list(marked), format_func=names.__getitem__, key="delete-runs")
    st.markdown(
        _(
            "Their curves and weights are deleted and cannot be brought back; a run under way is stopped. "
            "Others who asked for the same run keep it in their lists."
        )
    )
    with st.container(horizontal=True):
        gone = st.button(
            _("Delete {n}").format(n=len(chosen)), type="primary", disabled=not chosen, on_click=_delete, key="delete-now"
        )
        if st.button(_("Keep all"), key="delete-none") or gone:
            st.rerun()


def _rename(runs: Sequence[Run]) -> None:
    for run in runs:
        if (name := st.session_state[f"name-{run.id}"]) != run.name:
            state.attempt(engine.current().rename, run.id, identity.visitor(), name)


def _delete() -> None:
    for run_id in st.session_state["delete-runs"]:
        if state.attempt(engine.current().delete, run_id, identity.visitor()):
            pins.put(pinned for pinned in pins.ids() if pinned != run_id)
            if st.session_state.get("shown") == run_id:
                del st.session_state.shown


def _filtered(key: str, runs: Sequence[Run]) -> list[Run]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            _("Search"), key=f"{key}-words", placeholder=_("name, λ, penalty, voices, state …"), label_visibility="collapsed"
        )
        with st.popover(_("Filter"), icon=":material/filter_list:"):
            lams = st.multiselect("λ", sorted({_lam(run) for run in runs}), format_func="{:g}".format, key=f"{key}-lams")
            penalties = st.multiselect(_("Penalty"), sorted({_penalty(run) for run in runs}), key=f"{key}-penalties")
            states = st.multiselect(_("State"), sorted({run_view.STATE_WORDS[run.state] for run in runs}), key=f"{key}-states")
    return [
        run
        for run in runs
        if (not lams or _lam(run) in lams)
        and (not penalties or _penalty(run) in penalties)
        and (not states or run_view.STATE_WORDS[run.state] in states)
        and all(word in _text(run) for word in words.casefold().split())
    ]


def _draw(runs: Sequence[Run], key: str, on_select: partial[None], mode: Literal["single-row", "multi-row"]) -> None:
    st.dataframe(
        [_row(run) for run in runs],
        key=key,
        hide_index=True,
        height=ROW * (min(ROWS, max(1, len(runs))) + 1) + 3,
        on_select=on_select,
        selection_mode=mode,
        placeholder=differences.NOTHING,
        column_config={
            _("asked"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "λ": st.column_config.NumberColumn(format="%g"),
            _("accuracy"): st.column_config.NumberColumn(format="percent"),
            _("exactly 0"): st.column_config.NumberColumn(format="percent"),
        },
    )


def _choose(key: str, shown: str, runs: Sequence[Run]) -> None:  # before the page is drawn, when widgets can still be set
    if picked := st.session_state[shown].selection.rows:
        st.session_state[key] += 1
        state.show(runs[picked[0]].spec)
        controls.replace_all(runs[picked[0]].spec)


def _pin(key: str, listed: Sequence[str]) -> None:
    rows: list[int] = st.session_state[key].selection.rows
    marked = [listed[i] for i in rows]
    pins.put([pinned for pinned in pins.ids() if pinned in marked or pinned not in listed] + marked)


def _row(run: Run) -> dict[str, object]:
    last = run.last or {}
    return {
        _("name"): run.name,
        _("asked"): datetime.fromtimestamp(run.created),
        "λ": _lam(run),
        _("penalty"): _penalty(run),
        _("seed"): run.spec.seed,
        _("state"): run_view.STATE_WORDS[run.state],
        _("epochs"): last.get("epoch", 0),
        _("accuracy"): last.get("val_accuracy"),
        _("exactly 0"): last.get("exact_zero_fraction"),
        _("voices"): differences.voices(run.spec),
        _("method"): _(NAMES[run.spec.penalty.method]),
    }


def _lam(run: Run) -> float:
    return (run.last or {}).get("lam", run.spec.lam)


def _penalty(run: Run) -> str:
    kind = _(NAMES[run.spec.penalty.kind])
    return _("{penalty}, λ changes").format(penalty=kind) if run.spec.changes else kind


def _text(run: Run) -> str:
    return " ".join(map(str, [*_row(run).values(), f"{_lam(run):g}", differences.in_full(run.spec)])).casefold()
