"""What the weights look like: exact zeros, near zeros, ‖W‖₁ and a histogram of each matrix and gate; which units are dead."""

from typing import Any

import numpy as np
import torch

from l1demo.model import GATES, Recogniser

NEAR = 1e-3
EDGES = np.linspace(-1.0, 1.0, 81)  # the outermost bins also hold what lies beyond them


@torch.no_grad()
def describe(model: Recogniser) -> dict[str, Any]:
    """Count the weights by size.

    Returns
    -------
    dict
        ``parameters``, ``exact_zero_fraction`` (w == 0), ``near_zero_fraction`` (|w| < 1e-3, exact zeros among them), ``l1_norm``,
        ``l2_norm_squared``, ``units`` and ``dead_units``, one number a layer each, and ``matrices``: for each name the ``shape``,
        ``histogram`` (80 counts between ``EDGES``, exact zeros left out) and, for each gate (or the whole), ``size``, ``exact``,
        ``near`` and ``l1``.
    """
    matrices = {name: _matrix(name, w) for name, w in model.weights().items()}
    rows = [gate for matrix in matrices.values() for gate in matrix["gates"].values()]
    size = sum(row["size"] for row in rows)
    alive = alive_units(model)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "exact_zero_fraction": sum(row["exact"] for row in rows) / size,
        "near_zero_fraction": sum(row["near"] for row in rows) / size,
        "l1_norm": sum(row["l1"] for row in rows),
        "l2_norm_squared": float(sum(w.square().sum() for w in model.weights().values())),
        "units": [len(layer) for layer in alive],
        "dead_units": [int((~layer).sum()) for layer in alive],
        "matrices": matrices,
    }


@torch.no_grad()
def alive_units(model: Recogniser) -> list[torch.Tensor]:
    """Find the hidden units that carry sound to a word.

    A unit is alive when a path of non-zero weights leads from the input through it to the output, over any number of time
    steps. All others are dead: what they do never depends on the sound, or never reaches a word.

    Returns
    -------
    list of torch.Tensor, bool, shape (H,)
        One a layer.
    """
    return [heard & used for heard, used in zip(heard_units(model), used_units(model), strict=True)]


@torch.no_grad()
def heard_units(model: Recogniser) -> list[torch.Tensor]:
    """Find the hidden units that the sound reaches by non-zero weights, over any number of time steps.

    Returns
    -------
    list of torch.Tensor, bool, shape (H,)
        One a layer.
    """
    heard, source = [], torch.ones(model.lstm.input_size, dtype=torch.bool)
    for into, across in _links(model):
        source = _spread((into & source).any(1), across)
        heard.append(source)
    return heard


@torch.no_grad()
def used_units(model: Recogniser) -> list[torch.Tensor]:
    """Find the hidden units from which non-zero weights lead to a word, over any number of time steps.

    Returns
    -------
    list of torch.Tensor, bool, shape (H,)
        One a layer.
    """
    used, target = [], (model.out.weight != 0).any(0)  # (H,)
    for into, across in reversed(_links(model)):
        target = _spread(target, across.T)
        used.append(target)
        target = (into & target[:, None]).any(0)
    return used[::-1]


def _links(model: Recogniser) -> list[tuple[torch.Tensor, torch.Tensor]]:
    lstm = model.lstm
    return [
        (
            (getattr(lstm, f"weight_ih_l{layer}") != 0).view(4, lstm.hidden_size, -1).any(0),  # (H, inputs): to, from
            (getattr(lstm, f"weight_hh_l{layer}") != 0).view(4, lstm.hidden_size, -1).any(0),  # (H, H): to, from
        )
        for layer in range(lstm.num_layers)
    ]


def _spread(reached: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    while True:
        further = reached | (across & reached).any(1)
        if torch.equal(further, reached):
            return reached
        reached = further


def _matrix(name: str, w: torch.Tensor) -> dict[str, Any]:
    gates = GATES if name.startswith("lstm") else ("all",)
    parts = w.view(len(gates), -1)  # (G, size of a gate)
    size = parts.abs()
    exact, near, l1 = (parts == 0).sum(1).tolist(), (size < NEAR).sum(1).tolist(), size.sum(1).tolist()
    counts = torch.histc(w.clamp(EDGES[0], EDGES[-1]), len(EDGES) - 1, EDGES[0], EDGES[-1])
    counts[len(counts) // 2] -= sum(exact)  # 0 opens the bin on its right
    return {
        "shape": list(w.shape),
        "histogram": counts.int().tolist(),
        "gates": {gate: {"size": parts.shape[1], "exact": exact[i], "near": near[i], "l1": l1[i]} for i, gate in enumerate(gates)},
    }
