"""Where a page's sound comes from: a clip of a corpus, the microphone or a file."""

import hashlib

import streamlit as st

from l1demo import engine, tasks
from l1demo.corpora import BUILT_IN
from l1demo.spec import RunSpec
from l1demo.text import _
from l1demo.ui import corpora_list

SOURCES = {"clip": _("Clip"), "record": _("Record"), "upload": _("Upload")}
TYPES = ["wav", "flac", "ogg", "oga", "opus", "mp3", "m4a", "mp4", "webm", "mka", "mkv"]
KEPT = 600.0  # seconds that a voice stays in the server's memory: who deletes it wants it gone
FIRST = "seven"  # the digit chosen at first: a hiss, vowels and a nasal


def digest(sound: bytes | None) -> str:
    """Return by what charts and widgets know a sound."""
    return hashlib.sha256(sound or b"").hexdigest()[:12]


def choose(spec: RunSpec | None = None) -> bytes | None:
    """Draw the widgets that choose a sound, and return it as an audio file; None while there is none yet.

    Parameters
    ----------
    spec : RunSpec, optional
        The run whose corpus's clips are offered, where this visitor may hear them; else those of the built-in digits.

    Raises
    ------
    EngineError
        When the clip cannot be read.
    """
    match st.segmented_control(_("Sound"), list(SOURCES), format_func=SOURCES.__getitem__, default="clip", required=True):
        case "record":
            rate = st.segmented_control(
                _("Recording rate"), [16_000, 8_000], format_func="{:,} Hz".format, default=16_000, required=True
            )
            sound = st.audio_input(_("Speak one word"), sample_rate=rate, key=f"microphone-{rate}")
            st.caption(_("No microphone? The browser gives it to pages on HTTPS or localhost only; the README says more."))
        case "upload":
            sound = st.file_uploader(_("WAV, FLAC, OGG, MP3, M4A or WebM · at most 30 s and 10 MB"), type=TYPES)
        case _:
            corpus = spec.corpus.name if spec and corpora_list.is_at_hand(spec) else BUILT_IN[0]
            said = _speakers(corpus)
            words = list(said)
            word = st.selectbox(_("Word"), words, index=words.index(FIRST) if FIRST in words else 0)
            speaker = st.selectbox(_("Voice"), said[word])
            return _recording(corpus, word, speaker)
    return sound.getvalue() if sound else None


@st.cache_data(max_entries=4, show_spinner=False)
def _speakers(corpus: str) -> dict[str, tuple[str, ...]]:
    return engine.current().call(tasks.speakers, corpus, timeout=60.0)


@st.cache_data(max_entries=200, ttl=KEPT, show_spinner=False)
def _recording(corpus: str, word: str, speaker: str) -> bytes:
    return engine.current().call(tasks.recording, corpus, word, speaker)
