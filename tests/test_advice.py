"""Warnings: that each comes where it is true, with the numbers of the run, and nowhere else."""

import math
from dataclasses import replace
from typing import Any

import pytest

from l1demo import advice
from l1demo.spec import RunSpec
from l1demo.store import DONE, FAILED, RUNNING, Run

LN10 = math.log(10)


def ended(start: float = 0.05, state: str = DONE, loss: str = "ce", **row: Any) -> Run:
    last = {"train_loss": 0.4, "val_loss": 0.6, "val_accuracy": 0.9, "penalised": True, "units": [64], "dead_units": [10]}
    last |= {"exact_zero_fraction": 0.008}
    spec = RunSpec().with_values(lam=start, loss=loss)
    return Run(spec.id, spec, state, rows=(last | row,))


def kinds(run: Run, guessing: float | None = LN10, clips: int | None = 755) -> list[str]:
    return [each.kind for each in advice.sentences(run, guessing, clips)]


def test_a_run_that_hears_needs_no_advice() -> None:
    assert kinds(ended()) == []
    assert kinds(replace(ended(), rows=())) == []


def test_a_collapsed_run_is_told_with_the_loss_of_guessing_and_its_word() -> None:
    (told,) = advice.sentences(ended(dead_units=[64], val_loss=2.3031, train_loss=2.3, always="three"), LN10, 755)
    assert told.kind == "collapse"
    assert "always says “three”" in told.sentence and "2.303" in told.sentence and "ln 10 = 2.303" in told.sentence
    (other,) = advice.sentences(ended(dead_units=[64], val_loss=3.251, loss="bce"), 3.2508, 755)
    assert "ln" not in other.sentence and "guessing costs 3.251" in other.sentence


def test_a_run_has_collapsed_when_it_ends_where_guessing_is_as_good_with_one_word_or_most_weights_0() -> None:
    flat: dict[str, Any] = {"train_loss": 2.295, "val_loss": 2.31, "always": "three"}
    assert kinds(ended(**flat)) == ["collapse"]
    assert kinds(ended(**flat | {"always": "", "exact_zero_fraction": 0.9})) == ["collapse"]
    assert kinds(ended(state=RUNNING, **flat)) == []  # a first epoch looks the same
    assert kinds(ended(start=0.0, **flat)) == []
    assert kinds(ended(penalised=False, **flat)) == []
    assert kinds(ended(train_loss=0.01, val_loss=2.31, always="three")) == []  # it has overfitted


def test_a_short_run_that_still_has_its_weights_is_not_called_deaf() -> None:
    run = ended(start=1e-4, train_loss=2.295, val_loss=2.31, always="")
    assert not advice.deaf(run, LN10)
    (told,) = advice.sentences(run, LN10, 755)
    assert told.kind == "little" and "hardly anything yet: its loss is 2.310, and guessing costs ln 10" in told.sentence
    assert "too large" not in told.sentence


def test_the_lam_that_is_named_is_the_one_in_force() -> None:
    (told,) = advice.sentences(ended(start=0.0, dead_units=[64], val_loss=2.3, lam=0.02), LN10, 755)
    assert "λ = 0.02 is too large" in told.sentence


def test_a_diverged_run_says_its_own_sentence() -> None:
    run = replace(ended(), state=FAILED, error="The run diverged in epoch 2.")
    assert advice.sentences(run, LN10, 755) == (advice.Advice("failed", "The run diverged in epoch 2."),)


def test_few_validation_clips_are_told_with_what_chance_alone_does() -> None:
    (told,) = advice.sentences(ended(val_accuracy=0.9), LN10, 100)
    assert told.kind == "few"
    error = math.sqrt(0.9 * 0.1 / 100 + 1 / (4 * 100**2)) / (1 + 1 / 100)  # Wilson's half width at z = 1
    assert f"± {100 * error:.1f} points" in told.sentence
    assert f"less than {math.ceil(100 * 2 * math.sqrt(2) * error)} points" in told.sentence
    assert kinds(ended(val_accuracy=1.0), clips=4) == ["few"]  # four of four is no certainty
    assert kinds(ended(val_accuracy=0.9), clips=None) == []


@pytest.mark.parametrize(("lam", "kind"), [(0.0, []), (1e-6, ["lam"]), (1e-3, []), (5e-2, ["lam"])])
def test_a_lam_with_little_to_see_is_told_before_training(lam: float, kind: list[str]) -> None:
    told = advice.of_lam(RunSpec().with_values(lam=lam), 1698.0, LN10, 10.0)
    assert [each.kind for each in told] == kind
    assert advice.of_lam(RunSpec().with_values(lam=lam, penalty="l2"), 1698.0, LN10, 10.0) == ()


def test_the_price_of_a_lam_is_written_out() -> None:
    (told,) = advice.of_lam(RunSpec().with_values(lam=0.05), 1698.0, LN10, 10.0)
    assert f"{0.05 * 1698:.1f}, {0.05 * 1698 / LN10:.0f} times" in told.sentence
