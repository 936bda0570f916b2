import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

MAPS = """() => [...document.querySelectorAll(".l1-maps canvas")].map(canvas =>
    [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data].join()).join()"""


def slider(page: Page) -> Locator:
    return page.locator(".l1-stage").get_by_role("slider", name="λ", exact=True)


def whole(visit: Callable[..., Page], *args: object) -> Page:
    """Open the page and wait until the word is heard, too: before, the workers wake up."""
    page = visit("/path", *args)
    expect(page.get_by_text("What it hears in your word")).to_be_visible()
    expect(page.locator(".l1-stage")).to_contain_text("seven")
    page.wait_for_function("document.querySelectorAll('.l1-curves .main-svg').length >= 4")
    return page


def test_the_shipped_path_is_alive_with_no_training(visit: Callable[..., Page]) -> None:
    page = visit("/path")
    expect(slider(page)).to_be_visible()
    expect(page.get_by_text("Validation loss is least")).to_be_visible()
    expect(page.locator(".l1-finding")).to_contain_text("of the clips heard right")


def test_dragging_moves_every_panel_and_sends_nothing(visit: Callable[..., Page]) -> None:
    sent: list[str | bytes] = []
    page = whole(visit, lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    finding = page.locator(".l1-finding")
    slider(page).press("Home")
    expect(finding).to_contain_text("λ = 0:")
    before, dense, drawn = len(sent), page.locator(".l1-stage").inner_text(), page.evaluate(MAPS)
    assert before, "what the browser sends is not seen"
    area = slider(page).bounding_box()
    assert area
    page.mouse.move(area["x"] + 8, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2, steps=16)
    page.mouse.up()
    expect(finding).to_contain_text(re.compile(r"λ = 0\.00[0-9]+: on average over the seeds, validation loss \d\.\d+ ± \d"))
    page.wait_for_function(f"drawn => ({MAPS})() !== drawn", arg=drawn)
    sparse = page.locator(".l1-stage").inner_text()
    assert re.findall(r"\d+\.\d %", sparse) != re.findall(r"\d+\.\d %", dense)
    slider(page).press("End")
    expect(finding).to_contain_text("64 of 64")
    assert len(sent) == before


def test_the_path_is_walked_with_the_keyboard_alone(visit: Callable[..., Page]) -> None:
    page = whole(visit)
    for _press in range(60):
        page.keyboard.press("Tab")
        if slider(page).evaluate("slider => slider === document.activeElement"):
            break
    expect(slider(page)).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator(".l1-finding")).to_contain_text("λ = 0:")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".l1-finding")).not_to_contain_text("λ = 0:")
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile(r"0\.000\d+|e-05"))


def test_a_path_of_one_s_own_is_trained_live_and_is_at_its_address(visit: Callable[..., Page]) -> None:
    page = visit("/path?train-clips=100&hidden=16&epochs=2")
    seeds = page.get_by_role("slider", name="Seeds")
    seeds.press("Home")
    expect(seeds).to_have_value("1")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text(re.compile(r"Done: \d+ epochs"))).to_be_visible()
    expect(slider(page)).to_be_visible()
    expect(page.get_by_text("with one path there is no standard error")).to_be_visible()
    assert re.search(r"[?&]stops=16\b", page.url)
    other = visit(page.url.removeprefix(page.evaluate("location.origin")))
    expect(other.get_by_text(re.compile(r"Done: \d+ epochs"))).to_be_visible()
    expect(other.get_by_text("with one path there is no standard error")).to_be_visible()
