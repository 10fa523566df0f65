"""What lab 05, node-maintenance, asks before its acts."""

from __future__ import annotations

from datetime import datetime, timedelta

from nodebynode.course.answers import Answer, Choice, Number
from nodebynode.course.failing import FROZEN
from nodebynode.course.labs.draining import Closes, Closing, Departure, is_closed
from nodebynode.course.labs.readings import departures, first, quiet_until
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.model import App, drain
from nodebynode.recording.rules import Story, mark, ready

PAIR, CACHE, GUARDED = Closes("pair", 2), Closes("cache"), Closes("guarded", 2)
SINGLE, SHOP = Closes("single"), Closes("shop", 2)
FREEZE = mark("lab.freeze")
_DELETE = mark("kubectl delete pod -l app=guarded")
_MISSED = timedelta(seconds=1)
"""For so long a Pod is watched after its node was missed."""

_MOVES = "it moves to another node, with its name"
_AGAIN = "another one comes, with its name and another address"
_RENEWED = "another one comes, with another name and address"
_AS_IT_WAS, _CORDONED = "as it was", "cordoned"
_AT_ONCE = "it evicts the Pod at once"
_WAITS = "it waits for a second Pod, then evicts the first"
_GIVES_UP = "it tries again, and gives up in the end"
_REPLACED = "another one runs on another node"
_STILL = "it is still there, and no other one was made"
_GONE = "it is gone, and no other one was made"


# ── round 1 ──────────────────────────────────────────────────────────────────────────────────


def _became(story: Story) -> Reality | None:
    """Who came for the first Pod that left: by its name."""
    closing = PAIR.latest(story)
    left = closing.departures(story) if closing else []
    if closing is None or not left:
        return None
    known = {pod.uid for pod in story.pods(story.looks[story.at(left[0].at) - 1], "pair")}
    for look in story.looks[story.at(left[0].at) :]:
        for pod in story.pods(look, "pair"):
            if pod.uid not in known and pod.node:
                return Reality(_AGAIN if pod.name == left[0].pod.name else _RENEWED, look.at)
    return None


def _fewest(story: Story) -> Reality | None:
    closing = PAIR.latest(story)
    over = closing.over(story) if closing else None
    if closing is None or over is None:
        return None
    looks = [look for look in closing.looks(story) if look.at <= over]
    return Reality(*min((ready("pair").at(story, look).number, look.at) for look in looks))


def _fewest_by_rules(story: Story) -> Answer | None:
    closing = PAIR.latest(story)
    if closing is None:
        return None
    app = App("pair", here=len(closing.pods), startup=3)
    return drain([app]).fewest_ready["pair"]


def _at_its_end(story: Story) -> Reality | None:
    closing = PAIR.latest(story)
    empty = closing.emptied(story) if closing else None
    if empty is None:
        return None
    return Reality(ready("pair").at(story, story.looks[story.at(empty)]).number, empty)


# ── round 2 ──────────────────────────────────────────────────────────────────────────────────


def _first_closing(story: Story) -> Closing | None:
    """The drain that was refused; later ones may follow."""
    began = first(story, CACHE)
    return next((one for one in CACHE.all(story) if one.at == began), None)


def _evicted_until_next_act(story: Story, closing: Closing | None) -> list[Departure] | None:
    until = quiet_until(story, closing.at) if closing else None
    if closing is None or until is None:
        return None
    return [one for one in closing.departures(story) if one.at <= until]


def _evicted_at_first(story: Story) -> Reality | None:
    closing = _first_closing(story)
    left = _evicted_until_next_act(story, closing)
    if closing is None or left is None:
        return None
    return Reality(len(left), left[0].at if left else closing.at)


def _left_behind(story: Story) -> Reality | None:
    closing = _first_closing(story)
    until = quiet_until(story, closing.at) if closing else None
    if closing is None or until is None:
        return None
    is_cordoned = is_closed(story.looks[story.at(until)], closing.node)
    return Reality(_CORDONED if is_cordoned else _AS_IT_WAS, closing.at)


# ── rounds 3 and 4 ───────────────────────────────────────────────────────────────────────────


def _deleted(story: Story) -> Reality | None:
    left, began = departures(story, "guarded", _DELETE), first(story, _DELETE)
    if left is None or began is None:
        return None
    return Reality(len(left), left[0] if left else began)


