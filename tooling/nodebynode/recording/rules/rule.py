"""What all rules have in common: the part of a recording that they are judged over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodebynode.recording.resolution import APART
from nodebynode.recording.rules.changes import heard
from nodebynode.recording.rules.finding import Finding, Judged, Violation, resolution
from nodebynode.recording.rules.moments import Span, Window
from nodebynode.recording.rules.story import Story, Told
from nodebynode.state import Pod


@dataclass(frozen=True, slots=True)
class Rule(ABC):
    """Something that a recording either keeps to or not; as text, in words."""

    window: Window

    def judge(
        self, recording: Told, *, namespace: str = "default", apart: timedelta = APART
    ) -> Finding:
        """Hold a recording against the rule.

        Args:
            recording: What happened.
            namespace: Whose objects the rule speaks of.
            apart: How far apart changes of different kinds may be heard although they belong
                together. What depends on their order and is shorter than this, is no violation.

        Returns:
            What was found. Where the recording never put the rule to the test, that is neither
            `holds` nor `broken` but `not seen`.
        """
        return self.judge_story(Story(recording, namespace), apart=apart)

    def judge_story(self, story: Story, *, apart: timedelta = APART) -> Finding:
        """Hold what has been read already against the rule; as `judge`, for several rules."""
        span = self.window.span(story)
        if span is None:
            judged = Judged(unseen=f"The recording never came to {self.window.after}.")
        else:
            judged = self._judge(story, span, apart)
            if judged.verdict == "holds" and span.open_end and self._needs_end:
                unseen = f"The recording never came to {span.open_end}. Until then: "
                judged = Judged(unseen=unseen + judged.evidence, unclear=judged.unclear)
        return Finding(
            rule=str(self),
            verdict=judged.verdict,
            seen=str(judged.violation or judged.unseen or judged.evidence),
            violation=judged.violation,
            unclear=judged.unclear,
            resolution=resolution(span.stop - span.first, span.end - span.start) if span else "",
            cut=story.cut,
            begun=span is not None,
        )

    @property
    def _needs_end(self) -> bool:
        """Whether it cannot hold before the end of its window."""
        return True

    @abstractmethod
    def _judge(self, story: Story, span: Span, apart: timedelta) -> Judged:
        """What a part of a story comes to."""


def violation(
    story: Story,
    index: int,
    saw: str,
    pods: tuple[Pod, ...],
    *,
    until: datetime | None,
    at: datetime | None = None,
) -> Violation:
    """The violation that a look shows, with what led to it.

    Args:
        story: The story.
        index: The look's index.
        saw: What was there.
        pods: The Pods that it is about.
        until: When it was over, if it was.
        at: When it is told of; when the look began where it is None.
    """
    look = story.looks[index]
    at = at or look.at
    acts = [one for one in story.marks if one.kind == "action" and one.at <= at]
    change = heard(story.looks[index - 1].state, look.state) if index and at == look.at else ""
    change = "" if change == saw else change
    return Violation(at, until, saw, pods, change, acts[-1] if acts else None)
