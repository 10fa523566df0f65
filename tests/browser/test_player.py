"""The player, in Chromium: it shows each instant as it was, and touches only what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nodebynode.view.film import Film
from nodebynode.view.page import PLAYER, serve
from playwright.sync_api import Page, expect

from tests.browser.players import PlayerPage
from tests.unit.films import NASTY, Player, Tale, after, story, ticking
from tests.unit.instants import crowd

SHOWN = Player().hear(Film.of(story()).as_json()).shown()
LAST = len(SHOWN)
CHANGED = """([svg, step]) => {
  const watched = new MutationObserver(() => {}), groups = new Set();
  watched.observe(svg, { attributes: true, childList: true, characterData: true, subtree: true });
  document.querySelector("[data-ui=next]").click();
  const own = [...svg.children].filter((g) => !g.ariaHidden);
  for (const { target, addedNodes } of watched.takeRecords())
    for (const node of [target, ...addedNodes])
      groups.add(own.findIndex((g) => g.contains(node)));
  watched.disconnect();
  return [...groups].filter((index) => index >= 0);
}"""

NAMED = """(svg) => [...svg.children].every(
  (g) => g.ariaLabel === (g.querySelector("title")?.textContent ?? null))"""


@pytest.fixture
def player(page: Page) -> Iterator[PlayerPage]:
    tab = page.context.browser.new_page()
    yield PlayerPage(tab)
    tab.close()


@pytest.fixture
def replay(player: PlayerPage, tmp_path: Path) -> Iterator[PlayerPage]:
    """The story, offline, at its first step."""
    player.open_film(Film.of(story()), tmp_path)
    yield player
    assert player.errors == []


def ids_of(parts: list[str]) -> dict[str, str]:
    return {part.split('"')[1]: part for part in parts if part.startswith("<g")}


# Patching


def test_the_player_is_small() -> None:
    assert len(PLAYER.encode()) <= 11_264


def test_only_what_has_changed_is_touched(replay: PlayerPage) -> None:
    for step in range(1, LAST):
        before, after = ids_of(SHOWN[step - 1]), ids_of(SHOWN[step])
        svg = replay.svg.element_handle()
        touched = replay.tab.evaluate(CHANGED, [svg, step])
        names = list(after)
        assert {names[index] for index in touched} == {
            name for name, text in after.items() if before.get(name) != text
        }, step


def test_each_instant_is_shown_as_it_was_drawn(replay: PlayerPage) -> None:
    forth = [*range(1, LAST + 1, 3), LAST, 2, LAST - 1, *range(LAST, 0, -4), 1]
    for step in forth:
        replay.go_to(step)
        assert replay.shown() == replay.expected(SHOWN[step - 1]), step
        assert replay.svg.evaluate(NAMED), step


def test_a_film_opens_at_the_instant_that_is_asked_for(player: PlayerPage, tmp_path: Path) -> None:
    frames = list(Film.of(story()).frames)
    player.open_film(Film.of(story()), tmp_path, at=frames[4].at)
    assert player.where.endswith(f"step 5 of {LAST}")
    assert player.shown() == player.expected(SHOWN[4])
    assert player.errors == []


def test_after_playing_the_picture_is_the_same_as_well(replay: PlayerPage) -> None:
    replay.tab.get_by_label("Speed").select_option("4")
    replay.press("Play")
    replay.wait_for_step(LAST)
    assert replay.shown() == replay.expected(SHOWN[-1])
    expect(replay.tab.get_by_role("button", name="Play", exact=True)).to_be_visible()
    replay.press("Play")
    replay.eventually("+document.querySelector('[data-ui=scrub]').value < 9")
    replay.press("Pause")
    held = replay.where
    replay.tab.wait_for_timeout(400)
    assert replay.where == held


def test_what_moves_comes_and_goes(replay: PlayerPage) -> None:
    """A new Pod grows, one that gets its node moves there, one that is gone fades, struck out."""
    replay.press("Play")
    seen = """(name) => {
      const g = document.querySelector(`figure:not(.nbn-pinned) [aria-label*="${name}"]`);
      return g?.getAnimations().some((one) => one.effect.getKeyframes().some((k) => k.%s));
    }"""
    replay.eventually(seen % "scale !== undefined", "q7wn4")
    replay.eventually(seen % "translate !== undefined", "q7wn4")
    ghost = replay.svg.locator("g[aria-hidden]", has_text="x2k8p")
    ghost.wait_for(state="attached", timeout=10_000)
    style = "(e) => getComputedStyle(e.querySelector('text')).textDecorationLine"
    assert ghost.evaluate(style) == "line-through"
    assert ghost.evaluate("(e) => e.ariaHidden") == "true"
    ghost.wait_for(state="detached", timeout=5_000)
    replay.press("Pause")


def test_a_step_or_a_jump_leaves_no_ghosts(replay: PlayerPage) -> None:
    replay.press("Play")
    replay.svg.locator("g[aria-hidden]").first.wait_for(state="attached", timeout=10_000)
    replay.press("Step on")
    assert replay.svg.locator("g[aria-hidden]").count() == 0


def test_too_many_changes_are_not_animated(player: PlayerPage, tmp_path: Path) -> None:
    film, many = Film(), crowd(160, 8)
    player.open_widget(tmp_path)
    player.tell(film.as_json())
    for renewed, moves in ((0, False), (2, True), (160, False)):
        pods = [replace(p, uid=f"{p.uid}-{renewed}") for p in many.pods[:renewed]]
        state = replace(many, pods=(*pods, *many.pods[renewed:]))
        message = film.add(after(renewed), state)
        assert message
        player.tell(message)
        player.wait_for_step(len(film))
        running = player.svg.evaluate("(svg) => svg.getAnimations({ subtree: true }).length")
        assert (running > 0) == moves or not renewed, renewed
    assert player.errors == []


# Replay


def test_speed_changes_how_long_it_takes(replay: PlayerPage) -> None:
    replay.tab.clock.install()
    for speed, seconds in (("4", 2), ("0.25", 20)):
        replay.tab.reload()  # and not a pause: a fast film may be over before it is asked for
        replay.go_to(1)
        replay.tab.get_by_label("Speed").select_option(speed)
        replay.press("Play")
        replay.tab.clock.run_for(seconds * 1000)
        step = int(replay.where.split("step ")[1].split()[0])
        total = sum(frame.wait for frame in list(Film.of(story()).frames)[1:step]) / 1000
        assert total / float(speed) == pytest.approx(seconds, rel=0.25), step


def test_marks_lead_to_their_instant(replay: PlayerPage) -> None:
    chips = replay.tab.locator("[data-ui=marks] button")
    assert chips.all_text_contents() == [
        "14:02:07.9 You predicted: never fewer than 3 are ready",
        "14:02:08.1 You did: kubectl set image deployment/shop shop=shop:v2",
        f"14:02:12.0 Note: {NASTY}",
    ]
    chips.nth(2).click()
    assert replay.where.startswith("14:02:11.")
    ticks = replay.tab.locator("[data-ui=ticks] path").get_attribute("d") or ""
    assert ticks.count("M") == LAST + 3


def test_two_instants_side_by_side(replay: PlayerPage) -> None:
    replay.tab.set_viewport_size({"width": 1400, "height": 900})
    replay.go_to(3)
    replay.press("Compare")
    replay.go_to(LAST)
    pinned = replay.tab.locator(".nbn-pinned")
    old, new = pinned.bounding_box(), replay.svg.bounding_box()
    assert old
    assert new
    assert old["x"] + old["width"] < new["x"]
    assert "q7wn4" in (pinned.text_content() or "")
    assert "x2k8p" in (pinned.text_content() or "")
    assert "x2k8p" not in (replay.svg.text_content() or "")
    assert replay.tab.locator(".nbn [id]").count() == 0, "both would have the same ones"
    assert pinned.locator("figcaption").inner_text() == "14:02:08.5"
    replay.press("Compare")
    expect(pinned).to_be_hidden()


def test_the_table_tells_the_same_instant(replay: PlayerPage) -> None:
    replay.go_to(2)
    replay.press("Table")
    tables = replay.tab.get_by_role("region", name="Tables", exact=True)
    expect(tables.get_by_role("cell", name="shop-9878bd7f6-q7wn4")).to_be_visible()
    expect(tables.get_by_role("columnheader", name="Pod", exact=True)).to_be_visible()
    expect(replay.svg).to_be_hidden()
    replay.go_to(1)
    expect(tables.get_by_role("cell", name="shop-9878bd7f6-q7wn4")).to_have_count(0)
    replay.press("Table")
    expect(replay.svg).to_be_visible()


def test_it_is_fitted_only_when_asked(replay: PlayerPage) -> None:
    stage = replay.tab.locator(".nbn-stage:visible")
    replay.eventually("document.querySelectorAll('.nbn-stage svg')[1].clientWidth > 900")
    assert stage.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    wide = replay.svg.bounding_box()
    replay.tab.set_viewport_size({"width": 700, "height": 900})
    replay.press("Step on")
    narrow = replay.svg.bounding_box()
    assert wide
    assert narrow
    assert narrow["width"] == wide["width"]
    replay.press("Fit")
    fitted = replay.svg.bounding_box()
    assert fitted
    assert fitted["width"] < 700


# Whatever somebody has typed


def test_no_text_becomes_a_script(player: PlayerPage, tmp_path: Path) -> None:
    evil = f"</script><script>alert(1)</script>{NASTY}"
    player.tab.on("dialog", lambda dialog: player.errors.append(dialog.message))
    told = [
        replace(s, pods=tuple(replace(p, name=p.name + evil, version=evil) for p in s.pods))
        for s in ticking(3)
    ]
    film = Film.of(Tale(told))
    film.mark(told[1].at, "action", evil)
    player.open_film(film, tmp_path, title=evil)
    player.press("Table")
    player.press("Compare")
    player.press("Step on")
    assert player.tab.locator("img, [onerror]").count() == 0
    assert player.tab.locator("script").count() == 2
    assert evil in player.tab.title()
    assert evil in (player.tab.locator("[data-ui=marks]").text_content() or "")
    assert player.errors == []


def test_the_pages_policy_forbids_other_scripts_and_requests(replay: PlayerPage) -> None:
    replay.tab.evaluate(
        """() => { const more = document.createElement("script");
          more.textContent = "window.ran = true"; document.body.append(more);
          const image = Object.assign(new Image(), { src: "http://127.0.0.1:9/x.png" });
          document.body.append(image); }"""
    )
    assert replay.tab.evaluate("window.ran") is None
    assert any("Content Security Policy" in error for error in replay.errors)
    replay.errors.clear()


def test_a_page_is_served_to_this_machine_only(player: PlayerPage) -> None:
    with serve("<title>hello</title>") as address:
        assert address.startswith("http://127.0.0.1:")
        player.tab.goto(address)
        assert player.tab.title() == "hello"
        other = player.tab.request.get(address, headers={"Host": "example.org"})
        assert other.status == 404
        assert player.tab.request.get(f"{address}more").status == 404
