"""The recogniser against PyTorch's own cell, one frame at a time."""

import torch
from torch import nn

from l1demo.model import Recogniser, build
from l1demo.spec import RunSpec


def test_logits_are_the_linear_map_of_the_mean_of_an_lstm_cell_s_outputs():
    torch.manual_seed(0)
    model = Recogniser(20, 16, 1, 5)
    cell = nn.LSTMCell(20, 16)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in model.lstm.state_dict().items()})
    x, lengths = torch.randn(3, 8, 20), torch.tensor([8, 3, 1])
    found = model(x, lengths)
    for i, length in enumerate(lengths):
        h, c, outputs = torch.zeros(1, 16), torch.zeros(1, 16), []
        for t in range(length):
            h, c = cell(x[i : i + 1, t], (h, c))
            outputs.append(h)
        assert torch.allclose(found[i], model.out(torch.stack(outputs).mean(0))[0], atol=1e-5)


def test_what_follows_a_clip_s_end_changes_nothing():
    torch.manual_seed(0)
    model = Recogniser(20, 16, 2, 5)
    x, lengths = torch.randn(2, 8, 20), torch.tensor([8, 3])
    other = x.clone()
    other[1, 3:] = 1e3
    assert torch.equal(model(x, lengths)[1], model(other, lengths)[1])


def test_the_first_weights_are_the_seed_s_whatever_lam_is_and_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    first, second = build(RunSpec(seed=3), 10), build(RunSpec(seed=3).with_values(lam=0.5), 10)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.out.weight, build(RunSpec(seed=4), 10).out.weight)


def test_weights_are_all_matrices_and_no_bias():
    model = Recogniser(20, 16, 2, 5)
    biases = {name for name, _p in model.named_parameters() if "bias" in name}
    assert set(model.weights()) == {name for name, _p in model.named_parameters()} - biases
