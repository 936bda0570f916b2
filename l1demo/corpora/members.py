"""What lies in a folder or ZIP that people bring, judged by names and sizes before a byte of it is unpacked.

An archive that means harm is refused, a file that cannot be read is named with its reason. Nothing is ever written to a disk.
"""

import contextlib
import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from l1demo.audio import MAX_BYTES, AudioError
from l1demo.corpora import CorpusError
from l1demo.text import _

SUFFIXES = {
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4", ".webm", ".mka", ".mkv"),
    *(".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".wma"),  # sound, too: ``audio`` says what to save it as
}
NESTED = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
OTHER_ARCHIVES = (
    (0, b"\x1f\x8b", "gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (257, b"ustar", "tar"),
)
MAX_MEMBERS = 50_000
MAX_ENTRIES = 200_000  # of a folder, recordings or not
MAX_TOTAL_BYTES = 2 * 2**30  # unpacked
MAX_DIRECTORY_BYTES = 12 * 2**20  # of a ZIP's table of contents: 50,000 names of 200 letters, and more than any read of a member
MAX_RATIO, RATIO_FROM = 200, 2**20  # bytes unpacked for one packed, of a member of so many bytes: speech has 2, a bomb 1,000
ENCRYPTED = 0x1 | 0x40  # flags of a member (APPNOTE 4.4.4): with a password, or strongly
UTF8 = 0x800
LOCAL_HEADER = 30  # bytes before a member's name and data, at least
JOINERS = "\u200c\u200d"  # invisible, but Persian words and emoji are written with them


@dataclass(frozen=True)
class Member:
    """A file that may be a recording.

    Attributes
    ----------
    path : PurePosixPath
        Within the folder or archive.
    size : int
        Bytes, unpacked, as it is told.
    open : callable
        Opens it for reading.
    """

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Listing:
    """What may be recordings, in the order of their paths, and sentences that name what cannot."""

    members: list[Member] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@contextlib.contextmanager
def listed(path: Path) -> Iterator[Listing]:
    """List a folder or ZIP; its members can be read within the context.

    Raises
    ------
    CorpusError
        When there is neither, or it is too much, cut off, or made to do harm.
    """
    if path.is_dir():
        yield _checked(path.name, _list_folder(path))
    elif not path.is_file():
        raise CorpusError(_("There is no folder or ZIP at {path}; check the name.").format(path=path))
    else:
        with _Frugal(io.FileIO(path)) as file:
            archive = _open_zip(path, file)
            yield _checked(path.name, _list_zip(path.name, archive))


def read(member: Member) -> bytes:
    """Unpack a member.

    Raises
    ------
    AudioError
        When it is too large, or is not what the archive says.
    """
    if member.size > MAX_BYTES:
        raise AudioError(
            _("it has {n:.1f} MB; at most {most:g} MB can be read").format(n=member.size / 2**20, most=MAX_BYTES / 2**20)
        )
    try:
        with member.open() as file:
            return file.read(member.size + 1)  # no more is unpacked than is told
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, ValueError, OverflowError) as error:
        raise AudioError(_("it is damaged within the archive and cannot be unpacked; pack it again")) from error
    except OSError as error:
        raise AudioError(_("this computer does not let it be read; check who may open it")) from error


def printable(name: str) -> str:
    """Return a name as it can stand on a screen: composed, without control characters and changes of direction."""
    composed = unicodedata.normalize("NFC", name)
    return " ".join("".join(c for c in composed if c.isprintable() or c in JOINERS).split())


def short(path: PurePosixPath) -> str:
    """Return the end of a path, for a sentence."""
    return printable(str(path))[-80:]


class _Frugal(io.BufferedReader):
    """Refuses to read a huge table of contents, which ``zipfile`` asks for in one piece, whatever the end of the file claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise CorpusError(
                _("The ZIP's table of contents has {n:,.0f} MB; at most {most:g} MB can be read. Pack fewer files.").format(
                    n=size / 2**20, most=MAX_DIRECTORY_BYTES / 2**20
                )
            )
        return super().read(size)


def _open_zip(path: Path, file: IO[bytes]) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(file)
    except CorpusError:
        raise
    except UnicodeDecodeError as error:
        raise CorpusError(
            _("A name in {name} is not text, so its table of contents cannot be read; pack it again.").format(
                name=printable(path.name)
            )
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error, OSError) as error:
        raise _not_a_zip(path) from error
    if any(info.header_offset < 0 for info in archive.infolist()):
        raise _not_a_zip(path)
    return archive


def _not_a_zip(path: Path) -> CorpusError:
    with path.open("rb") as file:
        head = file.read(512)
    name = printable(path.name)
    if not head:
        return CorpusError(_("{name} is empty (0 bytes); copy or pack it again.").format(name=name))
    for offset, magic, kind in OTHER_ARCHIVES:
        if head[offset : offset + len(magic)] == magic:
            return CorpusError(
                _("{name} is not a ZIP but a {kind} archive; unpack it, and pack the folder as ZIP.").format(name=name, kind=kind)
            )
    if head[:2] == b"PK":
        return CorpusError(
            _("{name} is a ZIP that is cut off or damaged: its table of contents cannot be read. Copy or pack it again.").format(
                name=name
            )
        )
    return CorpusError(_("{name} is not a ZIP; pack the folder of recordings as ZIP.").format(name=name))


def _checked(name: str, listing: Listing) -> Listing:
    if len(listing.members) > MAX_MEMBERS:
        raise CorpusError(_("{name} has more than {most:,} recordings; use fewer.").format(name=printable(name), most=MAX_MEMBERS))
    total = sum(member.size for member in listing.members if member.size <= MAX_BYTES)
    if total > MAX_TOTAL_BYTES:
        raise CorpusError(
            _("The recordings have {n:,.0f} MB unpacked; at most {most:,} MB can be read. Use fewer.").format(
                n=total / 2**20, most=MAX_TOTAL_BYTES // 2**20
            )
        )
    listing.members.sort(key=lambda member: member.path)
    listing.skipped.sort()
    return listing


def _list_folder(folder: Path) -> Listing:
    listing, waiting, seen = Listing(), [folder], 0
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(inside) as entries:
                found = list(entries)
        except OSError:
            listing.skipped.append(_skip(_within(folder, inside), _("this computer does not let the folder be read")))
            continue
        seen += len(found)
        if seen > MAX_ENTRIES:
            raise CorpusError(
                _("{name} holds more than {most:,} files; use fewer.").format(name=printable(folder.name), most=MAX_ENTRIES)
            )
        for entry in found:
            file = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                waiting += [] if _is_hidden(PurePosixPath(entry.name)) else [file]
            elif entry.is_symlink() or entry.is_file():  # a pipe or a device would never end
                _judge(listing, Member(_within(folder, file), file.lstat().st_size, partial(file.open, "rb")), entry.is_symlink())
    return listing


def _within(folder: Path, path: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(folder.parent).as_posix())


def _list_zip(name: str, archive: zipfile.ZipFile) -> Listing:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise CorpusError(_("{name} holds more than {most:,} files; pack fewer.").format(name=printable(name), most=MAX_MEMBERS))
    _refuse_overlaps(name, infos)
    listing, seen = Listing(), set()
    for info in infos:
        path = PurePosixPath(_decoded(info).replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", str(path)):
            raise CorpusError(_("The archive holds “{name}”, a path out of its folder; pack it again.").format(name=short(path)))
        if info.is_dir() or any(_is_hidden(PurePosixPath(part)) for part in path.parts):
            continue
        unpackable = _("its name is there twice; the first one counts") if path in seen else _unpackable(info)
        _judge(
            listing, Member(path, info.file_size, partial(archive.open, info)), stat.S_ISLNK(info.external_attr >> 16), unpackable
        )
        seen.add(path)
    return listing


def _judge(listing: Listing, member: Member, link: bool, reason: str = "") -> None:
    suffix = member.path.suffix.lower()
    if link:
        reason = _("it is a link, and links are not followed; put the recording itself there")
    elif suffix in NESTED:
        reason = _("it is an archive within, which is not opened; unpack it first")
    elif suffix not in SUFFIXES or _is_hidden(member.path):
        return
    if reason:
        listing.skipped.append(_skip(member.path, reason))
    else:
        listing.members.append(member)


def _refuse_overlaps(name: str, infos: list[zipfile.ZipInfo]) -> None:
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise CorpusError(
                _("The files in {name} overlap, so that a few bytes unpack to many; pack it again.").format(name=printable(name))
            )
        end = info.header_offset + LOCAL_HEADER + info.compress_size


def _decoded(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & UTF8 or info.filename.isascii():
        return info.filename
    raw = info.filename.encode(
        "cp437"
    )  # what a ZIP means where it does not say; but macOS writes UTF-8, and Chinese Windows GB 2312
    for encoding in ("utf-8", "gb2312"):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return info.filename


def _unpackable(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & ENCRYPTED:
        return _("it is encrypted; pack the archive again without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return _("it is packed by method {n}, which is not read; pack it as an ordinary ZIP").format(n=info.compress_type)
    if RATIO_FROM < info.file_size <= MAX_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        return _("it unpacks to {n:,.0f} times its size, which no recording does").format(
            n=info.file_size / max(1, info.compress_size)
        )
    return ""


def _is_hidden(path: PurePosixPath) -> bool:
    return path.name.startswith((".", "_"))  # .git, __MACOSX, Speech Commands' _background_noise_


def _skip(path: PurePosixPath, reason: str) -> str:
    return _("{name}: {reason}").format(name=short(path), reason=reason)
