"""The lesson's figures against Plotly's own schema, and what they show and say against the numbers they were made from."""

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from l1demo import methods, methods_charts
from l1demo.methods import METHODS
from l1demo.store import DONE, RUNNING, Run

EPOCHS = 3
SWING = [[0.002, 0.001], [0.001, -0.001], [-0.001, 0.002]]  # of the chosen weight with the penalty in the loss, [epoch][step]


def row(epoch: int, trace: list[float], zeros: float = 0.25) -> dict[str, Any]:
    """A record whose four traced weights are far from 0 but for the third."""
    return {"epoch": epoch, "exact_zero_fraction": zeros, "trace": [[0.5, 0.5, w, 0.5] for w in trace]}


@pytest.fixture
def runs() -> dict[str, Run]:
    traces = {key: [[0.3, 0.4]] * EPOCHS for key in METHODS} | {"loss": SWING, "proximal": [[0.01, 0.0], [0.0, 0.001], [0.0, 0.0]]}
    specs = methods.descriptions(1e-3, 0)
    return {
        key: Run(specs[key].id, specs[key], state=DONE, rows=tuple(row(i + 1, trace) for i, trace in enumerate(traces[key])))
        for key in METHODS
    }


def values(array: dict[str, Any]) -> list[float]:
    return np.frombuffer(base64.b64decode(array["bdata"]), np.dtype(array["dtype"])).tolist()


def test_the_figures_are_plotly_s(runs) -> None:
    for chart in (methods_charts.zeros(runs, "a"), methods_charts.weight(runs, "a"), methods_charts.zeros({}, "a")):
        go.Figure(chart.figure)
        assert chart.subject == "a" and chart.alt.endswith(".")


def test_each_method_has_a_line_that_is_known_by_more_than_its_colour(runs) -> None:
    lines = methods_charts.zeros(runs, "a").figure["data"]
    assert [line["name"] for line in lines] == [method.name for method in METHODS.values()]
    assert len({(line["line"]["color"], line["line"]["dash"]) for line in lines}) == len(METHODS)
    assert values(lines[0]["y"]) == [0.25] * EPOCHS


def test_the_finding_of_zeros_has_each_method_s_share(runs) -> None:
    runs["proximal"] = replace(runs["proximal"], rows=(*runs["proximal"].rows[:-1], row(3, [0.0, 0.0], 0.5)))
    alt = methods_charts.zeros(runs, "a").alt
    assert "penalty in the loss 25.0 %" in alt and "proximal Adam 50.0 %" in alt


def test_one_weight_is_drawn_for_every_method_and_every_epoch_has_its_step(runs) -> None:
    chart = methods_charts.weight(runs, "a")
    assert [step["label"] for step in chart.steps] == ["1", "2", "3"]
    for step, swing in zip(chart.steps, SWING, strict=True):
        assert values(step["data"][-2]["y"]) == pytest.approx(swing)
        assert len(step["data"]) == len(chart.figure["data"])
    assert values(chart.figure["data"][-2]["y"]) == pytest.approx(SWING[-1])
    assert chart.alt == chart.steps[-1]["alt"]


def test_the_sentence_counts_crossings_and_steps_at_0_and_names_what_lies_beyond(runs) -> None:
    steps = methods_charts.weight(runs, "a").steps
    assert "of the cell gate, over the 2 steps of epoch 2" in steps[1]["alt"]
    assert "changes sides 1 times and is exactly 0 after 0 steps; under proximal Adam it is exactly 0 after 1." in steps[1]["alt"]
    assert "exactly 0 after 2." in steps[2]["alt"]
    assert "L2 in the loss +0.4" in steps[2]["alt"] and "penalty in the loss +" not in steps[2]["alt"].split("Beyond")[1]


def test_a_weight_that_stays_on_its_side_or_at_0_crosses_nothing() -> None:
    counted = [methods_charts._crossings(np.array(w)) for w in ([1.0, 0.0, 2.0], [0.0, 0.0], [1.0, 0.0, -1.0, 1.0])]
    assert counted == [0, 0, 2]


def test_the_scale_is_of_the_last_swings_and_the_same_for_all_epochs(runs) -> None:
    chart = methods_charts.weight(runs, "a")
    low, high = chart.figure["layout"]["yaxis"]["range"]
    assert -low == high == pytest.approx(0.002 * methods_charts.ROOM)
    assert all(set(change) == {"y"} for step in chart.steps for change in step["data"])


def test_while_runs_are_under_way_the_newest_epoch_is_drawn_and_nothing_concluded(runs) -> None:
    early = runs | {
        "loss": replace(runs["loss"], state=RUNNING, rows=runs["loss"].rows[:2]),
        "group": replace(runs["group"], state=RUNNING, rows=()),
    }
    chart = methods_charts.weight(early, "a")
    assert not chart.steps and "when all have ended" in chart.alt
    names = [line["name"] for line in chart.figure["data"]]
    assert sorted(names) == sorted(method.name for key, method in METHODS.items() if key != "group")
    assert names[-2:] == ["penalty in the loss", "proximal Adam"]  # on top of the others
    assert methods_charts.zeros({}, "a").alt == "No epoch has ended yet."
