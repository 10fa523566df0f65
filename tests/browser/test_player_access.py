"""The player for everyone: by keyboard, read aloud, without motion, enlarged; WCAG 2.2 AA."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from nodebynode.view.film import Film
from playwright.sync_api import Page, expect

from tests.browser.players import PlayerPage
from tests.unit.films import story, ticking

WCAG = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    },
    "resultTypes": ["violations"],
}
FOCUSED = """() => {
  const e = document.activeElement;
  return e.ariaLabel || e.labels?.[0]?.firstChild.textContent.trim() || e.textContent.trim();
}"""


@pytest.fixture
def player(page: Page) -> Iterator[PlayerPage]:
    tab = page.context.browser.new_page()
    shown = PlayerPage(tab)
    yield shown
    tab.close()
    assert shown.errors == []


@pytest.fixture
def replay(player: PlayerPage, tmp_path: Path) -> PlayerPage:
    player.open_film(Film.of(story()), tmp_path)
    return player


@pytest.fixture
def live(player: PlayerPage, tmp_path: Path) -> PlayerPage:
    """The widget, which has been told the first half of the story."""
    player.open_widget(tmp_path)
    film = Film.of(story())
    player.tell(film.as_json())
    player.wait_for_step(len(film))
    return player


def violations(player: PlayerPage) -> list[str]:
    found = Axe().run(player.tab, options=WCAG).response["violations"]
    return [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found
            for node in one["nodes"]]  # fmt: skip


# axe


@pytest.mark.parametrize("view", ["replay", "table", "compare", "both", "marked"])
def test_axe_finds_nothing_in_a_replay(replay: PlayerPage, view: str) -> None:
    for name in {"table": ["Table"], "compare": ["Compare"], "both": ["Compare", "Table"]}.get(
        view, []
    ):
        replay.press(name)
    replay.go_to(9)
    if view == "marked":
        replay.box("c5rt9").focus()
    assert violations(replay) == []


@pytest.mark.parametrize("ground", ["#fff", "#111"], ids=["light", "dark"])
@pytest.mark.parametrize("life", ["", "Stale since 14:02:07: connection refused"])
def test_axe_finds_nothing_in_a_live_view(
    player: PlayerPage, tmp_path: Path, ground: str, life: str
) -> None:
    player.open_widget(tmp_path, ground=ground)
    player.tell(Film.of(story()).as_json(), life=life)
    player.eventually("document.querySelector('[data-ui=where]').textContent")
    assert violations(player) == []


def test_axe_would_find_something(replay: PlayerPage) -> None:
    replay.tab.evaluate("document.querySelector('[data-ui=scrub]').removeAttribute('aria-label')")
    assert any(found.startswith("label:") for found in violations(replay))


# Keyboard


def test_every_control_can_be_reached(replay: PlayerPage) -> None:
    names = list[str]()
    for _ in range(14):
        replay.tab.keyboard.press("Tab")
        names.append(replay.tab.evaluate(FOCUSED))
    assert names[0] == "Deployment shop"
    controls = ["Instant", "Step back", "Play", "Step on", "Speed"]
    controls += ["Compare", "Table", "Fit", "Read out changes"]
    assert [
        " ".join(name.split()).replace("Play Pause", "Play") for name in names[1:10]
    ] == controls
    assert [name[:14] for name in names[10:13]] == [
        "14:02:07.9 You",
        "14:02:08.1 You",
        "14:02:12.0 Not",
    ]


def test_every_control_works(replay: PlayerPage) -> None:
    keyboard, tab = replay.tab.keyboard, replay.tab
    for name, key, step in (
        ("Step on", "Enter", 2),
        ("Step on", "Space", 3),
        ("Step back", "Enter", 2),
    ):
        tab.get_by_role("button", name=name, exact=True).focus()
        keyboard.press(key)
        replay.wait_for_step(step)
    slider = tab.get_by_role("slider")
    slider.focus()
    for key, step in (("ArrowRight", 3), ("End", 19), ("ArrowLeft", 18), ("Home", 1)):
        keyboard.press(key)
        replay.wait_for_step(step)
    for name in ("Compare", "Table", "Read out changes"):
        button = tab.get_by_role("button", name=name, exact=True)
        pressed = button.get_attribute("aria-pressed")
        button.focus()
        keyboard.press("Enter")
        assert button.get_attribute("aria-pressed") != pressed, name
    mark = tab.get_by_role("button", name="kubectl set image")
    mark.focus()
    keyboard.press("Enter")
    replay.wait_for_step(1)
    tab.get_by_label("Speed").focus()
    keyboard.press("ArrowDown")
    assert tab.get_by_label("Speed").input_value() == "2"


def test_space_pauses_wherever_the_focus_is(replay: PlayerPage) -> None:
    for place in (replay.box("Deployment shop"), replay.tab.get_by_role("slider")):
        place.focus()
        replay.tab.keyboard.press("Space")
        expect(replay.tab.get_by_role("button", name="Pause", exact=True)).to_be_visible()
        replay.tab.keyboard.press("Space")
        expect(replay.tab.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_arrow_keys_go_through_the_boxes(replay: PlayerPage) -> None:
    replay.box("Deployment shop").focus()
    names = replay.svg.evaluate(
        "(svg) => [...svg.querySelectorAll('[role=img]')].map((g) => g.ariaLabel)"
    )
    assert len(names) > 8
    for key, index in (("ArrowDown", 1), ("ArrowRight", 2), ("End", -1), ("ArrowRight", 0),
                       ("ArrowUp", -1), ("Home", 0), ("ArrowRight", 1)):  # fmt: skip
        replay.tab.keyboard.press(key)
        assert replay.tab.evaluate(FOCUSED) == names[index], key
        assert replay.text("point") == names[index]
    assert replay.svg.locator("[tabindex='0']").count() == 1
    replay.tab.keyboard.press("Tab")
    replay.tab.keyboard.press("Shift+Tab")
    assert replay.tab.evaluate(FOCUSED) == names[1]


def test_the_focus_stays_with_its_box(replay: PlayerPage) -> None:
    """It stays through every change; where the box is gone, it goes on to another one."""
    replay.box("c5rt9").focus()
    replay.tab.keyboard.press("Space")
    replay.tab.get_by_label("Speed").select_option("4")
    replay.box("c5rt9").focus()
    replay.eventually("document.activeElement.ariaLabel?.includes('c5rt9') &&"
                      " document.activeElement.classList.contains('leaving')")  # fmt: skip
    assert "gone within" in replay.text("point")
    replay.eventually("document.activeElement.role === 'img' &&"
                      " !document.activeElement.ariaLabel.includes('c5rt9')")  # fmt: skip


def test_the_focus_can_be_seen(replay: PlayerPage) -> None:
    replay.tab.keyboard.press("Tab")
    shape = "(g) => [...g.children].map((part) => getComputedStyle(part).strokeWidth)"
    assert "3.5px" in replay.box("Deployment shop").evaluate(shape)
    replay.tab.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineWidth"
    assert replay.tab.evaluate(outline) == "3px"


def test_pointing_at_a_box_tells_more(replay: PlayerPage) -> None:
    assert replay.text("point") == ""
    replay.box("x2k8p").hover()
    assert "Pod shop-66944cdf98-x2k8p; v1, 1/1 containers ready" in replay.text("point")


# Read aloud


def test_changes_are_read_out_at_most_every_two_seconds(player: PlayerPage, tmp_path: Path) -> None:
    player.tab.clock.install()
    player.open_film(Film.of(story()), tmp_path)
    player.tab.evaluate(
        """() => { window.said = [];
          const voice = document.querySelector("[data-ui=voice]");
          new MutationObserver(() => window.said.push([Date.now(), voice.textContent]))
            .observe(voice, {childList: true}); }"""
    )
    player.press("Play")
    player.tab.clock.run_for(12_000)
    said = player.tab.evaluate("window.said")
    times = [time for time, _ in said]
    assert len(said) > 3
    assert all(later - time >= 2000 for time, later in pairwise(times))
    words = " ".join(text for _, text in said)
    assert "Pod x2k8p is gone." in words
    assert "became ready" in words
    player.press("Read out changes")
    player.press("Step back")
    player.tab.clock.run_for(5_000)
    assert len(player.tab.evaluate("window.said")) == len(said)


def test_the_scrubber_says_where_it_is(replay: PlayerPage) -> None:
    replay.go_to(3)
    words = replay.tab.get_by_role("slider").get_attribute("aria-valuetext") or ""
    assert words.startswith("14:02:08.5, Rolling out shop v2: 1 of 3 Pods is new")
    assert (replay.svg.get_attribute("aria-label") or "").startswith("Rolling out shop v2")


def test_trouble_is_a_status(live: PlayerPage) -> None:
    status = live.tab.get_by_role("status")
    live.tell({"life": "Stale since 14:02:07: connection refused"})
    expect(status).to_have_text("Stale since 14:02:07: connection refused", use_inner_text=True)
    live.tell({"life": ""})
    expect(status).to_have_text("", use_inner_text=True)


# Motion, size


@pytest.mark.parametrize("why", ["reduced motion", "hidden tab"])
def test_without_motion_nothing_moves(player: PlayerPage, tmp_path: Path, why: str) -> None:
    player.tab.emulate_media(reduced_motion="reduce" if why == "reduced motion" else None)
    player.open_film(Film.of(story()), tmp_path)
    player.tab.evaluate(
        """(hidden) => {
          if (hidden) Object.defineProperty(document, "hidden", { value: true });
          window.moved = 0; const animate = Element.prototype.animate;
          Element.prototype.animate = function (...how) {
            window.moved++; return animate.apply(this, how); }; }""",
        why == "hidden tab",
    )
    player.tab.get_by_label("Speed").select_option("4")
    player.press("Play")
    player.wait_for_step(19)
    assert player.tab.evaluate("window.moved") == 0
    assert player.svg.locator("g[aria-hidden]").count() == 0


@pytest.mark.parametrize("width", [640, 320], ids=["at 200 %", "at 400 %"])
def test_enlarged_nothing_is_out_of_reach(replay: PlayerPage, width: int) -> None:
    """A browser at 200 % lays a window of 1280 pixels out as one of 640."""
    replay.tab.set_viewport_size({"width": width, "height": 512})
    replay.press("Fit")
    replay.press("Compare")
    room = replay.tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert room[0] <= room[1]
    for control in replay.tab.locator(".nbn button:visible, .nbn select, .nbn input").all():
        box = control.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert min(box["width"], box["height"]) >= 24


def test_a_dark_notebook_leaves_it_legible(player: PlayerPage, tmp_path: Path) -> None:
    player.open_widget(tmp_path, ground="#111")
    player.tab.add_style_tag(content="body { color: #eee } button, td { color: inherit }")
    for state in ticking(2):
        film = Film()
        film.add(state.at, state)
    player.tell(film.as_json())
    player.wait_for_step(1)
    ink = "(e) => getComputedStyle(e).color"
    assert player.tab.locator("[data-ui=where]").evaluate(ink) == "rgb(27, 31, 36)"
    assert player.tab.get_by_role("button", name="Fit").evaluate(ink) == "rgb(27, 31, 36)"
