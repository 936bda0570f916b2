import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, WebSocket, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from .conftest import SMALL, press_train

MOST = 10_000  # bytes of one update of the live view
LOSSES = ".st-key-train-loss .l1-plot"
NUMBERS = "JSON.stringify([...document.querySelectorAll('.l1-plot')].map(plot => plot.data?.map(trace => [trace.name, trace.y])))"


def runs(page: Page) -> int:
    """Return how many runs the history has."""
    history = page.context.new_page()
    history.goto(page.url.split("/train")[0] + "/runs")
    table = history.locator("[data-testid=stDataFrame] table[role=grid]")
    said = history.get_by_text("Train a network first")
    table.or_(said).first.wait_for(state="attached")
    count = int(table.get_attribute("aria-rowcount") or 0) - 1 if table.count() else 0  # it counts its header
    history.close()
    return count


def wait_for_updates(page: Page, n: int) -> None:
    """Wait until the loss chart has said something new so many times."""
    page.evaluate(
        """([chart, n]) => new Promise(resolve => {
            new MutationObserver((changes, observer) => { if ((n -= changes.length) <= 0) { observer.disconnect(); resolve() } })
                .observe(document.querySelector(chart), { attributeFilter: ["aria-label"] })
        })""",
        [LOSSES, n],
    )


