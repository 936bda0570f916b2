"""Start: one button, two runs that differ in λ alone, and what they show."""

import fakes
import pytest
from distributed import Queue

from l1demo import charts
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec


def test_it_opens_with_one_button_and_nothing_else_to_do(visit) -> None:
    page = visit()
    assert not page.exception and not page.warning
    assert page.title[0].value == "L1 Speech Lab"
    assert [button.label[:20] for button in page.button] == ["Train both: λ = 0 an"]


def test_the_button_trains_a_pair_that_differs_in_lam_alone_and_the_next_press_another(visit, submitted, ended) -> None:
    page = visit()
    page.button[0].click().run()
    dense, sparse = submitted
    assert dense.lam == 0 < sparse.lam
    seed = sparse.seed  # 0, or the next where another test has seen the end of that
    assert dense.with_values(lam=sparse.lam) == sparse == PRESETS["quick"].with_values(lam=sparse.lam, seed=seed)
    assert page.button[0].label == f"Train both: λ = 0 and λ = {sparse.lam:g}"
    assert page.query_params["seed"] == str(seed)

    runs = [ended(spec) for spec in submitted]
    page.run()
    assert not page.exception
    assert [header.value for header in page.subheader] == ["λ = 0", f"λ = {sparse.lam:g}"]
    assert [bar.text[:15] for bar in page.progress] == ["Done: 12 epochs"] * 2
    zeros = [metric.value for metric in page.metric if metric.label == "exactly 0"]
    assert zeros == [f"{100 * run.rows[-1]['exact_zero_fraction']:.1f} %" for run in runs]
    dense, sparse = (run.rows[-1] for run in runs)
    assert f"{charts.percent(sparse['exact_zero_fraction'])} of the weights are exactly 0" in page.success[0].value
    assert f"still hears {charts.percent(sparse['val_accuracy'])} of the words of unseen speakers" in page.success[0].value
    assert page.success[0].value.endswith(f"and it hears {charts.percent(dense['val_accuracy'])}.")

    again = visit(seed=str(seed))  # the address alone shows the same
    assert [metric.value for metric in again.metric] == [metric.value for metric in page.metric]

    page.button[0].click().run()
    assert not page.exception
    assert [spec.seed for spec in submitted] == [seed, seed, seed + 1, seed + 1]


def test_starts_whose_end_has_been_seen_are_left_out_and_those_under_way_are_joined(visit, engine, submitted, ended) -> None:
    for seed in (60, 62):
        engine.submit(PRESETS["quick"].with_values(seed=seed, lam=0.002), "eve")
        ended(submitted[-1])
    submitted.clear()
    page = visit(seed="59")
    page.button[0].click().run()
    assert [spec.seed for spec in submitted] == [61, 61]
    for spec in submitted:
        ended(spec)
    page.run()
    page.button[0].click().run()
    assert submitted[-1].seed == 63
    under_way = PRESETS["quick"].with_values(seed=fakes.PACED_NOISE + 64, lam=0.0)
    engine.submit(under_way, "eve")
    joining = visit(seed=str(under_way.seed - 1))
    joining.button[0].click().run()
    assert [spec.seed for spec in submitted[-2:]] == [under_way.seed] * 2
    pace = Queue(f"pace-{under_way.seed}", client=engine._connection.client)
    for _epoch in range(2 * under_way.training.epochs):
        pace.put(1)
    assert all(ended(spec) for spec in submitted)


def test_after_the_last_start_of_all_there_is_no_other(visit, submitted) -> None:
    page = visit(seed="2147483647")
    page.button[0].click().run()
    assert not page.exception and not submitted
    assert "seed is 2147483648" in page.warning[0].value


@pytest.mark.parametrize("seed", ["banana", "-1", "9" * 400, "", "1.5"])
def test_an_address_with_no_seed_in_it_is_told_and_the_page_is_usable(visit, seed) -> None:
    page = visit(seed=seed)
    assert not page.exception
    assert page.warning[0].value.startswith("seed is ")
    assert not page.button[0].disabled
    page.run()
    assert not page.warning  # said once


def test_an_address_whose_runs_were_made_elsewhere_shows_the_button(visit) -> None:
    page = visit(seed="99")
    assert not page.exception and not page.progress
    assert not page.button[0].disabled


def test_half_a_pair_is_shown_alone(visit, engine, ended) -> None:
    spec = RunSpec().with_values(seed=98, lam=0.0)
    engine.submit(spec, "eve")
    ended(spec)
    page = visit(seed="98")
    assert not page.exception
    assert len(page.progress) == 1 and not page.success
