"""Speech Commands: some words of its archive, which is read as it comes, so that neither memory nor disk ever holds it whole.

By Pete Warden (https://arxiv.org/abs/1804.03209), CC BY 4.0: 35 English words by 2,618 people who spoke into their browsers.
"""

import hashlib
import io
import os
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from l1demo.corpora import RATE, Corpus, CorpusError, sort_words
from l1demo.corpora.download import Remote, Tell, megabytes
from l1demo.text import _

URL = "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
BYTES = 2_428_923_189
DIGEST = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"  # SHA-256 of the archive
TITLE, LICENCE = "Speech Commands", "CC BY 4.0"
RECORDINGS = {  # of each word; 105,829 together
    **{"backward": 1664, "bed": 2014, "bird": 2064, "cat": 2031, "dog": 2128, "down": 3917, "eight": 3787, "five": 4052},
    **{"follow": 1579, "forward": 1557, "four": 3728, "go": 3880, "happy": 2054, "house": 2113, "learn": 1575, "left": 3801},
    **{"marvin": 2100, "nine": 3934, "no": 3941, "off": 3745, "on": 3845, "one": 3890, "right": 3778, "seven": 3998},
    **{"sheila": 2022, "six": 3860, "stop": 3872, "three": 3727, "tree": 1759, "two": 3880, "up": 3723, "visual": 1592},
    **{"wow": 2123, "yes": 4044, "zero": 4052},
}
MOST_CLIPS = 20_000  # of a corpus: 320 MB of sound where each is as long as it can be
CLIP_BYTES = 2 * RATE  # of a second, which is the longest
MEMBER_BYTES = 2**20  # of a recording; the dataset's have 32 kB
PIECE = 2**16  # bytes unpacked at a time, which even of a bomb are 64 MB
LIST_BYTES = 4 * 2**20
UNPACKED_BYTES = 6 * 2**30  # of the whole archive; the dataset's has 3.6
MAX_NAMED = 500  # how many skipped recordings are named one by one
NAME = re.compile(r"([a-z]+)/([0-9a-f]{1,40})_nohash_([0-9]{1,6})\.wav")
LISTS = {"validation_list.txt": 1, "testing_list.txt": 2}


class Source(Protocol):
    """Where the archive's bytes come from."""

    def read(self, n: int, /) -> bytes:
        """Return the next bytes, ``n`` at most; none at the end."""
        ...


def address() -> str:
    """Return where the archive is downloaded from: ``L1DEMO_SPEECH_COMMANDS_URL``, or the dataset's own."""
    return os.environ.get("L1DEMO_SPEECH_COMMANDS_URL") or URL


def how_many(words: Collection[str], most: int) -> int:
    """Return how many clips a corpus of some words would have, with ``most`` of each at most; 0 for all.

    Raises
    ------
    CorpusError
        When that are too few words or too many clips, or a word is none of the dataset's.
    """
    if unknown := sorted({*words} - {*RECORDINGS}):
        raise CorpusError(
            _("Speech Commands has no “{word}”; it has {words}.").format(word=unknown[0], words=", ".join(RECORDINGS))
        )
    if most < 0:
        raise CorpusError(_("{n} clips of each word cannot be; choose 0 for all, or more.").format(n=most))
    if len({*words}) < 2:
        raise CorpusError(_("Choose at least two words, which a recogniser is to tell apart."))
    clips = sum(min(most or n, n) for n in (RECORDINGS[word] for word in {*words}))
    if clips > MOST_CLIPS:
        raise CorpusError(
            _("These are {n:,} clips; {most:,} can be kept at most. Choose fewer words, or fewer clips of each.").format(
                n=clips, most=MOST_CLIPS
            )
        )
    return clips


def download(tell: Tell, url: str, words: Collection[str], most: int, size: int = BYTES, digest: str = DIGEST) -> Corpus:
    """Download the archive and return the clips of some of its words; parameters and errors are those of ``read``."""
    how_many(words, most)
    with Remote(url, size, tell) as remote:
        return read(remote, words, most, size, digest)


