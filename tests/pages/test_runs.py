"""Runs: what stands beside each other, the pins and their address, the table of earlier runs, their names and their end."""

import base64
import json

import fakes
import numpy as np
import pytest
import safetensors.numpy
from distributed import Queue
from streamlit.testing.v1 import AppTest

from l1demo import film
from l1demo.spec import RunSpec
from l1demo.store import DONE, RUNNING

from .looks import has

TABLE = "runs-history"


def described(seed: int, **more: object) -> RunSpec:
    return RunSpec().with_values(seed=seed, **{"epochs": 3, "free_epochs": 1, "hidden": 16} | more)


def mark(page: AppTest, rows: list[int], key: str = TABLE) -> AppTest:
    """Mark rows of a table, as the browser tells the server that they were clicked."""
    table = page.get_by_key(key)
    states = page._tree.get_widget_states()
    state = states.widgets.add()
    state.id, state.string_value = table.proto.id, json.dumps({"selection": {"rows": rows, "columns": [], "cells": []}})
    return page._run(states)


def panels(stage: dict, kind: str) -> list[dict]:
    return [panel for panel in stage["panels"] if panel["kind"] == kind]


def levels(panel: dict) -> np.ndarray:
    shape = [int(n) for n in panel["levels"]["shape"].split(",")]
    return np.frombuffer(base64.b64decode(panel["levels"]["bdata"]), np.int8).reshape(shape)  # (S, R, C)


@pytest.fixture
def stage(charted):
    return lambda page: charted(page, "runs-stage")


@pytest.fixture
def three(visit, engine, ended) -> tuple[AppTest, list[RunSpec]]:
    """The page of a visitor with three runs that are done, the newest first."""
    page = visit("runs")
    specs = [described(40, lam=0.0), described(40, lam=3e-3), described(41, lam=3e-3, epochs=6)]
    for spec in specs:
        engine.submit(spec, page.session_state["visitor"])
    for spec in specs:
        assert ended(spec).state == DONE
    return page.run(), specs[::-1]


def test_without_a_run_it_says_what_to_do(visit) -> None:
    page = visit("runs")
    assert not page.exception
    assert "Train a network first" in page.info[0].value
    assert not page.dataframe and not has(page, "runs-stage")


@pytest.mark.parametrize("layers", [1, 2])
def test_a_run_alone_shows_every_gate_of_every_epoch_and_its_dead_units(visit, engine, ended, stage, layers) -> None:
    spec = RunSpec().with_values(seed=42, epochs=3, free_epochs=1, lam=3e-3, hidden=32, layers=layers)
    engine.submit(spec, "eve")
    run = ended(spec)
    page = visit("runs", run=spec.id)
    assert not page.exception and not page.error and not page.warning
    shown = stage(page)
    assert shown["steps"] == ["1", "2", "3"] and shown["start"] == 2
    maps = panels(shown, "Maps")
    assert len(maps) == 2 * layers and all(len(each["gates"]) == 4 for each in maps)
    final = safetensors.numpy.load(engine.weights(spec.id))
    frames = engine.film(spec.id)
    names = [f"lstm.weight_{kind}_l{layer}" for layer in range(layers) for kind in ("ih", "hh")]
    for name, each in zip(names, maps, strict=True):
        assert np.array_equal(levels(each)[-1] == 0, final[name] == 0)
        for epoch in (1, 2):
            assert np.array_equal(levels(each)[epoch - 1], film.unpack(frames[epoch])[name])
    dead = [sum(int(n) for n in np.frombuffer(base64.b64decode(each["dead"]["bdata"]), np.uint8)[-32:]) for each in maps[::2]]
    assert dead == run.rows[-1]["dead_units"]
    (histogram,) = panels(shown, "Histogram")
    assert histogram["zeros"] == [row["exact_zero_fraction"] for row in run.rows]
    (numbers,) = panels(shown, "Readouts")
    at = dict(zip(numbers["names"], numbers["texts"][1], strict=True))
    assert (at["epoch"], at["λ"], at["validation loss"]) == ("2", "0.003", f"{run.rows[1]['val_loss']:.3f}")
    assert dict(page.query_params) == spec.to_query() | {"run": spec.id}


def test_pinned_runs_stand_beside_each_other_and_what_differs_is_named(three, stage) -> None:
    page, (_longest, sparse, dense) = three
    assert len(panels(stage(page), "Readouts")) == 1  # the newest, as long as nothing is pinned
    mark(page, [1, 2])
    assert not page.exception
    assert dict(page.query_params) == {"pin": f"{sparse.id},{dense.id}"}
    assert page.info[0].value.startswith("They differ in λ alone. They began with the same weights")
    titles = [panel["title"] for panel in panels(stage(page), "Readouts")]
    assert titles == ["● λ = 0.003", "◆ λ = 0"]
    mark(page, [0, 1, 2])
    assert page.info[0].value == "They differ in λ, seed and epochs."
    shown = stage(page)
    assert shown["steps"][-1] == "6"
    epochs = [each["texts"][-1][0] for each in panels(shown, "Readouts")]
    assert epochs == ["3", "3", "6"]  # the shorter ones stay at their last
    lines = [line for panel in panels(shown, "Curves") for line in panel["figure"]["data"]]
    assert len(lines) == 9
    for look in (lambda line: line["line"]["dash"], lambda line: line["marker"]["symbol"], lambda line: line["line"]["color"]):
        assert len({look(line) for line in lines}) == 3
    assert len(panels(shown, "Maps")) == len(panels(shown, "Histogram")) == 3
    (table,) = page.table
    assert sorted(table.value["setting"]) == ["Epochs", "Seed", "λ"]


