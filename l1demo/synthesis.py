"""Any words as a corpus: eSpeak NG says them in many voices, of which each varies its pace, pitch and vocal tract.

How a voice varies is what the built-in digits have, too (``tools/voices.py``). The library itself speaks in ``espeak``'s process.
"""

import json
import re
import subprocess
import sys
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1demo import LabError, audio, espeak
from l1demo.corpora import RATE, Corpus, sort_words
from l1demo.text import _

SPEED = 160  # words a minute of a take that is not stretched
PEAK = 0.6  # of full scale: room for what a lossy codec overshoots
LONGEST, SHORTEST = 1.2, 0.12  # s; the network hears no more of a clip
LIMIT = 120.0  # s after which its process is ended: 20 words take 10
SOURCE, LICENCE = "eSpeak NG", "GPL-3.0-or-later"
# whispers and robots are no people: a variant on this list is left out
NO_PEOPLE = {"whisper", "whisperf", "UniRobot", "anikaRobot", "robosoft", "croak", "Demonic", "announcer", "fast"} | {
    f"robosoft{i}" for i in range(2, 9)
}
_UNHEARD = re.compile("_:?|[',%=|]")  # in its phonemes: pauses and stress, of which a single word's do not tell it from another


class SynthesisError(LabError):
    """Words that cannot be spoken, or voices that cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Language:
    """A language to speak in.

    Attributes
    ----------
    code : str
        ``en``, or where one accent is meant, eSpeak NG's own name of it: ``gmw/en-US``.
    name : str
        In English, as eSpeak NG has it.
    accents : tuple of str
        eSpeak NG's names of them.
    """

    code: str
    name: str
    accents: tuple[str, ...]


@dataclass(frozen=True)
class Take:
    """How a voice says a word once: ``stretch`` of its durations, ``pitch`` and ``size`` (of the vocal tract) as factors."""

    stretch: float
    pitch: float
    size: float


def draw_take(rng: np.random.Generator) -> Take:
    """Return a take at random: durations up to ×1.3 either way, pitch ×1.25, vocal tract ×1.15."""
    return Take(*np.exp(rng.uniform(-1, 1, 3) * np.log([1.3, 1.25, 1.15])))


def settings(take: Take) -> tuple[int, int]:
    """Return eSpeak NG's speed, in words a minute, and its pitch, 0 to 99, of a take; ``size`` is left to ``polish``."""
    return round(SPEED / take.stretch), min(99, max(0, round(50 + 120 * float(np.log(take.pitch)))))


def polish(samples: np.ndarray, rate: int, take: Take) -> np.ndarray | None:
    """Resize the vocal tract by playing faster or slower, resample to 8 kHz, trim, and scale.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    rate : int
    take : Take

    Returns
    -------
    ndarray of int16, shape (m,), or None
        None where nothing is left, or more than a word.
    """
    played_at = round(rate * take.size / 50) * 50
    samples = audio.resample(samples, played_at, RATE)
    try:
        samples = audio.trim(samples, RATE)
    except audio.AudioError:
        return None
    if not SHORTEST <= len(samples) / RATE <= LONGEST:
        return None
    return np.round(samples * (PEAK * 32767 / np.abs(samples).max())).astype(np.int16)


def languages() -> list[Language]:
    """Return what eSpeak NG speaks, by name: each language with all its accents, and where there are several, each by itself.

    Raises
    ------
    SynthesisError
        When it is not there.
    """
    by_code: dict[str, dict[str, str]] = defaultdict(dict)
    with _espeak() as ask:
        for voice in ask({"list": "languages"})["voices"]:
            if not voice["name"].endswith("-test"):
                by_code[_code(voice["identifier"])][voice["identifier"]] = voice["name"].strip()
    found = []
    for code, names in by_code.items():
        whole = min(names.values(), key=len)
        several = len(names) > 1
        found.append(Language(code, whole.split(" (")[0] if several else whole, tuple(sorted(names))))
        found += [Language(accent, _one(name), (accent,)) for accent, name in names.items() if several]
    return sorted(found, key=lambda language: language.name)


def speak(words: tuple[str, ...], code: str, takes: int, tell: Callable[[float, str], object]) -> Corpus:
    """Return a corpus of words, said by all of eSpeak NG's voices that sound like people; the same words give the same samples.

    Parameters
    ----------
    words : tuple of str
        As typed; clips bear them in lower case.
    code : str
        Of one of ``languages``.
    takes : int
        How often each voice says each word; each take of a voice is the same for all words, so that none has a pitch of its own.
    tell : callable
        Is told the fraction that is done and a sentence.

    Raises
    ------
    SynthesisError
        When there is no such language, fewer than two words can be told apart in it, or eSpeak NG is not there or fails.
    """
    language = next((each for each in languages() if each.code == code), None)
    if language is None:
        raise SynthesisError(_("eSpeak NG has no language “{code}”; choose one of the list.").format(code=code[:40]))
    kept, skipped = _sayable(words, language)
    _at_least_two(kept, skipped)
    order = sort_words(set(kept))
    speakers: dict[str, None] = {}
    clips: dict[str, list[tuple[str, int, np.ndarray]]] = {word: [] for word in order}
    for speaker, take, said in _rendered([kept[word] for word in order], language, takes, tell):
        speakers[speaker] = None
        for word, clip in zip(order, said, strict=True):
            if clip is not None:
                clips[word].append((speaker, take, clip))
    for word in order:
        if len(clips[word]) < takes * len(speakers) / 2:
            del clips[word]
            skipped.append(_("“{word}” takes most voices longer than {n:g} s; choose a shorter one.").format(word=word, n=LONGEST))
    _at_least_two(clips, skipped)
    number = {speaker: i for i, speaker in enumerate(speakers)}
    rows = [(label, number[speaker], take, clip) for label, word in enumerate(clips) for speaker, take, clip in clips[word]]
    labels, voices, taken, samples = zip(*rows, strict=True)
    return Corpus(
        name="words",
        words=tuple(clips),
        speakers=tuple(speakers),
        samples=np.concatenate(samples),
        starts=np.cumsum([0, *map(len, samples)], dtype=np.int64),
        labels=np.array(labels, np.int64),
        voices=np.array(voices, np.int64),
        takes=np.array(taken, np.int64),
        skipped=tuple(skipped),
    )


