"""Steps of a learner, told by hand: as lines of the progress file, and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from nodebynode.course.outline import Outline, Step
from nodebynode.course.progress import LabProgress, tally
from nodebynode.course.progress.lines import EventName, read_lines, write_line

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LAB = "01-what-runs-where"
OUTLINE = Outline(
    LAB,
    "What <runs> where",
    (Step("one", "The first", 2), Step("two", "The second", 3), Step("three", "The last", 0)),
    {"how-many": "How many <Pods>?", "who": "Who goes?"},
)


def step(minutes: float, event: EventName, lab: str = LAB, **details: object) -> bytes:
    """A line of the progress file."""
    return write_line(BEGAN + timedelta(minutes=minutes), lab, event, details)


def tried(minutes: float, check: str, *, passed: bool = False, **details: object) -> bytes:
    outcome = "passed" if passed else "not yet"
    return step(minutes, "check", check=check, outcome=outcome, **details)


def added_up(*lines: bytes) -> Mapping[str, LabProgress]:
    """What lines add up to, by lab."""
    return tally(read_lines(b"".join(lines)).events).labs


def of_lab(*lines: bytes) -> LabProgress:
    return added_up(*lines)[LAB]
