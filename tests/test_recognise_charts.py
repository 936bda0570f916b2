"""What is said of probabilities, counted and drawn again from the numbers that went in."""

import base64

import numpy as np
import pytest

from l1demo import confusion_charts, deaf_charts, path_charts, recognise_charts, stage
from l1demo.recognise_charts import Side

WORDS = ("no", "<b>yes</b>", "perhaps")


def unpacked(packed: dict) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"].replace("f", "<f"))
    return flat.reshape([int(n) for n in packed["shape"].split(",")]) if "shape" in packed else flat


def side(label: str, rows: list[list[float]], drop: list[float] | None = None, hop: float = 0.016) -> Side:
    n = len(rows)
    heard = {
        "words": WORDS,
        "seconds": 0.032 + hop * np.arange(n),
        "probabilities": np.array(rows),
        "drop": np.array(drop or [0.0] * n),
        "seen": np.arange(20 * n, dtype=np.float32).reshape(20, n),
        "hop": hop,
        "hertz": np.linspace(50, 3900, 20),
        "whole": b"RIFF",
    }
    return Side(label, heard)


CLEAR = [[0.4, 0.3, 0.3], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.03, 0.95, 0.02]]


def test_the_answer_is_the_most_probable_word_and_the_second_guess_the_next() -> None:
    assert recognise_charts.answer(WORDS, np.array([0.04, 0.93, 0.03])) == (
        "It heard “<b>yes</b>”, 93.0 % sure",
        "Second guess: “no”, 4.0 %",
    )


@pytest.mark.parametrize(
    ("p", "tells"), [([1 / 3] * 3, False), ([0.4, 0.3, 0.3], False), ([0.7, 0.2, 0.1], True), ([1, 0, 0], True)]
)
def test_who_is_near_guessing_cannot_tell(p: list[float], tells: bool) -> None:
    entropy = -sum(q * np.log(q) for q in p if q)
    assert recognise_charts.tells(np.array(p)) == tells == (entropy < 0.9 * np.log(3))
    answer, more = recognise_charts.answer(WORDS, np.array(p))
    assert (answer == "It cannot tell") != tells
    assert tells or more.endswith("who guesses gives each word 33.3 %.")


def test_probabilities_that_are_no_parts_of_one_are_judged_by_their_shares() -> None:
    assert not recognise_charts.tells(np.full(10, 0.6)) and recognise_charts.tells(np.array([0.6, 0.001, 0.001]))


def test_all_that_moves_stands_under_one_slider_with_the_sound() -> None:
    shown = recognise_charts.stage([side("a", CLEAR), side("b", [[1 / 3] * 3] * 4)], "sound")
    assert [panel.title for panel in shown.panels[:2]] == ["a", "b"]
    assert shown.alts[1] == "0.05 s: a: “no” 50.0 %; b: “no” 33.3 %."
    assert shown.start == 3 and shown.sound == b"RIFF" and shown.seconds == pytest.approx([0.032, 0.048, 0.064, 0.08])
    wire = stage.wire(shown)
    assert base64.b64decode(wire["sound"]["data"]) == b"RIFF" and len(wire["sound"]["seconds"]) == len(wire["steps"]) == 4
    bars = wire["panels"][0]
    assert bars["parts"] == CLEAR and bars["names"] == WORDS and bars["chosen"] == [0, 0, 1, 1]
    assert wire["panels"][2]["at"] == list(shown.seconds)


def test_a_network_with_steps_of_its_own_is_shown_as_of_its_last_one_before() -> None:
    slow = side("slow", [[0.6, 0.2, 0.2], [0.1, 0.8, 0.1]], hop=0.032)  # at 0.032 and 0.064 s
    bars = recognise_charts.stage([side("fast", CLEAR), slow], "sound").panels[1]
    assert isinstance(bars, stage.Bars)
    assert bars.values.argmax(1).tolist() == [0, 0, 1, 1]


def test_of_many_words_those_are_shown_that_came_near() -> None:
    n = 40
    rows = np.full((3, n), 0.01)
    rows[:, 33] = [0.2, 0.5, 0.6]
    rows[1, 5] = 0.3
    heard = side("a", CLEAR[:3]).heard | {"words": tuple(f"w{i}" for i in range(n)), "probabilities": rows}
    bars = recognise_charts.stage([Side("a", heard)], "s").panels[0]
    assert isinstance(bars, stage.Bars)
    assert len(bars.names) == recognise_charts.WORDS and {"w5", "w33"} <= set(bars.names)
    assert bars.values[:, bars.names.index("w33")].tolist() == [0.2, 0.5, 0.6]


def test_each_word_is_a_line_and_those_that_come_near_have_a_name() -> None:
    chart = recognise_charts.over_time(side("a", CLEAR), "s")
    lines = chart.figure["data"]
    drawn = np.array([unpacked(line["y"]) for line in lines]).T
    assert drawn == pytest.approx(np.array(CLEAR), abs=1e-6)
    assert lines[1]["name"] == "&lt;b&gt;yes&lt;/b&gt;" and lines[1]["line"]["width"] > lines[0]["line"]["width"]
    assert chart.alt == "From 0.06 s on its answer is “<b>yes</b>”; just before it was “no”."
    assert recognise_charts.over_time_finding(side("a", CLEAR[2:])) == "Its answer is “<b>yes</b>” from the first moment on."
    assert "cannot tell" in recognise_charts.over_time_finding(side("a", [[1 / 3] * 3] * 2))


