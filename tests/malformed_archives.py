"""ZIPs that are not what they say, each with words that the sentence on it, or on one of its members, must hold.

An archive with a prefix, a wrong count at its end or names in odd letters still holds what it holds, so it is not among them.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Iterator

import numpy as np
from sounds import encode, sine

Case = tuple[str, bytes, str]  # a name, the archive, and a regular expression that its sentence or a member's must match
TONE = encode(sine(seconds=0.3, rate=8_000), 8_000)
GOOD = {"a_x_0.wav": TONE, "b_x_0.wav": TONE}
LINK = 0o120777 << 16
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
CUT_OFF = "is a ZIP that is cut off or damaged"


def pack(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def patched(data: bytes, magic: bytes, at: int, form: str, *values: int, which: int = 0) -> bytes:
    """Change fields of the ``which``-th record that begins with ``magic``."""
    place = -1
    for _turn in range(which + 1):
        place = data.index(magic, place + 1)
    changed = bytearray(data)
    struct.pack_into(form, changed, place + at, *values)
    return bytes(changed)


def central(name: bytes, packed: int, size: int, offset: int, flags: int = 0, method: int = 0, extra: bytes = b"") -> bytes:
    fields = (20, 20, flags, method, 0, 0, 0, packed, size, len(name), len(extra), 0, 0, 0, 0, offset)
    return CENTRAL + struct.pack("<HHHHHHIIIHHHHHII", *fields) + name + extra


def directory(entries: bytes, count: int, before: bytes = b"") -> bytes:
    """A ZIP of ``before`` and a table of contents, with the ends of ZIP64 and of ZIP."""
    at = len(before)
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(entries), at)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, at + len(entries), 1)
    end = END + struct.pack("<HHHHIIH", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return before + entries + end64 + locator + end


def archives() -> list[Case]:
    """All malformed archives; the same in every run."""
    return [*_no_zips(), *_cut(), *_lies(), *_bombs(), *_members(), *_paths(), *_contents()]


def _no_zips() -> Iterator[Case]:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, data in GOOD.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    yield "tar", tar.getvalue(), "not a ZIP but a tar archive"
    yield "gzip", gzip.compress(tar.getvalue(), mtime=0), "not a ZIP but a gzip archive"
    yield "bzip2", bz2.compress(tar.getvalue()), "not a ZIP but a bzip2 archive"
    yield "xz", lzma.compress(tar.getvalue()), "not a ZIP but a xz archive"
    yield "7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(60), "not a ZIP but a 7z archive"
    yield "rar", b"Rar!\x1a\x07\x01\0" + bytes(60), "not a ZIP but a RAR archive"
    yield "nothing", b"", r"is empty \(0 bytes\)"
    yield "text", b"hello\n", "is not a ZIP"
    yield "page", b"<html>404</html>", "is not a ZIP"
    yield "recording", TONE, "is not a ZIP"
    yield "noise", b"\x93" + np.random.default_rng(0).bytes(3000), "is not a ZIP"
    yield "zeros", bytes(3000), "is not a ZIP"
    yield "magic-alone", LOCAL, CUT_OFF


def _cut() -> Iterator[Case]:
    whole = pack(GOOD)
    for part in (0.05, 0.25, 0.5, 0.75, 0.95):
        yield f"cut-at-{part}", whole[: round(part * len(whole))], CUT_OFF
    for bytes_missing in (1, 10, 21, 22, 40):
        yield f"cut-by-{bytes_missing}", whole[:-bytes_missing], CUT_OFF
    at = whole.index(CENTRAL)
    yield "without-table", whole[:at] + whole[whole.index(END) :], CUT_OFF
    yield "half-a-table", whole[: at + 30] + whole[whole.index(END) :], CUT_OFF
    yield "beginning-lost", whole[100:], f"is not a ZIP|{CUT_OFF}"


def _lies() -> Iterator[Case]:
    whole = pack(GOOD)
    yield "table-longer", patched(whole, END, 12, "<I", 10_000), CUT_OFF
    yield "table-of-4-gb", patched(whole, END, 12, "<I", 0xFFFFFFFE), f"{CUT_OFF}|table of contents has 4,096 MB"
    yield "table-elsewhere", patched(whole, END, 16, "<I", 0x7FFFFFFF), CUT_OFF
    yield "table-of-other-things", whole.replace(CENTRAL, b"PK\x09\x09"), CUT_OFF
    yield "two-disks", directory(b"", 0).replace(struct.pack("<IQI", 0, 0, 1), struct.pack("<IQI", 1, 0, 2)), CUT_OFF
    yield "from-the-future", patched(whole, CENTRAL, 6, "<H", 255), CUT_OFF
    yield (
        "name-of-no-letters",
        patched(patched(pack({"ü_x_0.wav": TONE}), CENTRAL, 46, "<H", 0xFFFF), LOCAL, 30, "<H", 0xFFFF),
        ("A name in .* is not text"),
    )
    yield "million-names", directory(central(b"a_x_0.wav", 0, 0, 0) * 10**6, 10**6), "table of contents has 52 MB; at most 12 MB"
    yield "many-names", directory(central(b"a_x_0.wav", 0, 0, 0) * 60_000, 60_000), "holds more than 50,000 files"
    yield "million-names-untold", directory(central(b"a_x_0.wav", 0, 0, 0) * 10**6, 2), "table of contents has 52 MB"


def _bombs() -> Iterator[Case]:
    zeros = pack({**GOOD, "a_x_1.wav": bytes(8 * 2**20)})
    yield "ratio", zeros, "it unpacks to 1,0.. times its size"
    yield "large", pack({**GOOD, "a_x_1.wav": bytes(64 * 2**20)}), "it has 64.0 MB; at most 10 MB"
    yield "size-told-small", patched(zeros, CENTRAL, 24, "<I", 1_000, which=2), "damaged within the archive"
    yield "size-told-large", patched(pack(GOOD), CENTRAL, 24, "<I", 9_000_000), "it unpacks to|damaged within the archive"
    yield "of-4-gb", patched(pack(GOOD), CENTRAL, 24, "<I", 0xFFFFFFFE), "it has 4096.0 MB"
    ten = struct.pack("<HHQ", 1, 8, 10 * 2**30)
    good = pack(GOOD)
    start, stop = good.index(CENTRAL), good.index(END)
    entries = good[start:stop] + central(b"a_x_1.wav", 20, 0xFFFFFFFF, start, extra=ten)
    yield "of-10-gb", directory(entries, 3, good[:start] + bytes(60)), "it has 10240.0 MB"
    same = good[start:stop] + b"".join(central(b"a_x_%d.wav" % i, 200, len(TONE), 0, method=8) for i in range(1000))
    yield "overlapping", directory(same, 1002, good[:start]), "overlap"
    yield "inside-each-other", patched(pack(GOOD, zipfile.ZIP_STORED), CENTRAL, 42, "<I", 20, which=1), "overlap"


def _members() -> Iterator[Case]:
    whole = pack({**GOOD, "a_x_1.wav": TONE + b"\0"})
    third = whole.index(LOCAL, whole.index(LOCAL, 1) + 1)
    damaged = "a_x_1.wav: it is damaged within the archive"
    yield "checksum", patched(whole, CENTRAL, 16, "<I", 0, which=2), damaged
    yield "flipped-data", whole[: third + 80] + b"\x93\x17\x42" + whole[third + 83 :], damaged
    yield "packed-size", patched(whole, CENTRAL, 20, "<I", 7, which=2), damaged
    yield "no-local-header", patched(whole, LOCAL, 0, "<I", 0, which=2), damaged
    yield "other-local-name", patched(whole, LOCAL, 30, "<H", 0x4141, which=2), damaged
    for flags, name in ((1, "encrypted"), (0x41, "strongly-encrypted")):
        both = patched(patched(whole, CENTRAL, 8, "<H", flags, which=2), LOCAL, 6, "<H", flags, which=2)
        yield name, both, "a_x_1.wav: it is encrypted"
    for method in (1, 6, 9, 12, 14, 93, 95, 98, 99):
        yield f"method-{method}", patched(whole, CENTRAL, 10, "<H", method, which=2), f"packed by method {method}"
    yield "patch-data", patched(whole, CENTRAL, 8, "<H", 0x20, which=2), damaged


def _paths() -> Iterator[Case]:
    for name, path in {
        "up": "../evil_x_0.wav",
        "up-within": "a/../../evil_x_0.wav",
        "up-backwards": "..\\evil_x_0.wav",
        "absolute": "/etc/evil_x_0.wav",
        "drive": "C:\\evil_x_0.wav",
        "drive-alone": "c:evil_x_0.wav",
        "share": "\\\\server\\share\\evil_x_0.wav",
    }.items():
        yield name, pack({**GOOD, path: TONE}), "a path out of its folder"
    link = zipfile.ZipInfo("c_x_0.wav")
    link.external_attr = LINK
    out = io.BytesIO(pack(GOOD))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    yield "link", out.getvalue(), "c_x_0.wav: it is a link"
    yield "nested", pack({**GOOD, "more.zip": pack(GOOD)}), "more.zip: it is an archive within"
    yield "nested-tar", pack({**GOOD, "more.tar.gz": gzip.compress(b"", mtime=0)}), "more.tar.gz: it is an archive within"
    twice = pack({**GOOD, "a_x_1.wav": TONE}).replace(b"a_x_1.wav", b"a_x_0.wav")
    yield "name-twice", twice, "a_x_0.wav: its name is there twice"
    yield "long-word", pack({**GOOD, f"{'w' * 300}_x_0.wav": TONE}), "its word has 300 letters; at most 40"
    yield "long-speaker", pack({**GOOD, f"a_{'s' * 300}_0.wav": TONE}), "its speaker's name has 300 letters"
    yield "word-of-control", pack({**GOOD, "\x01\x02\u202e/x.wav": TONE}), "its name tells no word"


def _contents() -> Iterator[Case]:
    yield "empty", pack({}), "no recording that can be used"
    yield "only-a-readme", pack({"README.md": b"hello"}), "folder for each word"
    yield "only-folders", pack({"a/": b"", "b/": b""}), "no recording that can be used"
    yield "only-an-archive", pack({"inner.zip": pack(GOOD)}), "the first that failed: inner.zip: it is an archive within"
    yield "all-bad", pack(dict.fromkeys(GOOD, b"")), "the first that failed: a_x_0.wav: The file is empty"
    yield "one-word", pack({"a_x_0.wav": TONE}), "the one word “a”"
    yield "one-word-left", pack({"a_x_0.wav": TONE, "b_x_0.wav": b""}), "the one word “a”.* b_x_0.wav: The file is empty"
    yield "300-words", pack({f"w{i}_x_0.wav": TONE for i in range(300)}), "300 words by 1 speakers; at most 200 words"
    yield "6000-speakers", pack({f"a_s{i}_0.wav": b"" for i in range(6_000)}), "by 6,000 speakers"
