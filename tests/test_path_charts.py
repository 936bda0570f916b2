"""Figures of a λ path against Plotly's own schema, and what they show and say against the numbers they were made from."""

import base64
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from l1demo import intervals, path, path_charts, path_stage, path_weights, penalties, stage
from l1demo.charts import Chart, percent
from l1demo.path import Path
from l1demo.spec import RunSpec

S, H, MELS, WORDS = 5, 16, 20, 10
LAMS = np.array([0.0, 1e-4, 1e-3, 1e-2, 1e-1])
LOSS = np.array([0.5, 0.3, 0.32, 0.9, 2.3])
SPEC = path.describe(RunSpec().with_values(hidden=H, mels=MELS), LAMS[1:].tolist())


def made(paths: int = 3, up: float = 0.0) -> Path:
    """Paths whose losses lie around ``LOSS`` and whose zeros grow."""
    noise = np.random.default_rng(0).normal(0, 0.03, (paths, S))
    loss, zeros = LOSS + noise + up, np.tile([0, 0.2, 0.5, 0.9, 1.0], (paths, 1))
    norm = 600 * (1 - zeros) ** 2
    return Path(LAMS, loss / 2, loss, 1 - loss / 4, 1 - loss / 2.5, zeros, norm, 16 * zeros, 2000)


def begun() -> Path:
    """Paths of which one has come to its second λ and the others have not begun."""
    parts = {name: np.full((3, S), np.nan) for name in vars(made()) if name not in ("lams", "weights")}
    for name, values in parts.items():
        values[0, :2] = getattr(made(), name)[0, :2]
    return Path(LAMS, **parts, weights=2000)


def networks() -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    shapes = {"lstm.weight_ih_l0": (4 * H, MELS), "lstm.weight_hh_l0": (4 * H, H), "out.weight": (WORDS, H)}
    first = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    return [{name: np.where(np.abs(w) > step / 3, w, 0) for name, w in first.items()} for step in range(S)]


def points() -> list[tuple[float, dict[str, Any]]]:
    return [(0.0, {"val_loss": 0.6, "val_accuracy": 0.7}), (2e-3, {"val_loss": 0.4, "val_accuracy": 0.8})]


NAMES = [f"gate {i}" for i in range(9)]
ALL: dict[str, Callable[[], Chart]] = {
    "losses": lambda: path_charts.losses(made(), 2.3, "a"),
    "losses, all": lambda: path_charts.losses(made(), 2.3, "a", made(3, 0.2), points()),
    "losses of one": lambda: path_charts.losses(made(1), 2.3, "a"),
    "losses, begun": lambda: path_charts.losses(begun(), 2.3, "a", begun()),
    "accuracies": lambda: path_charts.accuracies(made(), 200, "a", made(), points()),
    "accuracies, begun": lambda: path_charts.accuracies(begun(), 200, "a"),
    "norms": lambda: path_charts.norms(made(), 2.3, "l1", "a"),
    "norms above": lambda: path_charts.norms(made(), 0.01, "l1", "a"),
    "norms of L2": lambda: path_charts.norms(made(), 2.3, "l2", "a"),
    "single weights": lambda: path_charts.single_weights(LAMS, path_weights.singles(networks()), "a"),
    "gates": lambda: path_charts.gates(LAMS, path_weights.gate_norms(networks()), NAMES, "a"),
}


def unpacked(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), np.dtype(array["dtype"]))


def trace(chart: Chart, name: str) -> dict[str, Any]:
    return next(each for each in chart.figure["data"] if each.get("name") == name)


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_plotly_knows_everything_in_every_figure(make: Callable[[], Chart]) -> None:
    chart = make()
    go.Figure(chart.figure)  # raises for any name or value that is not in the schema
    assert json.loads(json.dumps(chart.figure, allow_nan=False)) == chart.figure


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_chart_says_something_in_a_sentence(make: Callable[[], Chart]) -> None:
    alt = make().alt
    assert re.fullmatch(r"[A-Z‖].*\.", alt)
    assert "nan" not in alt and "{" not in alt


