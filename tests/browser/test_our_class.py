"""A class set from its first word to a network that hears it; the microphone speaks the words in the recorder's own rhythm."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from l1demo import corpora

from .conftest import arguments, settled

WORDS = ("seven", "three", "zero")
SPOKEN = 3  # times each word
TURN, AT = 3.8, 2.4  # seconds from one word to the next, and from the first beat to the word: recorder.js


def takes(word: str) -> list[np.ndarray]:
    """Recordings of a word by one voice, int16, 8 kHz."""
    digits = corpora.load("digits")
    of_word = (digits.labels == digits.words.index(word)) & (digits.voices == digits.speakers.index("festival-kal_diphone"))
    return [digits.clip(int(i)) for i in np.flatnonzero(of_word)]


@pytest.fixture(scope="module")
def browser(browser: Browser, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose microphone says the words in turn, each time another recording, in a quiet room."""
    path = tmp_path_factory.mktemp("speech") / "class.wav"
    rate = corpora.RATE
    room = np.random.default_rng(0).normal(0, 8, round(rate * TURN * (SPOKEN * len(WORDS) + 1)))
    for i, clip in enumerate(takes(word)[take] for take in range(SPOKEN) for word in WORDS):
        at = round(rate * (TURN * i + AT))
        room[at : at + len(clip)] += clip
    soundfile.write(path, room.astype(np.int16), rate, subtype="PCM_16")
    other = browser.browser_type.launch(executable_path=chromium, args=arguments(path))
    yield other
    other.close()


def make_set(page: Page, *words: str) -> None:
    page.get_by_role("textbox", name="Title").fill("Class 9b")
    page.get_by_role("textbox", name="Words").fill(", ".join(words))
    page.get_by_role("button", name="Make the class set").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()


def join(page: Page, name: str) -> None:
    expect(page.get_by_role("button", name="Record")).to_have_count(0)  # before it was agreed to
    page.get_by_text("I agree that my voice is recorded").click()
    page.get_by_role("textbox", name="Nickname").fill(name)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text(f"You are {name}.")).to_be_visible()


def say(page: Page, counts: dict[str, int]) -> None:
    """Record until there are so many clips of each word."""
    page.get_by_role("button", name="Record", exact=False).click()
    for word, n in counts.items():
        expect(page.get_by_role("button", name=f"{word} {n} of 8")).to_be_visible()
    page.get_by_role("button", name="Pause").click()


def test_three_words_are_recorded_trained_on_and_a_fourth_clip_is_heard(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit("/our_class")
    make_set(page, *WORDS)
    join(page, "Ann")
    expect(page.get_by_role("button", name="Train on it")).to_be_disabled()
    say(page, dict.fromkeys(WORDS, SPOKEN))
    expect(page.get_by_text("Clips: 9, voices: 1.")).to_be_visible()
    page.wait_for_function("document.querySelector('audio').duration > 0.1")
    page.get_by_role("button", name="Train on it").click()
    expect(page.get_by_text(re.compile(r"Done: \d+ epochs"))).to_be_visible()
    page.get_by_role("link", name="Speak to it on Recognise").click()
    expect(page.get_by_role("heading", name="Recognise")).to_be_visible()
    settled(page)
    page.get_by_role("radio", name="Upload").click()
    for word in WORDS:
        soundfile.write(tmp_path / f"{word}.wav", takes(word)[SPOKEN], corpora.RATE, subtype="PCM_16")
        page.locator("input[type=file]").first.set_input_files(tmp_path / f"{word}.wav")
        expect(page.get_by_text(re.compile(f"^It heard “{word}”"))).to_be_visible()


def test_a_student_joins_by_the_link_and_delete_all_empties_both_pages(visit: Callable[..., Page]) -> None:
    teacher = visit("/our_class")
    make_set(teacher, *WORDS)
    address = teacher.url.removeprefix(teacher.evaluate("location.origin"))
    assert address.startswith("/our_class?set=")
    assert teacher.get_by_test_id("stCode").inner_text().strip().endswith(address)

    student = visit(address, viewport={"width": 390, "height": 800})
    join(student, "Ben")
    for forbidden in ("Delete all", "Train on it"):
        expect(student.get_by_role("button", name=forbidden, exact=True)).to_have_count(0)
    expect(student.get_by_role("button", name="Record")).to_be_enabled()  # then the space bar is listened to
    student.locator("body").press("Space")
    expect(student.get_by_role("button", name="seven 1 of 8")).to_be_visible()
    student.get_by_role("button", name="Pause").click()
    expect(teacher.get_by_text("Clips: 1, voices: 1.")).to_be_visible()
    expect(teacher.get_by_role("row", name="Ben 1 0 0")).to_be_visible()

    stranger = visit(address)
    join(stranger, "Eve")
    expect(stranger.get_by_text("None yet.")).to_be_visible()
    expect(stranger.get_by_role("button", name="seven 0 of 8")).to_be_visible()

    student.get_by_role("button", name="Redo last").click()  # deletes it, and counts for the same word again
    expect(student.get_by_role("button", name="seven 0 of 8")).to_be_visible()
    expect(student.get_by_text("✓ “seven” is kept")).to_be_visible()
    student.get_by_role("button", name="Pause").click()

    teacher.get_by_role("button", name="Delete all", exact=True).click()
    teacher.get_by_role("button", name="Delete all now").click()
    expect(teacher.get_by_text("No clip has been recorded yet.")).to_be_visible()
    for gone in (student, stranger):
        expect(gone.get_by_text("I agree that my voice is recorded")).to_be_visible()
        expect(gone.get_by_role("button", name="Record")).to_have_count(0)


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        ("delete Navigator.prototype.mediaDevices", "only to a page on HTTPS or on localhost"),
        ("MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }", "was refused"),
        (
            "MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }",
            "finds no microphone",
        ),
    ],
)
def test_a_microphone_that_is_not_given_has_its_sentence(visit: Callable[..., Page], spoilt: str, sentence: str) -> None:
    page = visit("/our_class")
    make_set(page, *WORDS)
    join(page, "Ann")
    page.evaluate(f"() => {{ {spoilt} }}")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("status").filter(has_text=sentence)).to_be_visible()
    expect(page.get_by_role("button", name="Record")).to_be_enabled()
