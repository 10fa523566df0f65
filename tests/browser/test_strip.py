"""The strip's script in a page of its own, with a model that is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nodebynode.course import strip
from nodebynode.course.strip import picture
from nodebynode.witness.columns import Column
from playwright.sync_api import Page, expect

from tests.browser.widgets import widget

SCRIPT = Path(strip.__file__).with_name("strip.js").read_text()


@pytest.fixture
def tab(page: Page, tmp_path: Path) -> Iterator[Page]:
    """The widget in a tab whose time a test may let pass faster."""
    with widget(page, SCRIPT, tmp_path, fast=True) as tab:
        yield tab


def tell(tab: Page, *shown: Column, news: str = "", ended: bool = False) -> None:
    tab.evaluate("m => tell(m)", {"html": picture(shown), "news": news, "ended": ended})


def test_it_asks_and_shows_what_it_is_told(tab: Page) -> None:
    assert tab.evaluate("sent") == [{"want": "now"}]
    tell(tab, Column(9), Column(3, 6), news="Requests are being lost.")
    expect(tab.get_by_role("img")).to_have_accessible_name("Last 1 s: 12 ok, 6 lost.")
    expect(tab.get_by_role("status")).to_have_text("Requests are being lost.")
    tell(tab, Column(9))
    expect(tab.get_by_role("img")).to_have_count(1)
    expect(tab.get_by_role("status")).to_have_text("")


def test_a_silent_kernel_is_told(tab: Page) -> None:
    tell(tab, Column(9))
    tab.clock.run_for(4000)
    expect(tab.get_by_role("status")).to_contain_text("Stale")
    tell(tab, Column(9))
    expect(tab.get_by_role("status")).to_have_text("")


def test_a_load_that_has_ended_is_not_stale(tab: Page) -> None:
    tell(tab, Column(9), news="The load has ended.", ended=True)
    tab.clock.run_for(9000)
    expect(tab.get_by_role("status")).to_have_text("The load has ended.")


def test_a_strip_that_is_removed_hears_nothing_more(tab: Page) -> None:
    tab.evaluate("end()")
    assert tab.evaluate("hearing.size") == 0
