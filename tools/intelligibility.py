"""Which renderings are words at all: every clip is heard by a recogniser that learned from other people's voices only.

A voice's rendering of a word is left out when such recognisers, over all its takes, give the right word less than chance. No
recording of a person takes part in this.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import torch

from l1demo import training
from l1demo.augment import augment
from l1demo.features import Frames, frames, normalise
from l1demo.model import build
from l1demo.spec import RunSpec

FOLDS = 5
SPEC = RunSpec().with_values(epochs=8, hidden=64, penalty="none")


def confidence(clips: Sequence[np.ndarray], labels: np.ndarray, people: Sequence[str], words: int) -> np.ndarray:
    """Return the probability of the right word for every clip, by a recogniser that never met its person.

    Parameters
    ----------
    clips : sequence of np.ndarray, int16
    labels : np.ndarray, int64, shape (n,)
    people : sequence of str, length n
        Clips of one person are held out together.
    words : int

    Returns
    -------
    np.ndarray, float, shape (n,)
    """
    torch.set_num_threads(1)
    data = frames(clips, labels, SPEC.features)
    names = sorted(set(people), key=lambda name: zlib.crc32(name.encode()))
    fold_of = {name: i % FOLDS for i, name in enumerate(names)}
    fold = np.array([fold_of[name] for name in people])
    sure = np.empty(len(clips))
    for k in range(FOLDS):
        held = torch.from_numpy(np.flatnonzero(fold == k))
        sure[fold == k] = _hear(_learn(_part(data, torch.from_numpy(np.flatnonzero(fold != k))), words), _part(data, held))
    return sure


def broken(sure: np.ndarray, groups: Sequence[tuple[str, int]], words: int) -> np.ndarray:
    """Return which clips belong to a (voice, word) of ``groups`` that is heard right with less than chance, on average."""
    means: dict[tuple[str, int], list[float]] = {}
    for group, p in zip(groups, sure, strict=True):
        means.setdefault(group, []).append(p)
    return np.array([np.mean(means[group]) < 1 / words for group in groups])


def _learn(data: Frames, words: int) -> torch.nn.Module:
    model = build(SPEC, words)
    optimizer = torch.optim.Adam(model.parameters(), lr=SPEC.training.lr)
    generator = torch.Generator().manual_seed(SPEC.seed)
    steps = SPEC.training.epochs * -(-len(data) // SPEC.training.batch)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _epoch in range(SPEC.training.epochs):
        for chosen in torch.randperm(len(data), generator=generator).split(SPEC.training.batch):
            batch = _part(data, chosen)
            x, lengths = augment(batch.x, batch.lengths, generator)
            loss = training.LOSSES["ce"](model(normalise(x, lengths), lengths), batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            slower.step()
    return model


@torch.no_grad()
def _hear(model: torch.nn.Module, data: Frames) -> np.ndarray:
    x = normalise(data.x, data.lengths)
    return model(x, data.lengths).softmax(1).gather(1, data.labels[:, None])[:, 0].numpy()


def _part(data: Frames, chosen: torch.Tensor) -> Frames:
    lengths = data.lengths[chosen]
    return Frames(data.x[chosen, : int(lengths.max())], lengths, data.labels[chosen])
