"""Runs beside each other, against the rows and frames they were made from."""

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from l1demo import compare_charts, film, model, sparsity, stage
from l1demo.charts import Chart
from l1demo.compare_charts import Side
from l1demo.spec import RunSpec
from l1demo.stage import Curves, Histogram, Maps, Readouts


def side(name: str, epochs: int, filmed: bool = True, **values: Any) -> Side:
    """A recogniser that loses more of its weights in each epoch."""
    spec = RunSpec().with_values(**{"hidden": 16, "mels": 20, "epochs": epochs} | values)
    recogniser = model.build(spec, 10)
    generator = torch.Generator().manual_seed(epochs)
    size = sum(w.numel() for w in recogniser.weights().values())
    rows, frames = [], {}
    for epoch in range(1, epochs + 1):
        with torch.no_grad():
            for w in recogniser.weights().values():
                w.mul_(torch.rand(w.shape, generator=generator) > 0.1)
        if filmed and epoch in film.epochs(epochs, size):
            frames[epoch] = film.unpack(film.frame({name: w.detach().numpy() for name, w in recogniser.weights().items()}))
        losses = {"train_loss": 1 / epoch, "val_loss": 1.5 / epoch, "train_accuracy": 0.9, "val_accuracy": 1 - 0.5 / epoch}
        rows.append({"epoch": epoch, "lam": spec.lam_at(epoch), **losses, **sparsity.describe(recogniser)})
    return Side(name, spec, rows, frames)


def heights(chart: Chart) -> np.ndarray:
    return np.frombuffer(base64.b64decode(chart.figure["data"][0]["y"]["bdata"]), np.float32)


def panels(made: stage.Stage | None, kind: type) -> list[Any]:
    assert made
    return [panel for panel in made.panels if isinstance(panel, kind)]


def test_every_map_is_of_the_epoch_that_the_slider_says() -> None:
    short, long, longest = side("a", 12), side("b", 60), side("c", 97)
    for sides in ([short], [long], [short, long], [short, long, longest], [long, short]):
        made = compare_charts.stage(sides, "x", matrices=["lstm.weight_hh_l0"])
        assert made
        epochs = [int(step) for step in made.steps]
        assert epochs[-1] == max(len(each.rows) for each in sides) and len(epochs) > 4
        for each, maps, numbers in zip(sides, panels(made, Maps), panels(made, Readouts), strict=True):
            at = [min(epoch, len(each.rows)) for epoch in epochs]
            assert np.array_equal(maps.levels, np.stack([each.frames[epoch]["lstm.weight_hh_l0"] for epoch in at]))
            assert [row[0] for row in numbers.texts] == [str(epoch) for epoch in at]
            dead = [each.rows[epoch - 1]["dead_units"][0] for epoch in at]
            assert maps.dead.sum(1).tolist() == dead


def test_histograms_count_the_rows_weights_on_one_scale() -> None:
    sides = [side("a", 3), side("b", 5, hidden=32)]
    histograms = panels(compare_charts.stage(sides, "x"), Histogram)
    for each, made in zip(sides, histograms, strict=True):
        last = each.rows[-1]
        assert made.zeros[-1] == last["exact_zero_fraction"]
        assert made.counts[-1].sum() == sum(g["size"] - g["exact"] for m in last["matrices"].values() for g in m["gates"].values())
    tops = {made.wire()["top"] for made in histograms}
    assert tops == {max(int(made.counts.max()) for made in histograms)}


def test_runs_are_told_apart_without_colour_and_plotly_takes_the_charts() -> None:
    sides = [side(name, epochs, filmed=False) for name, epochs in zip("abcd", (3, 4, 5, 6), strict=True)]
    for curves in panels(compare_charts.stage(sides, "x"), Curves):
        figure = go.Figure(curves.chart.figure)
        assert len({line.line.dash for line in figure.data}) == len({line.marker.symbol for line in figure.data}) == 4
        assert [line.name for line in figure.data] == list("abcd")
        assert all(f"{sign} {name}" in curves.chart.alt for sign, name in zip(compare_charts.SIGNS, "abcd", strict=True))
        assert curves.chart.alt.endswith(".") and curves.chart.figure["layout"]["xaxis"]["range"][1] == 6.5


def test_the_lines_are_the_numbers_of_the_clips_that_are_asked_for() -> None:
    each = side("a", 4, filmed=False)
    for part in ("val", "train"):
        chart = compare_charts.loss([each], part)
        assert np.allclose(heights(chart), [row[f"{part}_loss"] for row in each.rows])
        assert f"{each.rows[-1][f'{part}_loss']:.3f}" in chart.alt
    assert np.isnan(heights(compare_charts.loss([each], "seen"))).all()


def test_without_frames_there_are_no_heat_maps_and_without_rows_nothing() -> None:
    under_way = Side("b", RunSpec().with_values(epochs=9), [])
    assert compare_charts.stage([], "x") is None
    assert compare_charts.stage([under_way], "x") is None
    made = compare_charts.stage([side("a", 3, filmed=False), under_way], "x")
    assert not panels(made, Maps)
    assert set(panels(made, Readouts)[1].texts[-1]) == {"–"}
    assert stage.wire(made)["start"] == 2 if made else False


def test_a_place_without_weights_stays_empty() -> None:
    sides = [side("a", 3, layers=2), side("b", 3), side("c", 3, filmed=False)]
    made = compare_charts.stage(sides, "x", matrices=["lstm.weight_ih_l1"])
    assert made
    below = [panel for panel in made.panels if panel.span == 4][6:9]  # after the numbers and the curves
    assert [type(panel).__name__ for panel in below] == ["Maps", "Readouts", "Readouts"]


def test_a_long_film_of_large_networks_stays_small() -> None:
    sides = [side(name, 40, hidden=256, mels=128) for name in "ab"]
    made = panels(compare_charts.stage(sides, "x"), Maps)
    assert len(made[0].levels) >= 2 and sum(each.levels.size for each in made) <= 2 * film.ROOM


def test_each_step_is_said_in_a_sentence() -> None:
    made = compare_charts.stage([side("a", 2), side("b", 3)], "x")
    assert made
    assert made.alts[0].startswith("Weights that are exactly 0, and validation clips heard right, at ● a: ")
    assert made.alts[0].endswith("% and 50.0 %.") and "◆ b: " in made.alts[0]
