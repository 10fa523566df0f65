"""Rules against a naive reading: every State by itself, with nothing but the joins of `state`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nodebynode.recording.rules import (
    Count,
    always,
    available,
    each_eviction_waits_for_ready,
    endpoints,
    eventually,
    mark,
    never,
    no_binding_to,
    pods,
    ready,
    sequence,
    terminating,
)
from nodebynode.recording.rules.rule import Rule
from nodebynode.state import Pod, State, pods_of, replicasets_of

from .some_states import histories
from .states import NEW, OLD, a_deployment, a_set
from .tapes import Tape, act, after

Naive = Callable[[State], int]
few = settings(max_examples=50)


def shop_pods(state: State) -> list[Pod]:
    (shop,) = state.deployments
    return [pod for rs in replicasets_of(state, shop) for pod in pods_of(state, rs.uid)]


def ready_pods(state: State) -> int:
    return sum(
        pod.ready and not pod.terminating and pod.phase not in ("Succeeded", "Failed")
        for pod in shop_pods(state)
    )


NAIVE: dict[str, tuple[Count, Naive]] = {
    "ready": (ready("shop"), ready_pods),
    "there": (pods("shop"), lambda state: sum(not p.terminating for p in shop_pods(state))),
    "terminating": (
        terminating("shop"),
        lambda state: sum(pod.terminating for pod in shop_pods(state)),
    ),
    "available": (available("shop"), lambda state: sum(rs.available for rs in state.replicasets)),
    "endpoints": (
        endpoints("shop"),
        lambda state: sum(one.ready for s in state.slices for one in s.endpoints),
    ),
}  # fmt: skip


def tape(told: Sequence[State], *marks: float) -> Tape:
    """The history, with what its ReplicaSets have available, and marks at seconds of it."""
    counted = [
        replace(
            state,
            replicasets=tuple(
                replace(rs, available=sum(p.ready for p in pods_of(state, rs.uid)))
                for rs in state.replicasets
            ),
        )
        for state in told
    ]
    began = (told[0].at - after(0)).total_seconds()
    return Tape(counted, [act(began + at, f"act {n}") for n, at in enumerate(marks)])


@few
@pytest.mark.parametrize("name", NAIVE)
@given(told=histories(), number=st.integers(0, 6))
def test_always_and_never_find_the_first_instant(name: str, told: list[State], number: int) -> None:
    count, naive = NAIVE[name]
    story = tape(told)
    fewer = [state for state in story.told if naive(state) < number]
    for rule in (always(count >= number), never(count < number)):
        finding = rule.judge(story)
        if name == "endpoints" and not story.told[-1].slices:
            assert finding.verdict == "not seen"
            continue
        assert finding.verdict == ("broken" if fewer else "holds"), str(finding)
        if fewer:
            first = fewer[0]
            assert finding.violation.at == first.at
            assert f" {naive(first)} " in f" {finding.violation.saw}"
            assert set(finding.violation.pods) <= set(first.pods)
            back = (s.at for s in story.told if s.at > first.at and naive(s) >= number)
            assert finding.violation.until == next(back, None)


@few
@given(told=histories(), number=st.integers(0, 6), data=st.data())
def test_a_window_leaves_out_what_is_outside(
    told: list[State], number: int, data: st.DataObject
) -> None:
    """Marks lie half-way between instants, so that nothing is too close to tell."""
    assume(len(told) > 1)
    start = data.draw(st.integers(0, len(told) - 2))
    stop = data.draw(st.integers(start + 1, len(told) - 1))
    story = tape(told, start + 0.5, stop + 0.5)
    window = {"after": mark("act 0"), "before": mark("act 1")}
    enough = [ready_pods(state) >= number for state in told[start : stop + 1]]
    kept = always(ready("shop") >= number, **window).judge(story)
    came = eventually(ready("shop") >= number, **window).judge(story)
    assert kept.verdict == ("holds" if all(enough) else "broken"), str(kept)
    assert came.verdict == ("holds" if any(enough) else "broken"), str(came)


@few
@given(told=histories())
def test_bindings_to_cordoned_nodes_are_found(told: list[State]) -> None:
    bad, good = [], 0
    for before, now in pairwise(told):
        closed = {node.name for node in now.nodes if node.cordoned}
        long_closed = {node.name for node in before.nodes if node.cordoned} & closed
        had = {pod.uid for pod in before.pods if pod.node}
        new = [pod for pod in now.pods if pod.node and pod.uid not in had]
        bad += [(now.at, pod) for pod in new if pod.node in long_closed]
        good += sum(pod.node not in closed for pod in new) if closed else 0
    finding = no_binding_to().judge(tape(told))
    if bad:
        assert (finding.violation.at, finding.violation.pods[0]) == bad[0]
    else:
        assert finding.verdict == ("holds" if good else "not seen"), str(finding)


@few
@given(told=histories())
def test_evictions_that_do_not_wait_are_found(told: list[State]) -> None:
    bad, good = [], 0
    for before, now in pairwise(told):
        sizes = [{rs.uid: rs.wanted for rs in state.replicasets} for state in (before, now)]
        wanted = min(state.deployments[0].wanted for state in (before, now))
        stays = {pod.uid for pod in now.pods if pod.active}
        for pod in shop_pods(before):
            left = pod.ready and pod.active and pod.uid not in stays
            again = next((one for one in now.pods if one.uid == pod.uid), None)
            if not left or (again and not again.terminating):
                continue
            staying = sum(one.active for one in pods_of(now, pod.owner_uid))
            if staying < min(size[pod.owner_uid] for size in sizes):
                good += ready_pods(before) >= wanted
                bad += [now.at] * (ready_pods(before) < wanted)
    finding = each_eviction_waits_for_ready().judge(tape(told))
    if bad:
        assert finding.violation.at == bad[0]
        assert set(finding.violation.pods) <= {pod for state in told for pod in state.pods}
    else:
        assert finding.verdict == ("holds" if good else "not seen"), str(finding)


PAIRS = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(path=st.lists(PAIRS, min_size=2, max_size=8, unique=True), data=st.data())
def test_a_path_may_be_passed_over_and_never_left(path: list, data: st.DataObject) -> None:
    kept = [one for one in path[1:-1] if data.draw(st.booleans())]
    seen = [path[0], *kept, path[-1]]
    strange = data.draw(st.none() | PAIRS.filter(lambda one: one not in path))
    place = data.draw(st.integers(1, len(seen) - 1))
    if strange:
        seen.insert(place, strange)
    told = [
        State(
            after(second),
            replicasets=(a_set(OLD, 1, old, old), a_set(NEW, 2, new, new)),
            deployments=(a_deployment(),),
        )
        for second, (old, new) in enumerate(seen)
    ]
    text = " ".join(f"{old}/{new}" for old, new in path)
    finding = sequence(text, merging=True).judge(Tape(told))
    strict = sequence(text).judge(Tape(told))
    if strange:
        assert finding.violation.at == strict.violation.at or strict.violation.at < after(place)
        assert finding.violation.at == after(place)
    else:
        assert finding.verdict == "holds", str(finding)
        assert (strict.verdict == "holds") is (seen == path)


@pytest.mark.parametrize(
    "rule",
    [
        always(ready("shop") >= 0),
        never(terminating("shop") > 99),
        eventually(ready("shop") >= 0),
        no_binding_to(),
        each_eviction_waits_for_ready(),
        sequence("3/0 0/3", merging=True),
    ],
    ids=str,
)
def test_judged_over_nothing_no_rule_holds(rule: Rule) -> None:
    assert rule.judge(Tape([State(after(0))])).verdict == "not seen"
