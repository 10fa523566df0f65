"""What became of a load: counted, recorded, and laid beside the instants of a film."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.recording import RecordedLoad, Recorder, Recording
from nodebynode.view.film import Film
from nodebynode.view.replay import Replay
from nodebynode.view.traffic import LOST, OK, UNMEASURED, Row, row_of, total_words, words
from nodebynode.witness.columns import Tail

from .api_objects import BEGAN
from .films import after, story


@st.composite
def loads(draw: st.DrawFn) -> RecordedLoad:
    """A load of which some requests came to grief."""
    sent = draw(st.integers(0, 300))
    odd = draw(
        st.dictionaries(st.integers(1, max(sent, 1)), st.booleans()) if sent else st.just({})
    )
    lost, missed = (tuple(sorted(n for n in odd if odd[n] is kind)) for kind in (True, False))
    rate = draw(st.sampled_from([0.5, 3, 50, 200]))
    since = draw(st.integers(-5000, 60_000))
    began = BEGAN + timedelta(milliseconds=since)
    return RecordedLoad("lab-06", "shop", began, rate, sent, lost, missed)


def load(sent: int, began: datetime = BEGAN, lost: Sequence[int] = (), missed: Sequence[int] = (),
         service: str = "shop") -> RecordedLoad:  # fmt: skip
    """A load of ten requests a second."""
    return RecordedLoad("default", service, began, 10, sent, tuple(lost), tuple(missed))


# ── recorded ─────────────────────────────────────────────────────────────────────────────────


@given(loads())
def test_a_line_is_read_as_it_was_written(told: RecordedLoad) -> None:
    line = json.loads(json.dumps(told.as_line(BEGAN)))
    assert RecordedLoad.from_line(line, BEGAN) == told


def test_a_recording_keeps_its_loads(tmp_path: Path) -> None:
    told = [load(25, lost=[3, 4], missed=[9]), load(0, service="web")]
    with Recorder(tmp_path / "run.jsonl", clock=BEGAN.timestamp) as recorder:
        recorder.snapshot({})
        for one in told:
            recorder.traffic(one)
    found = Recording.read(recorder.path)
    assert (found.loads, found.cut, found.instants) == (told, "", [BEGAN])
    assert told[0].total == (25, 2, 1)


def test_an_hour_of_which_all_is_lost_is_small(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run.jsonl", clock=BEGAN.timestamp) as recorder:
        recorder.traffic(load(180_000, lost=range(1, 180_001)))
    assert recorder.path.stat().st_size < 5_000


@pytest.mark.parametrize(
    "change",
    [
        {"lost": [4]},
        {"lost": [0]},
        {"lost": [2], "missed": [2]},
        {"missed": [1, 1, 2]},
        {"sent": -1},
        {"rate": 0},
        {"rate": "NaN"},
        {"lost": 3},
        {"from": None},
    ],
)
def test_a_line_that_makes_no_sense_is_told(tmp_path: Path, change: dict[str, object]) -> None:
    line = {"t": 0, **load(3).as_line(BEGAN), **change}
    header = {"recording": "nodebynode", "version": 2, "began": BEGAN.isoformat()}
    file = tmp_path / "run.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in (header, line, {"t": 1})))
    with pytest.raises(BadInput, match="damaged in line 2"):
        Recording.read(file)


# ── counted while it goes on ─────────────────────────────────────────────────────────────────


@given(st.lists(st.sampled_from(["ok", "500", "not measured"])), st.randoms())
def test_all_of_a_log_is_summed_up_in_whatever_order_it_is_told(
    outcomes: list[str], random: Random
) -> None:
    """And however long ago that was; what the strip shows no longer counts on."""
    began = datetime(2026, 1, 2, 14, 2, 7, tzinfo=UTC)
    lines: list[dict[str, object]] = [
        {"n": number, "at": began.timestamp() + number / 50, "outcome": outcome}
        for number, outcome in enumerate(outcomes, start=1)
    ]
    random.shuffle(lines)
    tail = Tail(Path())
    for line in ({"began": began.timestamp(), "rate": 50}, *lines):
        tail._take(json.dumps(line).encode())
    told = tail.so_far("lab-06", "shop")
    assert (told.began, told.rate, told.sent) == (began, 50, len(outcomes))
    for found, outcome in ((told.lost, "500"), (told.missed, "not measured")):
        assert found == tuple(n for n, one in enumerate(outcomes, start=1) if one == outcome)


# ── beside a film ────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.integers(0, 400), min_size=1, unique=True).map(sorted), loads())
def test_every_request_is_at_the_instant_that_was_seen_when_it_was_due(
    instants: list[int], told: RecordedLoad
) -> None:
    times = [BEGAN + timedelta(milliseconds=77 * one) for one in instants]
    row = row_of([told], times, first=7)
    for number, since in enumerate(times, start=7):
        until = times[number - 6] if number - 6 < len(times) else None
        due = {
            n: told.began + timedelta(seconds=(n - 1) / told.rate) for n in range(1, told.sent + 1)
        }
        here = {n for n, at in due.items() if since <= at and (until is None or at < until)}
        lost, missed = len(here & {*told.lost}), len(here & {*told.missed})
        assert told.between(since, until) == (len(here), lost, missed)
        assert (row[number][2] == words(len(here), lost, missed)) if here else number not in row


def test_the_worst_decides_and_has_its_height() -> None:
    instants = [after(second) for second in range(4)]
    told = load(40, after(0), lost=[12, *range(21, 31)], missed=[32])
    row = row_of([told], instants, 0)
    assert [one[0] for one in row.values()] == [OK, LOST, LOST, UNMEASURED]
    low, some, every, unknown = (one[1] for one in row.values())
    assert low < unknown < some < every == 18
    assert [one[2] for one in row.values()] == [
        "10 requests, none lost",
        "10 requests, 1 lost",
        "10 requests, 10 lost",
        "10 requests, none lost, 1 not measured",
    ]


def test_loads_are_added_up_and_told_in_a_sentence() -> None:
    both = [load(3, lost=[1]), load(1, service="web")]
    assert total_words(both) == "4 requests, 1 lost."
    assert total_words([]) == ""
    assert words(1, 0, 0) == "1 request, none lost"
    assert row_of(both, [BEGAN], 0)[0][2] == "4 requests, 1 lost"


def test_a_film_tells_only_what_is_new_of_its_row() -> None:
    film = Film(namespace="default")
    for state in story().told[:3]:
        film.add(state.at, state)
    assert "traffic" not in film.as_json()
    began = after(0.1)
    first = film.traffic([load(5, began)])
    assert list(cast("Row", first["traffic"])) == [0]
    assert film.traffic([load(5, began)]) == {}
    more = film.traffic([load(20, began)])
    assert list(cast("Row", more["traffic"])) == [0, 1, 2]
    assert film.as_json()["traffic"] == more["traffic"]
    gone = film.traffic([RecordedLoad("other", "shop", began, 10, 5)])
    assert gone == {"traffic": {0: None, 1: None, 2: None}}


def test_a_replay_says_what_its_loads_came_to(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run.jsonl", clock=time.time) as recorder:
        recorder.snapshot({})
        recorder.traffic(load(12, datetime.now(UTC), lost=[2, 3]))
    recording = Recording.read(recorder.path)
    assert "Load: 12 requests, 2 lost." in repr(Replay(recording, namespace="default"))
    assert "Load" not in repr(Replay(recording, namespace="elsewhere"))
