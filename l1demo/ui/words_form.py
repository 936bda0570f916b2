"""The form in which words are typed that eSpeak NG is to say; what comes of it is a job, and at its end a corpus."""

from functools import partial

import streamlit as st

from l1demo import LabError, engine, synthesis_tasks
from l1demo.jobs import Job
from l1demo.synthesis_tasks import MOST_TAKES, TAKES, split_words
from l1demo.text import _
from l1demo.ui import identity, state

JOB = "words-job"  # where a visit keeps which job speaks its words
OF_DATA = "data-job"  # where the page Data looks for the job that it follows
LANGUAGE = "words-language"  # what was chosen, which the widget forgets on another page
ENGLISH = "en"


def current() -> Job | None:
    """Return the job that speaks this visitor's words: the newest of the visit, or the one of the address, which a reload keeps."""
    job = engine.current().job(st.session_state.get(JOB) or st.query_params.get("job", ""))
    return job if job and job.session == identity.visitor() else None


def form() -> None:
    """Draw the form; what is spoken is followed by the page, as ``current`` or by its address."""
    names = synthesis_tasks.languages()
    codes = list(names)
    with st.form("words", border=False):
        st.text_input(
            _("Words"),
            key="words-typed",
            placeholder=_("yes, no"),
            help=_("2 to 20 words with commas between them. Words that sound unlike each other are the easiest to tell apart."),
        )
        st.selectbox(
            _("Language"),
            codes,
            index=codes.index(st.session_state.get(LANGUAGE, ENGLISH)),
            format_func=names.__getitem__,
            key="words-spoken",
            help=_("Type to search. Where a language has several accents, it can be spoken in all of them, or in one."),
        )
        with st.expander(_("More")):
            st.number_input(
                _("Takes"),
                1,
                MOST_TAKES,
                TAKES,
                key="words-takes",
                help=_("How often each voice says each word, faster or slower, higher or lower, as a smaller or larger person."),
            )
        busy = (job := current()) is not None and not job.ended
        st.form_submit_button(
            _("Speak them"), type="primary", icon=":material/record_voice_over:", on_click=_speak, args=(names,), disabled=busy
        )


def _speak(names: dict[str, str]) -> None:
    language, takes = st.session_state["words-spoken"], st.session_state["words-takes"] or TAKES
    st.session_state[LANGUAGE] = language
    try:
        words = split_words(st.session_state["words-typed"])
        title = synthesis_tasks.title(words, names[language])
        job_id = engine.current().begin(
            synthesis_tasks.speak_words,
            words,
            language,
            int(takes),
            session=identity.visitor(),
            title=title,
            then=partial(_keep, identity.visitor(), title),
        )
    except LabError as error:
        state.refuse(str(error))
        return
    st.session_state[JOB] = st.session_state[OF_DATA] = st.query_params["job"] = job_id


def _keep(visitor: str, title: str, name: str) -> str:  # in a thread of Dask's, after the page has gone on
    engine.current().keep_corpus(name, visitor, title)
    return name
