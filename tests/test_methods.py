"""The lesson on methods: what its seven runs share, what is said of their numbers, and that what it says of the methods is so."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from l1demo import charts, checkpoint, methods, penalties, training
from l1demo.features import Frames
from l1demo.methods import LESSON, METHODS
from l1demo.spec import RunSpec
from l1demo.store import DONE, RUNNING, Run

LAM = 3e-3


@pytest.fixture(scope="module")
def data() -> training.Dataset:
    """Three made words: noise whose power stands in the low, the middle or the high bands."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3
    x = torch.randn(120, 12, 20, generator=generator)
    for word in range(3):
        x[labels == word, :, 7 * word : 7 * word + 6] += 1.0
    frames = Frames(x, torch.full((120,), 12), labels)
    return training.Dataset(frames, frames, ("low", "middle", "high"))


@pytest.fixture(scope="module")
def runs(data) -> dict[str, Run]:
    """The seven, with a smaller network."""
    small = {key: spec.with_values(hidden=16, mels=20, epochs=10) for key, spec in methods.descriptions(LAM, 0).items()}
    return {key: Run(spec.id, spec, state=DONE, rows=tuple(training.train(spec, data))) for key, spec in small.items()}


def changed(run: Run, **values: Any) -> Run:
    return replace(run, rows=(*run.rows[:-1], run.rows[-1] | values))


def test_the_seven_differ_in_nothing_but_their_method() -> None:
    specs = methods.descriptions(LAM, 5)
    assert list(specs) == list(METHODS) and len({spec.id for spec in specs.values()}) == 7
    alike = {"penalty": "l1", "method": "proximal", "lr": LESSON.training.lr}
    assert {spec.with_values(**alike) for spec in specs.values()} == {LESSON.with_values(lam=LAM, seed=5)}
    assert not LESSON.training.augment
    assert [key for key, spec in specs.items() if spec.training.lr != LESSON.training.lr] == ["sgd"]


def test_a_trace_of_the_lesson_misses_no_step() -> None:
    assert math.ceil(LESSON.corpus.train_clips / LESSON.training.batch) <= training.STEPS


def test_the_traced_weights_are_of_the_first_band_and_unit_in_each_gate(data) -> None:
    spec = LESSON.with_values(mels=20, epochs=1)
    reached = checkpoint.begin(spec, 3)
    (row,) = training.train(spec, data, reached)
    gates = reached.model.lstm.weight_ih_l0.detach().view(4, spec.model.hidden, 20)
    assert row["trace"][-1] == gates[:, 0, 0].tolist()


@pytest.mark.parametrize(("kind", "pulls"), [("l1", [0.3, 0.3, -0.3]), ("l2", [0.6, 0.6e-6, -0.6e-6])])
def test_the_pull_of_l1_is_as_strong_beside_0_and_changes_sides_there_and_that_of_l2_fades(kind, pulls) -> None:
    w = torch.tensor([1.0, 1e-6, -1e-6], dtype=torch.float64, requires_grad=True)
    penalty = penalties.make(kind, 0.3)
    assert penalty
    (slope,) = torch.autograd.grad(penalty.value(w), w)
    assert slope.tolist() == pytest.approx(pulls)


@pytest.mark.parametrize(("plain", "same"), [(torch.optim.SGD, True), (torch.optim.Adam, False)])
def test_weight_decay_is_l2_with_sgd_and_is_not_with_adam(plain, same) -> None:
    lam, lr = 0.1, 0.05
    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    decayed, pulled = (start.clone().requires_grad_() for _ in range(2))
    pairs = ((decayed, 0.0), (pulled, lam))
    optimizers = [plain([w], lr=lr) for w, _lam in pairs]
    for _step in range(5):
        for (w, in_loss), optimizer in zip(pairs, optimizers, strict=True):
            optimizer.zero_grad()
            ((w - 1).square().sum() + in_loss * w.square().sum()).backward()
            if w is decayed:
                with torch.no_grad():
                    w.mul_(1 - 2 * lr * lam)  # training's decoupled decay, which is torch's AdamW: tests/test_training.py
            optimizer.step()
    assert torch.allclose(decayed, pulled, atol=1e-12) == same


