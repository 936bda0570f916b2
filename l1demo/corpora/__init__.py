"""Labelled clips, and how they are divided into training and validation.

Where clips come from stands beside: ``builtin`` (spoken digits that work offline), ``archive`` (a folder or ZIP) and what the
lab keeps on its ``shelf``. How they are divided is ``division``'s.
"""

from dataclasses import dataclass, replace

import numpy as np

from l1demo import LabError

RATE = 8000  # Hz, of every clip of every corpus
BUILT_IN = ("digits", "digits-wide")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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
    official : ndarray of int8, shape (n,), or None
        What the corpus's makers use each clip for: 0 training, 1 validation, 2 test.
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
    official: np.ndarray | None = None

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
            official=None if self.official is None else self.official[chosen],
        )


def load(name_or_path: str) -> Corpus:
    """Return a built-in corpus or one that the lab keeps, by its name; or read a folder or ZIP.

    Raises
    ------
    CorpusError
        When there is nothing there that can be used.
    """
    if name_or_path in BUILT_IN:
        from l1demo.corpora import builtin

        return builtin.load(name_or_path)
    from l1demo import shelf

    if shelf.is_name(name_or_path):
        return shelf.load(name_or_path)
    from l1demo.corpora import archive

    return archive.load(name_or_path)


def sort_words(words: set[str]) -> tuple[str, ...]:
    """Return words in the order of charts: the digits by value, then the others by alphabet."""
    return tuple(sorted(words, key=lambda word: (DIGITS.index(word) if word in DIGITS else len(DIGITS), word)))
