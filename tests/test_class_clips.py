import numpy as np
import pytest
import soundfile
from sounds import encode, sine

from l1demo import audio, class_clips
from l1demo.class_rules import MAX_CLIP_BYTES, MAX_SECONDS, ClassError
from l1demo.corpora import RATE
from l1demo.corpora.builtin import load


@pytest.fixture(scope="module")
def spoken() -> list[tuple[str, np.ndarray]]:
    """Some words of one voice, each within 2 s of a quiet room, at 48 kHz."""
    digits = load()
    noise = np.random.default_rng(0).normal(0, 1e-3, 96_000)
    said = []
    for word in ("one", "six"):
        of_word = np.flatnonzero((digits.labels == digits.words.index(word)) & (digits.voices == 0))
        clip = digits.clip(int(of_word[0])) / 32768
        at = np.arange(len(clip) * 6) / 6
        sound = noise.copy()
        sound[20_000 : 20_000 + len(at)] += np.interp(at, np.arange(len(clip)), clip)
        said.append((word, sound))
    return said


def kept(sound: np.ndarray) -> dict:
    return class_clips.heard(encode(sound, 48_000))


def test_what_is_kept_is_the_word_alone_as_a_wav_file(spoken: list[tuple[str, np.ndarray]], tmp_path) -> None:
    for _word, sound in spoken:
        clip = kept(sound)
        (tmp_path / "clip.wav").write_bytes(clip["sound"])
        about = soundfile.info(tmp_path / "clip.wav")
        assert (about.format, about.subtype, about.samplerate, about.channels) == ("WAV", "PCM_16", 16_000, 1)
        assert about.duration == pytest.approx(clip["seconds"])
        assert 0.2 < clip["seconds"] < 1.2
        assert clip["verdict"] == ""


def test_the_level_is_judged_in_a_sentence() -> None:
    assert "too quiet" in kept(np.pad(sine(rate=48_000, peak=1e-3), 20_000))["verdict"]
    assert "clipped" in kept(np.pad(np.clip(sine(rate=48_000, peak=3.0), -1, 1), 20_000))["verdict"]


def test_more_than_a_word_is_refused() -> None:
    with pytest.raises(ClassError, match=r"The word takes 4\.\d s"):
        kept(sine(seconds=4.0, rate=48_000))


def test_the_longest_clip_fits_into_the_bytes_that_are_kept() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, round(48_000 * MAX_SECONDS * 0.99))
    assert len(kept(noise)["sound"]) < MAX_CLIP_BYTES


def test_a_corpus_of_clips_has_what_a_recogniser_would_hear_in_the_recordings(spoken: list[tuple[str, np.ndarray]]) -> None:
    clips = [(word, voice, kept(sound)["sound"]) for voice in ("ben", "ann") for word, sound in spoken]
    told: list[float] = []
    made = class_clips.corpus([*clips, clips[0]], lambda part, _text: told.append(part))
    assert (made.words, made.speakers) == (("one", "six"), ("ann", "ben"))
    assert [made.words[i] for i in made.labels] == ["one", "six", "one", "six", "one"]
    assert [made.speakers[i] for i in made.voices] == ["ben", "ben", "ann", "ann", "ben"]
    assert made.takes.tolist() == [0, 0, 0, 0, 1]
    assert told == [0, 0.2, 0.4, 0.6, 0.8]
    for i, (_word, sound) in enumerate(spoken):
        ours, direct = made.clip(i) / 32768, audio.read(encode(sound, 48_000), RATE).samples
        assert abs(len(ours) - len(direct)) < 0.05 * RATE
        alike = np.correlate(ours, direct, "full").max() / np.sqrt(np.square(ours).sum() * np.square(direct).sum())
        assert alike > 0.99
