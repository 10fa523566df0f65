"""What lab 09, the-duel, asks before its acts."""

from __future__ import annotations

from datetime import datetime, timedelta

from nodebynode.course.answers import Choice, Number
from nodebynode.course.duel import begins, ends, lost_on
from nodebynode.course.labs.pins import blocked, has_no_room, is_stranded
from nodebynode.course.labs.readings import Found, latest
from nodebynode.course.labs.serving import crossed_out
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.recording.rules import Story, cordoned, endpoints, mark, uncordoned
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

STRENGTH = 9
PINNED, SPREAD = "pinned", "spread"
_STAYS, _BACK = "it stays as I wrote it", "soon it is as it was"
_ELSEWHERE, _WAIT, _STAY = (
    "their new Pods come up on other nodes",
    "their new Pods wait without a node",
    "they stay on the node",
)
_NEITHER = "neither"
_NOT_AT_ALL, _BRIEF, _LONG = "not at all", "for a second or two", "for more than five seconds"
_BOTH, _ONE, _NONE = "both of them", "only spread", "neither of them"
_SLOWER, _FOR_EVER, _AT_ONCE = (
    "it takes two, and the third when new ones are ready",
    "it takes two, and waits for ever with the third",
    "it takes all three",
)
_THROUGH, _NO_ROOM, _FIRST_STOP = (
    "the new Pods come up, and the old ones go",
    "the new Pods wait for room, and the old ones stay",
    "the old Pods go first, to make room",
)
FROZEN = mark("lab.freeze(")


def placed(look: Look, app: str) -> list[Pod]:
    """A plan's Pods, those that leave left out."""
    return [pod for pod in look.state.pods if pod.labels.get("app") == app and pod.active]


def dead(look: Look) -> set[str]:
    """The nodes that have not been heard of."""
    return {node.name for node in look.state.nodes if node.ready != "True"}


def day_of(story: Story, day: str) -> tuple[list[Look], datetime] | None:
    """What was there on a day, the last time that it was, and its end; None while it has none."""
    began = latest(story, begins(day))
    ended = latest(story, ends(day))
    if began is None or ended is None or ended < began:
        return None
    return story.looks[story.at(began) : story.at(ended) + 1], ended


def _fewest(story: Story, day: str, plan: str) -> Reality | None:
    found = day_of(story, day)
    if found is None:
        return None
    count = endpoints(plan)
    counted = [(count.at(story, look).number, look.at) for look in found[0]]
    least = min(number for number, _ in counted)
    if counted[0][0] == least:
        return Reality(least, found[1])  # it never fell, which is known at the end only
    return Reality(least, next(at for number, at in counted if number == least))


def _first_cut(story: Story) -> datetime | None:
    return next((cut.at for cut in crossed_out(story, PINNED)), None)


def _after_the_cut(story: Story) -> Reality | None:
    cut = next(crossed_out(story, PINNED), None)
    if cut is None:
        return None
    if cut.back is not None:
        return Reality(_BACK, cut.back)
    return Reality(_STAYS, cut.at) if story.ended - cut.at > timedelta(seconds=15) else None


def _evicted(story: Story) -> Reality | None:
    """What became of the first node's Pods, while it was closed."""
    day = latest(story, begins("Tuesday"))
    closed = next((at for at in cordoned().instants(story) if day and at > day), None)
    if closed is None:
        return None
    first = story.at(closed)
    names = {node.name for node in story.looks[first].state.nodes if node.cordoned}
    known = {pod.uid for pod in placed(story.looks[first], PINNED)}
    for look in story.looks[first:]:
        if not names & {node.name for node in look.state.nodes if node.cordoned}:
            return Reality(_STAY, look.at)
        for pod in placed(look, PINNED):
            if pod.uid not in known and pod.node:
                return Reality(_ELSEWHERE, look.at)
            if pod.uid not in known and is_stranded(pod):
                return Reality(_WAIT, look.at)
    return None


