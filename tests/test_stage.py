import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from l1demo import stage
from l1demo.charts import Chart
from l1demo.stage import Bars, Curves, Histogram, Maps, Readouts, Stage

S = 3
NOISE = np.random.default_rng(0)
LEVELS = NOISE.integers(-127, 128, (S, 8, 5)).astype(np.int8)
DEAD = NOISE.random((S, 2)) < 0.5
COUNTS = NOISE.integers(0, 2000, (S, stage.BINS))
GATES = ("input", "forget", "cell", "output")


def panels() -> dict[str, stage.Panel]:
    chart = Chart({"data": [{"type": "scatter", "x": [1, 2, 3], "y": [3, 2, 1]}], "layout": {}}, "It falls.")
    return {
        "curves": Curves("Loss", 6, chart, np.array([np.inf, 0.1, 1.0])),
        "maps": Maps("From the input", 6, LEVELS, GATES, "hidden unit", "mel band", DEAD),
        "histogram": Histogram("Weights", 6, COUNTS, np.array([0.0, 0.25, 1.0])),
        "bars": Bars("Words", 6, ("one", "two"), np.array([[0.25, 0.75], [0.6, 0.4], [0.0, 1.0]]), 0.8),
        "readouts": Readouts("Numbers", 12, ("λ", "zeros"), (("0", "0 %"), ("0.1", "25 %"), ("1", "100 %"))),
    }


def example() -> Stage:
    return Stage("λ", ("0", "0.1", "1"), tuple(panels().values()), 1, ("Dense.", "Sparse.", "Empty."), "path")


def sent() -> dict[str, Any]:
    return json.loads(json.dumps(stage.wire(example()), allow_nan=False))


def unpacked(values: dict[str, Any]) -> np.ndarray:
    shape = [int(n) for n in values.get("shape", "-1").split(",")]
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).reshape(shape)


def test_what_travels_is_what_was_there() -> None:
    there = sent()
    assert (there["label"], there["steps"], there["start"], there["subject"]) == ("λ", ["0", "0.1", "1"], 1, "path")
    assert there["alts"] == ["Dense.", "Sparse.", "Empty."]
    assert [(panel["kind"], panel["title"], panel["span"]) for panel in there["panels"]] == [
        (type(panel).__name__, panel.title, panel.span) for panel in panels().values()
    ]
    curves, maps, histogram, bars, readouts = there["panels"]
    assert curves["at"] == [None, 0.1, 1.0]
    assert curves["figure"]["data"][0]["y"] == [3, 2, 1]
    assert np.array_equal(unpacked(maps["levels"]), LEVELS)
    assert np.array_equal(unpacked(maps["dead"]), DEAD)
    assert np.array_equal(unpacked(histogram["counts"]), COUNTS)
    assert histogram["top"] == COUNTS.max()
    assert histogram["texts"] == ["0.0 %", "25.0 %", "100.0 %"]
    assert bars["texts"][1] == ["60.0 %", "40.0 %"]
    assert np.allclose(bars["parts"], [[0.3125, 0.9375], [0.75, 0.5], [0.0, 1.0]])  # of the top, and no further
    assert readouts["texts"][2] == ["1", "100 %"]


def test_the_largest_bar_of_a_step_is_chosen_unless_one_is_named() -> None:
    bars = panels()["bars"]
    assert bars.wire()["chosen"] == [1, 0, 1]
    assert bars.wire()["alts"] == ["two 75.0 %.", "one 60.0 %.", "two 100.0 %."]
    assert replace(bars, chosen=0).wire()["chosen"] == [0, 0, 0]


def test_each_step_of_the_maps_says_its_zeros_and_its_dead_units() -> None:
    levels = np.ones((2, 4, 5), np.int8)
    levels[1, :2] = 0
    maps = Maps("W", 6, levels, ("input", "cell"), "unit", "band", np.array([[False, False], [True, False]]))
    assert maps.wire()["alts"] == [
        "Exact zeros: input 0.0 %, cell 0.0 %. 0 of 2 units are dead.",
        "Exact zeros: input 100.0 %, cell 0.0 %. 1 of 2 units are dead.",
    ]


