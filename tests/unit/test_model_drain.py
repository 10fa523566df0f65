"""A drain foretold: what kubectl refuses, what a budget holds up, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.model.drain import Drain, Outcome, drain
from nodebynode.model.guests import App, DisruptionBudget, Flags, Owner

ONE_AWAY = (DisruptionBudget(max_unavailable=1),)
AGENT = App("agent", owner=Owner.DAEMONSET)
BARE = App("bare", owner=Owner.NOBODY)
SCRATCH = App("web", local_storage=True)
ALL_FLAGS = Flags(ignore_daemonsets=True, delete_emptydir_data=True, force=True)
RETRIES = (
    'error when evicting pods/"web-1" -n "default" (will retry after 5s): '
    "Cannot evict pod as it would violate the pod's disruption budget."
)


def drained(flags: Flags | None = None, **app: Any) -> Drain:
    return drain([App(**app)], flags, "worker2")


def needs(rule: str, amount: int | str) -> tuple[DisruptionBudget, ...]:
    return (DisruptionBudget(**{rule: amount}),)


def when(found: Drain, part: str) -> list[float]:
    return [one.at for one in found.timeline if part in one.what]


def test_it_refuses_what_it_cannot_bring_back_and_evicts_nothing() -> None:
    found = drain([AGENT, BARE, SCRATCH], node="worker2")
    assert found.outcome is Outcome.REFUSED
    assert found.messages == (
        "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/agent-1",
        "cannot delete Pods that declare no controller (use --force to override): default/bare-1",
        "cannot delete Pods with local storage (use --delete-emptydir-data to override): "
        "default/web-1",
    )
    assert [one.what for one in found.timeline] == ["node/worker2 cordoned"]
    assert "worker2 stays cordoned" in str(found)


def test_of_a_pods_reasons_the_first_is_told() -> None:
    found = drained(owner=Owner.NOBODY, local_storage=True)
    assert [clause.split(" (")[0] for clause in found.messages] == [
        "cannot delete Pods with local storage"
    ]
    assert drain([App("agent", owner=Owner.DAEMONSET, local_storage=True)],
                 Flags(ignore_daemonsets=True)).outcome is Outcome.DRAINED  # fmt: skip


def test_flags_let_it_through() -> None:
    found = drain([AGENT, BARE, SCRATCH, App("etcd", owner=Owner.STATIC)], ALL_FLAGS)
    assert found.outcome is Outcome.DRAINED
    text = str(found)
    assert "ignoring DaemonSet-managed Pods: default/agent-1" in text
    assert "deleting Pods that declare no controller: default/bare-1" in text
    assert "the replacement of web-1 is ready" in text
    assert "the replacement of bare-1" not in text
    assert "etcd-1" not in text
    assert "agent-1 is evicted" not in text


def test_without_a_budget_all_pods_leave_at_once() -> None:
    """Seen on a cluster: two replicas on one node, none ready for 4.2 s."""
    found = drained(here=2, startup=3)
    assert when(found, "is evicted") == [0, 0]
    assert found.fewest_ready == {"web": 0}
    assert found.seconds == 1


def test_with_a_budget_they_leave_one_by_one_at_the_next_try() -> None:
    found = drained(here=2, startup=2, budgets=ONE_AWAY)
    assert when(found, "is evicted") == [0, 5]
    assert (found.outcome, found.seconds) == (Outcome.DRAINED, 6)
    assert found.fewest_ready == {"web": 1}
    slow = drained(here=3, startup=7, budgets=ONE_AWAY)
    assert when(slow, "is evicted") == [0, 10, 20]


def test_it_waits_for_the_old_pods_only() -> None:
    """Seen on a cluster: with a readiness of 10 s it returned after 2.1 s."""
    found = drained(here=1, elsewhere=2, startup=10, grace=1.5)
    assert found.seconds == 2
    assert when(found, "the replacement of web-1 is ready") == [10]
    assert drained(room=0).outcome is Outcome.DRAINED


@pytest.mark.parametrize(
    ("app", "why"),
    [
        ({"budgets": needs("min_available", 1)}, "none may ever leave"),
        ({"here": 2, "budgets": needs("max_unavailable", 0)}, "none may ever leave"),
        ({"elsewhere": 2, "budgets": needs("min_available", "100%")}, "none may ever leave"),
        ({"budgets": needs("min_available", "50%")}, "none may ever leave"),
        ({"elsewhere": 1, "budgets": needs("min_available", "51%")}, "none may ever leave"),
        ({"here": 3, "room": 0, "budgets": ONE_AWAY}, "no node for a replacement"),
        ({"here": 3, "startup": None, "budgets": ONE_AWAY}, "no replacement gets ready"),
        ({"here": 3, "unready": 2, "budgets": needs("min_available", 2)}, "used the budget up"),
        ({"here": 2, "owner": Owner.NOBODY, "budgets": needs("min_available", 1)}, "nobody makes"),
        ({"owner": Owner.NOBODY, "budgets": ONE_AWAY}, "no controller to count by"),
        ({"owner": Owner.NOBODY, "budgets": needs("min_available", "1%")}, "no controller"),
    ],
)  # fmt: skip
def test_a_deadlock_is_told_with_its_reason(app: dict[str, Any], why: str) -> None:
    found = drained(Flags(force=True), **app)
    assert found.outcome is Outcome.STUCK
    assert why in found.why
    assert "Stuck for ever" in str(found)
    assert all("(will retry after 5s)" in message for message in found.messages)


def test_percentages_round_up() -> None:
    """For one replica that makes all the difference: 50 % may miss is one, 50 % must stay too."""
    assert drained(budgets=needs("max_unavailable", "50%")).outcome is Outcome.DRAINED
    assert drained(budgets=needs("min_available", "50%")).outcome is Outcome.STUCK
    three = drained(here=3, startup=1, budgets=needs("max_unavailable", "34%"))
    assert when(three, "is evicted") == [0, 0, 5]


def test_a_timeout_ends_what_is_stuck() -> None:
    """Seen on a cluster, word for word: 1 replica, minAvailable 1, --timeout=12s."""
    found = drained(Flags(timeout=12), budgets=needs("min_available", 1))
    assert (found.outcome, found.seconds) == (Outcome.TIMED_OUT, 12)
    assert found.messages == (
        'error when evicting pods/"web-1" -n "default": global timeout reached: 12s',
    )
    assert drained(budgets=needs("min_available", 1)).messages == (RETRIES,)


def test_a_timeout_also_ends_what_takes_too_long() -> None:
    found = drained(Flags(timeout=12), here=1, grace=30)
    assert found.outcome is Outcome.TIMED_OUT
    assert found.messages == (
        'error when waiting for pod "web-1" in namespace "default" to terminate: '
        "global timeout reached: 12s",
    )
    slow = drained(Flags(timeout=12), here=3, startup=6, budgets=ONE_AWAY)
    assert slow.outcome is Outcome.TIMED_OUT
    assert "the next may go when a replacement is ready" in slow.why
    assert drained(Flags(timeout=12), here=1, startup=60).outcome is Outcome.DRAINED


def test_force_overrides_no_budget_and_disable_eviction_asks_none() -> None:
    budget = needs("min_available", 1)
    assert drained(Flags(force=True), budgets=budget).outcome is Outcome.STUCK
    found = drained(Flags(disable_eviction=True), budgets=(*budget, *budget))
    assert found.outcome is Outcome.DRAINED
    assert "web-1 is deleted" in str(found)


def test_two_budgets_fail_at_once_and_the_rest_goes_on() -> None:
    both = App("web", budgets=(*ONE_AWAY, *ONE_AWAY))
    found = drain([both, App("cart", grace=3)])
    assert (found.outcome, found.seconds) == (Outcome.FAILED, 3)
    assert found.messages == (
        'error when evicting pods/"web-1" -n "default": This pod has more than one '
        "PodDisruptionBudget, which the eviction subresource does not support.",
    )


def test_an_unready_pod_may_go_where_the_others_are_enough_or_always() -> None:
    two = needs("min_available", 2)
    assert when(drained(here=1, unready=1, elsewhere=2, budgets=two), "is evicted") == [0]
    held = drained(here=1, unready=1, elsewhere=1, budgets=two)
    assert held.outcome is Outcome.STUCK
    always = (DisruptionBudget(min_available=2, always_allow=True),)
    assert drained(here=1, unready=1, elsewhere=1, budgets=always).outcome is Outcome.DRAINED


@pytest.mark.parametrize(
    "apps",
    [
        [App(here=-1)],
        [App(startup=-1)],
        [App(unready=2)],
        [App(), App()],
        [App(budgets=(DisruptionBudget(),))],
        [App(budgets=(DisruptionBudget(1, 1),))],
        [App(budgets=(DisruptionBudget("half"),))],
    ],
    ids=repr,
)
def test_what_cannot_be_is_said(apps: list[App]) -> None:
    with pytest.raises(BadInput):
        drain(apps)


@st.composite
def apps(draw: st.DrawFn) -> App:
    here = draw(st.integers(0, 4))
    amount = draw(st.integers(0, 5) | st.integers(0, 100).map("{}%".format))
    rule = draw(st.sampled_from(["min_available", "max_unavailable"]))
    return App(
        here=here,
        elsewhere=draw(st.integers(0, 3)),
        unready=draw(st.integers(0, here)),
        startup=draw(st.none() | st.integers(0, 12)),
        grace=draw(st.integers(0, 4)),
        budgets=(DisruptionBudget(**{rule: amount}, always_allow=draw(st.booleans())),),
        room=draw(st.none() | st.integers(0, 3)),
    )


@given(apps())
def test_a_budget_is_never_broken(app: App) -> None:
    found = drain([app])
    ready = app.replicas - app.unready
    least = min(ready, app.budgets[0].desired(app.replicas))
    assert found.fewest_ready["web"] >= least
    evicted = len(when(found, "is evicted"))
    assert (found.outcome is Outcome.DRAINED) is (evicted == app.here)
    assert len(when(found, "is gone")) == evicted
    assert [one.at for one in found.timeline] == sorted(one.at for one in found.timeline)


@given(apps(), st.integers(1, 30))
def test_a_timeout_changes_when_it_ends_and_nothing_before(app: App, timeout: int) -> None:
    whole, cut = drain([app]), drain([app], Flags(timeout=timeout))
    assert cut.seconds <= max(timeout, whole.seconds)
    if whole.outcome is Outcome.DRAINED and whole.seconds < timeout:
        assert cut == whole
    else:
        assert (cut.outcome, cut.seconds) == (Outcome.TIMED_OUT, timeout)
        before = [one for one in whole.timeline if one.at < timeout and "drained" not in one.what]
        assert [one for one in cut.timeline if one.at < timeout] == before
