"""Overfit: one button trains three runs that differ in λ alone; the choices are in the address, and no widget trains."""

import fakes
import pytest

from l1demo import overfit
from l1demo.charts import percent
from l1demo.overfit import EXPERIMENTS
from l1demo.store import DONE

from .looks import button


def slider(page, name: str):
    return page.select_slider(key=f"overfit-{name}")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three epochs an experiment: how long they are is not what these tests are about."""
    for name, spec in EXPERIMENTS.items():
        monkeypatch.setitem(EXPERIMENTS, name, spec.with_values(epochs=3, free_epochs=1))


def test_it_opens_with_the_measured_experiment_and_trains_nothing(visit, submitted) -> None:
    page = visit("overfit")
    assert not page.exception and not page.warning and not page.success
    assert page.title[0].value == "Overfit"
    assert [head.value.split(" · ")[0] for head in page.subheader] == ["λ = 0", "λ = 0.003", "λ = 0.03"]
    assert page.pills(key="overfit-experiment").value == "wrong"
    assert button(page, "Stop").disabled
    assert [bar.text for bar in page.progress] == ["Not trained yet"] * 3
    assert page.info[0].value.endswith("Press “Train all three” to watch them learn.")
    assert not submitted and not page.query_params


def test_one_click_trains_three_that_differ_in_lam_alone_and_says_what_they_show(visit, submitted, ended, charted, short) -> None:
    page = visit("overfit")
    button(page, "Train all three").click().run()
    assert submitted == list(overfit.trio(EXPERIMENTS["wrong"]))
    assert len({spec.with_values(lam=0.0) for spec in submitted}) == 1
    runs = tuple(ended(spec) for spec in submitted)
    assert all(run.state == DONE for run in runs)
    page.run()
    for view in (page, visit("overfit", **page.query_params)):  # here, and opened elsewhere
        assert not view.exception and not view.warning
        for sentence in overfit.findings([runs], guessing=None):
            assert sentence.split("λ = 0.03")[0] in view.success[0].value
        assert [bar.text[:14] for bar in view.progress] == ["Done: 3 epochs"] * 3
        assert "This is trained. New start trains another." in [caption.value for caption in view.caption]
        assert not view.info
        losses = [metric.value for metric in view.metric if metric.label == "validation loss"]
        assert losses == [f"{run.rows[-1]['val_loss']:.3f}" for run in runs]
        for label, name in (("accuracy", "val_accuracy"), ("exactly 0", "exact_zero_fraction")):
            assert [metric.value for metric in view.metric if metric.label == label] == [
                percent(run.rows[-1][name]) for run in runs
            ]
        gaps = [metric.value for metric in view.metric if metric.label == "gap"]
        assert gaps == [f"{round(run.rows[-1]['val_loss'], 3) - round(run.rows[-1]['train_loss'], 3):+.3f}" for run in runs]
        ranges = [charted(view, f"overfit-loss-{i}")["figure"]["layout"]["yaxis"]["range"] for i in range(3)]
        assert ranges[0] == ranges[1] == ranges[2]  # so that they can be compared
    assert page.caption[0].value == "This is trained. New start trains another."


def test_widgets_change_the_choices_and_train_nothing(visit, submitted, ended, short) -> None:
    page = visit("overfit")
    button(page, "Train all three").click().run()
    for spec in submitted:
        ended(spec)
    before = [head.value for head in page.run().subheader]
    slider(page, "train_clips").set_value(100).run()
    slider(page, "label_noise").set_value(0.25).run()
    slider(page, "hidden").set_value(16).run()
    slider(page, "lam").set_value(0.002).run()
    page.radio(key="overfit-split").set_value("recordings").run()
    slider(page, "train_voices").set_value(8).run()
    assert not page.exception and len(submitted) == 3
    assert [head.value for head in page.subheader] == before  # what is shown stays
    assert page.pills(key="overfit-experiment").value is None
    assert "press Train" in page.caption[0].value
    button(page, "Train all three").click().run()
    chosen = EXPERIMENTS["wrong"].with_values(
        train_clips=100, label_noise=0.25, hidden=16, lam=0.002, split="recordings", train_voices=8
    )
    assert submitted[3:] == list(overfit.trio(chosen))
    again = visit("overfit", **page.query_params)
    assert slider(again, "train_clips").value == 100 and slider(again, "hidden").value == 16


def test_the_switch_shuffles_all_labels_and_back(visit, submitted, short) -> None:
    page = visit("overfit")
    page.toggle(key="overfit-shuffled").set_value(True).run()
    assert slider(page, "label_noise").disabled and slider(page, "label_noise").value == 0.9
    assert page.pills(key="overfit-experiment").value == "shuffled"
    page.toggle(key="overfit-shuffled").set_value(False).run()
    assert slider(page, "label_noise").value == EXPERIMENTS["wrong"].corpus.label_noise
    page.pills(key="overfit-experiment").set_value("voices").run()
    assert page.radio(key="overfit-split").value == "both" and slider(page, "train_voices").value == 4
    assert not page.exception and not submitted


def test_several_starts_are_trained_and_counted_and_what_is_done_is_not_done_again(visit, submitted, ended, short) -> None:
    page = visit("overfit", **EXPERIMENTS["wrong"].with_values(seed=20).to_query())
    button(page, "Train all three").click().run()
    slider(page, "seeds").set_value(3).run()
    assert len(submitted) == 3
    button(page, "Train all three").click().run()
    runs = [ended(spec) for spec in submitted]
    assert sorted({run.spec.seed for run in runs}) == [20, 21, 22]
    assert len({run.id for run in runs}) == 9
    assert "of 3" in page.run().success[0].value
    assert page.query_params["seeds"] == "3"

    button(page, "New start").click().run()
    assert sorted({spec.seed for spec in submitted[-9:]}) == [23, 24, 25]
    assert page.query_params["seed"] == "23"


def test_stop_ends_what_is_under_way_and_waiting(visit, engine, submitted, ended) -> None:
    page = visit("overfit", **EXPERIMENTS["wrong"].with_values(seed=fakes.PACED_NOISE + 50).to_query())
    button(page, "Train all three").click().run()
    assert not page.exception and not button(page, "Stop").disabled
    button(page, "Stop").click().run()
    assert not page.exception
    from distributed import Queue

    for spec in submitted[:1]:
        pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
        for _epoch in range(3):
            pace.put(1)
    assert [ended(spec).state for spec in submitted] == ["stopped"] * 3
    page.run()
    said = [caption.value for caption in page.caption]
    assert "Not all of these were trained to their end. Train all three trains what is missing." in said
    assert not any("This is trained" in each for each in said)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"seeds": "7"}, "seeds is “7”; choose one of 1, 3, 5, 10"),
        ({"lam": "0", "epochs": "5"}, "lam is 0"),
        ({"lam": "9"}, "lam is 90"),
        ({"lam": "banana"}, "lam is “banana”; write a number"),
        ({"seed": "2147483647", "seeds": "3"}, "seed is 2147483648"),
    ],
)
def test_an_address_that_cannot_be_is_told_and_the_page_is_usable(visit, query, sentence) -> None:
    page = visit("overfit", **query)
    assert not page.exception
    assert sentence in page.warning[0].value
    assert not button(page, "Train all three").disabled
    assert not page.run().warning


def test_the_last_seed_of_all_has_no_new_start(visit, submitted) -> None:
    page = visit("overfit", seed="2147483647", epochs="3")
    button(page, "New start").click().run()
    assert not page.exception and not submitted
    assert "seed is 2147483648" in page.warning[0].value


def test_back_shows_what_its_address_says(visit, submitted, ended, short) -> None:
    page = visit("overfit")
    addresses = []
    for label in ("Train all three", "New start"):
        button(page, label).click().run()
        for spec in submitted[-3:]:
            ended(spec)
        addresses.append(dict(page.run().query_params))
    assert addresses[0] != addresses[1]
    page.query_params.clear()
    page.query_params.update(addresses[0])  # as the browser's Back does
    page.run()
    assert dict(page.query_params) == addresses[0] and not page.warning
    assert page.caption[0].value.startswith("This is trained")
    assert len(submitted) == 6
