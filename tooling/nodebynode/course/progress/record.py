"""The progress of the lab that is open: what was done before, and what is written down now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodebynode.course.checks import NotYet
from nodebynode.course.progress import file
from nodebynode.course.progress.lines import NAMED_BY, Event, EventName, read_line, write_line
from nodebynode.course.progress.tally import PASSED, LabProgress, tally_lab
from nodebynode.errors import BadInput

if TYPE_CHECKING:  # it brings along all that is recorded, which `progress` need not wait for
    from nodebynode.course.comparing import Compared


class Record:
    """One lab's lines: read once, then appended to.

    What cannot be read or written is told, and stops no lab: what is done is remembered here until
    the kernel ends.

    Args:
        lab: The lab's whole name.
        say: Told once when progress cannot be kept.
    """

    def __init__(self, lab: str, *, say: Callable[[str], None] = print) -> None:
        self._lab, self._say = lab, say
        self._stepped = time.monotonic()
        self._listeners: list[Callable[[], None]] = []
        self._told = False
        self._events: list[Event] = []
        try:
            read = file.read()
        except BadInput as error:
            self._tell(str(error))
        else:
            self._events += [event for event in read.events if event.lab == lab]
            if read.trouble:
                say(read.trouble)

    def add(self, event: EventName, name: str = "", **details: object) -> None:
        """Write a step down.

        Args:
            event: What it was.
            name: The check, question or misconception that it is about.
            details: What else there is to say.
        """
        now = time.monotonic()
        known = {NAMED_BY[event]: name} if event in NAMED_BY else {}
        seconds = round(now - self._stepped, 1)
        line = write_line(
            datetime.now(UTC), self._lab, event, {**known, **details, "seconds": seconds}
        )
        self._stepped = now
        if read := read_line(line):
            self._events.append(read)
        if trouble := file.append(line):
            self._tell(f"Your progress is not kept: {trouble}")
        for listener in self._listeners:
            listener()

    def judged(self, check: str, judge: Callable[[int], str]) -> str:
        """Have a check judged, and write down how it went.

        Args:
            check: Its name.
            judge: Told which try this is since the check passed last, from 1; returns what was
                seen.

        Raises:
            NotYet: It does not pass. What else `judge` raises is no try.
        """
        attempt = self.progress.tries_of(check).open_tries + 1
        try:
            seen = judge(attempt)
        except NotYet as refusal:
            self.add(
                "check",
                check,
                outcome="not yet",
                attempt=attempt,
                hint=refusal.told,
                saw=refusal.saw,
            )
            raise
        self.add("check", check, outcome=PASSED, attempt=attempt)
        return seen

    def compared(self, found: Compared) -> None:
        """Write down how guesses went and which beliefs showed; what is known is not repeated."""
        known = self.progress
        for row in found.rows:
            key, outcome = row.question.key, row.outcome
            was = known.guesses.get(key)
            if outcome in ("as you said", "otherwise") and not (was and was.outcome == outcome):
                self.add("comparison", key, outcome=outcome)
        for belief in found.beliefs:
            if belief.misconception.key not in known.beliefs:
                self.add("misconception", belief.misconception.key, question=belief.question)

    @property
    def progress(self) -> LabProgress:
        """What was done in this lab, until now."""
        return tally_lab(self._lab, self._events)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have each step told."""
        self._listeners.append(listener)

    def _tell(self, trouble: str) -> None:
        if not self._told:
            self._told = True
            self._say(trouble)
