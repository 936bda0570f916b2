"""Train: from λ to a run, its address, its stop, and what is said of runs that failed or were interrupted."""

import re

import fakes
import pytest
from distributed import Queue

from l1demo import charts
from l1demo.spec import RunSpec
from l1demo.store import DONE, INTERRUPTED, PAUSED, RUNNING, STOPPED
from l1demo.ui import pace

from .looks import button


def usable(page) -> bool:
    return not page.exception and not button(page, "Train").disabled and bool(page.select_slider(key="set-lam").options)


def test_a_first_visit_says_what_to_do(visit) -> None:
    page = visit("train")
    assert usable(page) and not page.warning
    assert "press Train" in page.progress[0].text
    assert button(page, "Stop").disabled
    words = [option.split(" · ")[1] for option in page.select_slider(key="set-lam").options]
    assert words[0] == "none"  # a true 0
    assert list(dict.fromkeys(words)) == ["none", "gentle", "strong", "collapse"]  # in this order
    assert "λ·‖W₀‖₁" in page.html[0].value and "2.30" in page.html[0].value  # ln 10 beside it


def test_train_runs_the_lam_that_is_chosen_and_the_address_says_so(visit, submitted, ended) -> None:
    page = visit("train", seed="10", epochs="3", free_epochs="1")
    page.select_slider(key="set-lam").set_value(2e-3).run()
    button(page, "Train").click().run()
    (spec,) = submitted
    assert spec == RunSpec().with_values(seed=10, epochs=3, free_epochs=1, lam=2e-3)
    assert page.query_params == {"seed": "10", "epochs": "3", "free-epochs": "1", "lam": "0.002", "run": spec.id}

    run = ended(spec)
    assert run.state == DONE
    for view in (page.run(), visit("train", run=spec.id), visit("train", **page.query_params)):  # reloaded, or opened elsewhere
        assert not view.exception and not view.warning
        assert view.progress[0].text.startswith("Done: 3 epochs")
        assert view.select_slider(key="set-lam").value == 2e-3
        assert view.metric[0].value == charts.percent(run.rows[-1]["exact_zero_fraction"])
        assert button(view, "Stop").disabled
        assert dict(view.query_params) == spec.to_query() | {"run": spec.id}
    button(page, "Train").click().run()
    assert submitted == [spec, spec]
    assert not page.exception


def test_a_run_that_ends_while_the_page_is_drawn_leaves_no_stale_button(visit, engine, ended, wait_for, monkeypatch) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 92, epochs=1, free_epochs=0)
    engine.submit(spec, "eve")
    wait_for(lambda: engine.run(spec.id).state == RUNNING)
    buttons = pace.buttons

    def then_it_ends(run) -> None:
        buttons(run)
        if not run.ended:
            Queue(f"pace-{spec.seed}", client=engine._connection.client).put(1)
            ended(spec)

    monkeypatch.setattr(pace, "buttons", then_it_ends)
    page = visit("train", run=spec.id)
    assert not page.exception
    assert page.progress[0].text.startswith("Done: 1 epochs") and button(page, "Stop").disabled


def test_the_formula_has_the_numbers_of_the_newest_epoch_and_they_add_up(visit, engine, ended) -> None:
    for penalty, norm in (("l1", "l1_norm"), ("l2", "l2_norm_squared")):
        spec = RunSpec().with_values(seed=11, epochs=2, free_epochs=0, penalty=penalty, lam=1e-2)
        engine.submit(spec, "eve")
        last = ended(spec).rows[-1]
        formula = visit("train", run=spec.id).latex[0].value
        for value in (f"{last['train_loss']:.3f}", f"{last['penalty']:.3f}", f"{last['objective']:.3f}", f"{last[norm]:.1f}"):
            assert value in formula
        assert r"\lambda\sum" in formula and ("w^2" in formula) == (penalty == "l2")


@pytest.mark.parametrize(("penalty", "named"), [("l1", True), ("l2", False), ("group", False)])
def test_a_lam_is_called_gentle_or_strong_only_under_the_penalty_of_which_that_was_measured(visit, penalty, named) -> None:
    page = visit("train", penalty=penalty)
    assert not page.exception
    options = page.select_slider(key="set-lam").options
    assert any("collapse" in option for option in options) == any("gentle" in option for option in options) == named


