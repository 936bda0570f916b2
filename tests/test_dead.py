"""Dead units against the transitive closure of all links, of networks and of a film's frames."""

import numpy as np
import pytest

from l1demo import film
from l1demo.dead import dead_units, heard, used

INPUTS, HIDDEN, WORDS = 5, 12, 3


def network(layers: int, kept: float, random: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {f"lstm.weight_ih_l{layer}": (4 * HIDDEN, INPUTS if layer == 0 else HIDDEN) for layer in range(layers)}
    shapes |= {f"lstm.weight_hh_l{layer}": (4 * HIDDEN, HIDDEN) for layer in range(layers)} | {"out.weight": (WORDS, HIDDEN)}
    return {name: (random.normal(size=shape) * (random.random(shape) < kept)).astype(np.float32) for name, shape in shapes.items()}


def closure(weights: dict[str, np.ndarray], layers: int) -> np.ndarray:
    """Which node is reached from which, (to, from): inputs, then the units layer by layer, then the words."""
    size = INPUTS + layers * HIDDEN + WORDS
    link = np.eye(size, dtype=int)
    for layer in range(layers):
        to = slice(INPUTS + layer * HIDDEN, INPUTS + (layer + 1) * HIDDEN)
        below = slice(0, INPUTS) if layer == 0 else slice(to.start - HIDDEN, to.start)
        for gate in range(4):
            rows = slice(gate * HIDDEN, (gate + 1) * HIDDEN)
            link[to, below] |= weights[f"lstm.weight_ih_l{layer}"][rows] != 0
            link[to, to] |= weights[f"lstm.weight_hh_l{layer}"][rows] != 0
    link[size - WORDS :, size - WORDS - HIDDEN : size - WORDS] |= weights["out.weight"] != 0
    for _squaring in range(8):
        link = (link @ link > 0).astype(int)
    return link.astype(bool)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_unit_is_heard_used_or_dead_as_the_closure_of_all_links_says(layers: int) -> None:
    random, found = np.random.default_rng(layers), set()
    for kept in (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 1.0):
        weights = network(layers, kept, random)
        reach = closure(weights, layers)
        for given in (weights, film.unpack(film.frame(weights))):
            for layer in range(layers):
                units = slice(INPUTS + layer * HIDDEN, INPUTS + (layer + 1) * HIDDEN)
                from_sound, to_word = reach[units, :INPUTS].any(1), reach[-WORDS:, units].any(0)
                assert np.array_equal(heard(given)[layer], from_sound)
                assert np.array_equal(used(given)[layer], to_word)
                assert np.array_equal(dead_units(given)[layer], ~(from_sound & to_word))
                found.add((layer, int((from_sound & to_word).sum())))
    assert len(found) > 3, "too few cases that differ"