def test_pins_stay_on_other_pages_and_open_by_their_link(visit, three, stage) -> None:
    page, (_longest, sparse, dense) = three
    mark(page, [2])
    mark(page, [1, 2])
    address = {"pin": f"{dense.id},{sparse.id}"}  # in the order of pinning
    assert dict(page.query_params) == address
    root = page._script_path.rsplit("/l1demo/", 1)[0]
    page.switch_page(f"{root}/pages/listen.py").run()
    page.switch_page(f"{root}/pages/runs.py").run()
    assert len(panels(stage(page), "Readouts")) == 2
    assert dict(page.query_params) == address
    other = visit("runs", **address)  # somebody without runs of their own
    assert not other.exception and not other.warning and not other.dataframe
    assert len(panels(stage(other), "Readouts")) == 2
    assert stage(other)["alts"] == stage(page)["alts"]


def test_pins_are_let_go_of_and_more_than_four_are_refused(three, visit, engine, ended, stage) -> None:
    page, specs = three
    mark(page, [0, 1])
    page.multiselect(key="runs-pins").unselect(specs[0].id).run()
    assert dict(page.query_params) == {"pin": specs[1].id}
    assert page.session_state[TABLE]["selection"]["rows"] == [1]
    page.multiselect(key="runs-pins").unselect(specs[1].id).run()
    assert not page.exception and "pin" not in page.query_params
    more = [described(seed) for seed in (43, 44)]
    for spec in more:
        engine.submit(spec, page.session_state["visitor"])
        ended(spec)
    page.run()
    mark(page, [0, 1, 2, 3, 4])
    assert "4 runs fit" in page.warning[0].value
    assert page.query_params["pin"].count(",") == 3
    assert len(panels(stage(page), "Readouts")) == 4
    other = visit("runs", pin=",".join(spec.id for spec in [*specs, *more]))
    assert not other.exception and "4 runs fit" in other.warning[0].value


@pytest.mark.parametrize("pin", ["../../x", ",,,", "'; DROP TABLE runs; --", "x" * 10_000, "0123456789abcdef,%00"])
def test_a_pin_that_cannot_be_is_told(visit, pin) -> None:
    page = visit("runs", pin=pin)
    assert not page.exception
    assert not pin.strip(",") or "left out" in page.warning[0].value
    assert "pin" not in page.run().query_params and not page.warning


def test_the_table_filters_and_keeps_pins_that_it_does_not_list(three) -> None:
    page, (_longest, sparse, dense) = three
    assert page.dataframe[0].value["λ"].tolist() == [3e-3, 3e-3, 0]
    mark(page, [2])
    page.text_input(key=f"{TABLE}-words").set_value("0.003 SEED").run()
    assert page.dataframe[0].value["seed"].tolist() == [41, 40]
    mark(page, [1])
    assert dict(page.query_params) == {"pin": f"{dense.id},{sparse.id}"}
    page.text_input(key=f"{TABLE}-words").set_value("").run()
    assert page.session_state[TABLE]["selection"]["rows"] == [1, 2]
    page.multiselect(key=f"{TABLE}-lams").set_value([0.0]).run()
    assert page.dataframe[0].value["λ"].tolist() == [0]
    page.multiselect(key=f"{TABLE}-lams").set_value([]).run()
    page.multiselect(key=f"{TABLE}-states").set_value(["done"]).run()
    assert len(page.dataframe[0].value) == 3
    page.text_input(key=f"{TABLE}-words").set_value("no such run").run()
    assert not page.exception and len(page.dataframe[0].value) == 0


def test_names_are_given_kept_and_shown(three, engine, stage) -> None:
    page, (_longest, sparse, _dense) = three
    mark(page, [1, 2])
    next(each for each in page.button if each.label == "Rename").click().run()
    page.text_input(key=f"name-{sparse.id}").set_value("thin")
    next(each for each in page.button if each.label == "Save").click().run()
    page.run()
    assert not page.exception
    assert page.dataframe[0].value["name"].tolist() == ["", "thin", ""]
    assert [panel["title"] for panel in panels(stage(page), "Readouts")] == ["● thin", "◆ λ = 0"]
    assert [run.name for run in engine.history(page.session_state["visitor"])] == ["", "thin", ""]


