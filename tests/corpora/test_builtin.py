"""The committed digits: small, whole, balanced, and every voice named with its engine and licence on a data card."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from l1demo.corpora import BUILT_IN, DIGITS, RATE, Corpus, CorpusError, builtin, load

DOCS = Path(__file__).parents[2] / "docs"
FREE = {
    "digits": {"GPL-2+", "GPL-3+", "LGPL-2+", "LGPL-2.1+", "BSD-like (CMU/CSTR)"},
    "digits-wide": {"GPL-3", "LGPL-2.1", "Apache-2.0", "BSD-like (CMU/CSTR)", "CC-BY-3.0", "CC-BY-SA-4.0"},
}
SOUND_AND_INDEX = ["6f8bf98e490299d6", "6f9489fb8a5cfdd5"]  # the first 16 hex digits of their SHA-256


@pytest.fixture(scope="module")
def digits() -> Corpus:
    return load("digits")


@pytest.fixture(scope="module", params=BUILT_IN)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return load(request.param)


@pytest.mark.parametrize(("part", "megabytes"), [("digits", 8), ("digits-wide", 3.5)])
def test_the_committed_files_stay_small(part, megabytes):
    assert builtin.sound_of(part).stat().st_size + builtin.index_of(part).stat().st_size <= megabytes * 10**6


def test_every_clip_is_a_word_s_length_of_sound(corpus):
    lengths = np.diff(corpus.starts)
    assert corpus.samples.dtype == np.int16 and corpus.starts[-1] == len(corpus.samples)
    assert lengths.min() >= 0.1 * RATE and lengths.max() <= 1.2 * RATE
    for i in range(len(corpus)):
        assert np.abs(corpus.clip(i).astype(int)).max() > 3000


def test_clips_did_not_slip_against_their_index(corpus):
    # a slip by some samples would put the sound of one clip into its neighbour: silence must stand at the seams
    edges = [np.abs(corpus.samples[s - 40 : s + 40].astype(float)).mean() for s in corpus.starts[1:-1]]
    inside = [np.abs(corpus.clip(i).astype(float)).mean() for i in range(len(corpus))]
    assert np.median(edges) < 0.1 * np.median(inside)
    assert np.median(edges[-1000:]) < 0.1 * np.median(inside[-1000:])


def test_words_are_balanced_and_many_voices_speak(corpus):
    counts = np.bincount(corpus.labels, minlength=10)
    assert corpus.words == DIGITS
    assert counts.min() > 0.85 * counts.max()
    assert len(corpus.speakers) > 100 and len(set(corpus.speakers)) == len(corpus.speakers)
    assert set(corpus.voices.tolist()) == set(range(len(corpus.speakers)))


def test_a_take_is_counted_within_its_voice_and_word(corpus):
    keys = set(zip(corpus.voices.tolist(), corpus.labels.tolist(), corpus.takes.tolist(), strict=True))
    assert len(keys) == len(corpus)


def test_the_digits_are_the_bytes_that_stored_runs_were_trained_on():
    found = [
        hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in (builtin.sound_of("digits"), builtin.index_of("digits"))
    ]
    assert found == SOUND_AND_INDEX


def test_the_wide_corpus_is_the_digits_and_more_voices_of_people(digits):
    wide, n, k = load("digits-wide"), len(digits), len(digits.speakers)
    assert (wide.name, wide.speakers[:k]) == ("digits-wide", digits.speakers)
    for name in ("labels", "voices", "takes"):
        np.testing.assert_array_equal(getattr(wide, name)[:n], getattr(digits, name))
    np.testing.assert_array_equal(wide.starts[: n + 1], digits.starts)
    np.testing.assert_array_equal(wide.samples[: digits.starts[-1]], digits.samples)
    assert len(wide.speakers) - k >= 10 and wide.voices[n:].min() == k
    added, known = builtin.voices("digits-wide")[k:], builtin.voices()
    assert "eSpeak NG" not in {voice.engine for voice in added}
    assert len({voice.human for voice in added} - {voice.human for voice in known}) >= 10
    said = {(voice, word) for voice, word in zip(wide.voices[n:].tolist(), wide.labels[n:].tolist(), strict=True)}
    assert len(said) >= 0.9 * 10 * len(added)


def test_every_voice_has_a_free_licence_and_stands_on_its_card(digits):
    card = (DOCS / "data-card.md").read_text(encoding="utf-8")
    assert f"{len(digits):,} clips" in card
    for voice, speaker in zip(builtin.voices(), digits.speakers, strict=True):
        assert voice.name == speaker
        assert voice.licence in FREE["digits"]
        assert voice.name.removeprefix("espeak-") in card and f"| {voice.package} |" in card


def test_every_added_voice_has_a_free_licence_and_stands_on_its_card(digits):
    card, wide = (DOCS / "data-card-wide.md").read_text(encoding="utf-8"), load("digits-wide")
    assert f"{len(wide) - len(digits):,} clips" in card
    for voice in builtin.voices("digits-wide")[len(digits.speakers) :]:
        n = int((wide.voices == wide.speakers.index(voice.name)).sum())
        row = [voice.name, voice.engine, voice.package, voice.licence, voice.language, voice.human, str(n)]
        assert f"| {' | '.join(row)} |" in card
        assert voice.licence in FREE["digits-wide"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_damaged_file_is_said_in_a_sentence(monkeypatch, tmp_path, name):
    for part in builtin.PARTS[name]:
        for file in (builtin.index_of(part), builtin.sound_of(part)):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(builtin, "FOLDER", tmp_path)
    sound = tmp_path / f"{name}.ogg"
    sound.write_bytes(sound.read_bytes()[:100_000])
    with pytest.raises(CorpusError, match="cannot be read"):
        builtin.load(name)
    sound.unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        builtin.load(name)
    (tmp_path / f"{name}.json").unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        builtin.voices(name)
