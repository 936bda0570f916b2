"""What several runs show: means, bands and sentences, from rows whose numbers are known; figures against Plotly's schema."""

import base64
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from l1demo import overfit, overfit_charts
from l1demo.charts import Chart
from l1demo.overfit import EXPERIMENTS, Trio
from l1demo.spec import RunSpec
from l1demo.store import DONE, RUNNING, STOPPED, Run

LN10 = math.log(10)
SPEC = EXPERIMENTS["wrong"].with_values(epochs=4)


def run(spec: RunSpec, val: float, train: float = 0.1, epochs: int = 4, state: str = DONE, **last: Any) -> Run:
    """A run whose losses go in a line from those of guessing to ``train`` and ``val``."""
    row = {
        "val_accuracy": 0.6,
        "train_accuracy": 0.9,
        "exact_zero_fraction": 0.5,
        "penalised": True,
        "units": [64],
        "dead_units": [3],
    }
    way = [epoch / epochs for epoch in range(1, epochs + 1)]
    rows = [
        row | {"epoch": i + 1, "train_loss": LN10 + (train - LN10) * w, "val_loss": LN10 + (val - LN10) * w, "seconds": 0.1}
        for i, w in enumerate(way)
    ]
    rows[-1] = rows[-1] | last
    return Run(spec.id, spec, state, rows=tuple(rows))


def trio(dense: float, sparse: float, spec: RunSpec = SPEC, **last: Any) -> Trio:
    a, b, c = overfit.trio(spec)
    gone = {"dead_units": [64], "exact_zero_fraction": 1.0, "val_accuracy": 0.1, "always": "three"}
    return (
        run(a, dense, exact_zero_fraction=0.0, **last),
        run(b, sparse, 0.7, exact_zero_fraction=0.8),
        run(c, 2.31, 2.3, **gone),
    )


def values(packed: dict[str, Any]) -> list[float]:
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"].replace("f4", "<f4")).tolist()


def test_a_trio_differs_in_lam_alone_and_trios_in_their_seed() -> None:
    specs = overfit.trio(SPEC)
    assert [spec.lam for spec in specs] == [0, SPEC.lam, pytest.approx(10 * SPEC.lam)]
    assert len({spec.with_values(lam=0.0) for spec in specs}) == 1
    three = overfit.trios(SPEC.with_values(seed=5), 3)
    assert [spec.seed for each in three for spec in each] == [5, 5, 5, 6, 6, 6, 7, 7, 7]
    assert {each[1].with_values(seed=0) for each in three} == {SPEC}


def test_shuffled_labels_are_as_likely_right_as_any_other() -> None:
    assert pytest.approx((10 - 1) / 10) == overfit.SHUFFLED  # of ten words: label_noise moves a label to another word


def test_a_band_is_the_mean_and_the_range_of_the_runs_that_have_come_furthest() -> None:
    runs = [run(SPEC, val) for val in (1.0, 1.5, 2.0)]
    band = overfit.band([*runs, run(SPEC, 9.0, epochs=2, state=RUNNING), Run("x", SPEC, "queued")], "val_loss")
    table = np.array([[row["val_loss"] for row in each.rows] for each in runs])
    assert np.allclose([band.mean, band.low, band.high], [table.mean(0), table.min(0), table.max(0)])
    assert len(overfit.band([Run("x", SPEC, "queued")], "val_loss").mean) == 0


def test_nothing_is_said_before_all_three_have_been_trained_to_their_end() -> None:
    dense, sparse, large = trio(1.7, 1.2)
    assert overfit.findings([(dense, run(sparse.spec, 1.2, state=STOPPED), large)], LN10) == []
    assert overfit.findings([(dense, Run("x", SPEC, "queued"), large)], LN10) == []


