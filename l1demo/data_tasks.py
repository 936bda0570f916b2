"""What the page Data asks of a worker: how many clips who says of what, how they divide, and any clip to be played."""

import io
import wave
from dataclasses import replace
from typing import Any

import numpy as np

from l1demo import tasks
from l1demo.corpora import RATE, Corpus, CorpusError
from l1demo.spec import CorpusSpec, RunSpec
from l1demo.text import _


def facts(name: str) -> dict[str, Any]:
    """Return what is to be known of a corpus before its sound.

    Returns
    -------
    dict
        ``words`` and ``speakers`` (tuples of str), ``counts`` (np.ndarray, int64, (W, S): the clips of each word by each speaker)
        and ``seconds`` of all clips.

    Raises
    ------
    CorpusError
        When it cannot be read.
    """
    corpus = tasks.corpus(name)
    counts = np.zeros((len(corpus.words), len(corpus.speakers)), np.int64)
    np.add.at(counts, (corpus.labels, corpus.voices), 1)
    return {"words": corpus.words, "speakers": corpus.speakers, "counts": counts, "seconds": len(corpus.samples) / RATE}


def divided(chosen: dict[str, Any], seed: int) -> dict[str, Any]:
    """Divide a corpus as a run would, and count whose clips fall where.

    Parameters
    ----------
    chosen : dict
        ``CorpusSpec``'s values.
    seed : int

    Returns
    -------
    dict
        ``speakers`` (tuple of str); ``counts`` (np.ndarray, int64, (3, S): of each, the clips trained on, validated on though the
        voice is known from training, and validated on as a voice never heard); ``also`` and ``elsewhere``, how many clips of
        another corpus join the training or are the validation; ``wrong``, how many labels are wrong on purpose;
        ``untaught`` (tuple of str), the words that nobody says in the training; ``unused``, how many clips have no part.

    Raises
    ------
    CorpusError
        When it cannot be divided so.
    """
    spec = RunSpec(CorpusSpec(**chosen), seed=seed)
    corpus = tasks.corpus(spec.corpus.name)
    division = tasks.division_of(spec)
    truth = tasks.division_of(replace(spec, corpus=replace(spec.corpus, label_noise=0.0))).train.labels  # the same draw
    n = len(corpus.speakers)
    own = division.train.voices < n  # those of another corpus are numbered after them
    train = np.bincount(division.train.voices[own], minlength=n)
    checked = np.zeros(n, np.int64)
    for part in (None if spec.corpus.test else division.validation, division.seen):
        if part is not None:
            checked += np.bincount(part.voices, minlength=n)
    known = train > 0
    return {
        "speakers": corpus.speakers,
        "counts": np.stack([train, np.where(known, checked, 0), np.where(known, 0, checked)]),
        "also": int((~own).sum()),
        "elsewhere": len(division.validation) if spec.corpus.test else 0,
        "wrong": int((division.train.labels != truth).sum()),
        "untaught": tuple(word for i, word in enumerate(corpus.words) if i not in truth),
        "unused": int(len(corpus) - own.sum() - checked.sum()),
    }


def takes(name: str, word: str, speaker: str) -> tuple[int, ...]:
    """Return the numbers of a speaker's recordings of a word."""
    corpus = tasks.corpus(name)
    return tuple(corpus.takes[_said(corpus, word, speaker)].tolist())


def sound(name: str, word: str, speaker: str, which: int) -> bytes:
    """Return a clip as a WAV file: the ``which``-th of ``takes``.

    Raises
    ------
    CorpusError
        When the corpus has none.
    """
    corpus = tasks.corpus(name)
    clips = np.flatnonzero(_said(corpus, word, speaker))
    if not 0 <= which < len(clips):
        raise CorpusError(_("{speaker} does not say “{word}” in this corpus; choose another.").format(speaker=speaker, word=word))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(corpus.clip(int(clips[which])).astype("<i2").tobytes())
    return out.getvalue()


def _said(corpus: Corpus, word: str, speaker: str) -> np.ndarray:
    if word not in corpus.words or speaker not in corpus.speakers:
        return corpus.labels < 0
    return (corpus.labels == corpus.words.index(word)) & (corpus.voices == corpus.speakers.index(speaker))
