"""What lab 04, who-gets-traffic, asks before its acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from nodebynode.course.answers import Choice, Number
from nodebynode.course.labs.owning import released
from nodebynode.course.labs.readings import Found, deployment_of, first, quiet_until
from nodebynode.course.labs.serving import (
    crossed_out,
    lines,
    pod_at,
    put_out,
    ready_pods,
    service_of,
    stopping,
)
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.recording.rules import Story, cordoned, endpoints
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

SHOP, GUEST = "shop", "guest"
_LB = "LoadBalancer"
_ABSENT, _UNREADY, _LISTED = "not in it", "in it, as not ready", "in it, as ready"
_PENDING, _GIVEN, _NODE = (
    "<pending>, until somebody gives it one",
    "one that it gets in a second or two",
    "the address of a node",
)
_FOR_GOOD, _A_SECOND, _NEVER = (
    "until somebody puts it back",
    "for about a second",
    "not at all, it cannot be removed",
)
_VANISHED, _NOT_READY, _AS_BEFORE = (
    "nothing, it has left the list",
    "that it is not ready",
    "that it is ready, until it is gone",
)
_IN, _OUT = "in it", "out of it"
_PATIENCE = timedelta(seconds=2)
"""What would come by itself has come by then: controllers take milliseconds."""
_LONG = timedelta(seconds=10)
"""Who puts right a list that was edited by hand takes about a second."""


def _found(story: Story, is_so: Callable[[Look], bool]) -> datetime | None:
    return next((look.at for look in story.looks if is_so(look)), None)


def _since(story: Story, at: datetime | None) -> list[Look]:
    return [] if at is None else story.looks[story.at(at) :]


def guest_of(look: Look) -> Pod | None:
    """The Pod `guest` as it was at an instant, if it was there."""
    return next((pod for pod in look.state.pods if pod.name == GUEST), None)


def _guest_comes(story: Story) -> datetime | None:
    return _found(story, lambda look: guest_of(look) is not None)


def asked_for_address(story: Story) -> datetime | None:
    """When the Service was first seen to be of type LoadBalancer."""
    return _found(
        story, lambda look: (one := service_of(look, SHOP)) is not None and one.type == _LB
    )


def _scaled_to_none(story: Story) -> datetime | None:
    wanted = False
    for look in story.looks:
        now = deployment_of(look, SHOP)
        if now is not None and wanted and not now.wanted:
            return look.at
        wanted = wanted or (now is not None and now.wanted > 0)
    return None


def _crossed_out(story: Story) -> datetime | None:
    return next((one.at for one in crossed_out(story, SHOP)), None)


def _let_go(story: Story) -> datetime | None:
    return next((one.at for one in released(story, SHOP)), None)


def _out_goes(story: Story) -> datetime | None:
    """When the first Pod that was out of rotation was told to stop, or was gone."""
    for one in put_out(story, SHOP, SHOP):
        for look in _since(story, one.at):
            pod = pod_at(look, one.pod.uid)
            if pod is None or not pod.active:
                return look.at
            if one.back is not None and look.at >= one.back:
                break
    return None


# ── rounds 1 and 2 ───────────────────────────────────────────────────────────────────────────


def _while_waiting(story: Story) -> Reality | None:
    for look in _since(story, _guest_comes(story)):
        guest = guest_of(look)
        line = lines(look, SHOP).get(guest.uid) if guest else None
        if guest and not guest.ready and line is not None:
            return Reality(_LISTED if line.ready else _UNREADY, look.at)
        if guest and guest.ready:
            return Reality(_ABSENT, look.at)
    return None


def _with_guest(story: Story) -> Reality | None:
    for look in _since(story, _guest_comes(story)):
        guest = guest_of(look)
        line = lines(look, SHOP).get(guest.uid) if guest else None
        if line is not None and line.ready:
            return Reality(_endpoints(story, look), look.at)
    return None


def _endpoints(story: Story, look: Look) -> int:
    return endpoints(SHOP).at(story, look).number


def _address(story: Story) -> Reality | None:
    began = asked_for_address(story)
    if began is None:
        return None
    given = next(
        (
            look.at
            for look in _since(story, began)
            if (one := service_of(look, SHOP)) and one.addresses
        ),
        None,
    )
    if (given or story.ended) - began >= _PATIENCE:
        return Reality(_PENDING, began)
    return None if given is None else Reality(_GIVEN, given)


# ── rounds 4 and 5 ───────────────────────────────────────────────────────────────────────────


def _left_at_cordon(story: Story) -> Reality | None:
    began = first(story, cordoned())
    end = quiet_until(story, began)
    if began is None or end is None:
        return None
    index = story.at(began)
    before = ready_pods(story.looks[max(0, index - 1)], SHOP)
    left: dict[str, datetime] = {}
    for look in story.looks[index:]:
        for uid in before - ready_pods(look, SHOP) if look.at <= end else ():
            left.setdefault(uid, look.at)
    return Reality(len(left), min(left.values(), default=began))


def _back_again(story: Story) -> Reality | None:
    one = next(crossed_out(story, SHOP), None)
    if one is None:
        return None
    if (one.back or story.ended) - one.at >= _LONG:
        return Reality(_FOR_GOOD, one.at)
    return None if one.back is None else Reality(_A_SECOND, one.back)


def _after_letting_go(story: Story) -> Reality | None:
    """How many endpoints were ready once the ReplicaSet had replaced the Pod."""
    one = next(iter(released(story, SHOP)), None)
    for look in _since(story, one.at if one else None):
        own = [pod for pod in story.pods(look, SHOP) if pod.active]
        now = lines(look, SHOP)
        new = [pod for pod in own if one and pod.uid not in one.beside and pod.uid in now]
        if any(now[pod.uid].ready for pod in new):
            return Reality(_endpoints(story, look), look.at)
    return None


def _while_stopping(story: Story) -> Reality | None:
    began = _scaled_to_none(story)
    for one in stopping(story, SHOP, SHOP):
        if began is not None and one.told >= began:
            line = one.line
            said = _VANISHED if line is None else _AS_BEFORE if line.ready else _NOT_READY
            return Reality(said, one.told)
    return None


# ── round 7 ──────────────────────────────────────────────────────────────────────────────────


def _replacement(story: Story) -> Reality | None:
    """Whether the Pod that came for one out of rotation was on the list."""
    began = _out_goes(story)
    if began is None:
        return None
    known = {pod.uid for look in story.looks[: story.at(began)] for pod in look.state.pods}
    ready: datetime | None = None
    for look in _since(story, began):
        new = [pod for pod in story.pods(look, SHOP) if pod.uid not in known and pod.ready]
        now = lines(look, SHOP)
        if any(pod.uid in now and now[pod.uid].ready for pod in new):
            return Reality(_IN, look.at)
        ready = ready or (look.at if new else None)
    if ready is None or story.ended - ready < _PATIENCE:
        return None
    return Reality(_OUT, ready)


_ENDPOINTS = Number("endpoint", "endpoints")
PREDICTIONS = (
    Question(
        "waiting",
        "guest runs and is not ready yet. Where is it in the list of endpoints?",
        Choice((_ABSENT, _UNREADY, _LISTED)),
        act=Found("guest coming", "pods", _guest_comes),
        do="run the cell that applies guest",
        reality=_while_waiting,
    ),
    Question(
        "guest",
        "guest is ready. How many ready endpoints does the Service have?",
        _ENDPOINTS,
        act=Found("guest coming", "pods", _guest_comes),
        do="run the cell that applies guest, to its end",
        reality=_with_guest,
        belief=by_answer({3: "service-knows-deployments"}),
    ),
    Question(
        "pending",
        "No cloud answers. What does a Service of type LoadBalancer show as its address?",
        Choice((_PENDING, _GIVEN, _NODE)),
        act=Found("a Service of type LoadBalancer", "services", asked_for_address),
        do="switch the load balancer off, make shop a LoadBalancer, and give it two seconds",
        reality=_address,
        check="asked-for",
        belief=by_answer({_GIVEN: "load-balancer-everywhere", _NODE: "load-balancer-everywhere"}),
    ),
    Question(
        "cordon",
        "The node of a Pod is cordoned. How many endpoints leave the list?",
        _ENDPOINTS,
        act=cordoned(),
        do="run the cell with `kubectl cordon` in round 4",
        reality=_left_at_cordon,
        belief=lambda answer: "cordon-stops-pods" if answer else None,
    ),
    Question(
        "edited",
        "An endpoint is removed from its EndpointSlice. For how long is the Pod out?",
        Choice((_FOR_GOOD, _A_SECOND, _NEVER)),
        act=Found("an endpoint removed by hand", "endpointslices", _crossed_out),
        do="run the cell that patches the EndpointSlice in round 4",
        reality=_back_again,
        belief=by_answer({_FOR_GOOD: "pull-from-endpoints"}),
    ),
    Question(
        "released",
        "A Pod of shop loses its label app. How many ready endpoints are there in the end?",
        _ENDPOINTS,
        act=Found("a Pod of shop let go", "pods", _let_go),
        do="take the label from a Pod in round 4, and wait for shop",
        reality=_after_letting_go,
        check="still-three",
        belief=by_answer({2: "label-is-a-name"}),
    ),
    Question(
        "leaving",
        "A Pod is stopping, and its process still runs. What does the list say of it?",
        Choice((_VANISHED, _NOT_READY, _AS_BEFORE)),
        act=Found("shop scaled to none", "deployments", _scaled_to_none),
        do="run the cell that scales to none in round 5",
        reality=_while_stopping,
        belief=by_answer({_VANISHED: "endpoint-vanishes-on-delete"}),
    ),
    Question(
        "replaced",
        "A Pod out of rotation is deleted. Where is the one that replaces it?",
        Choice((_IN, _OUT)),
        act=Found("a Pod leaving that was out of rotation", "pods", _out_goes),
        do="run the cell that deletes the Pod that is out, in round 7",
        reality=_replacement,
    ),
)
