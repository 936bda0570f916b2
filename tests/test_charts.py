"""Figures against Plotly's own schema, and what they show against the numbers they were made from."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from l1demo import charts, model, sound_charts, sparsity
from l1demo.charts import Chart
from l1demo.spec import RunSpec

SPEC = RunSpec().with_values(hidden=16, mels=20, lam=1e-3, epochs=300)


def rows(epochs: int, spec: RunSpec = SPEC) -> list[dict[str, Any]]:
    """Epochs of a recogniser that loses more of its weights in each, and whose others are of every size."""
    recogniser = model.build(spec, 10)
    random = np.random.default_rng(0)
    made = []
    for epoch in range(1, epochs + 1):
        with torch.no_grad():
            for w in recogniser.weights().values():
                w[torch.rand(w.shape) < 0.02] = 0
                w[0, :3] = torch.tensor([1e-5, -3.0, 5.0])
        loss, val = random.uniform(0, 2.5, 2)
        made.append(
            {
                "epoch": epoch,
                "train_loss": loss,
                "val_loss": val,
                "train_accuracy": random.random(),
                "val_accuracy": random.random(),
            }
            | {"penalty": 0.1, "objective": loss + 0.1, "seconds": 0.2, **sparsity.describe(recogniser)}
        )
    return made


def unpacked(array: dict[str, Any]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(array["bdata"]), np.dtype(array["dtype"]))
    return flat.reshape([int(n) for n in array["shape"].split(",")]) if "shape" in array else flat


def picture(**more: Any) -> Chart:
    level = np.linspace(-100, 0, 60, dtype=np.float32).reshape(6, 10)
    return sound_charts.picture(level, 0.016, [f"{i} Hz" for i in range(6)], "frequency", "dB", "A picture.", "clip", **more)


ALL: dict[str, Callable[[], Chart]] = {
    "loss": lambda: charts.loss(rows(5), SPEC, 2.303),
    "loss, long": lambda: charts.loss(rows(80), SPEC, 2.303),
    "loss, no penalty": lambda: charts.loss(rows(2), RunSpec().with_values(lam=0.0)),
    "loss, no rows": lambda: charts.loss([], SPEC, 2.303),
    "accuracy": lambda: charts.accuracy(rows(5), SPEC),
    "accuracy, no rows": lambda: charts.accuracy([], SPEC),
    "histogram": lambda: charts.histogram(rows(5), SPEC),
    "histogram, no rows": lambda: charts.histogram([], SPEC),
    "waveform": lambda: sound_charts.waveform(np.float32([-0.5, -0.1]), np.float32([0.1, 0.25]), 1.5, "clip"),
    "picture": picture,
    "picture of deviations": lambda: picture(centred=True),
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_plotly_knows_everything_in_every_figure(make: Callable[[], Chart]) -> None:
    chart = make()
    go.Figure(chart.figure)  # raises for any name or value that is not in the schema
    for step in chart.steps:
        assert len(step["data"]) == len(chart.figure["data"])
        go.Figure({**chart.figure, "data": [{**t, **c} for t, c in zip(chart.figure["data"], step["data"], strict=True)]})
    assert json.loads(json.dumps(chart.figure, allow_nan=False)) == chart.figure


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_chart_says_something_in_one_sentence(make: Callable[[], Chart]) -> None:
    chart = make()
    assert re.fullmatch(r"[A-Z0-9].*\.", chart.alt)
    assert "nan" not in chart.alt and "{" not in chart.alt
    assert all(step["alt"].endswith(".") for step in chart.steps)


@pytest.mark.parametrize("name", [name for name in ALL if "no rows" in name])
def test_without_rows_the_sentence_says_so(name: str) -> None:
    assert ALL[name]().alt == "No epoch has ended yet."


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.int8])
@pytest.mark.parametrize("shape", [(0,), (7,), (3, 4)])
def test_packed_arrays_are_the_arrays(dtype: type, shape: tuple[int, ...]) -> None:
    values = (np.random.default_rng(0).normal(0, 50, shape)).astype(dtype)
    for array in (values, np.asfortranarray(values), values[::-1]):
        back = unpacked(charts.packed(array))
        assert back.dtype == dtype
        assert np.array_equal(back, array)


def test_lines_show_the_rows_numbers_from_epoch_1() -> None:
    made = rows(7)
    for chart, names in (
        (charts.loss(made, SPEC), ("train_loss", "val_loss", "objective")),
        (charts.accuracy(made, SPEC), ("train_accuracy", "val_accuracy")),
    ):
        for trace, name in zip(chart.figure["data"], names, strict=True):
            assert (trace["x0"], trace["dx"]) == (1, 1)
            assert unpacked(trace["y"]) == pytest.approx([row[name] for row in made], rel=1e-6)


def test_the_gap_is_shaded_between_training_and_validation() -> None:
    train, validation, _objective = charts.loss(rows(3), SPEC).figure["data"]
    assert "fill" not in train
    assert validation["fill"] == "tonexty"  # to the trace before it


def test_the_objective_and_the_penalty_s_beginning_are_drawn_only_where_there_is_a_penalty() -> None:
    with_penalty, without = charts.loss(rows(3), SPEC, 2.3), charts.loss(rows(3), SPEC.with_values(penalty="none"), 2.3)
    assert [len(c.figure["data"]) for c in (with_penalty, without)] == [3, 2]
    assert [len(c.figure["layout"]["shapes"]) for c in (with_penalty, without)] == [2, 1]
    guessing, begins = with_penalty.figure["layout"]["shapes"]
    assert guessing["y0"] == guessing["y1"] == 2.3
    assert begins["x0"] == begins["x1"] == SPEC.penalty.free_epochs + 0.5


def test_the_histogram_s_bars_and_its_zeros_are_all_weights() -> None:
    made = rows(9)
    total = sum(p.numel() for p in model.build(SPEC, 10).weights().values())
    zero, bars = charts.histogram(made, SPEC).figure["data"]
    assert zero["y"] == [made[-1]["exact_zero_fraction"]]
    assert unpacked(bars["y"]).sum() + round(zero["y"][0] * total) == total


def test_a_bar_stands_over_the_weights_that_it_counts() -> None:
    row = rows(1)[0]
    bars = charts.histogram([row], SPEC).figure["data"][1]
    counts = unpacked(bars["y"])
    centres = bars["x0"] + bars["dx"] * np.arange(len(counts))
    assert centres == pytest.approx((sparsity.EDGES[:-1] + sparsity.EDGES[1:]) / 2)


def test_the_bar_of_exact_zeros_stands_apart_on_axes_of_its_own() -> None:
    figure = charts.histogram(rows(2), SPEC).figure
    zero, bars = figure["data"]
    assert (zero.get("xaxis", "x"), zero.get("yaxis", "y")) != (bars["xaxis"], bars["yaxis"])
    assert figure["layout"]["xaxis"]["domain"][1] < figure["layout"]["xaxis2"]["domain"][0]
    assert zero["marker"]["color"] != bars["marker"]["color"]


def test_findings_are_the_rows_numbers() -> None:
    made = rows(6)
    last = made[-1]
    loss, accuracy, histogram = charts.loss(made, SPEC).alt, charts.accuracy(made, SPEC).alt, charts.histogram(made, SPEC).alt
    assert all(sentence.startswith("Epoch 6: ") for sentence in (loss, accuracy, histogram))
    gap = last["val_loss"] - last["train_loss"]
    assert re.findall(r"[+-]?\d+\.\d+", loss) == [f"{last['train_loss']:.3f}", f"{last['val_loss']:.3f}", f"{gap:+.3f}"]
    assert re.findall(r"[\d.]+ %", accuracy) == [f"{100 * last[n]:.1f} %" for n in ("train_accuracy", "val_accuracy")]
    nearly = last["near_zero_fraction"] - last["exact_zero_fraction"]
    assert re.findall(r"[\d.]+ %", histogram) == [f"{100 * last['exact_zero_fraction']:.1f} %", f"{100 * nearly:.1f} %"]
    assert f"of {sum(w.numel() for w in model.build(SPEC, 10).weights().values()):,} weights" in histogram


def test_the_waveform_s_finding_is_its_length_and_peak() -> None:
    assert "1.50 s" in ALL["waveform"]().alt
    assert "50 %" in ALL["waveform"]().alt


def test_zoom_survives_an_epoch_and_not_another_run() -> None:
    before, after = charts.loss(rows(3), SPEC), charts.loss(rows(4), SPEC)
    assert before.figure["layout"]["uirevision"] == after.figure["layout"]["uirevision"]
    other = charts.loss(rows(3), SPEC.with_values(seed=1))
    assert other.figure["layout"]["uirevision"] != before.figure["layout"]["uirevision"]
    assert (before.subject == after.subject) and other.subject != before.subject


@pytest.mark.parametrize("epochs", [20, 200, 300])
def test_an_update_of_the_train_view_is_under_10_kb(epochs: int) -> None:
    spec = RunSpec().with_values(epochs=epochs, lam=1e-3)
    made = rows(1, spec) * epochs  # the default size; only the count of rows matters here
    views = (charts.loss(made, spec, 2.303), charts.accuracy(made, spec), charts.histogram(made, spec))
    size = sum(len(json.dumps({"figure": view.figure, "alt": view.alt})) for view in views)
    assert size < 10_000