def test_no_penalty_is_written_as_0(visit, engine, ended) -> None:
    spec = RunSpec().with_values(seed=12, epochs=1, penalty="none")
    engine.submit(spec, "eve")
    ended(spec)
    assert r"0 \times" in visit("train", run=spec.id).latex[0].value


def test_the_charts_are_those_of_the_run(visit, engine, ended, charted) -> None:
    spec = RunSpec().with_values(seed=13, epochs=3, free_epochs=1, lam=3e-3)
    engine.submit(spec, "eve")
    rows = ended(spec).rows
    page = visit("train", run=spec.id)
    for key, chart in (("loss", charts.loss), ("accuracy", charts.accuracy), ("histogram", charts.histogram)):
        assert charted(page, f"train-{key}")["alt"] == chart(rows, spec).alt
    assert len(charted(page, "train-loss")["figure"]["layout"]["shapes"]) == 2  # guessing, and where the penalty begins


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"lam": "banana"}, "lam is “banana”; write a number"),
        ({"lam": "99"}, "lam is 99.0; choose a number from 0 to 10"),
        ({"lam": "nan"}, "lam is nan; choose"),
        ({"seed": "-1"}, "seed is -1; choose a number from 0 to 2147483647"),
        ({"seed": "9" * 400}, "seed is 999"),
        ({"hop": "32", "window": "8"}, "hop is 32 ms, longer than the window of 8 ms"),
        ({"augment": "yes"}, "augment is “yes”; write 0 or 1"),
        ({"corpus": "../../x.zip"}, "no corpus of that name"),
        ({"run": "../../x"}, "has not been made here"),
        ({"run": "0123456789abcdef"}, "has not been made here"),
        ({"run": "'; DROP TABLE runs; --"}, "has not been made here"),
        ({"run": "x" * 10_000, "lam": "0.002"}, "has not been made here"),
    ],
)
def test_an_address_that_cannot_be_is_told_and_the_page_is_usable(visit, submitted, query, sentence) -> None:
    page = visit("train", **query)
    assert usable(page)
    assert len(page.warning) == 1
    assert sentence in page.warning[0].value
    assert len(page.warning[0].value) < 700
    assert "run" not in page.query_params
    page.run()
    assert usable(page) and not page.warning  # said once
    assert page.select_slider(key="set-lam").value == (2e-3 if query.get("lam") == "0.002" else 1e-3)


def test_the_address_sets_every_control(visit) -> None:
    asked = {
        **{"lam": "0.0007", "penalty": "l2", "method": "subgradient", "split": "recordings", "train_clips": "150"},
        **{"label_noise": "0.25", "augment": "0", "mels": "64", "window": "25", "hop": "10", "hidden": "32", "layers": "2"},
        **{"loss": "mse", "epochs": "7", "batch": "32", "lr": "0.01", "free_epochs": "2", "seed": "5"},
    }
    page = visit("train", **asked)
    assert usable(page) and not page.warning
    shown = {name: page.get_by_key(f"set-{name.replace('_', '-')}").value for name in asked}
    assert {name: float(value) if re.fullmatch(r"[\d.]+", value) else value for name, value in asked.items()} == shown


def test_a_setting_that_cannot_be_with_another_is_refused_and_nothing_changes(visit, submitted) -> None:
    page = visit("train", seed="14", epochs="1")
    page.number_input(key="set-hop").set_value(32.0).run()
    page.number_input(key="set-window").set_value(16.0).run()
    assert usable(page)
    assert "longer than the window of 16 ms" in page.warning[0].value
    button(page, "Train").click().run()
    assert (submitted[0].features.window_ms, submitted[0].features.hop_ms) == (32, 32)


def test_a_refused_setting_goes_back_to_what_is_in_force(visit) -> None:
    page = visit("train")
    page.number_input(key="set-hop").set_value(32.0).run()
    page.number_input(key="set-window").set_value(16.0).run()
    assert page.number_input(key="set-window").value == 32.0


