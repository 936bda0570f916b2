"""Division: what is held out, what is drawn, and what never changes."""

import dataclasses

import numpy as np
import pytest

from l1demo import corpora
from l1demo.corpora import Corpus, CorpusError
from l1demo.corpora.division import divide
from l1demo.spec import CorpusSpec


def make(words=("one", "two", "three"), speakers=("anna", "ben", "cleo"), takes=10, name="toy", numbered=True) -> Corpus:
    """A corpus whose clip i holds i + 1 samples of the value i, so that a mix-up of clips shows."""
    grid = [(w, s, t) for w in range(len(words)) for s in range(len(speakers)) for t in range(takes)]
    labels, voices, indices = np.array(grid, np.int64).T
    lengths = np.arange(1, len(grid) + 1)
    return Corpus(
        name=name,
        words=tuple(words),
        speakers=tuple(speakers),
        samples=np.repeat(np.arange(len(grid)), lengths).astype(np.int16),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labels=labels,
        voices=voices,
        takes=indices,
        numbered=numbered,
    )


def identities(corpus: Corpus) -> list[int]:
    return [int(corpus.clip(i)[0]) for i in range(len(corpus))]


def test_a_subset_keeps_each_clip_with_its_label() -> None:
    corpus = make()
    chosen = np.array([5, 0, 41])
    part = corpus.subset(chosen)
    assert identities(part) == [5, 0, 41]
    assert np.diff(part.starts).tolist() == [6, 1, 42]
    assert part.labels.tolist() == corpus.labels[chosen].tolist()
    assert len(corpus.subset(np.array([], np.int64))) == 0


@pytest.mark.parametrize("split", ["recordings", "speakers", "both"])
@pytest.mark.parametrize("numbered", [True, False])
def test_no_clip_is_on_two_sides_and_none_is_lost(split: str, numbered: bool) -> None:
    corpus = make(numbered=numbered)
    division = divide(corpus, CorpusSpec(split=split), seed=0)
    seen = identities(division.seen) if division.seen else []
    assert (split == "both") == bool(seen)
    assert sorted(identities(division.train) + identities(division.validation) + seen) == list(range(len(corpus)))


def test_numbered_recordings_are_split_as_fsdd_says() -> None:
    division = divide(make(takes=50), CorpusSpec(split="recordings"), seed=3)
    assert set(division.validation.takes.tolist()) == {0, 1, 2, 3, 4}
    assert set(division.train.takes.tolist()) == set(range(5, 50))


def test_other_recordings_give_a_tenth_of_each_word() -> None:
    division = divide(make(takes=20, numbered=False), CorpusSpec(split="recordings"), seed=3)
    assert np.bincount(division.validation.labels).tolist() == [6, 6, 6]
    assert len(set(division.validation.voices.tolist())) == 3


def test_numbered_recordings_all_below_five_still_leave_some_to_train_on() -> None:
    division = divide(make(takes=4), CorpusSpec(split="recordings"), seed=0)
    assert len(division.train) > len(division.validation) > 0


def test_few_speakers_hold_out_the_last_by_name() -> None:
    division = divide(make(speakers=("zoe", "anna", "ben")), CorpusSpec(split="speakers"), seed=0)
    assert {division.validation.speakers[v] for v in division.validation.voices} == {"zoe"}


def test_many_voices_hold_out_a_fifth_of_each_engine_whatever_the_seed() -> None:
    voices = [f"espeak-{i}" for i in range(40)] + [f"flite-{i}" for i in range(10)] + ["festival-a", "piper-b"]
    corpus = make(speakers=tuple(voices), takes=2)
    held = [set(divide(corpus, CorpusSpec(), seed).validation.voices.tolist()) for seed in range(3)]
    assert held[0] == held[1] == held[2]
    engines = [voices[v].split("-")[0] for v in held[0]]
    assert engines.count("espeak") == 8
    assert engines.count("flite") == 2


def test_held_out_voices_do_not_change_when_another_voice_joins() -> None:
    voices = [f"espeak-{i}" for i in range(40)]
    before = divide(make(speakers=tuple(voices)), CorpusSpec(), 0).validation
    after = divide(make(speakers=("espeak-new", *voices)), CorpusSpec(), 0).validation
    names = [{corpus.speakers[v] for v in corpus.voices} - {"espeak-new"} for corpus in (before, after)]
    assert len(names[0] ^ names[1]) <= 2


def test_a_held_out_speaker_is_heard_only_in_validation() -> None:
    division = divide(make(), CorpusSpec(split="recordings", hold_out="ben"), seed=0)
    assert {division.validation.speakers[v] for v in division.validation.voices} == {"ben"}
    assert "ben" not in {division.train.speakers[v] for v in division.train.voices}


