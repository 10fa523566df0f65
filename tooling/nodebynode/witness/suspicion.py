"""What speaks against a Pod: that a request may have gone to it when it could not answer.

Two delays stand between what happens and what is heard of it, and the windows here are made for
them. Outside of its window, nothing is taken for a cause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nodebynode.witness.answers import Answers
from nodebynode.witness.history import History, Life, covering
from nodebynode.witness.traffic import Request

HEARD = timedelta(milliseconds=300)
"""A watch tells a thing at most so much later than it happened, on a busy machine."""
RULES = timedelta(seconds=2)
"""Nodes follow a change of the EndpointSlices within this: kube-proxy makes its rules anew once a
second at most (`minSyncPeriod`), and needs a moment to write them."""
KUBELET = timedelta(seconds=3)
"""A kubelet tells the end of a container at most so much later."""
SILENT = timedelta(seconds=90)
"""A node that stops is called not Ready within this: the controllers' grace period is 50 s, and
shorter on the course's clusters."""
_ALIVE = timedelta(milliseconds=50)
"""A request that fails after so long, and not by a time-out, had been accepted by somebody."""
_BROKEN = ("reset", "empty answer", "cut short")
_WAITED = ("timed out", "unreachable")
_NOTHING = timedelta()


class Cause(StrEnum):
    """Why a request was lost."""

    NOBODY = "no ready endpoint"
    LATE = "endpoint left after the process stopped listening"
    UNREADY = "Pod not ready but routed"
    CUT = "connection cut at the end of grace"
    ENDED = "connection cut by the process's own end"
    FROZEN = "node frozen"
    ANSWERED = "the app answered with an error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A Pod that a request may have gone to, and why it could not answer; `said` is a sentence."""

    cause: Cause
    pod: str
    said: str


@dataclass(frozen=True, slots=True)
class Case:
    """One lost request, and all that is known.

    Attributes:
        request: What was lost.
        history: What the recording tells.
        answers: Who answered when.
    """

    request: Request
    history: History
    answers: Answers


def suspicion(case: Case, life: Life) -> Suspect | None:
    """What speaks for a Pod as the one that lost a request on a new connection, if anything does.

    The strongest is told: a silent node explains all that its Pods do.
    """
    span = life.last_routed(case.request.at + HEARD)
    if span is None or (span.until is not None and case.request.at >= span.until + RULES):
        return None
    asked: Sequence[Callable[[Case, Life], Suspect | None]] = (
        frozen, cut_under_way, stopping, crashed, unready,
    )  # fmt: skip
    return next((found for ask in asked if (found := ask(case, life))), None)


def on_kept(case: Case, life: Life) -> Suspect | None:
    """What became of the Pod to which a request's kept connection led, if that explains it."""
    found = frozen(case, life) if case.request.outcome in _WAITED else None
    return found or _at_end(case, life, "Its kept connection was open")


def frozen(case: Case, life: Life) -> Suspect | None:
    """On a node that was called not Ready, and from which no answer came since."""
    at = case.request.at
    for span in case.history.silent.get(life.node, ()):
        last = case.answers.last_of_node(life.node, span.since)
        is_near = span.since - SILENT <= at < span.since + RULES
        if is_near and (last is None or at > last - HEARD):
            called = f"Node {life.node} was called NotReady {span_between(at, span.since)}"
            heard = f"; its last answer came {span_between(at, last)}" if last else ""
            return Suspect(Cause.FROZEN, life.name, f"{called} the request{heard}.")
    return None


def cut_under_way(case: Case, life: Life) -> Suspect | None:
    """Accepted while its process lived, and broken when that ended."""
    request = case.request
    if request.outcome not in _BROKEN or request.ended - request.at < _ALIVE:
        return None
    if life.leaving is None or request.at >= (life.deadline if life.killed else life.leaving):
        return None
    return _at_end(case, life, "The request was under way")


def stopping(case: Case, life: Life) -> Suspect | None:
    """Sent to where a Pod was leaving, before the nodes knew."""
    request, leaving = case.request, life.leaving
    # One that timed out had been waiting for long: what counts is when it was sent.
    last = request.at if request.outcome in _WAITED else request.ended
    if leaving is None or last < leaving - HEARD:
        return None
    if case.answers.listened_after(life.name, request.at):
        return None  # it leaves, and listens still, as while a preStop hook sleeps
    route = life.last_routed(request.at + HEARD)
    came = f"the request came {span_between(leaving, request.at)} it began"
    if route is None or route.until is None:
        said = f"The Pod had begun to terminate, and the EndpointSlice still led to it; {came}."
    else:
        more = span_words(max(route.until - leaving, _NOTHING))
        said = f"The EndpointSlice led to it until {more} after it began to terminate; {came}."
    return Suspect(Cause.LATE, life.name, said)


def crashed(case: Case, life: Life) -> Suspect | None:
    """Sent to where a container had ended without being asked to, before the nodes knew."""
    request = case.request
    for end in life.stopped if life.leaving is None else ():
        near = end - KUBELET <= request.ended
        if near and not case.answers.answered(life.name, end, request.at):
            told = span_between(request.at, end)
            said = f"Its container ended: that was told {told} the request. Its endpoint was ready."
            return Suspect(Cause.LATE, life.name, said)
    return None


def unready(case: Case, life: Life) -> Suspect | None:
    """Routed to before it answered anything, or although it was not Ready."""
    at, route = case.request.at, life.last_routed(case.request.at + HEARD)
    if route is None or (life.leaving and life.leaving <= at):
        return None
    ready = f"Its endpoint had been ready for {span_words(max(at - route.since, _NOTHING))}"
    if covering(life.unready, at):
        return Suspect(Cause.UNREADY, life.name, f"{ready} although the Pod was not Ready.")
    since = max(route.since, case.answers.began)
    first = case.answers.first_of_pod(life.name, since)
    if first is not None and first <= at:
        return None
    if first is not None and first - since <= RULES and not life.untested:
        return None  # that it had no answer yet is explained by the nodes' rules
    then = (
        f"its first answer came {span_between(at, first)} the request"
        if first
        else "it never answered"
    )
    return Suspect(Cause.UNREADY, life.name, f"{ready}; {then}.")


def _at_end(case: Case, life: Life, what: str) -> Suspect | None:
    """Whether a connection was cut because its Pod's process ended."""
    request = case.request
    if life.leaving is None:
        if not any(abs(end - request.ended) <= KUBELET for end in life.stopped):
            return None
        return Suspect(Cause.ENDED, life.name, f"{what} when its container ended.")
    by_kill = life.killed or not life.stopped
    begins = life.deadline if by_kill else life.leaving
    if request.ended < begins - HEARD:
        return None
    came = f"the request came {span_between(begins, request.at)}"
    if by_kill:
        end = f"the grace period of {life.grace} s ended and its process was killed"
        return Suspect(Cause.CUT, life.name, f"{what} when {end}; {came} that.")
    end = f"its process ended by itself, within its grace period of {life.grace} s"
    return Suspect(Cause.ENDED, life.name, f"{what} when {end}; {came} the Pod began to terminate.")


def span_words(span: timedelta) -> str:
    """A span as a person reads it: `84 ms`, `3.2 s`."""
    ms = round(span / timedelta(milliseconds=1))
    return f"{ms} ms" if abs(ms) < 1000 else f"{ms / 1000:.1f} s"


def span_between(one: datetime, other: datetime) -> str:
    """How much later the other instant is: `84 ms after`, `3.2 s before`."""
    return f"{span_words(abs(other - one))} {'after' if other >= one else 'before'}"
