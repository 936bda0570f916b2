"""The Free Spoken Digit Dataset: what is the whole of it, and how its download ends on servers good and bad."""

import hashlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import servers
import soundfile
from servers import broken, endless, file, serving, status
from test_archive import FSDD, needs_fsdd

from l1demo import job_tasks, shelf
from l1demo.corpora import CorpusError, fsdd
from l1demo.job_tasks import Tell

pytestmark = pytest.mark.usefixtures("home")


def archive(change: Callable[[dict[str, bytes]], None] = lambda files: None) -> bytes:
    """A tiny dataset as GitHub packs it: two digits by two speakers."""
    files = {
        f"recordings/{digit}_{who}_{i}.wav": tone(digit, who, i) for digit in (3, 7) for who in ("theo", "lucas") for i in (0, 10)
    }
    change(files)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("free-spoken-digit-dataset-26eb9a/README.md", "# FSDD")
        for name, content in files.items():
            packed.writestr(f"free-spoken-digit-dataset-26eb9a/{name}", content)
    return data.getvalue()


def tone(digit: int, who: str, i: int) -> bytes:
    wave = 0.5 * np.sin(2 * np.pi * (300 + 100 * digit + 30 * len(who) + i) * np.arange(2400) / 8000)
    data = io.BytesIO()
    soundfile.write(data, wave, 8000, format="WAV")
    return data.getvalue()


def in_order(data: bytes) -> str:
    """The digest as its definition says it, by the words of sha256sum."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        sound = {Path(name).name: packed.read(name) for name in packed.namelist() if name.endswith(".wav")}
    lines = "".join(f"{hashlib.sha256(sound[name]).hexdigest()}  {name}\n" for name in sorted(sound))
    return hashlib.sha256(lines.encode()).hexdigest()


GOOD = archive()


def test_a_recording_with_a_password_is_no_part_of_the_whole_and_no_error(tmp_path: Path) -> None:
    data = bytearray(GOOD)
    at = data.rfind(b"PK\x01\x02")  # the last file's line in the table of contents
    data[at + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    assert not fsdd.is_whole(tmp_path / "locked.zip", in_order(GOOD))


@pytest.fixture
def digest() -> str:
    return in_order(GOOD)


@pytest.mark.parametrize("answers", [(file(GOOD),), (broken(GOOD, 2000), broken(GOOD, 3000), file(GOOD))], ids=["good", "resumed"])
def test_a_download_that_is_whole_is_kept_for_everyone(tell: Tell, digest: str, answers: tuple[servers.Answer, ...]) -> None:
    with serving(*answers) as server:
        assert job_tasks.download_fsdd(tell, server.url, digest) == "fsdd"
        assert len(server.asked) == len(answers)
        assert job_tasks.download_fsdd(tell, server.url, digest) == "fsdd"  # which is there
        assert len(server.asked) == len(answers)
    about = shelf.about("fsdd")
    assert (about.words, about.speakers, about.clips) == (("three", "seven"), ("lucas", "theo"), 8)
    assert (about.licence, about.skipped) == ("CC BY-SA 4.0", ())
    assert shelf.load("fsdd").numbered  # so that the official recordings 0 to 4 are found


def wrong_byte() -> bytes:
    """One byte of one recording is another, and the ZIP is in order."""

    def change(files: dict[str, bytes]) -> None:
        name = "recordings/7_theo_10.wav"
        files[name] = files[name][:1000] + bytes([files[name][1000] ^ 1]) + files[name][1001:]

    return archive(change)


def one_missing() -> bytes:
    return archive(lambda files: files.pop("recordings/3_lucas_0.wav") and None)


def one_too_many() -> bytes:
    return archive(lambda files: files.update({"recordings/3_mallory_0.wav": tone(3, "mallory", 0)}))


def another_name() -> bytes:
    return archive(lambda files: files.update({"recordings/3_lucas_1.wav": files.pop("recordings/3_lucas_0.wav")}))


def damaged() -> bytes:
    return GOOD[:700] + bytes(64) + GOOD[764:]


FAILURES: dict[str, tuple[servers.Answer, str]] = {
    "a wrong byte": (file(wrong_byte()), "checksum of its recordings is another"),
    "a recording is missing": (file(one_missing()), "checksum of its recordings is another"),
    "a recording too many": (file(one_too_many()), "checksum of its recordings is another"),
    "another name": (file(another_name()), "checksum of its recordings is another"),
    "a damaged ZIP": (file(damaged()), "not the Free Spoken Digit Dataset"),
    "cut off, and a lie about its length": (file(GOOD[:-500]), "not the Free Spoken Digit Dataset"),
    "a page to log in": (
        file(b"<!doctype html><title>Welcome to the school's network</title>"),
        "not the Free Spoken Digit Dataset",
    ),
    "nothing": (file(b""), "not the Free Spoken Digit Dataset"),
    "404": (status(404), "404"),
    "breaks off": (broken(GOOD, 1000, None), "broke off"),
    "never ends": (endless, "cut off"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_download_that_fails_leaves_nothing(tell: Tell, digest: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsdd, "MOST", 1_000_000)
    answer, sentence = FAILURES[case]
    with serving(answer) as server, pytest.raises(CorpusError, match=sentence) as caught:
        job_tasks.download_fsdd(tell, server.url, digest)
    assert "\n" not in str(caught.value)
    assert shelf.names() == []
    assert not shelf.folder().exists() or not list(shelf.folder().iterdir())


def test_the_whole_as_a_file_is_kept_as_the_dataset(tell: Tell, digest: str, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(GOOD)
    assert job_tasks.import_archive(tell, str(tmp_path / "mine.zip"), "mine", digest) == "fsdd"


def test_a_file_that_is_not_the_whole_is_its_owners(tell: Tell, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(GOOD)
    about = shelf.about(job_tasks.import_archive(tell, str(tmp_path / "mine.zip"), "mine"))  # by the real digest
    assert (about.kind, about.title) == ("own", "mine")
    assert "not the whole of it" in about.source and "8 recordings" in about.source
    (tmp_path / "other.zip").write_bytes(archive(lambda files: files.update({"recordings/3_mallory_0.wav": tone(3, "m", 0)})))
    assert "not the whole" not in shelf.about(job_tasks.import_archive(tell, str(tmp_path / "other.zip"), "other")).source


@needs_fsdd
def test_four_speakers_of_it_are_not_the_whole(tell: Tell) -> None:
    about = shelf.about(job_tasks.import_archive(tell, str(FSDD), "four speakers"))
    assert (about.kind, about.clips, len(about.speakers)) == ("own", 2000, 4)
    assert "2,000 recordings" in about.source and "3,000: not the whole" in about.source


@needs_fsdd
@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not here")
def test_the_digest_is_what_sha256sum_prints(tmp_path: Path) -> None:
    with zipfile.ZipFile(FSDD) as packed:
        packed.extractall(tmp_path)
    (folder,) = tmp_path.glob("*/recordings")
    listed = subprocess.run("LC_ALL=C; export LC_ALL; sha256sum *.wav", shell=True, cwd=folder, capture_output=True, check=True)
    assert fsdd.digest_of(FSDD) == hashlib.sha256(listed.stdout).hexdigest()


def test_a_recording_that_claims_to_be_huge_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.zip").write_bytes(archive(lambda files: files.update({"recordings/3_theo_9.wav": bytes(5_000_000)})))
    monkeypatch.setattr(fsdd, "MOST", 4_000_000)
    assert not fsdd.is_whole(tmp_path / "bomb.zip", in_order((tmp_path / "bomb.zip").read_bytes()))
