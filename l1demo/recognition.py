"""What a trained recogniser makes of a recording, closely: over time, which instants mattered, and which clips are like it.

Whatever is asked, frames come from ``features``, as in training, and the recogniser is called as training calls it.
"""

from typing import Any

import numpy as np
import torch

from l1demo import payoff, training, weights
from l1demo.corpora import Corpus, CorpusError
from l1demo.features import RATE, Frames, normalise
from l1demo.model import Recogniser
from l1demo.spec import FeatureSpec, RunSpec
from l1demo.text import _
from l1demo.training import EVALUATION_BATCH

STEPS = 100  # moments of a word at most: more than a screen tells apart only cost time
STRETCH = 0.08  # seconds that are hidden at a time: a short vowel, or a consonant


def heard(data: bytes, sound: bytes) -> dict[str, Any]:
    """Say what a recogniser hears in a recording at each moment, and which instants mattered.

    Parameters
    ----------
    data : bytes
        ``weights.dump``'s result.
    sound : bytes
        The recording as a file.

    Returns
    -------
    dict
        ``words`` (tuple of str, length C), ``seconds`` (float64 (S,)) and ``probabilities`` (float64 (S, C)) as of ``over_time``,
        ``drop`` (float64 (T,)) of the most probable word as of ``occlusion``, and all that ``payoff.hearing`` returns.

    Raises
    ------
    AudioError, ModelError
        When the sound, or the recogniser, cannot be read.
    """
    recogniser, spec, words = weights.load(data)
    x = payoff.frames_of(sound, spec.features)[1]
    seconds, probabilities = over_time(recogniser, spec, x)
    drop = occlusion(recogniser, spec, x, int(probabilities[-1].argmax()))
    return {"words": words, "seconds": seconds, "probabilities": probabilities, "drop": drop, **payoff.hearing(data, sound)}


@torch.no_grad()
def over_time(recogniser: Recogniser, spec: RunSpec, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Say how probable each word would be if the clip ended at each moment; its normalisation is that of the whole clip.

    Parameters
    ----------
    recogniser : Recogniser
    spec : RunSpec
    x : torch.Tensor, shape (1, T, M)
        Normalised frames.

    Returns
    -------
    seconds : np.ndarray, float64, shape (S,)
        Where the last frame of each beginning ends; the last is the whole clip.
    probabilities : np.ndarray, float64, shape (S, C)
    """
    frames = x.shape[1]
    lengths = torch.linspace(1, frames, min(frames, STEPS)).round().long()
    logits = torch.cat(
        [recogniser(x[:, : int(part.max())].expand(len(part), -1, -1), part) for part in lengths.split(EVALUATION_BATCH)]
    )
    window, hop = round(spec.features.window_ms * RATE / 1000), _hop(spec.features)
    return ((lengths - 1) * hop + window).numpy() / RATE, _probabilities(logits, spec).numpy()


@torch.no_grad()
def occlusion(recogniser: Recogniser, spec: RunSpec, x: torch.Tensor, word: int) -> np.ndarray:
    """Hide a stretch around each frame, and say how much less probable a word then is.

    A hidden frame is the clip's mean frame. No gradient is asked, because where a probability is close to 1 it is flat, however
    much an instant matters.

    Parameters
    ----------
    recogniser : Recogniser
    spec : RunSpec
    x : torch.Tensor, shape (1, T, M)
        Normalised frames.
    word : int

    Returns
    -------
    np.ndarray, float64, shape (T,)
        By how much the natural logarithm of the probability falls; negative where the word is more probable without the stretch.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2: there a grey square
    moves over an image, here the mean frame over a clip.
    """
    frames, width = x.shape[1], max(1, round(STRETCH * RATE / _hop(spec.features)))
    first = torch.arange(frames)[:, None] - width // 2
    hidden = (torch.arange(frames) >= first) & (torch.arange(frames) < first + width)  # (T, T): in row t the stretch around t
    mean = x.mean(1, keepdim=True)
    told = [
        recogniser(torch.where(part[..., None], mean, x), torch.full((len(part),), frames))
        for part in hidden.split(EVALUATION_BATCH)
    ]
    logits = torch.cat([recogniser(x, torch.tensor([frames])), *told])
    log = _probabilities(logits, spec)[:, word].log()  # (1 + T,)
    return (log[0] - log[1:]).numpy()


@torch.no_grad()
def answers(recogniser: Recogniser, clips: Frames) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a recogniser makes of clips, which are normalised here as training does it.

    Returns
    -------
    logits : torch.Tensor, shape (N, C)
    means : torch.Tensor, shape (N, H)
        The hidden state averaged over time: all that the words are told of a clip.
    """
    order = clips.lengths.argsort(stable=True)
    found = []
    for chosen in order.split(EVALUATION_BATCH):
        lengths = clips.lengths[chosen]
        found.append(_answer(recogniser, normalise(clips.x[chosen, : int(lengths.max())], lengths), lengths))
    logits, means = (torch.cat(parts)[order.argsort()] for parts in zip(*found, strict=True))
    return logits, means


@torch.no_grad()
def nearest(recogniser: Recogniser, x: torch.Tensor, clips: Frames, n: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Find the clips whose mean hidden states are nearest to a sound's.

    Parameters
    ----------
    recogniser : Recogniser
    x : torch.Tensor, shape (1, T, M)
        The sound's normalised frames.
    clips : Frames
        Not normalised.
    n : int

    Returns
    -------
    chosen : np.ndarray, int64, shape (n,)
        Nearest first.
    distances : np.ndarray, float32, shape (n,)
        Euclidean.
    median : float
        Of the distances of all clips.
    """
    here, there = _answer(recogniser, x, torch.tensor([x.shape[1]]))[1], answers(recogniser, clips)[1]
    far = (there - here).square().sum(1).sqrt()  # (N,)
    chosen = far.argsort(stable=True)[:n]
    return chosen.numpy(), far[chosen].numpy(), far.median().item()


def confusion(recogniser: Recogniser, spec: RunSpec, clips: Frames) -> dict[str, np.ndarray]:
    """Say of each clip which word was said, which was heard, and how probable that one was.

    Returns
    -------
    dict
        ``said`` and ``heard``, int64 (N,), and ``sure``, float32 (N,).
    """
    probabilities = _probabilities(answers(recogniser, clips)[0], spec)
    sure, best = probabilities.max(1)
    return {"said": clips.labels.numpy(), "heard": best.numpy(), "sure": sure.float().numpy()}


def same_words(words: tuple[str, ...], corpus: Corpus) -> None:
    """Raise a CorpusError where a corpus no longer has the words that a recogniser was taught."""
    if words != corpus.words:
        raise CorpusError(
            _("The corpus {name} has other words now than this network was taught; train a network on it again.").format(
                name=corpus.name
            )
        )


def _answer(recogniser: Recogniser, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    told: list[torch.Tensor] = []
    listening = recogniser.out.register_forward_pre_hook(lambda _layer, given: told.append(given[0]))
    try:
        return recogniser(x, lengths), told[0]
    finally:
        listening.remove()


def _probabilities(logits: torch.Tensor, spec: RunSpec) -> torch.Tensor:
    return training.probabilities(logits.double(), spec.training.loss)  # in double precision a logarithm of any is finite


def _hop(spec: FeatureSpec) -> int:
    return round(spec.hop_ms * RATE / 1000)
