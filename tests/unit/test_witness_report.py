"""A load's log is read whatever is left of it, and summed up."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.witness import Cause, Report, Stall, Traffic, explain
from nodebynode.witness.report import longest_gap
from nodebynode.witness.traffic import percentile

from .api_objects import BEGAN
from .services import Story, request, traffic

HEADER = {
    "traffic": "nodebynode", "version": 1, "url": "http://127.0.0.1:1", "rate": 50, "seconds": 9,
    "keep_alive": 0, "timeout": 3, "began": 1767362527.1,
}  # fmt: skip
LINES = [
    HEADER,
    {"n": 2, "at": 1767362528.0, "ms": 1.5, "connection": "kept", "id": 1, "outcome": "reset"},
    {"n": 1, "at": 1767362527.1, "ms": 2.5, "connection": "new", "id": 1, "outcome": "ok",
     "pod": "a", "node": "b", "version": "c"},
    {"stall": 1767362528.5, "ms": 400.0},
    {"n": 3, "at": 1767362528.6, "outcome": "not measured"},
    {"end": 1767362530.0, "lag_ms": {"50": 0.1, "99": 2.0}},
]  # fmt: skip
DATA = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)


def test_a_log_is_read_in_the_order_of_its_requests(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(DATA)
    found = Traffic.read(tmp_path / "log")
    assert [one.number for one in found.requests] == [1, 2, 3]
    assert [one.verdict for one in found.requests] == ["ok", "lost", "not measured"]
    assert [one.kept for one in found.requests] == [False, True, False]
    assert found.lag_ms == {50: 0.1, 99: 2.0}
    assert found.ended - found.began == timedelta(seconds=2.9)
    assert found.cut == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=len(json.dumps(HEADER)) + 1, max_value=len(DATA) - 1))
def test_a_log_that_was_cut_anywhere_is_read_up_to_there(tmp_path: Path, length: int) -> None:
    (tmp_path / "log").write_bytes(DATA[:length])
    found = Traffic.read(tmp_path / "log")
    assert len(found.requests) == sum('"n"' in one for one in _whole(DATA[:length]))
    assert "no end" in found.cut


def _whole(data: bytes) -> list[str]:
    return data.decode().split("\n")[:-1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b"nonsense\n",
        DATA.replace(b'"version": 1', b'"version": 2', 1),
        DATA.replace(b'"outcome": "ok"', b'"outcome"', 1),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "log").write_bytes(data)
    with pytest.raises(BadInput):
        Traffic.read(tmp_path / "log")
    with pytest.raises(BadInput, match="cannot be read"):
        Traffic.read(tmp_path / "none")


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_least_that_a_share_does_not_exceed(
    values: list[float], share: float
) -> None:
    values.sort()
    found = percentile(values, share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values) - 1e-6
    assert sum(one < found for one in values) < share * len(values)


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


# ── the longest gap ──────────────────────────────────────────────────────────────────────────

TIMES = st.lists(st.integers(0, 2900), unique=True)


@given(TIMES, TIMES)
def test_the_longest_gap_is_between_good_answers(good: list[int], bad: list[int]) -> None:
    answered = [request(one / 100, ms=0) for one in good]
    lost = [request(one / 100, "reset", ms=0) for one in bad]
    gap = longest_gap(traffic(*answered, *lost))
    edges = [0, *sorted(good), max([*good, *bad, 0])]
    expected = max(b - a for a, b in pairwise(edges))
    assert gap.seconds == pytest.approx(expected / 100)


def test_a_stall_is_no_gap() -> None:
    """What was not measured is not known to have been without an answer."""
    stall = Stall(BEGAN + timedelta(seconds=2), BEGAN + timedelta(seconds=9))
    missed = [request(at, "not measured", ms=0) for at in (3, 5, 7)]
    told = traffic(request(1), *missed, request(10), stalls=(stall,))
    assert longest_gap(told).seconds == pytest.approx(1.0, abs=0.01)


def test_latencies_leave_out_what_a_stall_made_long() -> None:
    stall = Stall(BEGAN + timedelta(seconds=2), BEGAN + timedelta(seconds=3))
    told = traffic(request(1, ms=5), request(1.9, ms=1200), request(4, ms=3), stalls=(stall,))
    assert told.latencies() == [3, 5]


# ── the report ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def report(tmp_path: Path) -> Report:
    story = Story(tmp_path)
    story.at(4).delete(story.pods[1])
    story.at(4.084).route(story.pods[1], ready=False)
    sent = [request(1, pod=story.pods[0]), request(1.1, pod=story.pods[1]),
            request(4.031, "refused"), request(4.1, "reset"), request(5, "not measured"),
            request(9, "500", pod=story.pods[2])]  # fmt: skip
    return explain(traffic(*sent, lag_ms={99: 1.2}), story.recording(), "default", "shop")


def test_a_report_counts_and_gives_each_cause_a_sentence(report: Report) -> None:
    assert report.summary == "3 of 6 requests lost, 1 not measured"
    assert {cause: len(those) for cause, those in report.by_cause.items()} == {
        Cause.LATE: 2, Cause.ANSWERED: 1,
    }  # fmt: skip
    text = str(report)
    for part in (
        "2 lost: endpoint left after the process stopped listening",
        "1 lost: the app answered with an error",
        "P50", "P95", "P99", "2.0 ms", "4.00 s, after 5.0 s",
        "version v1", "node nodebynode-worker2", "lost: refused",
        "The first, 4.0 s after the load began, on a new connection: refused.",
    ):  # fmt: skip
        assert part in text


def test_a_report_says_how_many_requests_each_pod_answered(tmp_path: Path) -> None:
    story = Story(tmp_path)
    first, second = story.pods[:2]
    sent = [request(1, pod=first), request(1.1, pod=second), request(1.2, pod=first)]
    told = str(explain(traffic(*sent), story.recording(), "default", "shop"))
    rows = {tuple(line.split()) for line in told.splitlines()}
    names = story.names()
    assert {("pod", names[0], "2"), ("pod", names[1], "1")} <= rows


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.open = "", list[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_what_the_text_says(report: Report) -> None:
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == str(report)
    page = _Tags()
    page.feed(bundle["text/html"])
    assert page.open == []
    for line in str(report).splitlines():
        for cell in filter(None, line.split("  ")):
            assert cell.strip().rstrip(".") in page.text


def test_a_load_without_a_loss_is_reported_too(tmp_path: Path) -> None:
    story = Story(tmp_path)
    report = explain(traffic(request(1)), story.recording(), "default", "shop")
    assert str(report).startswith("0 of 1 requests lost.")