def test_one_seed_is_told_with_its_loss_its_gap_and_its_zeros() -> None:
    helped, large = overfit.findings([trio(1.7, 1.2)], LN10)
    assert "λ = 0.003 helped: its validation loss is 1.200, lower by 0.500 than 1.700" in helped
    assert (
        "The generalisation gap, validation loss less training loss, is 0.500 instead of 1.600" in helped
        and "80.0 % of the weights are 0" in helped
    )
    assert "λ = 0.03 is too large: it always says “three”" in large and "2.310" in large and "ln 10 = 2.303" in large


def test_where_l1_did_not_help_that_is_said() -> None:
    assert "did not help" in overfit.findings([trio(1.2, 1.25)], LN10)[0]
    several = overfit.findings([trio(1.2, 1.4), trio(1.3, 1.52), trio(1.2, 1.41)], LN10)[0]
    assert "did not help" in several and "in 0 of 3" in several


def test_several_seeds_are_counted_with_the_standard_error_of_their_differences() -> None:
    pairs = [(1.7, 1.2), (1.6, 1.15), (1.5, 1.05)]
    said = overfit.findings([trio(*pair) for pair in pairs], LN10)[0]
    better = np.array([a - b for a, b in pairs])
    assert "had the lower validation loss in 3 of 3 seeds" in said
    assert f"{better.mean():.3f} ± {better.std(ddof=1) / math.sqrt(3):.3f}" in said


@pytest.mark.parametrize("pairs", [[(1.7, 1.2), (1.6, 1.3), (1.5, 1.55)], [(1.2, 1.1), (1.2, 1.1), (1.0, 1.9)], [(1.3, 1.3)] * 2])
def test_a_difference_within_its_error_is_called_neither_help_nor_none(pairs: list[tuple[float, float]]) -> None:
    said = overfit.findings([trio(*pair) for pair in pairs], LN10)[0]
    better = np.array([a - b for a, b in pairs])
    error = better.std(ddof=1) / math.sqrt(len(pairs))
    assert abs(better.mean()) <= 4.3 * error  # Student's t: 4.303 for three, more for two
    assert "nothing can be told apart" in said and "help" not in said
    assert f"lower one in {(better > 0).sum()} of {len(pairs)}" in said
    assert f"± {error:.3f} (standard error)" in said


def test_of_how_many_seeds_the_sentences_are_is_said_where_not_all_are_complete() -> None:
    a, b, c = (run(each.spec, 9.0, epochs=2, state=STOPPED) for each in trio(1.0, 1.0))
    said = overfit.findings([trio(1.7, 1.2), trio(1.6, 1.3), (a, b, c)], LN10)
    assert "trained to their end: 2 of 3." in said[0]
    assert said[1:] == overfit.findings([trio(1.7, 1.2), trio(1.6, 1.3)], LN10)
    assert not any("trained to their end" in each for each in said[1:])


def test_a_lam_that_is_not_too_large_is_not_called_so() -> None:
    dense, sparse, large = trio(1.7, 1.2)
    assert "too large" not in overfit.findings([(dense, sparse, run(large.spec, 1.4))], LN10)[1]
    assert "hears nothing" in overfit.findings([trio(1.7, 1.2), (dense, sparse, run(large.spec, 2.3, dead_units=[64]))], LN10)[1]


def test_shuffled_labels_are_told_as_learned_by_heart() -> None:
    three = trio(5.3, 2.31, EXPERIMENTS["shuffled"].with_values(epochs=4), train_accuracy=0.997, val_accuracy=0.087)
    said = overfit.findings([three], LN10)
    assert "99.7 %" in said[0] and "accuracy is 8.7 %; that of a guess is 10.0 %" in said[0]
    assert len(said) == 3


@pytest.mark.parametrize(
    ("changes", "guessing"),
    [({"label_noise": 0.95}, LN10), ({"label_noise": 1.0}, LN10), ({"loss": "bce"}, 3.25), ({"loss": "mse"}, 0.09)],
)
def test_labels_that_still_say_something_and_losses_of_another_scale_are_not_called_drawn_by_lot(changes, guessing) -> None:
    three = trio(5.3, 2.31, EXPERIMENTS["shuffled"].with_values(epochs=4, **changes))
    assert not any("by lot" in said for said in overfit.findings([three], guessing))