def test_the_instant_that_mattered_is_named_with_what_it_cost() -> None:
    chart = recognise_charts.instants([side("a", CLEAR, [0.0, 0.1, 2.0, -1.0]), side("b", CLEAR)], "s")
    less = 95 * np.exp(-2)
    assert (
        chart.alt == f"a: without the 80 ms around 0.05 s, “<b>yes</b>” falls from 95.0 % to {less:.1f} %. b: no instant matters."
    )
    picture, a, b = chart.figure["data"]
    assert unpacked(picture["z"]).shape == (20, 4) and picture["x0"] == pytest.approx(0.016)
    assert unpacked(a["y"]) == pytest.approx([0.0, 0.1, 2.0, -1.0]) and a["line"]["dash"] != b["line"]["dash"]
    assert unpacked(a["x"]) == pytest.approx(0.016 + 0.016 * np.arange(4))  # the frames' middles


FOUND = {"words": WORDS, "said": np.array([0, 0, 0, 1, 1, 2, 2, 2]), "heard": np.array([0, 1, 1, 1, 1, 2, 0, 2])}


def test_what_is_confused_is_counted_and_the_worst_named() -> None:
    table = confusion_charts.counts(FOUND)
    assert table.tolist() == [[1, 2, 0], [0, 2, 0], [1, 0, 2]]
    assert confusion_charts.worst(table) == (0, 1)
    chart = confusion_charts.confusion(FOUND, "s")
    assert chart.alt == ("It hears 62.5 % of the 8 validation clips right. Most often it hears “no” as “<b>yes</b>”: 2 of 3 clips.")
    right, wrong = chart.figure["data"]
    assert right["text"] == [["1", "", ""], ["", "2", ""], ["", "", "2"]]
    assert wrong["text"] == [["", "2", ""], ["", "", ""], ["1", "", ""]]
    assert unpacked(wrong["z"])[0] == pytest.approx([np.nan, 2 / 3, np.nan], nan_ok=True)
    assert chart.figure["layout"]["yaxis"]["autorange"] == "reversed"  # the first word said stands on top


def test_none_confused_and_all_confused_are_said_as_such() -> None:
    perfect = FOUND | {"heard": FOUND["said"]}
    assert confusion_charts.worst(confusion_charts.counts(perfect)) is None
    assert confusion_charts.confusion_finding(perfect) == "It hears 100.0 % of the 8 validation clips right."
    deaf = FOUND | {"heard": np.full(8, 2)}
    assert confusion_charts.confusion_finding(deaf) == "It answers “perhaps” to each of the 8 validation clips: it is deaf."


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [
        ("no", "perhaps", ("perhaps", "no")),
        ("&lt;b&gt;yes&lt;/b&gt;", "no", ("no", "<b>yes</b>")),
        ("no", "None", None),
        ("", "", None),
    ],
)
def test_a_click_is_a_cell_only_where_there_is_one(x: str, y: str, cell: tuple[str, str] | None) -> None:
    assert confusion_charts.cell(WORDS, x, y) == cell


def test_the_nearest_clips_are_summed_up() -> None:
    found = {"words": ["no", "yes", "no"], "distances": np.array([0.12, 0.5, 0.6]), "of": 2967, "median": 3.0}
    assert confusion_charts.nearest_finding(found) == (
        "Of the 3 nearest training clips, 2 say “no”. The nearest is 0.12 away; half of all 2,967 are farther than 3.00."
    )


LAMS = np.array([0, 1e-4, 1e-3, 1e-2])
SURE, OTHER, GUESSING = [0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.34, 0.33, 0.33]


@pytest.mark.parametrize(
    ("rows", "deaf", "said"),
    [
        ([SURE, SURE, OTHER, OTHER], 2, "It goes deaf at λ = 0.001: from there on it no longer hears “no”, but “<b>yes</b>”."),
        ([SURE, OTHER, SURE, OTHER], 3, "It goes deaf at λ = 0.01: from there on it no longer hears “no”, but “<b>yes</b>”."),
        ([SURE, SURE, SURE, GUESSING], 3, "It goes deaf at λ = 0.01: from there on it cannot tell “no” from other words."),
        ([SURE] * 4, None, "It hears “no” up to the largest λ of this path, 0.01."),
        ([OTHER] * 4, 0, "At no λ of this path does it hear “no”."),
    ],
)
def test_deaf_is_from_where_on_the_word_is_never_heard_again(rows: list[list[float]], deaf: int | None, said: str) -> None:
    assert deaf_charts.deaf_at(np.array(rows), 0) == deaf
    chart = deaf_charts.against_lam(LAMS, WORDS, np.array(rows), 0, [], "s")
    assert chart.alt == said
    assert [shape["x0"] for shape in chart.figure["layout"].get("shapes", [])] == ([path_charts.places(LAMS)[deaf]] if deaf else [])


def test_networks_of_their_own_stand_at_their_lam_on_the_path_s_axis() -> None:
    rows = np.array([SURE, SURE, OTHER, OTHER])
    chart = deaf_charts.against_lam(LAMS, WORDS, rows, 0, [("a", 0.0, 0.5), ("b", 0.1, 0.1)], "s")
    *lines, a, b = chart.figure["data"]
    assert {line["name"] for line in lines} == {"", "no", "&lt;b&gt;yes&lt;/b&gt;"}
    said = next(line for line in lines if line["name"] == "no")
    assert unpacked(said["y"]) == pytest.approx(rows[:, 0], abs=1e-6)
    assert (a["x"], a["y"]) == ([path_charts.places(LAMS)[0]], [0.5]) and b["x"] == pytest.approx([-1])
    low, high = chart.figure["layout"]["xaxis"]["range"]
    assert low < a["x"][0] and high > -1, "a λ beyond the path's is cut off"
