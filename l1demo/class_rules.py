"""What a class set is, whose clips people record themselves: its words, its limits, and how what people type is read.

Where sets are kept, and who may do what with them, is ``class_sets``'.
"""

import re
import unicodedata
from dataclasses import dataclass

from l1demo import LabError
from l1demo.text import _

MIN_WORDS, MAX_WORDS, MAX_LETTERS = 2, 20, 40
MAX_TITLE, MAX_NAME = 60, 30  # characters
MAX_SETS = 20  # of a session
MAX_VOICES = 100  # of a set, as the next four
MAX_CLIPS, MAX_BYTES = 3000, 64 * 2**20
MAX_OF_VOICE, MAX_OF_WORD = 400, 40  # clips of a voice, and of one of its words
MAX_SECONDS, MAX_CLIP_BYTES = 3.0, 128 * 2**10  # of a clip: as 16-bit WAV at 16 kHz, 3 s have 94 KB
ENOUGH = 8  # clips of a word, as suggested


class ClassError(LabError):
    """What cannot be done with a class set; the message says why."""


@dataclass(frozen=True)
class ClassSet:
    """A class set.

    Attributes
    ----------
    id : str
        Unguessable: who knows it can join.
    owner : str
        The session that made it.
    title : str
    words : tuple of str
    created : float
        Seconds since 1970.
    open : bool
        Whether clips are taken.
    """

    id: str
    owner: str
    title: str
    words: tuple[str, ...]
    created: float
    open: bool


@dataclass(frozen=True)
class Clip:
    """A recording of a word, without its sound.

    Attributes
    ----------
    id : str
    session, voice : str
        Who said it, and what that person is called in this set.
    word : str
    seconds : float
    verdict : str
        What is to be said of its level; empty where it is good.
    made : float
        Seconds since 1970.
    """

    id: str
    session: str
    voice: str
    word: str
    seconds: float
    verdict: str
    made: float


def read_words(text: str) -> tuple[str, ...]:
    """Return the words of a text that has one a line, or commas between them: each once, without capitals.

    Raises
    ------
    ClassError
        When one of them is too long or cannot be printed.
    """
    parts = [unicodedata.normalize("NFC", part).lower() for part in re.split(r"[,;\n、，；]", text)]
    return tuple(dict.fromkeys(line(part, MAX_LETTERS, _("A word")) for part in parts if part.strip()))


def line(text: str, most: int, what: str) -> str:
    """Return a name as it is kept, without spaces around it.

    Raises
    ------
    ClassError
        When it is empty, has more than ``most`` characters or some that cannot be printed; ``what`` says what it is.
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if not text or len(text) > most or not text.isprintable():
        raise ClassError(
            _("{what} has 1 to {most} characters, all of which can be printed; this has {n}.").format(
                what=what, most=most, n=len(text)
            )
        )
    return text
