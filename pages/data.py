"""Whose voices? The words, speakers and clips of a corpus, how they divide into training and validation, and ways to another."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from l1demo import data_charts, data_tasks, engine
from l1demo.corpora import BUILT_IN
from l1demo.engine import EngineError
from l1demo.jobs import DONE, Job
from l1demo.text import _
from l1demo.ui import controls, corpora_add, corpora_list, identity, job_view, live, state

TRAIN = Path(__file__).with_name("train.py")
READOUT = 110  # pixels: four stand beside each other in half a screen, two on a phone
NAMED = 12  # words that are named one by one

OF_BUILT_IN = (_("each voice's own, in the data card"), _("synthetic voices, rendered for this lab: no person was recorded"))


@st.cache_data(max_entries=50, show_spinner=False)
def divided(chosen: dict[str, Any], seed: int) -> dict[str, Any]:
    return engine.current().call(data_tasks.divided, chosen, seed, timeout=60.0)


@st.cache_data(max_entries=500, show_spinner=False)
def takes(name: str, word: str, speaker: str) -> tuple[int, ...]:
    return engine.current().call(data_tasks.takes, name, word, speaker, timeout=30.0)


@st.cache_data(max_entries=200, show_spinner=False)
def sound(name: str, word: str, speaker: str, which: int) -> bytes:
    return engine.current().call(data_tasks.sound, name, word, speaker, which, timeout=30.0)


def choose_what_has_come() -> None:
    """Make the corpus of a job that has just ended the chosen one."""
    job = corpora_add.current()
    if job and job.state == DONE and st.session_state.get("data-chosen") != job.id and corpora_list.is_there(str(job.result)):
        st.session_state["data-chosen"] = job.id
        state.choose(**corpora_list.choose(job.result))
        controls.replace_all(state.spec())


def say_what_came(job: Job) -> None:
    about = corpora_list.known(str(job.result))
    if about:
        st.success(
            _("“{title}” is here: {n:,} clips of {words} words by {speakers:,} speakers.").format(
                title=about.title, n=about.clips, words=len(about.words), speakers=len(about.speakers)
            ),
            icon=":material/check_circle:",
        )


def show_facts(name: str, found: dict[str, Any]) -> None:
    about = corpora_list.known(name)
    seconds = found["seconds"]
    if seconds >= 3600:
        long = _("{n:.1f} h").format(n=seconds / 3600)
    else:
        long = _("{n:.1f} min").format(n=seconds / 60) if seconds >= 60 else _("{n:.0f} s").format(n=seconds)
    with st.container(horizontal=True, gap="small"):
        st.metric(_("words"), f"{len(found['words']):,}", width=READOUT)
        st.metric(_("speakers"), f"{len(found['speakers']):,}", width=READOUT)
        st.metric(_("clips"), f"{int(found['counts'].sum()):,}", width=READOUT)
        st.metric(_("sound"), long, width=READOUT)
    words = ", ".join(found["words"][:NAMED]) + (", …" if len(found["words"]) > NAMED else "")
    licence, source = (about.licence, about.source) if about else OF_BUILT_IN
    st.caption(
        _("Words: {words}. Licence: {licence}. Source: {source}.").format(
            words=words, licence=licence or _("not stated"), source=source or _("not stated")
        )
    )
    if about and about.skipped:
        with st.expander(_("{n:,} recordings were left out, each with its reason").format(n=len(about.skipped))):
            st.code("\n".join(about.skipped), language=None, wrap_lines=True)


def show_division(name: str) -> None:
    spec = state.spec()
    try:
        live.chart(data_charts.division(name, divided(asdict(spec.corpus), spec.seed)), "data-division", 300)
    except EngineError as error:
        st.warning(str(error), icon=":material/call_split:")


@st.fragment
def play(name: str, found: dict[str, Any]) -> None:
    """Play any clip."""
    if corpora_list.is_withheld(name):
        st.caption(_("These voices are played only to those who have them on their list."))
        return
    columns = st.columns([2, 3, 2, 4], vertical_alignment="bottom")
    counts = found["counts"]
    word = columns[0].selectbox(_("Word"), found["words"], key=f"data-word-{name}")
    who = [speaker for speaker, n in zip(found["speakers"], counts[found["words"].index(word)], strict=True) if n]
    speaker = columns[1].selectbox(_("Speaker"), who, key=f"data-speaker-{name}")
    if speaker is None:
        return
    try:
        numbers = takes(name, word, speaker)
        which = columns[2].selectbox(
            _("Take"), range(len(numbers)), format_func=lambda i: str(numbers[i]), key=f"data-take-{name}-{word}-{speaker}"
        )
        columns[3].audio(sound(name, word, speaker, which))
    except EngineError as error:
        st.error(str(error), icon=":material/error:")


def train_on_it() -> None:
    st.session_state.pop("shown", None)  # Train is to show these settings, not the run before


@st.dialog(_("Delete a corpus"))
def delete(name: str, title: str) -> None:
    """Ask once, and take a corpus off this visitor's list."""
    st.markdown(
        _(
            "“{title}” goes from your list; where it is on nobody else's, its recordings are deleted and cannot be brought back. "
            "Runs that were trained on it stay, but cannot be trained again."
        ).format(title=title)
    )
    with st.container(horizontal=True):
        gone = st.button(_("Delete"), type="primary", key="data-delete-now", on_click=drop, args=(name,))
        if st.button(_("Keep"), key="data-delete-none") or gone:
            st.rerun()


def drop(name: str) -> None:
    if not state.attempt(engine.current().drop_corpus, name, identity.visitor()):
        return
    if state.spec().corpus.name == name:
        state.choose(**corpora_list.choose(BUILT_IN[0]))
    elif state.spec().corpus.also == name:
        state.choose(also="")
    controls.replace_all(state.spec())


choose_what_has_come()
spec = state.spec()
name = spec.corpus.name

st.title(_("Data"), anchor=False)
side, main = st.columns([2, 5], gap="medium")
with side:
    controls.corpus()
    if st.button(
        _("Train on it"), type="primary", icon=":material/tune:", disabled=not corpora_list.is_there(name), width="stretch"
    ):
        train_on_it()
        st.switch_page(TRAIN)
    controls.division()
    controls.widget("label-noise")
    if name in (mine := corpora_list.mine()) and st.button(_("Delete this corpus"), icon=":material/delete:", width="stretch"):
        delete(name, mine[name])
    st.subheader(_("Add a corpus"), anchor=False)
    corpora_add.forms()
with main:
    job = corpora_add.current()
    job_view.follow(job, "data", say_what_came)
    try:
        found = corpora_list.facts(name) if corpora_list.is_there(name) else None
    except EngineError as error:
        found = None
        st.error(str(error), icon=":material/error:")
    if found:
        show_facts(name, found)
        st.subheader(_("Who is heard in training, and who only after it?"), anchor=False)
        show_division(name)
        st.subheader(_("Listen to any clip"), anchor=False)
        play(name, found)
        st.subheader(_("Clips of each word and speaker"), anchor=False)
        live.chart(
            data_charts.counts(name, found["words"], found["speakers"], found["counts"]),
            "data-counts",
            90 + min(500, 24 * max(6, len(found["words"]))),
        )
