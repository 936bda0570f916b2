"""What the weights look like: exact zeros, near zeros, ‖W‖₁ and a histogram of each matrix and gate; which units are dead."""

from typing import Any

import numpy as np
import torch

from l1demo import dead
from l1demo.gates import GATES
from l1demo.model import Recogniser

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


def heard_units(model: Recogniser) -> list[torch.Tensor]:
    """Find the hidden units that the sound reaches, as ``alive_units`` returns them."""
    return [torch.from_numpy(units) for units in dead.heard(_plain(model))]


def used_units(model: Recogniser) -> list[torch.Tensor]:
    """Find the hidden units that reach a word, as ``alive_units`` returns them."""
    return [torch.from_numpy(units) for units in dead.used(_plain(model))]


def _plain(model: Recogniser) -> dict[str, np.ndarray]:
    return {name: w.detach().numpy() for name, w in model.weights().items()}


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