def _single(story: Story) -> Reality | None:
    """What the drain came to before anything else was done."""
    closing = next(iter(SINGLE.all(story)), None)
    left = _evicted_until_next_act(story, closing)
    if closing is None or left is None:
        return None
    if not left:
        return Reality(_GIVES_UP, closing.at)
    before = story.looks[story.at(left[0].at) - 1]
    waited = ready("single").at(story, before).number > 1
    return Reality(_WAITS if waited else _AT_ONCE, left[0].at)


# ── round 7 ──────────────────────────────────────────────────────────────────────────────────


def _frozen_under(story: Story, deployment: str) -> datetime | None:
    """When a worker with a Pod of a Deployment was frozen last; an experiment may freeze others."""
    for one in reversed(story.marks):
        found = FROZEN.fullmatch(one.text) if one.kind == "action" else None
        pods = story.pods(story.looks[story.at(one.at)], deployment)
        if found and any(pod.active and pod.node == found[1] for pod in pods):
            return one.at
    return None


def _after_death(story: Story) -> Reality | None:
    """What became of the Pod of patient, once its node had been missed for a moment."""
    frozen = _frozen_under(story, "patient")
    if frozen is None:
        return None
    there = story.pods(story.looks[story.at(frozen)], "patient")
    known = {pod.uid for pod in there}
    missed: datetime | None = None
    for index in range(story.at(frozen), len(story.looks)):
        look = story.looks[index]
        pods = story.pods(look, "patient")
        if any(pod.uid not in known and pod.node for pod in pods):
            return Reality(_REPLACED, look.at)
        nodes = {pod.node for pod in there}
        if any(node.ready == "Unknown" for node in look.state.nodes if node.name in nodes):
            missed = missed or look.at
        if missed and story.until(index) - missed >= _MISSED:
            return Reality(_STILL if pods else _GONE, look.at)
    return None


_PODS = Number("Pod", "Pods")
PREDICTIONS = (
    Question(
        "evicted",
        "What becomes of a Pod that is evicted?",
        Choice((_MOVES, _AGAIN, _RENEWED)),
        act=PAIR,
        do="drain the worker in round 1",
        reality=_became,
        belief=by_answer({_MOVES: "evicted-moves", _AGAIN: "evicted-moves"}),
    ),
    Question(
        "both",
        "Both Pods are on the worker. How few are ready at the least, while it is drained?",
        _PODS,
        act=PAIR,
        do="drain the worker in round 1",
        reality=_fewest,
        model=_fewest_by_rules,
        belief=by_answer({1: "drain-is-one-by-one"}),
    ),
    Question(
        "returns",
        "How many are ready when the drain is over?",
        _PODS,
        act=PAIR,
        do="drain the worker in round 1",
        reality=_at_its_end,
        belief=lambda answer: "drain-waits-for-replacements" if answer else None,
    ),
    Question(
        "refused",
        "A drain without a flag: how many Pods of cache are evicted?",
        _PODS,
        act=CACHE,
        do="run the drain without flags in round 2",
        reality=_evicted_at_first,
    ),
    Question(
        "after",
        "How does a drain that was refused leave the node?",
        Choice((_AS_IT_WAS, _CORDONED)),
        act=CACHE,
        do="run the drain without flags in round 2",
        reality=_left_behind,
        belief=by_answer({_AS_IT_WAS: "failed-drain-leaves-no-trace"}),
    ),
    Question(
        "delete",
        "By the budget none may be missing. Of two Pods, how many does `kubectl delete` delete?",
        _PODS,
        act=_DELETE,
        do="run the cell that deletes the Pods of guarded",
        reality=_deleted,
        belief=lambda answer: "budget-protects-from-all" if answer != 2 else None,
    ),
    Question(
        "single",
        "One Pod, and a budget that wants one: what does a drain with `--force` do?",
        Choice((_AT_ONCE, _WAITS, _GIVES_UP)),
        act=SINGLE,
        do="drain the worker of single in round 4",
        reality=_single,
        belief=by_answer({_WAITS: "budget-saves-one-replica", _AT_ONCE: "force-overrides-budget"}),
    ),
    Question(
        "dead",
        "A worker is frozen. What has become of the Pod of patient when the cluster misses the "
        "worker?",
        Choice((_REPLACED, _STILL, _GONE)),
        act=FREEZE,
        do="freeze the worker in round 7",
        reality=_after_death,
        check="two-seconds",
        belief=by_answer({_REPLACED: "dead-node-reschedules-at-once"}),
    ),
)
