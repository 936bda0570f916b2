"""The Free Spoken Digit Dataset: six people who say the digits, and the proof that an archive holds all of it.

By Zohar Jackson and contributors, CC BY-SA 4.0, https://github.com/Jakobovski/free-spoken-digit-dataset.
"""

import hashlib
import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from l1demo.corpora import DIGITS, Corpus, CorpusError
from l1demo.corpora.download import fetch
from l1demo.text import _

if TYPE_CHECKING:
    from l1demo.job_tasks import Tell

COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
URL = f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{COMMIT}.zip"
DIGEST = "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959"  # of what ``digest_of`` describes
RECORDINGS, BYTES = 3000, 21_128_848  # of WAV
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
MOST = 100_000_000  # bytes of an archive
TITLE, LICENCE = "Free Spoken Digit Dataset", "CC BY-SA 4.0"


def address() -> str:
    """Return where the archive is downloaded from: ``L1DEMO_FSDD_URL``, or the dataset's own."""
    return os.environ.get("L1DEMO_FSDD_URL") or URL


def digest_of(path: Path) -> str:
    """Return the SHA-256 of the recordings' own SHA-256s, which does not depend on how they were packed.

    Parameters
    ----------
    path : Path
        A ZIP that ``archive.load`` has read, with ``…/recordings/*.wav``.

    Returns
    -------
    str
        Of the text that ``sha256sum *.wav`` prints in the folder of the recordings, in byte order of their names.

    Raises
    ------
    zipfile.BadZipFile, zlib.error, OSError
        When the file is no such ZIP.
    """
    with zipfile.ZipFile(path) as archive:
        members = [(PurePosixPath(info.filename), info) for info in archive.infolist()]
        recordings = [(at.name, info) for at, info in members if at.suffix == ".wav" and at.parent.name == "recordings"]
        if sum(info.file_size for _name, info in recordings) > MOST:
            raise zipfile.BadZipFile(_("its recordings are too large"))
        lines = [
            f"{hashlib.sha256(archive.read(info)).hexdigest()}  {name}\n"
            for name, info in sorted(recordings, key=lambda recording: recording[0].encode())
        ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_whole(path: Path, digest: str = DIGEST) -> bool:
    """Say whether a file that ``archive.load`` has read is an archive of the whole dataset, byte for byte."""
    try:
        return digest_of(path) == digest
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError):  # of a member with a password, RuntimeError
        return False  # what cannot be read, ``archive.load`` has named


def is_part(corpus: Corpus) -> bool:
    """Say whether a corpus looks like a part of the dataset, by its words, its speakers and how its recordings are numbered."""
    return corpus.numbered and {*corpus.words} <= {*DIGITS} and {*corpus.speakers} <= {*SPEAKERS}


def download(tell: "Tell", url: str, digest: str = DIGEST) -> Corpus:
    """Download the dataset and prove that it is whole.

    Parameters
    ----------
    tell : job_tasks.Tell
    url : str
    digest : str
        What ``digest_of`` has to say.

    Raises
    ------
    CorpusError
        When it cannot be had, or is not what it should be, to the byte.
    """
    from l1demo.corpora import archive

    path = tell.scratch / "fsdd.zip"
    fetch(url, path, MOST, tell)
    try:
        corpus = archive.load(path, tell)
    except CorpusError as error:
        raise _wrong(str(error)) from error
    if not is_whole(path, digest):
        raise _wrong(_("the checksum of its recordings is another"))
    return corpus


def _wrong(reason: str) -> CorpusError:
    return CorpusError(
        _("What came is not the Free Spoken Digit Dataset: {reason}. Nothing of it was kept; try again later.").format(
            reason=reason.rstrip(".")
        )
    )
