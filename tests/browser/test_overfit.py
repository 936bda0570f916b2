import json
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

SMALL = "train-clips=60&label-noise=0.4&hidden=16&augment=0&epochs=8&batch=32&lr=0.01&free-epochs=1&lam=0.003"
SENT = "JSON.stringify([...document.querySelectorAll('.l1-plot')].map(plot => plot.data?.map(trace => [trace.name, trace.y])))"


def train(page: Page) -> None:
    page.get_by_role("button", name="Train all three").click()
    expect(page.get_by_text("Done: 8 epochs")).to_have_count(3)
    expect(page.get_by_role("img", name=re.compile("^Epoch 8: training loss"))).to_have_count(3)
    expect(page.get_by_role("img", name=re.compile("^Epoch 8, accuracy"))).to_have_count(3)
    expect(page.get_by_role("img", name=re.compile("^One seed, validation loss"))).to_be_visible()


def test_three_networks_train_live_on_the_same_nodes_and_the_address_shows_them_again(visit: Callable[..., Page]) -> None:
    page = visit(f"/overfit?{SMALL}&seed=31")
    expect(page.locator(".l1-plot .main-svg").nth(6)).to_be_attached()
    page.evaluate("document.querySelectorAll('.l1-plot').forEach((plot, i) => { plot.seen = i })")
    train(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text(re.compile("validation loss"))
    assert page.evaluate("[...document.querySelectorAll('.l1-plot')].map(plot => plot.seen)") == list(range(7)), "built anew"
    tops = page.evaluate("[...document.querySelectorAll('.l1-plot')].map(plot => plot.layout.yaxis.range?.[1])")
    assert tops[0] == tops[2] == tops[4]
    shown, address = page.evaluate(SENT), page.url
    assert len(json.loads(shown)) == 7
    page.reload()
    page.wait_for_function(f"(shown) => {SENT} === shown", arg=shown)
    assert page.url == address


def test_a_slider_changes_no_chart_and_ends_no_run(visit: Callable[..., Page]) -> None:
    page = visit(f"/overfit?{SMALL}&seed=32")
    train(page)
    shown = page.evaluate(SENT)
    page.get_by_role("slider", name="Training clips").press("ArrowRight")
    expect(page.get_by_text("These choices are not those of the charts")).to_be_visible()
    assert page.evaluate(SENT) == shown
    expect(page.get_by_text("Done: 8 epochs")).to_have_count(3)


def test_on_a_phone_the_three_stand_below_each_other(visit: Callable[..., Page]) -> None:
    page = visit(f"/overfit?{SMALL}", viewport={"width": 390, "height": 800})
    expect(page.locator(".l1-plot .main-svg").nth(6)).to_be_attached()
    places = page.get_by_role("heading", level=3).evaluate_all("heads => heads.map(head => head.getBoundingClientRect().toJSON())")
    assert len(places) == 3
    assert len({round(place["x"]) for place in places}) == 1
    assert places[0]["bottom"] < places[1]["top"] < places[1]["bottom"] < places[2]["top"]


def test_no_choice_of_whom_to_validate_on_is_cut_off(visit: Callable[..., Page]) -> None:
    page = visit(f"/overfit?{SMALL}", viewport={"width": 1280, "height": 800})
    choices = page.get_by_role("radiogroup", name="Validate on").locator("label")
    expect(choices.filter(has_text="unseen speakers, beside the seen")).to_be_visible()
    expect(choices).to_have_count(3)
    side = page.get_by_role("radiogroup", name="Validate on").bounding_box()
    assert side is not None
    for choice in choices.all():
        box = choice.bounding_box()
        assert box is not None and box["x"] + box["width"] <= side["x"] + side["width"] + 1
        assert choice.locator("p").evaluate("text => text.scrollWidth <= text.clientWidth")
