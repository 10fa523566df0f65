"""What a rolling update costs: an app that ends at once loses requests, a patient one loses none.

A pod that ends leaves the Service's rules within a second at most (kube-proxy's minSyncPeriod);
what is sent to it meanwhile is lost. That the embedded cluster loses a like share is what makes a
lesson on it true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from nodebynode.cluster import Cluster

from .load import Load
from .manifests import deployment, service
from .observing import Room

ROLLOUTS = 5
EVERY = 9.0
"""Seconds from one rollout to the next. Pods start sooner on one cluster than on the other; that
must not decide how many requests the losses are a share of."""
_shares: dict[str, float] = {}


def roll(
    room: Room, note: Callable[[str, object], None], *, every: float = 0, **of: object
) -> Load:
    """Update three pods five times under load, each time `every` seconds later; returns it."""
    room.run(deployment(replicas=3, ready_after=1, **of))
    room.create(service())
    room.wait_answers(times=10)
    with Load(room) as load:
        for number in range(ROLLOUTS):
            room.set_image("v2" if number % 2 == 0 else "v1")
            room.wait_available(timeout=60)
            load.go_on_until(every * (number + 1))
    print(dict(Counter(load.losses)))
    note("seen", f"{len(load.losses)} of {load.sent} lost")
    return load


@pytest.mark.timeout(240, func_only=True)
def test_an_app_that_ends_at_once_loses_requests(
    room: Room, cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    """Some are lost in each rollout; on both clusters a like share, within a factor of two."""
    load = roll(room, record_property, every=EVERY, on_sigterm="exit", grace=5)
    share = len(load.losses) / load.sent
    assert 0.005 < share < 0.25, load.losses
    _shares[cluster.status().provider] = share
    if len(_shares) == 2:
        assert 0.5 <= _shares["embedded"] / _shares["kind"] <= 2, _shares


@pytest.mark.timeout(240, func_only=True)
def test_an_app_that_waits_a_moment_loses_none(
    room: Room, record_property: Callable[[str, object], None]
) -> None:
    """A preStop sleep of three seconds outlasts the rules' second."""
    load = roll(room, record_property, on_sigterm="exit", pre_stop=3, grace=10)
    assert load.losses == []
