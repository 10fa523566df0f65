"""The lines of the progress file: JSON, one line a step.

A file may have been cut by a full disk, edited by hand, or written by a newer version. Whatever is
in it, reading ends well: a damaged line is skipped and named, an event of a newer version is not
missed by anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal, get_args

from nodebynode.phrases import count, listed

EventName = Literal[
    "opened", "check", "prediction", "comparison", "misconception", "experiment", "closed"
]
_EVENTS: Mapping[str, EventName] = {name: name for name in get_args(EventName)}
NAMED_BY: Mapping[str, str] = {
    "check": "check",
    "prediction": "question",
    "comparison": "question",
    "misconception": "key",
    "experiment": "key",
}
"""Which detail says what an event is about."""
_TEXTS = ("outcome", "said", "provider", "by")
_LONGEST = 400
"""Letters of a text that are kept: an answer may be as long as a learner likes."""

_FIRST_YEAR, _LAST_YEAR = 2000, 3000
"""Years in which every time has a local time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One step in a lab.

    Attributes:
        at: When it was, with its time zone.
        lab: The lab's whole name.
        event: What it was.
        name: The check, question or misconception that it is about; empty for none.
        outcome: How a check or a comparison went; empty for other events.
        said: What was foretold, in words.
        hint: Which of a check's hints was shown, from 1; 0 for none.
        provider: Of an opened lab: what its cluster runs on.
        by: Of a closed lab: `kernel` where nobody closed it but the kernel's end.
    """

    at: datetime
    lab: str
    event: EventName
    name: str = ""
    outcome: str = ""
    said: str = ""
    hint: int = 0
    provider: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that could not be read.

    Attributes:
        number: Its number in the file, from 1.
        why: What is the matter with it.
    """

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A progress file, read.

    Attributes:
        events: The steps, in the order in which they were written.
        damaged: The lines that were skipped.
    """

    events: tuple[Event, ...] = ()
    damaged: tuple[Damaged, ...] = ()

    @property
    def trouble(self) -> str:
        """The lines that were skipped, in a sentence; empty where all could be read."""
        if not self.damaged:
            return ""
        which = listed([f"line {one.number} ({one.why})" for one in self.damaged])
        return f"{count(len(self.damaged), 'line')} of your progress skipped: {which}."


def write_line(at: datetime, lab: str, event: EventName, details: Mapping[str, object]) -> bytes:
    """Return a step as a line of the file, with its end.

    Args:
        at: When it was.
        lab: The lab's whole name.
        event: What it was.
        details: What else there is to say; long texts are cut.
    """
    short = {
        key: value[:_LONGEST] if isinstance(value, str) else value for key, value in details.items()
    }
    line = {"at": at.isoformat(timespec="milliseconds"), "lab": lab, "event": event, **short}
    return json.dumps(line).encode() + b"\n"


def read_lines(content: bytes) -> Lines:
    """Read what is in a progress file, whatever that is."""
    events, damaged = [], []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            event = read_line(line)
        except ValueError as error:
            damaged.append(Damaged(number, str(error)))
        else:
            events += [event] if event else []
    return Lines(tuple(events), tuple(damaged))


def read_line(line: bytes) -> Event | None:
    """Read one line; None for an event that only a newer version knows.

    Raises:
        ValueError: it is damaged; the message says how.
    """
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("cut short, or no JSON") from error
    if not isinstance(read, dict):
        raise ValueError("not an object")
    event = _text(read, "event", needed=True)
    lab = _text(read, "lab", needed=True)
    at = _instant(_text(read, "at", needed=True))
    if (known := _EVENTS.get(event)) is None:
        return None
    return Event(
        at,
        lab,
        known,
        name=_text(read, NAMED_BY[known], needed=True) if known in NAMED_BY else "",
        hint=_number(read, "hint"),
        **{key: _text(read, key) for key in _TEXTS},
    )


def without(content: bytes, lab: str) -> bytes:
    """Return a file's content without the lines of a lab; all others stay as they are."""
    return b"\n".join(line for line in content.split(b"\n") if not _is_of(line, lab))


def seconds_between(instants: Sequence[datetime]) -> list[float]:
    """The gaps between instants; none is below zero, though a clock may have been put back."""
    return [max(0.0, (later - at).total_seconds()) for at, later in pairwise(instants)]


def _is_of(line: bytes, lab: str) -> bool:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and read.get("lab") == lab


def _text(read: Mapping[str, Any], key: str, *, needed: bool = False) -> str:
    value = read.get(key, "")
    if not isinstance(value, str) or not _can_be_shown(value):
        raise ValueError(f"its {key} is no text")
    if needed and not value:
        raise ValueError(f"it has no {key}")
    return value


def _can_be_shown(text: str) -> bool:
    """JSON allows halves of a character, which no terminal takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(read: Mapping[str, Any], key: str) -> int:
    value = read.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"its {key} is no number")
    return value


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("its at is no time") from error
    if at.tzinfo is None:
        raise ValueError("its at has no time zone")
    if not _FIRST_YEAR <= at.year < _LAST_YEAR:
        raise ValueError("its at is no time")
    return at.astimezone(UTC)
