"""The lines of the progress file: whatever is in it, reading ends well and says what it skipped."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.course.progress import tally, words
from nodebynode.course.progress.lines import Event, read_line, read_lines, without, write_line

from .steps import BEGAN, LAB, OUTLINE, step, tried

LINES = [
    step(0, "opened", provider="kind", cluster="x"),
    tried(1, "one", hint=1, attempt=1, saw="é" * 999),
    tried(2, "one", passed=True),
    step(3, "prediction", question="how-many", said="2 Pods"),
    step(4, "comparison", question="how-many", outcome="otherwise"),
    step(5, "misconception", key="deleted-comes-back", question="how-many"),
    step(6, "experiment", key="deleted-comes-back"),
    step(7, "closed", by="learner"),
]
FILE = b"".join(LINES)


def test_what_is_written_is_read() -> None:
    read = read_lines(FILE)
    assert read.damaged == ()
    assert [one.event for one in read.events] == [
        "opened", "check", "check", "prediction", "comparison", "misconception", "experiment",
        "closed",
    ]  # fmt: skip
    assert read.events[1].hint == 1
    assert read.events[3] == Event(
        BEGAN.replace(minute=3), LAB, "prediction", name="how-many", said="2 Pods"
    )
    assert read.events[-1].by == "learner"


def test_a_line_is_one_line_however_long_and_strange_an_answer_is() -> None:
    line = write_line(BEGAN, LAB, "check", {"check": "one", "saw": "a\nb\u2028" * 999})
    assert line.count(b"\n") == 1
    assert len(line) < 2000
    assert line.isascii()


@given(st.integers(0, len(FILE)))
def test_any_prefix_of_a_file_reads(length: int) -> None:
    read = read_lines(FILE[:length])
    whole = FILE[:length].count(b"\n")
    assert list(read.events[:whole]) == list(read_lines(FILE).events[:whole])
    assert len(read.events) - whole <= 1
    assert len(read.damaged) <= 1
    assert all(one.number == whole + 1 for one in read.damaged)


@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=60), max_size=8))
def test_lines_between_garbage_are_found(parts: list[bytes]) -> None:
    content = b"\n".join(part.strip(b"\n") for part in parts)
    found = read_lines(content)
    assert len(found.events) == sum(part in LINES for part in parts)
    assert words.whole(OUTLINE, tally(found.events).of(LAB)).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(LINES),
    st.sampled_from(["at", "lab", "event", "check", "question", "key", "outcome", "hint", "by"]),
    JSON,
)
def test_any_value_in_a_field_is_read_or_told(line: bytes, field: str, value: object) -> None:
    read = read_lines(json.dumps({**json.loads(line), field: value}).encode())
    assert len(read.events) + len(read.damaged) <= 1
    for one in tally(read.events).labs.values():
        assert words.whole(OUTLINE, one).encode()
        assert words.overview([OUTLINE], tally(read.events)).text.encode()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "cut short, or no JSON"),
        (b"[" * 99_999, "cut short, or no JSON"),
        (b"\xff\xfe", "cut short, or no JSON"),
        (b"[1]", "not an object"),
        (b"{}", "it has no event"),
        (b'{"event": 3}', "its event is no text"),
        (b'{"event": "opened"}', "it has no lab"),
        (b'{"event": "opened", "lab": "x"}', "it has no at"),
        (b'{"event": "opened", "lab": "\\ud800"}', "its lab is no text"),
        (b'{"event": "opened", "lab": "x", "at": "today"}', "its at is no time"),
        (b'{"event": "opened", "lab": "x", "at": "2026-01-01"}', "its at has no time zone"),
        (b'{"event": "opened", "lab": "x", "at": "0001-01-01T00:00Z"}', "its at is no time"),
        (step(0, "check"), "it has no check"),
        (step(0, "check", check="a", hint=-1), "its hint is no number"),
        (step(0, "check", check="a", hint=True), "its hint is no number"),
        (step(0, "comparison", question="a", outcome=[]), "its outcome is no text"),
    ],
)
def test_a_damaged_line_is_skipped_and_told(line: bytes, why: str) -> None:
    read = read_lines(LINES[0] + line.strip() + b"\n" + LINES[-1])
    assert len(read.events) == 2
    assert read.trouble == f"1 line of your progress skipped: line 2 ({why})."


def test_many_damaged_lines_are_told_in_one_sentence() -> None:
    assert read_lines(b"a\n\nb\nc\nd\ne\n").trouble == (
        "5 lines of your progress skipped: line 1 (cut short, or no JSON), line 3 (cut short, or "
        "no JSON), line 4 (cut short, or no JSON) and 2 more."
    )
    assert read_lines(FILE).trouble == ""


def test_an_event_of_a_newer_version_is_no_damage_and_is_ignored() -> None:
    newer = json.dumps({"at": BEGAN.isoformat(), "lab": LAB, "event": "sang", "hint": "la"})
    assert read_line(newer.encode()) is None
    assert read_lines(newer.encode()) == read_lines(b"")


def test_details_of_a_newer_version_do_not_hide_the_event() -> None:
    assert read_line(tried(0, "one", mood="fine", level=3)) is not None


def test_only_the_lines_of_one_lab_are_taken_out() -> None:
    other = step(1, "opened", "02-who-makes-pods")
    newer = b'{"lab": "02-who-makes-pods", "event": "sang"}\n'
    content = FILE + other + b"damaged\n" + newer + FILE
    assert without(content, LAB) == other + b"damaged\n" + newer
    assert without(content, "03-x") == content
