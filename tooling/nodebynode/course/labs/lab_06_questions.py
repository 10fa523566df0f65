"""What lab 06, rolling-update, asks before its acts."""

from __future__ import annotations

from datetime import datetime, timedelta

from nodebynode.course.answers import Answer, APod, Choice, Number, Ordering
from nodebynode.course.labs.readings import (
    Found,
    Where,
    fewest_ready,
    first,
    latest,
    trade,
    went_first,
)
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.model import Plan, roll_out, victims
from nodebynode.recording.rules import (
    Moment,
    Story,
    leaves,
    ready,
    rollout_begins,
)
from nodebynode.recording.rules.story import Look
from nodebynode.state import Deployment, ReplicaSet

_SHOP = "shop"
GATE_SECONDS = 60
"""A new Pod that has to be ready for so long stops a rollout for as long as a learner looks."""
_BEGINS = rollout_begins(_SHOP)
FOUR = Where(_BEGINS, _SHOP, "with four replicas", lambda one: one.wanted == 4)
NO_SURGE = Where(_BEGINS, _SHOP, "with maxSurge 0", lambda one: _rolls(one) and not one.surge)
HELD = Where(
    _BEGINS,
    _SHOP,
    "with a long minReadySeconds",
    lambda one: one.min_ready >= GATE_SECONDS,
)
_EMPTIED = Where(
    leaves(_SHOP), _SHOP, "with the strategy Recreate", lambda one: one.strategy == "Recreate"
)

_PAIRS = ("3/1", "2/1", "2/2", "1/2", "1/3", "0/3")
_MADE, _STOPPED = "a new Pod is made", "an old Pod is stopped"
_NONE, _ONE, _ALL = (
    "nothing happens",
    "one new Pod comes, and no old one goes",
    "all of them are replaced",
)
_NEVER, _BRIEF, _LONG = "at no time", "for less than half a second", "for longer"
_STARTUP = 1.0


def _rolls(one: Deployment) -> bool:
    return one.strategy == "RollingUpdate"


# ── round 1 ──────────────────────────────────────────────────────────────────────────────────


def _first_step(story: Story) -> Reality | None:
    found = trade(story, first(story, _BEGINS), _SHOP)
    if found is None or len(found.rows) < 2:
        return None
    before, after = found.rows[:2]
    return Reality(_STOPPED if after.old < before.old else _MADE, after.at)


def _path(story: Story) -> Reality | None:
    found = trade(story, first(story, _BEGINS), _SHOP)
    if found is None or found.ended is None:
        return None
    return Reality(found.pairs, found.rows[-1].at)


def _off_the_path(story: Story, said: Answer) -> datetime | None:
    found = trade(story, first(story, _BEGINS), _SHOP)
    if found is None or not isinstance(said, tuple):
        return None
    pairs = zip(found.rows[1:], found.pairs, said, strict=False)
    return next((row.at for row, came, other in pairs if came != other), None)


def _path_by_rules(story: Story) -> Answer | None:
    plan = _plan(story, first(story, _BEGINS))
    if plan is None:
        return None
    return tuple(f"{old}/{new}" for old, new in roll_out(plan).path[1:])


# ── rounds 2 and 4 ───────────────────────────────────────────────────────────────────────────


def _fewest_by_rules(story: Story, begins: Moment) -> Answer | None:
    plan = _plan(story, latest(story, begins))
    return None if plan is None else roll_out(plan).least_available


def _plan(story: Story, began: datetime | None) -> Plan | None:
    """What the model needs of a rollout, from the Deployment as it was when it began."""
    found = trade(story, began, _SHOP)
    if found is None:
        return None
    one = found.deployment
    return Plan(one.wanted, one.surge, one.unavailable, startup=_STARTUP, min_ready=one.min_ready)


# ── round 3 ──────────────────────────────────────────────────────────────────────────────────


def held(story: Story) -> datetime | None:
    """When the last rollout that had to wait for long had its first new Pod ready."""
    found = trade(story, latest(story, HELD), _SHOP)
    for look in found.looks if found else ():
        old, new = _by_age(story, look)
        if old and new and new.ready:
            return look.at
    return None


def _by_age(story: Story, look: Look) -> tuple[ReplicaSet | None, ReplicaSet | None]:
    """The newest of the older ReplicaSets that want Pods, and the newest of all."""
    sets = sorted(story.sets(look, _SHOP), key=lambda rs: rs.revision)
    older = [rs for rs in sets[:-1] if rs.wanted]
    return older[-1] if older else None, sets[-1] if sets else None


def _next_left(story: Story) -> datetime | None:
    gone = _went_next(story)
    return None if gone is None else gone.at


def _at_the_gate(story: Story) -> Reality | None:
    since, found = held(story), trade(story, latest(story, HELD), _SHOP)
    if since is None or found is None:
        return None
    new = next(row.new for row in reversed(found.rows) if row.at <= since)
    return Reality({0: _NONE, found.deployment.wanted: _ALL}.get(new, _ONE), since)


