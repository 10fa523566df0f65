"""The detectors of beliefs about pins and lists: each speaks of what was recorded, or is silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from nodebynode.course import misconceptions
from nodebynode.course.labs import pins
from nodebynode.course.labs.serving import crossed_out
from nodebynode.recording.rules import Story
from nodebynode.state import Pod, State

from .states import NEW, OLD, a_budget, a_pod, a_service, a_set, a_slice, an_endpoint
from .tapes import Tape, instant, three

WHY = (
    "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node "
    "affinity/selector. preemption: 0/4 nodes are available."
)
WAITS = replace(a_pod(f"{OLD}-d", None, ready=False), unscheduled=WHY)
FULL = replace(WAITS, unscheduled="0/4 nodes are available: 4 Insufficient cpu.")
CLOSED = "worker"


def shown(key: str, told: Sequence[State], lasts: float = 6) -> str | None:
    return misconceptions.find(key).shows(Story(Tape(told, lasts=lasts), "default"))


def listed(state: State, *ends: str) -> State:
    """The same State, with a Service in whose list only some of the Pods are."""
    pods = [pod for pod in state.pods if pod.node and pod.name[-1] in ends]
    return replace(
        state, services=(a_service(),), slices=(a_slice(*(an_endpoint(pod) for pod in pods)),)
    )


def budget(state: State, allowed: int) -> State:
    return replace(state, budgets=(a_budget(allowed),))


def behind_budget(*, allowed: int = 0, waits: Pod = WAITS) -> list[State]:
    """The Pod a is still on the closed node, and a successor of b waits."""
    pods = [*three(gone="b"), waits]
    return [instant(0), budget(instant(1, pods, cordoned=CLOSED), allowed)]


def crowded(waits: Pod) -> list[State]:
    """A rollout whose first new Pod waits."""
    new = replace(waits, owner_uid=a_pod(NEW, owner=NEW).owner_uid, version="v2")
    sets = (a_set(OLD, 1, 3, 3), a_set(NEW, 2, 1, 0))
    return [instant(0), replace(instant(1, [*three(), new]), replicasets=sets)]


ALL = listed(instant(0), *"abc")
OUT = [replace(pod, labels={"app": "x"}) if pod.name[-1] == "c" else pod for pod in three()]
CAME = [
    instant(0, cordoned=CLOSED),
    instant(1, [*three(), a_pod(f"{OLD}-d", CLOSED)], cordoned=CLOSED),
]


@pytest.mark.parametrize(
    ("key", "told", "says"),
    [
        ("pinned-heals", [instant(0), instant(1, [*three(gone="a"), WAITS])], "d of shop found no"),
        ("budget-helps-pinned", behind_budget(), "-a stayed on worker"),
        ("surge-needs-no-room", crowded(FULL), "-a, and found no room: 0/4 nodes are available: 4"),
        ("node-name-is-a-pin", CAME, "-d came to worker, which was cordoned"),
    ],
)
def test_it_speaks(key: str, told: list[State], says: str) -> None:
    assert says in (shown(key, told) or "")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("pinned-heals", [instant(0), instant(1, [*three(gone="a"), FULL])]),
        ("budget-helps-pinned", behind_budget(allowed=1)),
        ("budget-helps-pinned", behind_budget(waits=FULL)),
        ("surge-needs-no-room", [instant(0), instant(1, [*three(gone="a"), FULL])]),  # no rollout
        ("surge-needs-no-room", crowded(replace(FULL, unscheduled=WHY))),
        ("node-name-is-a-pin", [instant(0), *[replace(CAME[1], at=instant(1).at)]]),
        ("node-name-is-a-pin", CAME[:1]),
    ],
)
def test_it_is_silent(key: str, told: list[State]) -> None:
    assert shown(key, told) is None


def test_a_budget_that_blocks_only_briefly_is_none() -> None:
    told = [*behind_budget(), instant(3)]
    assert pins.blocked(Story(Tape(told), "default")) is None


def test_a_label_that_is_heard_after_the_list_is_no_cut() -> None:
    """The EndpointSlice may be heard before the Pod whose label made it change."""
    told = [ALL, listed(instant(1), *"ab"), listed(instant(1.01, OUT), *"ab")]
    assert [*crossed_out(Story(Tape(told, lasts=5), "default"), "shop")] == []


def test_a_cut_that_has_just_been_made_is_not_judged_yet() -> None:
    told = [ALL, listed(instant(1), *"ab")]
    assert [*crossed_out(Story(Tape(told, lasts=0.01), "default"), "shop")] == []
    [cut] = crossed_out(Story(Tape(told, lasts=5), "default"), "shop")
    assert (cut.pod.name[-1], cut.asked_for, cut.back) == ("c", True, None)
