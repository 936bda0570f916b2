"""The charts of a corpus: what they draw is what was counted, and their sentences say it."""

import base64
from typing import Any

import numpy as np
import pytest

from l1demo import data_charts


def unpacked(values: dict[str, Any]) -> np.ndarray:
    numbers = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return numbers.reshape([int(n) for n in values["shape"].split(", ")]) if "shape" in values else numbers


def divided(counts: list[list[int]], **more: Any) -> dict[str, Any]:
    speakers = tuple(f"s{i}" for i in range(len(counts[0])))
    return {
        "speakers": speakers,
        "counts": np.array(counts),
        "also": 0,
        "elsewhere": 0,
        "wrong": 0,
        "unused": 0,
        "untaught": (),
    } | more


def test_the_clips_of_each_word_and_speaker_are_drawn_from_0_up() -> None:
    clips = np.array([[3, 0, 1], [2, 2, 2]])
    chart = data_charts.counts("toy", ("yes", "no"), ("ann", "ben", "cid"), clips)
    heat = chart.figure["data"][0]
    np.testing.assert_array_equal(unpacked(heat["z"]), clips)
    assert (heat["x"], heat["y"], heat["zmin"], heat["zmax"]) == (["ann", "ben", "cid"], ["yes", "no"], 0, 3)
    assert chart.alt == "The words have from 4 clips (“yes”) to 6 (“no”); the 3 speakers gave from 2 to 5 each."


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        ([[2, 2], [2, 2]], "Every word has 4 clips; each of the 2 speakers gave 4."),
        ([[2], [3]], "The words have from 2 clips (“a”) to 3 (“b”), all by one speaker."),
    ],
)
def test_a_corpus_that_is_even_is_called_so(clips: list[list[int]], sentence: str) -> None:
    speakers = [f"s{i}" for i in range(len(clips[0]))]
    assert data_charts.counts("toy", ("a", "b"), speakers, np.array(clips)).alt == sentence


def test_new_voices_stand_at_the_right_of_those_heard_in_training() -> None:
    chart = data_charts.division("toy", divided([[0, 5, 0, 4], [0, 1, 0, 2], [7, 0, 0, 0]], unused=3))
    bars = chart.figure["data"]
    assert [bar["name"] for bar in bars] == ["training", "validation, voices known from training", "validation, voices never heard"]
    assert [bar["x"] for bar in bars] == [["s1", "s3", "s0", "s2"]] * 3
    assert [unpacked(bar["y"]).tolist() for bar in bars] == [[5, 4, 0, 0], [1, 2, 0, 0], [0, 0, 7, 0]]
    assert len({bar["marker"]["pattern"]["shape"] for bar in bars}) == 3  # told apart without colours, too
    assert chart.alt == (
        "9 clips of 2 voices are trained on. Validation: 7 of one voice never heard in training and 3 others of 2 voices known "
        "from it. 3 clips have no part in this."
    )


def test_what_is_not_there_is_not_drawn_and_what_comes_from_elsewhere_is_said() -> None:
    chart = data_charts.division("toy", divided([[5], [0], [0]], also=20, elsewhere=30, wrong=4))
    assert [bar["name"] for bar in chart.figure["data"]] == ["training"]
    assert chart.alt == (
        "5 clips of one voice are trained on, beside 20 of another corpus; 4 of them say a wrong word on purpose. "
        "Validation: 30 of another corpus."
    )


def test_a_word_that_nobody_says_in_training_is_named() -> None:
    chart = data_charts.division("toy", divided([[5, 0], [0, 0], [0, 5]], untaught=("no", "maybe")))
    assert "Nobody says “no” and “maybe” in training" in chart.alt


@pytest.mark.parametrize("n", [4, 300])
def test_names_are_written_where_they_can_be_read(n: int) -> None:
    layout = data_charts.division("toy", divided([[1] * n, [1] * n, [0] * n])).figure["layout"]
    assert layout["xaxis"].get("showticklabels", True) == (n == 4)
    assert layout["xaxis"]["title"]["text"] == ("speaker" if n == 4 else "300 speakers")
