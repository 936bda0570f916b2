"""Methods: one button trains seven runs of one λ, the slider only looks, and the article's settings are trained on their own."""

import math

import fakes
import pyarrow
import pytest
from distributed import Queue

from l1demo import article, charts, engine, methods
from l1demo.methods import METHODS
from l1demo.presets import PRESETS
from l1demo.store import DONE, STOPPED

from .looks import button

LAM = 3e-3  # where the page begins
SETTINGS = {"epochs": 3, "free_epochs": 1}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three epochs, and a small network for the article's settings: the noise of the tests has 40 bands."""
    monkeypatch.setattr(methods, "LESSON", methods.LESSON.with_values(**SETTINGS))
    monkeypatch.setitem(PRESETS, "article", PRESETS["article"].with_values(**SETTINGS, mels=40, hidden=16))


def slider(page):
    return page.select_slider(key="methods-lam")


def table(page):
    (found,) = page.dataframe
    return found.value


def test_it_opens_with_a_lam_and_the_seven_and_trains_nothing(visit, submitted) -> None:
    page = visit("methods")
    assert not page.exception and not page.warning and not page.error
    assert page.title[0].value == "Methods"
    assert slider(page).value == LAM and len(slider(page).options) == len(methods.LAMS)
    assert table(page)["method"].tolist() == [method.name for method in METHODS.values()]
    assert not submitted and not page.query_params
    assert page.segmented_control(key="methods-clips").value == article.SHORT


def test_one_click_trains_all_seven_and_the_table_has_their_numbers(visit, submitted, ended, charted) -> None:
    page = visit("methods", seed="40")
    button(page, "Train all seven").click().run()
    assert submitted == list(methods.descriptions(LAM, 40).values())
    runs = dict(zip(METHODS, (ended(spec) for spec in submitted), strict=True))
    assert all(run.state == DONE for run in runs.values())
    page.run()
    assert page.query_params == {"lam": "0.003", "seed": "40"}
    for view in (page, visit("methods", **page.query_params)):  # here, and opened elsewhere
        assert not view.exception and not view.warning
        assert view.progress[0].text == "7 of 7 runs have ended, 21 of 21 epochs are done"
        shown, last = table(view), [run.rows[-1] for run in runs.values()]
        assert shown["exactly 0"].tolist() == [row["exact_zero_fraction"] for row in last]
        written = pyarrow.ipc.open_stream(view.dataframe[0].proto.arrow_data.styler.display_values).read_pandas()
        assert written["accuracy"].tolist() == [charts.percent(row["val_accuracy"]) for row in last]
        assert shown["‖W‖₁"].tolist() == [row["l1_norm"] for row in last]
        residuals = dict(zip(METHODS, shown["residual / λ"].tolist(), strict=True))
        assert math.isnan(residuals.pop("decay"))
        assert residuals == pytest.approx({key: runs[key].rows[-1]["residual"] / LAM for key in residuals})
        assert len(charted(view, "methods-weight")["steps"]) == 3
        said = "\n".join(each.value for each in view.markdown)
        assert all(sentence in said for sentence in methods.findings(runs).values())
    assert button(page, "Train all seven").disabled  # it is done; New start trains another
    button(page, "New start").click().run()
    assert [spec.seed for spec in submitted[7:]] == [41] * 7
    for spec in submitted[7:]:
        ended(spec)


def test_the_slider_shows_another_lam_and_trains_and_ends_nothing(visit, submitted, ended) -> None:
    page = visit("methods", seed="44")
    button(page, "Train all seven").click().run()
    zeros = [ended(spec).rows[-1]["exact_zero_fraction"] for spec in submitted]
    slider(page).set_value(1e-2).run()
    assert not page.exception and len(submitted) == 7
    assert table(page)["exactly 0"].isna().all()
    assert not button(page, "Train all seven").disabled
    slider(page).set_value(LAM).run()
    assert table(page)["exactly 0"].tolist() == zeros and len(submitted) == 7


def test_stop_ends_what_is_under_way_and_waiting(visit, submitted, ended) -> None:
    page = visit("methods", seed=str(fakes.PACED_NOISE + 60))
    button(page, "Train all seven").click().run()
    stop = page.button(key="methods-stop")
    assert not page.exception and not stop.disabled
    assert page.button(key="methods-article-stop").disabled
    stop.click().run()
    pace = Queue(f"pace-{submitted[0].seed}", client=engine.current()._connection.client)
    for _epoch in range(21):
        pace.put(1)
    assert [ended(spec).state for spec in submitted] == [STOPPED] * 7
    page.run()
    assert not page.exception and not button(page, "Train all seven").disabled


