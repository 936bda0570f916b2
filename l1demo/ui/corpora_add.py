"""Ways to another corpus: a download, a file of one's own, words that are typed, or one's own class. Each is a job."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from l1demo import LabError, engine, job_tasks, shelf
from l1demo.corpora import CorpusError, fsdd, speech_commands
from l1demo.corpora.download import megabytes
from l1demo.jobs import Job
from l1demo.text import _
from l1demo.ui import corpora_list, identity, state, words_form

JOB = "data-job"  # where a visit keeps which job it follows
LARGEST = 200  # MB of an archive
MOST = 30  # corpora on a visitor's list
OUR_CLASS = Path(__file__).parents[2] / "pages" / "our_class.py"


def current() -> Job | None:
    """Return the job that this visit follows: its own newest, or the one that its address names, which a reload keeps."""
    job = engine.current().job(st.session_state.get(JOB) or st.query_params.get("job", ""))
    return job if job and job.session == identity.visitor() else None


def forms() -> None:
    """Draw every way to another corpus."""
    busy = (job := current()) is not None and not job.ended
    with st.expander(_("People: the Free Spoken Digit Dataset")):
        _fsdd(busy)
    with st.expander(_("People: Speech Commands")):
        _speech_commands(busy)
    with st.expander(_("Your own recordings")):
        _own(busy)
    with st.expander(_("Any words you type")):
        words_form.form()
    st.page_link(OUR_CLASS, label=_("Our class"), icon=":material/groups:")


def _fsdd(busy: bool) -> None:
    if "fsdd" in shelf.names():
        st.markdown(_("It is here: choose it as the corpus."))
        return
    st.caption(
        _(
            "Six people who say the digits zero to nine, 50 times each: {n:,} recordings, {size} of WAV. By Zohar Jackson and "
            "contributors, {licence}. The download needs the network; it is kept only where the checksum of its recordings is "
            "`{digest}`."
        ).format(n=fsdd.RECORDINGS, size=megabytes(fsdd.BYTES), licence=fsdd.LICENCE, digest=fsdd.DIGEST)
    )
    st.button(
        _("Download"),
        key="data-fsdd",
        icon=":material/download:",
        disabled=busy,
        on_click=_begin,
        args=(job_tasks.download_fsdd, fsdd.address()),
        kwargs={"title": fsdd.TITLE},
    )
    _upload("fsdd", _("Or take its archive from this computer (ZIP)"), busy)


def _speech_commands(busy: bool) -> None:
    st.caption(
        _(
            "35 English words by 2,618 people, by Pete Warden, {licence}. The whole archive of {size} has to pass by, which takes "
            "minutes to an hour; only the words that you choose are kept, and only where its checksum is `{digest}`."
        ).format(licence=speech_commands.LICENCE, size=megabytes(speech_commands.BYTES), digest=speech_commands.DIGEST)
    )
    words = st.multiselect(_("Words"), list(speech_commands.RECORDINGS), ["yes", "no"], key="data-commands")
    most = st.number_input(
        _("Clips of each word (0: all)"), 0, max(speech_commands.RECORDINGS.values()), 500, step=100, key="data-commands-most"
    )
    try:
        clips = speech_commands.how_many(words, int(most))
    except CorpusError as error:
        st.warning(str(error), icon=":material/tune:")
        clips = 0
    if clips:
        size = clips * speech_commands.CLIP_BYTES
        st.caption(
            _("{n:,} clips: at most {disk} on disk, and twice that in memory while they are put together.").format(
                n=clips, disk=megabytes(size)
            )
        )
    st.button(
        _("Download these words"),
        key="data-commands-go",
        icon=":material/download:",
        disabled=busy or not clips,
        on_click=_begin,
        args=(job_tasks.download_speech_commands, speech_commands.address(), tuple(words), int(most)),
        kwargs={"title": speech_commands.TITLE, "keep": True},
    )


def _own(busy: bool) -> None:
    st.caption(
        _(
            "A folder for each word, as in `yes/anna_3.wav`, or names like `yes_anna_3.wav`: word, speaker, number. WAV, FLAC, "
            "OGG, MP3, M4A or WebM. What cannot be read is left out and named."
        )
    )
    _upload("own", _("A ZIP"), busy)
    key = f"data-folder-{st.session_state.get('data-uploads', 0)}"
    files = st.file_uploader(_("Or a folder"), accept_multiple_files="directory", key=key, disabled=busy)
    if sum(file.size for file in files) > LARGEST * 2**20:
        st.session_state["data-uploads"] = st.session_state.get("data-uploads", 0) + 1  # the server forgets them
        state.refuse(_("These files have more than {n} MB together; choose fewer.").format(n=LARGEST))
        st.rerun()
    elif files and not busy:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in files:
                archive.writestr(file.name, file.getbuffer())
        _take(Path(files[0].name).parts[0], packed.getvalue())


def _upload(place: str, label: str, busy: bool) -> None:
    key = f"data-{place}-{st.session_state.get('data-uploads', 0)}"
    file = st.file_uploader(label, type="zip", max_upload_size=LARGEST, key=key, disabled=busy)
    if file is not None and not busy:
        _take(file.name, file.getvalue())


def _take(name: str, content: bytes) -> None:
    st.session_state["data-uploads"] = st.session_state.get("data-uploads", 0) + 1  # fresh widgets, and the server forgets the file
    title = Path(name).stem[:60].strip() or _("My recordings")
    _begin(job_tasks.import_archive, title, title=title, file=(name, content), keep=True)
    st.rerun()


def _begin(function: Callable[..., str], *args: Any, title: str, keep: bool = False, file: tuple[str, bytes] | None = None) -> None:
    if keep and len(corpora_list.mine()) >= MOST:
        state.refuse(_("Your list has {n} corpora, which is as many as it holds; delete one.").format(n=MOST))
        return
    then = partial(_keep, identity.visitor(), title) if keep else None
    try:
        job_id = engine.current().begin(function, *args, session=identity.visitor(), title=title, then=then, file=file)
    except LabError as error:
        state.refuse(str(error))
        return
    st.session_state[JOB] = st.query_params["job"] = job_id


def _keep(visitor: str, title: str, name: str) -> str:  # in a thread of Dask's, after the page has gone on
    if name != "fsdd":  # what turned out to be the whole of that is everyone's
        engine.current().keep_corpus(name, visitor, title)
    return name