def _rendered(
    texts: list[str], language: Language, takes: int, tell: Callable[[float, str], object]
) -> Iterator[tuple[str, int, list[np.ndarray | None]]]:
    with _espeak() as ask:
        variants = sorted({_stem(voice["identifier"]) for voice in ask({"list": "variants"})["voices"]} - NO_PEOPLE)
        for i, variant in enumerate(variants):
            tell(i / len(variants), _("voice {i} of {n}").format(i=i + 1, n=len(variants)))
            accent = language.accents[i % len(language.accents)]
            speaker = f"espeak-{_stem(accent).lower()}+{variant}".replace(" ", "-")  # as the built-in digits name them
            rng = np.random.default_rng(zlib.crc32(variant.encode()))
            drawn = [draw_take(rng) for _take in range(takes)]
            say = [(text, *settings(take)) for take in drawn for text in texts]
            answer = ask({"voice": f"{accent}+{variant}", "say": say})
            sounds = np.split(np.frombuffer(answer["data"], np.int16) / np.float32(32768), np.cumsum(answer["bytes"])[:-1] // 2)
            for n, take in enumerate(drawn):
                of_take = sounds[n * len(texts) : (n + 1) * len(texts)]
                yield speaker, n, [polish(sound, answer["rate"], take) if len(sound) else None for sound in of_take]


def _sayable(words: tuple[str, ...], language: Language) -> tuple[dict[str, str], list[str]]:
    kept: dict[str, str] = {}
    skipped: list[str] = []
    said: dict[str, str] = {}
    with _espeak() as ask:
        for typed in words:
            word = typed.lower()
            sound = _UNHEARD.sub("", ask({"voice": language.accents[0], "text": typed})["phonemes"]).strip()
            if not sound:
                skipped.append(_("“{word}” is nothing that {language} can say.").format(word=typed, language=language.name))
            elif sound in said and said[sound] != word:
                skipped.append(
                    _("“{word}” sounds like “{other}” in {language}, so nobody could tell them apart.").format(
                        word=typed, other=said[sound], language=language.name
                    )
                )
            elif word not in kept:
                kept[word], said[sound] = typed, word
    return kept, skipped


def _at_least_two(words: dict[str, Any], skipped: list[str]) -> None:
    if len(words) < 2:
        reason = " ".join(skipped) or _("Write a comma between two words.")
        raise SynthesisError(_("A recogniser needs at least two words to tell apart. {reason}").format(reason=reason))


@contextmanager
def _espeak() -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Give a function that asks a new process of ``espeak``, which says the same in every new process, and ends with this."""
    try:
        import espeakng_loader

        library = Path(espeakng_loader.get_library_path())
        process = subprocess.Popen(
            [sys.executable, "-I", espeak.__file__, str(library)],
            cwd=library.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (ImportError, OSError) as error:
        raise SynthesisError(
            _("eSpeak NG, which speaks the words, is not there ({reason}); install the lab's requirements again.").format(
                reason=error
            )
        ) from error
    watch = threading.Timer(LIMIT, process.kill)
    watch.start()
    try:
        began = _answer_of(process)

        def ask(wanted: dict[str, Any]) -> dict[str, Any]:
            assert process.stdin
            try:
                process.stdin.write(json.dumps(wanted).encode() + b"\n")
                process.stdin.flush()
            except OSError as error:
                raise _ended() from error
            return began | _answer_of(process)

        yield ask
    finally:
        watch.cancel()
        process.kill()
        process.communicate()


def _answer_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout
    try:
        answer = json.loads(process.stdout.readline())
    except ValueError as error:
        raise _ended() from error
    if "error" in answer:
        raise SynthesisError(
            _("eSpeak NG cannot speak: {reason}.").format(reason=_(answer["error"]).format(of=answer.get("of", "")))
        )
    size = sum(answer.get("bytes", ()))
    data = process.stdout.read(size)
    if len(data) < size:
        raise _ended()
    return answer | {"data": data}


def _ended() -> SynthesisError:
    return SynthesisError(_("eSpeak NG ended in the midst of these words; leave out the one that is unusual, and try again."))


def _stem(identifier: str) -> str:
    return identifier.split("/")[-1]


def _code(identifier: str) -> str:
    first, *rest = _stem(identifier).lower().split("-")
    return "-".join(
        [first, *(part for part in rest if len(part) == 4 and part.isalpha())]
    )  # what is written otherwise is no accent


def _one(name: str) -> str:
    return name if "(" in name else _("{name} (standard)").format(name=name)
