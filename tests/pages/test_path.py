"""λ path: alive without training, several paths submitted together, their address, cold starts, the class's runs, and a word."""

from pathlib import Path

import fakes
import pytest

from l1demo import path as lam_path
from l1demo import paths
from l1demo.engine import Engine
from l1demo.spec import RunSpec
from l1demo.store import DONE

from .looks import button

ROOT = Path(__file__).parents[2]
MEANS = "At this λ, on average over the seeds"
QUICK = {"epochs": "3", "hidden": "16"}


@pytest.fixture
def staged(charted):
    """A function that returns what was sent to the stage: its panels by title, and the rest."""

    def sent(page):
        wire = charted(page, "path-stage")
        return {panel["title"]: panel for panel in wire["panels"]}, wire

    return sent


@pytest.fixture
def small(visit, monkeypatch):
    """A function that opens the page with settings whose paths take a second."""
    monkeypatch.setattr(lam_path, "FEWEST", 2)

    def open(**query: str):
        page = visit("path", **(QUICK | query))
        page.slider(key="path-stops").set_value(2)
        page.slider(key="path-seeds").set_value(2)
        return page.run()

    return open


def test_the_shipped_path_is_there_without_training(visit, submitted, staged) -> None:
    page = visit("path")
    assert not page.exception and not page.error and not page.warning
    panels, wire = staged(page)
    kept = paths.shipped()
    assert wire["steps"] == [f"{lam:g}" for lam in lam_path.lams_of(kept.specs[0])]
    assert "Validation loss is least" in page.success[0].value and "±" in page.success[0].value
    assert panels["What it hears in your word"]["names"] == list(kept.words)
    assert len(panels["What it hears in your word"]["parts"]) == len(wire["steps"])
    assert panels["Loss"]["at"] == sorted(panels["Loss"]["at"])
    assert not submitted and not page.query_params


def test_before_there_are_workers_only_the_word_is_missing(visit, staged, monkeypatch) -> None:
    monkeypatch.setattr(Engine, "ready", False)
    page = visit("path")
    assert not page.exception and not page.error
    panels, _wire = staged(page)
    assert panels["What it hears in your word"]["names"] == ["no word yet"]
    assert any("waking up" in each.value for each in page.caption)


def test_another_word_is_heard_along_the_path(visit, staged) -> None:
    page = visit("path")
    before = staged(page)[0]["What it hears in your word"]["parts"]
    (box,) = [each for each in page.selectbox if each.label == "Word"]
    box.set_value("three").run()
    panel = staged(page)[0]["What it hears in your word"]
    assert panel["parts"] != before
    assert all(sum(parts) == pytest.approx(1, abs=1e-3) for parts in panel["parts"])
    assert panel["names"][panel["chosen"][0]] == "three"


def test_gates_are_followed_in_place_of_single_weights(visit, staged) -> None:
    page = visit("path")
    assert "Single weights" in staged(page)[0]
    page.toggle(key="path-gates").set_value(True).run()
    assert len(staged(page)[0]["Gates"]["figure"]["data"]) == 9


def test_several_seeds_are_runs_submitted_together_whose_path_replaces_the_shipped_one(
    small, visit, submitted, ended, staged
) -> None:
    page = small()
    button(page, "Run").click().run()
    assert [spec.seed for spec in submitted] == [0, 1]
    assert {spec.with_values(seed=0) for spec in submitted} == {submitted[0]}
    spec = submitted[0]
    assert spec.lam == 0 and len(spec.changes) == 2 and spec.model.hidden == 16 and spec.training.epochs == 3 + 2
    runs = [ended(each) for each in submitted]
    assert all(run.state == DONE for run in runs)
    page.run()
    assert dict(page.query_params) == QUICK | {"stops": "2", "seeds": "2"}
    for view in (page, visit("path", **page.query_params)):  # here, and elsewhere
        assert not view.exception and not view.error and not view.warning
        assert [bar.text[:14] for bar in view.progress] == ["Done: 5 epochs"] * 2
        panels, wire = staged(view)
        assert wire["steps"] == [f"{lam:g}" for lam in lam_path.lams_of(spec)]
        losses = [sum(run.rows[end - 1]["val_loss"] for run in runs) / 2 for end in lam_path.ends_of(spec)]
        assert [f"{loss:.3f}" for loss in losses] == [texts[0].split(" ")[0] for texts in panels[MEANS]["texts"]]
    button(page, "Show the lab's own path").click().run()
    assert len(staged(page)[1]["steps"]) == 17 and not page.query_params


@pytest.mark.parametrize(("seed", "gone"), [("70", [0]), ("72", [1]), ("74", [0, 1])])
def test_a_path_whose_runs_have_been_deleted_is_told_and_can_be_made_again(
    small, engine, submitted, ended, staged, seed, gone
) -> None:
    page = small(seed=seed)
    button(page, "Run").click().run()
    first, second = submitted
    for spec in (first, second):
        ended(spec)
    visitor = page.run().session_state["visitor"]
    for i in gone:
        engine.delete(submitted[i].id, visitor)
    page.run()
    assert not page.exception and "A run of this path has been deleted." in page.error[0].value
    assert not page.success
    button(page, "Run").click().run()
    for spec in (first, second):
        ended(spec)
    page.run()
    assert not page.exception and not page.error and len(staged(page)[1]["steps"]) == 3
    button(page, "Show the lab's own path").click().run()
    assert len(staged(page)[1]["steps"]) == 17