def test_stop_ends_a_run_after_its_epoch(visit, engine, wait_for, submitted, ended) -> None:
    page = visit("train", seed=str(fakes.PACED_NOISE), epochs="300")
    button(page, "Train").click().run()
    (spec,) = submitted
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    assert page.progress[0].text.startswith(("Waiting", "Reading the clips"))
    pace.put(1)
    wait_for(lambda: len(engine.run(spec.id).rows) == 1)
    page.run()
    assert not page.exception
    assert page.progress[0].text.startswith("Epoch 1 of 300")
    assert engine.run(spec.id).state == RUNNING
    button(page, "Stop").click().run()
    assert not page.exception
    pace.put(1)
    assert ended(spec).state == STOPPED
    page.run()
    assert re.fullmatch(r"Stopped after [12] of 300 epochs", page.progress[0].text)
    assert button(page, "Stop").disabled
    assert "exactly 0" in [each.label for each in page.metric]


def test_a_run_that_waits_says_its_place(visit, engine, wait_for, submitted, ended) -> None:
    ahead = [RunSpec().with_values(seed=fakes.PACED_NOISE + 10 + i, epochs=1) for i in range(engine._connection.trainers + 1)]
    for spec in ahead:
        engine.submit(spec, "eve")
    page = visit("train", seed="15", epochs="1")
    button(page, "Train").click().run()
    assert page.progress[0].text == "Waiting: place 2 in the queue"
    button(page, "Stop").click().run()
    assert page.progress[0].text == "Stopped after 0 of 1 epochs"
    for spec in ahead:
        Queue(f"pace-{spec.seed}", client=engine._connection.client).put(1)
    for spec in ahead:
        ended(spec)


def test_a_failed_run_shows_its_sentence_and_can_be_asked_for_again(visit, submitted, ended) -> None:
    page = visit("train", seed=str(fakes.REFUSING + 20))
    button(page, "Train").click().run()
    ended(submitted[0])
    page.run()
    assert usable(page)
    assert page.progress[0].text == "There is no such corpus."
    button(page, "Train").click().run()
    assert usable(page) and len(submitted) == 2


def test_an_interrupted_run_is_shown_with_a_way_to_run_it_again(visit, engine, submitted, ended) -> None:
    spec = RunSpec().with_values(seed=16, epochs=2)
    engine._desk._store.add(spec, "eve")
    engine._desk._store.finish(spec.id, INTERRUPTED)
    page = visit("train", run=spec.id)
    assert usable(page)
    ending = "because the lab was ended; Train runs it again, from its last pause if it had one"
    assert page.progress[0].text == f"Interrupted after 0 of 2 epochs, {ending}"
    button(page, "Train").click().run()
    assert submitted == [spec]
    assert ended(spec).state == DONE
    assert page.run().progress[0].text.startswith("Done: 2 epochs")


def test_a_visitor_s_earlier_runs_are_listed_newest_first(visit, submitted, ended) -> None:
    page = visit("train", seed="17", epochs="2", lam="0.0005")
    button(page, "Train").click().run()
    page.select_slider(key="set-lam").set_value(0.0).run()
    button(page, "Train").click().run()
    rows = [ended(spec).rows[-1] for spec in reversed(submitted)]
    (table,) = page.run().dataframe
    assert table.value["λ"].tolist() == [0, 5e-4]
    assert table.value["seed"].tolist() == [17, 17]
    assert table.value["state"].tolist() == ["done", "done"]
    assert table.value["epochs"].tolist() == [2, 2]
    assert table.value["accuracy"].tolist() == [row["val_accuracy"] for row in rows]
    assert table.value["exactly 0"].tolist() == [row["exact_zero_fraction"] for row in rows]
    assert not visit("train").dataframe  # nor are they another's


def test_settings_go_with_the_visitor_from_page_to_page(visit) -> None:
    page = visit("train", lam="0.0005")
    root = page._script_path.rsplit("/l1demo/", 1)[0]
    for name in ("listen", "runs", "start", "train"):
        page.switch_page(f"{root}/pages/{name}.py").run()
        assert not page.exception, name
    assert page.select_slider(key="set-lam").value == 5e-4


def held(visit, engine, wait_for, seed: int, **values):
    """A run that is paused after its first epoch, and its page."""
    spec = RunSpec().with_values(seed=seed, epochs=4, free_epochs=0, **values)
    page = visit("train", **spec.to_query())
    button(page, "One epoch").click().run()
    wait_for(lambda: (run := engine.run(spec.id)) and run.state == PAUSED)
    return spec, page.run()


