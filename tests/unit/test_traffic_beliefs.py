"""The detectors of beliefs about traffic: each speaks of what was recorded, and else is silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from nodebynode.course import misconceptions
from nodebynode.state import State

from .service_stories import FREE, GUEST, A, B, C, now, story
from .states import leaving

LEAVING = leaving(A, 5)
ENDED = replace(LEAVING, ready=False, ready_containers=0)
QUICK = [now(0), now(1, [LEAVING, B, C]), now(1.3, [ENDED, B, C]), now(3, [B, C])]
SLOW = [now(0), now(1, [LEAVING, B, C]), now(4.3, [ENDED, B, C]), now(4.5, [B, C])]
CLOUD = {"kind": "LoadBalancer", "address": "127.0.0.1"}
WAITS = [now(0), now(1, kind="LoadBalancer")]


def shown(key: str, told: Sequence[State], *, lasts: float = 5) -> str | None:
    return misconceptions.find(key).shows(story(*told, lasts=lasts))


@pytest.mark.parametrize(
    ("key", "told", "says"),
    [
        ("zero-downtime-is-automatic", QUICK, "its process had ended"),
        (
            "endpoint-vanishes-on-delete",
            SLOW,
            "ready false, serving true, terminating true",
        ),
        ("balanced-per-request", [now(0)], "and no weight"),
        ("load-balancer-everywhere", WAITS, "had no address for 5.0 s"),
        (
            "load-balancer-everywhere",
            [*WAITS, now(5, kind="LoadBalancer", address="127.0.0.1")],
            "had no address for 4.0 s",
        ),
        ("load-balancer-checks-pods", [now(0, **CLOUD), now(1, on=[], **CLOUD)], "for 5.0 s, and"),
        ("pull-from-endpoints", [now(0), now(1, on=[B, C]), now(2)], "was back 1.0 s later"),
        (
            "service-knows-deployments",
            [now(0, [A, B, C, GUEST])],
            "had guest, which no Deployment made",
        ),
    ],
)
def test_it_speaks(key: str, told: list[State], says: str) -> None:
    assert says in (shown(key, told) or "")


@pytest.mark.parametrize(
    ("key", "told", "lasts"),
    [
        ("zero-downtime-is-automatic", SLOW, 5),
        ("endpoint-vanishes-on-delete", SLOW[:2], 5),
        (
            "endpoint-vanishes-on-delete",
            [now(0), now(1, [LEAVING, B, C], on=[B, C]), now(2, [B, C])],
            5,
        ),
        ("balanced-per-request", [now(0, on=[A])], 5),
        ("load-balancer-everywhere", WAITS, 1),
        ("load-balancer-everywhere", [now(0)], 5),
        ("load-balancer-checks-pods", [now(0, **CLOUD), now(1, on=[A], **CLOUD)], 5),
        ("load-balancer-checks-pods", [now(0, **CLOUD), now(1, on=[], **CLOUD)], 1),
        ("load-balancer-checks-pods", [now(0), now(1, on=[])], 5),
        ("pull-from-endpoints", [now(0), now(1, on=[B, C])], 5),
        ("pull-from-endpoints", [now(0), now(1, [FREE, B, C], on=[B, C]), now(2)], 5),
        ("service-knows-deployments", [now(0)], 5),
        ("service-knows-deployments", [now(0, [A, B, C, GUEST], on=[A, B, C])], 5),
    ],
)
def test_it_is_silent(key: str, told: list[State], lasts: float) -> None:
    assert shown(key, told, lasts=lasts) is None
