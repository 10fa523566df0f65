"""A rollout foretold is what the rules say: facts that were seen on a cluster, and invariants."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.model.reach import unreachable
from nodebynode.model.rollout import Plan, roll_out
from nodebynode.recording.merging import merges

THREE = "3/0 3/1 2/1 2/2 1/2 1/3 0/3"
ONE_BY_ONE = "3/0 2/0 2/1 1/1 1/2 0/2 0/3"
NINE = "9/0 9/3 7/3 7/5 6/5 6/6 5/6 5/7 4/7 4/8 3/8 3/9 2/9 1/9 0/9"

amounts = st.integers(0, 6) | st.integers(0, 100).map("{}%".format)
seconds = st.integers(0, 9).map(lambda quarter: quarter / 4)


@st.composite
def plans(draw: st.DrawFn, *, ready: bool = False, broken: bool = False) -> Plan:
    replicas = draw(st.integers(0, 9))
    surge = draw(amounts)
    unavailable = draw(amounts)
    if str(surge).strip("0%") == str(unavailable).strip("0%") == "":
        surge = 1
    startup = seconds if ready else st.none() | seconds
    return Plan(
        replicas,
        surge,
        unavailable,
        draw(st.lists(startup, min_size=replicas, max_size=replicas)),
        min_ready=draw(seconds),
        grace=draw(seconds),
        broken=draw(st.integers(0, replicas)) if broken else 0,
    )


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "pairs", "least"),
    [
        pytest.param(3, "25%", "25%", THREE, 3, id="3-default"),
        pytest.param(3, 1, 0, THREE, 3, id="3-1-0"),
        pytest.param(3, 0, 1, ONE_BY_ONE, 2, id="3-0-1"),
        pytest.param(3, 1, 1, THREE, 2, id="3-1-1"),
        pytest.param(3, 0, "25%", ONE_BY_ONE, 2, id="3-both-round-to-0"),
        pytest.param(3, "100%", 0, "3/0 3/3 2/3 1/3 0/3", 3, id="3-surge-all"),
        pytest.param(3, 0, "100%", "3/0 0/0 0/3", 0, id="3-unavailable-all"),
        pytest.param(3, 1, 5, "3/0 3/1 0/1 0/3", 0, id="3-more-unavailable-than-replicas"),
        pytest.param(4, "25%", "25%", "4/0 4/1 3/1 3/2 2/2 2/3 1/3 1/4 0/4", 3, id="4-default"),
        pytest.param(9, "25%", "25%", NINE, 7, id="9-default"),
        pytest.param(1, "25%", "25%", "1/0 1/1 0/1", 1, id="1-default"),
        pytest.param(2, "25%", "25%", "2/0 2/1 1/1 1/2 0/2", 2, id="2-default"),
        pytest.param(0, "25%", "25%", "0/0", 0, id="none"),
    ],
)
def test_the_sizes_of_a_rollout_are_those_seen_on_a_cluster(
    replicas: int, surge: int | str, unavailable: int | str, pairs: str, least: int
) -> None:
    rollout = roll_out(Plan(replicas, surge, unavailable))
    assert rollout.pairs == pairs
    assert not rollout.stuck
    assert rollout.least_available == least


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "pairs", "serving"),
    [
        pytest.param(3, "25%", "25%", "3/0 3/1", 3, id="3-default"),
        pytest.param(3, 1, 1, "3/0 3/1 2/1 2/2", 2, id="3-1-1"),
        pytest.param(9, "25%", "25%", "9/0 9/3 7/3 7/5", 7, id="9-default"),
        pytest.param(10, "25%", "25%", "10/0 10/3 8/3 8/5", 8, id="10-default"),
    ],
)
def test_a_version_that_is_never_ready_gets_stuck(
    replicas: int, surge: int | str, unavailable: int | str, pairs: str, serving: int
) -> None:
    rollout = roll_out(Plan(replicas, surge, unavailable, startup=None))
    assert rollout.pairs == pairs
    assert rollout.stuck
    assert rollout.least_available == serving
    stuck_at = pairs.split()[-1]
    assert f"Stuck at {stuck_at}" in str(rollout)
    assert f"{serving} of {replicas} Pods available" in str(rollout)


def test_one_new_pod_that_is_never_ready_holds_the_rest_up() -> None:
    assert roll_out(Plan(startup=(1, None, 1))).pairs == "3/0 3/1 2/1 2/2"


def test_each_step_waits_for_startup_and_minreadyseconds() -> None:
    """Seen on a cluster: with 10 s and 5 s, steps at 14.9, 29.9 and 44.9 s."""
    rollout = roll_out(Plan(startup=10, min_ready=5))
    assert [step.at for step in rollout.steps] == [0, 0, 15, 15, 30, 30, 45]
    assert rollout.seconds == 45


def test_terminating_pods_come_on_top_of_the_surge() -> None:
    """Seen on a cluster: six Pods with three replicas and a surge of one."""
    rollout = roll_out(Plan(startup=1, grace=25))
    assert rollout.most_pods == 6
    assert rollout.limits.most == 4
    assert rollout.seconds == 3
    assert rollout.history[-1].terminating == 0
    assert rollout.history[-1].at == 28


def test_recreate_waits_until_the_old_pods_are_gone() -> None:
    rollout = roll_out(Plan(strategy="Recreate", startup=2, grace=6, surge=0, unavailable=0))
    assert rollout.pairs == "3/0 0/0 0/3"
    assert [step.at for step in rollout.steps] == [0, 0, 6]
    assert (rollout.seconds, rollout.least_available, rollout.most_pods) == (8, 0, 3)


def test_old_pods_that_are_not_available_go_first() -> None:
    """As in the roll back of 8/5: what is broken is taken away before the new ones are ready."""
    rollout = roll_out(Plan(3, 1, 0, startup=5, broken=1))
    assert rollout.pairs == "3/0 3/1 2/1 2/2 1/2 1/3 0/3"
    at = {(step.old, step.new): step for step in rollout.steps}
    assert at[3, 1].available == 2
    assert at[2, 1].at == 5
    quick = roll_out(Plan(3, 1, 1, startup=5, broken=1))
    assert {(step.old, step.new): step.at for step in quick.steps}[2, 2] == 0
    assert quick.least_available == 2


def test_a_step_reads_like_one_of_a_recording() -> None:
    rollout = roll_out(Plan())
    text = str(rollout)
    assert text.splitlines()[0].startswith("AFTER   OLD/NEW")
    assert "4 of at most 4" in text
    assert "3 of at least 3" in text
    assert "Complete after 3 s, at 0/3." in text
    assert "A model:" in text
    assert len(rollout.table) == len(rollout.steps) + 1


@pytest.mark.parametrize(
    "plan",
    [
        Plan(-1),
        Plan(grace=-1),
        Plan(startup=-1),
        Plan(startup=(1, 1)),
        Plan(broken=4),
        Plan(surge=0, unavailable="0%"),
        Plan(surge="one"),
    ],
    ids=repr,
)
def test_what_cannot_be_is_said(plan: Plan) -> None:
    with pytest.raises(BadInput):
        roll_out(plan)
    with pytest.raises(BadInput):
        unreachable(plan, [(plan.replicas, 0), (plan.replicas, 1)])


@given(plans())
def test_the_bounds_hold_at_every_instant(plan: Plan) -> None:
    rollout = roll_out(plan)
    for step in rollout.history:
        assert step.total <= rollout.limits.most
        assert step.available >= rollout.limits.least
        assert 0 <= step.new_available <= step.new
    for before, after in pairwise(rollout.history):
        assert after.at >= before.at
        assert after.old <= before.old
        assert after.new >= before.new
        # One round does one thing.
        assert after.old == before.old or after.new == before.new


@given(plans(ready=True, broken=True))
def test_where_all_get_ready_all_are_replaced(plan: Plan) -> None:
    rollout = roll_out(plan)
    assert not rollout.stuck
    assert rollout.path[-1] == (0, plan.replicas)
    assert rollout.history[-1].terminating == 0
    assert rollout.history[-1].available == plan.replicas


@given(plans(broken=True), st.data())
def test_any_startup_times_lead_along_a_reachable_way(plan: Plan, data: st.DataObject) -> None:
    path = roll_out(plan).path
    assert unreachable(plan, path) is None
    kept = data.draw(st.lists(st.booleans(), min_size=len(path), max_size=len(path)))
    seen = [pair for pair, keep in zip(path, kept, strict=True) if keep]
    assert merges(seen, path) is None
    assert unreachable(plan, seen) is None


def test_several_pods_ready_at_once_lead_by_other_sizes() -> None:
    """Two of 3/2 become available before the next round: two old ones go at once."""
    seen = [(4, 0), (4, 1), (3, 1), (3, 2), (1, 2), (1, 4), (0, 4)]
    assert merges(seen, roll_out(Plan(4)).path) == 4
    assert unreachable(Plan(4), seen) is None


@pytest.mark.parametrize(
    ("seen", "index"),
    [
        ([(3, 0), (2, 0)], 1),
        ([(3, 0), (2, 2), (3, 1)], 2),
        ([(3, 1), (3, 2)], 1),
        ([(2, 0)], 0),
        ([(3, 0), (0, 3)], None),
        ([], None),
    ],
    ids=str,
)
def test_sizes_that_no_order_of_readiness_leads_to_are_found(
    seen: list[tuple[int, int]], index: int | None
) -> None:
    assert unreachable(Plan(), seen) == index


def test_recreate_has_one_way_only() -> None:
    recreate = Plan(strategy="Recreate")
    assert unreachable(recreate, [(3, 0), (0, 0), (0, 3)]) is None
    assert unreachable(recreate, [(3, 0), (2, 0)]) == 1
