"""Sentences from the numbers: each kind of outcome, and what the charts were given."""

import base64

import numpy as np
import pytest

from l1demo import payoff_charts

RANDOM = np.random.default_rng(0)


def around(middle: float) -> np.ndarray:
    return middle * RANDOM.uniform(0.95, 1.05, 100)


def found(**changes: object) -> dict:
    written = {"dense": 1000, "cut": 800, "csr32": 900, "csr16": 700, "bitmask": 500, "gzip": 450, "bitmask gzip": 440}
    return {"bytes": written, "weights": 250, "nonzero": 100, "biases": 64, "units": [16], "kept": [10], "deaf": 0} | changes


def unpacked(value: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"].replace("f", "<f"))


MS = {"first": around(1.0), "dense": around(1.0), "cut": around(0.5), "loop dense": around(2.0), "loop csr": around(3.0)}


def test_bytes_are_drawn_as_they_were_counted_and_the_smallest_is_named() -> None:
    chart = payoff_charts.sizes(found(), "x")
    bar = chart.figure["data"][0]
    assert dict(zip(bar["y"], bar["x"], strict=True))["CSR, 16-bit columns"] == 700
    assert "1,000 bytes; “bitmask, gzip” is the smallest form, with 440 bytes: 44.0 % of that" in chart.alt
    dense = found(bytes=dict.fromkeys(payoff_charts.FORMS, 1200) | {"dense": 1000})
    assert "no other form takes less" in payoff_charts.sizes(dense, "x").alt


def test_the_line_on_each_bar_goes_from_quartile_to_quartile() -> None:
    bar = payoff_charts.timing(MS, payoff_charts.WAYS, "x").figure["data"][0]
    for i, way in enumerate(payoff_charts.WAYS):
        low, middle, high = np.quantile(MS[way], (0.25, 0.5, 0.75))
        assert bar["x"][i] == pytest.approx(middle)
        assert bar["x"][i] - unpacked(bar["error_x"]["arrayminus"])[i] == pytest.approx(low)
        assert bar["x"][i] + unpacked(bar["error_x"]["array"])[i] == pytest.approx(high)


@pytest.mark.parametrize(
    ("changes", "which", "sentence"),
    [
        ({}, 0, "zeros that lie scattered in a matrix do not make it faster"),
        ({"dense": around(0.5)}, 0, "times as fast."),
        ({}, 1, "CSR matrices take 1.5"),
        ({"loop csr": around(1.0)}, 1, "CSR matrices are 2.0"),
        ({"loop csr": around(2.0)}, 1, "equally long"),
        ({}, 2, "Without the 6 of 16 units that reach no word, the fused network is 2.0"),
        ({"cut": around(1.0)}, 2, "takes equally long"),
        ({"cut": around(2.0)}, 2, "as long"),
    ],
)
def test_what_is_said_of_time_follows_the_measurement(changes: dict, which: int, sentence: str) -> None:
    assert sentence in payoff_charts.timing_findings(MS | changes, 1e-8, found())[which]


def test_it_is_said_by_how_much_the_cut_network_s_answers_differ() -> None:
    assert payoff_charts.timing_findings(MS, 1.23e-8, found())[2].endswith("changes by more than 1.2e-08.")
    assert payoff_charts.timing_findings(MS, 0.0, found())[2].endswith("no word's probability changes.")


def test_what_cannot_be_gained_is_said() -> None:
    said = payoff_charts.timing_findings(MS, 0.0, found(nonzero=250, kept=[16]))
    assert said[0].startswith("No weight of this network is 0")
    assert said[2].startswith("No unit could be cut away")


def test_units_that_had_to_stay_are_told_with_the_reason() -> None:
    assert payoff_charts.units_finding(found()).startswith("6 of 16 hidden units reach no word")
    assert "none can be cut away" in payoff_charts.units_finding(found(kept=[16]))
    assert "dead units have to stay" not in payoff_charts.units_finding(found())
    assert "3 more dead units have to stay: no sound reaches them" in payoff_charts.units_finding(found(deaf=3))


def test_one_unit_that_had_to_stay_is_told_in_the_singular() -> None:
    said = payoff_charts.units_finding(found(deaf=1))
    assert "One more dead unit has to stay: no sound reaches it" in said and "units have to" not in said


def test_a_network_of_nothing_but_zeros_is_told_as_one() -> None:
    gone = found(nonzero=0, kept=[0])
    assert "still has one unit in each layer" in payoff_charts.units_finding(gone)
    assert "still has one unit" not in payoff_charts.units_finding(found())
    said = payoff_charts.timing_findings(MS, 0.0, gone)[0]
    assert said.startswith("With 100.0 % of the weights 0") and "scattered" not in said and "nothing else" in said


def test_small_sizes_are_written_in_bytes() -> None:
    written = found()["bytes"] | {"dense": 80_400, "cut": 660, "bitmask gzip": 26}
    bar = payoff_charts.sizes(found(bytes=written), "x").figure["data"][0]
    shown = dict(zip(bar["y"], bar["text"], strict=True))
    assert (shown["dense"], shown["dense, unused units cut away"], shown["bitmask, gzip"]) == ("80.4 kB", "660 bytes", "26 bytes")


def test_bands_that_no_longer_reach_the_network_are_grey_and_counted() -> None:
    seen, hertz = RANDOM.normal(size=(4, 6)).astype(np.float32), np.array([100, 300, 800, 2000], np.float32)
    weight = np.array([0, 2, 5, 1], np.float32)
    chart = payoff_charts.bands(seen, 0.016, hertz, weight, "x")
    alive, dead, bar = chart.figure["data"]
    assert np.isnan(unpacked(alive["z"]).reshape(4, 6)).all(1).tolist() == [True, False, False, False]
    assert np.isnan(unpacked(dead["z"]).reshape(4, 6)).all(1).tolist() == [False, True, True, True]
    assert unpacked(bar["x"]).tolist() == [0, 2, 5, 1]
    assert "1 of 4 mel bands" in chart.alt and "largest at 800 Hz (5.00) and smallest at 2,000 Hz (1.00)" in chart.alt
    assert "All 4 mel bands" in payoff_charts.bands(seen, 0.016, hertz, weight + 1, "x").alt
    assert "deaf" in payoff_charts.bands(seen, 0.016, hertz, 0 * weight, "x").alt


def test_the_pair_is_told_in_its_own_numbers() -> None:
    chart = payoff_charts.pair([found(), found(nonzero=50, kept=[4])], [0.9, 0.8], "x")
    assert "L1: accuracy 90.0 %, 60.0 % of the weights 0, 10 of 16 units left; group lasso: accuracy 80.0 %" in chart.alt
    assert [trace["x"] for trace in chart.figure["data"]] == [[1000, 500, 800]] * 2
    ms = {"dense": around(1.0), "l1": around(1.0), "group": around(0.5)}
    assert "is 2.0" in payoff_charts.pair_finding(ms)
    assert "equally long" in payoff_charts.pair_finding(ms | {"group": around(1.0)})
    assert "times as long" in payoff_charts.pair_finding(ms | {"group": around(2.0)})
