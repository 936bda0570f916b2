"""Recording for a class set, the same for students and teacher: the line of consent, the recorder, and one's own clips."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from l1demo import LabError, class_tasks, engine
from l1demo.class_rules import ENOUGH, MAX_NAME, ClassError, ClassSet, Clip
from l1demo.engine import EngineError
from l1demo.store import StoreError
from l1demo.text import _, plain
from l1demo.ui import identity, recorder
from l1demo.ui.recorder import Answer

LOOK = 3.0  # seconds between two looks at what others have changed
PATIENCE = 60.0  # seconds that a good recording waits for its turn, behind what others look at
KEY, TROUBLE = "class-recorder", "class-trouble"

WHAT = (
    _("**What is kept:** of each word the part that you spoke, about a second, and your nickname."),
    _("**Where:** in the lab's folder on the computer that runs this lab. Nothing goes to the internet."),
    _("**What for:** to train networks of this class."),
    _("**Who can hear it:** you and whoever made this set."),
    _(
        "**How to delete it:** each clip or all of yours, here, at any time; training sets that have them go with them. Networks "
        "that learned from them stay: they hold numbers, no sound."
    ),
)


def show(class_set: ClassSet) -> None:
    """Draw the line of consent, or the recorder for who has agreed; clips that others delete are gone at the next look."""
    _studio(class_set.id)


@st.fragment(run_every=LOOK)
def _studio(class_id: str) -> None:
    try:
        class_set = engine.current().classes.get(class_id)
        name = engine.current().classes.voice(class_id, identity.visitor())
        clips = engine.current().classes.clips(class_id, identity.visitor())
    except StoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    show_trouble()
    if class_set is None:
        st.rerun()  # the page, which says so
    elif name is None:
        _consent(class_set)
    else:
        mine = [clip for clip in clips if clip.session == identity.visitor()]
        _record(class_set, name, mine)
        _listed(class_set, clips)


def _consent(class_set: ClassSet) -> None:
    with st.form("class-consent", border=True):
        st.markdown("\n".join(f"- {line}" for line in WHAT))
        st.checkbox(_("I agree that my voice is recorded for this class set."), key="class-agreed")
        st.text_input(
            _("Nickname (may stay empty: you get a number)"),
            key="class-nickname",
            max_chars=MAX_NAME,
            help=_("It stands beside your clips, and in the list of voices of what is trained on them."),
        )
        st.form_submit_button(_("Join"), type="primary", on_click=_join, args=(class_set.id,), disabled=not class_set.open)
    if not class_set.open:
        st.info(_("This class set is closed; no clip is taken now."), icon=":material/lock:")


def _join(class_id: str) -> None:
    if not st.session_state["class-agreed"]:
        st.session_state[TROUBLE] = _("Nothing is recorded before you agree to it; tick the line first.")
    else:
        attempt(engine.current().classes.join, class_id, identity.visitor(), st.session_state["class-nickname"])


def _record(class_set: ClassSet, name: str, mine: Sequence[Clip]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_("You are **{name}**.").format(name=plain(name)))
        st.toggle(_("Shuffle the words"), key=f"{KEY}-shuffled", help=_("Else they come in turn."))
    if not class_set.open:
        st.info(_("This class set is closed; no clip is taken now."), icon=":material/lock:")
        return
    of = Counter(clip.word for clip in mine)
    recorder.recorder(
        f"{KEY}-{class_set.id}",
        {word: of[word] for word in class_set.words},
        ENOUGH,
        lambda word, sound: said(class_set.id, word, sound),
        undone,
    )


def said(class_id: str, word: str, sound: bytes) -> Answer:
    """Have a recording read in a worker and keep it; say what became of it.

    Parameters
    ----------
    class_id, word : str
    sound : bytes
        As the browser sent it, as little trusted as the word.
    """
    try:
        found = engine.current().call(class_tasks.heard, sound, timeout=PATIENCE)
    except EngineError as error:
        return Answer(_("Not kept: {reason} Say it again.").format(reason=error))
    try:
        clip = engine.current().classes.add(class_id, identity.visitor(), word, **found)
    except (ClassError, StoreError) as error:
        return Answer(str(error), ends=True)
    if found["verdict"]:
        return Answer(_("“{word}” is kept, but {verdict}.").format(word=word, verdict=found["verdict"]), clip, kept=True)
    return Answer(_("“{word}” is kept: {seconds:.2f} s.").format(word=word, seconds=found["seconds"]), clip, kept=True)


def undone(clip_id: str) -> Answer:
    """Delete a clip that is to be said again, if it is this visitor's."""
    try:
        engine.current().classes.delete(clip_id, identity.visitor())
    except (LabError, StoreError) as error:
        return Answer(str(error))
    return Answer(_("Deleted; say it again."), kept=True)


