"""What does λ do? Choose it, press Train, and watch loss, accuracy and weights as they change."""

import streamlit as st

from l1demo.presets import PRESETS
from l1demo.store import Run
from l1demo.text import _
from l1demo.ui import controls, history, model_files, pace, run_view, state

MORE = {
    _("Voices"): ("train-clips", "label-noise", "augment", "ends", "stress", "silence", "frame-noise"),
    _("Sound"): ("mels", "window", "hop"),
    _("Network"): ("hidden", "layers"),
    _("Learning"): ("loss", "epochs", "batch", "lr", "free-epochs", "seed"),
}

PRESETS_HELP = _(
    "quick: a few seconds. strangers: a larger network, trained longer and without penalty, for people it never met. units: group "
    "lasso, which takes whole hidden units. article: the settings of an article that Methods looks at; minutes."
)


def use_preset() -> None:
    if name := st.session_state.preset:
        controls.replace_all(PRESETS[name])


def draw(runs: tuple[Run, ...]) -> None:
    run = runs[0] if runs else run_view.preview(state.spec())
    run_view.progress(run)
    run_view.advice(run)
    run_view.formula(run)
    left, right = st.columns(2)
    with left:
        run_view.losses(run, "train")
    with right:
        run_view.accuracies(run, "train")
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        run_view.weight_histogram(run, "train")
    with right:
        run_view.sparsity(run)


run = state.shown("train")
spec = state.spec()

st.title(_("Train"), anchor=False)
side, main = st.columns([2, 7], gap="medium")
with side:
    controls.lam_slider()
    controls.cost()
    controls.widget("penalty")
    controls.widget("method")
    pace.buttons(run)
    st.selectbox(
        _("Preset"),
        list(PRESETS),
        index=None,
        key="preset",
        placeholder=_("Choose settings"),
        on_change=use_preset,
        help=PRESETS_HELP,
    )
    with st.expander(_("More settings")):
        for title, names in MORE.items():
            st.markdown(f"**{title}**")
            if title == _("Voices"):
                controls.corpus()
                controls.division()
            for name in names:
                controls.widget(name)
with main:
    run_view.follow([run] if run else [], draw)
    model_files.downloads(run)
with st.expander(_("Earlier runs")):
    history.table("train-history")
