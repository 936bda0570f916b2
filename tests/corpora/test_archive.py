"""Folders and ZIPs that people bring: layouts that are understood, and harm that is refused."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from l1demo import corpora
from l1demo.corpora import CorpusError, archive
from l1demo.corpora.division import divide
from l1demo.spec import CorpusSpec

FSDD = Path(__file__).parents[2].parent / "shared" / "data" / "fsdd-4-speakers.zip"
needs_fsdd = pytest.mark.skipif(not FSDD.exists(), reason="the FSDD file is not here")


def tone(hertz: float = 440.0, seconds: float = 0.3, rate: int = 8000, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    soundfile.write(file, wave, rate, format=kind)
    return file.getvalue()


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def unpack(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def labelled(corpus: corpora.Corpus) -> list[tuple[str, str, int]]:
    return [
        (corpus.words[label], corpus.speakers[voice], int(take))
        for label, voice, take in zip(corpus.labels, corpus.voices, corpus.takes, strict=True)
    ]


FLAT = {"top/recordings/7_theo_12.wav": tone(), "top/recordings/0_anna_3.wav": tone(600), "top/README.md": b"# hello"}


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_names_like_fsdds_tell_word_speaker_and_take(tmp_path: Path, form: str) -> None:
    path = pack(tmp_path / "mine.zip", FLAT) if form == "zip" else unpack(tmp_path / "mine", FLAT)
    corpus = corpora.load(str(path))
    assert corpus.name == "mine"
    assert labelled(corpus) == [("zero", "anna", 3), ("seven", "theo", 12)]
    assert corpus.numbered
    assert corpus.skipped == ()


def test_folders_name_words(tmp_path: Path) -> None:
    files = {
        "yes/0a7c_nohash_1.wav": tone(),
        "yes/0a7c_nohash_0.wav": tone(),
        "no/x.wav": tone(),
        "_background_noise_/hum.wav": tone(),
        "__MACOSX/no/._x.wav": b"\0",
    }
    corpus = archive.load(pack(tmp_path / "commands.zip", files))
    assert labelled(corpus) == [("no", "unknown", 0), ("yes", "0a7c", 0), ("yes", "0a7c", 1)]
    assert not corpus.numbered
    assert corpus.skipped == ()


def test_sound_of_any_kind_becomes_8_khz_mono(tmp_path: Path) -> None:
    files = {"a_x_0.wav": tone(1000, 0.5, 44_100), "b_x_0.flac": tone(2000, 0.5, 16_000, "FLAC"), "c_x_0.wav": tone(500, 0.5)}
    corpus = archive.load(unpack(tmp_path / "kinds", files))
    assert corpus.samples.dtype == np.int16
    for i, hertz in enumerate((1000, 2000, 500)):
        clip = corpus.clip(i)
        assert len(clip) == pytest.approx(4000, abs=1)
        loudest = np.abs(np.fft.rfft(clip * np.hanning(len(clip)))).argmax() * 8000 / len(clip)
        assert loudest == pytest.approx(hertz, abs=3)
        assert np.abs(clip[100:-100]).max() == pytest.approx(0.5 * 32767, rel=0.02)


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    files = {"a_x_0.wav": tone(), "b_x_0.wav": tone(), "a_x_1.wav": b"", "b_x_1.wav": tone(seconds=0.01), "b_x_2.wav": b"hello you"}
    corpus = archive.load(pack(tmp_path / "some.zip", files))
    assert len(corpus) == 2
    assert [sentence.split(":")[0] for sentence in corpus.skipped] == ["a_x_1.wav", "b_x_1.wav", "b_x_2.wav"]
    assert "empty" in corpus.skipped[0]
    assert "0.010 s" in corpus.skipped[1]
    assert "text" in corpus.skipped[2]


def test_a_long_list_of_bad_recordings_is_cut_short(tmp_path: Path) -> None:
    files = {"a_x_0.wav": tone(), "b_x_0.wav": tone(), **{f"a_y_{i}.wav": b"" for i in range(100)}}
    corpus = archive.load(pack(tmp_path / "many.zip", files))
    assert len(corpus.skipped) == archive.MAX_NAMED + 1
    assert "80 more" in corpus.skipped[-1]


def encrypt(data: bytes) -> bytes:
    """Set the flag that says a member needs a password, in both places where a ZIP keeps it."""
    changed = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(magic)
        changed[at + offset] |= 1
    return bytes(changed)


def claim_members(data: bytes) -> bytes:
    changed = bytearray(data)
    struct.pack_into("<HH", changed, changed.rfind(b"PK\x05\x06") + 8, 60_000, 60_000)
    return bytes(changed)


def zip_of(files: dict[str, bytes], change: Callable[[bytes], bytes] = bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = pack(folder / "bad.zip", files)
        path.write_bytes(change(path.read_bytes()))
        return path

    return write


GOOD = {"a_x_0.wav": tone(), "b_x_0.wav": tone()}
REFUSED = {
    "missing": (lambda folder: folder / "nowhere", "no folder or ZIP at"),
    "traversal": (zip_of({"../../evil_x_0.wav": tone(), **GOOD}), "a path out of its folder"),
    "absolute": (zip_of({"/etc/evil_x_0.wav": tone(), **GOOD}), "a path out of its folder"),
    "drive": (zip_of({"C:\\evil_x_0.wav": tone(), **GOOD}), "a path out of its folder"),
    "nested": (zip_of({"inner.zip": b"PK", **GOOD}), "holds another archive, “inner.zip”"),
    "encrypted": (zip_of(GOOD, encrypt), "encrypted"),
    "not a ZIP": (zip_of({}, lambda _data: b"hello"), "not a ZIP"),
    "cut off": (zip_of(GOOD, lambda data: data[: len(data) // 2]), "not a ZIP"),
    "too many": (zip_of(GOOD, claim_members), "more than 50,000 files"),
    "empty": (zip_of({}), "no recording that can be used"),
    "no sound": (zip_of({"README.md": b"hello"}), "folder for each word"),
    "all bad": (zip_of({"a_x_0.wav": b"", "b_x_0.wav": b""}), "the first that failed: a_x_0.wav: The file is empty"),
    "no label": (zip_of({"x.wav": tone()}), "tells no word"),
    "one word": (zip_of({"a_x_0.wav": tone()}), "the one word “a”"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_harm_is_refused_with_one_sentence(tmp_path: Path, case: str) -> None:
    make, sentence = REFUSED[case]
    with pytest.raises(CorpusError) as caught:
        archive.load(make(tmp_path))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_member_is_never_unpacked(tmp_path: Path) -> None:
    path = pack(tmp_path / "bomb.zip", {**GOOD, "a_x_1.wav": bytes(64 * 2**20)})
    corpus = archive.load(path)
    assert len(corpus) == 2
    assert "64.0 MB" in corpus.skipped[0]


def test_a_lie_about_the_size_is_found_while_reading(tmp_path: Path) -> None:
    path = pack(tmp_path / "lie.zip", {**GOOD, "a_x_1.wav": bytes(64 * 2**20)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 1000)
    path.write_bytes(bytes(data))
    corpus = archive.load(path)
    assert len(corpus) == 2
    assert corpus.skipped[0].startswith("a_x_1.wav")


def test_recordings_that_are_too_much_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "much.zip", {f"{word}_x_{i}.wav": tone() for word in "ab" for i in range(10)})
    with monkeypatch.context() as limits:
        limits.setattr(archive, "MAX_TOTAL_BYTES", 50_000)
        with pytest.raises(CorpusError, match="unpacked"):
            archive.load(path)
    monkeypatch.setattr(archive, "MAX_HOURS", 5 / 3600)
    with pytest.raises(CorpusError, match="hours together"):
        archive.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_folder_with_a_pipe_does_not_hang(tmp_path: Path) -> None:
    folder = unpack(tmp_path / "piped", GOOD)
    os.mkfifo(folder / "a_x_9.wav")
    assert len(archive.load(folder)) == 2


@needs_fsdd
def test_fsdd_is_read_whole_and_split_officially() -> None:
    corpus = corpora.load(str(FSDD))
    assert len(corpus) == 2000
    assert corpus.words == corpora.DIGITS
    assert corpus.speakers == ("george", "jackson", "nicolas", "theo")
    assert corpus.skipped == ()
    assert np.bincount(corpus.labels).tolist() == [200] * 10
    division = divide(corpus, CorpusSpec(split="recordings"), seed=0)
    assert (len(division.train), len(division.validation)) == (1800, 200)


@needs_fsdd
def test_fsdds_samples_are_those_of_the_file() -> None:
    corpus = corpora.load(str(FSDD))
    with zipfile.ZipFile(FSDD) as file:
        raw = file.read("free-spoken-digit-dataset-master/recordings/7_theo_13.wav")
    truth, _rate = soundfile.read(io.BytesIO(raw), dtype="int16")
    i = labelled(corpus).index(("seven", "theo", 13))
    clip = corpus.clip(i).astype(int)
    assert len(clip) > 0.8 * len(truth)
    shifts = [s for s in range(len(truth) - len(clip) + 1) if np.abs(truth[s : s + len(clip)] - clip).max() <= 1]
    assert len(shifts) == 1


@needs_fsdd
def test_8_khz_recordings_are_read_without_torch() -> None:
    program = f"import sys; from l1demo import corpora; corpora.load({str(FSDD)!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
