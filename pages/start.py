"""What is this? Two sentences, and one button that shows it."""

import streamlit as st

from l1demo.charts import percent
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec, SpecError
from l1demo.store import Run
from l1demo.text import _
from l1demo.ui import run_view, starts, state

GOOD_LAM = 0.002  # seven of ten weights are 0, and three points of accuracy are lost: docs/measurements.md


def pair(seed: int) -> tuple[RunSpec, RunSpec]:
    """Two runs that differ in λ alone: same first weights, same clips in the same order."""
    start = PRESETS["quick"].with_values(seed=seed)
    return start.with_values(lam=0.0), start.with_values(lam=GOOD_LAM)


def chosen_seed() -> int | None:
    """The seed that is shown: of this visit, else of the URL."""
    if "start-seed" not in st.session_state and "seed" in st.query_params:
        try:
            st.session_state["start-seed"] = RunSpec.from_query({"seed": st.query_params["seed"]}).seed
        except SpecError as error:
            state.refuse(str(error))
            st.query_params.clear()
    return st.session_state.get("start-seed")


def found(seed: int) -> list[Run]:
    return [run for spec in pair(seed) if (run := state.find(spec.id))]


def train_both() -> None:
    seed = starts.next_seed(pair, st.session_state.get("start-seed", -1))
    if seed is None:
        return
    st.session_state["start-seed"] = seed
    for spec in pair(seed):
        state.submit(spec)


def draw(runs: tuple[Run, ...]) -> None:
    if len(runs) == 2 and all(run.rows and run.ended for run in runs):
        st.success(finding(*runs), icon=":material/lightbulb:")
    else:
        st.info(_("Both start from the same weights and see the same clips in the same order."), icon=":material/balance:")
    for column, run in zip(st.columns(len(runs), gap="medium"), runs, strict=True):
        with column:
            st.subheader(f"λ = {run.spec.lam:g}", anchor=False)
            run_view.progress(run)
            run_view.sparsity(run)
            run_view.accuracies(run, f"start-{run.spec.lam:g}", 160)
            run_view.weight_histogram(run, f"start-{run.spec.lam:g}", 160)


def finding(dense: Run, sparse: Run) -> str:
    """Say what the two runs show, in their own numbers."""
    a, b = dense.rows[-1], sparse.rows[-1]
    return _(
        "With λ = {lam:g}, {zeros} of the weights are exactly 0, and the network still hears {sparse} of the words of unseen "
        "speakers, whose voices it never met. With λ = 0 every weight is used, and it hears {dense}."
    ).format(
        lam=sparse.spec.lam,
        zeros=percent(b["exact_zero_fraction"]),
        sparse=percent(b["val_accuracy"]),
        dense=percent(a["val_accuracy"]),
    )


st.title("L1 Speech Lab", anchor=False)
st.markdown(
    _(
        "A small neural network learns to hear spoken digits, while a penalty λΣ|w| pulls each of its weights towards 0. "
        "Turn λ up and watch most of the network disappear, and hear what it still understands."
    )
)
seed = chosen_seed()
runs = [] if seed is None else found(seed)
st.button(
    _("Train both: λ = 0 and λ = {lam:g}").format(lam=GOOD_LAM),
    type="primary",
    icon=":material/play_arrow:",
    on_click=train_both,
    disabled=any(not run.ended for run in runs),
)
if runs:  # a link may be of another computer
    st.query_params["seed"] = str(seed)
    run_view.follow(runs, draw)
