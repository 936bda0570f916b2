"""A corpus from a folder or ZIP of recordings that people bring, which is trusted in nothing.

What is in it, ``members`` tells; every recording is read by ``audio``. One that cannot be read is left out and named.
"""

import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from l1demo import audio
from l1demo.corpora import DIGITS, RATE, Corpus, CorpusError, members, sort_words
from l1demo.corpora.members import Member, printable, short
from l1demo.text import _

MAX_HOURS = 6.0  # of trimmed sound: 345 MB in memory
MAX_WORDS, MAX_SPEAKERS = 200, 5000
MAX_NAME = 40  # letters of a word or speaker
MAX_NAMED = 500  # how many skipped recordings are named one by one
TELL_SECONDS = 0.1  # between two words on how far it is


@dataclass(frozen=True)
class _Recording:
    member: Member
    word: str
    speaker: str
    take: int | None


def load(path: str | Path, tell: Callable[[float | None, str], None] | None = None) -> Corpus:
    """Read every recording of a folder or ZIP: trimmed, 8 kHz, mono.

    Names are ``{label}_{speaker}_{index}.wav`` in any folder (the Free Spoken Digit Dataset's own), or ``label/….wav``, where
    ``{speaker}_{index}.wav`` and Speech Commands' ``{speaker}_nohash_{index}.wav`` tell the speaker. The labels 0 to 9 become
    the words zero to nine, so that every corpus of digits teaches the same words. Capitals do not matter, nor how accents are
    composed. Two recordings of one word, speaker and index are both taken, unless they sound the same.

    Parameters
    ----------
    path : str or Path
    tell : callable, optional
        Called now and then with the fraction that is done and a sentence; what it raises ends the loading.

    Raises
    ------
    CorpusError
        When nothing is there, nothing in it can be used, or the archive is unsafe.
    """
    path = Path(path).expanduser()
    with members.listed(path) as listing:
        name = printable(path.name if path.is_dir() else path.stem)[:MAX_NAME] or _("recordings")
        skipped = listing.skipped
        recordings = _parse_names(name, listing.members, skipped)
        kept, samples, starts = _read_all(recordings, skipped, tell)
    _check_words(name, kept, skipped)
    return _corpus(name, kept, samples, starts, _named(skipped))


def _parse_names(name: str, found: list[Member], skipped: list[str]) -> list[_Recording]:
    spelled: dict[str, str] = {}  # speakers who differ by capitals alone are one, by the first spelling
    recordings = []
    for member in found:
        try:
            word, speaker, take = _parse_name(member.path)
        except audio.AudioError as error:
            skipped.append(_skip(member, error))
            continue
        recordings.append(_Recording(member, word, spelled.setdefault(speaker.casefold(), speaker), take))
    words = {recording.word for recording in recordings}
    if len(words) > MAX_WORDS or len(spelled) > MAX_SPEAKERS:
        raise CorpusError(
            _(
                "{name} has {words:,} words by {speakers:,} speakers; at most {most_words} words and {most_speakers:,} speakers "
                "can be told apart. Use fewer, or look whether its names say what is meant."
            ).format(name=name, words=len(words), speakers=len(spelled), most_words=MAX_WORDS, most_speakers=MAX_SPEAKERS)
        )
    rank = {word: i for i, word in enumerate(sort_words(words))}
    return sorted(recordings, key=lambda recording: (rank[recording.word], recording.speaker, recording.take or 0))


def _read_all(
    recordings: list[_Recording], skipped: list[str], tell: Callable[[float | None, str], None] | None
) -> tuple[list[_Recording], np.ndarray, np.ndarray]:
    sound, ends = bytearray(), [0]  # one array that grows: a list of clips would need the memory twice
    kept: list[_Recording] = []
    heard: dict[tuple, list[int]] = defaultdict(list)
    told = 0.0
    for i, recording in enumerate(recordings):
        if tell and time.monotonic() > told + TELL_SECONDS:
            tell(i / len(recordings), _("{n:,} of {all:,} recordings are read").format(n=i, all=len(recordings)))
            told = time.monotonic()
        try:
            samples = audio.to_int16(audio.read(members.read(recording.member), RATE).samples).tobytes()
        except audio.AudioError as error:
            skipped.append(_skip(recording.member, error))
            continue
        same = heard[_identity(recording)]
        if copied := [j for j in same if sound[ends[j] : ends[j + 1]] == samples]:
            original = short(kept[copied[0]].member.path)
            skipped.append(_skip(recording.member, _("it is the same recording as {original}").format(original=original)))
            continue
        same.append(len(kept))
        kept.append(recording)
        sound += samples
        ends.append(len(sound))
        if len(sound) > MAX_HOURS * 3600 * RATE * 2:
            raise CorpusError(_("The recordings are longer than {most:g} hours together; use fewer.").format(most=MAX_HOURS))
    return kept, np.frombuffer(sound, np.int16), np.array(ends, np.int64) // 2


