"""The lab in a real browser: one server and one Chromium, whose microphone speaks a word, for all tests of this folder."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import psutil
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebSocket, expect, sync_playwright

from l1demo import corpora

ROOT = Path(__file__).parents[2]
PATIENCE = 60_000.0  # ms: a busy machine is no failure; what is waited for is an event, so an idle one doesn't wait
SMALL = "train-clips=150&hidden=16"  # a run whose epochs take a few hundredths of a second

expect.set_options(timeout=PATIENCE)


class Lab:
    """The server under test."""

    def __init__(self, port: int, log: Path, pid: int) -> None:
        self.url = f"http://localhost:{port}"
        self.log = log
        self.pid = pid


@pytest.fixture(scope="package")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("the browser tests need Chromium; on Debian: apt-get install chromium")
    return found


@pytest.fixture(scope="package")
def word(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A word of the built-in corpus in a WAV file of two seconds, silence around it."""
    digits = corpora.load("digits")
    clip = digits.clip(int(np.flatnonzero(digits.labels == digits.words.index("seven"))[0]))
    before = np.zeros(corpora.RATE // 2, np.int16)
    after = np.zeros(2 * corpora.RATE - len(before) - len(clip), np.int16)
    path = tmp_path_factory.mktemp("speech") / "seven.wav"
    soundfile.write(path, np.concatenate([before, clip, after]), corpora.RATE, subtype="PCM_16")
    return path


@contextmanager
def serving(app: Path, home: Path, wait_for: Callable[..., Any], **environment: str) -> Iterator[Lab]:
    """A server started as the README says, with more of an environment; at the end no process of it may be left."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    streamlit = shutil.which("streamlit", path=str(Path(sys.executable).parent))
    assert streamlit
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [streamlit, "run", str(app), "--server.headless", "true", "--server.port", str(port)],
            cwd=ROOT,
            env=os.environ | {"L1DEMO_HOME": str(home)} | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    lab = Lab(port, home / "server.log", server.pid)
    try:
        wait_for(lambda: server.poll() is not None or _healthy(lab.url))
        assert server.poll() is None, lab.log.read_text()
        yield lab
    finally:
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        server.terminate()
        _gone, left = psutil.wait_procs(family, timeout=60)
        for process in left:
            process.kill()
        server.wait()
    assert not left, f"the server ended, but not its {left}"


@pytest.fixture(scope="package")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., Any]) -> Iterator[Lab]:
    """The lab with a history of its own."""
    with serving(ROOT / "app.py", tmp_path_factory.mktemp("home"), wait_for) as lab:
        yield lab


def arguments(speech: Path) -> list[str]:
    """How Chromium is started so that its microphone speaks a file, from the beginning whenever it is opened."""
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={speech}%noloop",
    ]


@pytest.fixture(scope="package")
def browser(chromium: str, word: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments(word))
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, lab: Lab) -> Iterator[Callable[..., Page]]:
    """A function that opens an address of the lab in a browser of its own; complaints of any of them fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    known = lab.log.stat().st_size

    def open_at(address: str, listen: Callable[[WebSocket], None] | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "permissions": ["microphone"]} | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda message: complaints.extend(_complaint(message)))
        context.on("weberror", lambda error: complaints.append(f"error in the page: {error.error}"))
        context.on("request", lambda request: complaints.extend(_foreign(request.url)))
        page = context.new_page()
        if listen:
            page.on("websocket", listen)
        page.goto(lab.url + address)
        settled(page)
        return page

    yield open_at
    for context in contexts:
        for page in context.pages:
            complaints += page.get_by_test_id("stException").all_inner_texts()
        context.close()
    assert not complaints
    with lab.log.open("rb") as log:
        log.seek(known)
        said = log.read().decode()
    assert "Traceback" not in said, said


@pytest.fixture(scope="package")
def done_run(browser: Browser, lab: Lab) -> str:
    """The id of a run of 12 epochs that is done."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{lab.url}/train?{SMALL}&epochs=12&free-epochs=2&lam=0.003")
    press_train(page)
    expect(page.get_by_text("Done: 12 epochs")).to_be_visible()
    run_id = parse_qs(urlsplit(page.url).query)["run"][0]
    context.close()
    return run_id


def settled(page: Page) -> None:
    """Wait until the page's script has run, the browser has code for all that it sent, and all charts are drawn."""
    page.locator("h1, [data-testid=stException]").first.wait_for()
    page.wait_for_function(
        """() => document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]")
            && !document.querySelector("[data-testid=stSkeleton]")
            && [...document.querySelectorAll("[data-testid^=stBidiComponent]")].every(part => part.querySelector("[class^=l1-]"))
            && [...document.querySelectorAll(".l1-plot")].every(plot => plot.querySelector(".main-svg"))"""
    )


def press_train(page: Page) -> None:
    """Press Train and wait for the first epoch on the chart."""
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("img", name=re.compile("^Epoch .* loss")).wait_for()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _complaint(message: ConsoleMessage) -> list[str]:
    # Streamlit's browser side cannot know where below a page's path its server is, and asks there first.
    expected = (
        "/_stcore/" in message.location.get("url", "") and "404" in message.text
    ) or "does not seem to exist" in message.text
    return [] if message.type != "error" or expected else [f"{message.text} ({message.location.get('url')})"]


def _foreign(url: str) -> list[str]:
    parts = urlsplit(url)
    return (
        [f"asked another computer: {url}"]
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "localhost"
        else []
    )
