"""What is asked of the weights besides a small loss: λΣ|w|, λΣw² and group lasso, each with its value, proximal map and residual.

λ lives in the penalty, never in the solver. Group lasso sees weights as matrices whose rows are its groups; ``take`` and ``put`` go
there and back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

NEWTON_STEPS, ROUNDING = 20, 1e-9  # far more than ever needed, and a length that a float32 cannot tell from 1


class Penalty(Protocol):
    """A convex function of the weights, to be added to the data loss."""

    @property
    def lam(self) -> float: ...

    def value(self, w: torch.Tensor) -> torch.Tensor:
        """Return the penalty of a weight matrix, a scalar."""
        ...

    def prox(self, w: torch.Tensor, step: torch.Tensor | float) -> torch.Tensor:
        """Return argmin_u Σ½(u - w)² / step + penalty(u); ``step`` has w's shape or is a scalar."""
        ...

    def subdiff_distance(self, w: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
        """Return how far -grad is from the penalty's subdifferential at w, for each weight or group: 0 everywhere at an optimum."""
        ...


@dataclass(frozen=True)
class L1:
    """λ Σ|w|."""

    lam: float

    def value(self, w: torch.Tensor) -> torch.Tensor:
        return self.lam * w.abs().sum()

    def prox(self, w: torch.Tensor, step: torch.Tensor | float) -> torch.Tensor:
        """Soft threshold: move every weight by ``step`` λ towards 0, and stop there."""
        threshold = self.lam * step
        return w - torch.clamp(w, -threshold, threshold)  # type: ignore[arg-type]

    def subdiff_distance(self, w: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
        at_zero = (grad.abs() - self.lam).clamp(min=0)
        return torch.where(w == 0, at_zero, (grad + self.lam * w.sign()).abs())


@dataclass(frozen=True)
class L2:
    """λ Σw²."""

    lam: float

    def value(self, w: torch.Tensor) -> torch.Tensor:
        return self.lam * w.square().sum()

    def prox(self, w: torch.Tensor, step: torch.Tensor | float) -> torch.Tensor:
        """Shrink every weight by the factor 1 / (1 + 2 ``step`` λ): smaller, never 0."""
        return w / (1 + 2 * self.lam * step)

    def subdiff_distance(self, w: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
        return (grad + 2 * self.lam * w).abs()


@dataclass(frozen=True)
class GroupLasso:
    """λ Σ √n ‖w_g‖₂ over groups of n weights, one in each row: all of a group is 0, or none of it.

    References
    ----------
    M. Yuan and Y. Lin, "Model selection and estimation in regression with grouped variables", J. R. Stat. Soc. B 68 (2006).
    """

    lam: float

    def value(self, w: torch.Tensor) -> torch.Tensor:
        return self._each(w) * w.norm(dim=1).sum()

    def prox(self, w: torch.Tensor, step: torch.Tensor | float) -> torch.Tensor:
        """Shrink every group, or set it to 0.

        With a step d of its own for each weight, a group that stays is u = w θ / (θ + λ√n d), and its length θ is the root of
        ‖w / (θ + λ√n d)‖ = 1: a secular equation, for which Newton's method on the reciprocal rises to the root without passing it.

        References
        ----------
        J. J. Moré and D. C. Sorensen, "Computing a trust region step", SIAM J. Sci. Stat. Comput. 4 (1983), eq. 3.10 and below.
        """
        w64 = w.double()
        pull = self._each(w) * torch.as_tensor(step, dtype=torch.float64).expand_as(w64)  # (J, n)
        theta = torch.zeros(len(w), 1, dtype=torch.float64)
        for _newton in range(NEWTON_STEPS):
            part = theta + pull
            square = (w64 / part).square()
            length = square.sum(1, keepdim=True).sqrt()
            if not bool((length > 1 + ROUNDING).any()):
                break
            slope = (square / part).sum(1, keepdim=True) / length.clamp(min=1e-300)
            theta = torch.where(length > 1, theta + length * (length - 1) / slope.clamp(min=1e-300), theta)
        return (w64 * theta / (theta + pull)).to(w.dtype)

    def subdiff_distance(self, w: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
        """Return for each group (J,) its distance, divided by √n to be comparable with a weight's."""
        length, each = w.norm(dim=1, keepdim=True), self._each(w)
        at_zero = (grad.norm(dim=1) - each).clamp(min=0)
        inside = (grad + each * w / length.clamp(min=1e-30)).norm(dim=1)
        return torch.where(length[:, 0] == 0, at_zero, inside) / w.shape[1] ** 0.5

    def _each(self, w: torch.Tensor) -> float:
        return self.lam * w.shape[1] ** 0.5


def make(kind: str, lam: float) -> Penalty | None:
    """Return the penalty of a kind, as ``spec`` names it; None where there is none or λ is 0."""
    if kind == "none" or lam == 0:
        return None
    return {"l1": L1, "l2": L2, "group": GroupLasso}[kind](lam)


def take(tensors: Sequence[torch.Tensor], units: Sequence[torch.Tensor] = ()) -> list[torch.Tensor]:
    """Return tensors as a penalty sees them: as they are, or with ``model.units()`` one matrix a layer, a unit in each row."""
    if not units:
        return list(tensors)
    flat = torch.cat([t.flatten() for t in tensors])
    return [flat[index] for index in units]


def put(parts: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], units: Sequence[torch.Tensor] = ()) -> None:
    """Write what ``take`` returned back into the tensors."""
    if units:
        flat = torch.cat([t.flatten() for t in tensors])
        for index, part in zip(units, parts, strict=True):
            flat[index] = part
        parts = [part.view_as(t) for part, t in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True)]
    for t, part in zip(tensors, parts, strict=True):
        t.copy_(part)


@torch.no_grad()
def proximal_step(
    penalty: Penalty,
    optimizer: torch.optim.Optimizer,
    weights: Sequence[nn.Parameter],
    units: Sequence[torch.Tensor] = (),
    scaled: bool = True,
) -> None:
    """Apply the proximal map right after ``optimizer.step()``, in the metric of that step.

    Adam divides each weight's step by √v̂ + ε, so the map's step is lr / (√v̂ + ε) for that weight. With a step of plain lr the
    iteration would settle at the optimum of another problem: the fixed point of w = prox(w - D g, D) has -g in the
    subdifferential only when gradient and map share the same D. SGD's D is lr itself.

    Parameters
    ----------
    penalty : Penalty
    optimizer : torch.optim.Optimizer
        Adam or SGD with one parameter group; it has made at least one step.
    weights : sequence of nn.Parameter
    units : sequence of torch.Tensor
        Groups, as for ``take``.
    scaled : bool
        False for the wrong step of plain lr after Adam, which the lesson on methods shows.

    References
    ----------
    J. Yun, A. C. Lozano and E. Yang, "Adaptive proximal gradient methods for structured neural networks", NeurIPS 2021.
    """
    group = optimizer.param_groups[0]
    adam = scaled and isinstance(optimizer, torch.optim.Adam)
    steps = [_adam_step(optimizer.state[w], group) if adam else torch.full_like(w, group["lr"]) for w in weights]
    moved = [penalty.prox(w, step) for w, step in zip(take(weights, units), take(steps, units), strict=True)]
    put(moved, weights, units)


def _adam_step(state: dict[str, torch.Tensor], group: dict) -> torch.Tensor:
    correction = 1 - group["betas"][1] ** float(state["step"])
    return group["lr"] / (state["exp_avg_sq"] / correction).sqrt_().add_(group["eps"])