def test_lam_0_stands_left_of_a_log_axis() -> None:
    at = path_charts.places(LAMS)
    assert at[1:] == pytest.approx([-4, -3, -2, -1])
    assert at[0] == pytest.approx(-4 - path_charts.BREAK)
    axis = path_charts.losses(made(), 2.3, "a").figure["layout"]["xaxis"]
    assert axis["ticktext"] == ["0", "0.0001", "0.001", "0.01", "0.1"]
    assert axis["tickvals"] == pytest.approx([at[0], -4, -3, -2, -1])


def test_the_loss_is_drawn_with_its_standard_error_gap_and_marks() -> None:
    shown = made()
    chart = path_charts.losses(shown, 2.3, "a")
    line = trace(chart, "validation")
    assert unpacked(line["y"]) == pytest.approx(shown.val_loss.mean(0), rel=1e-6)
    assert unpacked(line["error_y"]["array"]) == pytest.approx(shown.val_loss.std(0, ddof=1) / np.sqrt(3), rel=1e-5)
    assert line["fill"] == "tonexty" and chart.figure["data"].index(line) == 1, "the gap is between it and the line before it"
    guessing, best, largest = chart.figure["layout"]["shapes"]
    assert guessing["y0"] == guessing["y1"] == 2.3
    assert best["x0"] == pytest.approx(-4) and intervals.best(shown.val_loss) == 1
    assert largest["x0"] == pytest.approx(-3) and intervals.within_one_error(shown.val_loss) == 2
    middle, error = shown.val_loss.mean(0)[1], intervals.standard_error(shown.val_loss)[1]
    assert f"{middle:.3f} ± {error:.3f}, at λ = 0.0001" in chart.alt and chart.alt.endswith("is 0.001.")


def test_along_the_top_stand_the_weights_that_are_left() -> None:
    axis = path_charts.losses(made(), 2.3, "a").figure["layout"]["xaxis2"]
    assert axis["ticktext"] == ["2,000", "1,600", "1,000", "200", "0"]
    assert axis["tickvals"] == pytest.approx(path_charts.places(LAMS))


def test_the_accuracy_has_wilson_s_interval() -> None:
    line = trace(path_charts.accuracies(made(), 200, "a"), "accuracy")
    middle = made().val_accuracy.mean(0)
    for i, right in enumerate(middle):
        low, high = intervals.wilson(200 * right, 200)
        assert unpacked(line["error_y"]["array"])[i] == pytest.approx(high - right, abs=1e-6)
        assert unpacked(line["error_y"]["arrayminus"])[i] == pytest.approx(right - low, abs=1e-6)
    assert unpacked(trace(path_charts.accuracies(made(), 200, "a"), "exact zeros")["y"]) == pytest.approx([0, 0.2, 0.5, 0.9, 1])


def test_the_norm_stands_under_guessing_divided_by_lam() -> None:
    chart = path_charts.norms(made(), 2.3, "l1", "a")
    bound = unpacked(trace(chart, "bound")["y"])
    assert np.isnan(bound[0]) and bound[1:] == pytest.approx(2.3 / LAMS[1:], rel=1e-6)
    assert "nowhere above" in chart.alt
    assert "At 3 of 4 λ it lies above" in path_charts.norms(made(), 0.01, "l1", "a").alt


def test_a_bound_is_drawn_where_the_penalty_is_no_less_than_lam_times_the_norm() -> None:
    w = torch.randn(12, 7, generator=torch.Generator().manual_seed(0))
    for kind in ("l1", "group", "l2"):
        penalty = penalties.make(kind, 0.1)
        assert penalty
        holds = all(float(penalty.value(size * w)) >= float(0.1 * size * w.abs().sum()) * (1 - 1e-6) for size in (0.01, 1, 100))
        chart = path_charts.norms(made(), 2.3, kind, "a")
        assert ("bound" in [each["name"] for each in chart.figure["data"]]) == ("minimiser" in chart.alt) == holds
        titles = [panel.title for panel in path_stage.build(made(), networks(), SPEC.with_values(penalty=kind), WORDS).panels]
        assert any("bound" in title for title in titles) == holds


