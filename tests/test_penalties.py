"""The proximal maps against FISTA on a convex twin, closed forms and optimality conditions."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from l1demo.model import build
from l1demo.penalties import L1, L2, GroupLasso, make, proximal_step, put, take
from l1demo.spec import RunSpec

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
    assert make("none", 1.0) is None
    assert make("l1", 0.0) is None
    assert make("l2", 0.5) == L2(0.5)
    assert make("group", 0.5) == GroupLasso(0.5)


def test_group_lasso_with_one_step_is_block_soft_thresholding():
    w = torch.randn(50, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.linspace(0, 1, 50)[:, None]
    length = w.norm(dim=1, keepdim=True)
    expected = w * (1 - 0.4 * 0.8 * 3 / length).clamp(min=0)  # Yuan and Lin 2006, eq. 2.4
    found = GroupLasso(0.4).prox(w, 0.8)
    assert torch.allclose(found, expected, atol=1e-12)
    assert torch.equal((found == 0).all(1), length[:, 0] <= 0.4 * 0.8 * 3)
    assert 0 < float((found == 0).all(1).double().mean()) < 1


@pytest.mark.parametrize("spread", [0.1, 3.0])  # of the steps' logarithms: Adam's differ by orders of magnitude
def test_the_group_prox_with_a_step_for_each_weight_meets_the_optimality_condition(spread):
    generator = torch.Generator().manual_seed(1)
    w = torch.randn(200, 30, generator=generator, dtype=torch.float64) * torch.logspace(-3, 1, 200)[:, None]
    step = torch.exp(spread * torch.randn(200, 30, generator=generator, dtype=torch.float64))
    penalty = GroupLasso(0.25)
    u = penalty.prox(w, step)
    assert float(penalty.subdiff_distance(u, (u - w) / step).max()) < 1e-7
    gone = (u == 0).all(1)
    assert torch.equal(gone, (u == 0).any(1)) and 0 < int(gone.sum()) < 200


def test_the_group_residual_agrees_with_the_derivative_away_from_0_and_allows_a_ball_at_0():
    w = torch.randn(4, 9, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(GroupLasso(0.3).value(w), w)
    assert torch.allclose(GroupLasso(0.3).subdiff_distance(w.detach(), -slope), torch.zeros(4, dtype=torch.float64))
    grad = torch.zeros(1, 9)
    grad[0, 0] = 0.3 * 3 + 0.6
    assert torch.allclose(GroupLasso(0.3).subdiff_distance(torch.zeros(1, 9), grad), torch.tensor([0.6 / 3]))


def test_weights_taken_by_units_and_put_back_are_the_same_and_each_is_one_unit_s():
    recogniser = build(RunSpec().with_values(hidden=16, layers=2, mels=20), 5)
    weights = [w.detach() for w in recogniser.weights().values()]
    units = recogniser.units()
    assert [len(index) for index in units] == [16, 16]
    assert torch.equal(torch.cat([index.flatten() for index in units]).sort().values, torch.arange(sum(w.numel() for w in weights)))
    before = [w.clone() for w in weights]
    parts = take(weights, units)
    put([2 * part for part in parts], weights, units)
    assert all(torch.equal(now, 2 * w) for now, w in zip(weights, before, strict=True))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_unit_whose_group_is_0_changes_no_word(layers):
    recogniser = build(RunSpec().with_values(hidden=16, layers=layers, mels=20), 5)
    x, lengths = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(0)), torch.tensor([12, 7, 1])
    units = recogniser.units()
    with torch.no_grad():
        weights = list(recogniser.weights().values())
        parts = take(weights, units)
        for part in parts:
            part[::2] = 0
        put(parts, weights, units)
        before = recogniser(x, lengths)
        for layer in range(layers):
            for bias in (getattr(recogniser.lstm, f"bias_{side}_l{layer}") for side in ("ih", "hh")):
                bias.view(4, 16)[:, ::2] += 3.0  # whatever such a unit does, nobody listens
        assert torch.equal(recogniser(x, lengths), before)


@pytest.mark.parametrize("scaled", [True, False])
def test_the_map_s_step_is_adam_s_own_unless_the_wrong_one_is_asked_for(scaled):
    w = nn.Parameter(torch.tensor([1.0, 2.0, -3.0], dtype=torch.float64))
    optimizer = torch.optim.Adam([w], lr=0.01)
    w.grad = torch.tensor([0.5, 4.0, -0.1], dtype=torch.float64)
    optimizer.step()
    moved = w.detach().clone()
    proximal_step(L1(0.2), optimizer, [w], scaled=scaled)
    pull = 0.01 / (w.grad.abs() + 1e-8) if scaled else torch.full((3,), 0.01, dtype=torch.float64)  # after one step √v̂ is |g|
    assert torch.allclose(w.detach(), moved - 0.2 * pull * moved.sign(), atol=1e-9)


def test_after_sgd_the_map_s_step_is_the_learning_rate():
    w = nn.Parameter(torch.tensor([1.0, 0.001]))
    optimizer = torch.optim.SGD([w], lr=0.1)
    w.grad = torch.zeros(2)
    optimizer.step()
    proximal_step(L1(0.2), optimizer, [w])
    assert w.tolist() == pytest.approx([0.98, 0.0]) and w[1] == 0
