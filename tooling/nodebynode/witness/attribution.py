"""Why a request was lost: what the recording says of the Pods that it may have gone to.

A refused connection does not say who refused it. But the EndpointSlices say to which Pods it could
have gone, and of these only some could not answer: those that were stopping, those that had never
answered yet, those whose node had fallen silent. Where several are left, they are all named. Where
none is left, the cause is unknown, and what was there is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from nodebynode.witness.answers import Answers
from nodebynode.witness.history import History
from nodebynode.witness.suspicion import (
    RULES,
    Case,
    Cause,
    Suspect,
    on_kept,
    span_words,
    suspicion,
)
from nodebynode.witness.traffic import Request, Traffic


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost request, and why.

    Attributes:
        request: What was lost.
        cause: Why, or `UNKNOWN`.
        pods: The Pod that it went to; several where it is one of them; none where no Pod has to
            do with it.
        said: The evidence, in a sentence or two.
    """

    request: Request
    cause: Cause
    pods: tuple[str, ...]
    said: str


def losses_of(traffic: Traffic, history: History) -> tuple[Loss, ...]:
    """Find the cause of each lost request.

    Args:
        traffic: What became of a load's requests.
        history: The Service that it went to, recorded meanwhile on the same machine.
    """
    answers = Answers(traffic)
    return tuple(_loss(Case(request, history, answers)) for request in traffic.of("lost"))


def _loss(case: Case) -> Loss:
    request = case.request
    if request.outcome.isdigit():
        pods = (request.pod,) if request.pod else ()
        return Loss(request, Cause.ANSWERED, pods, f"The answer was {request.outcome}.")
    if request.kept:
        life = case.history.named(case.answers.on_connection(request.connection))
        suspects = [on_kept(case, life)] if life else []
    elif said := _nobody(case):
        return Loss(request, Cause.NOBODY, (), said)
    else:
        suspects = [suspicion(case, life) for life in case.history.lives.values()]
    found = [one for one in suspects if one is not None]
    return _verdict(request, found) if found else _unknown(case)


def _nobody(case: Case) -> str:
    """That no endpoint could have been chosen, in words; empty when one could."""
    at = case.request.at
    for span in case.history.nobody:
        if span.since <= at and (span.until is None or at < span.until):
            return f"There had been no ready endpoint for {span_words(at - span.since)}."
        if span.until and span.until <= at < span.until + RULES:
            new = [one for one in case.history.routed(at) if not one.leaving]
            if not any(case.answers.answered(one.name, span.until, at) for one in new):
                came = span_words(at - span.until)
                return f"The first ready endpoint had come {came} before; the nodes follow later."
    return ""


def _verdict(request: Request, suspects: Sequence[Suspect]) -> Loss:
    """The cause that most suspects have: each of them had the same chance to be chosen."""
    by_cause = defaultdict[Cause, list[Suspect]](list)
    for one in suspects:
        by_cause[one.cause].append(one)
    order = list(Cause)
    cause = min(by_cause, key=lambda one: (-len(by_cause[one]), order.index(one)))
    chosen = by_cause[cause]
    pods = tuple(one.pod for one in chosen)
    said = chosen[-1].said
    if len(pods) > 1:
        said = f"One of {', '.join(pods[:-1])} and {pods[-1]}. Of {pods[-1]}: {said}"
    if others := [f"{one} ({by_cause[one][0].pod})" for one in by_cause if one is not cause]:
        said += f" Or it was: {'; '.join(others)}."
    return Loss(request, cause, pods, said)


def _unknown(case: Case) -> Loss:
    """What was there, where no cause is found."""
    request = case.request
    if request.kept:
        pod = case.answers.on_connection(request.connection) or "an unknown Pod"
        said = f"Its kept connection led to {pod}, which neither left nor restarted."
        return Loss(request, Cause.UNKNOWN, (), said)
    ready = sorted(one.name for one in case.history.routed(request.at))
    names = ", ".join(ready[:5]) + (", …" if len(ready) > 5 else "")
    said = f"Ready were {names or 'no endpoints'}: none was leaving, new, or on a silent node."
    return Loss(request, Cause.UNKNOWN, (), said)