def test_the_largest_lam_within_one_standard_error_is_named_with_as_many_letters_as_have_room() -> None:
    def names(loss: list[float]) -> list[tuple[str, str]]:
        noise = np.array([[-0.03], [0.0], [0.03]])  # the standard error is 0.017 at every λ
        shown = dataclasses.replace(made(), val_loss=loss + noise)
        shapes = path_charts.accuracies(shown, None, "a").figure["layout"]["shapes"]
        return [(shape["label"]["text"], shape["label"]["xanchor"]) for shape in shapes]

    assert names([0.5, 0.3, 0.3, 0.9, 2.3]) == [("best", "right"), ("one standard error", "left")]
    assert names([0.5, 0.4, 0.5, 0.3, 0.3]) == [("best", "right"), ("1 SE", "left")]
    assert names([0.1, 0.4, 0.5, 0.3, 0.3]) == [("best", "left")]


def test_others_runs_are_points_where_their_lam_is() -> None:
    line = trace(path_charts.losses(made(), 2.3, "a", points=points()), "the class")
    assert unpacked(line["x"]) == pytest.approx([-4 - path_charts.BREAK, np.log10(2e-3)])
    assert unpacked(line["y"]) == pytest.approx([0.6, 0.4], rel=1e-6)
    cold = trace(path_charts.accuracies(made(), None, "a", made(3, 0.2)), "cold start")
    assert cold["marker"]["symbol"].endswith("-open")
    assert unpacked(cold["y"]) == pytest.approx(made(3, 0.2).val_accuracy.mean(0), rel=1e-6)


def test_warm_and_cold_starts_that_differ_by_more_than_a_standard_error_are_told() -> None:
    warm, cold = made(), made(3, 0.1)
    noise = np.random.default_rng(1).normal(0, 0.01, (3, S))
    cold.val_loss[:] += noise
    cold.val_loss[:, 3] = warm.val_loss[:, 3] + noise[:, 3] - 0.1
    cold.val_loss[:, 4] = warm.val_loss[:, 4] + [-0.1, 0, 0.1]
    assert "lower than a cold start's at 3 of 5 λ and higher at 1: 0.01." in path_charts.apart(warm, cold)
    assert "at least two seeds" in path_charts.apart(made(1), made(1))


def test_the_accuracy_s_sentence_names_the_sparsest_within_one_standard_error_of_the_best() -> None:
    shown = made()
    said = path_charts.accuracy_finding(shown)
    sparsest = intervals.within_one_error(-shown.val_accuracy)
    assert sparsest is not None
    assert f"λ = {LAMS[sparsest]:.2g} has {percent(shown.zeros[0, sparsest])} exact zeros" in said
    assert "Within" not in path_charts.accuracy_finding(made(1))


def test_where_no_larger_lam_is_within_one_standard_error_that_is_said() -> None:
    noise = np.array([[-0.03], [0.0], [0.03]])
    loss = np.array([0.5, 0.3, 0.6, 0.9, 2.3]) + noise
    shown = dataclasses.replace(made(), val_loss=loss, val_accuracy=1 - loss / 2.5)
    assert path_charts.loss_finding(shown).endswith("at λ = 0.0001; no larger λ stays within one standard error of it.")
    said = path_charts.accuracy_finding(shown)
    assert "at λ = 0.0001. No larger λ stays within one standard error of it; 20.0 % of" in said and "Within" not in said


