"""Dead units read off the zeros of weights, against those of the network itself."""

import numpy as np
import pytest
import torch

from l1demo import film, model, sparsity
from l1demo.dead import dead_units
from l1demo.spec import RunSpec


@pytest.mark.parametrize("layers", [1, 2])
def test_the_units_that_are_dead_are_those_of_the_network(layers: int) -> None:
    generator = torch.Generator().manual_seed(layers)
    found = set()
    for kept in (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 1.0):
        recogniser = model.build(RunSpec().with_values(hidden=16, mels=20, layers=layers), 10)
        with torch.no_grad():
            for w in recogniser.weights().values():
                w.mul_(torch.rand(w.shape, generator=generator) < kept)
        weights = {name: w.detach().numpy() for name, w in recogniser.weights().items()}
        expected = [~alive.numpy() for alive in sparsity.alive_units(recogniser)]
        for given in (weights, film.unpack(film.frame(weights))):
            assert all(np.array_equal(a, b) for a, b in zip(dead_units(given), expected, strict=True))
        found.add(tuple(int(dead.sum()) for dead in expected))
    assert len(found) > 3, "too few cases that differ"
