"""The proximal step against FISTA on a convex twin, closed forms and the optimality residual."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from l1demo.penalties import L1, L2, make, proximal_step
from l1demo.spec import PenaltySpec

CLASSES, INPUTS, CLIPS = 3, 12, 80  # an odd number of classes: with an even one the L1 minimum of a softmax is no single point


@pytest.fixture
def regression() -> tuple[torch.Tensor, torch.Tensor]:
    """Multinomial logistic regression: convex, so that its L1-penalised minimum is known from any good solver."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(CLIPS, INPUTS, generator=generator, dtype=torch.float64)
    truth = torch.randn(INPUTS, CLASSES, generator=generator, dtype=torch.float64)
    truth[4:] = 0  # most inputs say nothing
    return x, (x @ truth + 0.3 * torch.randn(CLIPS, CLASSES, generator=generator, dtype=torch.float64)).argmax(1)


def fista(x: torch.Tensor, y: torch.Tensor, lam: float, steps: int = 1500) -> torch.Tensor:
    """Beck and Teboulle 2009, with the step that the Lipschitz constant of the logistic loss allows."""
    step = 1 / (0.5 * float(torch.linalg.matrix_norm(x, 2)) ** 2 / len(x))
    w = z = torch.zeros(CLASSES, INPUTS, dtype=torch.float64)
    t = 1.0
    for _ in range(steps):
        point = z.clone().requires_grad_()
        (grad,) = torch.autograd.grad(functional.cross_entropy(x @ point.T, y), point)
        moved = z - step * grad
        new = torch.sign(moved) * torch.clamp(moved.abs() - step * lam, min=0)
        t_new = (1 + (1 + 4 * t * t) ** 0.5) / 2
        w, z, t = new, new + (t - 1) / t_new * (new - w), t_new
    return w


def objective(w: torch.Tensor, x: torch.Tensor, y: torch.Tensor, lam: float) -> float:
    return float(functional.cross_entropy(x @ w.T, y) + lam * w.abs().sum())


def proximal_adam(x: torch.Tensor, y: torch.Tensor, lam: float, scaled: bool = True) -> nn.Parameter:
    w = nn.Parameter(torch.full((CLASSES, INPUTS), 0.1, dtype=torch.float64))
    optimizer = torch.optim.Adam([w], lr=0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.998)
    for _ in range(3000):
        optimizer.zero_grad()
        functional.cross_entropy(x @ w.T, y).backward()
        optimizer.step()
        if scaled:
            proximal_step(L1(lam), optimizer, [w])
        else:
            with torch.no_grad():
                w.copy_(L1(lam).prox(w, optimizer.param_groups[0]["lr"]))
        schedule.step()
    return w


@pytest.mark.parametrize("lam", [0.03, 0.08])
def test_proximal_adam_finds_the_minimum_and_the_zeros_that_fista_finds(regression, lam):
    x, y = regression
    reference, found = fista(x, y, lam), proximal_adam(x, y, lam).detach()
    assert objective(found, x, y, lam) == pytest.approx(objective(reference, x, y, lam), abs=1e-8)
    assert torch.equal(found == 0, reference == 0)
    assert 0.2 < float((found == 0).double().mean()) < 1


def test_the_optimality_residual_is_small_at_the_minimum_and_tells_the_unscaled_threshold_apart(regression):
    x, y = regression
    lam = 0.05

    def residual(w: torch.Tensor) -> float:
        point = w.detach().clone().requires_grad_()
        (grad,) = torch.autograd.grad(functional.cross_entropy(x @ point.T, y), point)
        return float(L1(lam).subdiff_distance(point.detach(), grad).max())

    assert residual(fista(x, y, lam)) < 1e-6
    assert residual(proximal_adam(x, y, lam)) < 1e-4
    assert residual(proximal_adam(x, y, lam, scaled=False)) > 100 * residual(proximal_adam(x, y, lam))


@pytest.mark.parametrize("penalty", [L1(0.3), L2(0.3)])
def test_prox_is_the_minimiser_that_a_fine_grid_finds(penalty):
    grid = torch.linspace(-3, 3, 60_001, dtype=torch.float64)
    size = grid.abs() if isinstance(penalty, L1) else grid.square()
    for start in (-2.0, -0.1, 0.0, 0.2, 1.7):
        w, step = torch.tensor(start, dtype=torch.float64), 0.8
        cost = 0.5 * (grid - w) ** 2 / step + size * penalty.lam
        assert float(penalty.prox(w, step)) == pytest.approx(float(grid[cost.argmin()]), abs=2e-4)


@pytest.mark.parametrize("penalty", [L1(0.3), L2(0.3)])
def test_the_residual_agrees_with_the_penalty_s_derivative_away_from_0(penalty):
    w = torch.tensor([0.5, -2.0, 1e-3], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(penalty.value(w), w)
    assert torch.allclose(penalty.subdiff_distance(w.detach(), -slope), torch.zeros(3, dtype=torch.float64))
    assert torch.allclose(penalty.subdiff_distance(w.detach(), -slope + 0.1), torch.full((3,), 0.1, dtype=torch.float64))


def test_at_zero_l1_allows_every_gradient_up_to_lam():
    grad = torch.tensor([0.0, 0.29, -0.3, 0.5])
    assert torch.allclose(L1(0.3).subdiff_distance(torch.zeros(4), grad), torch.tensor([0.0, 0.0, 0.0, 0.2]))


def test_no_penalty_and_lam_0_are_the_same_nothing():
    assert make(PenaltySpec(kind="none", lam=1.0)) is None
    assert make(PenaltySpec(kind="l1", lam=0.0)) is None
    assert make(PenaltySpec(kind="l2", lam=0.5)) == L2(0.5)
