"""How rules are written, what each says of itself, and what bad use is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nodebynode.errors import BadInput
from nodebynode.recording.rules import (
    always,
    available,
    cordoned,
    each_eviction_waits_for_ready,
    endpoints,
    eventually,
    last,
    mark,
    more_than,
    never,
    no_binding_to,
    pods,
    ready,
    rollout_begins,
    rollout_ends,
    sequence,
    terminating,
)
from nodebynode.recording.rules.rule import Rule


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda: sequence("3-0 3-1"), r"'3-0' is no pair of sizes.\nWrite old and new size"),
        (lambda: sequence("3/0"), "1 pair"),
        (lambda: sequence(""), "0 pairs"),
        (lambda: always(ready("shop")), r"compared with nothing.\nCompare a count with a number"),
        (lambda: never(True), "never.. was given True"),
        (lambda: always(2 <= ready("shop") <= 4), "two bounds are two rules"),
        (lambda: ready("shop") >= "3", "cannot be compared with '3'"),
        (lambda: ready("shop") == -1, "cannot be compared with -1"),
        (lambda: ready("shop") > True, "cannot be compared with True"),
        (lambda: pods(""), "no name of an object"),
        (lambda: mark(" "), "no text"),
    ],
)
def test_bad_use_says_what_to_do(use: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        use()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (always(ready("shop") >= 3), "always at least 3 Pods of Deployment shop are ready"),
        (never(more_than(pods("shop"), 4)), "never more than 4 Pods of Deployment shop are there"),
        (always(terminating("shop") <= 2),
         "always at most 2 Pods of Deployment shop are terminating"),
        (eventually(endpoints("web") == 1),
         "at some time exactly 1 endpoint of Service web is ready"),
        (always(available("shop") < 9, after=mark("x"), before=cordoned()),
         "always fewer than 9 Pods of Deployment shop are available,"
         " from `x` on, until the cordon of a node"),
        (always(endpoints("shop") >= ready("shop")),
         "always at least as many endpoints of Service shop are ready"
         " as Pods of Deployment shop are ready"),
        (no_binding_to("worker2"), "no Pod is bound to worker2 while that is cordoned"),
        (no_binding_to(after=last(rollout_begins("shop"))),
         "no Pod is bound to a cordoned node,"
         " from the last time of the beginning of a rollout of shop on"),
        (each_eviction_waits_for_ready("shop", before=rollout_ends("shop")),
         "each Pod of shop is made to leave only when all are ready,"
         " until the end of a rollout of shop"),
        (sequence("3/0 0/3", merging=True),
         "sizes of shop go 3/0 0/3 (some may be passed unseen)"),
    ],
)  # fmt: skip
def test_a_rule_says_itself(rule: Rule, words: str) -> None:
    assert str(rule) == words
