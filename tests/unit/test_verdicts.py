"""Verdicts on the way: by rules over a recording, and by what became of a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest
from nodebynode.course.checks import Verdict
from nodebynode.course.loading import Load
from nodebynode.course.look import Look
from nodebynode.course.verdicts import kept, unharmed
from nodebynode.kube import Api
from nodebynode.recording import Recording
from nodebynode.recording.rules import always, cordoned, last, mark, ready, uncordoned
from nodebynode.state import State
from nodebynode.witness import Cause, Report
from nodebynode.witness.attribution import Loss
from nodebynode.witness.traffic import Request, Traffic

from .states import OLD
from .tapes import Tape, act, after, instant, three


@dataclass
class Sent:
    """A load whose report is known."""

    told: Report
    running: bool = False

    def report(self, recording: Recording) -> Report:
        return self.told


def look(tape: Tape, load: Sent | None = None) -> Look:
    return Look(
        cast(Api, None), "default", (), lambda: cast(Recording, tape), load=cast(Load, load)
    )


def request(number: int, seconds: float, outcome: str = "ok") -> Request:
    return Request(number, after(seconds), 1.0, False, number, outcome)


def report(began: float, ended: float, *requests: Request, pods: Sequence[str] = ()) -> Report:
    lost = tuple(
        Loss(one, Cause.LATE, tuple(pods), "It came too late.")
        for one in requests
        if one.verdict == "lost"
    )
    traffic = Traffic("http://127.0.0.1:1", 50, 0, after(began), after(ended), requests)
    return Report(traffic, lost)


# ── by rules ─────────────────────────────────────────────────────────────────────────────────

WELL = Tape([instant(0), instant(1, cordoned="worker"), instant(3)])
DIPS = Tape([instant(0), instant(1, three(unready="ab"), cordoned="worker"), instant(4)])
AT_LEAST_TWO = always(ready("shop") >= 2, after=last(cordoned()))


def test_what_is_kept_passes_and_says_over_what() -> None:
    verdict = kept(look(WELL), AT_LEAST_TWO)
    assert verdict.passed
    assert "3 Pods of Deployment shop were ready" in verdict.seen
    assert kept(look(WELL), AT_LEAST_TWO, fine="Well done.").seen == "Well done."


def test_what_is_broken_names_the_pods_and_is_not_waited_for() -> None:
    verdict = kept(look(DIPS), AT_LEAST_TWO, hint="Look there.")
    assert (verdict.passed, verdict.settled, verdict.hint) == (False, True, "Look there.")
    assert "1 Pod of Deployment shop was ready" in verdict.seen
    assert f"{OLD}-c on worker3" in verdict.seen
    assert verdict.expected.startswith("always at least 2 Pods")


def test_what_never_began_is_not_waited_for_and_what_has_not_ended_is() -> None:
    never = kept(look(Tape([instant(0)])), AT_LEAST_TWO)
    assert (never.passed, never.settled) == (False, True)
    rule = always(ready("shop") >= 2, after=cordoned(), before=uncordoned())
    under_way = kept(look(Tape([instant(0), instant(1, cordoned="worker")])), rule)
    assert (under_way.passed, under_way.settled) == (False, False)


def test_the_first_broken_rule_of_several_is_told() -> None:
    rules = (always(ready("shop") >= 1), always(ready("shop") >= 2), always(ready("shop") >= 3))
    assert "at least 2" in kept(look(DIPS), *rules).expected


# ── by a load ────────────────────────────────────────────────────────────────────────────────

BEGINS, ENDS = mark("kubectl drain"), mark("kubectl uncordon")
DONE = Tape(
    [instant(0), instant(2, three(without="a")), instant(3, three(gone="a")), instant(9)],
    (act(4, "kubectl drain worker2"), act(6, "kubectl uncordon worker2")),
)


def judged(load: Sent | None, tape: Tape = DONE, most: int = 0) -> Verdict:
    return unharmed(look(tape, load), BEGINS, ENDS, most=most)


def spanning(*requests: Request, pods: Sequence[str] = ()) -> Sent:
    return Sent(report(1, 8, *requests, pods=pods))


def test_a_load_without_a_loss_passes() -> None:
    verdict = judged(spanning(*(request(n, 3.9 + n / 10) for n in range(11))))
    assert verdict.passed
    assert verdict.seen == "0 of 10 requests since then were lost."


def test_a_loss_is_told_with_cause_pod_and_evidence() -> None:
    verdict = judged(spanning(request(1, 5), request(2, 5.1, "reset"), pods=[f"{OLD}-b"]))
    assert not verdict.passed
    assert verdict.seen.startswith("1 of 2 requests since then were lost: 1 times")
    assert f"{OLD}-b: It came too late." in verdict.seen
    assert judged(spanning(request(1, 5), request(2, 5.1, "reset")), most=1).passed


def test_what_was_lost_before_or_to_pods_that_had_left_before_does_not_count() -> None:
    assert judged(spanning(request(1, 3.9, "reset"), request(2, 5))).passed
    late = request(1, 5, "reset")
    assert judged(spanning(late, pods=[f"{OLD}-a"])).passed
    assert not judged(spanning(late, pods=[f"{OLD}-a", f"{OLD}-b"])).passed
    assert not judged(spanning(late)).passed


def test_what_was_not_measured_is_no_pass() -> None:
    unknown = [request(n, 5, "not measured") for n in range(3)]
    verdict = judged(spanning(*unknown, request(9, 5)))
    assert "3 of 4 requests could not be measured" in verdict.seen
    few = judged(spanning(unknown[0], *(request(n, 5) for n in range(30))))
    assert few.passed
    assert "1 not measured" in few.seen


@pytest.mark.parametrize(
    ("load", "seen"),
    [
        (None, "No load was running."),
        (Sent(report(1, 8), running=True), "The load still runs."),
        (Sent(report(5, 8)), "Since the load began, there has not been `kubectl drain`."),
        (Sent(report(1, 5)), "The load ended before the change was over."),
    ],
)
def test_a_load_that_does_not_span_the_change_is_told(load: Sent | None, seen: str) -> None:
    verdict = judged(load)
    assert (verdict.passed, verdict.seen) == (False, seen)


def test_what_was_not_done_yet_and_what_goes_on_are_told() -> None:
    states: list[State] = list(DONE.told)
    not_yet = judged(spanning(), Tape(states))
    assert not_yet.seen == "There has not been `kubectl drain` yet."
    goes_on = judged(spanning(), replace(DONE, marks=DONE.marks[:1]))
    assert (goes_on.passed, goes_on.settled) == (False, False)