def test_black_is_level_0_and_no_other_and_the_deepest_levels_are_the_scale_s_ends() -> None:
    table = stage.colours().astype(int)
    levels = np.arange(-127, 128)
    drawn = table[levels & 255, :3]

    def rgb(name: str) -> list[int]:
        return [int(name[i : i + 2], 16) for i in (1, 3, 5)]

    assert drawn[0].tolist() == rgb(stage.DIVERGING[0]) and drawn[-1].tolist() == rgb(stage.DIVERGING[-1])
    distance = np.abs(drawn - rgb(stage.BLACK)).sum(1)
    assert distance[127] == 0
    assert np.delete(distance, 127).min() > 100
    assert (drawn[:127, 2] > drawn[:127, 0]).all()  # blue below
    assert (drawn[128:, 0] > drawn[128:, 2]).all()  # red above
    lightness = drawn.sum(1)
    assert (np.diff(lightness[:127]) >= 0).all() and (np.diff(lightness[128:]) <= 0).all()  # the paler, the smaller
    assert (table[:, 3] == 255).all()


@pytest.mark.parametrize("top", [1, 2, 7, 10, 49, 99, 1234, 5000, 98765])
def test_a_scale_has_a_few_round_ticks(top: int) -> None:
    ticks = [value for value, _text in Histogram("W", 6, np.full((1, stage.BINS), top), np.zeros(1)).wire()["ticks"]]
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= top < ticks[-1] + ticks[1]


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a panel of fewer steps": (lambda: replace(example(), steps=("0", "1"), alts=("a.", "b.")), "'Loss' has 3 steps, the stage 2"),
    "a finding too few": (lambda: replace(example(), alts=("a.",)), "1 findings for 3 steps"),
    "a sound without moments": (lambda: replace(example(), sound=b"RIFF", seconds=(0.1,)), "1 moments of the sound for 3 steps"),
    "a start beside the slider": (lambda: replace(example(), start=3), "cannot begin at step 3 of 3"),
    "too wide": (lambda: replace(panels()["bars"], span=13), "'Words' spans 13 columns"),
    "floating levels": (lambda: replace(panels()["maps"], levels=LEVELS.astype(float)), "levels are float64 of shape"),
    "levels of one step": (lambda: replace(panels()["maps"], levels=LEVELS[0]), "not int8"),
    "gates that do not divide": (lambda: replace(panels()["maps"], gates=("a", "b", "c")), "8 rows cannot be divided among 3"),
    "other units": (lambda: replace(panels()["maps"], dead=DEAD[:, :1]), r"dead has the shape \(3, 1\), not \(3, 2\)"),
    "other bins": (lambda: replace(panels()["histogram"], counts=COUNTS[:, 1:]), r"counts has the shape \(3, 79\), not \(3, 80\)"),
    "other zeros": (lambda: replace(panels()["histogram"], zeros=np.zeros(2)), r"counts has the shape \(3, 80\), not \(2, 80\)"),
    "a matrix of places": (lambda: replace(panels()["curves"], at=np.zeros((3, 2))), "at has the shape"),
    "a name too few": (lambda: replace(panels()["bars"], names=("one",)), r"values has the shape \(3, 2\), not \(3, 1\)"),
    "no top": (lambda: replace(panels()["bars"], top=0.0), "top above 0"),
    "no such bar": (lambda: replace(panels()["bars"], chosen=2), "bar 2 is chosen"),
    "a text too few": (lambda: replace(panels()["readouts"], names=("λ",)), "step 0 of the texts has the shape"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_refused_with_its_numbers(wrong: str) -> None:
    make, words = WRONG[wrong]
    with pytest.raises(ValueError, match=words):
        make()