def test_cold_starts_are_usual_runs_and_are_compared(small, submitted, ended, staged) -> None:
    page = small()
    page.toggle(key="path-cold").set_value(True).run()
    button(page, "Run").click().run()
    assert len(submitted) == 2 + 3 * 2
    assert [spec.lam for spec in submitted[2:]] == [lam for lam in lam_path.lams_of(submitted[0]) for _seed in (0, 1)]
    assert not any(spec.changes for spec in submitted[2:])
    for spec in submitted:
        ended(spec)
    page.run()
    assert not page.exception and not page.error
    assert page.query_params["cold"] == "1"
    assert "than a cold start's at" in page.success[0].value
    names = [trace.get("name") for trace in staged(page)[0]["Loss"]["figure"]["data"]]
    assert "cold start" in names and "the class" not in names


def test_runs_of_others_that_differ_in_lam_seed_and_epochs_alone_land_on_the_path(visit, engine, ended, staged) -> None:
    def names(page) -> list[str]:
        return [trace.get("name") for trace in staged(page)[0]["Loss"]["figure"]["data"]]

    page = visit("path")
    others = {"hidden": 17}
    engine.submit(RunSpec().with_values(lam=0.004, seed=40, epochs=2, **others), "mallory")
    ended(RunSpec().with_values(lam=0.004, seed=40, epochs=2, **others))
    assert "the class" not in names(page.run())
    spec = RunSpec().with_values(lam=0.004, seed=40, epochs=2)
    engine.submit(spec, "mallory")
    ended(spec)
    assert "the class" in names(page.run())
    page.toggle(key="path-watching").set_value(True).run()
    assert not page.exception


def test_a_path_under_way_is_followed_and_can_be_stopped(small, engine, wait_for, ended, submitted) -> None:
    page = small(seed=str(fakes.PACED_NOISE + 60))
    page.slider(key="path-seeds").set_value(1).run()
    button(page, "Run").click().run()
    (spec,) = submitted
    assert not page.exception and not button(page, "Stop").disabled
    assert page.get_by_key("path-loss") and not page.success
    button(page, "Stop").click().run()
    from distributed import Queue

    Queue(f"pace-{spec.seed}", client=engine._connection.client).put(1)
    ended(spec)
    page.run()
    assert not page.exception and button(page, "Stop").disabled


def test_a_path_that_was_stopped_says_what_the_seeds_that_ran_found(small, engine, wait_for, ended, submitted, staged) -> None:
    from distributed import Queue

    page = small(seed=str(fakes.PACED_NOISE + 80))
    button(page, "Run").click().run()
    pace = [Queue(f"pace-{spec.seed}", client=engine._connection.client) for spec in submitted]
    for _epoch in range(4):
        pace[0].put(1)
    wait_for(lambda: len(engine.run(submitted[0].id).rows) == 4)
    button(page, "Stop").click().run()
    for each in pace:
        each.put(1)
    rows = [ended(spec).rows for spec in submitted]
    assert len(rows[0]) >= 4 and len(rows[1]) < 3
    page.run()
    assert not page.exception and not page.error and not page.success
    (said,) = page.info
    assert "1 of 2 have come to the first" in said.value and "Validation loss is least" in said.value
    assert "No λ has ended" not in said.value and len(staged(page)[1]["steps"]) >= 2


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"stops": "banana"}, "stops is “banana”; write a whole number from 12 to 20"),
        ({"stops": "1000"}, "stops is “1000”"),
        ({"stops": "12", "seeds": "99"}, "seeds is “99”; write a whole number from 1 to 5"),
        ({"stops": "12", "epochs": "300"}, "epochs is 312"),
        ({"stops": "12", "hidden": "18"}, "The path of this address has not been made here"),
    ],
)
def test_an_address_that_cannot_be_is_answered_with_a_sentence_and_the_shipped_path(visit, staged, query, sentence) -> None:
    page = visit("path", **query)
    assert not page.exception
    assert sentence in page.warning[0].value
    assert len(staged(page)[1]["steps"]) == 17
    assert not page.query_params


def test_the_choices_are_as_they_were_after_a_visit_to_another_page(visit, submitted) -> None:
    page = visit("path")
    page.slider(key="path-stops").set_value(12)
    page.slider(key="path-seeds").set_value(2)
    page.toggle(key="path-cold").set_value(True).run()
    for name in ("runs", "path"):
        page.switch_page(str(ROOT / "pages" / f"{name}.py")).run()
        assert not page.exception
    assert (page.slider(key="path-stops").value, page.slider(key="path-seeds").value) == (12, 2)
    assert page.toggle(key="path-cold").value and not submitted


def test_settings_that_make_no_path_are_refused_and_nothing_is_trained(visit, submitted) -> None:
    page = visit("path", epochs="299")
    button(page, "Run").click().run()
    assert not page.exception and not submitted
    assert "epochs is 315; choose a number from 1 to 300" in page.warning[0].value


def test_back_shows_the_path_of_its_address(small, submitted, ended) -> None:
    page = small()
    addresses = []
    for hidden in (18, 19):
        page.number_input(key="set-hidden").set_value(hidden).run()
        button(page, "Run").click().run()
        for spec in submitted[-2:]:
            ended(spec)
        addresses.append(dict(page.run().query_params))
    page.query_params.clear()
    page.query_params.update(addresses[0])  # as the browser's Back does
    page.run()
    assert dict(page.query_params) == addresses[0] and not page.exception and not page.warning
    assert page.number_input(key="set-hidden").value == 18
    assert len(submitted) == 4
