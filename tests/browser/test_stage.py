import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from l1demo import film, stage
from l1demo.charts import percent
from l1demo.stage import Bars, Histogram, Maps, Readouts

from . import stage_page
from .conftest import ROOT, Lab, serving, settled
from .stage_page import GATES, LAMS, START, S

PAGE = Path(stage_page.__file__)
APP = "import streamlit as st\nfrom l1demo.ui import live\n\napp = st.App({page!r}, routes=live.routes())\n"
CURSORS = """lams => [...document.querySelectorAll(".l1-curves")].map(curves => {
    const plot = curves.querySelector(".l1-plot"), { xaxis, yaxis } = plot._fullLayout, at = plot.getBoundingClientRect()
    const step = Number(document.querySelector(".l1-stage input").value)
    const middle = mark => {
        const { x, y, width, height } = mark.getBoundingClientRect()
        return [x + width / 2 - at.x, y + height / 2 - at.y]
    }
    return {
        x: xaxis._offset + xaxis.l2p(Math.log10(lams[step])),
        ys: plot._fullData.map(trace => yaxis._offset + yaxis.l2p(trace.y[step])),
        cursor: middle(curves.querySelector(".l1-cursor")),
        dots: [...curves.querySelectorAll(".l1-dot")].map(middle),
    }
})"""
PIXELS = """[...document.querySelectorAll(".l1-maps")].map(maps => [...maps.querySelectorAll("canvas")].slice(1).map(canvas =>
    [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]))"""
MARKED = """[...document.querySelectorAll(".l1-stage, .l1-stage canvas, .l1-plot, .l1-plot .main-svg")]"""


@pytest.fixture(scope="module")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., Any]) -> Iterator[Lab]:
    """A server of nothing but a stage, in place of the lab."""
    home = tmp_path_factory.mktemp("stage")
    app = home / "app.py"
    app.write_text(APP.format(page=str(PAGE)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]))
        with serving(app, home, wait_for) as lab:
            yield lab


@pytest.fixture
def look(visit: Callable[..., Page]) -> Callable[..., Page]:
    """A function that opens the page and waits until all its panels stand."""

    def open_at(*args: Any, **options: Any) -> Page:
        page = visit("/", *args, **options)
        page.wait_for_function("document.querySelectorAll('.l1-dot').length === 8")
        return page

    return open_at


def the(kind: type, shown: stage.Stage) -> Any:
    return next(panel for panel in shown.panels if isinstance(panel, kind))


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="λ")


def go(page: Page, step: int) -> None:
    """Move the slider by its keys and wait until the frame that draws the step has passed."""
    slider(page).press("Home")
    for _ in range(step):
        slider(page).press("ArrowRight")
    expect(page.locator(".l1-finding")).to_have_text(stage_page.example().alts[step])


