"""Which weights are left, and what differs? Up to four runs beside each other, with one slider over their epochs."""

import numpy as np
import safetensors.numpy
import streamlit as st

from l1demo import compare_charts, differences, engine, film
from l1demo.compare_charts import Side
from l1demo.store import DONE, Run, StoreError
from l1demo.text import _
from l1demo.ui import history, live, pins, run_view, state


@st.cache_data(max_entries=20, show_spinner=False)
def frames(run_id: str, finished: float | None, last: int) -> dict[int, dict[str, np.ndarray]]:
    """The film of a run that has ended, and its final weights as the last frame; empty where it has none."""
    blob = engine.current().weights(run_id)
    if blob is None:
        return {}
    final = {name: w for name, w in safetensors.numpy.load(blob).items() if w.ndim == 2 and "/" not in name}
    shown = engine.current().film(run_id) | {last: film.frame(final)}
    return {epoch: film.unpack(frame) for epoch, frame in shown.items()}


def frames_of(run: Run) -> dict[int, dict[str, np.ndarray]]:
    try:
        return frames(run.id, run.finished, len(run.rows)) if run.rows else {}
    except StoreError as error:
        st.error(str(error), icon=":material/error:")
        return {}


def chosen(mine: list[Run]) -> list[Run]:
    """The runs to show: what is pinned, else the one that is shown on Train, else the newest."""
    found = pins.runs()
    if found:
        pins.write_url("runs")
        return found
    run = state.shown("runs") or next((run for each in mine if (run := state.find(each.id))), None)
    if "pin" in st.query_params:
        del st.query_params["pin"]
    return [run] if run else []


def choose_pins(mine: list[Run], names: dict[str, str]) -> None:
    names = {run.id: history.called(run) for run in mine} | names
    st.session_state["runs-pins"] = list(pins.ids())
    st.multiselect(
        _("Pinned runs"),
        list(names),
        key="runs-pins",
        format_func=names.__getitem__,
        max_selections=compare_charts.MOST,
        select_all=False,
        filter_mode="contains",  # the fuzzy one finds “seed 61” in “seed 62, training clips 150”
        on_change=lambda: pins.put(st.session_state["runs-pins"]),
        placeholder=_("Pin up to four to see them beside each other"),
    )


def choose_view(shown: list[Run]) -> tuple[str, list[str] | None]:
    """What the curves are measured on, and which matrix of several runs is drawn."""
    with st.container(horizontal=True):
        parts = [part for part in compare_charts.PARTS if part != "seen" or any("seen_loss" in (run.last or {}) for run in shown)]
        part = st.segmented_control(
            _("Loss and accuracy"),
            parts,
            format_func=compare_charts.PARTS.__getitem__,
            default="val",
            required=True,
            key="runs-part",
        )
        if len(shown) == 1:
            return part, None
        layers = max(run.spec.model.layers for run in shown)
        matrices = [f"lstm.weight_{kind}_l{layer}" for layer in range(layers) for kind in ("ih", "hh")]
        matrix = st.segmented_control(
            _("Heat maps"),
            matrices,
            format_func=compare_charts.called,
            default=matrices[0],
            required=True,
            key=f"runs-matrix-{layers}",
        )
        return part, [matrix]


def compare(shown: list[Run], label_of: dict[str, str]) -> None:
    """Name what differs, and set the runs beside each other."""
    specs = [run.spec for run in shown]
    if sentence := differences.sentence(specs):
        st.info(sentence, icon=":material/difference:")
        if len(differences.differing(specs)) > 1:
            with st.expander(_("All that differs")):
                st.table(differences.table(specs, list(label_of.values())), border="horizontal")
    elif not pins.ids():
        st.caption(label_of[shown[0].id])
    part, matrices = choose_view(shown)
    under_way = any(not run.ended for run in shown)
    films = {run.id: {} if under_way else frames_of(run) for run in shown}  # heat maps twice a second would be too much
    unfinished = [run.id for run in shown if run.state != DONE]

    def draw(runs: tuple[Run, ...]) -> None:
        for run in runs:
            if run.id in unfinished:
                run_view.progress(run)
        sides = [Side(label_of[run.id], run.spec, run.rows, films[run.id]) for run in runs]
        if stage := compare_charts.stage(sides, " ".join(films), part, matrices):
            live.stage(stage, "runs-stage")

    run_view.follow(shown, draw)
    if under_way:
        st.caption(_("The heat maps are drawn when all of these runs have ended."))
        return
    st.caption(_("The LSTM's four gates. Black is exactly 0; blue is below 0, red above; the paler, the smaller."))
    if still := [label_of[run.id] for run in shown if len(films[run.id]) == 1 < len(run.rows)]:
        st.caption(_("Only the final weights were kept of {names}: those heat maps stay the same.").format(names=", ".join(still)))


st.title(_("Runs"), anchor=False)
mine = history.mine()
shown = chosen(mine)
if not shown:
    st.info(_("Train a network first: it stands here with its weights, beside up to three others."), icon=":material/info:")
else:
    given = {run.id: run.name for run in mine}
    labels = differences.labels([run.spec for run in shown], [given.get(run.id, "") for run in shown])
    label_of = dict(zip((run.id for run in shown), labels, strict=True))
    choose_pins(mine, label_of)
    if mine:
        with st.expander(_("Your runs"), expanded=True):
            history.chooser("runs-history", mine)
    compare(shown, label_of)