def _listed(class_set: ClassSet, clips: Sequence[Clip]) -> None:
    owner = class_set.owner == identity.visitor()
    st.subheader(_("All clips") if owner else _("Your clips"), anchor=False)
    if clips:
        _played(class_set, clips, owner)
    else:
        st.caption(_("None yet."))
    with st.popover(_("Delete all of mine"), icon=":material/delete_sweep:"):
        st.markdown(
            _("All that you said here is deleted, and your nickname, and training sets that have it. Nobody can bring it back.")
        )
        leave = engine.current().classes.leave
        st.button(_("Delete all of mine now"), on_click=do, args=(leave, class_set.id, identity.visitor()))


def _played(class_set: ClassSet, clips: Sequence[Clip], owner: bool) -> None:
    by_id = {clip.id: clip for clip in reversed(clips)}  # the newest first
    if st.session_state.get("class-clip") not in by_id:
        st.session_state.pop("class-clip", None)
    chosen = st.selectbox(
        _("Clip"), list(by_id), format_func=lambda clip_id: _called(by_id[clip_id], owner), key="class-clip", width=480
    )
    clip = by_id[chosen]
    try:
        st.audio(engine.current().classes.sound(clip.id, identity.visitor()), format="audio/wav", width=480)
    except (LabError, StoreError) as error:  # it may have been deleted since the list was read
        st.caption(str(error))
        return
    if clip.verdict:
        st.caption(clip.verdict)
    with st.container(horizontal=True):
        if clip.session == identity.visitor() and class_set.open:
            again = _("Delete it, and say the word again.")
            st.button(_("Redo"), icon=":material/replay:", on_click=_redo, args=(class_set.id, clip), help=again)
        delete = engine.current().classes.delete
        st.button(_("Delete"), icon=":material/delete:", on_click=do, args=(delete, clip.id, identity.visitor()))


def _called(clip: Clip, with_voice: bool) -> str:
    parts = [clip.word, f"{clip.seconds:.2f} s", *([clip.voice] if with_voice else []), *(["⚠"] if clip.verdict else [])]
    return " · ".join(parts)


def _redo(class_id: str, clip: Clip) -> None:
    if attempt(engine.current().classes.delete, clip.id, identity.visitor()):
        recorder.say_next(f"{KEY}-{class_id}", clip.word)


def attempt(function: Callable[..., object], *args: Any) -> bool:
    """Do what was asked for; where that fails, have its sentence stand on the page until something else is done."""
    try:
        function(*args)
    except (LabError, StoreError) as error:
        st.session_state[TROUBLE] = str(error)
        return False
    st.session_state.pop(TROUBLE, None)
    return True


def do(function: Callable[..., object], *args: Any) -> None:
    """Do what was asked for as ``attempt`` does, at the press of a button."""
    attempt(function, *args)


def show_trouble() -> None:
    """Show the sentence that ``attempt`` left; its place is there without one, too."""
    with st.container():
        if sentence := st.session_state.get(TROUBLE):
            st.warning(sentence, icon=":material/error:")
