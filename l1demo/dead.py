"""Which hidden units carry nothing from the sound to a word, read off the zeros of weights: of a network, or of a film's frame."""

from collections.abc import Mapping

import numpy as np

from l1demo.gates import GATES


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
    return [~(reached & told) for reached, told in zip(heard(weights), used(weights), strict=True)]


def heard(weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Find the units that the sound reaches; as ``dead_units``."""
    found, source = [], np.ones(weights["lstm.weight_ih_l0"].shape[1], bool)
    for into, across in _links(weights):
        source = _spread(into @ source, across)
        found.append(source)
    return found


def used(weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Find the units that reach a word; as ``dead_units``."""
    found, target = [], np.any(weights["out.weight"] != 0, axis=0)  # (H,)
    for into, across in reversed(_links(weights)):
        target = _spread(target, across.T)
        found.append(target)
        target = into.T @ target
    return found[::-1]


def _links(weights: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    layers = range(sum(name.startswith("lstm.weight_hh_l") for name in weights))
    names = [(f"lstm.weight_ih_l{layer}", f"lstm.weight_hh_l{layer}") for layer in layers]
    return [(_any_gate(weights[below]), _any_gate(weights[before])) for below, before in names]  # (H, inputs), (H, H): to, from


def _any_gate(w: np.ndarray) -> np.ndarray:
    return np.any((w != 0).reshape(len(GATES), -1, w.shape[1]), axis=0)


def _spread(reached: np.ndarray, across: np.ndarray) -> np.ndarray:
    while True:
        further = reached | across @ reached
        if np.array_equal(further, reached):
            return reached
        reached = further