def test_one_epoch_at_a_time_and_then_on_to_the_end(visit, engine, ended, wait_for) -> None:
    spec, page = held(visit, engine, wait_for, fakes.NOISE + 20)
    assert page.progress[0].text == "Paused after 1 of 4 epochs"
    button(page, "One epoch").click().run()
    wait_for(lambda: (run := engine.run(spec.id)) and run.state == PAUSED and len(run.rows) == 2)
    button(page.run(), "Go on").click().run()
    assert wait_for(lambda: (run := engine.run(spec.id)) and run.state == DONE and run).last["epoch"] == 4
    page.run()
    assert button(page, "Pause").disabled and button(page, "One epoch").disabled and button(page, "Stop").disabled
    assert not page.exception


def test_pause_holds_a_run_and_its_address_goes_on_with_it(visit, engine, wait_for) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 21, epochs=3)
    page = visit("train", **spec.to_query())
    button(page, "Train").click().run()
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    button(page, "Pause").click().run()
    pace.put(None)
    wait_for(lambda: engine.run(spec.id).state == PAUSED)
    elsewhere = visit("train", run=spec.id)
    assert elsewhere.progress[0].text.startswith("Paused after 1 of 3")
    button(elsewhere, "Train").click().run()  # the same description goes on, it does not begin anew
    for _epoch in range(2):
        pace.put(None)
    wait_for(lambda: engine.run(spec.id).state == DONE)


def test_lam_is_changed_in_mid_run_by_its_button_alone(visit, engine, wait_for, charted) -> None:
    spec, page = held(visit, engine, wait_for, fakes.NOISE + 22, lam=1e-3)
    page.select_slider(key="set-lam").set_value(5e-3).run()
    assert engine.run(spec.id).state == PAUSED and page.progress[0].text.startswith(
        "Paused after 1"
    )  # the slider alone does nothing
    button(page, "Go on with λ = 0.005").click().run()
    changed = spec.with_change(2, 5e-3)
    run = wait_for(lambda: (run := engine.run(changed.id)) and run.state == DONE and run)
    page.run()
    assert [row["lam"] for row in run.rows] == [1e-3, 5e-3, 5e-3, 5e-3]
    assert page.query_params["run"] == changed.id
    assert page.select_slider(key="set-lam").value == 5e-3
    assert [shape["label"]["text"] for shape in charted(page, "train-loss")["figure"]["layout"]["shapes"]][-1] == "λ = 0.005"
    assert r"0.005 \times" in page.latex[0].value
    assert engine.run(spec.id).state == PAUSED  # what it would have been without the change can still be seen
    page.session_state["shown"] = spec.id  # as who chooses it among the earlier runs
    page.run()
    assert page.query_params["run"] == spec.id
    assert page.progress[0].text == "Paused after 1 of 4 epochs"


def test_without_a_penalty_there_is_no_lam_to_change(visit, engine, wait_for) -> None:
    _spec, page = held(visit, engine, wait_for, fakes.NOISE + 26, penalty="none")
    page.selectbox(key="set-penalty").select("l1").run()
    page.select_slider(key="set-lam").set_value(5e-3).run()
    assert not page.exception
    assert not [each for each in page.button if each.label.startswith("Go on with λ")]
    assert not [each for each in page.caption if "in the midst of this run" in each.value]


def test_slow_motion_leaves_one_epoch_one_epoch(visit, engine, wait_for) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 27, epochs=3)
    page = visit("train", **spec.to_query())
    button(page, "One epoch").click().run()
    wait_for(lambda: engine.run(spec.id).state == RUNNING)
    page.run()
    page.toggle(key="slow").set_value(True).run()
    assert not page.warning
    Queue(f"pace-{spec.seed}", client=engine._connection.client).put(None)
    wait_for(lambda: engine.run(spec.id).rows)
    assert wait_for(lambda: (run := engine.run(spec.id)).ended and run).state == PAUSED
    assert len(engine.run(spec.id).rows) == 1