def test_moving_lam_while_the_seven_train_leaves_them_there_with_their_stop(visit, submitted, ended) -> None:
    page = visit("methods", seed=str(fakes.PACED_NOISE + 70))
    button(page, "Train all seven").click().run()
    slider(page).set_value(1e-2).run()
    assert not page.exception and slider(page).value == 1e-2 and len(submitted) == 7
    assert page.query_params == {"lam": "0.003", "seed": str(fakes.PACED_NOISE + 70)}, "the address of what is shown"
    assert any("The seven shown train with λ = 0.003." in each.value for each in page.caption)
    assert button(page, "Train all seven").disabled and not page.button(key="methods-stop").disabled
    page.button(key="methods-stop").click().run()
    pace = Queue(f"pace-{submitted[0].seed}", client=engine.current()._connection.client)
    for _epoch in range(21):
        pace.put(1)
    rows = [ended(spec).rows for spec in submitted]
    page.run()
    assert page.progress[0].text.startswith(f"7 of 7 runs have ended, {sum(map(len, rows))} of 21 epochs")
    assert any("Press Train for those of the slider's λ." in each.value for each in page.caption)
    assert not button(page, "Train all seven").disabled
    slider(page).set_value(1e-3).run()  # with none under way it only looks, and the address goes with it
    assert page.progress[0].text.startswith("0 of 7")
    assert page.query_params["lam"] == "0.001"
    button(page, "Train all seven").click().run()
    assert [spec.lam for spec in submitted[7:]] == [1e-3] * 7
    page.button(key="methods-stop").click().run()
    for _epoch in range(21):
        pace.put(1)
    for spec in submitted[7:]:
        ended(spec)


def test_the_article_s_settings_are_run_as_coded_and_as_meant(visit, submitted, ended) -> None:
    page = visit("methods")
    assert article.UNUSED.strip() in [code.value.strip() for code in page.code]
    button(page, "Train all three").click().run()
    assert submitted == list(article.descriptions(article.SHORT).values())
    runs = dict(zip(("code", "formula", "proximal"), (ended(spec) for spec in submitted), strict=True))
    page.run()
    assert not page.exception
    said = page.success[0].value
    assert "As the code runs, there is no penalty" in said and "λ·‖W₀‖₁ = 0.01 ×" in said
    shown = [metric.value for metric in page.metric if metric.label == "exactly 0"]
    assert shown == [charts.percent(run.rows[-1]["exact_zero_fraction"]) for run in runs.values()]
    dead = [metric.value for metric in page.metric if metric.label == "dead units"]
    assert dead == [f"{sum(run.rows[-1]['dead_units'])} of 32" for run in runs.values()]
    page.segmented_control(key="methods-clips").set_value(0).run()
    assert not page.exception and not page.success and len(submitted) == 3  # all clips are another three runs
    assert not button(page, "Train all three").disabled


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"lam": "0"}, "lam is 0, and without a penalty"),
        ({"lam": "banana"}, "lam is “banana”; write a number"),
        ({"seed": "-1"}, "seed is -1; choose a number"),
    ],
)
def test_an_address_that_cannot_be_is_told_and_the_page_is_usable(visit, query, sentence) -> None:
    page = visit("methods", **query)
    assert not page.exception and sentence in page.warning[0].value
    assert slider(page).value == LAM and not page.query_params
    assert not page.run().warning  # said once


def test_an_address_may_have_a_lam_of_its_own_and_keeps_all_its_digits(visit, submitted, ended) -> None:
    page = visit("methods", lam="0.00212345678", seed="47")
    assert slider(page).value == 0.00212345678 and "0.00212345678" in slider(page).options
    button(page, "Train all seven").click().run()
    runs = [ended(spec) for spec in submitted]
    page.run()
    again = visit("methods", **page.query_params)
    assert table(again)["exactly 0"].tolist() == [run.rows[-1]["exact_zero_fraction"] for run in runs]


def test_after_the_last_start_of_all_there_is_no_other(visit, submitted) -> None:
    page = visit("methods", seed="2147483647")
    button(page, "New start").click().run()
    assert not page.exception and not submitted
    assert "seed is 2147483648" in page.warning[0].value