def _lost_more(story: Story) -> Reality | None:
    found = lost_on(story, "Tuesday")
    if found is None:
        return None
    lost, at = found
    most = max(lost.values())
    losers = [plan for plan, number in lost.items() if number == most]
    return Reality(losers[0] if len(losers) == 1 else _NEITHER, at)


def _moved_back(story: Story) -> Reality | None:
    """How many of spread's Pods are on the node that was opened last, when the day has ended."""
    found = day_of(story, "Tuesday")
    if found is None:
        return None
    looks, ended = found
    opened = [at for at in uncordoned().instants(story) if looks[0].at < at <= ended]
    if not opened:
        return None
    index = story.at(opened[-1])
    before, now = (
        {node.name for node in story.looks[place].state.nodes if node.cordoned}
        for place in (index - 1, index)
    )
    here = before - now
    return Reality(sum(pod.node in here for pod in placed(looks[-1], SPREAD)), ended)


def _died(story: Story) -> int | None:
    """The index of the look in which the node of Wednesday died."""
    day = latest(story, begins("Wednesday"))
    frozen = next((at for at in FROZEN.instants(story) if day and at >= day), None)
    return None if frozen is None else story.at(frozen)


def _still_sent(story: Story) -> Reality | None:
    """For how long the dead node's Pods stayed in the lists."""
    first = _died(story)
    if first is None:
        return None
    began = next(at for at in FROZEN.instants(story) if story.at(at) == first)
    count = endpoints(PINNED)
    full = count.at(story, story.looks[first]).number
    for look in story.looks[first:]:
        if count.at(story, look).number < full:
            took = (look.at - began).total_seconds()
            said = _NOT_AT_ALL if took < 0.5 else _BRIEF if took < 5 else _LONG
            return Reality(said, look.at)
    return None


def _whole_again(story: Story) -> Reality | None:
    """Who had all endpoints again while the node was dead, when the first one had."""
    first = _died(story)
    fallen, noticed = set[str](), False
    for look in story.looks[first:] if first is not None else ():
        noticed = noticed or bool(dead(look))  # a node may be heard after its Pods
        counts = {plan: endpoints(plan).at(story, look).number for plan in (PINNED, SPREAD)}
        fallen |= {plan for plan, number in counts.items() if number < STRENGTH}
        whole = {plan for plan in fallen if counts[plan] >= STRENGTH}
        if noticed and not dead(look):
            return Reality(_NONE, look.at)
        if SPREAD in whole:
            return Reality(_BOTH if PINNED in whole else _ONE, look.at)
    return None


def _drained_under_budget(story: Story) -> Reality | None:
    if (found := blocked(story)) is not None:
        return Reality(_FOR_EVER, found.at)
    budget = next(
        (look for look in story.looks if any(b.name == PINNED for b in look.state.budgets)), None
    )
    closed = next((at for at in cordoned().instants(story) if budget and at > budget.at), None)
    opened = next((at for at in uncordoned().instants(story) if closed and at > closed), None)
    return Reality(_AT_ONCE, opened) if opened else None


_SECOND = mark("set image deployment/pinned-w1 shop=localhost/shop:v1")


def _on_a_full_node(story: Story) -> Reality | None:
    """What the new Pods came to first, while nothing else was done."""
    began = latest(story, _SECOND)
    for look in story.looks[story.at(began) :] if began else ():
        pods = [pod for pod in placed(look, PINNED) if pod.labels.get("pin") == "w1"]
        new = [pod for pod in pods if pod.version == "v1"]
        if any(map(has_no_room, new)):
            return Reality(_NO_ROOM, look.at)
        if len(new) == len(pods):
            return Reality(_THROUGH if all(pod.ready for pod in new) else _FIRST_STOP, look.at)
    return None