def test_one_epoch_of_an_interrupted_run_goes_on_from_its_pause(visit, engine, wait_for) -> None:
    spec, page = held(visit, engine, wait_for, fakes.NOISE + 28)
    engine._desk._store.finish(spec.id, INTERRUPTED)
    engine._desk.ledger._runs.clear()
    page.run()
    assert page.progress[0].text.endswith("from its last pause if it had one")
    button(page, "One epoch").click().run()
    run = wait_for(lambda: (run := engine.run(spec.id)) and run.state == PAUSED and run)
    assert [row["epoch"] for row in run.rows] == [1, 2]


def test_a_new_start_is_a_button_of_its_own(visit, submitted, ended) -> None:
    page = visit("train", seed="30", epochs="1")
    button(page, "Train").click().run()
    ended(submitted[-1])
    button(page.run(), "Train").click().run()
    button(page, "New start").click().run()
    assert [spec.seed for spec in submitted] == [30, 30, 31]
    assert page.query_params["seed"] == "31"


def test_a_new_start_is_one_that_nobody_has_seen_the_end_of(visit, engine, submitted, ended) -> None:
    page = visit("train", seed="34", epochs="1")
    engine.submit(RunSpec().with_values(seed=35, epochs=1), "eve")
    ended(submitted[-1])
    button(page, "New start").click().run()
    assert submitted[-1].seed == 36


def test_after_the_last_start_of_all_there_is_no_other(visit, submitted) -> None:
    page = visit("train", seed="2147483647", epochs="1")
    button(page, "New start").click().run()
    assert not page.exception and not submitted
    assert "seed is 2147483648" in page.warning[0].value


def test_no_setting_begins_or_ends_a_run(visit, engine, submitted, wait_for) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 23, epochs=2)
    page = visit("train", **spec.to_query())
    button(page, "Train").click().run()
    wait_for(lambda: engine.run(spec.id).state == RUNNING)
    page.select_slider(key="set-lam").set_value(5e-3).run()
    page.selectbox(key="set-penalty").select("l2").run()
    page.selectbox(key="preset").select("strangers").run()
    page.toggle(key="slow").set_value(True).run()
    page.number_input(key="set-hidden").set_value(32).run()
    assert submitted == [spec]
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    for _epoch in range(2):
        pace.put(None)
    wait_for(lambda: engine.run(spec.id).state == DONE)


def test_moving_lam_forgets_the_changes_that_an_address_brought(visit, submitted, ended) -> None:
    page = visit("train", lam_changes="2:0.005", seed="31", epochs="2")
    assert any("0.005 from epoch 2" in caption.value for caption in page.caption)
    page.select_slider(key="set-lam").set_value(2e-3).run()
    button(page, "Train").click().run()
    assert submitted == [RunSpec().with_values(lam=2e-3, seed=31, epochs=2)]
    ended(submitted[0])


def test_a_run_that_others_asked_for_goes_on_for_them(visit, engine, wait_for) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 24, epochs=2)
    page = visit("train", **spec.to_query())
    button(page, "Train").click().run()
    engine.submit(spec, "someone else")
    for label in ("Pause", "One epoch", "Stop"):
        button(page, label).click().run()
        assert "goes on for them" in page.warning[0].value
    page.toggle(key="slow").set_value(True).run()
    assert "goes on for them" in page.warning[0].value
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    for _epoch in range(2):
        pace.put(None)
    assert wait_for(lambda: (run := engine.run(spec.id)) and run.ended and run).state == DONE


def test_a_link_to_a_run_in_slow_motion_finds_the_switch_on_and_its_time_counted(visit, engine, wait_for) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 25, epochs=11)
    engine.submit(spec, "eve", wait=600.0)
    Queue(f"pace-{spec.seed}", client=engine._connection.client).put(None)
    wait_for(lambda: (run := engine.run(spec.id)) and run.rows)
    page = visit("train", run=spec.id)
    assert page.toggle(key="slow").value
    assert int(re.findall(r"about (\d+) s left", page.progress[0].text)[0]) >= 6000
    engine.stop(spec.id)


def test_a_refused_address_is_put_right_and_the_first_reason_is_told(visit) -> None:
    page = visit("train", lam="-1", run="0123456789abcdef")
    assert "lam is -1.0" in page.warning[0].value
    assert not page.query_params