def test_a_seed_that_never_began_takes_no_finding_from_the_others() -> None:
    parts = {name: value.copy() for name, value in vars(made()).items() if name not in ("lams", "weights")}
    for values in parts.values():
        values[2] = np.nan
    two = Path(LAMS, **{name: value[:2] for name, value in parts.items()}, weights=2000)
    shown = Path(LAMS, **parts, weights=2000)
    assert path_charts.loss_finding(shown) == path_charts.loss_finding(two) != "No λ has ended yet."
    assert path_charts.accuracy_finding(shown) == path_charts.accuracy_finding(two) != "No λ has ended yet."
    assert path_charts.losses(shown, 2.3, "a").figure["layout"] == path_charts.losses(two, 2.3, "a").figure["layout"]
    assert path_stage.build(shown, networks(), SPEC, WORDS).start == path_stage.build(two, networks(), SPEC, WORDS).start
    assert path_charts.unfinished(two) == "" and "2 of 3 have come to the first, and all of these to λ = 0.1." in (
        path_charts.unfinished(shown)
    )
    shown.val_loss[1, 3:] = np.nan
    assert "all of these to λ = 0.001." in path_charts.unfinished(shown)
    assert "1 of 3 have come to the first, and all of these to λ = 0.0001." in path_charts.unfinished(begun().until(2))
    nothing = dataclasses.replace(shown, val_loss=np.full((3, S), np.nan))
    assert path_charts.unfinished(nothing) == path_charts.loss_finding(nothing) == "No λ has ended yet."


@pytest.mark.parametrize("by_gate", [False, True])
@pytest.mark.parametrize("shown", [made(), made(1)], ids=["three paths", "one path"])
def test_the_stage_has_every_panel_for_every_lam(shown: Path, by_gate: bool) -> None:
    heard = ([str(i) for i in range(WORDS)], np.full((S, WORDS), 0.1))
    built = path_stage.build(shown, networks(), SPEC, WORDS, clips=200, points=points(), heard=heard, by_gate=by_gate)
    assert built.steps == ("0", "0.0001", "0.001", "0.01", "0.1")
    kinds = [type(panel).__name__ for panel in built.panels]
    assert kinds == ["Readouts", "Curves", "Curves", "Maps", "Maps", "Histogram", "Bars", "Curves", "Curves"]
    assert json.loads(json.dumps(stage.wire(built), allow_nan=False))
    assert built.start == (intervals.within_one_error(shown.val_loss) or intervals.best(shown.val_loss))
    assert "validation loss" in built.alts[3] and "90.0 % exact zeros" in built.alts[3]
    assert ("±" in built.alts[3]) == (shown.paths > 1)
    zeros = built.panels[5].zeros  # type: ignore[attr-defined]
    assert zeros[0] == 0 and (np.diff(zeros) > 0).all()


def test_what_is_a_mean_over_seeds_and_what_is_of_the_first_is_told_apart() -> None:
    zeros = sum(np.count_nonzero(w == 0) for w in networks()[3].values()) / sum(w.size for w in networks()[3].values())
    assert percent(zeros) != percent(made().zeros.mean(0)[3])  # so that one name for both would contradict itself
    for paths, means, weights, dead in (
        (1, "At this λ", "All weights", "dead units"),
        (3, "At this λ, on average over the seeds", "All weights of the first seed", "dead units, first seed"),
    ):
        built = path_stage.build(made(paths), networks(), SPEC, WORDS)
        readouts, histogram = built.panels[0], built.panels[5]
        assert (readouts.title, histogram.title) == (means, weights)
        assert isinstance(readouts, stage.Readouts) and readouts.names[4] == dead
        assert readouts.texts[3][2] == percent(made(paths).zeros.mean(0)[3])
        assert ("on average" in built.alts[3]) == ("of the first seed" in built.alts[3]) == (paths > 1)


def test_without_a_word_the_stage_keeps_its_panels() -> None:
    silent = path_stage.build(made(), networks(), SPEC, WORDS)
    assert [type(panel).__name__ for panel in silent.panels][6] == "Bars"
