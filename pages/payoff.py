"""What does sparsity buy? A run's bytes and time with and without its zeros, and what the network still hears of a sound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from l1demo import engine, payoff_charts, payoff_tasks
from l1demo.engine import EngineError
from l1demo.presets import PRESETS
from l1demo.store import DONE, Run, StoreError
from l1demo.text import _
from l1demo.ui import bands, controls, history, live, run_view, sound_source, state

TRAIN = Path(__file__).with_name("train.py")
L1_LAM = 3e-4  # as accurate as the preset with group lasso: benchmarks/payoff.py
PAIR = (PRESETS["units"].with_values(penalty="l1", lam=L1_LAM), PRESETS["units"])


def weights(run_id: str) -> bytes:
    blob = engine.current().weights(run_id)
    if blob is None:
        raise StoreError(_("This run left no weights; choose another, or train it again."))
    return blob


@st.cache_data(max_entries=20, show_spinner=False)
def sizes(run_id: str, finished: float | None) -> dict[str, Any]:
    return engine.current().call(payoff_tasks.payoff_sizes, weights(run_id), timeout=30.0)


@st.cache_data(max_entries=50, show_spinner=False)
def hearing(run_id: str, finished: float | None, sound: bytes) -> dict[str, Any]:
    return engine.current().call(payoff_tasks.payoff_hearing, weights(run_id), sound)


def measured(key: str, *of: str) -> Any:
    """What was measured last under a key, if it was of this run and this sound; else None."""
    known, timed = st.session_state.get(key, (None, None))
    return timed if known == of else None


def measure(run: Run, sound: bytes) -> None:
    try:
        timed = engine.current().call(payoff_tasks.payoff_timing, weights(run.id), sound, timeout=60.0)
        st.session_state["payoff-timing"] = ((run.id, sound_source.digest(sound)), timed)
    except (EngineError, StoreError) as error:
        state.refuse(str(error))


def show_sizes(run: Run, found: dict[str, Any]) -> None:
    st.subheader(_("In memory"), anchor=False)
    live.chart(payoff_charts.sizes(found, run.id), "payoff-sizes", 300)
    st.caption(
        _(
            "Each form was written and its bytes counted. CSR keeps the column of each weight that is not 0, and where each row "
            "begins; the bitmask keeps a bit for every weight. The biases, {n:,} bytes, are in none of them."
        ).format(n=found["biases"])
    )


def show_timing(run: Run, found: dict[str, Any], sound: bytes | None) -> None:
    st.subheader(_("In time"), anchor=False)
    st.button(
        _("Measure on this computer"),
        icon=":material/timer:",
        on_click=measure,
        args=(run, sound),
        disabled=sound is None,
        help=_("One clip at a time on one thread, as often as needed for a spread: about a second."),
    )
    timed = measured("payoff-timing", run.id, sound_source.digest(sound))
    if timed is None:
        st.info(_("How long does the network take for the sound that is chosen? Measure it: it depends on this computer."))
        return
    live.chart(payoff_charts.timing(timed["ms"], payoff_charts.WAYS, run.id), "payoff-timing", 270)
    st.markdown("\n".join(f"- {sentence}" for sentence in payoff_charts.timing_findings(timed["ms"], timed["apart"], found)))


def show_hearing(run: Run, sound: bytes) -> None:
    st.subheader(_("What still reaches the network"), anchor=False)
    found = hearing(run.id, run.finished, sound)
    bands.show(found, f"{run.id}{sound_source.digest(sound)}", "payoff-bands")


def train_pair() -> None:
    for spec in PAIR:
        state.submit(spec)


def draw_pair(runs: tuple[Run, ...]) -> None:
    for column, run in zip(st.columns(len(runs), gap="medium"), runs, strict=True):
        with column:
            st.markdown(f"**{_(controls.NAMES[run.spec.penalty.kind])}, λ = {run.spec.lam:g}**")
            run_view.progress(run)
            run_view.sparsity(run)


def measure_pair(runs: list[Run], sound: bytes) -> None:
    try:
        blobs = [weights(run.id) for run in runs]
        timed = engine.current().call(payoff_tasks.payoff_timing_of_pair, *blobs, sound, timeout=60.0)
        st.session_state["payoff-pair"] = ((sound_source.digest(sound),), timed)
    except (EngineError, StoreError) as error:
        state.refuse(str(error))


def show_pair(sound: bytes | None) -> None:
    st.subheader(_("Group lasso beside L1"), anchor=False)
    st.markdown(
        _(
            "L1 asks each weight by itself whether it is needed, so its zeros lie scattered. Group lasso asks each hidden unit, "
            "with all that it hears and tells: a unit that is not needed goes as a whole, and what is left is a smaller network."
        )
    )
    spec = PRESETS["units"]
    st.caption(
        _("Both: {hidden} hidden units, {epochs} epochs on the built-in digits, validated on {split}.").format(
            hidden=spec.model.hidden, epochs=spec.training.epochs, split=_(controls.NAMES[spec.corpus.split])
        )
    )
    runs = [run for spec in PAIR if (run := state.find(spec.id))]
    st.button(
        _("Train both"),
        icon=":material/play_arrow:",
        on_click=train_pair,
        disabled=len(runs) == 2 and all(run.state == DONE or not run.ended for run in runs),
    )
    if not runs:
        return
    run_view.follow(runs, draw_pair)
    if len(runs) < 2 or not all(run.ended and run.rows for run in runs):
        return
    found = [sizes(run.id, run.finished) for run in runs]
    accuracies = [run.rows[-1]["val_accuracy"] for run in runs]
    left, right = st.columns(2, gap="medium")
    with left:
        live.chart(payoff_charts.pair(found, accuracies, runs[0].id), "payoff-pair-sizes", 230)
    with right:
        st.button(
            _("Measure both on this computer"),
            icon=":material/timer:",
            on_click=measure_pair,
            args=(runs, sound),
            disabled=sound is None,
        )
        if timed := measured("payoff-pair", sound_source.digest(sound)):
            live.chart(payoff_charts.timing(timed, payoff_charts.PAIR, runs[0].id), "payoff-pair-timing", 200)
            st.markdown(payoff_charts.pair_finding(timed))


def described(run: Run) -> str:
    """Name the network by the λ in force in its last epoch, which is another than it began with where λ changed."""
    spec = run.spec
    lam = spec.lam_at(max(1, len(run.rows)))
    known = _("λ = {lam:g}, {layers} layer(s) of {hidden} units, seed {seed}").format(
        lam=lam, layers=spec.model.layers, hidden=spec.model.hidden, seed=spec.seed
    )
    if not any(since <= len(run.rows) for since, _lam in spec.changes):
        return known
    if spec.training.fall == "each":
        return _("The end of a λ path that began with λ = {first:g}: {known}").format(first=spec.lam, known=known)
    return _("The end of a run that began with λ = {first:g}: {known}").format(first=spec.lam, known=known)


def show_run(run: Run, sound: bytes | None) -> None:
    st.caption(described(run))
    if not run.ended:
        run_view.follow([run], run_view.progress_of_all)
        return
    found = sizes(run.id, run.finished)
    st.markdown(payoff_charts.units_finding(found))
    left, right = st.columns(2, gap="medium")
    with left:
        show_sizes(run, found)
    with right:
        show_timing(run, found, sound)
    if sound is None:
        st.info(_("Record or upload a word: what the network hears of it stands here at once."), icon=":material/arrow_back:")
    else:
        show_hearing(run, sound)


def show_none() -> None:
    st.info(_("What do zeros buy? Train a network first, or choose an earlier run."), icon=":material/info:")
    st.page_link(TRAIN, label=_("Train a network"), icon=":material/tune:")


def told(part: Callable[..., Any], *args: Any) -> Any:
    try:
        return part(*args)
    except (EngineError, StoreError) as error:
        st.error(str(error), icon=":material/error:")
        return None


run = state.shown("payoff")
st.title(_("Payoff"), anchor=False)
side, main = st.columns([1, 3], gap="medium")
with side:
    sound = told(sound_source.choose, run.spec if run else None)
with main:
    with st.expander(_("Earlier runs"), expanded=run is None):
        history.table("payoff-history")
    if run is None:
        show_none()
    else:
        told(show_run, run, sound)
    told(show_pair, sound)
