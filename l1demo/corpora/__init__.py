"""Labelled clips, and how they are divided into training and validation.

Where clips come from stands beside: ``builtin`` (spoken digits that work offline) and ``archive`` (a folder or ZIP).
"""

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from l1demo import LabError
from l1demo.spec import CorpusSpec
from l1demo.text import _

RATE = 8000  # Hz, of every clip of every corpus
BUILT_IN = ("digits",)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OFFICIAL_TEST_TAKES = 5  # FSDD's readme: recordings 0 to 4 of each speaker and digit are the test


class CorpusError(LabError):
    """A corpus that cannot be read or divided as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Corpus:
    """Labelled clips, end to end in one array.

    Attributes
    ----------
    name : str
        What the corpus is called on the screen.
    words, speakers : tuple of str
        What ``labels`` and ``voices`` point into.
    samples : ndarray of int16
        All clips, 8 kHz mono.
    starts : ndarray of int64, shape (n + 1,)
        Clip ``i`` is ``samples[starts[i]:starts[i + 1]]``.
    labels, voices, takes : ndarray of int64, shape (n,)
        Word, speaker, and the recording's index in its name (a running number where the name has none).
    skipped : tuple of str
        Sentences that name what could not be read, and why.
    numbered : bool
        Whether the takes are the indices of names like FSDD's, ``{label}_{speaker}_{index}``.
    """

    name: str
    words: tuple[str, ...]
    speakers: tuple[str, ...]
    samples: np.ndarray
    starts: np.ndarray
    labels: np.ndarray
    voices: np.ndarray
    takes: np.ndarray
    skipped: tuple[str, ...] = ()
    numbered: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def clip(self, i: int) -> np.ndarray:
        """Return clip ``i``, int16 of shape (samples,), as a view."""
        return self.samples[self.starts[i] : self.starts[i + 1]]

    def subset(self, chosen: np.ndarray) -> "Corpus":
        """Return the clips at the indices ``chosen``, in that order, with the same words and speakers."""
        lengths = np.diff(self.starts)[chosen]
        return replace(
            self,
            samples=np.concatenate([self.clip(i) for i in chosen]) if len(chosen) else self.samples[:0],
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            labels=self.labels[chosen],
            voices=self.voices[chosen],
            takes=self.takes[chosen],
        )


@dataclass(frozen=True)
class Division:
    """What is trained on and what is validated on; only the labels of ``train`` may be wrong on purpose."""

    train: Corpus
    validation: Corpus


def load(name_or_path: str) -> Corpus:
    """Return the built-in corpus ``digits``, or read a folder or ZIP.

    Raises
    ------
    CorpusError
        When there is nothing there that can be used.
    """
    if name_or_path == "digits":
        from l1demo.corpora import builtin

        return builtin.load()
    from l1demo.corpora import archive

    return archive.load(name_or_path)


def sort_words(words: set[str]) -> tuple[str, ...]:
    """Return words in the order of charts: the digits by value, then the others by alphabet."""
    return tuple(sorted(words, key=lambda word: (DIGITS.index(word) if word in DIGITS else len(DIGITS), word)))


def divide(corpus: Corpus, spec: CorpusSpec, seed: int, test: Corpus | None = None) -> Division:
    """Divide a corpus into training and validation.

    Parameters
    ----------
    corpus : Corpus
        What is trained on, and validated on where ``test`` is None.
    spec : CorpusSpec
        ``split``, ``hold_out``, ``train_clips`` and ``label_noise`` are read.
    seed : int
        Draws the training clips and the wrong labels. Validation is the same for every seed.
    test : Corpus, optional
        Validate on all of this corpus and train on all of ``corpus``.

    Raises
    ------
    CorpusError
        When the words of the two corpora differ, the held-out speaker is unknown, or one side would be empty.
    """
    if test is not None:
        if spec.hold_out:
            raise CorpusError(_("Validate on another corpus or on a held-out speaker; both were chosen. Clear one of them."))
        train, validation = np.arange(len(corpus)), _with_words_of(corpus, test)
    else:
        held = _held_out(corpus, spec)
        train, validation = np.flatnonzero(~held), corpus.subset(np.flatnonzero(held))
    if not len(train) or not len(validation):
        raise CorpusError(
            _("The division leaves {train} clips to train on and {validation} to validate on; choose another split.").format(
                train=len(train), validation=len(validation)
            )
        )
    generator = np.random.default_rng(seed)
    if spec.train_clips:
        train = _draw(train, corpus.labels[train], spec.train_clips, generator)
    chosen = corpus.subset(train)
    return Division(replace(chosen, labels=_mislabel(chosen, spec.label_noise, generator)), validation)


def _held_out(corpus: Corpus, spec: CorpusSpec) -> np.ndarray:
    if spec.hold_out:
        if spec.hold_out not in corpus.speakers:
            raise CorpusError(
                _("There is no speaker “{name}” in {corpus}; choose one of {speakers}.").format(
                    name=spec.hold_out[:60], corpus=corpus.name, speakers=_some(corpus.speakers)
                )
            )
        return corpus.voices == corpus.speakers.index(spec.hold_out)
    if spec.split == "speakers":
        return np.isin(corpus.voices, _validation_voices(corpus))
    official = corpus.takes < OFFICIAL_TEST_TAKES
    return official if corpus.numbered and not official.all() and official.any() else _tenth(corpus.labels)


def _validation_voices(corpus: Corpus) -> list[int]:
    present = sorted(set(corpus.voices.tolist()), key=lambda voice: corpus.speakers[voice])
    if len(present) < 2:
        raise CorpusError(
            _("{corpus} has one speaker, so none can be kept unheard; choose the split “recordings”.").format(corpus=corpus.name)
        )
    if len(present) < 5:
        return present[-1:]
    families: dict[str, list[int]] = defaultdict(list)  # text-to-speech voices are named after their engine: hold out some of each
    for voice in present:
        families[re.split(r"[^a-z0-9]", corpus.speakers[voice].lower())[0]].append(voice)
    strata = [family for family in families.values() if len(family) >= 5]
    strata.append([voice for family in families.values() if len(family) < 5 for voice in family])
    chosen: list[int] = []
    for family in strata:
        by_hash = sorted(family, key=lambda voice: hashlib.sha256(corpus.speakers[voice].encode()).digest())
        chosen += by_hash[: round(len(family) / 5)]
    return chosen


def _tenth(labels: np.ndarray) -> np.ndarray:
    held = np.zeros(len(labels), bool)
    for word in np.unique(labels):
        clips = np.flatnonzero(labels == word)
        count = max(1, round(len(clips) / 10)) if len(clips) > 1 else 0
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
