"""What lab 03 asks before its acts: where Pods land, and that nothing moves later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from nodebynode.course.answers import Choice, Number
from nodebynode.course.labs.readings import departures, first, quiet_until
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.recording.rules import Moment, Story, created, mark
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

FENCE = "team"
_PODS = Number("Pod", "Pods")
_ALL, _SOME, _NONE = "all three", "some of them", "none of them"
_THROUGH = "all three become version 2"
_STUCK = "it stops, with three old Pods and one new one that waits"
_OUTAGE = "it stops the three old Pods first"
_WAITS, _ELSEWHERE = "it waits for a node", "it runs on another worker"

_CORDON, _UNCORDON = mark("kubectl cordon"), mark("kubectl uncordon")
_RESTART = mark("kubectl rollout restart")
_FOURTH = mark("kubectl scale deployment apart --replicas=4")
_RELEASE = mark("kubectl set image deployment/apart")
_DRAIN, _UNLABEL = mark("kubectl drain"), mark(f"{FENCE}-")


def _looks_after(story: Story, moment: Moment) -> list[Look]:
    began = first(story, moment)
    return [] if began is None else story.looks[story.at(began) :]


def _placed(story: Story, look: Look, deployment: str) -> list[Pod]:
    """A Deployment's Pods that have a node, without those that leave."""
    return [pod for pod in story.pods(look, deployment) if pod.active and pod.node]


def _placed_when_one_waits(deployment: str, act: Moment) -> Callable[[Story], Reality | None]:
    """How many Pods have a node, once four are there and the scheduler has spoken of each."""

    def read(story: Story) -> Reality | None:
        for look in _looks_after(story, act):
            there = [pod for pod in story.pods(look, deployment) if pod.active]
            if len(there) == 4 and all(pod.node or pod.unscheduled for pod in there):
                return Reality(sum(pod.node is not None for pod in there), look.at)
        return None

    return read


def _left_at(deployment: str, act: Moment) -> Callable[[Story], Reality | None]:
    """How many Pods began to leave between an act and what was done next."""

    def read(story: Story) -> Reality | None:
        left, began = departures(story, deployment, act), first(story, act)
        if left is None or began is None:
            return None
        return Reality(len(left), left[0] if left else began)

    return read


def _newcomers(story: Story, deployment: str, began: datetime) -> Iterator[tuple[Look, list[Pod]]]:
    """Yield each look from an instant on, and the Pods that have come since, none that leaves."""
    looks = story.looks[story.at(began) :]
    known = {pod.uid for pod in story.pods(looks[0], deployment)}
    for look in looks:
        there = story.pods(look, deployment)
        yield look, [pod for pod in there if pod.uid not in known and pod.active]


def _found_a_node(story: Story) -> Reality | None:
    """How many Pods had come and been bound when the first restart after the cordon was over."""
    closed = first(story, _CORDON)
    began = next((at for at in _RESTART.instants(story) if closed and at > closed), None)
    if began is None:
        return None
    for look, new in _newcomers(story, "shop", began):
        if len(new) == 3 and all(pod.node or pod.unscheduled for pod in new):
            return Reality(sum(pod.node is not None for pod in new), look.at)
    return None


def _moved_back(story: Story) -> Reality | None:
    """How many Pods of shop got a node between the uncordon and what was done next."""
    began = first(story, _UNCORDON)
    until = quiet_until(story, began, same="kubectl uncordon")
    if began is None or until is None:
        return None
    before = {pod.uid for pod in _placed(story, story.looks[story.at(began)], "shop")}
    came = [
        (look.at, pod.uid)
        for look in _looks_after(story, _UNCORDON)
        if look.at <= until
        for pod in _placed(story, look, "shop")
        if pod.uid not in before
    ]
    return Reality(len({uid for _, uid in came}), came[0][0] if came else began)


def _behind_the_fence(story: Story) -> Reality | None:
    for look in story.looks:
        placed = _placed(story, look, "data")
        if len(placed) == 3:
            fenced = {
                node.name
                for node in look.state.nodes
                if any(taint.key == FENCE for taint in node.taints)
            }
            inside = sum(pod.node in fenced for pod in placed)
            return Reality({3: _ALL, 0: _NONE}.get(inside, _SOME), look.at)
    return None


