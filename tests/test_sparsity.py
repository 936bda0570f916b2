"""Counts against plain arithmetic on the weights, and dead units against what zeroing them changes."""

import numpy as np
import pytest
import torch

from l1demo.model import Recogniser
from l1demo.sparsity import EDGES, alive_units, describe


@pytest.fixture
def sparse() -> Recogniser:
    torch.manual_seed(0)
    model = Recogniser(20, 16, 2, 5)
    with torch.no_grad():
        for i, w in enumerate(model.weights().values()):
            w.mul_(8)
            w[torch.rand(w.shape, generator=torch.Generator().manual_seed(i)) < 0.7] = 0
            w.view(-1)[1] = 5e-4
    return model


def test_counts_are_those_of_numpy(sparse):
    found = describe(sparse)
    flat = np.concatenate([w.detach().numpy().ravel() for w in sparse.weights().values()])
    assert found["exact_zero_fraction"] == (flat == 0).mean()
    assert found["near_zero_fraction"] == (np.abs(flat) < 1e-3).mean()
    assert found["l1_norm"] == pytest.approx(np.abs(flat).sum(), rel=1e-5)
    assert found["l2_norm_squared"] == pytest.approx((flat**2).sum(), rel=1e-5)
    assert found["parameters"] == sum(p.numel() for p in sparse.parameters())


def test_every_weight_stands_once_in_a_bin_or_with_the_zeros(sparse):
    for name, matrix in describe(sparse)["matrices"].items():
        w = sparse.weights()[name].detach().numpy()
        expected, _edges = np.histogram(np.clip(w[w != 0], EDGES[0], EDGES[-1]), EDGES)
        assert abs(np.array(matrix["histogram"]) - expected).sum() <= 2  # a weight within rounding of an edge
        assert sum(matrix["histogram"]) + sum(gate["exact"] for gate in matrix["gates"].values()) == w.size
        assert sum(gate["size"] for gate in matrix["gates"].values()) == w.size


def test_gates_are_counted_in_the_order_of_pytorch_s_rows(sparse):
    with torch.no_grad():
        sparse.lstm.weight_hh_l0[16:32] = 0  # the second of four blocks is the forget gate
    gates = describe(sparse)["matrices"]["lstm.weight_hh_l0"]["gates"]
    assert gates["forget"]["exact"] == 16 * 16
    assert gates["input"]["exact"] < 16 * 16


def test_silencing_the_dead_units_changes_no_answer_to_a_sound_and_silencing_a_live_one_does():
    torch.manual_seed(3)
    model = Recogniser(20, 16, 1, 5)
    with torch.no_grad():
        model.out.weight[:, 2] = 0  # says nothing to a word itself,
        model.lstm.weight_hh_l0[:, 2] = 0
        model.lstm.weight_hh_l0[2, 2] = 1.0  # and only listens to itself
        model.lstm.weight_ih_l0.view(4, 16, 20)[:, 5] = 0  # hears neither sound
        model.lstm.weight_hh_l0.view(4, 16, 16)[:, 5] = 0  # nor any unit
    (alive,) = alive_units(model)
    assert sorted((~alive).nonzero()[:, 0].tolist()) == [2, 5]

    x, lengths = torch.randn(6, 9, 20), torch.full((6,), 9)
    before = model(x, lengths)
    with torch.no_grad():
        model.lstm.weight_ih_l0.view(4, 16, 20)[:, 2] = 7.0  # a dead unit may hear what it likes
    assert torch.allclose(model(x, lengths), before, atol=1e-6)
    with torch.no_grad():
        model.lstm.weight_ih_l0.view(4, 16, 20)[:, 3] = 7.0
    assert not torch.allclose(model(x, lengths), before, atol=1e-3)


def test_a_unit_that_speaks_through_another_is_alive_and_one_that_speaks_to_the_dead_is_dead():
    model = Recogniser(20, 16, 2, 5)
    with torch.no_grad():
        for w in model.weights().values():
            w.zero_()
        model.lstm.weight_ih_l0[0, 4] = 1.0  # sound to unit 0
        model.lstm.weight_hh_l0[1, 0] = 1.0  # to unit 1 a moment later
        model.lstm.weight_ih_l0[2, 4] = 1.0  # sound to unit 2, and no further
        model.lstm.weight_ih_l1[3, 1] = 1.0  # unit 1 to unit 3 of the second layer
        model.out.weight[0, 3] = 1.0  # to a word
    first, second = alive_units(model)
    assert (first).nonzero()[:, 0].tolist() == [0, 1]
    assert (second).nonzero()[:, 0].tolist() == [3]
    assert describe(model)["dead_units"] == [14, 15]
