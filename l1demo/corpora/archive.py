"""A corpus from a folder or ZIP of recordings that people bring, which is trusted in nothing.

Every recording is read by ``audio``; one that cannot be read is left out and named, an archive that means harm is refused.
"""

import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from l1demo import audio
from l1demo.corpora import DIGITS, RATE, Corpus, CorpusError, sort_words
from l1demo.text import _

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
NESTED = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
MAX_MEMBERS = 50_000
MAX_TOTAL_BYTES = 2 * 2**30  # unpacked
MAX_DIRECTORY_BYTES = 32 * 2**20  # of a ZIP's table of contents
MAX_HOURS = 6.0  # of trimmed sound: 345 MB in memory
MAX_NAMED = 20  # how many skipped recordings are named one by one


@dataclass(frozen=True)
class _Member:
    path: PurePosixPath
    size: int
    entry: zipfile.ZipInfo | Path


@dataclass(frozen=True)
class _Recording:
    label: str
    speaker: str
    take: int
    numbered: bool
    samples: np.ndarray


def load(path: str | Path) -> Corpus:
    """Read every recording of a folder or ZIP: trimmed, 8 kHz, mono.

    Names are ``{label}_{speaker}_{index}.wav`` in any folder (the Free Spoken Digit Dataset's own), or ``label/….wav``, where
    ``{speaker}_{index}.wav`` and Speech Commands' ``{speaker}_nohash_{index}.wav`` tell the speaker. The labels 0 to 9 become
    the words zero to nine, so that every corpus of digits teaches the same words.

    Raises
    ------
    CorpusError
        When nothing is there, nothing in it can be used, or the archive is unsafe.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _collect(path.name, _folder_members(path))
    if not path.is_file():
        raise CorpusError(_("There is no folder or ZIP at {path}; check the name.").format(path=path))
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            return _collect(path.stem, _zip_members(archive), archive)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise CorpusError(_("{name} is not a ZIP that can be opened ({error}).").format(name=path.name, error=error)) from error


def _folder_members(folder: Path) -> list[_Member]:
    members = []
    for file in sorted(folder.rglob("*")):
        if _is_recording(PurePosixPath(file.relative_to(folder).as_posix())) and file.is_file():
            members.append(_Member(PurePosixPath(file.relative_to(folder.parent).as_posix()), file.stat().st_size, file))
    return members


def _check_directory(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 66_000))
        tail = file.read()
    end = tail[tail.rfind(b"PK\x05\x06") :]
    count, size = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if len(end) >= 22 and (count > MAX_MEMBERS or size > MAX_DIRECTORY_BYTES):
        raise CorpusError(_("{name} holds more than {most:,} files; pack fewer.").format(name=path.name, most=MAX_MEMBERS))


def _zip_members(archive: zipfile.ZipFile) -> list[_Member]:
    members = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", info.filename):
            raise CorpusError(_("The archive holds “{name}”, a path out of its folder; pack it again.").format(name=_short(path)))
        if path.suffix.lower() in NESTED and not info.is_dir():
            raise CorpusError(_("The archive holds another archive, “{name}”; unpack it first.").format(name=_short(path)))
        if info.flag_bits & 1:
            raise CorpusError(_("“{name}” is encrypted; pack the archive again without a password.").format(name=_short(path)))
        if not info.is_dir() and _is_recording(path) and not stat.S_ISLNK(info.external_attr >> 16):
            members.append(_Member(path, info.file_size, info))
    return members


def _is_recording(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.parts)  # .git, __MACOSX, Speech Commands' _background_noise_
    return path.suffix.lower() in SUFFIXES and not hidden


def _collect(name: str, members: list[_Member], archive: zipfile.ZipFile | None = None) -> Corpus:
    if len(members) > MAX_MEMBERS:
        raise CorpusError(_("{name} has more than {most:,} recordings; use fewer.").format(name=name, most=MAX_MEMBERS))
    total = sum(member.size for member in members)
    if total > MAX_TOTAL_BYTES:
        raise CorpusError(
            _("The recordings have {n:,.0f} MB unpacked; at most {most:,} MB can be read. Use fewer.").format(
                n=total / 2**20, most=MAX_TOTAL_BYTES // 2**20
            )
        )
    skipped: list[str] = []
    recordings = list(_recordings(sorted(members, key=lambda member: member.path), archive, skipped))
    if not recordings:
        reason = _("name them {label}_{speaker}_{index}.wav, or put them into a folder for each word")
        if skipped:
            reason = _("the first that failed: {sentence}").format(sentence=skipped[0])
        raise CorpusError(_("{name} has no recording that can be used; {reason}").format(name=name, reason=reason))
    words = sort_words({recording.label for recording in recordings})
    if len(words) < 2:
        raise CorpusError(
            _("{name} has the one word “{word}”; a recogniser needs at least two to tell apart.").format(
                name=name, word="".join(words)
            )
        )
    if len(skipped) > MAX_NAMED:
        more = _("… and {n} more recordings").format(n=len(skipped) - MAX_NAMED)
        skipped = [*skipped[:MAX_NAMED], more]
    speakers = tuple(sorted({recording.speaker for recording in recordings}))
    recordings.sort(key=lambda recording: (words.index(recording.label), recording.speaker, recording.take))
    return Corpus(
        name=name,
        words=words,
        speakers=speakers,
        samples=np.concatenate([recording.samples for recording in recordings]),
        starts=np.cumsum([0, *(len(recording.samples) for recording in recordings)], dtype=np.int64),
        labels=np.array([words.index(recording.label) for recording in recordings], np.int64),
        voices=np.array([speakers.index(recording.speaker) for recording in recordings], np.int64),
        takes=np.array([recording.take for recording in recordings], np.int64),
        skipped=tuple(skipped),
        numbered=all(recording.numbered for recording in recordings),
    )


def _recordings(members: list[_Member], archive: zipfile.ZipFile | None, skipped: list[str]) -> Iterator[_Recording]:
    samples_left = int(MAX_HOURS * 3600 * RATE)
    running: Counter[str] = Counter()
    for member in members:
        try:
            label, speaker, take = _parse_name(member.path)
            clip = audio.read(_read_member(member, archive), RATE)
        except (audio.AudioError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            skipped.append(_("{name}: {reason}").format(name=_short(member.path), reason=error))
            continue
        samples_left -= len(clip.samples)
        if samples_left < 0:
            raise CorpusError(_("The recordings are longer than {most:g} hours together; use fewer.").format(most=MAX_HOURS))
        running[label] += 1
        samples = audio.to_int16(clip.samples)
        yield _Recording(label, speaker, running[label] - 1 if take is None else take, take is not None, samples)


def _read_member(member: _Member, archive: zipfile.ZipFile | None) -> bytes:
    if member.size > audio.MAX_BYTES:
        raise audio.AudioError(
            _("it has {n:.1f} MB; at most {most:g} MB can be read").format(n=member.size / 2**20, most=audio.MAX_BYTES / 2**20)
        )
    with _open(member, archive) as file:
        return file.read(audio.MAX_BYTES + 1)  # a header may lie about the size: audio refuses what is longer


def _open(member: _Member, archive: zipfile.ZipFile | None) -> IO[bytes]:
    if isinstance(member.entry, Path):
        return member.entry.open("rb")
    assert archive is not None
    return archive.open(member.entry)


def _parse_name(path: PurePosixPath) -> tuple[str, str, int | None]:
    parts = path.stem.rsplit("_", 2)
    if len(parts) == 3 and all(parts) and parts[2].isdecimal() and parts[1] != "nohash":
        return _word(parts[0]), parts[1], int(parts[2][:9])
    speaker = path.stem.rsplit("_", 1)[0].removesuffix("_nohash") if "_" in path.stem else ""
    return _word(path.parent.name), speaker or _("unknown"), None


def _word(label: str) -> str:
    word = unicodedata.normalize("NFC", label).strip().lower()
    if not word:
        raise audio.AudioError(_("its name tells no word; name it {label}_{speaker}_{index}.wav"))
    return DIGITS[int(word)] if re.fullmatch("[0-9]", word) else word


def _short(path: PurePosixPath) -> str:
    return str(path)[-80:]
