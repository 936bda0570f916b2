"""The download of FSDD by its button, from a server on loopback that is slow, breaks off, sends a wrong byte, or has nothing."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import PATIENCE, ROOT, Lab, serving, settled

sys.path.insert(0, str(Path(__file__).parents[1] / "corpora"))

import servers
from test_fsdd import GOOD


@pytest.fixture(scope="module")
def mirror() -> Iterator[servers.Server]:
    with servers.serving(servers.status(404)) as server:
        yield server


@pytest.fixture(scope="module")
def offline(
    chromium: str, mirror: servers.Server, tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., Any]
) -> Iterator[tuple[Lab, Path]]:
    """A lab that downloads from the mirror, and its folder."""
    home = tmp_path_factory.mktemp("home")
    with serving(ROOT / "app.py", home, wait_for, L1DEMO_FSDD_URL=mirror.url) as lab:
        yield lab, home


@pytest.fixture
def page(browser: Browser, offline: tuple[Lab, Path]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{offline[0].url}/data")
    settled(page)
    yield page
    assert page.get_by_test_id("stException").count() == 0
    context.close()
    assert "Traceback" not in offline[0].log.read_text()


def press_download(page: Page) -> None:
    page.get_by_text("People: the Free Spoken Digit Dataset").click()
    page.get_by_text("3,000 recordings, 21.1 MB of WAV").wait_for()  # which is said beforehand, as is the checksum
    expect(page.get_by_text("1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959")).to_be_visible()
    page.get_by_role("button", name="Download", exact=True).click()


def check_nothing_is_left(page: Page, home: Path) -> None:
    assert [path.name for path in (home / "corpora").glob("*")] == []
    assert [path for path in (home / "scratch").rglob("*") if path.is_file()] == []
    expect(page.get_by_role("combobox", name="Corpus")).to_have_value("Built-in digits")
    expect(page.get_by_role("button", name="Train on it")).to_be_enabled()


FAILURES = {
    "breaks off": (servers.broken(GOOD, 1000, None), "broke off after"),
    "a wrong byte": (servers.file(GOOD), "the checksum of its recordings is another"),  # what is served is not the real dataset
    "404": (servers.status(404), "answers 404 (Not Found)"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_download_that_fails_says_why_and_leaves_nothing(
    page: Page, mirror: servers.Server, offline: tuple[Lab, Path], case: str
) -> None:
    answer, sentence = FAILURES[case]
    mirror.answers = (answer,)
    press_download(page)
    expect(page.get_by_test_id("stAlert").get_by_text(sentence)).to_be_visible()
    check_nothing_is_left(page, offline[1])


def test_a_slow_download_shows_how_far_it_is_and_is_cancelled(
    page: Page, mirror: servers.Server, offline: tuple[Lab, Path]
) -> None:
    mirror.answers = (servers.silent(bytes(16_000_000)),)
    press_download(page)
    page.get_by_text("0.0 MB of 16.0 MB").wait_for()
    page.reload()  # and it is still there
    page.get_by_text("0.0 MB of 16.0 MB").wait_for()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_test_id("stAlert").get_by_text("Cancelled: Free Spoken Digit Dataset")).to_be_visible()
    check_nothing_is_left(page, offline[1])
