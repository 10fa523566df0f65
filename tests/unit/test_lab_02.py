"""Lab 02: what its questions and the beliefs about owners read from a recording, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from nodebynode.course.labs.lab_02 import PREDICTIONS
from nodebynode.course.labs.owning import (
    let_go_since,
    outsiders,
    owners,
    put_backs,
    released,
    taken_in,
)
from nodebynode.course.misconceptions import CATALOGUE
from nodebynode.recording.rules import Story
from nodebynode.state import Event, Pod, State

from .states import NEW, OLD, a_deployment, a_pod, a_set, leaving
from .tapes import Tape, after, instant, three

QUESTIONS = {one.key: one for one in PREDICTIONS}
FOURTH = a_pod(f"{OLD}-d", "worker")
LONER = replace(a_pod("loner", owner=""), labels={"app": "loner"})


def story(*told: State, lasts: float = 5) -> Story:
    return Story(Tape(told, lasts=lasts), "default")


def answer(key: str, told: Story) -> object:
    found = QUESTIONS[key].reality(told)
    return None if found is None else found.value


def shown(key: str, told: Story) -> str | None:
    return CATALOGUE[key].shows(told)


def sized(seconds: float, size: int, *, wanted: int = 3, new: int = 0) -> State:
    """The shop, its ReplicaSet of this size, and another one where `new` is not 0."""
    sets = (a_set(OLD, 1, size, 3), *((a_set(NEW, 2, new, 0),) if new else ()))
    shop = a_deployment(wanted=wanted)
    return replace(instant(seconds), replicasets=sets, deployments=(shop,))


def free(pod: Pod, **labels: str) -> Pod:
    return replace(pod, owner_uid="", labels=labels)


def owned_by(pods: Sequence[Pod], owner: str) -> list[Pod]:
    return [replace(pod, owner_uid=owner) for pod in pods]


A, B, C = three()
LET_GO = [instant(0), instant(1, [free(A), B, C]), instant(2, [free(A), B, C, FOURTH])]
BACK = [*LET_GO, instant(3, [A, B, C, FOURTH]), instant(3.5, [A, B, C, leaving(FOURTH, 5)])]


# ── who made them ────────────────────────────────────────────────────────────────────────────


def made_by(source: str) -> State:
    event = Event("e", "default", "ReplicaSet", OLD, OLD, "Normal", "SuccessfulCreate",
                  f"Created pod: {A.name}", source, 1, after(0), after(0))  # fmt: skip
    return replace(instant(1), events=(event,))


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("replicaset-controller", "the ReplicaSet controller"),
        ("deployment-controller", "the Deployment controller"),
        ("somebody", None),
    ],
)
def test_who_makes_pods_is_read_from_the_events(source: str, who: str | None) -> None:
    assert answer("maker", story(instant(0, []), made_by(source))) == who


def test_two_levels_are_told_by_the_chain_of_owners() -> None:
    told = shown("deployment-makes-pods", story(instant(0)))
    assert told == f"{OLD}-a belongs to ReplicaSet {OLD}, and that to Deployment shop."
    assert shown("deployment-makes-pods", story(instant(0, owned_by(three(), "")))) is None


def test_pods_on_several_nodes_or_on_none_show_that_a_deployment_is_on_none() -> None:
    assert "were on worker, worker2 and worker3." in (
        shown("deployment-on-a-node", story(instant(0))) or ""
    )
    waits = replace(a_pod(f"{OLD}-a", None), unscheduled="0/4 nodes are available")
    assert "had no node at all" in (shown("deployment-on-a-node", story(instant(0, [waits]))) or "")
    assert shown("deployment-on-a-node", story(instant(0, [A]))) is None


# ── a size put back ──────────────────────────────────────────────────────────────────────────


def test_a_size_that_is_put_back_is_told_with_its_time() -> None:
    told = story(sized(0, 3), sized(1, 5), sized(1.25, 3))
    assert answer("scaled", told) == 3
    assert shown("scale-the-replicaset", told) == (
        f"{OLD} was set from 3 to 5, and was back at 3 after 250 ms."
    )


@pytest.mark.parametrize(
    "told",
    [
        [sized(0, 3), sized(1, 5)],
        [sized(0, 3), sized(1, 5, wanted=5), sized(3, 3)],
        [sized(0, 3), sized(1, 2, new=1), sized(2, 3)],
    ],
    ids=["not yet back", "the Deployment was scaled", "a rollout was undone"],
)
def test_what_the_deployment_wanted_itself_is_not_put_back(told: list[State]) -> None:
    assert [*put_backs(story(*told), "shop")] == []
    assert answer("scaled", story(*told)) is None
    assert shown("scale-the-replicaset", story(*told)) is None


# ── a label taken away, and given back ───────────────────────────────────────────────────────


def test_a_pod_without_its_label_is_counted_beside_the_others() -> None:
    assert answer("counted", story(*LET_GO)) == 4
    assert answer("counted", story(*LET_GO[:2])) is None
    assert [pod.name for pod in outsiders(story(*LET_GO), "shop")] == [A.name]
    told = shown("label-is-a-name", story(*LET_GO)) or ""
    assert f"{A.name} no longer had the label, and nobody owned it." in told
    assert f"{FOURTH.name} was made in its place" in told
    assert shown("label-is-a-name", story(*LET_GO[:2])) is None


def test_a_second_pod_let_go_belongs_to_the_first_try_until_none_is_outside() -> None:
    both = instant(3, [free(A), free(B), C, FOURTH])
    assert let_go_since(story(*LET_GO, both), "shop") == after(1)
    again = instant(5, [free(A), B, C])
    assert let_go_since(story(*BACK, again), "shop") == after(5)
    assert let_go_since(story(instant(0)), "shop") is None


def test_a_deleted_pod_and_an_orphan_were_not_let_go() -> None:
    deleted = story(instant(0), instant(1, three(without="a")), instant(2, [B, C, FOURTH]))
    assert released(deleted, "shop") == []
    orphans = [replace(pod, owner_uid="", labels=pod.labels | {"zone": "a"}) for pod in three()]
    assert released(story(instant(0), instant(1, orphans)), "shop") == []


def test_a_pod_that_comes_back_makes_another_one_go() -> None:
    assert answer("returned", story(*BACK)) == (
        "it belongs to shop again, and one of the four is stopped"
    )
    assert answer("returned", story(*LET_GO)) is None
    assert answer("returned", story(*BACK[:4])) == "it belongs to shop again, and there are four"
    assert answer("returned", story(*BACK[:4], lasts=0.5)) is None
    assert outsiders(story(*BACK), "shop") == []


def test_a_later_adoption_is_not_taken_for_its_return() -> None:
    orphaned = owned_by([A, B, C], "")
    told = story(*BACK, instant(5, orphaned), instant(6))
    found = QUESTIONS["returned"].reality(told)
    assert found is not None
    assert found.at == after(3.5)
    assert len(taken_in(told, "shop")) == 4


# ── a ReplicaSet taken away ──────────────────────────────────────────────────────────────────


def under(seconds: float, uid: str, name: str, pods: Sequence[Pod]) -> State:
    """The shop with one ReplicaSet, of this UID and name, and these Pods."""
    sets = (replace(a_set(name, 1, 3, 3), uid=uid),)
    return replace(instant(seconds, pods), replicasets=sets)


def middle_gone(seconds: float, pods: Sequence[Pod]) -> State:
    return replace(instant(seconds, pods), replicasets=())


def test_orphans_are_adopted_by_a_replicaset_of_the_same_name() -> None:
    told = story(
        instant(0),
        middle_gone(1, owned_by(three(), "")),
        under(2, "again", OLD, owned_by(three(), "again")),
    )
    assert answer("orphans", told) == 0
    assert answer("heir", told) == "a new ReplicaSet of the same name"
    assert owners(told, A.uid) == [OLD, "again"]


def test_pods_that_go_with_their_replicaset_are_made_anew() -> None:
    new = [a_pod(f"{NEW}-{end}", owner=NEW) for end in "xyz"]
    told = story(instant(0), middle_gone(1, []), under(2, NEW, NEW, new))
    assert answer("orphans", told) == 3
    assert answer("heir", told) == "a new ReplicaSet of another name"
    assert answer("orphans", story(instant(0), middle_gone(1, []))) is None


# ── a bare Pod, and two versions ─────────────────────────────────────────────────────────────


def test_a_bare_pod_is_not_replaced() -> None:
    both = [instant(0, [*three(), LONER]), instant(1), instant(2, [B, C])]
    told = story(*both, instant(3, [B, C, FOURTH]))
    assert answer("replaced", told) == "the Pod of shop only"
    assert answer("replaced", story(*both)) is None
    assert "loner had no owner" in (shown("bare-pod-comes-back", told) or "")


def test_a_bare_pod_that_is_there_again_shows_nothing() -> None:
    again = replace(LONER, uid="another")
    told = story(
        instant(0, [*three(), LONER]), instant(1, [B, C]), instant(3, [B, C, FOURTH, again])
    )
    assert answer("replaced", told) == "both"
    assert shown("bare-pod-comes-back", told) is None
    assert shown("bare-pod-comes-back", story(instant(0), instant(1, [B, C]))) is None


def versions(seconds: float, old: tuple[int, int], new: tuple[int, int], at: str) -> State:
    """The shop with two ReplicaSets, each of a revision and a size, complete at a version."""
    sets = (
        replace(a_set(OLD, old[0], old[1], old[1]), version="v1"),
        replace(a_set(NEW, new[0], new[1], new[1]), version="v2"),
    )
    return replace(instant(seconds), replicasets=sets, deployments=(a_deployment(at),))


def test_the_way_back_uses_the_old_replicaset() -> None:
    there = [instant(0), versions(1, (1, 0), (2, 3), "v2")]
    assert answer("sets", story(*there)) is None
    assert answer("sets", story(*there, versions(3, (3, 3), (2, 0), "v1"))) == 2
