"""What runs differ in, in words; and that what is said of their start is so."""

import numpy as np
import pytest
import torch

from l1demo import checkpoint, differences, shelf, training
from l1demo.corpora import Corpus
from l1demo.features import Frames
from l1demo.spec import RunSpec, controls

QUICK = RunSpec()


def described(**values: object) -> RunSpec:
    return QUICK.with_values(**values)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lam": 2e-3}, "They differ in λ alone."),
        ({"seed": 1}, "They differ in seed alone."),
        ({"seed": 1, "lam": 2e-3}, "They differ in λ and seed."),
        ({"hidden": 32, "seed": 1, "lam": 2e-3}, "They differ in λ, seed and hidden units."),
        ({"train_clips": 150}, "They differ in training clips alone."),
        ({"penalty": "none", "lam": 0.0}, "They differ in λ and penalty."),
    ],
)
def test_what_differs_is_named(changes: dict[str, object], sentence: str) -> None:
    assert differences.sentence([QUICK, described(**changes)]).startswith(sentence)
    assert differences.sentence([QUICK, described(**changes), QUICK]).startswith(sentence)


def test_what_has_no_effect_is_no_difference() -> None:
    assert differences.differing([described(penalty="none", lam=0.1), described(penalty="none", lam=0.2)]) == ()
    assert differences.sentence([QUICK]) == differences.sentence([]) == differences.sentence([QUICK, QUICK]) == ""


def test_runs_are_called_by_what_differs() -> None:
    assert differences.labels([QUICK], [""]) == ("λ = 0.001, seed 0",)
    assert differences.labels([QUICK, described(lam=0.0)], ["", ""]) == ("λ = 0.001", "λ = 0")
    assert differences.labels([QUICK, described(seed=3)], ["", ""]) == ("seed 0", "seed 3")
    assert differences.labels([QUICK, described(lam=0.0)], ["ours", ""]) == ("ours", "λ = 0")
    assert differences.labels([QUICK, described(lam=0.0)], ["ours", "ours"]) == ("ours (λ = 0.001)", "ours (λ = 0)")
    path = described(lam=0.0, lam_changes="4:0.01 6:0.05", lr_falls="each")
    assert differences.labels([QUICK, path], ["", ""])[1].startswith("λ from 0 to 0.05")
    assert differences.called(described(penalty="none"), ["penalty"]) == "no penalty"


def test_no_two_runs_have_the_same_name() -> None:
    many = [described(seed=1, lam=0.002, penalty="l2", method="subgradient", hidden=size) for size in (16, 32)]
    one, other = (described(lam=0.0, lam_changes=f"{epoch}:0.01") for epoch in (4, 5))
    for specs in ([QUICK, *many], [one, other], [QUICK, one, other]):
        assert len(set(differences.labels(specs, [""] * len(specs)))) == len(specs)


def test_the_table_has_the_settings_that_differ_and_no_others() -> None:
    other = described(augment=False, train_clips=150, split="recordings", lr=1e-3, hold_out="theo")
    rows = differences.table([QUICK, other], ["a", "b"])
    assert {row["setting"]: (row["a"], row["b"]) for row in rows} == {
        "Split": ("unseen speakers", "seen speakers, other recordings"),
        "Held-out speaker": ("–", "theo"),
        "Training clips": ("all", "150"),
        "Augmentation": ("on", "off"),
        "Learning rate": ("0.003", "0.001"),
    }


def test_every_value_of_every_control_can_be_said() -> None:
    for each, usual in controls(QUICK):
        for given in each.choices or (usual,):
            assert differences.value(each, given).strip()
    assert differences.voices(described(train_voices=2, label_noise=0.25, hold_out="theo", corpus="fsdd", test="digits")) == (
        "fsdd → digits · unseen speakers · without theo · 2 voices · 25% wrong labels"
    )


@pytest.mark.parametrize("name", sorted(differences.SAME_START))
def test_runs_said_to_begin_alike_do(name: str) -> None:
    other = {"lam": 0.5, "lam-changes": "2:0.5", "penalty": "group", "method": "sgd", "free-epochs": 0, "lr": 1e-2}
    other |= {"lr-falls": "each", "epochs": 3}
    frames = Frames(
        torch.randn(12, 40, 40, generator=torch.Generator().manual_seed(0)), torch.full((12,), 40), torch.arange(12) % 2
    )
    data = training.Dataset(frames, frames, ("no", "yes"))
    states = []
    for spec in (described(batch=4, epochs=2), described(batch=4, epochs=2).with_values(**{name.replace("-", "_"): other[name]})):
        state = checkpoint.begin(spec, 2)
        first = {key: w.clone() for key, w in state.model.state_dict().items()}
        rows = training.train(spec, data, state)
        next(rows)
        next(rows)
        states.append((first, state.generator.get_state()))
    (first, drawn), (other_first, other_drawn) = states
    assert all(torch.equal(w, other_first[key]) for key, w in first.items())
    assert torch.equal(drawn, other_drawn)


def test_a_corpus_that_the_lab_keeps_is_called_by_its_title(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    ones = np.zeros(2, np.int64)
    clips = Corpus("x", ("a", "b"), ("ann",), np.zeros(20, np.int16), np.array([0, 10, 20]), np.array([0, 1]), ones, ones)
    name = shelf.save(clips, "own", "Our phones")
    spec = RunSpec().with_values(corpus=name, also="digits")
    assert differences.voices(spec).startswith("Our phones + digits · ")
    assert "corpus Our phones" in differences.in_full(spec)
    assert differences.table([RunSpec(), spec], ["a", "b"])[0] == {"setting": "Corpus", "a": "digits", "b": "Our phones"}
    assert differences.title("own-0123456789ab") == "own-0123456789ab"  # which is gone
