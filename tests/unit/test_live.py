"""A live view: soon, not too often, not in the notebook's file, and not for ever."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nodebynode.errors import BadInput
from nodebynode.kube.feed import Feed
from nodebynode.recording import RecordedLoad
from nodebynode.view import live as live_view
from nodebynode.view.live import Live, Source
from nodebynode.waiting import wait_for

from tests.unit.films import Player
from tests.unit.sources import FakeSource

ROOT = Path(__file__).parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"


class Browser:
    """What a browser that shows a view hears of it."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.player = Player()

    def hear(self, message: dict[str, Any]) -> None:
        self.heard.append((time.monotonic(), message))
        if "from" in message:
            self.player.hear(message)

    @property
    def frames(self) -> int:
        return len(self.player.frames)

    def answers(self, since: int) -> list[dict[str, Any]]:
        """The whole films that it has been sent since."""
        return [message for _, message in self.heard[since:] if "version" in message]

    @property
    def life(self) -> str:
        return str(self.heard[-1][1].get("life"))

    def wait_for(self, seen: Callable[[], object], what: str) -> None:
        wait_for(lambda: bool(seen()), timeout=5, what=what, seen=lambda: str(self.frames),
                 every=0.01)  # fmt: skip


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser, and somebody before it."""
    browser = Browser()
    monkeypatch.setattr(live_view, "is_watched", lambda: True)
    monkeypatch.setattr(live_view._Screen, "send", lambda _, message: browser.hear(message))
    return browser


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def live(source: FakeSource, browser: Browser) -> Iterator[Live]:
    """A view that is shown, and whose browser knows all so far."""
    with Live(source) as live:
        live._repr_mimebundle_()
        live._asked(None, {"want": "all"}, None)
        browser.wait_for(lambda: browser.frames == 1, "the first frame")
        yield live


def test_a_feed_is_a_source() -> None:
    asked = {name for name in vars(Source) if not name.startswith("_")}
    assert asked == {"stale_since", "problem", "subscribe", "snapshot"}
    assert asked <= set(dir(Feed))


# Soon, and not too often


def test_the_first_change_is_told_at_once(live: Live, source: FakeSource, browser: Browser) -> None:
    began = time.monotonic()
    source.happen(20)
    browser.wait_for(lambda: browser.frames > 1, "a frame")
    assert time.monotonic() - began < 0.5


def test_many_changes_share_a_frame_and_are_counted(
    live: Live, source: FakeSource, browser: Browser
) -> None:
    number = source.rest
    browser.wait_for(lambda: source.happen(5) or not source.rest, "the whole rollout")
    browser.wait_for(lambda: not live._changes, "the last of it")
    live.stop()
    frames = [(at, m) for at, m in browser.heard if m.get("frames") and "version" not in m]
    assert 2 <= len(frames) < number / 3
    assert max(sum(at <= other < at + 0.95 for other, _ in frames) for at, _ in frames) <= 10
    counted = sum(frame.get("changes", 1) for _, m in frames for frame in m["frames"])
    assert counted <= number
    assert counted > number * 0.8
    assert "v2" in json.dumps(browser.player.shown()[-1])


def test_a_countdown_goes_on_by_itself(live: Live, source: FakeSource, browser: Browser) -> None:
    pod = source.snapshot()["pods"][0]["metadata"]
    pod["deletionTimestamp"] = f"{datetime.now(UTC) + timedelta(seconds=20):%Y-%m-%dT%H:%M:%SZ}"
    pod["deletionGracePeriodSeconds"] = 30
    source.happen(1)
    browser.wait_for(lambda: browser.frames > 3, "the countdown")
    said = re.findall(r"within (\d+) s", json.dumps(browser.player.shown()))
    assert len(set(said)) >= 2


def test_signs_of_life_come_while_nothing_happens(live: Live, browser: Browser) -> None:
    said = len(browser.heard)
    browser.wait_for(lambda: len(browser.heard) > said + 1, "signs of life")
    (before, _), (last, message) = browser.heard[-2:]
    assert message == {"life": ""}
    assert last - before < 3


def test_what_becomes_of_requests_is_told_twice_a_second(
    source: FakeSource, browser: Browser
) -> None:
    loads: list[RecordedLoad] = []
    with Live(source, loads=lambda: loads) as live:
        live._repr_mimebundle_()
        live._asked(None, {"want": "all"}, None)
        browser.wait_for(lambda: browser.frames == 1, "the first frame")
        said = len(browser.heard)
        for sent in (5, 10, 15):
            loads[:] = [RecordedLoad("default", "shop", datetime.now(UTC), 50, sent, (2,))]
            words = f"{sent} requests, 1 lost"
            browser.wait_for(lambda words=words: words in json.dumps(browser.heard[-3:]), words)
        rows = [at for at, message in browser.heard[said:] if "traffic" in message]
        assert len(rows) == 3
        assert rows[-1] - rows[1] < 1.5
        live._asked(None, {"want": "all"}, None)
        browser.wait_for(lambda: browser.answers(said), "the whole film")
        assert list(browser.answers(said)[-1]["traffic"].values()) == [
            (1, 11, "15 requests, 1 lost")
        ]


def test_the_first_picture_waits_for_the_source(browser: Browser) -> None:
    source = FakeSource()
    source.stale_since = time.time()
    with Live(source) as live:
        assert not live._drawn.wait(0.3)
        assert source.looks == 0
        source.stale_since = None
        browser.wait_for(lambda: source.looks, "a look")


# What is wrong


def test_lost_contact_is_said(live: Live, source: FakeSource, browser: Browser) -> None:
    source.problem, source.stale_since = "connection refused", 1767362527.0
    browser.wait_for(lambda: browser.life, "word of it")
    assert browser.life == "Stale since 14:02:07: connection refused"
    source.problem, source.stale_since = "", None
    browser.wait_for(lambda: not browser.life, "the good news")


def test_an_error_is_kept_and_the_view_goes_on(
    live: Live, source: FakeSource, browser: Browser
) -> None:
    source.broken = ValueError("no such quantity")
    source.happen(5)
    browser.wait_for(lambda: browser.life, "word of it")
    assert browser.life == "No picture could be drawn: no such quantity"
    source.broken = None
    source.happen(20)
    browser.wait_for(lambda: browser.frames > 1, "a frame")
    with pytest.raises(ValueError, match="no such quantity"):
        live.check()
    with pytest.raises(ValueError, match="no such quantity"):
        live.stop()
    live._error = None


def test_stopped_it_says_so_and_lets_go(live: Live, source: FakeSource, browser: Browser) -> None:
    live.stop()
    assert browser.life == "This view has been stopped."
    assert source.listeners == 0
    assert not live._thread.is_alive()
    assert repr(live) == "<Live view, stopped>"
    live.check()


def test_several_views_share_a_source(source: FakeSource, browser: Browser) -> None:
    with Live(source) as one, Live(source, namespace="default") as other:
        assert source.listeners == 2
        one.stop()
        assert source.listeners == 1
        assert repr(other) == "<Live view, following>"
    assert source.listeners == 0


def test_the_end_of_the_process_ends_it() -> None:
    program = (
        "from tests.unit.sources import FakeSource\n"
        "from nodebynode.view.live import Live\n"
        "live = Live(FakeSource())\n"
        "print('ends', flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "ends\n", "")


# Browsers


def test_a_browser_that_is_new_or_missed_something_gets_all(
    live: Live, source: FakeSource, browser: Browser
) -> None:
    source.happen(30)
    browser.wait_for(lambda: browser.frames > 1, "a frame")
    live.mark("action", "kubectl rollout restart")
    said = len(browser.heard)
    for _ in range(30):  # as a browser does until it is answered
        live._asked(None, {"want": "all"}, None)
    browser.wait_for(lambda: browser.answers(said), "an answer")
    (told,) = browser.answers(said)
    assert "kubectl rollout restart" in told["marks"][0]["html"]
    assert len(told["frames"]) == browser.frames
    live.stop()
    live._asked(None, {"want": "all"}, None)
    assert browser.heard[-1][1]["version"] == 1


def test_a_page_that_was_closed_long_ago_is_told_no_frames(
    live: Live, source: FakeSource, browser: Browser
) -> None:
    live._heard -= 601
    source.happen(30)
    said = len(browser.heard)
    browser.wait_for(lambda: len(browser.heard) > said and len(live._film) > 1, "a sign of life")
    assert browser.frames == 1
    live._asked(None, {"want": "all"}, None)
    browser.wait_for(lambda: browser.frames > 1, "an answer")


def test_the_widgets_state_holds_no_frame(live: Live, source: FakeSource, browser: Browser) -> None:
    screen = live._open()
    before = screen.get_state()
    source.happen(100)
    browser.wait_for(lambda: browser.frames > 1, "a frame")
    after = screen.get_state()
    assert {k: v for k, v in after.items() if k != "layout"} == {
        k: v for k, v in before.items() if k != "layout"
    }
    assert len(json.dumps(after, default=str)) < 30_000
    assert live._open() is screen


def test_a_view_of_many_pods_is_no_burden_to_the_file(browser: Browser) -> None:
    with Live(FakeSource(150)) as live:
        bundle = live._repr_mimebundle_()
    assert VIEW in bundle
    assert "text/html" not in bundle
    assert len(json.dumps(bundle)) < 50_000


def test_it_is_exported_as_one_page(live: Live, tmp_path: Path) -> None:
    file = live.export(tmp_path / "run.html")
    assert file.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(BadInput, match="cannot be written"):
        live.export(tmp_path / "no such folder" / "run.html")


# Notebooks that are run

CELL = """\
from tests.unit.sources import FakeSource
from nodebynode.view.live import Live
import time
source = FakeSource()
live = Live(source)
live
"""
MORE = "while source.rest:\n    source.happen(3)\n    time.sleep(0.02)\ntime.sleep(0.3)"
RUN = """
import sys, nbformat
from nbclient import NotebookClient

