"""Every form against what was written, against arithmetic, and against torch's own CSR."""

import struct

import numpy as np
import pytest
import torch

from l1demo import forms
from l1demo.model import Recogniser


def masked(layers: int, zeros: float) -> Recogniser:
    torch.manual_seed(0)
    model = Recogniser(20, 24, layers, 5)
    with torch.no_grad():
        for w in model.weights().values():
            w[torch.rand(w.shape) < zeros] = 0
    return model


@pytest.mark.parametrize("form", forms.FORMS)
@pytest.mark.parametrize("zeros", [0.0, 0.7, 0.99, 1.0])
def test_each_form_is_read_back_bit_for_bit(form: str, zeros: float) -> None:
    weights = forms.matrices(masked(2, zeros))
    data = forms.pack(form, weights)
    back = forms.unpack(form, data, {name: w.shape for name, w in weights.items()})
    assert list(back) == list(weights)
    assert all(back[name].tobytes() == w.tobytes() and back[name].shape == w.shape for name, w in weights.items())


def test_the_sizes_are_those_of_the_arithmetic() -> None:
    weights = forms.matrices(masked(1, 0.9))
    left, size = (sum(f(w) for w in weights.values()) for f in (np.count_nonzero, np.size))
    rows = sum(len(w) + 1 for w in weights.values())
    assert len(forms.pack("dense", weights)) == 4 * size
    assert len(forms.pack("csr32", weights)) == 8 * left + 4 * rows
    assert len(forms.pack("csr16", weights)) == 6 * left + 4 * rows
    assert len(forms.pack("bitmask", weights)) == sum(-(-w.size // 8) for w in weights.values()) + 4 * left
    assert forms.pack("gzip", weights)[:2] == b"\x1f\x8b"


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_csr_is_that_of_torch() -> None:
    w = forms.matrices(masked(1, 0.8))["lstm.weight_hh_l0"]
    csr = torch.from_numpy(w).to_sparse_csr()
    parts = (csr.crow_indices().int(), csr.col_indices().int(), csr.values())
    assert forms.pack("csr32", {"w": w}) == b"".join(part.numpy().tobytes() for part in parts)


def test_a_zero_with_a_minus_sign_is_a_zero() -> None:
    model = masked(1, 0.5)
    with torch.no_grad():
        model.out.weight[0, 0] = -0.0
    w = forms.matrices(model)["out.weight"]
    assert struct.pack("<f", w[0, 0]) == bytes(4)
    assert len(forms.pack("bitmask", {"w": w})) == -(-w.size // 8) + 4 * np.count_nonzero(w)
