"""The steps of rollouts: sizes in order, who is available, and the controller's own sums.

The sequences are those that were seen on real clusters (`tests/cluster/test_rollout_sizes.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from nodebynode.errors import BadInput
from nodebynode.recording import Recorder, Recording, Steps
from nodebynode.recording.steps import steps_of
from nodebynode.state import Deployment, ReplicaSet, State

from .api_objects import BEGAN
from .rollouts import Rollout
from .states import AT, a_deployment, a_set

SHOP = replace(a_deployment(), namespace="default")


def rolled(tmp_path: Path, rollout: Rollout) -> Steps:
    with Recorder(tmp_path / "a.jsonl", clock=BEGAN.timestamp) as recorder:
        recorder.snapshot(rollout.snapshot())
        for one in rollout.changes():
            recorder.change(*one)
    return Recording.read(recorder.path).steps("shop")


@pytest.mark.parametrize(
    ("size", "surge", "unavailable", "pairs"),
    [
        (3, "25%", "25%", "3/0 3/1 2/1 2/2 1/2 1/3 0/3"),
        (3, 0, 1, "3/0 2/0 2/1 1/1 1/2 0/2 0/3"),
        (3, 1, 1, "3/0 3/1 2/1 2/2 1/2 1/3 0/3"),
        (3, "100%", 0, "3/0 3/3 2/3 1/3 0/3"),
        (4, "25%", "25%", "4/0 4/1 3/1 3/2 2/2 2/3 1/3 1/4 0/4"),
        (1, "25%", "25%", "1/0 1/1 0/1"),
        (2, "25%", "25%", "2/0 2/1 1/1 1/2 0/2"),
    ],
)
def test_sizes_are_told_in_order(
    tmp_path: Path, size: int, surge: int | str, unavailable: int | str, pairs: str
) -> None:
    steps = rolled(tmp_path, Rollout(size, surge=surge, unavailable=unavailable))
    assert steps.pairs == pairs
    assert [column.revision for column in steps.columns] == [1, 2]
    assert all(step.total <= step.most for step in steps.rows)
    assert all(step.available >= step.least for step in steps.rows)


# ── stories told by hand ─────────────────────────────────────────────────────────────────────


def sized(revision: int, wanted: int, available: int | None = None, name: str = "") -> ReplicaSet:
    """A ReplicaSet; its version is its first revision's, also after an undo."""
    count = wanted if available is None else available
    one = a_set(name or f"shop-{revision}", revision, wanted, count)
    return replace(one, available=count)


def told(
    *looks: tuple[float, Deployment, tuple[ReplicaSet, ...]],
) -> Iterator[tuple[datetime, State]]:
    """States at seconds."""
    for seconds, deployment, sets in looks:
        at = AT + timedelta(seconds=seconds)
        yield at, State(at, replicasets=sets, deployments=(deployment,))


def steps(*looks: tuple[float, Deployment, tuple[ReplicaSet, ...]]) -> Steps:
    return steps_of(told(*looks), "shop", "default")


def test_the_table_can_be_read() -> None:
    found = steps(
        (0, SHOP, (sized(1, 3),)),
        (1, SHOP, (sized(1, 3), sized(2, 1, 0))),
        (3.04, SHOP, (sized(1, 2, 3), sized(2, 1))),
        (3.05, SHOP, (sized(1, 2), sized(2, 2, 1))),
    )
    assert str(found).splitlines() == [
        "Deployment shop in default",
        "AFTER   OLD/NEW  REVISION 1 (v1)  REVISION 2 (v2)  REPLICASETS     AVAILABLE",
        "0.00 s  3/0      3, 3 available   0                3 of at most 4  3 of at least 3",
        "1.00 s  3/1      3, 3 available   1, 0 available   4 of at most 4  3 of at least 3",
        "3.04 s  2/1      2, 3 available   1, 1 available   3 of at most 4  4 of at least 3",
        "3.05 s  2/2      2, 2 available   2, 1 available   4 of at most 4  3 of at least 3",
    ]


def test_one_rollout_after_the_other() -> None:
    found = steps(
        (0, SHOP, (sized(1, 1),)),
        (1, SHOP, (sized(1, 1), sized(2, 1, 0))),
        (2, SHOP, (sized(1, 0), sized(2, 1))),
        (9, SHOP, (sized(1, 0), sized(2, 1), sized(3, 1, 0))),
        (10, SHOP, (sized(1, 0), sized(2, 0), sized(3, 1))),
    )
    assert found.pairs == "1/0 1/1 0/1 1/0 1/1 0/1"
    assert [column.name for column in found.columns] == ["shop-1", "shop-2", "shop-3"]


