import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import PATIENCE, settled

WEIGHT = ".st-key-methods-weight"
LINES = f"document.querySelector('{WEIGHT} .l1-plot').data"


def test_seven_methods_train_live_on_the_same_nodes_and_one_weight_stops_at_0(visit: Callable[..., Page]) -> None:
    sent: list[str | bytes] = []
    page = visit("/methods?lam=0.003", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    expect(page.locator(f"{WEIGHT} .main-svg").first).to_be_attached()
    page.evaluate("document.querySelectorAll('.l1-plot').forEach((plot, i) => { plot.seen = i })")
    charts = page.locator(".l1-plot").count()
    page.get_by_role("button", name="Train all seven").click()
    expect(page.get_by_text("7 of 7 runs have ended")).to_be_visible(timeout=5 * PATIENCE)
    expect(page.locator(f"{WEIGHT} .l1-note")).to_have_text(
        re.compile("steps of epoch 20.* exactly 0 after 0 steps; under proximal Adam")
    )
    assert page.evaluate("[...document.querySelectorAll('.l1-plot')].map(plot => plot.seen)") == list(range(charts)), "built anew"
    expect(page.get_by_role("button", name="Train all seven")).to_be_disabled()
    expect(page.get_by_text(re.compile(r"^proximal Adam · .*% of the weights are exactly 0"))).to_be_visible()
    assert re.search(r"lam=0\.003&seed=0", page.url)

    settled(page)
    before, last = len(sent), page.evaluate(f"{LINES}[0].y.bdata")
    slider = page.get_by_role("slider", name="Epoch")
    slider.press("Home")
    expect(page.locator(f"{WEIGHT} .l1-note")).to_contain_text("steps of epoch 1.")
    page.wait_for_function(f"last => {LINES}[0].y.bdata !== last", arg=last)
    assert len(sent) == before, "the slider asked the server"


def test_the_slider_of_lam_trains_nothing_and_the_article_s_code_is_there(visit: Callable[..., Page]) -> None:
    page = visit("/methods?lam=0.0001&seed=5")
    page.get_by_role("slider", name="λ").press("ArrowRight")
    expect(page.get_by_role("slider", name="λ")).to_have_attribute("aria-valuetext", "0.0003")
    settled(page)
    expect(page.get_by_text("0 of 7 runs have ended, 0 of 140 epochs are done")).to_be_visible()
    expect(page.get_by_role("button", name="Train all seven")).to_be_enabled()
    page.get_by_text("The article's code").click()
    expect(page.get_by_text("batch_size, lr, lambda_):")).to_be_visible()
