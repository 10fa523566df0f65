"""The strip: the last seconds of a load, by shape and in words, while its log grows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.course import strip as module
from nodebynode.course.strip import Strip, picture
from nodebynode.waiting import wait_for
from nodebynode.witness.columns import Column, columns, signs, words

from .api_objects import BEGAN
from .services import request

OUTCOMES = st.sampled_from(["ok", "reset", "500", "not measured"])


@given(st.lists(st.tuples(st.integers(0, 599), OUTCOMES)))
def test_each_request_is_in_the_half_second_in_which_it_was_sent(
    sent: list[tuple[int, str]],
) -> None:
    """Times are the middles of 50 ms."""
    requests = [request((2 * at + 1) / 40, outcome) for at, outcome in sent]
    found = columns(requests, BEGAN + timedelta(seconds=30))
    assert len(found) == 60
    for place, one in enumerate(found):
        here = [outcome for at, outcome in sent if at // 10 == place]
        assert (one.ok, one.missed) == (here.count("ok"), here.count("not measured"))
        assert one.lost == len(here) - one.ok - one.missed


def test_what_is_older_or_newer_is_left_out() -> None:
    found = columns([request(1), request(40)], BEGAN + timedelta(seconds=35))
    assert signs(found) == " " * 60


def test_the_worst_decides_about_a_column() -> None:
    shown = [Column(9), Column(9, 1, 1), Column(9, 0, 1), Column()]
    assert signs(shown) == ".x? "
    assert words(shown) == "Last 2 s: 27 ok, 1 lost, 2 not measured."


def test_each_kind_of_column_has_its_own_shape_and_colour() -> None:
    kinds = ([Column(1)], [Column(0, 1)], [Column(0, 0, 1)])
    drawn = [re.search(r"<path [^>]*?d=\"(.*?)\" fill=\"(.*?)\"", picture(one)) for one in kinds]
    assert len({one[1] for one in drawn}) == 3
    assert len({one[2] for one in drawn}) == 3
    assert picture([Column()]).partition("<figcaption>")[0].count("<path") == 0


class Log:
    """A log that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self.write({"traffic": "nodebynode", "version": 1})

    def write(self, line: dict[str, object]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def sent(self, outcome: str, ago: float = 0.1) -> None:
        at = (datetime.now(UTC) - timedelta(seconds=ago)).timestamp()
        self.write({"n": 1, "at": at, "outcome": outcome})


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log.jsonl")


@pytest.fixture
def strip(log: Log) -> Iterator[Strip]:
    strip = Strip(log.path)
    yield strip
    strip.stop()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a browser with somebody before it hears."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "is_watched", lambda: True)
    monkeypatch.setattr(module._Screen, "send", lambda _, message: messages.append(message))
    return messages


def wait(seen: Any, what: str) -> None:
    wait_for(lambda: bool(seen()), timeout=5, what=what, every=0.02)


def test_it_follows_the_log(strip: Strip, log: Log) -> None:
    assert "0 ok, 0 lost" in repr(strip)
    log.sent("ok")
    log.sent("refused", ago=4)
    wait(lambda: "1 ok, 1 lost" in repr(strip), "both requests")
    assert repr(strip).splitlines()[1].count("x") == 2, "one in the strip, one in its key"


def test_it_ends_with_the_load_and_keeps_what_was_last(
    strip: Strip, log: Log, heard: list[dict[str, Any]]
) -> None:
    strip._repr_mimebundle_()
    log.sent("reset", ago=100)
    log.write({"end": 1767362530.0})
    wait(lambda: heard and heard[-1]["ended"], "the end")
    assert heard[-1]["news"] == "The load has ended."
    assert "1 lost" in repr(strip)


def test_news_are_said_when_something_changes(
    strip: Strip, log: Log, heard: list[dict[str, Any]]
) -> None:
    bundle = strip._repr_mimebundle_()
    assert len([kind for kind in bundle if "widget" in kind]) == 1
    log.sent("ok")
    wait(lambda: any("1 ok" in one["html"] for one in heard), "a good answer")
    assert heard[-1]["news"] == ""
    log.sent("reset")
    wait(lambda: heard[-1]["news"] == "Requests are being lost.", "the loss")
    said = [one["news"] for one in heard]
    assert said.count("") + said.count("Requests are being lost.") == len(said)


def test_where_nobody_looks_on_there_is_a_picture_only(strip: Strip) -> None:
    assert set(strip._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_a_log_that_vanishes_is_told_at_the_end(log: Log) -> None:
    strip = Strip(log.path)
    log.path.unlink()
    assert strip.so_far("lab-06", "shop").sent == 0
    wait(lambda: not strip._thread.is_alive(), "the thread's end")
    with pytest.raises(FileNotFoundError):
        strip.stop()


def test_its_script_is_small_and_asks_the_network_for_nothing() -> None:
    text = module._Screen._esm
    script = Path(module.__file__).with_name("strip.js").read_text()
    assert len(script) < 3000
    assert not re.search(r"https?:|import |fetch", script)
    assert text
