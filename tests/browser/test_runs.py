"""Runs in a real browser: one slider for all, pins that stay, names and deletions, and a run that grows."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from .conftest import SMALL, press_train, settled

STEPS = "Number(document.querySelector('.l1-stage input').max)"
AT_THE_END = "(() => { const range = document.querySelector('.l1-stage input'); return range.value === range.max })()"


def train(page: Page, settings: str) -> str:
    """Train a small run of this visitor and return its id."""
    page.goto(f"{page.evaluate('location.origin')}/train?{SMALL}&{settings}")
    settled(page)
    press_train(page)
    expect(page.get_by_text("Done: ")).to_be_visible()
    page.wait_for_url(re.compile("run="))
    return parse_qs(urlsplit(page.url).query)["run"][0]


def pinned(page: Page) -> list[str]:
    return parse_qs(urlsplit(page.url).query).get("pin", [""])[0].split(",")


def titles(page: Page) -> Locator:
    return page.locator(".l1-panel:has(dl) > figcaption")


def test_one_slider_moves_all_runs_without_the_server(visit: Callable[..., Page], done_run: str) -> None:
    other = train(visit("/"), "epochs=6&free-epochs=2&lam=0.003&seed=60")
    sent: list[str | bytes] = []
    page = visit(f"/runs?pin={done_run},{other}", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    expect(page.get_by_text("They differ in seed and epochs.")).to_be_visible()
    expect(titles(page)).to_have_text(["● seed 0, epochs 12", "◆ seed 60, epochs 6"])
    expect(page.locator(".l1-maps canvas[width='40']")).to_have_count(8)
    settled(page)
    before = len(sent)
    assert before, "what the browser sends is not seen"
    slider = page.get_by_role("slider", name="Epoch")
    numbers = page.locator(".l1-readouts")
    expect(slider).to_have_attribute("aria-valuetext", "12")
    for key, epochs in (("Home", ("1", "1")), ("End", ("12", "6")), ("ArrowLeft", ("11", "6"))):
        slider.press(key)
        for i, epoch in enumerate(epochs):
            expect(numbers.nth(i).locator("dd").first).to_have_text(epoch)
    assert len(sent) == before


def test_pins_stay_through_other_pages_and_a_reload(visit: Callable[..., Page]) -> None:
    page = visit("/")
    runs = [train(page, f"epochs=2&seed={seed}") for seed in (61, 62)]
    page.get_by_role("link", name="Runs").click()
    chooser = page.get_by_role("combobox", name="Pinned runs")
    for seed in (61, 62):  # with the keyboard alone
        chooser.fill(f"seed {seed}")
        expect(page.get_by_role("option")).to_have_count(1)
        chooser.press("Enter")
        page.wait_for_function(
            "n => (new URLSearchParams(location.search).get('pin') ?? '').split(',').filter(Boolean).length === n", arg=seed - 60
        )
    chooser.press("Tab")  # which closes the list of options
    assert pinned(page) == runs
    expect(titles(page)).to_have_text(["● seed 61", "◆ seed 62"])
    page.get_by_role("link", name="Listen").click()
    expect(page.get_by_role("heading", name="Listen")).to_be_visible()
    page.get_by_role("link", name="Runs").click()
    expect(titles(page)).to_have_text(["● seed 61", "◆ seed 62"])
    page.wait_for_url(re.compile("pin="))
    page.reload()
    expect(titles(page)).to_have_text(["● seed 61", "◆ seed 62"])
    assert pinned(page) == runs


def test_a_run_is_renamed_and_deleted_only_after_a_question(visit: Callable[..., Page]) -> None:
    page = visit("/")
    run = train(page, "epochs=2&seed=63")
    page.get_by_role("link", name="Runs").click()
    page.wait_for_url(re.compile("/runs"))
    page.goto(f"{page.evaluate('location.origin')}/runs?pin={run}")
    page.get_by_role("button", name="Rename").click()
    name = page.get_by_role("dialog").get_by_role("textbox")
    name.fill("thin")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    chip = page.locator("[data-testid=stMultiSelect]").get_by_text("thin")
    expect(chip).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("cannot be brought back")
    question.get_by_role("button", name="Keep all").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(chip).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete 1").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Train a network first")).to_be_visible()


def test_a_run_under_way_grows_and_the_slider_follows_or_stays(visit: Callable[..., Page]) -> None:
    page = visit(f"/train?{SMALL}&epochs=300&seed=64")
    press_train(page)
    page.get_by_role("link", name="Runs").click()
    slider = page.get_by_role("slider", name="Epoch")
    slider.wait_for()
    page.evaluate(
        """() => {
            document.querySelector(".l1-stage").marked = true
            window.removed = 0
            new MutationObserver(changes => {
                for (const change of changes) for (const node of change.removedNodes) {
                    if (node.matches?.(".l1-stage, .l1-plot, :has(.l1-stage)")) window.removed += 1
                }
            }).observe(document.body, { childList: true, subtree: true })
        }"""
    )
    for _growth in range(2):
        before = page.evaluate(STEPS)
        page.wait_for_function(f"before => {STEPS} > before && {AT_THE_END}", arg=before)
    slider.press("Home")
    before = page.evaluate(STEPS)
    page.wait_for_function(f"before => {STEPS} > before", arg=before)
    expect(slider).to_have_value("0")
    expect(page.locator(".l1-maps")).to_have_count(0)
    expect(page.locator(".l1-maps")).to_have_count(2)  # when it has ended
    expect(slider).to_have_value("0")
    assert page.evaluate("window.removed") == 0
    assert page.evaluate("document.querySelector('.l1-stage').marked")
