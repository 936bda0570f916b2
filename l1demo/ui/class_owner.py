"""What a class set's owner has beside recording: the link for the class, who has said what, the training, and Delete all."""

import html
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from l1demo import class_charts, class_tasks, class_training, engine
from l1demo.class_rules import MAX_TITLE, ClassSet, Clip, read_words
from l1demo.jobs import Job
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import class_link, identity, job_view, live, run_view, state
from l1demo.ui.class_recording import LOOK, attempt

PAGES = Path(__file__).parents[2] / "pages"
JOB, FOLLOWED = "class-job-", "class-followed-"  # of this visit and a set: the job that makes the corpus, the one on the page
TRAINED = "class-trained-"  # and the run that it led to


def make() -> None:
    """Draw the form that begins a class set."""
    with st.form("class-make", border=False):
        st.text_input(_("Title"), key="class-title", max_chars=MAX_TITLE, placeholder=_("Class 9b"))
        st.text_area(
            _("Words"),
            key="class-words",
            height=120,
            placeholder=_("yes, no, stop"),
            help=_("2 to 20 words, with commas or one a line. Words that sound unlike each other are the easiest to tell apart."),
        )
        st.form_submit_button(_("Make the class set"), type="primary", icon=":material/add:", on_click=_make)


def _make() -> None:
    def begin() -> None:
        title, words = st.session_state["class-title"], read_words(st.session_state["class-words"])
        st.query_params["set"] = engine.current().classes.make(identity.visitor(), title, words).id

    attempt(begin)


def share(class_set: ClassSet) -> None:
    """Draw the link and its QR code, whether clips are taken, and Delete all."""
    link = class_link.link(class_set.id)
    st.toggle(
        _("Open for recording"),
        class_set.open,
        key=f"class-open-{class_set.id}",
        on_change=_set_open,
        args=(class_set.id,),
    )
    st.markdown(_("**Link for the class**"))
    st.code(link.address, language=None, wrap_lines=True)
    st.html(class_link.qr_code(link.address))
    if link.warning:
        st.caption(link.warning)
    with st.popover(_("Delete all"), icon=":material/delete_forever:"):
        st.markdown(
            _(
                "All clips and nicknames of this set are deleted, on every student's page, too, and all training sets made of "
                "them. They cannot be brought back. Networks that learned from them stay, because they hold numbers and no "
                "sound; delete those on the page Runs."
            )
        )
        st.checkbox(_("Delete the set itself and its link, too"), key="class-whole")
        st.button(_("Delete all now"), type="primary", on_click=_clear, args=(class_set.id,))


def _set_open(class_id: str) -> None:
    attempt(engine.current().classes.set_open, class_id, identity.visitor(), st.session_state[f"class-open-{class_id}"])


def _clear(class_id: str) -> None:
    whole = st.session_state["class-whole"]
    if attempt(engine.current().classes.clear, class_id, identity.visitor(), whole):
        st.session_state.pop(JOB + class_id, None)
        if whole:
            st.query_params.pop("set", None)


def overview(class_set: ClassSet) -> None:
    """Draw how many clips there are of each word and voice, live as others record, and the button that trains on them."""
    # in a run of the whole page, which draws what follows it, too
    st.session_state[FOLLOWED + class_set.id] = st.session_state.get(JOB + class_set.id)
    _overview(class_set)


@st.fragment(run_every=LOOK)
def _overview(class_set: ClassSet) -> None:
    try:
        clips = engine.current().classes.clips(class_set.id, identity.visitor())
    except StoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    live.chart(class_charts.words(class_set, clips), "class-words", 220)
    st.html(_table(class_set, clips))
    begun = st.session_state.get(JOB + class_set.id)
    lack, job = class_training.missing(clips), engine.current().job(begun or "")
    told = lack or class_training.advice(clips, class_set.words)
    with st.container():
        if told:
            st.info(told, icon=":material/school:")
    st.button(
        _("Train on it"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(lack) or (job is not None and not job.ended),
        on_click=_begin,
        args=(class_set,),
    )
    if begun != st.session_state[FOLLOWED + class_set.id]:
        st.rerun()  # the whole page, where the training is followed; at the next look where this one was cut short by another


def _table(class_set: ClassSet, clips: Sequence[Clip]) -> str:
    names = {clip.session: clip.voice for clip in clips}
    of = Counter((clip.session, clip.word) for clip in clips)
    cell = "<td style='padding:.1rem .6rem;text-align:right'>{}</td>"
    head = "<th scope='{}' style='padding:.1rem .6rem;text-align:left;font-weight:600'>{}</th>"
    columns = "".join(head.format("col", html.escape(word)) for word in (_("voice"), *class_set.words))
    rows = "".join(
        f"<tr>{head.format('row', html.escape(name))}{''.join(cell.format(of[session, word]) for word in class_set.words)}</tr>"
        for session, name in names.items()
    )
    return (
        f"<div style='overflow-x:auto;font-size:.875rem'><table><tr>{columns}</tr>{rows}</table></div>" if names else "<div></div>"
    )


def _begin(class_set: ClassSet) -> None:
    classes, visitor = engine.current().classes, identity.visitor()
    title = _("{title}, {n} words").format(title=class_set.title, n=len(class_set.words))

    def begin() -> None:
        taken = classes.snapshot(class_set.id, visitor)
        chosen = {clip.id for clip in class_training.usable([clip for clip, _sound in taken])}
        clips = [(clip, sound) for clip, sound in taken if clip.id in chosen]

        def keep(corpus: str) -> tuple[str, list[Clip]]:
            classes.note_corpus(class_set.id, visitor, corpus, chosen)
            engine.current().keep_corpus(corpus, visitor, class_set.title)
            return corpus, [clip for clip, _sound in clips]

        sounds = [(clip.word, clip.voice, sound) for clip, sound in clips]
        st.session_state[JOB + class_set.id] = engine.current().begin(
            class_tasks.corpus, class_set.title, sounds, session=visitor, title=title, then=keep
        )

        st.session_state.pop(TRAINED + class_set.id, None)

    attempt(begin)


def training(class_set: ClassSet) -> None:
    """Follow the training from the making of its corpus to its end."""
    job_id = st.session_state.get(JOB + class_set.id)
    job_view.follow(engine.current().job(job_id) if job_id else None, "class-job", partial(_train, class_set.id))


def _train(class_id: str, job: Job) -> None:
    corpus, clips = job.result
    trained = st.session_state.get(TRAINED + class_id)
    if trained is None:
        spec = class_training.settings(corpus, clips)
        if not state.submit(spec):
            return
        state.forget_settings()
        state.show(spec)
        trained = st.session_state[TRAINED + class_id] = spec.id
    run = state.find(trained)
    run_view.follow([run] if run else [], _draw)


def _draw(runs: tuple[Run, ...]) -> None:
    for run in runs:
        run_view.progress(run)
        run_view.accuracies(run, "class", 200)
    with st.container(horizontal=True):
        st.page_link(PAGES / "train.py", label=_("See it on Train"), icon=":material/tune:")
        st.page_link(PAGES / "recognise.py", label=_("Speak to it on Recognise"), icon=":material/record_voice_over:")