class Client(NotebookClient):
    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = {somebody}
        return client

notebook = nbformat.read("run.ipynb", 4)
Client(notebook, timeout=60, kernel_name="python3").execute()
nbformat.write(notebook, "run.ipynb")
"""


def executed(folder: Path, *, somebody: bool) -> Path:
    """The file of a notebook that was run, by a program or before somebody's eyes."""
    file = folder / "run.ipynb"
    cells = [nbformat.v4.new_code_cell(text) for text in (CELL, MORE, "live.stop()")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    subprocess.run(
        [sys.executable, "-c", RUN.format(somebody=somebody)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=120,
    )  # fmt: skip
    return file


def test_a_notebook_that_a_program_runs_holds_a_picture_and_no_widget(tmp_path: Path) -> None:
    file = executed(tmp_path, somebody=False)
    notebook = nbformat.read(file, 4)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert "<svg" in output.data["text/html"]
    assert "shop: 3 of 3 Pods available" in output.data["text/plain"]
    assert "widgets" not in notebook.metadata


def test_a_notebook_with_a_live_view_stays_small(tmp_path: Path) -> None:
    """Even where the front end saves the state of widgets."""
    file = executed(tmp_path, somebody=True)
    notebook = nbformat.read(file, 4)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "text/html", VIEW}
    (saved,) = notebook.metadata.widgets.values()
    models = [model["state"] for model in saved["state"].values()]
    (screen,) = (state for state in models if "_esm" in state)
    program = {"_esm", "_css", "page"}
    assert len(json.dumps({k: v for k, v in screen.items() if k not in program})) < 1000
    assert file.stat().st_size < 50_000