def test_seen_and_unseen_speakers_are_told_of_the_same_network() -> None:
    three = trio(1.1, 1.0, EXPERIMENTS["voices"].with_values(epochs=4), seen_accuracy=0.98, val_accuracy=0.7)
    (said, *_rest) = overfit.findings([three], LN10)
    assert "hears 98.0 % of the words of seen speakers" in said and said.endswith("70.0 % of those of unseen speakers.")


def charts(runs: list[Trio]) -> list[Chart]:
    columns = [list(column) for column in zip(*runs, strict=True)]
    top = overfit_charts.highest_loss(runs, LN10)
    return [
        *(overfit_charts.losses(column, top, LN10) for column in columns),
        *(overfit_charts.accuracies(column) for column in columns),
        overfit_charts.seeds(runs),
    ]


WAITING: Trio = (Run("a", SPEC, ""), Run("b", SPEC, ""), Run("c", SPEC, ""))


@pytest.mark.parametrize("runs", [[WAITING], [trio(1.7, 1.2)], [trio(1.7, 1.2), trio(1.6, 1.3), WAITING]])
def test_every_figure_is_one_that_plotly_knows_and_says_its_finding(runs: list[Trio]) -> None:
    for chart in charts(runs):
        go.Figure(chart.figure)
        assert chart.alt.endswith(".") and chart.subject


def test_three_lam_share_an_axis_that_holds_all_of_them() -> None:
    runs = [trio(5.3, 1.2)]
    figures = [chart.figure for chart in charts(runs)[:3]]
    tops = {figure["layout"]["yaxis"]["range"][1] for figure in figures}
    assert len(tops) == 1
    assert tops.pop() > 5.3


def test_several_seeds_are_drawn_as_mean_and_range() -> None:
    runs = [trio(1.7, 1.2), trio(1.5, 1.3)]
    loss = charts(runs)[0].figure["data"]
    val = next(line for line in loss if line["name"] == "validation")
    assert values(val["y"])[-1] == pytest.approx(1.6)
    low, high = loss[2], loss[3]
    assert (values(low["y"])[-1], values(high["y"])[-1]) == pytest.approx((1.5, 1.7))
    assert high["fill"] == "tonexty" and not low["showlegend"]
    assert "seeds that have come furthest, bands reach from the least to the greatest" in charts(runs)[0].alt
    assert "from the least to the greatest" not in charts(runs[:1])[0].alt


def test_each_seed_is_a_line_over_the_three_lam_and_the_mean_has_its_standard_error() -> None:
    runs = [trio(1.7, 1.2), trio(1.5, 1.3)]
    chart = charts(runs)[-1]
    assert [values(line["y"]) for line in chart.figure["data"]] == [
        pytest.approx([1.7, 1.2, 2.31]),
        pytest.approx([1.5, 1.3, 2.31]),
        pytest.approx([1.6, 1.25, 2.31]),
    ]
    assert values(chart.figure["data"][-1]["error_y"]["array"]) == pytest.approx([0.1, 0.05, 0.0], abs=1e-6)
    assert "λ = 0.003 is below λ = 0 in 2 of them" in chart.alt


def test_seen_speakers_have_a_line_of_their_own() -> None:
    spec = EXPERIMENTS["voices"].with_values(epochs=4)
    heard = Run(spec.id, spec, DONE, rows=tuple(row | {"seen_accuracy": 0.97} for row in run(spec, 1.0).rows))
    chart = overfit_charts.accuracies([heard])
    assert [line["name"] for line in chart.figure["data"]] == ["training", "seen speakers", "unseen speakers"]
    assert "seen speakers 97.0 %" in chart.alt