_ENDPOINTS, _PODS = Number("endpoint", "endpoints"), Number("Pod", "Pods")
PREDICTIONS = (
    Question(
        "cut",
        "You cut an endpoint out of the list by hand. What becomes of the list?",
        Choice((_STAYS, _BACK)),
        act=Found("the list without one of its endpoints", "endpointslices", _first_cut),
        do="run the cell with `kubectl patch` in round 2",
        reality=_after_the_cut,
        belief=by_answer({_STAYS: "pull-from-endpoints"}),
    ),
    Question(
        "by-hand",
        "Upgraded by hand, node by node: how few of pinned's 9 endpoints are ready at the least?",
        _ENDPOINTS,
        act=begins("Monday"),
        do="upgrade both plans in round 2, and end Monday",
        reality=lambda story: _fewest(story, "Monday", PINNED),
    ),
    Question(
        "by-rollout",
        "In one rollout: how few of spread's 9 endpoints are ready at the least?",
        _ENDPOINTS,
        act=begins("Monday"),
        do="upgrade both plans in round 2, and end Monday",
        reality=lambda story: _fewest(story, "Monday", SPREAD),
    ),
    Question(
        "evicted",
        "A node is drained. What becomes of the pinned Pods on it?",
        Choice((_ELSEWHERE, _WAIT, _STAY)),
        act=begins("Tuesday"),
        do="drain a node in round 3",
        reality=_evicted,
        belief=by_answer({_ELSEWHERE: "pinned-heals"}),
    ),
    Question(
        "drained",
        "All nodes are drained, one by one. Which plan loses more requests?",
        Choice((PINNED, SPREAD, _NEITHER)),
        act=begins("Tuesday"),
        do="drain the nodes in round 3, and end Tuesday",
        reality=_lost_more,
    ),
    Question(
        "moved-back",
        "All nodes are open again. How many of spread's 9 Pods are on the one drained last?",
        _PODS,
        act=begins("Tuesday"),
        do="drain the nodes in round 3, and end Tuesday",
        reality=_moved_back,
        belief=by_answer({number: "uncordon-rebalances" for number in range(2, 6)}),
    ),
    Question(
        "still-sent",
        "A node dies. For how long do the Services go on sending requests to its Pods?",
        Choice((_NOT_AT_ALL, _BRIEF, _LONG)),
        act=begins("Wednesday"),
        do="freeze the node in round 4",
        reality=_still_sent,
    ),
    Question(
        "whole-again",
        "It stays dead, and nobody does anything. Which plan comes back to 9 ready endpoints?",
        Choice((_BOTH, _ONE, _NONE)),
        act=begins("Wednesday"),
        do="freeze the node in round 4, and wait for spread",
        reality=_whole_again,
        belief=by_answer({_BOTH: "pinned-heals"}),
    ),
    Question(
        "bad",
        "An image that does not exist: how few of spread's 9 endpoints are ready at the least?",
        _ENDPOINTS,
        act=begins("Thursday"),
        do="take the bad release back in round 5, and end Thursday",
        reality=lambda story: _fewest(story, "Thursday", SPREAD),
        belief=by_answer(dict.fromkeys(range(7), "broken-image-is-down")),
    ),
    Question(
        "hooked",
        "With the hook, still pinned, a node is drained: how few endpoints are ready at the least?",
        _ENDPOINTS,
        act=begins("hook"),
        do="run the drain in round 6",
        reality=lambda story: _fewest(story, "hook", PINNED),
    ),
    Question(
        "budget",
        "At most 2 of the 9 may be missing, says a budget. A drain finds 3 on its node. And then?",
        Choice((_SLOWER, _FOR_EVER, _AT_ONCE)),
        act=mark("poddisruptionbudget pinned"),
        do="run the drain with a budget in round 7",
        reality=_drained_under_budget,
        belief=by_answer({_SLOWER: "budget-helps-pinned"}),
    ),
    Question(
        "full",
        "Three Pods of pinned-w1 fill their node. What becomes of a release?",
        Choice((_THROUGH, _NO_ROOM, _FIRST_STOP)),
        act=_SECOND,
        do="run the cell with `kubectl set resources` in round 7",
        reality=_on_a_full_node,
        belief=by_answer({_THROUGH: "surge-needs-no-room"}),
    ),
)
