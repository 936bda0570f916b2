"""Training against a loop of plain PyTorch, the formula, repeatability, and what λ does to real speech."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from l1demo import corpora, model, training
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
    trained = model.build(spec, len(data.words))
    return list(training.train(spec, data, trained)), trained


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
    first, second = (
        [{name: value for name, value in row.items() if name != "seconds"} for row in rows_and_model(spec, data)[0]]
        for _ in range(2)
    )
    assert first == second
    assert first != rows_and_model(spec.with_values(seed=1), data)[0]


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
    division = corpora.Division(*(_corpus(part.labels.numpy()) for part in (data.train, data.validation)))
    assert training.loss_of_guessing(loss, division) == pytest.approx(float(expected), rel=1e-4)


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
