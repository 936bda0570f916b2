"""Which hidden units carry nothing from the sound to a word, read off the zeros of weights. ``sparsity`` does it for a network."""

from collections.abc import Mapping

import numpy as np

GATES = 4  # of an LSTM, whose rows stand one below the other


def dead_units(weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Find the dead units: no path of non-zero weights leads from the input through them to a word, over any number of time steps.

    Parameters
    ----------
    weights : mapping of str to np.ndarray
        The matrices by their names in ``model.Recogniser``, or a ``film`` frame's levels: what counts is where they are 0.

    Returns
    -------
    list of np.ndarray, bool, shape (H,)
        One a layer.
    """
    layers = range(sum(name.startswith("lstm.weight_hh_l") for name in weights))
    into = [_links(weights[f"lstm.weight_ih_l{layer}"]) for layer in layers]  # (H, inputs): to, from
    across = [_links(weights[f"lstm.weight_hh_l{layer}"]) for layer in layers]  # (H, H): to, from
    heard, source = [], np.ones(into[0].shape[1], bool)
    for i in layers:
        source = _spread(into[i] @ source, across[i])
        heard.append(source)
    used, target = [], np.any(weights["out.weight"] != 0, axis=0)  # (H,)
    for i in reversed(layers):
        target = _spread(target, across[i].T)
        used.insert(0, target)
        target = into[i].T @ target
    return [~(h & u) for h, u in zip(heard, used, strict=True)]


def _links(w: np.ndarray) -> np.ndarray:
    return np.any((w != 0).reshape(GATES, -1, w.shape[1]), axis=0)


def _spread(reached: np.ndarray, across: np.ndarray) -> np.ndarray:
    while True:
        further = reached | across @ reached
        if np.array_equal(further, reached):
            return reached
        reached = further
