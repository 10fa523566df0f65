"""The row of what became of requests, on the player's own line of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nodebynode.recording import RecordedLoad
from nodebynode.view.film import Film
from playwright.sync_api import Page, expect

from tests.browser.players import PlayerPage
from tests.unit.films import after, story

BOXES = """(row) => [...row.children].map((path) => {
  const { x, width, y, height } = path.getBBox();
  return { there: path.getAttribute("d") !== "", x, width, y, height };
})"""


LOST = (105, 106, 108)


def load(sent: int = 720) -> RecordedLoad:
    """Fifty requests a second; three are lost after two seconds, five not measured at the end."""
    lost = tuple(number for number in LOST if number <= sent)
    return RecordedLoad(
        "default", "web", after(0.5), 50, sent, lost, (*range(701, 706),)[: sent // 720 * 5]
    )


@pytest.fixture
def player(page: Page) -> Iterator[PlayerPage]:
    tab = page.context.browser.new_page()
    player = PlayerPage(tab)
    yield player
    tab.close()
    assert player.errors == []


def film() -> Film:
    return Film.of(replace(story(), loads=[load()]))


def step_of(made: Film, seconds: float) -> int:
    """The step, from 1, that was seen so many seconds after the beginning."""
    return made.number_at(after(seconds)) + 1


def test_each_sort_has_its_height_at_its_place(player: PlayerPage, tmp_path: Path) -> None:
    made = film()
    player.open_film(made, tmp_path)
    row = player.tab.locator("[data-ui=row]")
    expect(row).to_be_visible()
    ok, lost, unknown = row.evaluate(BOXES)
    assert ok["there"]
    assert ok["height"] < unknown["height"] < lost["height"], "not told by colour alone"
    number = step_of(made, 0.5 + 105 / 50) - 1
    assert (lost["x"], lost["width"]) == (number - 0.5, 1)
    ticks = player.tab.locator("[data-ui=ticks]").bounding_box()
    box = row.bounding_box()
    assert ticks
    assert box
    assert (box["x"], box["width"]) == pytest.approx((ticks["x"], ticks["width"]), abs=0.5)


def test_an_instant_says_how_many_were_lost(player: PlayerPage, tmp_path: Path) -> None:
    made = film()
    player.open_film(made, tmp_path)
    player.go_to(step_of(made, 0.5 + 105 / 50))
    assert player.text("sent").endswith("requests, 3 lost")
    said = player.tab.get_by_role("slider").evaluate("(e) => e.ariaValueText")
    assert said.endswith(f" {player.text('sent')}")
    player.go_to(len(made))
    assert player.text("sent").endswith("none lost, 5 not measured")


def test_losses_are_read_out_while_it_plays(player: PlayerPage, tmp_path: Path) -> None:
    player.open_film(film(), tmp_path)
    player.press("Play")
    player.eventually("document.querySelector('[data-ui=voice]').textContent.includes(' 3 lost')")


def test_without_a_load_there_is_no_row(player: PlayerPage, tmp_path: Path) -> None:
    player.open_film(Film.of(story()), tmp_path)
    expect(player.tab.locator("[data-ui=row]")).to_be_hidden()
    expect(player.tab.locator("[data-ui=sent]")).to_be_hidden()


def test_a_live_row_grows_while_the_picture_stays(player: PlayerPage, tmp_path: Path) -> None:
    made = Film()
    player.open_widget(tmp_path)
    [*states] = story().told[:4]
    for state in states:
        made.add(state.at, state)
    player.tell(made.as_json())
    player.wait_for_step(4)
    expect(player.tab.locator("[data-ui=row]")).to_be_hidden()
    player.tell(made.traffic([load(90)]))
    expect(player.tab.locator("[data-ui=row]")).to_be_visible()
    first = player.text("sent")
    player.tell(made.traffic([load(110)]))
    player.eventually(f"document.querySelector('[data-ui=sent]').textContent !== '{first}'")
    assert player.text("sent").endswith("3 lost")
    assert made.traffic([load(110)]) == {}
