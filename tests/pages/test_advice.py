"""Warnings on Train: before a run from its λ, after it from its numbers, and none where nothing is wrong."""

import math

from l1demo import advice, tasks
from l1demo.spec import RunSpec


def test_a_lam_that_is_too_large_is_told_before_it_is_trained(visit, engine) -> None:
    scale = engine.call(tasks.scale, RunSpec().to_dict())
    page = visit("train", lam="0.05")
    assert not page.exception
    (told,) = page.warning
    assert told.value == advice.of_lam(RunSpec().with_values(lam=0.05), scale["norm"], scale["guessing"], 10.0)[0].sentence
    assert not visit("train").warning


def test_a_collapsed_run_is_told_and_the_next_lam_is_not(visit, engine, ended) -> None:
    collapsed = RunSpec().with_values(seed=61, lam=1.0, epochs=3, free_epochs=0, lr=0.1)
    engine.submit(collapsed, "eve")
    assert all(dead == all for dead, all in zip(*(ended(collapsed).rows[-1][n] for n in ("dead_units", "units")), strict=True))
    page = visit("train", run=collapsed.id)
    assert not page.exception
    assert "λ = 1 is too large" in page.warning[0].value
    assert f"ln 10 = {math.log(10):.3f}" in page.warning[0].value

    gentle = collapsed.with_values(lam=1e-3)
    engine.submit(gentle, "eve")
    ended(gentle)
    page = visit("train", run=gentle.id)
    assert not page.exception and not page.warning
