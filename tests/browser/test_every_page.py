import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import settled

ROOMS = (
    "/",
    "/listen",
    "/data",
    "/words",
    "/our_class",
    "/train",
    "/recognise",
    "/path",
    "/overfit",
    "/runs",
    "/methods",
    "/payoff",
)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/train?lam=banana", "lam is “banana”; write a number"),
        ("/train?epochs=1e9", "epochs is “1e9”; write a whole number"),
        ("/train?epochs=1000000000", "epochs is 1000000000; choose a number from"),
        ("/train?corpus=/etc/passwd", "there is no corpus of that name"),
        ("/train?run=../../etc", "The run of this address has not been made here"),
        ("/runs?run=%00'--", "The run of this address has not been made here"),
        ("/?seed=banana", "seed is “banana”; write a whole number"),
    ],
)
def test_an_address_that_cannot_be_is_answered_with_a_sentence(visit: Callable[..., Page], address: str, sentence: str) -> None:
    page = visit(address)
    expect(page.get_by_test_id("stAlert").get_by_text(sentence)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_link_to_runs_of_another_computer_opens(visit: Callable[..., Page]) -> None:
    page = visit("/?seed=77")
    expect(page.get_by_role("button", name="Train both")).to_be_enabled()


def test_a_page_that_is_not_there_leads_to_start(visit: Callable[..., Page]) -> None:
    page = visit("/nosuchpage")
    expect(page.get_by_role("dialog")).to_contain_text("does not seem to exist")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Train both")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_its_screen_and_is_readable(visit: Callable[..., Page], done_run: str, scheme: str, width: int) -> None:
    page = visit("/", color_scheme=scheme, viewport={"width": width, "height": 800})
    for address in ROOMS:
        page.goto(
            page.evaluate("location.origin")
            + address
            + (f"?run={done_run}" if address in ("/train", "/recognise", "/runs", "/payoff") else "")
        )
        settled(page)
        if address not in ("/", "/words", "/our_class"):  # whose charts come with what one asks for
            page.locator(".l1-plot .main-svg").first.wait_for()
        wide = page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll("[data-testid=stMain], .l1-plot, .l1-note")]
                .filter(box => box.scrollWidth > box.clientWidth + 1)
                .map(box => `${box.className} ${box.scrollWidth} > ${box.clientWidth}`)"""
        )
        assert not wide, address
        for chart in page.locator(".l1-plot").all():
            expect(chart).to_have_role("img")
            expect(chart).to_have_attribute("aria-label", re.compile(r"\w+ .*\.$"))
        expect(page.get_by_role("button", name=re.compile(r"^\W*$")).filter(visible=True)).to_have_count(0)
        paper = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert (int(re.findall(r"\d+", paper)[0]) < 128) == (scheme == "dark")


def test_the_penalty_is_chosen_with_the_keyboard_alone(visit: Callable[..., Page]) -> None:
    page = visit("/train?lam=0")
    slider = page.get_by_role("slider", name="λ")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("none"))
    for _press in range(40):
        page.keyboard.press("Tab")
        if slider.evaluate("slider => slider === document.activeElement"):
            break
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("1e-05"))
    expect(page.get_by_text("1e-05 ×")).to_be_visible()
    expect(slider).to_be_focused()