def test_deleted_runs_are_gone_from_the_list_and_others_keep_theirs(three, engine, ended) -> None:
    page, (longest, sparse, dense) = three
    visitor, own = page.session_state["visitor"], described(51)
    engine.submit(own, visitor)
    ended(own)
    engine.submit(dense, "eve")
    mark(page.run(), [0, 3])
    next(each for each in page.button if each.label == "Delete").click().run()
    assert page.multiselect(key="delete-runs").value == [own.id, dense.id]
    assert len(engine.history(visitor)) == 4  # it asks first
    page.button(key="delete-now").click().run()
    page.run()
    assert not page.exception and not page.error and not page.warning
    assert [run.id for run in engine.history(visitor)] == [longest.id, sparse.id]
    assert engine.run(own.id) is None
    assert dense.id in [run.id for run in engine.history("eve")]
    assert page.dataframe[0].value["seed"].tolist() == [41, 40] and "pin" not in page.query_params


def test_a_run_under_way_grows_and_has_its_heat_maps_when_it_has_ended(visit, engine, wait_for, ended, stage) -> None:
    done, spec = described(45), described(fakes.PACED_NOISE + 45)
    for each in (done, spec):
        engine.submit(each, "eve")
    ended(done)
    page = visit("runs", pin=f"{done.id},{spec.id}")
    assert not page.exception and not panels(stage(page), "Maps")  # before the first epoch, too
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    pace.put(1)
    wait_for(lambda: len(engine.run(spec.id).rows) == 1)
    assert engine.run(spec.id).state == RUNNING
    shown = stage(page.run())
    assert not page.exception and not panels(shown, "Maps")
    assert [each["texts"][-1][0] for each in panels(shown, "Readouts")] == ["3", "1"]
    assert page.progress[0].text.startswith("Epoch 1 of 3")
    for _epoch in range(2):
        pace.put(1)
    ended(spec)
    assert len(panels(stage(page.run()), "Maps")) == 2


def test_a_failed_run_says_why_and_leaves_its_place_empty(visit, engine, ended, stage) -> None:
    done, failed = described(46), described(fakes.REFUSING + 46)
    for each in (done, failed):
        engine.submit(each, "eve")
        ended(each)
    page = visit("runs", pin=failed.id)
    assert not page.exception and not has(page, "runs-stage")
    assert page.progress[0].text == "There is no such corpus."
    page = visit("runs", pin=f"{failed.id},{done.id}")
    assert not page.exception and page.progress[0].text == "There is no such corpus."
    assert len(panels(stage(page), "Maps")) == 1
    assert [panel["texts"][0] for panel in panels(stage(page), "Readouts") if not panel["names"]] == [[]]


def test_a_run_without_a_film_keeps_its_final_weights_and_says_so(visit, engine, ended, stage, monkeypatch) -> None:
    spec = described(47, lam=3e-3)
    engine.submit(spec, "eve")
    ended(spec)
    monkeypatch.setattr(engine, "film", lambda run_id: {})
    page = visit("runs", run=spec.id)
    shown = levels(panels(stage(page), "Maps")[0])
    assert len(shown) == 3 and np.array_equal(shown[0], shown[2])
    assert any("Only the final weights were kept" in caption.value for caption in page.caption)


def test_a_path_says_the_lam_of_each_epoch(visit, engine, ended, stage) -> None:
    spec = described(48, lam=0.0, lam_changes="2:0.001 3:0.01", lr_falls="each", free_epochs=0)
    engine.submit(spec, "eve")
    ended(spec)
    shown = stage(visit("runs", run=spec.id))
    assert shown["steps"] == ["1 · λ = 0", "2 · λ = 0.001", "3 · λ = 0.01"]
    (numbers,) = panels(shown, "Readouts")
    assert [row[numbers["names"].index("λ")] for row in numbers["texts"]] == ["0", "0.001", "0.01"]


def test_no_cell_of_the_table_says_none(visit, engine, ended) -> None:
    page = visit("runs")
    spec = described(fakes.REFUSING + 49)
    engine.submit(spec, page.session_state["visitor"])
    ended(spec)
    table = page.run().dataframe[0]
    assert table.value["accuracy"].isna().all()
    assert table.proto.placeholder == "–"


def test_another_run_is_chosen_while_one_is_under_way(visit, engine, submitted, ended, wait_for) -> None:
    page = visit("train", seed="50", epochs="2")
    next(each for each in page.button if each.label == "Train").click().run()
    ended(submitted[0])
    page.number_input(key="set-seed").set_value(fakes.PACED_NOISE + 50).run()
    next(each for each in page.button if each.label == "Train").click().run()
    wait_for(lambda: engine.run(submitted[1].id).state == RUNNING)
    page.run()
    assert page.session_state["shown"] == submitted[1].id
    shown = page.dataframe[0]
    assert shown.value["seed"].tolist() == [fakes.PACED_NOISE + 50, 50]
    mark(page, [1], shown.key)
    assert not page.exception
    assert page.session_state["shown"] == submitted[0].id and page.number_input(key="set-seed").value == 50
    assert page.progress[0].text.startswith("Done: 2 epochs")
    mark(page, [0], page.dataframe[0].key)  # and back to the one that goes on
    assert page.session_state["shown"] == submitted[1].id
    pace = Queue(f"pace-{fakes.PACED_NOISE + 50}", client=engine._connection.client)
    for _epoch in range(2):
        pace.put(1)
    assert ended(submitted[1]).state == DONE
