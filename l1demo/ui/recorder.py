"""Words recorded in the browser one after another, with a countdown and a level meter. What becomes of them is the page's."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from l1demo.text import _
from l1demo.ui import live

MAX_SENT = 2**20  # bytes: 2.2 s of 16 bits at 192 kHz have less

_recorder = live.component("recorder")


@dataclass(frozen=True)
class Answer:
    """What became of a recording.

    Attributes
    ----------
    sentence : str
    clip : str
        Its id where it was kept, else empty.
    kept : bool
        Whether it went well.
    ends : bool
        Whether it is no use to go on.
    """

    sentence: str
    clip: str = ""
    kept: bool = False
    ends: bool = False


def recorder(
    key: str, words: Mapping[str, int], target: int, on_said: Callable[[str, bytes], Answer], on_undo: Callable[[str], Answer]
) -> None:
    """Draw the recorder; it goes on by itself until it is paused or every word has as many clips as are wanted.

    Parameters
    ----------
    key : str
        One on a page.
    words : mapping of str to int
        How many clips there are of each word.
    target : int
        How many are wanted.
    on_said : callable
        Called before the next run with a word and a WAV file of it. Both come from the browser, so they may be anything.
    on_undo : callable
        Called with the id of a clip that is to be deleted, because it is said again.
    """
    data = {
        "words": [{"word": word, "kept": kept} for word, kept in words.items()],
        "target": target,
        "shuffled": bool(st.session_state.get(f"{key}-shuffled")),
        "answer": st.session_state.get(f"{key}-answer"),
        "next": st.session_state.get(f"{key}-next"),
        "texts": _texts(),
    }
    _recorder(key=key, data=data, on_told_change=lambda: _told(key, st.session_state[key]["told"], on_said, on_undo))


def say_next(key: str, word: str) -> None:
    """Have a word said next, and at once."""
    asked = st.session_state.get(f"{key}-next") or {"id": 0}
    st.session_state[f"{key}-next"] = {"id": asked["id"] + 1, "word": word}


def _told(key: str, letter: Any, on_said: Callable[[str, bytes], Answer], on_undo: Callable[[str], Answer]) -> None:
    if not isinstance(letter, dict) or not isinstance(letter.get("id"), str):
        return
    answered = st.session_state.get(f"{key}-answer") or {}
    if answered.get("id") == letter["id"]:
        return  # it was sent twice, because the answer took long
    answer = on_undo(str(letter["undo"])) if "undo" in letter else _heard(letter, on_said)
    st.session_state[f"{key}-answer"] = {"id": letter["id"]} | asdict(answer)


def _heard(letter: dict[str, Any], on_said: Callable[[str, bytes], Answer]) -> Answer:
    text = letter.get("sound")
    try:
        sound = base64.b64decode(text[: 2 * MAX_SENT], validate=True) if isinstance(text, str) else b""
    except ValueError:
        sound = b""
    if not 0 < len(sound) <= MAX_SENT:
        return Answer(_("The recording did not arrive whole."))
    return on_said(str(letter.get("word")), sound)


def _texts() -> dict[str, Any]:
    return {
        "start": _("Record"),
        "pause": _("Pause"),
        "skip": _("Skip"),
        "redo": _("Redo last"),
        "ready": _("Ready when you are"),
        "opening": _("Asking for the microphone …"),
        "speak": _("Speak!"),
        "now": _("Say this word next"),
        "count": _("{n} of {of}").format(n="{n}", of="{of}"),
        "meter": _("Level of the microphone"),
        "levels": {"quiet": _("quiet"), "good": _("good"), "loud": _("too loud")},
        "how": _("Space begins and pauses. After three beats say the word once; the next one follows by itself."),
        "enough": _("There are {n} clips of every word now. Thank you! Record goes on with one more of each.").format(n="{n}"),
        "denied": _(
            "The microphone was refused. Allow it for this page (the lock or camera beside the address), and press Record again."
        ),
        "missing": _("The browser finds no microphone. Plug one in, or use another device, and press Record again."),
        "busy": _("The microphone does not answer; another program may be using it. Close that one and press Record again."),
        "lost": _("The microphone is gone. Plug it in again and press Record."),
        "failed": _("The microphone cannot be used: {reason}").format(reason="{reason}"),
        "insecure": _(
            "A browser gives the microphone only to a page on HTTPS or on localhost, and this page is on neither. Ask your teacher "
            "for an address that begins with https; the README says how to make one."
        ),
    }
