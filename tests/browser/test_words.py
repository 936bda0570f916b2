import re
from collections.abc import Callable

from playwright.sync_api import Page, expect


def test_two_words_are_typed_heard_and_learned(visit: Callable[..., Page]) -> None:
    page = visit("/words")
    page.get_by_label("Words", exact=True).fill("yes, no")
    page.get_by_role("button", name="Speak them").click()
    expect(page.get_by_role("heading", name="yes, no · English")).to_be_visible()

    page.get_by_role("radio", name="yes", exact=True).click()
    expect(page.get_by_text(re.compile("“yes” by .+, .+"))).to_be_visible()
    sound = page.locator("audio")
    sound.evaluate("sound => sound.play()")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.1")

    page.get_by_role("button", name="Train on it").click()
    expect(page.get_by_text("Done: 12 epochs")).to_be_visible()
    heard = page.get_by_role("img", name=re.compile("^Epoch 12: .* heard right"))
    right = [float(figure) for figure in re.findall(r"([\d.]+) %", heard.get_attribute("aria-label") or "")]
    assert min(right) > 75  # guessing is 50
    page.reload()
    expect(page.get_by_text("Done: 12 epochs")).to_be_visible()
    page.get_by_role("link", name="λ and all settings").click()
    expect(page.get_by_role("heading", level=1, name="Train")).to_be_visible()

    page.get_by_role("link", name="Recognise").click()
    expect(page.get_by_text(re.compile(r"^It heard “(yes|no)”, "))).to_be_visible()  # a clip of its own corpus is there at once
    page.get_by_role("radio", name="Against λ").click()
    page.get_by_role("button", name="Train the λ path").click()
    expect(page.get_by_role("button", name="Stop the λ path")).to_be_enabled()
    expect(page.get_by_test_id("stAlert").get_by_text(re.compile("goes deaf at λ = "))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("goes deaf at λ = "))).to_be_visible()


def test_mandarin_is_found_by_typing_and_spoken(visit: Callable[..., Page]) -> None:
    page = visit("/words")
    language = page.get_by_role("combobox", name="Language")
    language.fill("mandarin")
    page.get_by_role("option", name="Chinese (Mandarin, latin as English)").click()
    page.get_by_label("Words", exact=True).fill("是，不")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("是, 不 · Chinese"))).to_be_visible()
    expect(page.get_by_role("button", name="Train on it")).to_be_enabled()