def test_a_third_template_in_the_middle_of_a_rollout() -> None:
    found = steps(
        (0, SHOP, (sized(1, 3),)),
        (1, SHOP, (sized(1, 3), sized(2, 1, 0))),
        (2, SHOP, (sized(1, 3), sized(2, 1, 0), sized(3, 0))),
        (3, SHOP, (sized(1, 3), sized(2, 0), sized(3, 0))),
        (4, SHOP, (sized(1, 3), sized(2, 0), sized(3, 1, 0))),
    )
    assert found.pairs == "3/0 3/1 4/0 3/0 3/1"
    assert [[size.wanted for size in step.sizes] for step in found.rows] == [
        [3, 0, 0], [3, 1, 0], [3, 1, 0], [3, 0, 0], [3, 0, 1],
    ]  # fmt: skip
    assert "REVISION 3 (v3)" in str(found)


def test_an_undo_makes_the_old_one_new_again() -> None:
    old = sized(1, 3, name="shop-a")
    again = replace(old, revision=3)
    found = steps(
        (0, SHOP, (old,)),
        (1, SHOP, (old, sized(2, 1, 0))),
        (60, SHOP, (again, sized(2, 1, 0))),
        (61, SHOP, (again, sized(2, 0))),
    )
    assert found.pairs == "3/0 3/1 1/3 0/3"
    assert [(column.name, column.revision) for column in found.columns] == [
        ("shop-2", 2), ("shop-a", 3),
    ]  # fmt: skip


def test_scaling_alone_is_told_too() -> None:
    five = replace(SHOP, wanted=5)
    found = steps(
        (0, SHOP, (sized(1, 3),)),
        (8, five, (sized(1, 3),)),
        (8.01, five, (sized(1, 5, 3),)),
        (10, five, (sized(1, 5, 5),)),
    )
    assert found.pairs == "0/3 0/5"
    assert [(step.most, step.least) for step in found.rows] == [(4, 3), (6, 5)]


def test_a_deployment_that_is_heard_after_its_replicaset_bounds_it_all_the_same() -> None:
    five = replace(SHOP, wanted=5)
    found = steps(
        (0, SHOP, (sized(1, 3),)),
        (8, SHOP, (sized(1, 5, 3),)),
        (8.004, five, (sized(1, 5, 3),)),
    )
    assert [(step.total, step.most) for step in found.rows] == [(3, 4), (5, 6)]


def test_a_start_is_told_as_it_was_when_it_came() -> None:
    found = steps(
        (0, SHOP, (sized(1, 3, 0),)),
        (5, SHOP, (sized(1, 3, 3),)),
        (9, SHOP, (sized(1, 3, 3), sized(2, 1, 0))),
    )
    assert [(step.at - AT).total_seconds() for step in found.rows] == [5, 9]
    assert [step.available for step in found.rows] == [3, 3]


def test_ready_and_not_yet_available_are_told_apart() -> None:
    waiting = replace(sized(1, 3, 1), ready=2)
    assert "3, 2 ready, 1 available" in str(steps((0, SHOP, (waiting,))))


def test_recreate_promises_nothing() -> None:
    recreate = replace(SHOP, strategy="Recreate", surge=0, unavailable=0)
    (step,) = steps((0, recreate, (sized(1, 3),))).rows
    assert (step.most, step.least) == (3, 0)


def test_recreate_is_told_as_a_rollout_though_the_new_replicaset_comes_last() -> None:
    recreate = replace(SHOP, strategy="Recreate", surge=0, unavailable=0)
    looks = [
        (0, (sized(1, 3),)),
        (1, (sized(1, 0),)),
        (5, (sized(1, 0), sized(2, 3, 0))),
        (6, (sized(1, 0), sized(2, 3))),
        (9, (sized(1, 0), sized(2, 0))),
        (15, (sized(1, 0), sized(2, 0), sized(3, 3))),
    ]
    once = steps(*((at, recreate, sets) for at, sets in looks[:4]))
    assert once.pairs == "3/0 0/0 0/3"
    assert [(row.at - AT).total_seconds() for row in once.rows] == [0, 1, 5]
    twice = steps(*((at, recreate, sets) for at, sets in looks))
    assert twice.pairs == "3/0 0/0 0/3 3/0 0/0 0/3"
    rolling = steps(*((at, SHOP, sets) for at, sets in looks[:4]))
    assert rolling.pairs == "0/3 0/0 0/0 0/3", "scaled to nothing, then changed"


def test_other_deployments_are_named_when_one_is_missing() -> None:
    with pytest.raises(BadInput, match=r"no Deployment cart in default.\nIt holds shop in default"):
        steps_of(told((0, SHOP, ())), "cart", "default")
    with pytest.raises(BadInput, match="none at all"):
        steps_of([], "cart", "default")


def test_a_deployment_without_replicasets_has_no_steps() -> None:
    assert steps((0, SHOP, ())).rows == ()
    assert "shop" in str(steps((0, SHOP, ())))