def _became_of_release(story: Story) -> Reality | None:
    """What the release came to before anything else was done."""
    began = first(story, _RELEASE)
    for look in _looks_after(story, _RELEASE):
        there = [pod for pod in story.pods(look, "apart") if pod.active]
        new = [pod for pod in there if pod.version == "v2"]
        if len(new) == len(there) == 3 and all(pod.ready for pod in new):
            return Reality(_THROUGH, look.at)
        if there == new or not there:
            return Reality(_OUTAGE, look.at) if began and look.at > began else None
        if len(there) == 4 and any(pod.unscheduled and not pod.node for pod in new):
            return Reality(_STUCK, look.at)
    return None


def _after_the_drain(story: Story) -> Reality | None:
    began = first(story, _DRAIN)
    if began is None:
        return None
    newcomers = _newcomers(story, "even", began)
    return next(filter(None, (_decided(new, look.at) for look, new in newcomers)), None)


def _decided(new: list[Pod], at: datetime) -> Reality | None:
    if any(pod.node for pod in new):
        return Reality(_ELSEWHERE, at)
    return Reality(_WAITS, at) if any(pod.unscheduled for pod in new) else None


PREDICTIONS = (
    Question(
        "heavy",
        "Three idle workers, four Pods that request six tenths of one each: how many get a node?",
        _PODS,
        act=created("heavy"),
        do="run the cell that applies heavy",
        reality=_placed_when_one_waits("heavy", created("heavy")),
    ),
    Question(
        "cordon",
        "Two workers are cordoned. How many Pods of shop are ended by it?",
        _PODS,
        act=_CORDON,
        do="run the cell with `kubectl cordon`",
        reality=_left_at("shop", _CORDON),
        belief=lambda answer: "cordon-stops-pods" if answer else None,
    ),
    Question(
        "one-node",
        "One worker is open. How many of the three new Pods of shop get a node?",
        _PODS,
        act=_RESTART,
        do="restart the rollout of shop in round 3, with `kubectl rollout restart`",
        reality=_found_a_node,
        check="three-on-one",
        command="kubectl rollout restart",
        belief=by_answer({1: "one-pod-per-node", 0: "one-pod-per-node"}),
    ),
    Question(
        "uncordon",
        "The two workers are opened again. How many Pods of shop go there by themselves?",
        _PODS,
        act=_UNCORDON,
        do="run the cell with `kubectl uncordon`",
        reality=_moved_back,
        belief=lambda answer: "uncordon-rebalances" if answer else None,
    ),
    Question(
        "toleration",
        "Three Pods tolerate the taint of one worker. How many of them land on it?",
        Choice((_ALL, _SOME, _NONE)),
        act=created("data"),
        do="run the cell that applies data",
        reality=_behind_the_fence,
        belief=by_answer({_ALL: "toleration-attracts"}),
    ),
    Question(
        "relabel",
        "The worker loses the label that the Pods of data select. How many of them leave it?",
        _PODS,
        act=_UNLABEL,
        do="run the cell that takes the label away",
        reality=_left_at("data", _UNLABEL),
        belief=lambda answer: "label-change-moves-pods" if answer else None,
    ),
    Question(
        "fourth",
        "Anti-affinity, three workers, and now four replicas: how many Pods get a node?",
        _PODS,
        act=_FOURTH,
        do="run the cell that scales apart",
        reality=_placed_when_one_waits("apart", _FOURTH),
    ),
    Question(
        "release",
        "apart gets version 2. What becomes of the rollout?",
        Choice((_THROUGH, _STUCK, _OUTAGE)),
        act=_RELEASE,
        do="run the cell that sets the image of apart",
        reality=_became_of_release,
        belief=by_answer({_THROUGH: "anti-affinity-is-safer"}),
    ),
    Question(
        "drained",
        "One worker is drained. What becomes of the third Pod of even?",
        Choice((_WAITS, _ELSEWHERE)),
        act=_DRAIN,
        do="run the cell that drains a worker",
        reality=_after_the_drain,
        belief=by_answer({_ELSEWHERE: "hard-spread-survives-a-drain"}),
    ),
)
