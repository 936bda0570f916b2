"""Where a training stands between two epochs: all that decides the epochs to come, in memory or as safetensors bytes.

A training that goes on from what was written down gives bit for bit the numbers of one that was never interrupted.
"""

from dataclasses import dataclass, field

import safetensors.torch
import torch

from l1demo.model import Recogniser, build
from l1demo.spec import RunSpec


@dataclass
class State:
    """A training between two epochs.

    Attributes
    ----------
    model : Recogniser
    optimizer : torch.optim.Optimizer
    generator : torch.Generator
        Draws the order of clips and the augmentation.
    epoch : int
        Epochs done.
    stops : list of dict
        On a λ path the model's ``state_dict`` at the end of each λ so far.
    """

    model: Recogniser
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    epoch: int = 0
    stops: list[dict[str, torch.Tensor]] = field(default_factory=list)


def begin(spec: RunSpec, words: int) -> State:
    """Return the state before the first epoch: the weights that ``spec.seed`` gives, whatever λ is."""
    model = build(spec, words)
    kind = torch.optim.SGD if spec.penalty.method == "sgd" else torch.optim.Adam
    return State(model, kind(model.parameters(), lr=spec.training.lr), torch.Generator().manual_seed(spec.seed))


def dump(state: State) -> bytes:
    """Write a state as safetensors: nothing in it is run when it is read."""
    tensors = {f"model/{name}": w for name, w in state.model.state_dict().items()}
    tensors |= {f"stop{i}/{name}": w for i, stop in enumerate(state.stops) for name, w in stop.items()}
    for i, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"moment{i}/{name}": value for name, value in moments.items()}
    tensors["generator"] = state.generator.get_state()
    tensors["epoch"] = torch.tensor(state.epoch)
    return safetensors.torch.save(tensors)


def load(spec: RunSpec, words: int, data: bytes) -> State:
    """Read ``dump``'s bytes for a description with the same network, which may name another λ from here on.

    Raises
    ------
    safetensors.SafetensorError, KeyError, RuntimeError
        For bytes of another form or network: they come from this lab's own store.
    """
    tensors = safetensors.torch.load(data)
    state = begin(spec, words)
    state.model.load_state_dict(_named(tensors, "model"))
    moments = {i: _named(tensors, f"moment{i}") for i in range(len(list(state.model.parameters())))}
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": {i: m for i, m in moments.items() if m}, "param_groups": groups})
    state.generator.set_state(tensors["generator"])
    state.epoch = int(tensors["epoch"])
    while stop := _named(tensors, f"stop{len(state.stops)}"):
        state.stops.append(stop)
    return state


def _named(tensors: dict[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}
