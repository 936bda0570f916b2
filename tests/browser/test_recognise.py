"""Recognise in a browser: a word is spoken and heard, its playing moves every panel, and a click on a confusion plays its clips."""

import itertools
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Lab, press_train, settled

WATCH = """() => {
    window.seen = []
    const look = () => {
        const { value } = document.querySelector(".l1-stage input")
        const cursors = [...document.querySelectorAll(".l1-cursor")].map(cursor => cursor.getBoundingClientRect().x)
        const bar = document.querySelector(".l1-bars").getAttribute("aria-label")
        if (window.seen.at(-1)?.value !== Number(value)) window.seen.push({ value: Number(value), cursors, bar })
        requestAnimationFrame(look)
    }
    look()
}"""
CELL = """() => {
    const plot = document.querySelector(".st-key-recognise-confusion .l1-plot")
    const { xaxis, yaxis } = plot._fullLayout, { x, y, text } = plot.data[1], at = plot.getBoundingClientRect()
    const cells = text.flatMap((row, i) => row.map((n, j) => ({ n: Number(n), said: y[i], heard: x[j] })))
    const cell = cells.filter(({ n }) => n).at(-1)
    return { ...cell, x: at.x + xaxis._offset + xaxis.d2p(cell.heard), y: at.y + yaxis._offset + yaxis.d2p(cell.said) }
}"""


@pytest.fixture(scope="module")
def hearing_run(browser: Browser, lab: Lab) -> str:
    """The id of a run that hears the built-in digits well enough to be sure of them."""
    context = browser.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{lab.url}/train?train-clips=600&hidden=32&epochs=6&lam=0&lr=0.01&batch=16&augment=0")
    press_train(page)
    expect(page.get_by_text("Done: 6 epochs")).to_be_visible()
    run_id = parse_qs(urlsplit(page.url).query)["run"][0]
    context.close()
    return run_id


def test_a_spoken_word_is_heard_and_told_in_large_type(visit: Callable[..., Page], hearing_run: str, done_run: str) -> None:
    page = visit(f"/recognise?pin={hearing_run},{done_run}")
    page.get_by_role("radio", name="Record").click()
    expect(page.get_by_text("Record or upload a word: what the networks hear")).to_be_visible()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_test_id("stAudioInputWaveformTimeCode")).to_have_text(re.compile("00:0[2-9]"))  # the word is spoken by now
    page.get_by_role("button", name="Stop recording").click()
    expect(page.get_by_text(re.compile(r"^It heard “seven”, \d+\.\d % sure$")).first).to_be_visible()
    expect(page.locator(".l1-bars")).to_have_count(2)
    settled(page)
    expect(page.get_by_test_id("stAlert").get_by_text(re.compile("λ"))).to_be_visible()  # my word against λ
    assert page.get_by_test_id("stMain").get_by_text("80 ms around").count() >= 1


def test_what_plays_moves_every_panel_and_sends_nothing(visit: Callable[..., Page], hearing_run: str) -> None:
    sent: list[str | bytes] = []
    page = visit(f"/recognise?pin={hearing_run}", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.wait_for_function("document.querySelectorAll('.l1-curves .main-svg').length >= 2")
    settled(page)
    slider = page.get_by_role("slider", name="Time")
    last = int(slider.get_attribute("max") or 0)
    expect(slider).to_have_value(str(last))
    before = len(sent)
    page.evaluate(WATCH)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # at its end
    expect(slider).to_have_value(str(last))
    seen = page.evaluate("window.seen.slice(1)")  # the first is the end, where it stood
    values = [each["value"] for each in seen]
    assert values == sorted(values) and any(0 < value < last for value in values)
    for panel in range(2):
        at = [each["cursors"][panel] for each in seen]
        assert all(b > a for a, b in itertools.pairwise(at))
    assert len({each["bar"] for each in seen}) > 1
    assert len(sent) == before


def test_who_takes_the_slider_stops_the_sound_and_play_goes_on_from_there(visit: Callable[..., Page], hearing_run: str) -> None:
    page = visit(f"/recognise?pin={hearing_run}")
    page.wait_for_function("document.querySelectorAll('.l1-curves .main-svg').length >= 2")
    slider = page.get_by_role("slider", name="Time")
    slider.press("Home")
    for _press in range(10):
        slider.press("ArrowRight")
    expect(slider).to_have_value("10")
    page.evaluate(WATCH)
    page.get_by_role("button", name="Play").press("Enter")
    page.wait_for_function("Number(document.querySelector('.l1-stage input').value) > 12")
    slider.press("ArrowLeft")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert min(page.evaluate("window.seen.map(each => each.value)")) >= 9


def test_a_click_on_a_confusion_offers_the_clips_that_fell_into_it(visit: Callable[..., Page], hearing_run: str) -> None:
    page = visit(f"/recognise?pin={hearing_run}")
    page.get_by_role("radio", name="Confusions").click()
    page.wait_for_function("document.querySelector('.st-key-recognise-confusion .l1-plot')?.data?.length === 2")
    settled(page)
    page.locator(".st-key-recognise-confusion .l1-plot").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.st-key-recognise-confusion .l1-plot').seen = true")
    cell = page.evaluate(CELL)
    page.mouse.move(cell["x"], cell["y"])
    page.mouse.click(cell["x"], cell["y"])
    told = re.compile(rf"^{cell['n']} of \d+ clips of “{cell['said']}” were heard as “{cell['heard']}”, the surest first:$")
    expect(page.get_by_text(told)).to_be_visible()
    heard = "sounds => sounds.length === n && sounds.every(sound => sound.duration > 0.1)"
    page.wait_for_function(f"n => ({heard})([...document.querySelectorAll('audio')])", arg=min(5, cell["n"]))
    assert page.evaluate("document.querySelector('.st-key-recognise-confusion .l1-plot').seen"), "the chart was built anew"
