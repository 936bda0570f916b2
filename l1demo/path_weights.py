"""What a λ path's weights look like at each of its stops: heat maps, histograms, dead units, single weights and gates.

It needs no torch, because pages draw from it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import safetensors.numpy

from l1demo import dead, film

GATES = 4
EDGES = np.linspace(-1.0, 1.0, 81)  # as sparsity's
SINGLES = 30  # lines that can still be told apart

Weights = Mapping[str, np.ndarray]  # a network's matrices by their names in the recogniser


def read(blob: bytes) -> list[Weights]:
    """Return the weight matrices at the end of each λ from the safetensors that ``weights.dump`` wrote of a path."""
    found: dict[int, dict[str, np.ndarray]] = {}
    for name, w in safetensors.numpy.load(blob).items():
        stop, _slash, rest = name.partition("/")
        if rest and w.ndim == 2:
            found.setdefault(int(stop.removeprefix("stop")), {})[rest] = w.astype(np.float32)
    return [{name: found[stop][name] for name in sorted(found[stop], key=_place)} for stop in sorted(found)]


def stay_at_zero(stops: Sequence[Weights], count: int) -> list[Weights]:
    """Repeat the last of a path that ended because all weights were 0, so that every λ has its weights."""
    return [*stops, *[stops[-1]] * (count - len(stops))]


def levels(stops: Sequence[Weights], name: str) -> np.ndarray:
    """Return a matrix of shape (R, C) as heat map levels, int8, shape (S, R, C); see ``film.frame``."""
    return np.stack([film.unpack(film.frame({name: weights[name]}))[name] for weights in stops])


def histograms(stops: Sequence[Weights]) -> np.ndarray:
    """Count all weights by size, exact zeros left out.

    Returns
    -------
    np.ndarray, int, shape (S, 80)
        Between ``EDGES``; the outermost bins also hold what lies beyond.
    """
    counts = np.zeros((len(stops), len(EDGES) - 1), np.int64)
    for step, weights in enumerate(stops):
        for w in weights.values():
            counts[step] += np.histogram(np.clip(w[w != 0], EDGES[0], EDGES[-1]), EDGES)[0]
    return counts


def dead_units(stops: Sequence[Weights]) -> list[np.ndarray]:
    """Find the hidden units through which no path of non-zero weights leads from the sound to a word.

    Returns
    -------
    list of np.ndarray, bool, shape (S, H)
        One a layer.
    """
    return [np.stack(layer) for layer in zip(*map(dead.dead_units, stops), strict=True)]


def gate_norms(stops: Sequence[Weights]) -> np.ndarray:
    """Return Σ|w| of each gate of each LSTM matrix, and last of the layer above them, shape (S, G)."""
    return np.array([[float(np.abs(part).sum()) for name, w in weights.items() for part in _gates(name, w)] for weights in stops])


def gate_names(weights: Weights) -> list[tuple[str, int]]:
    """Name what ``gate_norms`` returns: the matrix and the number of the gate."""
    return [(name, gate) for name, w in weights.items() for gate in range(len(_gates(name, w)))]


def singles(stops: Sequence[Weights], count: int = SINGLES) -> np.ndarray:
    """Follow some single weights along the path, from the largest to the smallest.

    Returns
    -------
    np.ndarray, float, shape (S, count)
        Of all weights ordered by the greatest size that they have, those whose ranks are evenly spaced on a log scale: many of the
        few that stay, some of the many that go.
    """
    values = np.stack([np.concatenate([w.ravel() for w in weights.values()]) for weights in stops])  # (S, N)
    order = np.argsort(-np.abs(values).max(0), kind="stable")
    ranks = np.unique(np.rint(np.geomspace(1, len(order), count)).astype(int)) - 1
    return values[:, order[ranks]]


def _place(name: str) -> tuple[str, str, bool]:
    return name.split(".")[0], name[-1], "_hh_" in name  # layer by layer, first from below, then from the moment before


def _gates(name: str, w: np.ndarray) -> list[np.ndarray]:
    return np.split(w, GATES) if name.startswith("lstm") else [w]
