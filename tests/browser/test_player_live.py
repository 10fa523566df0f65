"""The widget while its kernel speaks, is silent, has gone, and comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from nodebynode.view.film import Film, Message
from nodebynode.view.page import PLAYER
from playwright.sync_api import Page, expect

from tests.browser.players import PlayerPage
from tests.unit.films import Player, story, ticking

STATES = list(story().states())


class Kernel:
    """What a kernel with a live view says, frame by frame."""

    def __init__(self, player: PlayerPage) -> None:
        self._player, self.film, self._rest = player, Film(most=100), list(STATES)
        self.next()

    def all(self) -> None:
        self._player.tell(self.film.as_json())

    def next(self, number: int = 1) -> list[Message]:
        """Make more frames, and do not tell them yet."""
        made = [self.film.add(*self._rest.pop(0)) for _ in range(number)]
        return [message for message in made if message]

    def tell(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._player.tell(message)

    def shown(self) -> list[str]:
        """What its last frame shows."""
        return self._player.expected(Player().hear(self.film.as_json()).shown()[-1])


@pytest.fixture
def player(page: Page, tmp_path: Path) -> Iterator[PlayerPage]:
    """The widget, in a page whose time a test may let pass faster."""
    tab = page.context.browser.new_page()
    shown = PlayerPage(tab)
    tab.clock.install()
    shown.open_widget(tmp_path)
    yield shown
    tab.close()
    assert shown.errors == []


@pytest.fixture
def kernel(player: PlayerPage) -> Kernel:
    """A kernel that has told its first frame."""
    kernel = Kernel(player)
    kernel.all()
    player.wait_for_step(1)
    return kernel


def hold(player: PlayerPage) -> None:
    """Let time stand still, from now on, but for what a test lets pass."""
    player.tab.clock.pause_at(player.tab.evaluate("Date.now()") / 1000 + 1)


def state_of(player: PlayerPage) -> str:
    return player.tab.locator(".nbn-where b").inner_text()


def test_a_new_view_asks_for_all(player: PlayerPage) -> None:
    assert player.tab.evaluate("window.sent") == [{"want": "all"}]
    kernel = Kernel(player)
    player.press("Step back")  # nothing is there yet, and nothing breaks
    player.press("Compare")
    kernel.all()
    player.wait_for_step(1)
    assert player.shown() == kernel.shown()


def test_it_follows_the_newest_frame(player: PlayerPage, kernel: Kernel) -> None:
    assert state_of(player) == "Live"
    kernel.tell(kernel.next(3))
    player.wait_for_step(4)
    assert player.shown() == kernel.shown()


def test_of_frames_that_come_too_fast_to_be_seen_the_last_is_drawn(
    player: PlayerPage, kernel: Kernel
) -> None:
    player.tab.evaluate(
        """() => { window.drawn = 0; new MutationObserver(() => window.drawn++).observe(
          document.querySelector("[data-ui=where]"), {childList: true}); }"""
    )
    hold(player)
    for message in kernel.next(12):
        player.tell(message)
        player.tab.clock.run_for(5)
    player.tab.clock.run_for(200)
    assert "step 13 of 13" in player.where
    assert player.tab.evaluate("window.drawn") < 6


def test_paused_it_stays_while_the_film_grows(player: PlayerPage, kernel: Kernel) -> None:
    player.press("Pause")
    held = player.shown()
    kernel.tell(kernel.next(3))
    player.tab.clock.run_for(1000)
    assert state_of(player) == "Paused"
    assert player.shown() == held
    slider = player.tab.get_by_role("slider")
    player.press("Step on")
    assert slider.get_attribute("max") == "3"
    assert "step 2 of 4" in player.where
    player.press("Live")
    player.wait_for_step(4)
    assert state_of(player) == "Live"


def test_slow_motion_queues_what_comes(player: PlayerPage, kernel: Kernel) -> None:
    """Frames that came at once are shown one after another, as long apart as they were, times 4."""
    player.tab.get_by_label("Speed").select_option("0.25")
    hold(player)
    player.press("Live")
    kernel.tell(kernel.next(5))
    assert "step 1 of" in player.where
    for seconds, step in ((2.9, 1), (0.3, 2), (1.3, 3), (2.5, 3), (0.4, 4), (4, 6)):
        player.tab.clock.run_for(seconds * 1000)
        assert f"step {step} of 6" in player.where, "0.3, then 0.9 s apart in the film"
    player.tab.get_by_label("Speed").select_option("1")
    kernel.tell(kernel.next(1))
    player.wait_for_step(7)


def test_what_was_missed_is_asked_for(player: PlayerPage, kernel: Kernel) -> None:
    kernel.next()
    kernel.tell(kernel.next())
    assert player.tab.evaluate("window.sent").count({"want": "all"}) == 2
    assert "step 1 of 1" in player.where
    kernel.all()
    player.wait_for_step(3)
    assert player.shown() == kernel.shown()


def test_it_works_while_the_kernel_is_gone(player: PlayerPage, kernel: Kernel) -> None:
    kernel.tell(kernel.next(5))
    player.tab.clock.run_for(5000)
    status = player.tab.get_by_role("status")
    expect(status).to_have_text("", use_inner_text=True)
    player.tab.clock.run_for(3000)
    gone = "The kernel is gone: this is the last that was seen."
    expect(status).to_have_text(gone, use_inner_text=True)
    for step in (1, 4, 2, 6):
        player.go_to(step)
        assert f"step {step} of 6" in player.where
    player.press("Compare")
    player.press("Table")
    player.tell({"life": ""})
    player.tab.clock.run_for(200)
    expect(status).to_have_text("", use_inner_text=True)


def test_a_view_that_is_stopped_says_so(player: PlayerPage, kernel: Kernel) -> None:
    player.tell({"life": "This view has been stopped."})
    expect(player.tab.get_by_role("status")).to_have_text(
        "This view has been stopped.", use_inner_text=True
    )


def test_marks_come_as_they_are_made(player: PlayerPage, kernel: Kernel) -> None:
    kernel.tell(kernel.next(3))
    player.tell(kernel.film.mark(STATES[3][0], "action", "kubectl cordon worker2"))
    kernel.tell(kernel.next(2))
    mark = player.tab.get_by_role("button", name="You did: kubectl cordon worker2")
    mark.click()
    assert "step 4 of 6" in player.where
    kernel.all()
    assert mark.count() == 1


def test_the_oldest_frames_are_let_go(player: PlayerPage) -> None:
    """Also of those that are being looked at; the numbers of steps stay what they were."""
    kernel = Kernel(player)
    kernel.film = Film(most=100)
    player.tell(kernel.film.as_json())
    states = ticking(400)
    for state in states:
        message = kernel.film.add(state.at, state)
        assert message
        player.tell(message)
        if len(kernel.film) == 20:
            player.tab.clock.run_for(500)
            player.press("Pause")
    held = player.where.split(" of ")[0]
    assert held.endswith("step 20")
    slider = player.tab.get_by_role("slider")
    player.press("Step on")
    first = int(slider.get_attribute("min") or 0)
    assert first >= 250
    assert f"step {first + 1} of 400" in player.where
    expect(player.tab.get_by_text("Earlier steps are no longer kept.")).to_be_visible()
    player.press("Step back")
    player.press("Play")
    player.tab.clock.run_for(4000)
    assert f"step {first + 4} of 400" in player.where or f"step {first + 5} of" in player.where
    player.press("Live")
    player.wait_for_step(400)
    assert player.shown() == kernel.shown()


def test_a_browser_keeps_no_more_than_the_kernel(player: PlayerPage) -> None:
    """Hours of watching: 3000 frames, of which each shows something new."""
    film = Film(most=200)
    messages = [film.add(state.at, state) for state in ticking(3000)]
    source = PLAYER + "\nexport { Film };"
    kept = player.tab.evaluate(
        """async ([source, messages]) => {
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const film = new (await import(url)).Film();
          const missed = messages.filter((message) => !film.hear(message)).length;
          return [missed, film.frames.length, Object.keys(film.parts).length];
        }""",
        [source, json.loads(json.dumps(messages))],
    )
    assert kept == [0, len(film), len(film.as_json()["parts"])]
    assert len(film) <= 200


def test_a_view_that_is_closed_leaves_nothing_running(player: PlayerPage, kernel: Kernel) -> None:
    """A page is heard of every minute, and no more once the view is closed."""
    player.tab.clock.run_for(61_000)
    assert player.tab.evaluate("window.sent") == [{"want": "all"}, {}]
    player.tab.evaluate("window.end()")
    player.tab.clock.run_for(200_000)
    assert len(player.tab.evaluate("window.sent")) == 2
