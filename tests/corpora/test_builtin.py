"""The committed digits: small, whole, balanced, and every voice named with its engine and licence on the data card."""

from pathlib import Path

import numpy as np
import pytest

from l1demo.corpora import DIGITS, RATE, CorpusError, builtin, load

ROOT = Path(__file__).parents[2]
FREE = ("GPL-2+", "GPL-3+", "LGPL-2+", "LGPL-2.1+", "BSD-like (CMU/CSTR)")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_the_committed_files_stay_under_8_megabytes():
    assert builtin.SOUND.stat().st_size + builtin.INDEX.stat().st_size <= 8 * 10**6


def test_every_clip_is_a_word_s_length_of_sound(digits):
    lengths = np.diff(digits.starts)
    assert digits.samples.dtype == np.int16 and digits.starts[-1] == len(digits.samples)
    assert lengths.min() >= 0.1 * RATE and lengths.max() <= 1.2 * RATE
    for i in range(len(digits)):
        assert np.abs(digits.clip(i).astype(int)).max() > 3000


def test_clips_did_not_slip_against_their_index(digits):
    # a slip by some samples would put the sound of one clip into its neighbour: silence must stand at the seams
    edges = [np.abs(digits.samples[s - 40 : s + 40].astype(float)).mean() for s in digits.starts[1:-1]]
    inside = [np.abs(digits.clip(i).astype(float)).mean() for i in range(len(digits))]
    assert np.median(edges) < 0.1 * np.median(inside)


def test_words_are_balanced_and_many_voices_speak(digits):
    counts = np.bincount(digits.labels, minlength=10)
    assert digits.words == DIGITS
    assert counts.min() > 0.85 * counts.max()
    assert len(digits.speakers) > 100 and len(set(digits.speakers)) == len(digits.speakers)
    assert set(digits.voices.tolist()) == set(range(len(digits.speakers)))


def test_a_take_is_counted_within_its_voice_and_word(digits):
    keys = set(zip(digits.voices.tolist(), digits.labels.tolist(), digits.takes.tolist(), strict=True))
    assert len(keys) == len(digits)


def test_every_voice_has_a_free_licence_and_stands_on_the_card(digits):
    card = (ROOT / "docs" / "data-card.md").read_text(encoding="utf-8")
    for voice, speaker in zip(builtin.voices(), digits.speakers, strict=True):
        assert voice.name == speaker
        assert voice.licence in FREE
        assert voice.name.removeprefix("espeak-") in card and f"| {voice.package} |" in card
    assert f"{len(digits):,} clips" in card


def test_a_damaged_file_is_said_in_a_sentence(monkeypatch, tmp_path):
    broken = tmp_path / "digits.ogg"
    broken.write_bytes(builtin.SOUND.read_bytes()[:100_000])
    monkeypatch.setattr(builtin, "SOUND", broken)
    with pytest.raises(CorpusError, match="cannot be read"):
        builtin.load()
    monkeypatch.setattr(builtin, "SOUND", tmp_path / "missing.ogg")
    with pytest.raises(CorpusError, match="cannot be read"):
        builtin.load()
