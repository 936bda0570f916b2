"""Training against a loop of plain PyTorch, the formula, repeatability, and what λ does to real speech."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from l1demo import checkpoint, corpora, model, penalties, training
from l1demo.corpora.division import Division
from l1demo.features import Frames
from l1demo.spec import RunSpec

PLAIN = RunSpec().with_values(augment=False, epochs=3, hidden=16, mels=20, batch=16)


@pytest.fixture(scope="module")
def data() -> training.Dataset:
    """Three made words: noise whose power stands in the low, the middle or the high bands."""
    generator = torch.Generator().manual_seed(0)

    def draw(n: int) -> Frames:
        labels = torch.randint(3, (n,), generator=generator)
        x = torch.randn(n, 12, 20, generator=generator)
        for word in range(3):
            x[labels == word, :, 7 * word : 7 * word + 6] += 1.0
        lengths = torch.randint(4, 13, (n,), generator=generator)
        x[torch.arange(12) >= lengths[:, None]] = 0
        return Frames(x, lengths, labels)

    return training.Dataset(draw(120), draw(60), ("low", "middle", "high"))


def rows_and_model(spec: RunSpec, data: training.Dataset):
    trained = checkpoint.begin(spec, len(data.words))
    return list(training.train(spec, data, trained)), trained.model


def untimed(rows: list[dict[str, Any]], without_residual: bool = False) -> list[dict[str, Any]]:
    """Rows as they come out whoever computes them."""
    left_out = {"seconds", *(("residual", "residual_max") if without_residual else ())}
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


def test_lam_0_is_plain_adam_bit_for_bit(data):
    spec = PLAIN.with_values(lam=0.0)
    _rows, trained = rows_and_model(spec, data)

    reference = model.build(spec, 3)
    optimizer = torch.optim.Adam(reference.parameters(), lr=spec.training.lr)
    generator = torch.Generator().manual_seed(spec.seed)
    x = training.normalise(data.train.x, data.train.lengths)
    for epoch in range(1, 4):
        optimizer.param_groups[0]["lr"] = training.learning_rate(spec, epoch)
        for chosen in training._batches(data.train.lengths, 16, generator):
            lengths = data.train.lengths[chosen]
            logits = reference(x[chosen, : int(lengths.max())], lengths)
            optimizer.zero_grad()
            functional.cross_entropy(logits, data.train.labels[chosen]).backward()
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), reference.parameters(), strict=True))


@pytest.mark.parametrize(
    "other", [{"penalty": "none", "lam": 0.5}, {"lam": 0.0, "method": "subgradient"}, {"lam": 0.5, "free_epochs": 3}]
)
def test_no_penalty_at_work_is_lam_0_bit_for_bit(data, other):
    _rows, plain = rows_and_model(PLAIN.with_values(lam=0.0), data)
    _rows, same = rows_and_model(PLAIN.with_values(**other), data)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), same.parameters(), strict=True))


def test_the_same_description_gives_the_same_numbers_with_augmentation_too(data):
    spec = PLAIN.with_values(augment=True, lam=1e-3, free_epochs=1)
    first, second = (untimed(rows_and_model(spec, data)[0]) for _ in range(2))
    assert first == second
    assert first != untimed(rows_and_model(spec.with_values(seed=1), data)[0])


@pytest.mark.parametrize("more", [{"ends": "quiet"}, {"stress": 6.0}, {"silence": 0.3}, {"frame_noise": 0.5}])
def test_how_clips_are_varied_matters_where_they_are_and_nowhere_else(data, more):
    varied = PLAIN.with_values(augment=True)
    assert untimed(rows_and_model(varied, data)[0]) != untimed(rows_and_model(varied.with_values(**more), data)[0])
    assert untimed(rows_and_model(PLAIN, data)[0]) == untimed(rows_and_model(PLAIN.with_values(**more), data)[0])


@pytest.mark.parametrize("hop", [16.0, 8.0])
def test_the_silence_is_in_seconds(data, hop):
    spec = PLAIN.with_values(augment=True, hop=hop)
    plain, silent = (
        training._select(spec.with_values(silence=most), data.train, torch.arange(120), torch.Generator().manual_seed(0)).lengths
        for most in (0.0, 0.32)
    )
    assert 0.8 * 320 / hop < (silent - plain).max() <= 320 / hop


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_data_loss_and_penalty_are_the_objective_and_lam_times_the_norm(data, penalty):
    rows, trained = rows_and_model(PLAIN.with_values(penalty=penalty, lam=2e-3), data)
    last = rows[-1]
    size = sum(float((w.abs() if penalty == "l1" else w.square()).sum().detach()) for w in trained.weights().values())
    assert last["penalty"] == pytest.approx(2e-3 * size, rel=1e-5)
    assert last["objective"] == last["train_loss"] + last["penalty"]
    x = training.normalise(data.train.x, data.train.lengths)
    assert last["train_loss"] == pytest.approx(
        functional.cross_entropy(trained(x, data.train.lengths), data.train.labels).item(), rel=1e-5
    )


def test_proximal_reaches_exact_zeros_and_the_penalty_in_the_loss_does_not(data):
    spec = PLAIN.with_values(lam=3e-3, free_epochs=1, epochs=10)
    proximal = rows_and_model(spec, data)[0]
    subgradient = rows_and_model(spec.with_values(method="subgradient"), data)[0]
    assert proximal[0]["exact_zero_fraction"] == 0 and not proximal[0]["penalised"]
    assert proximal[-1]["exact_zero_fraction"] > 0.3
    assert subgradient[-1]["exact_zero_fraction"] == 0
    assert subgradient[-1]["l1_norm"] < subgradient[0]["l1_norm"]


def test_decoupled_weight_decay_is_adamw(data):
    spec = PLAIN.with_values(penalty="l2", method="decoupled", lam=5e-3, free_epochs=0)
    _rows, trained = rows_and_model(spec, data)
    reference = model.build(spec, 3)
    weights = [p for p in reference.parameters() if p.ndim == 2]
    biases = [p for p in reference.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 1e-2}, {"params": biases, "weight_decay": 0.0}], lr=3e-3)
    generator = torch.Generator().manual_seed(spec.seed)
    x = training.normalise(data.train.x, data.train.lengths)
    for epoch in range(1, 4):
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate(spec, epoch)
        for chosen in training._batches(data.train.lengths, 16, generator):
            lengths = data.train.lengths[chosen]
            optimizer.zero_grad()
            functional.cross_entropy(reference(x[chosen, : int(lengths.max())], lengths), data.train.labels[chosen]).backward()
            optimizer.step()
    pairs = zip(trained.parameters(), reference.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_the_lesson_s_methods_reach_zeros_or_do_not_as_they_are_said_to(data):
    spec = PLAIN.with_values(lam=3e-3, free_epochs=1, epochs=10)
    zeros = {
        name: rows_and_model(spec.with_values(**other), data)[0][-1]["exact_zero_fraction"]
        for name, other in {
            "proximal SGD": {"method": "sgd", "lr": 0.5},
            "unscaled": {"method": "unscaled"},
            "unscaled, λ a thousand times as large": {"method": "unscaled", "lam": 3.0},
            "L2 in the loss": {"penalty": "l2", "method": "subgradient"},
            "decay": {"penalty": "l2", "method": "decoupled"},
        }.items()
    }
    assert zeros["proximal SGD"] > 0.2
    assert zeros["unscaled"] < 0.01 and zeros["unscaled, λ a thousand times as large"] > 0.2
    assert zeros["L2 in the loss"] == zeros["decay"] == 0


def test_group_lasso_removes_whole_units(data):
    rows, trained = rows_and_model(PLAIN.with_values(penalty="group", lam=3e-3, free_epochs=1, epochs=12), data)
    weights = [w.detach() for w in trained.weights().values()]
    (units,) = penalties.take(weights, trained.units())
    gone = (units == 0).all(1)
    assert 0 < int(gone.sum()) < 16
    assert not (units[~gone] == 0).any()
    assert rows[-1]["dead_units"] == [int(gone.sum())]
    assert rows[-1]["penalty"] == pytest.approx(3e-3 * units.shape[1] ** 0.5 * float(units.norm(dim=1).sum()), rel=1e-5)


def test_lam_changes_in_the_epoch_that_the_description_names(data):
    plain = rows_and_model(PLAIN.with_values(lam=1e-3, epochs=6, free_epochs=1), data)[0]
    spec = PLAIN.with_values(lam=1e-3, epochs=6, free_epochs=1).with_change(4, 0.02)
    changed = rows_and_model(spec, data)[0]
    assert [row["lam"] for row in changed] == [1e-3] * 3 + [0.02] * 3
    assert untimed(changed[:3]) == untimed(plain[:3])
    assert changed[3]["exact_zero_fraction"] > plain[3]["exact_zero_fraction"]
    assert changed[3]["penalty"] == pytest.approx(0.02 * changed[3]["l1_norm"], rel=1e-5)


PATH = PLAIN.with_values(lam=0.0, epochs=12, lam_changes="5:0.003 7:0.01 9:1.0 11:2.0", lr_falls="each")


def test_a_path_keeps_the_network_of_each_lam_and_ends_at_collapse(data):
    reached = checkpoint.begin(PATH, 3)
    rows = list(training.train(PATH, data, reached))
    assert [row["lam"] for row in rows] == [0.0] * 4 + [0.003] * 2 + [0.01] * 2 + [1.0] * 2
    assert rows[-1]["exact_zero_fraction"] == 1 and "residual" in rows[-1]
    assert rows[-1]["val_loss"] < 1.2  # biases alone: the loss of guessing
    zeros = [np.mean([(w == 0).double().mean() for w in stop.values() if w.ndim == 2]) for stop in reached.stops]
    assert len(zeros) == 4 and zeros == sorted(zeros) and zeros[0] == 0 and zeros[-1] == 1
    stopped_there = rows_and_model(PLAIN.with_values(lam=0.0, epochs=4), data)
    assert untimed(rows[:4], without_residual=True) == untimed(
        stopped_there[0], without_residual=True
    )  # the first stop is λ = 0's run


def test_on_a_path_every_lam_has_its_own_fall_of_the_learning_rate():
    rates = [training.learning_rate(PATH, epoch) / PATH.training.lr for epoch in range(1, 9)]
    assert rates == pytest.approx([1, 1, 1, 0.5, 1, 1, 1, 1])


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"method": "sgd", "lr": 0.5},
        {"augment": True, "ends": "quiet", "stress": 6.0, "silence": 0.3, "frame_noise": 0.4},
        {"penalty": "group"},
        {"lam_changes": "2:0.01 4:0.02", "lr_falls": "each"},
    ],
)
def test_a_training_that_was_written_down_goes_on_bit_for_bit(data, more):
    spec = PLAIN.with_values(**{"lam": 2e-3, "free_epochs": 1, "epochs": 5, "layers": 2} | more)
    whole = checkpoint.begin(spec, 3)
    rows = list(training.train(spec, data, whole))
    first = checkpoint.begin(spec, 3)
    early = training.train(spec, data, first)
    pieces = [next(early) for _ in range(3)]
    second = checkpoint.load(spec, 3, checkpoint.dump(first))
    pieces += list(training.train(spec, data, second))
    assert untimed(pieces) == untimed(rows)
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True))
    assert len(second.stops) == len(whole.stops)


def test_a_record_follows_four_weights_over_the_last_steps(data):
    spec = PLAIN.with_values(lam=3e-3, free_epochs=0, batch=4, epochs=2)  # 30 steps an epoch
    rows, trained = rows_and_model(spec, data)
    assert [len(row["trace"]) for row in rows] == [30, 30]
    w = trained.lstm.weight_ih_l0.detach().flatten()
    assert rows[-1]["trace"][-1] == w[:: len(w) // 4].tolist()
    assert len(rows_and_model(spec.with_values(batch=4, epochs=1), _twice(data))[0][0]["trace"]) == 40


def _twice(data: training.Dataset) -> training.Dataset:
    train = Frames(*(torch.cat([part, part]) for part in (data.train.x, data.train.lengths, data.train.labels)))
    return training.Dataset(train, data.validation, data.words)


def test_the_residual_is_that_of_the_whole_gradient(data):
    spec = PLAIN.with_values(lam=2e-3, free_epochs=0)
    rows, trained = rows_and_model(spec, data)
    assert not any("residual" in row for row in rows[:-1])
    x = training.normalise(data.train.x, data.train.lengths)
    weights = list(trained.weights().values())
    grads = torch.autograd.grad(functional.cross_entropy(trained(x, data.train.lengths), data.train.labels), weights)
    far = torch.cat([penalties.L1(2e-3).subdiff_distance(w.detach(), g).flatten() for w, g in zip(weights, grads, strict=True)])
    assert rows[-1]["residual"] == pytest.approx(float(far.mean()), rel=1e-4)
    assert rows[-1]["residual_max"] == pytest.approx(float(far.max()), rel=1e-4)


def test_voices_it_knows_are_measured_beside_the_strangers(data):
    both = replace(data, seen=data.train)
    last = rows_and_model(PLAIN, both)[0][-1]
    assert last["seen_accuracy"] == last["train_accuracy"] and last["seen_loss"] == pytest.approx(last["train_loss"])
    assert "seen_loss" not in rows_and_model(PLAIN, data)[0][-1]


def test_a_network_that_always_says_the_same_word_is_known_by_it(data):
    deaf = rows_and_model(PLAIN.with_values(lam=10.0, free_epochs=0), data)[0][-1]
    assert deaf["always"] in data.words
    assert rows_and_model(PLAIN.with_values(lam=0.0), data)[0][-1]["always"] == ""


def test_biases_are_never_penalised(data):
    _rows, trained = rows_and_model(PLAIN.with_values(lam=10.0, free_epochs=0), data)
    assert all(not w.any() for w in trained.weights().values())
    assert all(p.any() for name, p in trained.named_parameters() if "bias" in name)


@pytest.mark.parametrize("loss", ["ce", "bce", "mse"])
def test_each_loss_learns_and_its_loss_of_guessing_is_that_of_the_best_constant_answer(data, loss):
    rows, _trained = rows_and_model(PLAIN.with_values(loss=loss, lam=0.0, epochs=15, lr=0.01), data)
    assert rows[-1]["val_accuracy"] > 0.9
    frequency = torch.bincount(data.validation.labels, minlength=3) / len(data.validation)
    y = functional.one_hot(data.validation.labels, 3).float()
    expected = {
        "ce": -(y * frequency.log()).sum(1).mean(),
        "bce": -(y * frequency.log() + (1 - y) * (1 - frequency).log()).sum(1).mean(),
        "mse": (frequency - y).square().sum(1).mean(),
    }[loss]
    divided = Division(*(_corpus(part.labels.numpy()) for part in (data.train, data.validation)))
    assert training.loss_of_guessing(loss, divided) == pytest.approx(float(expected), rel=1e-4)


def _corpus(labels: np.ndarray) -> corpora.Corpus:
    n = len(labels)
    zeros = np.zeros(n, np.int64)
    return corpora.Corpus(
        "made", ("low", "middle", "high"), ("one",), np.zeros(n, np.int16), np.arange(n + 1), labels, zeros, zeros
    )


def test_a_run_that_diverges_ends_with_a_sentence(data):
    broken = Frames(data.train.x.clone(), data.train.lengths, data.train.labels)
    broken.x[0, 0, 0] = math.inf
    with pytest.raises(training.Diverged, match=r"epoch 1.*learning rate is 0\.\d+"):
        rows_and_model(PLAIN, training.Dataset(broken, data.validation, data.words))


def test_the_learning_rate_is_whole_for_half_of_the_run_and_then_falls():
    spec = RunSpec().with_values(epochs=10, lr=0.1)
    rates = [training.learning_rate(spec, epoch) for epoch in range(1, 11)]
    assert rates[:6] == [0.1] * 6
    assert rates[6:] == pytest.approx([0.08, 0.06, 0.04, 0.02])


def test_every_clip_is_drawn_once_an_epoch():
    lengths = torch.randint(1, 50, (1000,), generator=torch.Generator().manual_seed(0))
    drawn = torch.cat(list(training._batches(lengths, 64, torch.Generator().manual_seed(0))))
    assert torch.equal(drawn.sort().values, torch.arange(1000))
