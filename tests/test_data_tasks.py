"""What a worker tells of a corpus: counted, divided as a run divides it, and heard."""

import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from l1demo import data_tasks, shelf, tasks
from l1demo.corpora import Corpus, CorpusError
from l1demo.spec import CorpusSpec, RunSpec


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Corpus]]:
    """A corpus on the shelf: two words by six speakers, of which the first has no “b”."""
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    said = [(w, s, i) for w in range(2) for s in range(6) for i in range(5) if (w, s) != (1, 0)]
    labels, voices, takes = np.array(said).T
    samples = np.random.default_rng(0).integers(-9000, 9000, 100 * len(said)).astype(np.int16)
    corpus = Corpus("toy", ("a", "b"), tuple("uvwxyz"), samples, np.arange(len(said) + 1) * 100, labels, voices, takes)
    name = shelf.save(corpus, "own", "toy")
    tasks._corpus.cache_clear()
    yield name, corpus
    tasks._corpus.cache_clear()


def test_every_clip_is_counted(kept: tuple[str, Corpus]) -> None:
    found = data_tasks.facts(kept[0])
    assert (found["words"], found["speakers"], found["seconds"]) == (("a", "b"), tuple("uvwxyz"), 5500 / 8000)
    assert found["counts"].tolist() == [[5] * 6, [0, 5, 5, 5, 5, 5]]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"split": "recordings"},
        {"split": "both", "label_noise": 0.25},
        {"hold_out": "w", "train_voices": 2},
        {"train_clips": 12, "label_noise": 0.5},
    ],
)
def test_the_division_is_that_of_a_run(kept: tuple[str, Corpus], settings: dict) -> None:
    name, corpus = kept
    chosen = CorpusSpec(name, **settings)
    spec = RunSpec(chosen, seed=3)
    found, division = data_tasks.divided(asdict(chosen), 3), tasks.division_of(spec)
    train, seen, unseen = found["counts"]
    held = [part for part in (division.validation, division.seen) if part is not None]
    np.testing.assert_array_equal(train, np.bincount(division.train.voices, minlength=6))
    np.testing.assert_array_equal(seen + unseen, sum(np.bincount(part.voices, minlength=6) for part in held))
    assert not (train > 0)[unseen > 0].any() and (train > 0)[seen > 0].all()
    assert found["unused"] == len(corpus) - len(division.train) - sum(map(len, held))
    assert found["wrong"] == round(chosen.label_noise * len(division.train))


def test_words_that_only_the_held_out_speaker_says_are_untaught(kept: tuple[str, Corpus]) -> None:
    _name, corpus = kept
    name = shelf.save(corpus.subset(np.flatnonzero((corpus.labels == 0) | (corpus.voices == 5))), "own", "b by one alone")
    assert data_tasks.divided(asdict(CorpusSpec(name, hold_out="z")), 0)["untaught"] == ("b",)
    assert data_tasks.divided(asdict(CorpusSpec(name, hold_out="u", label_noise=1.0)), 0)["untaught"] == ()


def test_what_comes_from_another_corpus_is_told_apart(kept: tuple[str, Corpus]) -> None:
    name, corpus = kept
    other = shelf.save(corpus.subset(np.arange(20)), "own", "other")
    joined = data_tasks.divided(asdict(CorpusSpec(name, also=other, hold_out="z")), 0)
    assert (joined["also"], joined["counts"].sum(1).tolist(), joined["unused"]) == (20, [45, 0, 10], 0)
    tested = data_tasks.divided(asdict(CorpusSpec(name, test=other, split="speakers")), 0)
    assert (tested["elsewhere"], tested["counts"].sum(1).tolist()) == (20, [55, 0, 0])


def test_every_take_can_be_heard_and_no_other(kept: tuple[str, Corpus]) -> None:
    name, corpus = kept
    assert data_tasks.takes(name, "b", "v") == (0, 1, 2, 3, 4)
    for i in range(len(corpus)):
        word, speaker, take = corpus.words[corpus.labels[i]], corpus.speakers[corpus.voices[i]], int(corpus.takes[i])
        played, rate = soundfile.read(io.BytesIO(data_tasks.sound(name, word, speaker, take)), dtype="int16")
        np.testing.assert_array_equal(played, corpus.clip(i))
        assert rate == 8000
    for word, speaker, which in (("b", "u", 0), ("b", "v", 5), ("b", "v", -1), ("c", "v", 0), ("b", "nobody", 0)):
        with pytest.raises(CorpusError, match="choose another"):
            data_tasks.sound(name, word, speaker, which)
