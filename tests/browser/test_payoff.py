import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .conftest import settled


def test_a_run_s_bytes_bands_and_time_are_shown_and_its_sounds_can_be_played(visit: Callable[..., Page], done_run: str) -> None:
    page = visit(f"/payoff?run={done_run}")
    notes = page.locator(".l1-note:not(:empty)")
    expect(notes).to_have_count(2)
    expect(notes.first).to_contain_text(re.compile(r"Dense, the weights take [\d,]+ bytes"))
    expect(notes.last).to_contain_text("mel bands")
    page.wait_for_function(
        "(sounds => sounds.length === 2 && sounds.every(sound => sound.duration > 0.1))([...document.querySelectorAll('audio')])"
    )
    page.evaluate("document.querySelectorAll('.l1-plot').forEach((plot, i) => { plot.seen = i })")
    page.get_by_role("button", name="Measure on this computer").click()
    expect(page.get_by_role("listitem").filter(has_text="Written out step by step")).to_be_visible()
    settled(page)
    expect(page.get_by_role("img", name=re.compile("^The median of 100 measurements of each"))).to_be_visible()
    kept = page.evaluate("[...document.querySelectorAll('.l1-plot')].map(plot => plot.seen)")
    assert [each for each in kept if each is not None] == [0, 1], "a chart was built anew"


def test_grey_bands_and_their_bars_stand_in_the_same_rows(visit: Callable[..., Page], done_run: str) -> None:
    page = visit(f"/payoff?run={done_run}")
    page.wait_for_function("document.querySelector('.st-key-payoff-bands .l1-plot')?.data?.length === 3")
    rows = page.evaluate(
        """() => {
            const [alive, dead, bars] = document.querySelector(".st-key-payoff-bands .l1-plot").calcdata
            const filled = (map, row) => [...(map[0].z?.[row] ?? [])].some(Number.isFinite)  // nothing at all where no band is grey
            return bars.map((bar, row) => [filled(alive, row), filled(dead, row), bar.s > 0])
        }"""
    )
    assert len(rows) == 40
    assert all(alive == weighs and dead != weighs for alive, dead, weighs in rows)


def test_without_a_run_a_link_leads_to_train(visit: Callable[..., Page]) -> None:
    page = visit("/payoff")
    page.get_by_test_id("stMain").get_by_role("link", name="Train a network").click()
    expect(page.get_by_role("heading", level=1, name="Train")).to_be_visible()
