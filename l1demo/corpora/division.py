"""How labelled clips are divided into training, validation and clips of seen voices; and which labels are wrong on purpose."""

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from l1demo.corpora import Corpus, CorpusError
from l1demo.spec import CorpusSpec
from l1demo.text import _

OFFICIAL_TEST_TAKES = 5  # FSDD's readme: recordings 0 to 4 of each speaker and digit are the test
SEEN = 100  # clips of known voices that split "both" keeps aside where a tenth would be fewer: a standard error of 3 points at 90 %


@dataclass(frozen=True)
class Division:
    """What is trained on and what is validated on; only the labels of ``train`` may be wrong on purpose.

    ``seen`` is, with the split "both", other recordings of the voices in ``train``.
    """

    train: Corpus
    validation: Corpus
    seen: Corpus | None = None


def divide(corpus: Corpus, spec: CorpusSpec, seed: int, test: Corpus | None = None, also: Corpus | None = None) -> Division:
    """Divide a corpus into training and validation.

    Parameters
    ----------
    corpus : Corpus
        What is trained on, and validated on where ``test`` is None.
    spec : CorpusSpec
        ``split``, ``hold_out``, ``train_voices``, ``train_clips`` and ``label_noise`` are read. With the split "both", the voices
        that are not validated on give up a part of their recordings as ``seen``: the official one where they are numbered, else
        the larger of a tenth and ``SEEN`` clips, but no more than a third. The split "official" is that of the corpus's makers.
    seed : int
        Draws the training voices, the training clips and the wrong labels. Validation is the same for every seed; the split
        "recordings" and ``seen`` have only voices that are trained on.
    test : Corpus, optional
        Validate on all of this corpus and train on ``corpus``.
    also : Corpus, optional
        Train on all of this corpus, too, but for the speakers that are validated on.

    Raises
    ------
    CorpusError
        When one corpus has words that the other does not teach, the held-out speaker is unknown, fewer voices or clips are there
        than were asked for, the corpus has no official split, or one side would be empty.
    """
    generator = np.random.default_rng(seed)
    train, validation, seen = np.arange(len(corpus)), None, None
    if test is not None:
        _refuse_two_validations(spec)
        validation = _with_words_of(corpus, test)
    elif spec.split == "official" and not spec.hold_out:
        official = _official(corpus)
        train, validation = np.flatnonzero(official == 0), corpus.subset(np.flatnonzero(official == 1))
    elif spec.hold_out or spec.split != "recordings":
        strangers = np.isin(corpus.voices, _strangers(corpus, spec))
        train, validation = np.flatnonzero(~strangers), corpus.subset(np.flatnonzero(strangers))
    if spec.train_voices:
        train = train[np.isin(corpus.voices[train], _few(corpus, train, spec.train_voices, generator))]
    if validation is None:
        held = _other_recordings(corpus, train, 0.1)
        train, validation = train[~held], corpus.subset(train[held])
    elif spec.split == "both":
        held = _other_recordings(corpus, train, min(max(0.1, SEEN / max(1, len(train))), 1 / 3))
        train, seen = train[~held], corpus.subset(train[held])
    if not len(train) or not len(validation) or (seen is not None and not len(seen)):
        raise CorpusError(
            _("The division leaves {train} clips to train on and {validation} to validate on; choose another split.").format(
                train=len(train), validation=len(validation) if seen is None else min(len(validation), len(seen))
            )
        )
    chosen = corpus.subset(train)
    if also is not None:
        chosen = _joined(chosen, _with_words_of(corpus, also), {validation.speakers[voice] for voice in validation.voices})
    if spec.train_clips:
        chosen = chosen.subset(_draw(np.arange(len(chosen)), chosen.labels, spec.train_clips, generator))
    return Division(replace(chosen, labels=_mislabel(chosen, spec.label_noise, generator)), validation, seen)


def _refuse_two_validations(spec: CorpusSpec) -> None:
    if spec.hold_out:
        raise CorpusError(_("Validate on another corpus or on a held-out speaker; both were chosen. Clear one of them."))
    if spec.split == "both":
        raise CorpusError(
            _("Validate on another corpus, or on seen and unseen speakers of one; both were chosen. Choose another split.")
        )


def _official(corpus: Corpus) -> np.ndarray:
    if corpus.official is None:
        raise CorpusError(_("The makers of {corpus} gave no split; choose another.").format(corpus=corpus.name))
    return corpus.official


def _joined(train: Corpus, also: Corpus, kept_apart: set[str]) -> Corpus:
    more = also.subset(np.flatnonzero([also.speakers[voice] not in kept_apart for voice in also.voices]))
    return replace(
        train,
        speakers=train.speakers + more.speakers,
        samples=np.concatenate([train.samples, more.samples]),
        starts=np.concatenate([train.starts, more.starts[1:] + train.starts[-1]]),
        labels=np.concatenate([train.labels, more.labels]),
        voices=np.concatenate([train.voices, more.voices + len(train.speakers)]),
        takes=np.concatenate([train.takes, more.takes]),
        numbered=False,
        official=None,
    )