def zoom(page: Page) -> None:
    """Draw a frame over the middle of the first chart."""
    area = page.locator(".l1-plot .nsewdrag").first.bounding_box()
    assert area
    page.mouse.move(area["x"] + 0.2 * area["width"], area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + area["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('.l1-plot')._fullLayout.xaxis.range[0] > -4.9")


def expect_marks_on_the_lines(page: Page) -> None:
    for curves in page.evaluate(CURSORS, LAMS.tolist()):
        assert abs(curves["cursor"][0] - curves["x"]) < 1
        assert len(curves["dots"]) == 2
        assert np.allclose(curves["dots"], [(curves["x"], y) for y in curves["ys"]], atol=1)


def test_the_slider_moves_every_panel_and_sends_nothing(look: Callable[..., Page]) -> None:
    sent: list[str | bytes] = []
    page = look(lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    shown = stage_page.example()
    readouts, histogram, bars = (the(kind, shown) for kind in (Readouts, Histogram, Bars))
    expect(slider(page)).to_have_value(str(START))
    before = len(sent)
    assert before, "what the browser sends is not seen"
    for key, step in (("ArrowRight", START + 1), ("Home", 0), ("End", S - 1), ("ArrowLeft", S - 2)):
        slider(page).press(key)
        expect(page.locator(".l1-finding")).to_have_text(shown.alts[step])
        expect(slider(page)).to_have_attribute("aria-valuetext", shown.steps[step])
        expect(page.locator(".l1-readouts dd")).to_have_text(readouts.texts[step])
        expect(page.locator(".l1-chosen")).to_have_count(1)
        expect(page.locator(".l1-chosen")).to_contain_text(stage_page.WORDS[int(bars.values[step].argmax())])
        expect(page.locator(".l1-chosen")).to_have_css("font-weight", "700")
        expect(page.locator(".l1-zero b")).to_have_text(percent(float(histogram.zeros[step])))
    area = slider(page).bounding_box()
    assert area
    page.mouse.move(area["x"] + area["width"] - 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    for part in (0.75, 0.5, 0.25, 0.002):
        page.mouse.move(area["x"] + part * area["width"], area["y"] + area["height"] / 2, steps=4)
    page.mouse.up()
    expect(page.locator(".l1-finding")).to_have_text(shown.alts[0])
    expect_marks_on_the_lines(page)
    assert len(sent) == before


def test_the_cursor_stands_on_the_axis_after_zoom_and_on_another_screen(look: Callable[..., Page]) -> None:
    page = look()
    for step in (0, 7, S - 1):
        go(page, step)
        expect_marks_on_the_lines(page)
    go(page, 7)
    before = page.evaluate(CURSORS, LAMS.tolist())[0]["x"]
    zoom(page)
    expect_marks_on_the_lines(page)
    assert page.evaluate(CURSORS, LAMS.tolist())[0]["x"] != before
    width = "document.querySelector('.l1-plot')._fullLayout.width"
    wide = page.evaluate(width)
    page.set_viewport_size({"width": 900, "height": 800})
    page.wait_for_function(f"wide => {width} < wide - 50", arg=wide)
    page.wait_for_function("[...document.querySelectorAll('.l1-plot')].every(plot => plot._fullLayout.width === plot.clientWidth)")
    expect_marks_on_the_lines(page)


def test_a_map_is_black_exactly_where_a_weight_is_zero(look: Callable[..., Page]) -> None:
    page = look()
    maps = [panel for panel in stage_page.example().panels if isinstance(panel, Maps)]
    for step in (0, 9, S - 1):
        go(page, step)
        for panel, gates in zip(maps, page.evaluate(PIXELS), strict=True):
            levels = panel.levels[step].reshape(len(GATES), -1)
            pixels = np.array(gates, np.uint8).reshape(len(GATES), -1, 4)
            assert np.array_equal(pixels, stage.colours()[levels.view(np.uint8)])
            assert np.array_equal((pixels == stage.colours()[0]).all(2), levels == 0)


def test_pointing_at_a_map_names_the_weight(look: Callable[..., Page]) -> None:
    page = look()
    panel = the(Maps, stage_page.example())
    levels = panel.levels[START].reshape(len(GATES), stage_page.H, -1)
    canvas = page.locator(".l1-maps canvas").nth(3)  # behind the strip of dead units: input, forget, cell
    canvas.scroll_into_view_if_needed()
    area = canvas.bounding_box()
    assert area
    for wanted in (levels[2] == 0, levels[2] > 20):
        unit, band = (int(i) for i in np.argwhere(wanted)[0])
        size = area["width"] / levels.shape[2], area["height"] / levels.shape[1]
        page.mouse.move(area["x"] + (band + 0.5) * size[0], area["y"] + (unit + 0.5) * size[1])
        tip = page.locator(".l1-tip")
        expect(tip).to_contain_text(f"cell: hidden unit {unit}, mel band {band}")
        level = int(levels[2, unit, band])
        if level:
            said = re.search(r"about ([\d.]+)$", tip.inner_text())
            assert said
            assert float(said[1]) == pytest.approx(level / 127 * film.FULL, rel=0.05)
        else:
            expect(tip).to_contain_text("exactly 0")


def test_new_numbers_of_the_same_subject_keep_the_place_the_zoom_and_every_node(look: Callable[..., Page]) -> None:
    page = look()
    go(page, 9)
    zoom(page)
    page.evaluate(f"{MARKED}.forEach(node => node.marked = true)")
    zoomed = page.evaluate("document.querySelector('.l1-plot')._fullLayout.xaxis.range")
    bars = page.locator(".l1-bars")
    before = bars.inner_text()
    page.get_by_role("button", name="Hear a word").click()
    expect(bars).not_to_have_text(before)
    heard = the(Bars, stage_page.example(heard=1))
    expect(bars.locator("span:last-child")).to_have_text([percent(float(value)) for value in heard.values[9]])
    settled(page)
    expect(slider(page)).to_have_value("9")
    assert page.evaluate(f"{MARKED}.every(node => node.marked)")
    assert page.evaluate("document.querySelector('.l1-plot')._fullLayout.xaxis.range") == zoomed
    expect_marks_on_the_lines(page)

    subject = page.get_by_role("textbox", name="Subject")
    subject.fill("another path")
    subject.press("Enter")
    expect(slider(page)).to_have_value(str(START))
    expect(page.locator(".l1-finding")).to_have_text(stage_page.example().alts[START])


def test_the_stage_follows_the_theme(look: Callable[..., Page]) -> None:
    page = look(color_scheme="light")
    ink = "document.querySelector('.l1-plot')._fullLayout.font.color"
    line = """(() => { const canvas = document.querySelector('.l1-histogram canvas')
        return [...canvas.getContext('2d').getImageData(0, canvas.height - 1, 1, 1).data].join() })()"""
    light = page.evaluate(ink), page.evaluate(line)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {ink} !== light[0] && {line} !== light[1]", arg=light)
    expect_marks_on_the_lines(page)


def test_on_a_phone_panels_stand_below_each_other(look: Callable[..., Page]) -> None:
    page = look(viewport={"width": 390, "height": 800})
    widths = page.evaluate("[...document.querySelectorAll('.l1-panel')].map(panel => panel.getBoundingClientRect().width)")
    whole = page.evaluate("document.querySelector('.l1-panels').getBoundingClientRect().width")
    assert len(widths) == len(stage_page.example().panels)
    assert widths == [whole] * len(widths)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function(
        "document.querySelectorAll('.l1-panel')[1].clientWidth < document.querySelector('.l1-panels').clientWidth * 0.5"
    )


def test_every_panel_has_words_for_those_who_do_not_see_it(look: Callable[..., Page]) -> None:
    page = look()
    for panel in stage_page.example().panels:
        if not isinstance(panel, Readouts):
            said = panel.wire()["alts"][START]
            expect(page.get_by_role("img", name=f"{panel.title}. {said}", exact=True)).to_have_count(1)


def test_the_slider_stays_in_sight_of_the_last_panel(look: Callable[..., Page]) -> None:
    page = look(viewport={"width": 390, "height": 800})
    page.locator(".l1-bars").scroll_into_view_if_needed()
    expect(page.locator(".l1-bars")).to_be_in_viewport()
    expect(page.locator(".l1-head")).to_be_in_viewport(ratio=1)
    hit = """document.elementFromPoint(...(({ x, y, width, height }) => [x + width / 2, y + height / 2])(
        document.querySelector(".l1-head input").getBoundingClientRect())).type"""
    assert page.evaluate(hit) == "range", "something covers the slider"
