"""Misconceptions: how they are told, and what each reads from a recording or from an act."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from nodebynode.course import kernel
from nodebynode.course.labs import questions_of
from nodebynode.course.misconceptions import CATALOGUE, Misconception, detect, find
from nodebynode.errors import BadInput
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import Condition, Pod, State

from .states import NEW, OLD, a_deployment, a_pod, a_set, leaving
from .tapes import Tape, act, after, instant, three

SOLUTIONS = Path(__file__).parents[2] / "solutions"

THREE = three()
FRESH = a_pod(f"{NEW}-x", owner=NEW)
BROKEN = replace(FRESH, ready=False, phase="Pending", reason="ErrImagePull")
DONE = Condition("Progressing", "True", "NewReplicaSetAvailable", "")
OVERDUE = Condition("Progressing", "False", "ProgressDeadlineExceeded", "")


def at(
    seconds: float, sizes: Mapping[str, int], pods: Sequence[Pod] = (), *, revisions: int = 1,
    **of: object,
) -> State:  # fmt: skip
    """The shop, with the sizes of its ReplicaSets in the order of their revisions."""
    sets = tuple(
        replace(a_set(name, number, size, size), available=size)
        for number, (name, size) in enumerate(sizes.items(), start=revisions)
    )
    shop = replace(a_deployment(), **of)
    return replace(instant(seconds, pods), replicasets=sets, deployments=(shop,))


def told(key: str, *states: State, marks: Sequence[Mark] = (), lasts: float = 1) -> str | None:
    return find(key).shows(Story(Tape(states, marks, lasts=lasts), "default"))


# ── how they are told ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("one", CATALOGUE.values(), ids=list(CATALOGUE))
def test_each_is_told_in_sentences_and_cleans_up(one: Misconception) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.key)
    assert one.belief.endswith(".")
    assert one.truth.endswith(".")
    assert one.watch.endswith(".")
    assert "sleep " not in one.experiment
    assert "kubectl delete deployment" in one.experiment
    magic, first, *_ = one.cell.splitlines() if not one.python else ("", *one.cell.splitlines())
    assert magic == ("" if one.python else "%%bash")
    assert first == f'# Puts to the test: "{one.belief}"'
    assert one.watch in one.invitation


def test_a_key_that_is_close_is_asked_for() -> None:
    assert find("pause-stops-all").key == "pause-stops-all"
    with pytest.raises(BadInput, match="Did you mean 'pause-stops-all'"):
        find("pause-stop-all")


def test_where_no_notebook_shows_a_cell_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cell = find("pause-stops-all").cell
    kernel.offer_cell(cell)
    assert capsys.readouterr().out == f"{cell}\n"


# ── what a recording shows ───────────────────────────────────────────────────────────────────


def test_surge_is_seen_where_a_quarter_is_no_whole_number() -> None:
    way = [at(0, {OLD: 3}), at(1, {OLD: 3, NEW: 1}), at(2, {OLD: 2, NEW: 1})]
    said = told("surge-rounds-down", *way)
    assert said
    assert "shop wanted 3 Pods" in said
    assert "up to 4 (maxSurge was 1), and never fewer than 3" in said
    assert told("surge-rounds-down", at(0, {OLD: 4}, wanted=4), at(1, {OLD: 4, NEW: 1}, wanted=4,
                surge=1, unavailable=1)) is None  # fmt: skip
    assert told("surge-rounds-down", *way[:1]) is None
    assert told("surge-rounds-down", at(0, {OLD: 3}), at(1, {OLD: 2, NEW: 1})) is None


def test_a_broken_image_is_seen_beside_old_pods_that_are_ready() -> None:
    before = at(0, {OLD: 3}, THREE)
    said = told("broken-image-is-down", before, at(1, {OLD: 3, NEW: 1}, [*THREE, BROKEN]))
    assert said
    assert f"{NEW}-x on worker showed ErrImagePull" in said
    assert "3 old Pods of shop stayed ready" in said
    down = at(1, {OLD: 3, NEW: 1}, [*three(unready="ab"), BROKEN])
    assert told("broken-image-is-down", before, down) is None
    assert told("broken-image-is-down", before, at(1, {OLD: 3, NEW: 1}, [*THREE, FRESH])) is None


def test_a_deadline_that_passed_is_seen_to_change_nothing() -> None:
    late = at(9, {OLD: 3, NEW: 1}, [*THREE, BROKEN], conditions=(OVERDUE,))
    way = [at(0, {OLD: 3}, THREE), at(1, {OLD: 3, NEW: 1}, [*THREE, BROKEN]), late]
    said = told("deadline-rolls-back", *way, lasts=5)
    assert said
    assert f"5.0 s later its newest ReplicaSet was still {NEW}" in said
    assert told("deadline-rolls-back", *way, lasts=1) is None
    assert told("deadline-rolls-back", *way[:2], lasts=5) is None


def test_a_finished_rollout_is_seen_to_be_progressing() -> None:
    said = told("progressing-is-rolling", at(0, {OLD: 3}, conditions=(DONE,)))
    assert said
    assert f"3 Pods of {OLD} available, of 3" in said
    assert told("progressing-is-rolling", at(0, {OLD: 3}, conditions=(DONE,), updated=1)) is None
    assert told("progressing-is-rolling", at(0, {OLD: 3})) is None


def test_success_is_seen_before_the_old_ones_are_gone() -> None:
    old = leaving(a_pod(f"{OLD}-a"), 30)
    done = {OLD: 0, NEW: 3}
    way = [at(0, {OLD: 3}, THREE), at(1, {OLD: 1, NEW: 3}, [old, FRESH], updated=2)]
    said = told("success-means-gone", *way, at(2, done, [old, FRESH]), at(6, done, [FRESH]))
    assert said
    assert f"1 old Pod took 4.0 s more to leave: {OLD}-a on worker" in said
    assert told("success-means-gone", *way, at(2, done, [FRESH])) is None


def test_a_change_of_size_is_seen_to_keep_the_revision() -> None:
    scaled = [at(0, {OLD: 3}), at(1, {OLD: 3}, wanted=5), at(1.1, {OLD: 5}, wanted=5)]
    said = told("replicas-make-a-revision", *scaled)
    assert said
    assert "shop went from 3 to 5 Pods at 14:02:08.000" in said
    assert f"its ReplicaSet {OLD}, and revision 1" in said
    rolled = at(1, {OLD: 3, NEW: 5}, wanted=5)
    assert told("replicas-make-a-revision", scaled[0], rolled) is None
    assert told("replicas-make-a-revision", *scaled[:2]) is None


CHANGED = act(1, "kubectl patch configmap shop -p {}")


def test_a_changed_configmap_is_seen_to_begin_no_rollout() -> None:
    still = [at(0, {OLD: 3}, THREE), at(2, {OLD: 3}, three(unready="a"))]
    said = told("configmap-restarts", *still, marks=[CHANGED])
    assert said
    assert "no rollout of shop followed" in said
    rolled = [*still, at(3, {OLD: 3, NEW: 1}, THREE)]
    assert told("configmap-restarts", *rolled, marks=[CHANGED]) is None
    restart = act(2.5, "kubectl rollout restart deployment/shop")
    said = told("configmap-restarts", *rolled, marks=[CHANGED, restart])
    assert said
    assert f"{NEW}, which came at 14:02:10.000, came with `{restart.text}`" in said
    assert told("configmap-restarts", *still) is None


def test_a_removed_deployment_begins_no_rollout() -> None:
    gone = [at(2, {OLD: 0, NEW: 3}, THREE), at(3, {OLD: 0}, THREE)]
    assert told("configmap-restarts", *gone, marks=[act(2.5, CHANGED.text)])


def image(tag: str, seconds: float = 1) -> Mark:
    return act(seconds, f"kubectl set image deployment/shop shop=localhost/shop:{tag}")


def test_the_same_tag_is_seen_to_change_nothing() -> None:
    still = [at(0, {OLD: 3}), at(2, {OLD: 3}, THREE)]
    said = told("same-tag-rolls-out", *still, marks=[image("v1")])
    assert said
    assert f"Its ReplicaSet stayed {OLD}, revision 1" in said
    assert told("same-tag-rolls-out", *still, marks=[image("v2")]) is None
    assert told("same-tag-rolls-out", *still) is None


BACK = [
    at(0, {OLD: 3}),
    at(1, {OLD: 0, NEW: 3}),
    at(2, {NEW: 0, OLD: 3}, revisions=2),
]


def test_an_undone_template_is_seen_under_another_number() -> None:
    said = told("undo-keeps-the-number", *BACK)
    assert said
    assert f"{OLD} had been revision 1 of shop" in said
    assert "it became revision 3, and there was no revision 1 any more" in said
    assert told("undo-keeps-the-number", *BACK[:2]) is None


def test_a_paused_deployment_is_seen_to_scale() -> None:
    paused = at(1, {OLD: 3}, paused=True)
    said = told("pause-stops-all", paused, at(2, {OLD: 5}, paused=True, wanted=5))
    assert said
    assert f"It still went from 3 to 5 Pods, at 14:02:09.000, all of {OLD} (v1)" in said
    assert told("pause-stops-all", paused, at(2, {OLD: 5}, wanted=5)) is None


def dear(costs: Sequence[int]) -> list[Pod]:
    return [replace(pod, deletion_cost=c) for pod, c in zip(three(), costs, strict=True)]


def test_the_cheapest_is_seen_to_go_by_a_rule() -> None:
    pods = dear((0, -100, 0))
    before, shrunk = at(0, {OLD: 3}, pods), at(1, {OLD: 2}, pods, wanted=2)
    gone = at(1.1, {OLD: 2}, [pods[0], leaving(pods[1], 9), pods[2]], wanted=2)
    said = told("victims-are-random", before, shrunk, gone)
    assert said
    assert f"{OLD}-b went because of this: its deletion cost is lower" in said
    other = at(1.1, {OLD: 2}, [pods[0], pods[1]], wanted=2)
    assert told("victims-are-random", before, shrunk, other) is None
    assert told("victims-are-random", before) is None


def test_a_node_is_seen_to_be_emptied() -> None:
    full = [a_pod(f"{OLD}-{n}", "worker" if n < 3 else "worker2") for n in range(5)]
    before, shrunk = at(0, {OLD: 5}, full, wanted=5), at(1, {OLD: 2}, full, wanted=2)
    said = told("scale-down-keeps-spread", before, shrunk, at(1.1, {OLD: 2}, full[3:], wanted=2))
    assert said
    assert "3 on worker and 2 on worker2" in said
    assert "gave up 3 Pods, and kept 2 on worker2. None was left on worker." in said
    even = at(1.1, {OLD: 2}, [full[0], full[4]], wanted=2)
    assert told("scale-down-keeps-spread", before, shrunk, even) is None


def test_the_learners_own_deployment_is_told_before_that_of_an_experiment() -> None:
    """Both have their say in one recording; the one that is known comes first."""
    scaled = [at(0, {OLD: 3}), at(1, {OLD: 3}, wanted=5), at(1.1, {OLD: 5}, wanted=5)]

    def with_belief(state: State) -> State:
        [shop], [rs] = state.deployments, state.replicasets
        also = replace(shop, uid="b", name="belief")
        its = replace(rs, uid="b-1", name="belief-1", owner_uid="b")
        return replace(state, deployments=(also, shop), replicasets=(its, rs))

    assert "shop went from" in (told("replicas-make-a-revision", *map(with_belief, scaled)) or "")


# ── what an act gives away ───────────────────────────────────────────────────────────────────


def betrays(key: str, states: Sequence[State], marks: Sequence[Mark]) -> bool:
    found = {
        one.misconception.key: one for one in detect([], Story(Tape(states, marks), "default"))
    }
    assert all(one.question == "" for one in found.values())
    return key in found


def test_an_undo_right_after_a_scaling_gives_a_belief_away() -> None:
    states = [at(0, {OLD: 3}), at(2, {OLD: 5}, wanted=5), at(4, {OLD: 5}, THREE, wanted=5)]
    scale = act(1, "kubectl scale deployment shop --replicas=5")
    undo = act(3, "kubectl rollout undo deployment/shop")
    assert betrays("replicas-make-a-revision", states, [scale, undo])
    assert not betrays("replicas-make-a-revision", states, [undo])
    assert not betrays("replicas-make-a-revision", states, [scale, act(3, f"{undo.text}2")])
    rolled = [at(0, {OLD: 3, NEW: 1}), *states[1:1], at(4, {OLD: 3, NEW: 2}, wanted=5)]
    assert not betrays("replicas-make-a-revision", rolled, [scale, undo])


def test_a_tag_that_is_there_already_gives_a_belief_away_but_a_cell_twice_does_not() -> None:
    states = [at(0, {OLD: 3}), at(4, {OLD: 3}, THREE)]
    assert betrays("same-tag-rolls-out", states, [image("v1")])
    assert not betrays("same-tag-rolls-out", states, [image("v2")])
    twice = [at(0, {OLD: 3}), at(2, {OLD: 0, NEW: 3}), at(4, {OLD: 0, NEW: 3}, THREE)]
    assert not betrays("same-tag-rolls-out", twice, [image("v2"), image("v2", 3)])


def test_an_undo_to_a_number_that_is_gone_gives_a_belief_away() -> None:
    to = act(2.5, "kubectl rollout undo deployment/shop --to-revision=1")
    assert betrays("undo-keeps-the-number", BACK, [to])
    assert not betrays("undo-keeps-the-number", BACK, [replace(to, at=after(1.5))])
    assert not betrays("undo-keeps-the-number", BACK, [replace(to, text=to.text[:-1] + "7")])


@pytest.mark.parametrize("solution", sorted(SOLUTIONS.glob("[0-9]*.py")), ids=lambda one: one.stem)
def test_every_belief_that_a_lab_names_is_in_the_catalogue(solution: Path) -> None:
    named = {
        question.belief(answer)
        for question in questions_of(solution.stem)
        if question.belief
        for answer in (*getattr(question.kind, "options", ()), *range(12))
    }
    assert named - {None} <= set(CATALOGUE)
    assert named - {None}