def test_the_table_has_each_run_s_newest_numbers_and_the_residual_in_units_of_lam(runs) -> None:
    rows = dict(zip(METHODS, methods.table(runs), strict=True))
    for key, run in runs.items():
        last = run.rows[-1]
        assert rows[key]["exact"] == last["exact_zero_fraction"]
        assert rows[key]["exact"] + rows[key]["near"] == pytest.approx(last["near_zero_fraction"])
        assert (rows[key]["norm"], rows[key]["loss"]) == (last["l1_norm"], last["train_loss"])
        assert rows[key]["accuracy"] == last["val_accuracy"]
        if key != "decay":
            assert rows[key]["residual"] * LAM == pytest.approx(last["residual"])
    assert rows["decay"]["residual"] is None  # it minimises nothing that has an optimum
    assert rows["unscaled"]["penalty"] == "not λΣ|w|"


def test_before_the_first_epoch_the_table_has_no_numbers(runs) -> None:
    waiting = methods.table({"loss": replace(runs["loss"], state=RUNNING, rows=())})
    assert len(waiting) == 7
    assert all(value is None for row in waiting for name, value in row.items() if name not in ("name", "penalty"))


def test_the_seven_do_what_the_lesson_says(runs) -> None:
    last = {key: run.rows[-1] for key, run in runs.items()}
    assert last["proximal"]["exact_zero_fraction"] > 0.3
    assert all(last[key]["exact_zero_fraction"] == 0 for key in ("loss", "l2", "decay"))
    assert last["proximal"]["residual"] < last["loss"]["residual"] and last["proximal"]["residual"] < last["unscaled"]["residual"]
    said = methods.findings(runs)
    assert list(said) == list(METHODS)
    zeros = charts.percent(last["proximal"]["exact_zero_fraction"])
    assert said["proximal"].startswith(f"{zeros} of the weights are exactly 0")
    assert said["loss"].startswith("No weight is exactly 0")
    assert f"{last['loss']['objective']:.3f}; proximal Adam's is {last['proximal']['objective']:.3f}" in said["loss"]
    assert f"‖W‖₁ is {last['unscaled']['l1_norm']:,.0f}; under proximal Adam" in said["unscaled"]
    assert f"with L2 in the loss it is {last['l2']['l2_norm_squared']:.1f}" in said["decay"]
    assert f"{last['group']['dead_units'][0]} of 16 hidden units" in said["group"]


def test_what_is_said_follows_the_numbers(runs) -> None:
    odd = runs | {
        "loss": changed(runs["loss"], exact_zero_fraction=0.25, near_zero_fraction=0.75),
        "proximal": changed(runs["proximal"], exact_zero_fraction=0.0, near_zero_fraction=0.125),
        "group": changed(runs["group"], always="low", exact_zero_fraction=1.0),
    }
    said = methods.findings(odd)
    assert said["loss"].startswith("25.0 % of the weights are exactly 0, another 50.0 % nearly 0.")
    assert said["proximal"] == "No weight is exactly 0; 12.5 % are nearly 0."
    assert said["group"].startswith("It always says “low”: for this penalty λ is too large. 100.0 %")


def test_a_run_that_was_stopped_or_is_under_way_is_not_spoken_of(runs) -> None:
    early = replace(runs["loss"], rows=runs["loss"].rows[:3])  # which has no residual yet
    under_way = replace(runs["proximal"], state=RUNNING)
    said = methods.findings(runs | {"loss": early, "proximal": under_way})
    assert not {"loss", "proximal"} & said.keys()
    assert "proximal" not in said["unscaled"]


def test_the_weight_to_look_at_rests_at_0_under_proximal_adam_and_is_the_nearest_with_the_penalty_in_the_loss(runs) -> None:
    resting = changed(runs["proximal"], trace=[[0.0, 0.1, 0.0, 0.0], [0.2, 0.1, 0.0, 0.0]])
    swinging = changed(runs["loss"], trace=[[1e-4, 1e-5, 3e-3, -2e-3], [1e-4, 1e-5, -3e-3, 2e-3]])
    assert methods.telling({"proximal": resting, "loss": swinging}) == 3
    assert methods.telling({"proximal": resting}) == 0
    assert methods.telling({"proximal": replace(resting, state=RUNNING), "loss": swinging}) == 0


def test_the_lesson_s_lams_can_be_run() -> None:
    assert all(lam > 0 for lam in methods.LAMS) and LESSON.lam in methods.LAMS
    assert all(RunSpec.from_dict(spec.to_dict()) == spec for lam in methods.LAMS for spec in methods.descriptions(lam, 0).values())
