"""What a rule found, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from nodebynode.phrases import count, listed
from nodebynode.recording.reading import Mark
from nodebynode.state import Pod

Verdict = Literal["holds", "broken", "not seen"]
_MOST_PODS = 6


@dataclass(frozen=True, slots=True)
class Violation:
    """The first time that a rule was broken.

    Attributes:
        at: When it was heard.
        until: When it was over; None when it was still so at the end.
        saw: What was there, in a sentence without its full stop.
        pods: The learner's Pods that it is about, as they were then.
        change: What was heard at that instant, in a sentence without its full stop; empty where
            it was so from the beginning.
        act: What the learner had done last before it, if anything.
    """

    at: datetime
    until: datetime | None
    saw: str
    pods: tuple[Pod, ...]
    change: str
    act: Mark | None

    def __str__(self) -> str:
        lasted = f"for {lasting(self.until - self.at)}" if self.until else "and still at the end"
        told = [f"At {clock(self.at)}, {lasted}: {self.saw}."]
        if self.change:
            told.append(f"Heard just then: {self.change}.")
        if self.act:
            before = lasting(self.at - self.act.at)
            told.append(f"The last act before it was `{self.act.text}`, {before} earlier.")
        return " ".join(told)


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """What judging a rule came to; as text, some plain sentences.

    Attributes:
        rule: The rule in words.
        verdict: `holds`, `broken`, or `not seen` where the recording never put it to the test.
        seen: What was seen, in a sentence or two.
        violation: The first one, where the rule is broken.
        unclear: What was too short to tell, in sentences.
        resolution: How finely the recording could tell.
        cut: What is missing at its end; empty for a whole recording.
        begun: Whether the recording came to the instant from which the rule counts.
    """

    rule: str
    verdict: Verdict
    seen: str
    violation: Violation | None = None
    unclear: tuple[str, ...] = ()
    resolution: str = ""
    cut: str = ""
    begun: bool = True

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        head = f"{self.verdict.capitalize()}: {self.rule}."
        more = len(self.unclear) - 1
        such = f"So it was {count(more, 'time')} more." if more > 0 else ""
        said = (head, self.seen, *self.unclear[:1], such, self.resolution, self.cut)
        return "\n".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule hands over for its finding: a violation, or evidence, or why there is none.

    Attributes:
        evidence: What it held over, in a sentence; empty where it is broken or was not seen.
        unseen: Why it was not put to the test; empty otherwise.
        violation: The first one.
        unclear: What was too short to tell, in sentences.
    """

    evidence: str = ""
    unseen: str = ""
    violation: Violation | None = None
    unclear: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What it comes to; without evidence nothing holds."""
        if self.violation:
            return "broken"
        return "holds" if self.evidence and not self.unseen else "not seen"


def unclear(at: datetime, until: datetime, saw: str, apart: timedelta) -> str:
    """A sentence on something that is closer than watches can be told apart."""
    return (
        f"Too short to tell: at {clock(at)}, for {lasting(until - at)}, it looked as if {saw}. "
        f"Each kind of object is heard by itself, up to {lasting(apart)} apart."
    )


def resolution(looks: int, length: timedelta) -> str:
    """A sentence on what could be seen at all."""
    return (
        f"Looked at {count(looks, 'instant')} in {lasting(length)}; what lay between two of them "
        "was not seen."
    )


def placed(pod: Pod) -> str:
    """`shop-66944cdf98-x2k8p on worker`."""
    return f"{pod.name} on {pod.node}" if pod.node else f"{pod.name} on no node yet"


def placed_all(pods: Sequence[Pod]) -> str:
    """Pods and their nodes, in a row."""
    return listed([placed(pod) for pod in pods], _MOST_PODS)


def standing_all(pods: Sequence[Pod]) -> str:
    """Pods and their nodes in a row, each with why it does not count as ready, if it does not."""
    return listed([_standing(pod) for pod in pods], _MOST_PODS)


def _standing(pod: Pod) -> str:
    why = (
        "terminating" if pod.terminating
        else "finished" if pod.finished
        else "" if pod.ready
        else "not ready"
    )  # fmt: skip
    return f"{placed(pod)} ({why})" if why else placed(pod)


def clock(at: datetime) -> str:
    """The time of day, to the millisecond."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def lasting(length: timedelta) -> str:
    """A length of time in words."""
    seconds = max(0.0, length.total_seconds())
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