def _identity(recording: _Recording) -> tuple:
    if recording.take is None:
        return (unicodedata.normalize("NFC", str(recording.member.path)).casefold(),)
    return recording.word, recording.speaker, recording.take


def _check_words(name: str, kept: list[_Recording], skipped: list[str]) -> None:
    if not kept:
        reason = _("name them {label}_{speaker}_{index}.wav, or put them into a folder for each word")
        if skipped:
            reason = _("the first that failed: {sentence}").format(sentence=min(skipped))
        raise CorpusError(_("{name} has no recording that can be used; {reason}").format(name=name, reason=reason))
    if len(words := {recording.word for recording in kept}) < 2:
        failed = _("The first recording that failed: {sentence}").format(sentence=min(skipped)) if skipped else ""
        raise CorpusError(
            _("{name} has the one word “{word}”; a recogniser needs at least two to tell apart. {failed}")
            .format(name=name, word=words.pop(), failed=failed)
            .rstrip()
        )


def _corpus(name: str, kept: list[_Recording], samples: np.ndarray, starts: np.ndarray, skipped: tuple[str, ...]) -> Corpus:
    words = {word: i for i, word in enumerate(sort_words({recording.word for recording in kept}))}
    speakers = {speaker: i for i, speaker in enumerate(sorted({recording.speaker for recording in kept}))}
    corpus = Corpus(
        name=name,
        words=tuple(words),
        speakers=tuple(speakers),
        samples=samples,
        starts=starts,
        labels=np.array([words[recording.word] for recording in kept], np.int64),
        voices=np.array([speakers[recording.speaker] for recording in kept], np.int64),
        takes=np.array(_takes(kept), np.int64),
        skipped=skipped,
        numbered=all(recording.take is not None for recording in kept),
    )
    order = np.lexsort((corpus.takes, corpus.voices, corpus.labels))
    return corpus if (np.diff(order) == 1).all() else corpus.subset(order)


def _takes(kept: list[_Recording]) -> list[int]:
    running: Counter[str] = Counter()
    places = {}
    for recording in sorted(kept, key=lambda recording: recording.member.path):
        places[recording.member.path] = running[recording.word]
        running[recording.word] += 1
    return [places[recording.member.path] if recording.take is None else recording.take for recording in kept]


def _named(skipped: list[str]) -> tuple[str, ...]:
    if len(skipped) <= MAX_NAMED:
        return tuple(sorted(skipped))
    return *sorted(skipped)[:MAX_NAMED], _("… and {n:,} more recordings").format(n=len(skipped) - MAX_NAMED)


def _skip(member: Member, reason: object) -> str:
    return _("{name}: {reason}").format(name=short(member.path), reason=reason)


def _parse_name(path: PurePosixPath) -> tuple[str, str, int | None]:
    parts = path.stem.rsplit("_", 2)
    if len(parts) == 3 and all(parts) and parts[2].isdecimal() and parts[1] != "nohash":
        return _word(parts[0]), _speaker(parts[1]), int(parts[2][:9])
    speaker = path.stem.rsplit("_", 1)[0].removesuffix("_nohash") if "_" in path.stem else ""
    return _word(path.parent.name), _speaker(speaker), None


def _word(label: str) -> str:
    word = printable(label).lower()
    if not word:
        raise audio.AudioError(_("its name tells no word; name it {label}_{speaker}_{index}.wav"))
    if len(word) > MAX_NAME:
        raise audio.AudioError(_("its word has {n} letters; at most {most} can be shown").format(n=len(word), most=MAX_NAME))
    return DIGITS[int(word)] if re.fullmatch("[0-9]", word) else word


def _speaker(name: str) -> str:
    speaker = printable(name)
    if len(speaker) > MAX_NAME:
        raise audio.AudioError(
            _("its speaker's name has {n} letters; at most {most} can be shown").format(n=len(speaker), most=MAX_NAME)
        )
    return speaker or _("unknown")