def test_train_shows_its_first_epoch_and_stop_ends_it(visit: Callable[..., Page]) -> None:
    page = visit("/train?epochs=300&seed=1")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    press_train(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped after \d+ of 300 epochs"))).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    assert re.search(r"[?&]run=\w+", page.url)


def test_a_run_is_at_its_address_after_a_reload_elsewhere_and_on_the_way_back(visit: Callable[..., Page]) -> None:
    page = visit(f"/train?{SMALL}&seed=2&epochs=12")
    press_train(page)
    expect(page.get_by_text("Done: 12 epochs")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Epoch 12: "))).to_have_count(3)
    address, shown = page.url, page.evaluate(NUMBERS)
    assert len(json.loads(shown)) == 3
    page.reload()
    expect(page.get_by_text("Done: 12 epochs")).to_be_visible()
    expect(page.locator(".l1-note")).to_have_count(3)
    page.wait_for_function(f"(shown) => {NUMBERS} === shown", arg=shown)
    assert page.url == address

    other = visit(address.removeprefix(page.evaluate("location.origin")))
    expect(other.get_by_text("Done: 12 epochs")).to_be_visible()
    other.wait_for_function(f"(shown) => {NUMBERS} === shown", arg=shown)
    assert other.url == address
    other.get_by_role("link", name="Runs").click()
    expect(other.get_by_role("heading", name="Runs")).to_be_visible()
    expect(other.get_by_text(re.compile("Black is exactly 0"))).to_be_visible()
    other.wait_for_url(re.compile("/runs.*run="))
    other.go_back()
    other.wait_for_function("location.pathname === '/train' || !location.search")
    if not other.url.startswith(address.split("?")[0]):  # Streamlit may have the page's bare address as a step of its own
        other.go_back()
    expect(other.get_by_text("Done: 12 epochs")).to_be_visible()


def test_a_live_chart_keeps_its_node_its_zoom_and_its_label_over_ten_updates(visit: Callable[..., Page]) -> None:
    page = visit(f"/train?{SMALL}&epochs=300&seed=3&free-epochs=0&lr=0.0003")
    press_train(page)
    page.evaluate(
        """chart => {
            window.removed = 0
            new MutationObserver(changes => {
                for (const change of changes) for (const node of change.removedNodes) {
                    if (node.matches?.(".l1-plot, :has(.l1-plot)")) window.removed += 1
                }
            }).observe(document.body, { childList: true, subtree: true })
            document.querySelector(chart).marked = true
        }""",
        LOSSES,
    )
    area = page.locator(f"{LOSSES} .nsewdrag").first.bounding_box()
    assert area
    left, right, middle = area["x"] + 0.2 * area["width"], area["x"] + 0.7 * area["width"], area["y"] + area["height"] / 2
    page.mouse.move(left, middle)
    page.mouse.down()
    page.mouse.move(right, middle, steps=5)
    page.mouse.up()
    zoomed = "chart => document.querySelector(chart)._fullLayout.xaxis.range"
    page.wait_for_function("chart => document.querySelector(chart)._fullLayout.xaxis.range[1] < 250", arg=LOSSES)
    before = page.evaluate(zoomed, LOSSES)
    page.mouse.move(left, middle)
    label = page.locator(f"{LOSSES} .hoverlayer text").first
    expect(label).to_be_attached()
    wait_for_updates(page, 10)
    assert page.evaluate("chart => document.querySelector(chart).marked", LOSSES)
    assert page.evaluate(zoomed, LOSSES) == before
    assert page.evaluate("window.removed") == 0
    expect(label).to_be_attached()


def sizes_of_updates(frames: list[bytes]) -> list[int]:
    """Return the bytes of each run of a fragment that drew the charts, from the server's messages in their order."""
    sizes: list[int] = []
    size, drew = 0, False
    for frame in frames:
        message = ForwardMsg.FromString(frame)
        kind = message.WhichOneof("type")
        size, drew = (0, False) if kind == "new_session" else (size, drew or kind == "delta")
        size += len(frame)
        if drew and message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY and kind == "script_finished":
            sizes.append(size)
    return sizes


def test_an_update_of_the_live_view_is_small(visit: Callable[..., Page], record_property: Callable[[str, Any], None]) -> None:
    frames: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(frame if isinstance(frame, bytes) else frame.encode()))

    page = visit(f"/train?{SMALL}&epochs=150&seed=4&lam=0.001", listen)
    press_train(page)
    expect(page.get_by_text("Done: 150 epochs")).to_be_visible()
    sizes = sizes_of_updates(frames)
    record_property("bytes of an update", sorted(sizes))
    assert sizes
    assert max(sizes) < MOST


def test_a_double_click_trains_once(visit: Callable[..., Page]) -> None:
    page = visit(f"/train?{SMALL}&seed=5&epochs=30")
    page.evaluate(
        """() => {
            window.epochs = []
            new MutationObserver(() => {
                const said = document.querySelector("[data-testid=stProgress]")?.innerText.match(/Epoch (\\d+) of/)
                if (said && window.epochs.at(-1) !== Number(said[1])) window.epochs.push(Number(said[1]))
            }).observe(document.body, { childList: true, subtree: true, characterData: true })
        }"""
    )
    before = runs(page)
    page.get_by_role("button", name="Train", exact=True).dblclick()
    expect(page.get_by_text("Done: 30 epochs")).to_be_visible()
    epochs = page.evaluate("window.epochs")
    assert epochs == sorted(epochs), "it began anew"
    assert runs(page) == before + 1


def test_a_run_is_paused_and_goes_on_with_another_lam_on_the_same_chart(visit: Callable[..., Page]) -> None:
    page = visit(f"/train?{SMALL}&epochs=40&free-epochs=1&lam=0.001&seed=77")
    page.get_by_text("Slow motion").click()
    press_train(page)
    page.locator(LOSSES).evaluate("plot => { plot.marked = true }")
    page.get_by_role("button", name="Pause").click()
    paused = page.get_by_text("Paused after")
    expect(paused).to_be_visible()
    before = paused.inner_text()
    page.get_by_text("Slow motion").click()
    page.get_by_role("slider", name="λ").press("ArrowRight")
    page.get_by_role("button", name="Go on with λ = 0.002").click()
    expect(page.get_by_text("Done: 40 epochs")).to_be_visible()
    epochs = int(re.findall(r"\d+", before)[0])
    marks = page.locator(LOSSES).evaluate("plot => plot.layout.shapes.map(shape => [shape.x0, shape.label.text])")
    assert marks[-1] == [epochs + 0.5, "λ = 0.002"]
    assert page.locator(LOSSES).evaluate("plot => plot.marked")
    assert parse_qs(urlsplit(page.url).query)["lam-changes"] == [f"{epochs + 1}:0.002"]


def test_back_and_forward_show_the_run_of_their_address(visit: Callable[..., Page]) -> None:
    page = visit(f"/train?{SMALL}&epochs=2&seed=80&free-epochs=0")

    def drawn(seed: int) -> None:
        page.wait_for_url(f"**seed={seed}**")
        page.wait_for_function(
            f"document.querySelector('{LOSSES}')?.layout?.uirevision === new URLSearchParams(location.search).get('run')"
        )
        expect(page.get_by_text("Done: 2 epochs")).to_be_visible()

    for seed in (81, 82):
        page.get_by_role("button", name="New start").click()
        drawn(seed)
    page.go_back()
    drawn(81)
    page.get_by_text("More settings").click()
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("81")
    page.go_forward()
    drawn(82)
