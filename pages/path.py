"""Every λ at once: losses, zeros, single weights and your own word along a path from dense to sparse, under one slider."""

import streamlit as st

from l1demo import engine, path_charts, path_stage
from l1demo import path as lam_path
from l1demo.engine import EngineError
from l1demo.path_charts import Points
from l1demo.spec import RunSpec, SpecError
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import controls, live, path_state, run_view, sound_source, state
from l1demo.ui.path_state import Asked, Shown

WAKING, LOOK = 0.5, 2.0  # seconds between looks for the workers, and at what the class has trained
HEIGHT = 300
MORE = ("penalty", "method", "split", "train-clips", "label-noise", "layers", "epochs", "lr", "seed")


def run() -> None:
    try:
        asked = Asked(path_state.chosen_settings(), **path_state.choices())
        runs = asked.runs
    except SpecError as error:
        state.refuse(str(error))
        return
    if all(state.submit(spec) for spec in runs):
        st.session_state["path-asked"] = asked


def stop(asked: Asked) -> None:
    state.stop(*(spec.id for spec in asked.runs))


def back() -> None:
    st.session_state["path-asked"] = None


def draw(runs: tuple[Run, ...]) -> None:
    asked: Asked = st.session_state["path-asked"]
    along = {spec.id for spec in asked.plan.paths}
    for made in runs:
        if made.id in along:
            run_view.progress(made)
    if asked.cold:
        others = [made for made in runs if made.id not in along]
        done = sum(made.ended for made in others)
        st.progress(done / max(1, len(others)), _("Cold starts: {done} of {n}").format(done=done, n=len(others)))
    if all(made.ended for made in runs):
        return
    path, cold = path_state.numbers(asked, runs)
    guessing = lam_path.guessing(asked.settings.training.loss, path_state.words_of(asked.settings))
    for column, chart, name in zip(
        st.columns(2),
        (path_charts.losses(path, guessing, runs[0].id, cold), path_charts.accuracies(path, None, runs[0].id, cold)),
        ("path-loss", "path-accuracy"),
        strict=True,
    ):
        with column:
            live.chart(chart, name, HEIGHT)


def show(shown: Shown, sound: bytes | None, points: Points, by_gate: bool) -> None:
    words = None
    if sound:
        try:
            words = path_state.heard(sound, shown.weights, len(shown.stops))
        except EngineError as error:
            st.error(str(error), icon=":material/error:")
    said = [path_charts.loss_finding(shown.path), path_charts.accuracy_finding(shown.path)]
    if shown.cold:
        said.append(path_charts.apart(shown.path, shown.cold))
    missing = path_charts.unfinished(shown.path)
    text = "\n".join(f"- {sentence}" for sentence in ([missing] if missing else []) + said)
    if missing:
        st.info(text, icon=":material/hourglass_disabled:")
    else:
        st.success(text, icon=":material/lightbulb:")
    stage = path_stage.build(
        shown.path,
        shown.stops,
        shown.spec,
        path_state.words_of(shown.spec),
        clips=shown.clips,
        cold=shown.cold,
        points=points,
        heard=words,
        by_gate=by_gate,
    )
    live.stage(stage, "path-stage")


@st.fragment(run_every=WAKING)
def wait_for_workers() -> None:
    st.caption(_("The lab is waking up; in a moment it can hear a word."))
    if engine.current().ready:
        st.rerun()


@st.fragment(run_every=LOOK)
def watch(spec: RunSpec, seen: set[str]) -> None:
    try:
        if set(path_state.of_class(spec)) != seen:
            st.rerun()
    except StoreError as error:
        st.warning(str(error))


def draw_controls(asked: Asked | None, under_way: bool) -> None:
    with st.container(horizontal=True):
        st.button(_("Run"), type="primary", icon=":material/play_arrow:", on_click=run, help=_("A path for the settings below."))
        st.button(_("Stop"), icon=":material/stop:", on_click=stop, args=(asked,), disabled=not under_way)
    if asked:
        st.button(_("Show the lab's own path"), icon=":material/undo:", on_click=back)
    controls.widget("hidden")
    for name, value in path_state.choices().items():
        st.session_state[f"path-{name}"] = value
    for name, label, low, high in (
        ("stops", _("λ above 0"), lam_path.FEWEST, lam_path.MOST),
        ("seeds", _("Seeds"), 1, path_state.MOST_SEEDS),
    ):
        st.slider(label, low, high, key=f"path-{name}", on_change=path_state.choose, args=(name,))
    st.toggle(
        _("Cold starts, too"),
        key="path-cold",
        on_change=path_state.choose,
        args=("cold",),
        help=_("A run of its own from first weights at every λ, as a check."),
    )
    with st.expander(_("More settings")):
        for name in MORE:
            controls.widget(name)


def chosen_sound(asked: Asked | None) -> bytes | None:
    if not engine.current().ready:
        wait_for_workers()
        return None
    try:
        return sound_source.choose(asked.settings if asked else None)
    except EngineError as error:
        st.error(str(error), icon=":material/error:")
        return None


asked = path_state.asked_for()
wanted = asked.to_query() if asked else {}
if st.session_state.get("written") != ("path", wanted):
    st.session_state.written = ("path", wanted)
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
runs = tuple(made for spec in asked.runs if (made := state.find(spec.id))) if asked else ()
under_way = any(not made.ended for made in runs)

st.title(_("λ path"), anchor=False)
st.caption(
    _(
        "λ rises from 0, and each network begins with the weights of the one before it. Drag λ: losses, weights and what the "
        "network hears move with it. Bars are standard errors over seeds, around the accuracy its 95 % interval. The weights are "
        "those of the first seed."
    )
)
side, main = st.columns([1, 3], gap="medium")
with side:
    draw_controls(asked, under_way)
    st.markdown(f"**{_('Your word')}**")
    sound = chosen_sound(asked)
    st.markdown(f"**{_('Shown')}**")
    by_gate = st.toggle(_("Gates, not single weights"), key="path-gates")
    watching = st.toggle(
        _("Look for the class's runs"),
        key="path-watching",
        help=_(
            "Every two seconds. A run of Train stands in the charts as a cross where it differs only in λ, the seed, and how many "
            "epochs it has, with and without penalty."
        ),
    )
with main:
    try:
        if asked:
            run_view.follow(runs, draw)
        shown = None if under_way else path_state.of_runs(asked, runs) if asked else path_state.shipped()
        if asked and not under_way and not shown:
            st.info(
                _("The first seed has not come to the end of its first λ, so there are no networks to show. Press Run to train it.")
            )
        if shown:
            others = path_state.of_class(shown.spec)
            ours = {made.id for made in runs}
            show(shown, sound, [point for key, point in others.items() if key not in ours], by_gate)
            if watching:
                watch(shown.spec, set(others))
    except (path_state.PathError, EngineError, StoreError) as error:
        st.error(str(error), icon=":material/error:")
