import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import settled


def test_the_slider_of_epochs_answers_without_the_server(visit: Callable[..., Page], done_run: str) -> None:
    sent: list[str | bytes] = []
    page = visit(f"/weights?run={done_run}", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    slider = page.get_by_role("slider", name="Epoch")
    note = page.locator(".st-key-weights-histogram .l1-note")
    bars = "document.querySelector('.st-key-weights-histogram .l1-plot').data[1].y.bdata"
    expect(note).to_contain_text("Epoch 12:")
    settled(page)
    before, last = len(sent), page.evaluate(bars)
    assert before, "what the browser sends is not seen"
    slider.press("Home")
    expect(note).to_contain_text("Epoch 1:")
    page.wait_for_function(f"last => {bars} !== last", arg=last)
    area = slider.bounding_box()
    assert area
    page.mouse.move(area["x"] + 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2, steps=8)
    page.mouse.up()
    expect(note).to_have_text(re.compile("^Epoch [5-8]: "))
    slider.press("End")
    expect(note).to_contain_text("Epoch 12:")
    page.wait_for_function(f"last => {bars} === last", arg=last)
    assert len(sent) == before


def test_the_heat_maps_say_what_part_of_each_gate_is_zero(visit: Callable[..., Page], done_run: str) -> None:
    page = visit(f"/weights?run={done_run}")
    maps = page.get_by_role("img", name=re.compile("Exact zeros: input .* forget .* cell .* output"))
    expect(maps).to_have_count(2)
    page.wait_for_function("[...document.querySelectorAll('.l1-plot')].filter(plot => plot.data?.length === 4).length === 2")