def voices(corpus: Corpus | None) -> set[str]:
    assert corpus is not None
    return {corpus.speakers[voice] for voice in corpus.voices}


def test_with_both_the_strangers_are_those_of_speakers_and_the_seen_are_other_recordings_of_the_rest() -> None:
    corpus = make(speakers=tuple(f"espeak-{i}" for i in range(20)), takes=10, numbered=False)
    strangers = divide(corpus, CorpusSpec(split="speakers"), seed=0)
    for seed in range(3):
        both = divide(corpus, CorpusSpec(split="both", train_clips=90, label_noise=0.5), seed=seed)
        assert identities(both.validation) == identities(strangers.validation)
        assert both.seen is not None
        assert voices(both.seen) <= voices(strangers.train)
        assert not set(identities(both.seen)) & set(identities(both.train))
        assert (both.seen.labels == corpus.labels[identities(both.seen)]).all()  # told as they are, though half of train is not
        assert len(both.train) == 90
    first, second = (divide(corpus, CorpusSpec(split="both"), seed).seen for seed in (0, 1))
    assert first and second and identities(first) == identities(second)


@pytest.mark.parametrize(
    ("voices_of_corpus", "takes", "seen"),
    [(100, 20, 480), (20, 12, 99), (5, 6, 24)],  # of 4,800, 576 and 72 clips of known voices: a tenth, about 100, a third
)
def test_as_many_recordings_of_seen_voices_are_kept_aside_as_make_a_fraction_meaningful(voices_of_corpus, takes, seen) -> None:
    corpus = make(speakers=tuple(f"espeak-{i}" for i in range(voices_of_corpus)), takes=takes, numbered=False)
    kept = divide(corpus, CorpusSpec(split="both"), seed=0).seen
    assert kept is not None and len(kept) == seen
    assert set(np.bincount(kept.labels).tolist()) == {seen // 3}


def test_numbered_recordings_of_seen_voices_are_fsdd_s_own_test() -> None:
    division = divide(make(takes=50), CorpusSpec(split="both", hold_out="ben"), seed=0)
    assert voices(division.validation) == {"ben"}
    assert voices(division.seen) == {"anna", "cleo"}
    assert division.seen is not None and set(division.seen.takes.tolist()) == {0, 1, 2, 3, 4}


def test_few_training_voices_are_some_of_each_engine_and_a_larger_draw_holds_the_smaller() -> None:
    names = [f"espeak-{i}" for i in range(40)] + [f"festival-{i}" for i in range(10)] + ["flite-a", "flite-b", "flite-c"]
    corpus = make(speakers=tuple(names), takes=10, numbered=False)
    whole = divide(corpus, CorpusSpec(split="both"), seed=0)
    draw = {n: divide(corpus, CorpusSpec(split="both", train_voices=n), seed=4) for n in (6, 7)}
    assert len(voices(draw[6].train)) == 6 and voices(draw[6].train) < voices(draw[7].train) < voices(whole.train)
    assert sorted(name.split("-")[0] for name in voices(draw[6].train)) == ["espeak"] * 2 + ["festival"] * 2 + ["flite"] * 2
    for division in draw.values():
        assert voices(division.seen) == voices(division.train)
        assert identities(division.validation) == identities(whole.validation)
    assert voices(divide(corpus, CorpusSpec(train_voices=6), seed=4).train) == voices(draw[6].train)
    assert voices(divide(corpus, CorpusSpec(train_voices=6), seed=5).train) != voices(draw[6].train)


def test_other_recordings_are_of_the_voices_that_are_trained_on() -> None:
    division = divide(make(takes=20), CorpusSpec(split="recordings", train_voices=2), seed=1)
    assert voices(division.train) == voices(division.validation)
    assert len(voices(division.train)) == 2


def test_training_clips_are_drawn_evenly_and_validation_stays() -> None:
    corpus = make(takes=50)
    whole = divide(corpus, CorpusSpec(split="recordings"), seed=0)
    drawn = divide(corpus, CorpusSpec(split="recordings", train_clips=31, label_noise=0.5), seed=0)
    assert identities(drawn.validation) == identities(whole.validation)
    assert (drawn.validation.labels == corpus.labels[identities(drawn.validation)]).all()
    truth = corpus.labels[identities(drawn.train)]
    assert sorted(np.bincount(truth).tolist()) == [10, 10, 11]
    assert set(identities(drawn.train)) <= set(identities(whole.train))


def test_a_seed_draws_the_same_clips_and_a_larger_draw_holds_the_smaller() -> None:
    corpus = make(takes=50)
    draw = {n: divide(corpus, CorpusSpec(split="recordings", train_clips=n), seed=7).train for n in (30, 60)}
    again = divide(corpus, CorpusSpec(split="recordings", train_clips=30), seed=7).train
    other = divide(corpus, CorpusSpec(split="recordings", train_clips=30), seed=8).train
    assert identities(draw[30]) == identities(again) != identities(other)
    assert set(identities(draw[30])) < set(identities(draw[60]))


def test_label_noise_moves_exactly_that_fraction_to_other_words() -> None:
    corpus = make(takes=50)
    noisy = divide(corpus, CorpusSpec(split="recordings", label_noise=0.25), seed=0).train
    wrong = noisy.labels != corpus.labels[identities(noisy)]
    assert wrong.sum() == round(0.25 * len(noisy))
    assert set(noisy.labels.tolist()) <= {0, 1, 2}
    everything = divide(corpus, CorpusSpec(split="recordings", label_noise=1.0), seed=0).train
    assert (everything.labels != corpus.labels[identities(everything)]).all()


def test_another_corpus_validates_under_the_same_words() -> None:
    corpus, test = make(), make(words=("three", "one"), speakers=("dora",), name="people")
    division = divide(corpus, CorpusSpec(), seed=0, test=test)
    assert len(division.train) == len(corpus)
    assert len(division.validation) == len(test)
    assert division.validation.words == corpus.words
    told = [division.validation.words[label] for label in division.validation.labels]
    assert told == [test.words[label] for label in test.labels]


@pytest.mark.parametrize(
    ("corpus", "spec", "test", "sentence"),
    [
        (make(), CorpusSpec(hold_out="nobody"), None, "no speaker “nobody” in toy; choose one of anna, ben, cleo"),
        (make(speakers=("anna",)), CorpusSpec(), None, "one speaker"),
        (make(speakers=("anna",)), CorpusSpec(hold_out="anna"), None, "leaves 0 clips to train on"),
        (make(), CorpusSpec(train_clips=1000, split="recordings"), None, "there are 45 clips to train on"),
        (make(), CorpusSpec(), make(words=("one", "cat", "dog")), "does not teach: cat, dog"),
        (make(), CorpusSpec(hold_out="anna"), make(), "both were chosen"),
        (make(), CorpusSpec(split="both"), make(), "seen and unseen speakers of one; both were chosen"),
        (make(), CorpusSpec(train_voices=3), None, "train-voices is 3, but there are 2 voices to train on; choose at most 2"),
        (make(speakers=("anna",)), CorpusSpec(split="both"), None, "one speaker"),
        (make(takes=1, speakers=("anna", "ben")), CorpusSpec(split="both"), None, "leaves 3 clips to train on and 0"),
    ],
)
def test_what_cannot_be_divided_is_said(corpus: Corpus, spec: CorpusSpec, test: Corpus | None, sentence: str) -> None:
    with pytest.raises(CorpusError, match=sentence):
        divide(corpus, spec, seed=0, test=test)


def test_words_stand_in_the_order_of_charts() -> None:
    assert corpora.sort_words({"yes", "nine", "zero", "no", "two"}) == ("zero", "two", "nine", "no", "yes")


def test_the_official_split_is_as_it_was_given() -> None:
    corpus = make()
    official = np.arange(len(corpus), dtype=np.int8) % 3
    division = divide(dataclasses.replace(corpus, official=official), CorpusSpec(split="official"), seed=0)
    assert identities(division.train) == np.flatnonzero(official == 0).tolist()
    assert identities(division.validation) == np.flatnonzero(official == 1).tolist()
    with pytest.raises(CorpusError, match="gave no split"):
        divide(corpus, CorpusSpec(split="official"), seed=0)


def test_another_corpus_joins_the_training_but_for_the_voices_that_are_validated_on() -> None:
    corpus, also = make(), make(words=("two", "one"), speakers=("cleo", "dora"), takes=2, name="more")
    division = divide(corpus, CorpusSpec(hold_out="cleo"), seed=0, also=also)
    alone = divide(corpus, CorpusSpec(hold_out="cleo"), seed=0)
    assert identities(division.validation) == identities(alone.validation)
    joined = division.train
    said = [(joined.words[joined.labels[i]], joined.speakers[joined.voices[i]]) for i in range(len(alone.train), len(joined))]
    assert said == [("two", "dora")] * 2 + [("one", "dora")] * 2
    assert identities(joined) == [*identities(alone.train), 2, 3, 6, 7]
    with pytest.raises(CorpusError, match="does not teach"):
        divide(also, CorpusSpec(split="recordings"), seed=0, also=corpus)
