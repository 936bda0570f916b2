"""Hands on a training: begin, pause, go on, one epoch at a time, slow motion, another λ in mid-run, a new start."""

import streamlit as st

from l1demo import engine
from l1demo.store import DONE, PAUSED, Run
from l1demo.text import _
from l1demo.ui import controls, identity, starts, state

SLOW = 1.5  # seconds between epochs in slow motion: time for a sentence about each


def buttons(run: Run | None) -> None:
    """Draw what can be done with the chosen settings and with the run that is shown; always the same buttons."""
    under_way, paused = run is not None and not run.ended, run is not None and run.state == PAUSED
    with st.container(horizontal=True):
        st.button(_("Train"), type="primary", icon=":material/play_arrow:", on_click=_train)
        if paused:
            st.button(_("Go on"), key="pause", icon=":material/resume:", on_click=_go_on, args=(run,))
        else:
            st.button(_("Pause"), key="pause", icon=":material/pause:", on_click=_pause, args=(run,), disabled=not under_way)
        st.button(
            _("One epoch"),
            icon=":material/skip_next:",
            on_click=_one_epoch,
            args=(run,),
            disabled=run is not None and run.state == DONE and run.spec == state.spec(),
            help=_("Train one epoch, then pause."),
        )
        st.button(
            _("Stop"),
            icon=":material/stop:",
            on_click=state.stop,
            args=(run.id if run else "",),
            disabled=not (under_way or paused),
        )
    if "slow" not in st.session_state:  # a reload, or a link
        st.session_state.slow = run is not None and not run.ended and run.wait > 0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(_("Slow motion"), key="slow", on_change=_new_pace, args=(run,))
        st.button(
            _("New start"),
            icon=":material/casino:",
            on_click=_new_start,
            help=_("Train with other first weights and another order of clips. Train alone always starts from the same."),
        )
    _change_of_lam(run)


def _change_of_lam(run: Run | None) -> None:
    if run is None or (run.ended and run.state != PAUSED) or run.spec.penalty.kind == "none":
        return
    chosen = state.spec().lam
    if state.spec() == run.spec or chosen == run.spec.lam_at(len(run.rows) + 1):
        st.caption(_("Move λ to change it in the midst of this run."))
    else:
        st.button(_("Go on with λ = {lam:g}").format(lam=chosen), icon=":material/alt_route:", on_click=_change, args=(run, chosen))


def _wait() -> float:
    return SLOW if st.session_state.get("slow") else 0.0


def _train() -> None:
    if state.submit(state.spec(), wait=_wait()):
        state.show(state.spec())


def _new_start() -> None:
    spec = state.spec()
    seed = starts.next_seed(lambda seed: [spec.with_values(seed=seed)], spec.seed)
    if seed is not None:
        state.choose(seed=seed)
        controls.replace_all(state.spec())
        _train()


def _pause(run: Run) -> None:
    state.attempt(engine.current().pause, run.id, identity.visitor())


def _go_on(run: Run) -> None:
    state.attempt(engine.current().resume, run.id, identity.visitor(), 0, _wait())


def _one_epoch(run: Run | None) -> None:
    if run is not None and not run.ended:
        state.attempt(engine.current().pace, run.id, engine.ONE_MORE, _wait(), identity.visitor())
    elif run is not None and run.state == PAUSED:
        state.attempt(engine.current().resume, run.id, identity.visitor(), engine.ONE_MORE, _wait())
    elif state.submit(state.spec(), until=engine.ONE_MORE, wait=_wait()):
        state.show(state.spec())


def _new_pace(run: Run | None) -> None:
    if run is not None and not run.ended:
        state.attempt(engine.current().pace, run.id, None, _wait(), identity.visitor())


def _change(run: Run, lam: float) -> None:
    if state.attempt(engine.current().change, run.id, lam, identity.visitor(), 0, _wait()):
        st.session_state.changing = run.id
