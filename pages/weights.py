"""Which weights are left? The gates of a run's matrices as heat maps, the histogram of any epoch, and the dead units."""

from typing import Any

import safetensors.numpy
import streamlit as st

from l1demo import charts, engine
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import history, live, run_view, state

GATES = (_("input"), _("forget"), _("cell"), _("output"))


@st.cache_data(max_entries=20, show_spinner=False)
def matrices(run_id: str, finished: float | None) -> dict[str, Any] | None:
    blob = engine.current().weights(run_id)
    return None if blob is None else {name: w for name, w in safetensors.numpy.load(blob).items() if w.ndim == 2}


def show_heat_maps(run: Run) -> None:
    try:
        found = matrices(run.id, run.finished)
    except StoreError as error:
        st.error(str(error))
        return
    if found is None:
        st.info(_("The heat maps are drawn when the run has ended."), icon=":material/hourglass:")
        return
    st.caption(_("The LSTM's four gates. Black is exactly 0; blue is below 0, red above; the paler, the smaller."))
    for layer in range(run.spec.model.layers):
        below = _("mel band") if layer == 0 else _("unit of layer {n}").format(n=layer)
        for name, title, columns in (
            (f"lstm.weight_ih_l{layer}", _("From the input"), below),
            (f"lstm.weight_hh_l{layer}", _("From the moment before"), _("hidden unit")),
        ):
            st.subheader(title if run.spec.model.layers == 1 else f"{title} · {_('layer')} {layer + 1}", anchor=False)
            live.chart(charts.heat_maps(found[name], GATES, columns, f"{run.id}{name}"), f"weights-{name}", 300)


def draw(runs: tuple[Run, ...]) -> None:
    for run in runs:
        run_view.sparsity(run)
        if run.rows:
            run_view.weight_histogram(run, "weights", 260, every_epoch=run.ended)


st.title(_("Weights"), anchor=False)
run = state.shown("weights")
if run is None:
    st.info(_("Train a network first, or choose an earlier run."), icon=":material/info:")
    history.table("weights-history")
else:
    with st.expander(_("Earlier runs")):
        history.table("weights-history")
    st.caption(
        _("λ = {lam:g}, {layers} layer(s) of {hidden} units, seed {seed}").format(
            lam=run.spec.lam, layers=run.spec.model.layers, hidden=run.spec.model.hidden, seed=run.spec.seed
        )
    )
    run_view.follow((run.id,), draw)
    show_heat_maps(run)
