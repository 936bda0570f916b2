"""A class's recordings: what a browser sent to a clip that is kept, and the clips of a set to a corpus. For workers."""

import io
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soundfile

from l1demo import audio
from l1demo.class_rules import MAX_SECONDS, ClassError
from l1demo.corpora import RATE, Corpus, sort_words
from l1demo.text import _

KEPT_RATE = 16_000  # Hz, of what is kept and played; the recogniser's clips have RATE


def heard(data: bytes) -> dict[str, Any]:
    """Read a recording and make of it what is kept: the word alone, mono, 16 kHz, as a 16-bit WAV file, which every browser plays.

    Returns
    -------
    dict
        ``sound`` (bytes), its ``seconds``, and ``verdict``, a sentence on its level, empty where it is good.

    Raises
    ------
    AudioError
        When it cannot be read, or there is nothing but silence.
    ClassError
        When there is more sound in it than one word has.
    """
    clip = audio.read(data, KEPT_RATE)
    seconds = len(clip.samples) / KEPT_RATE
    if seconds > MAX_SECONDS:
        raise ClassError(
            _("The word takes {seconds:.1f} s; at most {most:g} s are kept. Say one word.").format(
                seconds=seconds, most=MAX_SECONDS
            )
        )
    file = io.BytesIO()
    soundfile.write(file, audio.to_int16(clip.samples), KEPT_RATE, format="WAV", subtype="PCM_16")
    return {"sound": file.getvalue(), "seconds": seconds, "verdict": "; ".join(clip.verdicts)}


def corpus(clips: Sequence[tuple[str, str, bytes]], tell: Callable[[float, str], object]) -> Corpus:
    """Make a corpus of clips: trimmed, 8 kHz, a running number for each recording of a word by a voice.

    Parameters
    ----------
    clips : sequence of tuple of str, str and bytes
        Word, voice, and the sound that ``heard`` made.
    tell : callable
        Is told which part is done, with a sentence.
    """
    words, voices = sort_words({word for word, *_rest in clips}), tuple(sorted({voice for _word, voice, _sound in clips}))
    said: Counter[tuple[str, str]] = Counter()
    samples, takes = [], []
    for i, (word, voice, sound) in enumerate(clips):
        tell(i / len(clips), _("clip {i} of {n}").format(i=i + 1, n=len(clips)))
        samples.append(audio.to_int16(audio.read(sound, RATE).samples))
        takes.append(said[word, voice])
        said[word, voice] += 1
    return Corpus(
        name="",
        words=words,
        speakers=voices,
        samples=np.concatenate(samples),
        starts=np.cumsum([0, *map(len, samples)], dtype=np.int64),
        labels=np.array([words.index(word) for word, *_rest in clips], np.int64),
        voices=np.array([voices.index(voice) for _word, voice, _sound in clips], np.int64),
        takes=np.array(takes, np.int64),
    )