def read(source: Source, words: Collection[str], most: int, size: int = BYTES, digest: str = DIGEST) -> Corpus:
    """Read the archive to its end and return the clips of some of its words: trimmed, 8 kHz, mono.

    Parameters
    ----------
    source : Source
        Of the compressed archive.
    words : collection of str
    most : int
        Clips of each word, the first in the archive; 0 for all.
    size, digest : int and str
        Bytes and SHA-256 of the archive.

    Raises
    ------
    CorpusError
        When it is not the archive, to the byte, or is asked for too much.
    """
    how_many(words, most)
    checked = _Checked(source, size)
    found = _Found({*words}, most)
    try:
        with tarfile.open(fileobj=checked, mode="r|gz", bufsize=PIECE) as archive:
            unpacked = 0
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # or it would remember all 105,829
                unpacked += member.size
                if unpacked > UNPACKED_BYTES:
                    raise _wrong(_("it holds too much"))
                _look_at(member, archive, found)
        while checked.read(PIECE):
            pass
    except (tarfile.TarError, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise _wrong(_("it cannot be unpacked after {n}").format(n=megabytes(checked.position))) from error
    if checked.position != size or checked.sha256.hexdigest() != digest:
        raise _wrong(_("its checksum is another"))
    return found.corpus()


class _Checked(io.RawIOBase):
    """Bytes on their way, which are counted and hashed."""

    def __init__(self, source: Source, size: int) -> None:
        self.position, self.sha256 = 0, hashlib.sha256()
        self._source, self._size = source, size

    def read(self, n: int = -1, /) -> bytes:
        data = self._source.read(n)
        self.position += len(data)
        self.sha256.update(data)
        if self.position > self._size:
            raise _wrong(_("it is longer than it should be"))
        return data


@dataclass
class _Found:
    words: set[str]
    most: int
    sound: bytearray = field(default_factory=bytearray)  # of all clips, int16, end to end: one piece, which grows in place
    clips: list[tuple[str, str, int, int]] = field(default_factory=list)  # word, speaker, take, samples, in the archive's order
    lists: dict[str, int] = field(default_factory=dict)  # they may come after the clips that they name
    taken: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)

    def corpus(self) -> Corpus:
        if missing := sorted(self.words - {*self.taken}):
            raise _wrong(_("no recording of “{word}” in it can be used").format(word=missing[0]))
        if len(self.skipped) > MAX_NAMED:
            more = _("… and {n} more recordings").format(n=len(self.skipped) - MAX_NAMED)
            self.skipped[MAX_NAMED:] = [more]
        words = sort_words(self.words)
        speakers = tuple(sorted({speaker for _word, speaker, _take, _n in self.clips}))
        place = {speaker: i for i, speaker in enumerate(speakers)}
        said, who, takes, lengths = zip(*self.clips, strict=True)
        names = [f"{word}/{speaker}_nohash_{take}.wav" for word, speaker, take, _n in self.clips]
        return Corpus(
            name=TITLE,
            words=words,
            speakers=speakers,
            samples=np.frombuffer(self.sound, np.int16),
            starts=np.cumsum([0, *lengths], dtype=np.int64),
            labels=np.array([words.index(word) for word in said], np.int64),
            voices=np.array([place[speaker] for speaker in who], np.int64),
            takes=np.array(takes, np.int64),
            skipped=tuple(self.skipped),
            official=np.array([self.lists.get(name, 0) for name in names], np.int8),
        )


def _look_at(member: tarfile.TarInfo, archive: tarfile.TarFile, found: _Found) -> None:
    from l1demo import audio

    name = member.name.removeprefix("./")
    if name in LISTS and member.isfile() and member.size <= LIST_BYTES:
        found.lists |= dict.fromkeys(_content(member, archive).decode().split(), LISTS[name])
        return
    match = NAME.fullmatch(name)
    if match is None or match[1] not in found.words or not member.isfile() or member.size > MEMBER_BYTES:
        return
    word, speaker, take = match[1], match[2], int(match[3])
    if found.most and found.taken[word] >= found.most:
        return
    try:
        samples = audio.to_int16(audio.read(_content(member, archive), RATE).samples)
    except audio.AudioError as error:
        found.skipped.append(_("{name}: {reason}").format(name=name, reason=error))
        return
    found.taken[word] += 1
    if sum(found.taken.values()) > MOST_CLIPS:
        raise _wrong(_("it has more recordings than it should"))
    found.sound += samples.tobytes()
    found.clips.append((word, speaker, take, len(samples)))


def _content(member: tarfile.TarInfo, archive: tarfile.TarFile) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _wrong(reason: str) -> CorpusError:
    return CorpusError(
        _("This is not the archive of Speech Commands v0.02: {reason}. Nothing of it was kept.").format(reason=reason)
    )
