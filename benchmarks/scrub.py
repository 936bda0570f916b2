"""How long a step of the stage's slider keeps the browser's script busy in Chromium without a GPU, and what it sends the server.

    python benchmarks/scrub.py --drags 6

It drags through all stops of the page of tests/browser/stage_page.py: four Plotly charts, heat maps of 256×40 and 256×64, a
histogram and bars. What is timed is the script of whole frames, as the browser calls it, whoever asked for it.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "tests" / "browser" / "stage_page.py"
APP = "import streamlit as st\nfrom l1demo.ui import live\n\napp = st.App({page!r}, routes=live.routes())\n"
TIMED = """
window.frames_ = []
const ask = window.requestAnimationFrame.bind(window)
let last
window.nextFrame = () => new Promise(ask)
window.requestAnimationFrame = work => ask(now => {
    const began = performance.now()
    work(now)
    if (now !== last) window.frames_.push(0)
    last = now
    window.frames_[window.frames_.length - 1] += performance.now() - began
})
"""
COSTS = {
    "ScriptDuration": "script",
    "RecalcStyleDuration": "style",
    "LayoutDuration": "layout",
    "TaskDuration": "all on the main thread",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a step of the stage's slider takes")
    parser.add_argument("--drags", type=int, default=6, help="how often through all stops and back")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1280, "height": 1500})
        page.add_init_script(TIMED)
        sent: list[str | bytes] = []
        page.on("websocket", lambda channel: channel.on("framesent", lambda frame: sent.append(frame)))
        began = time.perf_counter()
        page.goto(url)
        page.wait_for_function("document.querySelectorAll('.l1-dot').length === 8")
        print(f"all panels stand after {time.perf_counter() - began:.2f} s")
        scrub(page, options.drags, sent)
        chromium.close()


def scrub(page: Page, drags: int, sent: list[str | bytes]) -> None:
    """Drag there and back, one stop a move, and print what it cost."""
    slider = page.get_by_role("slider", name="λ")
    stops = int(slider.get_attribute("max") or 0)
    area = slider.bounding_box()
    assert area
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def metrics() -> dict[str, float]:
        return {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}

    def reach(stop: int) -> None:
        thumb = 20  # pixels: the slider's ends are half of it away from the element's
        page.mouse.move(area["x"] + thumb / 2 + stop / stops * (area["width"] - thumb), area["y"] + area["height"] / 2)
        page.evaluate("nextFrame().then(nextFrame)")
        assert slider.input_value() == str(stop)

    slider.press("Home")
    reach(0)
    page.mouse.down()
    before, known = metrics(), len(sent)
    page.evaluate("window.frames_.length = 0")
    for _ in range(drags):
        for stop in (*range(1, stops + 1), *range(stops - 1, -1, -1)):
            reach(stop)
    frames = [ms for ms in page.evaluate("window.frames_") if ms]
    after, steps = metrics(), 2 * drags * stops
    page.mouse.up()
    worst = statistics.quantiles(frames, n=20)[-1]
    print(f"{steps} steps: script a frame median {statistics.median(frames):.2f} ms, 95th percentile {worst:.2f} ms")
    parts = ", ".join(f"{words} {1000 * (after[name] - before[name]) / steps:.2f} ms" for name, words in COSTS.items())
    print(f"mean a step, with what measures it: {parts}")
    print(f"sent to the server: {len(sent) - known} frames")


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run the page in a server of its own."""
    (folder / "app.py").write_text(APP.format(page=str(PAGE)))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(folder / "app.py"),
            "--server.headless",
            "true",
            "--server.address",
            "localhost",
            "--server.port",
            str(port),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        while not answers(f"{url}/_stcore/health"):
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    main()
