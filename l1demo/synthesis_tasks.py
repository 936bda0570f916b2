"""Words that a visitor types: what of them is asked of eSpeak NG, and the work of it, in the server's terms and a worker's."""

import functools
import json
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l1demo import LabError
from l1demo.text import _

if TYPE_CHECKING:
    from l1demo.job_tasks import Tell

LANGUAGES = Path(__file__).with_name("languages.json")
MOST_WORDS, LONGEST_WORD = 20, 40
MOST_TAKES, TAKES = 5, 3
NAMED = 6  # words in a corpus's title
PAUSE = 0.25  # seconds between two voices


class WordsError(LabError):
    """What was typed cannot be a list of words; the message says why and what to do."""


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a text that commas, semicolons or lines divide, each once, in their order.

    Raises
    ------
    WordsError
        When there are fewer than two or more than 20, or one has more than 40 characters or one that cannot be printed.
    """
    by_word: dict[str, str] = {}
    for part in re.split(r"[,;，、；\n]", unicodedata.normalize("NFC", text)):
        if word := " ".join(part.split()):
            by_word.setdefault(word.lower(), word)
    words = tuple(by_word.values())
    if len(words) < 2:
        raise WordsError(_("Type at least two words with a comma between them, as in “yes, no”."))
    if len(words) > MOST_WORDS:
        raise WordsError(_("These are {n} words; at most {most} can be learned here.").format(n=len(words), most=MOST_WORDS))
    for word in words:
        if len(word) > LONGEST_WORD:
            raise WordsError(
                _("“{word}…” has {n} characters; a word has at most {most}.").format(
                    word=word[:LONGEST_WORD], n=len(word), most=LONGEST_WORD
                )
            )
        if not re.sub("[\u200c\u200d]", "", word).isprintable():  # these two join letters of Persian and Hindi
            raise WordsError(_("“{word}” has a character that cannot be printed; type it again.").format(word=ascii(word)[1:-1]))
    return words


@functools.cache
def languages() -> dict[str, str]:
    """Return the names of the languages that eSpeak NG speaks by their codes, as ``tools/languages.py`` wrote them down."""
    return dict(json.loads(LANGUAGES.read_text(encoding="utf-8")))


def speak_words(tell: "Tell", words: tuple[str, ...], language: str, takes: int) -> str:
    """Have eSpeak NG say words, keep them as a corpus, and return its name.

    Parameters
    ----------
    tell : Tell
    words : tuple of str
        ``split_words``' result.
    language : str
        The code of one of ``languages``.
    takes : int
        1 to 5; how often each voice says each word.

    Raises
    ------
    SynthesisError, CorpusError
        When they cannot be spoken, or not be kept.
    """
    from l1demo import shelf, synthesis

    tell(0.0, _("looking for voices"))
    corpus = synthesis.speak(words, language, min(max(1, takes), MOST_TAKES), tell)
    said = tuple(word for word in words if word.lower() in corpus.words)
    return shelf.save(corpus, "words", title(said, languages()[language]), synthesis.LICENCE, synthesis.SOURCE)


def title(words: tuple[str, ...], language: str) -> str:
    """Return what a corpus of words in a language, by its name, is called on the screen."""
    return ", ".join(words[:NAMED]) + (", …" if len(words) > NAMED else "") + f" · {language}"


def medley(name: str, word: str, n: int) -> dict[str, Any]:
    """Return a word in some voices of a corpus, one after the other.

    Parameters
    ----------
    name, word : str
    n : int
        How many voices.

    Returns
    -------
    dict
        ``sound``, a WAV file, and ``speakers``, a list of str.

    Raises
    ------
    CorpusError
        When there is no such corpus.
    """
    import numpy as np

    from l1demo import payoff, tasks
    from l1demo.corpora import RATE

    corpus = tasks.corpus(name)
    said = np.flatnonzero(corpus.labels == corpus.words.index(word))
    of_voice = said[np.unique(corpus.voices[said], return_index=True)[1]]  # the first take of each
    chosen = of_voice[np.linspace(0, len(of_voice) - 1, min(n, len(of_voice))).round().astype(int)]
    pause = np.zeros(round(PAUSE * RATE), np.int16)
    sound = np.concatenate([part for i in chosen for part in (corpus.clip(i), pause)])
    return {"sound": payoff.wav(sound / 32767), "speakers": [corpus.speakers[corpus.voices[i]] for i in chosen]}