def _went_next(story: Story) -> Reality | None:
    since = held(story)
    found = None if since is None else went_first(story, _SHOP, since)
    return Reality(found[0].name, found[1].at) if found else None


def _next_by_rules(story: Story) -> Answer | None:
    """Whom the old ReplicaSet would give up: just before it did, or now."""
    since = held(story)
    if since is None:
        return None
    found = went_first(story, _SHOP, since)
    look = story.looks[-1] if found is None else story.looks[story.at(found[1].at)]
    old, _ = _by_age(story, look)
    return None if old is None else victims(look.state, old, 1, look.at).going[0].pod.name


# ── rounds 5 and 6 ───────────────────────────────────────────────────────────────────────────


def _outage(story: Story) -> Reality | None:
    """For how long no Pod was ready, from when the old ones were told to go until one was."""
    began = latest(story, _EMPTIED)
    if began is None:
        return None
    count, none, total = ready(_SHOP), None, timedelta()
    for index in range(story.at(began), len(story.looks)):
        look = story.looks[index]
        if count.at(story, look).number:
            if total:
                break
            continue
        none = none or look.at
        total += story.until(index) - look.at
    else:
        return None  # it goes on
    brief = _BRIEF if total < timedelta(seconds=0.5) else _LONG
    return Reality(brief, none or began)


_ROLLED = Where(_BEGINS, _SHOP, "that is a rolling update", _rolls)


def _rolled_again(story: Story) -> datetime | None:
    """When the first rolling update after a Recreate began."""
    recreated = latest(story, _EMPTIED)
    if recreated is None:
        return None
    return next((at for at in _ROLLED.instants(story) if at > recreated), None)


def _most_pods(story: Story) -> Reality | None:
    """The most Pods of the last rollout, leaving ones too, once the last old one is gone."""
    again = _rolled_again(story)
    found = trade(story, latest(story, _ROLLED), _SHOP) if again else None
    if found is None or found.ended is None:
        return None
    counted = [
        (len([pod for pod in story.pods(look, _SHOP) if not pod.finished]), look.at)
        for look in story.looks[story.at(found.looks[0].at) :]
    ]
    if counted[-1][0] > found.deployment.wanted:
        return None  # old Pods are still there
    most = max(number for number, _ in counted)
    return Reality(most, next(at for number, at in counted if number == most))


_PODS = Number("Pod", "Pods")
PREDICTIONS = (
    Question(
        "first",
        "What does a rollout do first?",
        Choice((_MADE, _STOPPED)),
        act=_BEGINS,
        do="roll out version 2 in round 1",
        reality=_first_step,
        belief=by_answer({_STOPPED: "old-goes-first"}),
    ),
    Question(
        "path",
        "Through which sizes, old/new, does it come from 3/0 to 0/3?",
        Ordering(_PAIRS),
        act=_BEGINS,
        do="roll out version 2 in round 1",
        reality=_path,
        model=_path_by_rules,
        left=_off_the_path,
    ),
    Question(
        "four",
        "With 4 replicas and 25 %, how few are ready at the least?",
        _PODS,
        act=FOUR,
        do="scale to 4 and roll out in round 2",
        reality=lambda story: fewest_ready(story, latest(story, FOUR), _SHOP),
        check="rolled-four",
        model=lambda story: _fewest_by_rules(story, FOUR),
    ),
    Question(
        "gate",
        "With minReadySeconds 300, how far does a rollout go in the first seconds?",
        Choice((_NONE, _ONE, _ALL)),
        act=HELD,
        do="set minReadySeconds and roll out in round 3",
        reality=_at_the_gate,
        check="held-at-the-gate",
        belief=by_answer({_ALL: "running-is-enough"}),
    ),
    Question(
        "victim",
        "Which old Pod goes next?",
        APod(),
        act=Found("the first old Pod leaving", "pods", _next_left),
        do="open the gate in round 3",
        reality=_went_next,
        check="gate-opened",
        model=_next_by_rules,
    ),
    Question(
        "least",
        "With maxSurge 0 and maxUnavailable 1, how few of 3 are ready at the least?",
        _PODS,
        act=NO_SURGE,
        do="roll out without a fourth Pod in round 4",
        reality=lambda story: fewest_ready(story, latest(story, NO_SURGE), _SHOP),
        check="no-fourth",
        model=lambda story: _fewest_by_rules(story, NO_SURGE),
    ),
    Question(
        "recreate",
        "With the strategy Recreate, for how long is no Pod ready?",
        Choice((_NEVER, _BRIEF, _LONG)),
        act=_EMPTIED,
        do="run the cell with Recreate in round 5",
        reality=_outage,
        belief=by_answer({_NEVER: "recreate-is-slow-rolling"}),
    ),
    Question(
        "extra",
        "Of 3 replicas with maxSurge 1, how many Pods are there at the most, leaving ones counted?",
        _PODS,
        act=Found("a rollout after Recreate", "replicasets", _rolled_again),
        do="release version 3 in round 6, and wait until the last old Pod is gone",
        reality=_most_pods,
        check="nobody-noticed",
        belief=by_answer({4: "surge-bounds-pods"}),
    ),
)
