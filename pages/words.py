"""Which words shall it learn? Type them; eSpeak NG says them in all its voices, and a network learns to tell them apart."""

from pathlib import Path
from typing import Any

import streamlit as st

from l1demo import engine, shelf, synthesis_tasks
from l1demo.corpora import CorpusError
from l1demo.engine import EngineError
from l1demo.jobs import DONE
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import controls, identity, job_view, run_view, state, words_form

HEARD = 6  # voices that say a word one after the other
READOUT = 96  # pixels: four stand beside each other in half a screen, two on a phone


def newest() -> str | None:
    """The corpus of words that this visitor made last, of those that are still there."""
    try:
        mine = engine.current().corpora(identity.visitor())
    except StoreError as error:
        state.refuse(str(error))
        return None
    there = shelf.names()
    return next((name for name in mine if name in there and name.startswith("words-")), None)


def show_facts(about: shelf.About) -> None:
    with st.container(horizontal=True, gap="small"):
        st.metric(_("words"), f"{len(about.words):,}", width=READOUT)
        st.metric(_("voices"), f"{len(about.speakers):,}", width=READOUT)
        st.metric(_("clips"), f"{about.clips:,}", width=READOUT)
        st.metric(_("sound"), _("{n:.1f} min").format(n=about.seconds / 60), width=READOUT)
    if about.skipped:
        st.warning("\n\n".join(about.skipped), icon=":material/hearing_disabled:")


@st.cache_data(max_entries=100, show_spinner=False)
def medley(name: str, word: str) -> dict[str, Any]:
    return engine.current().call(synthesis_tasks.medley, name, word, HEARD, timeout=30.0)


@st.fragment
def listen(about: shelf.About) -> None:
    """Play a word in some of its voices."""
    word = st.pills(_("Listen"), about.words, default=about.words[0], required=True, key=f"words-listen-{about.name}")
    try:
        heard = medley(about.name, word)
    except EngineError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.audio(heard["sound"])
    who = ", ".join(speaker.removeprefix("espeak-") for speaker in heard["speakers"])
    st.caption(_("“{word}” by {who}").format(word=word, who=who))


def train(spec: RunSpec) -> None:
    if state.submit(spec):
        state.show(spec)
        controls.replace_all(spec)


def show_training(spec: RunSpec) -> None:
    def draw(runs: tuple[Run, ...]) -> None:
        run = runs[0] if runs else run_view.preview(spec)
        run_view.progress(run)
        run_view.accuracies(run, "words", 260)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Train on it"), type="primary", icon=":material/play_arrow:", on_click=train, args=(spec,))
        st.page_link(Path(__file__).with_name("train.py"), label=_("λ and all settings"), icon=":material/tune:")
    st.caption(_("A fifth of the voices is kept unheard: validation says whether strangers are understood."))
    run = state.find(spec.id)
    run_view.follow([run] if run else [], draw)


job = words_form.current()

st.title(_("Any words"), anchor=False)
side, main = st.columns([1, 3], gap="medium")
with side:
    words_form.form()
with main:
    job_view.follow(job, "words")
    name = str(job.result) if job and job.state == DONE else newest()
    if name and not (job and not job.ended):
        try:
            about = shelf.about(name)
        except CorpusError as error:
            st.error(str(error), icon=":material/error:")
        else:
            st.subheader(about.title, anchor=False)
            show_facts(about)
            listen(about)
            show_training(PRESETS["quick"].with_values(corpus=name))
    elif not job:
        st.info(
            _(
                "Type a few words in any of these languages. eSpeak NG, which speaks by formula, says each of them in all its "
                "voices, and a network learns to tell them apart."
            ),
            icon=":material/arrow_back:",
        )
