"""Folders and ZIPs that people bring: layouts that are understood, and harm that is refused."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import encode, encode_media, sine

from l1demo import corpora
from l1demo.corpora import CorpusError, archive, members
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
    files = {"a_x_0.wav": tone(), "b_x_0.wav": tone(), **{f"a_y_{i}.wav": b"" for i in range(archive.MAX_NAMED + 80)}}
    corpus = archive.load(pack(tmp_path / "many.zip", files))
    assert len(corpus.skipped) == archive.MAX_NAMED + 1
    assert "80 more" in corpus.skipped[-1]


GOOD = {"a_x_0.wav": tone(), "b_x_0.wav": tone()}


def test_a_place_where_nothing_is_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no folder or ZIP at"):
        archive.load(tmp_path / "nowhere")


def test_recordings_that_are_too_much_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "much.zip", {f"{word}_x_{i}.wav": tone() for word in "ab" for i in range(10)})
    with monkeypatch.context() as limits:
        limits.setattr(members, "MAX_TOTAL_BYTES", 50_000)
        with pytest.raises(CorpusError, match="unpacked"):
            archive.load(path)
    monkeypatch.setattr(archive, "MAX_HOURS", 5 / 3600)
    with pytest.raises(CorpusError, match="hours together"):
        archive.load(path)


def test_sound_from_phones_and_browsers_is_read(tmp_path: Path) -> None:
    wave = sine(seconds=0.5) + 0.01 * np.random.default_rng(0).standard_normal(8_000)
    files = {
        "a/x_0.m4a": encode_media(wave, 16_000, "ipod", "aac"),
        "a/x_1.MP4": encode_media(wave, 16_000, "mp4", "aac"),
        "b/x_0.webm": encode_media(wave, 16_000, live=True),
        "b/x_1.opus": encode(wave, container="OGG", coding="OPUS"),
        "b/x_2.oga": encode(wave, container="OGG", coding="VORBIS"),
    }
    corpus = archive.load(pack(tmp_path / "phones.zip", files))
    assert corpus.skipped == ()
    assert np.bincount(corpus.labels).tolist() == [2, 3]


def test_names_that_differ_by_capitals_or_composition_are_one_word_and_one_speaker(tmp_path: Path) -> None:
    files = {
        "Café_Zoé_0.wav": tone(),
        "cafe\u0301_zoe\u0301_1.wav": tone(),
        "CAFÉ/ZOÉ_2.wav": tone(),
        "tea_Zoé_0.wav": tone(),
    }
    corpus = archive.load(pack(tmp_path / "cafe.zip", files))
    assert corpus.words == ("café", "tea")
    assert corpus.speakers == ("ZOÉ",)  # as the first of them spells it, in the order of paths
    assert len(corpus) == 4


def test_names_hold_nothing_that_a_screen_would_obey(tmp_path: Path) -> None:
    files = {"\u202eyes\x07_a\u2066nna_0.wav": tone(), "👩‍🏫_b\x1b[31m_0.wav": tone(), "a_x_0\u202e.wav": b""}
    corpus = archive.load(pack(tmp_path / "odd\u202e.zip", files))
    assert corpus.name == "odd"
    assert corpus.words == ("yes", "👩‍🏫")
    assert corpus.speakers == ("anna", "b[31m")
    assert all(sentence.isprintable() for sentence in corpus.skipped) and len(corpus.skipped) == 1


def test_two_recordings_of_one_name_are_both_kept_unless_they_sound_the_same(tmp_path: Path) -> None:
    files = {"g/a_x_0.wav": tone(300), "h/a_x_0.wav": tone(400), "i/a_x_0.wav": tone(300), "g/b_x_0.wav": tone()}
    corpus = archive.load(pack(tmp_path / "groups.zip", files))
    assert labelled(corpus) == [("a", "x", 0), ("a", "x", 0), ("b", "x", 0)]
    assert corpus.skipped == ("i/a_x_0.wav: it is the same recording as g/a_x_0.wav",)
    cases = archive.load(pack(tmp_path / "cases.zip", {"a/X.wav": tone(), "a/x.wav": tone(), "b/x.wav": tone()}))
    assert len(cases) == 2 and "same recording" in cases.skipped[0]


def test_clips_stand_by_word_speaker_and_take_however_they_are_named(tmp_path: Path) -> None:
    sounds = {"yes/b.wav": tone(300), "yes/a.wav": tone(400), "yes_unknown_7.wav": tone(500), "no_z_1.wav": tone(600)}
    corpus = archive.load(pack(tmp_path / "mixed.zip", sounds))
    assert labelled(corpus) == [("no", "z", 1), ("yes", "unknown", 0), ("yes", "unknown", 1), ("yes", "unknown", 7)]
    pitches = [np.abs(np.fft.rfft(corpus.clip(i), 8000)).argmax() for i in range(4)]
    assert pitches == pytest.approx([600, 400, 300, 500], abs=3)


def test_progress_is_told_and_can_end_the_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TELL_SECONDS", 0.0)
    path = pack(tmp_path / "much.zip", {f"{word}_x_{i}.wav": tone() for word in "ab" for i in range(10)})
    told: list[tuple[float | None, str]] = []
    archive.load(path, lambda fraction, sentence: told.append((fraction, sentence)))
    assert [fraction for fraction, _sentence in told] == pytest.approx(np.arange(20) / 20)
    assert told[5][1] == "5 of 20 recordings are read"

    def cancel(_fraction: float | None, _sentence: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.load(path, cancel)


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