def _strangers(corpus: Corpus, spec: CorpusSpec) -> list[int]:
    if not spec.hold_out:
        return _validation_voices(corpus)
    if spec.hold_out not in corpus.speakers:
        raise CorpusError(
            _("There is no speaker “{name}” in {corpus}; choose one of {speakers}.").format(
                name=spec.hold_out[:60], corpus=corpus.name, speakers=_some(corpus.speakers)
            )
        )
    return [corpus.speakers.index(spec.hold_out)]


def _few(corpus: Corpus, train: np.ndarray, count: int, generator: np.random.Generator) -> list[int]:
    present = np.unique(corpus.voices[train]).tolist()
    if count > len(present):
        raise CorpusError(
            _("train-voices is {count}, but there are {n} voices to train on; choose at most {n}, or 0 for all.").format(
                count=count, n=len(present)
            )
        )
    turns = [(turn, tie, voice) for family in _families(corpus, present) for turn, tie, voice in _in_turn(family, generator)]
    return [voice for _turn, _tie, voice in sorted(turns)[:count]]  # of each engine one, then another: few, but unlike


def _in_turn(family: list[int], generator: np.random.Generator) -> list[tuple[int, float, int]]:
    order, ties = generator.permutation(family).tolist(), generator.random(len(family)).tolist()
    return [(turn, tie, voice) for turn, (tie, voice) in enumerate(zip(ties, order, strict=True))]


def _other_recordings(corpus: Corpus, train: np.ndarray, share: float) -> np.ndarray:
    official = corpus.takes[train] < OFFICIAL_TEST_TAKES
    if corpus.numbered and not official.all() and official.any():
        return official
    return _spread(corpus.labels[train], share)


def _validation_voices(corpus: Corpus) -> list[int]:
    present = sorted(set(corpus.voices.tolist()), key=lambda voice: corpus.speakers[voice])
    if len(present) < 2:
        raise CorpusError(
            _("{corpus} has one speaker, so none can be kept unheard; choose the split “recordings”.").format(corpus=corpus.name)
        )
    if len(present) < 5:
        return present[-1:]
    chosen: list[int] = []
    for family in _families(corpus, present):  # hold out some of each
        by_hash = sorted(family, key=lambda voice: hashlib.sha256(corpus.speakers[voice].encode()).digest())
        chosen += by_hash[: round(len(family) / 5)]
    return chosen


def _families(corpus: Corpus, voices: list[int]) -> list[list[int]]:
    by_name: dict[str, list[int]] = defaultdict(list)  # text-to-speech voices are named after their engine
    for voice in voices:
        by_name[re.split(r"[^a-z0-9]", corpus.speakers[voice].lower())[0]].append(voice)
    families = [family for family in by_name.values() if len(family) >= 5]
    return [*families, [voice for family in by_name.values() if len(family) < 5 for voice in family]]


def _spread(labels: np.ndarray, share: float) -> np.ndarray:
    held = np.zeros(len(labels), bool)
    for word in np.unique(labels):
        clips = np.flatnonzero(labels == word)
        count = max(1, round(len(clips) * share)) if len(clips) > 1 else 0
        held[clips[(np.arange(count) * 2 + 1) * len(clips) // (2 * count)] if count else []] = True
    return held


def _draw(train: np.ndarray, labels: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    if count > len(train):
        raise CorpusError(
            _("train-clips is {count}, but there are {n} clips to train on; choose at most {n}, or 0 for all.").format(
                count=count, n=len(train)
            )
        )
    order = generator.permutation(len(train))
    place = np.empty(len(train))
    for word in np.unique(labels):
        of_word = order[labels[order] == word]
        place[of_word] = (np.arange(len(of_word)) + 0.5) / len(of_word)
    nearest = order[np.argsort(place[order], kind="stable")]  # each word in its own proportion, and 150 clips are among the 300
    return np.sort(train[nearest[:count]])


def _mislabel(train: Corpus, fraction: float, generator: np.random.Generator) -> np.ndarray:
    labels = train.labels.copy()
    wrong = generator.choice(len(labels), round(fraction * len(labels)), replace=False)
    labels[wrong] = (labels[wrong] + generator.integers(1, len(train.words), len(wrong))) % len(train.words)
    return labels


def _with_words_of(corpus: Corpus, test: Corpus) -> Corpus:
    if unknown := [word for word in test.words if word not in corpus.words]:
        raise CorpusError(
            _("{test} has words that {corpus} does not teach: {unknown}. It teaches {known}; use a test with these words.").format(
                test=test.name, corpus=corpus.name, unknown=_some(unknown), known=_some(corpus.words)
            )
        )
    index = np.array([corpus.words.index(word) for word in test.words], np.int64)
    return replace(test, words=corpus.words, labels=index[test.labels])


def _some(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
