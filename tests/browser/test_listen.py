import re
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, expect

from .conftest import settled

PICTURES = 3  # the waveform, what the ear hears and what the network sees


def notes(page: Page) -> list[str]:
    expect(page.locator(".l1-note:not(:empty)")).to_have_count(PICTURES)
    for plot in page.locator(".l1-plot").all():
        expect(plot.locator(".main-svg").first).to_be_attached()
    return page.locator(".l1-note").all_inner_texts()


def choose_upload(page: Page) -> None:
    page.get_by_role("radio", name="Upload").click()
    page.get_by_test_id("stFileUploader").wait_for()


def upload(page: Page, path: Path) -> None:
    page.locator("input[type=file]").set_input_files(path)


def test_a_spoken_word_is_shown_as_waveform_and_spectrograms(visit: Callable[..., Page]) -> None:
    page = visit("/listen")
    page.get_by_role("radio", name="Record").click()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_test_id("stAudioInputWaveformTimeCode")).to_have_text(re.compile("00:0[2-9]"))  # the word is spoken by now
    page.get_by_role("button", name="Stop recording").click()
    waveform, ear, network = notes(page)
    expect(page.get_by_text(re.compile(r"WAV, 16,000 Hz, 1 channel\(s\), \d\.\d\d s"))).to_be_visible()
    page.wait_for_function("document.querySelector('audio[data-testid=stAudio]').duration > 1.5")
    seconds, peak = map(float, re.findall(r"[\d.]+(?= s| %)", waveform))
    assert seconds > 1.5
    assert peak > 5
    assert "Log-mel" in ear
    assert int(ear.split(": ")[1].split()[0]) > 100
    assert int(network.split()[0]) < 100, "the silence around the word is still there"
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.parametrize("kind", ["Linear frequency", "Mel", "MFCC"])
def test_each_kind_of_spectrogram_changes_the_picture_where_it_stands(visit: Callable[..., Page], kind: str) -> None:
    page = visit("/listen")
    notes(page)
    page.evaluate("document.querySelectorAll('.l1-plot').forEach((plot, i) => { plot.seen = i })")
    page.get_by_role("combobox", name="Spectrogram").click()
    page.get_by_role("option", name=kind, exact=True).click()
    expect(page.locator(".l1-note").nth(1)).to_contain_text(f"{kind} spectrogram")
    assert page.evaluate("[...document.querySelectorAll('.l1-plot')].map(plot => plot.seen)") == [0, 1, 2]


def test_a_bad_file_gets_its_sentence_and_the_next_good_one_its_pictures(
    visit: Callable[..., Page], word: Path, tmp_path: Path
) -> None:
    text, silence = tmp_path / "text.wav", tmp_path / "silence.wav"
    text.write_text("This was never a sound.")
    soundfile.write(silence, [0.0] * 16_000, 16_000)
    page = visit("/listen")
    choose_upload(page)
    for path, sentence in ((text, "This is a text file, not a recording"), (silence, "Every sample is 0")):
        upload(page, path)
        expect(page.get_by_test_id("stAlert").get_by_text(sentence)).to_be_visible()
        settled(page)
        assert page.locator(".l1-plot").count() == 0
    upload(page, word)
    assert notes(page)[0].startswith("2.00 s of sound")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
