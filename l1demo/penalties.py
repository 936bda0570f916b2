"""What is asked of the weights besides a small loss: λΣ|w| and λΣw², each with its value, proximal map and optimality residual.

λ lives in the penalty, never in the solver.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from l1demo.spec import PenaltySpec


class Penalty(Protocol):
    """A convex function of the weights, to be added to the data loss."""

    def value(self, w: torch.Tensor) -> torch.Tensor:
        """Return the penalty of a weight matrix, a scalar."""
        ...

    def prox(self, w: torch.Tensor, step: torch.Tensor | float) -> torch.Tensor:
        """Return argmin_u ½(u - w)² / step + penalty(u), weight by weight; ``step`` has w's shape or is a scalar."""
        ...

    def subdiff_distance(self, w: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
        """Return how far -grad is from the penalty's subdifferential at w, weight by weight: 0 everywhere at an optimum."""
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


def make(spec: PenaltySpec) -> Penalty | None:
    """Return the penalty that a run asks for; None where there is none or λ is 0."""
    if spec.kind == "none" or spec.lam == 0:
        return None
    return {"l1": L1, "l2": L2}[spec.kind](spec.lam)


@torch.no_grad()
def proximal_step(penalty: Penalty, optimizer: torch.optim.Adam, weights: Iterable[nn.Parameter]) -> None:
    """Apply the proximal map in the metric of Adam's own step, right after ``optimizer.step()``.

    Adam divides each weight's step by √v̂ + ε, so the map's step is lr / (√v̂ + ε) for that weight. With a step of plain lr the
    iteration would settle at the optimum of another problem: the fixed point of w = prox(w - D g, D) has -g in the
    subdifferential only when gradient and map share the same D.

    Parameters
    ----------
    penalty : Penalty
    optimizer : torch.optim.Adam
        With one parameter group; it has made at least one step.
    weights : iterable of nn.Parameter

    References
    ----------
    J. Yun, A. C. Lozano and E. Yang, "Adaptive proximal gradient methods for structured neural networks", NeurIPS 2021.
    """
    group = optimizer.param_groups[0]
    for w in weights:
        state = optimizer.state[w]
        correction = 1 - group["betas"][1] ** float(state["step"])
        scale = (state["exp_avg_sq"] / correction).sqrt_().add_(group["eps"])
        w.copy_(penalty.prox(w, group["lr"] / scale))
