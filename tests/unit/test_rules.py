"""Rules over time: what breaks them first, who was there, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from nodebynode.recording import Recorder, Recording
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
    uncordoned,
)
from nodebynode.recording.rules.rule import Rule

from .api_objects import BEGAN
from .rollouts import Rollout
from .states import OLD, a_pod
from .tapes import Tape, act, after, instant, three

DEFAULT = "3/0 3/1 2/1 2/2 1/2 1/3 0/3"
DRAIN = "kubectl drain worker"
DIP = Tape(
    [instant(0), instant(2, three(without="b")), instant(3.5)], [act(1.7, "kubectl delete pod b")]
)
"""Two are ready from second 2 to 3.5."""


def recorded(folder: Path, rollout: Rollout, *marks: str) -> Recording:
    with Recorder(folder / "a.jsonl", clock=BEGAN.timestamp) as recorder:
        recorder.snapshot(rollout.snapshot())
        for text in marks:
            recorder.mark("action", text)
        for one in rollout.changes():
            recorder.change(*one)
    return Recording.read(recorder.path)


# ── counts at each instant ───────────────────────────────────────────────────────────────────


def test_a_rollout_with_defaults_keeps_its_promises(tmp_path: Path) -> None:
    recording = recorded(tmp_path, Rollout(3))
    for rule in (
        always(available("shop") >= 3),
        always(ready("shop") >= 3),
        never(more_than(pods("shop"), 4)),
        sequence(DEFAULT),
        sequence(DEFAULT, merging=True),
        always(endpoints("shop") >= 3, after=rollout_begins("shop"), before=rollout_ends("shop")),
        eventually(terminating("shop") == 1),
    ):
        finding = rule.judge(recording)
        assert (finding.verdict, finding.violation) == ("holds", None), str(finding)


def test_a_rollout_that_takes_all_at_once_breaks_them(tmp_path: Path) -> None:
    recording = recorded(tmp_path, Rollout(3, unavailable=3))
    for rule in (
        always(available("shop") >= 3),
        always(ready("shop") >= 3),
        sequence(DEFAULT, merging=True),
        always(endpoints("shop") > 0),
    ):
        finding = rule.judge(recording)
        assert finding.verdict == "broken", str(finding)
        there = {pod.name for pod in recording.state_at(finding.violation.at).pods}
        assert {pod.name for pod in finding.violation.pods} <= there
        assert all(pod.name in str(finding) for pod in finding.violation.pods)


def test_the_first_violation_is_told_with_the_pods_and_what_led_to_it() -> None:
    finding = always(ready("shop") >= 3).judge(DIP)
    assert str(finding).splitlines() == [
        "Broken: always at least 3 Pods of Deployment shop are ready.",
        "At 14:02:09.000, for 1.5 s: 2 Pods of Deployment shop were ready"
        f" ({OLD}-a on worker and {OLD}-c on worker3); beside them"
        f" {OLD}-b on worker2 (terminating)."
        f" Heard just then: Pod {OLD}-b on worker2 began to terminate."
        " The last act before it was `kubectl delete pod b`, 300 ms earlier.",
        "Looked at 3 instants in 4.5 s; what lay between two of them was not seen.",
    ]
    assert finding.violation.until - finding.violation.at == timedelta(seconds=1.5)


def test_a_dip_of_one_kind_is_told_however_short_it_is() -> None:
    tape = Tape([instant(0), instant(2, three(without="b")), instant(2.001)])
    assert always(ready("shop") >= 3).judge(tape).verdict == "broken"


def test_what_still_lasts_at_the_end_is_told_so() -> None:
    finding = always(ready("shop") >= 3).judge(Tape(DIP.told[:2]))
    assert finding.violation.until is None
    assert "and still at the end" in str(finding)


def test_a_deployment_that_is_taken_away_has_no_ready_pods() -> None:
    gone = replace(instant(2, []), deployments=(), replicasets=())
    finding = always(ready("shop") >= 3).judge(Tape([instant(0), gone]))
    assert "0 Pods of Deployment shop were ready" in finding.seen


def test_before_its_first_appearance_nothing_is_judged() -> None:
    nothing = replace(instant(0, []), deployments=(), replicasets=())
    assert always(ready("shop") >= 3).judge(Tape([nothing, instant(2)])).verdict == "holds"


def test_a_pod_counts_before_its_replicaset_is_heard_of() -> None:
    early = replace(instant(1, three()), replicasets=())
    finding = never(pods("shop") < 3).judge(Tape([early, instant(1.01)]))
    assert finding.verdict == "holds", str(finding)


def test_other_namespaces_do_not_count() -> None:
    finding = always(ready("shop") >= 3).judge(DIP, namespace="lab-01")
    assert finding.verdict == "not seen"
    assert "no Deployment shop in lab-01" in finding.seen


# ── what watches cannot tell apart ───────────────────────────────────────────────────────────


def lagging(seconds: float) -> Tape:
    """The endpoints are heard so much later than the Pod that they lead to."""
    at_two = instant(2, three(without="b"))
    return Tape([instant(0), replace(at_two, slices=instant(0).slices),
                 replace(at_two, at=after(2 + seconds))])  # fmt: skip


def test_kinds_that_are_heard_apart_break_nothing() -> None:
    rule = always(endpoints("shop") <= ready("shop"))
    finding = rule.judge(lagging(0.02))
    assert finding.verdict == "holds"
    assert "Too short to tell: at 14:02:09.000, for 20 ms" in str(finding)
    assert rule.judge(lagging(0.2)).verdict == "broken"
    assert rule.judge(lagging(0.02), apart=timedelta(milliseconds=10)).verdict == "broken"


@pytest.mark.parametrize(("lasts", "verdict"), [(0.02, "holds"), (0.2, "broken")])
def test_one_pod_more_for_a_moment_breaks_no_surge(lasts: float, verdict: str) -> None:
    """One ReplicaSet may make its next Pod before another lets go of one."""
    four = [*three(), a_pod(f"{OLD}-d", "worker2")]
    tape = Tape([instant(0), instant(2, four), instant(2 + lasts)])
    assert never(more_than(pods("shop"), 3)).judge(tape).verdict == verdict


def test_many_that_are_too_short_are_told_once_and_counted() -> None:
    told = [replace(one, at=one.at + timedelta(seconds=10 * n))
            for n in range(3) for one in lagging(0.02).told]  # fmt: skip
    finding = always(endpoints("shop") <= ready("shop")).judge(Tape(told))
    assert len(finding.unclear) == 3
    assert str(finding).count("Too short to tell") == 1
    assert "So it was 2 times more." in str(finding)


@pytest.mark.parametrize(("lasts", "verdict"), [(0.02, "holds"), (0.2, "broken")])
def test_what_ends_as_a_window_begins_may_have_been_before_it(lasts: float, verdict: str) -> None:
    tape = Tape(
        [instant(0, three(unready="b")), instant(2, three(unready="b"), cordoned="worker"),
         instant(2 + lasts, cordoned="worker"), instant(4)]
    )  # fmt: skip
    finding = always(ready("shop") >= 3, after=cordoned("worker")).judge(tape)
    assert finding.verdict == verdict
    assert bool(finding.unclear) is (verdict == "holds")


@pytest.mark.parametrize(("lasts", "verdict"), [(0.02, "holds"), (0.2, "broken")])
def test_what_begins_as_a_window_ends_may_have_been_behind_it(lasts: float, verdict: str) -> None:
    short = three(without="b")
    tape = Tape(
        [instant(0, cordoned="worker"), instant(2 - lasts, short, cordoned="worker"),
         instant(2, short)]
    )  # fmt: skip
    finding = always(ready("shop") >= 3, before=uncordoned("worker")).judge(tape)
    assert finding.verdict == verdict


# ── windows ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (always(ready("shop") >= 3, after=mark("drain")), "broken"),
        (always(ready("shop") >= 3, before=mark("drain")), "holds"),
        (always(ready("shop") >= 3, after=mark("done")), "holds"),
        (always(ready("shop") >= 3, after=mark("drain"), before=mark("done")), "broken"),
        (always(ready("shop") >= 3, after=last(mark("kubectl"))), "holds"),
        (always(ready("shop") >= 3, after=mark("scale")), "not seen"),
        (always(ready("shop") >= 2, after=mark("drain"), before=mark("scale")), "not seen"),
        (eventually(ready("shop") == 2, after=mark("drain")), "holds"),
        (eventually(ready("shop") == 2, after=mark("done")), "broken"),
        (eventually(ready("shop") == 1, after=mark("drain"), before=mark("done")), "broken"),
        (eventually(ready("shop") == 1, before=mark("scale")), "not seen"),
    ],
    ids=str,
)
def test_a_rule_is_judged_in_its_window(rule: Rule, verdict: str) -> None:
    marks = [act(1, DRAIN), act(4, "kubectl get pods # done")]
    assert rule.judge(replace(DIP, marks=marks)).verdict == verdict


def test_a_prediction_is_no_moment_to_begin_at() -> None:
    foretold = [replace(act(1, DRAIN), kind="prediction")]
    finding = always(ready("shop") >= 3, after=mark("drain")).judge(replace(DIP, marks=foretold))
    assert finding.seen == "The recording never came to `drain`."


def test_what_is_so_when_the_window_begins_is_told_from_there() -> None:
    rule = always(ready("shop") >= 3, after=mark("drain"))
    finding = rule.judge(replace(DIP, marks=[act(3, DRAIN)]))
    assert finding.violation.at == after(3)
    assert finding.violation.change == ""


def test_a_rollout_is_found_where_it_begins_and_ends(tmp_path: Path) -> None:
    recording = recorded(tmp_path, Rollout(3))
    one = always(pods("shop") == 3, before=rollout_begins("shop"))
    other = always(pods("shop") == 3, after=last(rollout_ends("shop")))
    assert [rule.judge(recording).verdict for rule in (one, other)] == ["holds", "holds"]


def test_a_recording_that_is_cut_is_said_and_decides_nothing() -> None:
    tape = replace(DIP, cut="The recording has no end.")
    assert str(always(ready("shop") >= 2).judge(tape)).endswith("The recording has no end.")
    assert eventually(ready("shop") == 1).judge(tape).verdict == "not seen"


# ── bindings ─────────────────────────────────────────────────────────────────────────────────


def bound_at(seconds: float, node: str, *, elsewhere: bool = True) -> Tape:
    """worker2 is cordoned from second 1 to 5; a Pod is bound to a node, another to worker."""
    new = a_pod(f"{OLD}-d", None, ready=False)
    come = [*three(), replace(new, node=node)]
    other = [a_pod(f"{OLD}-e", "worker")] * elsewhere
    there = [instant(0), instant(1, cordoned="worker2"), instant(5), instant(6, come)]
    told = [one for one in there[:3] if one.at < after(seconds)]
    told.append(instant(seconds, come, cordoned="worker2" if 1 <= seconds < 5 else ""))
    told += [replace(one, pods=tuple(come)) for one in there[1:] if one.at > after(seconds)]
    later = (replace(one, pods=(*one.pods, *other)) if one.at >= after(1) else one for one in told)
    return Tape(list(later))


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.5, "holds"), (1.02, "holds"), (3, "broken"), (4.98, "holds")]
)
def test_no_pod_is_bound_while_a_node_is_cordoned(seconds: float, verdict: str) -> None:
    for rule in (no_binding_to("worker2"), no_binding_to()):
        finding = rule.judge(bound_at(seconds, "worker2"))
        assert finding.verdict == verdict, str(finding)
        assert len(finding.unclear) == (seconds in (1.02, 4.98))


def test_the_pod_that_was_bound_is_named() -> None:
    finding = no_binding_to().judge(bound_at(3, "worker2"))
    assert [pod.name for pod in finding.violation.pods] == [f"{OLD}-d"]
    assert f"Pod {OLD}-d was bound to worker2" in finding.seen


def test_a_binding_after_a_moment_counts_without_a_cordon() -> None:
    rule = no_binding_to("worker3", after=cordoned("worker2"))
    assert rule.judge(bound_at(3, "worker3")).verdict == "broken"
    assert rule.judge(bound_at(0.5, "worker3")).verdict == "holds"


def test_a_cordon_that_nothing_puts_to_the_test_is_not_seen() -> None:
    finding = no_binding_to().judge(bound_at(0.5, "worker", elsewhere=False))
    assert finding.verdict == "not seen"
    assert "No Pod of default was bound to another node" in finding.seen


def test_without_a_cordon_nothing_is_seen() -> None:
    assert no_binding_to().judge(DIP).seen == "No node was cordoned."
    assert no_binding_to("worker").judge(DIP).seen == "worker was never cordoned."


# ── evictions ────────────────────────────────────────────────────────────────────────────────


def replaced(names: str) -> list:
    """The Pods after some of three have been replaced by ready ones."""
    return [*three(gone=names), *(a_pod(f"{OLD}-{name}2") for name in names)]


def test_evictions_that_wait_hold() -> None:
    tape = Tape(
        [instant(0), instant(1, three(without="a")), instant(3, replaced("a")),
         instant(4, [one for one in replaced("a") if not one.name.endswith("b")])]
    )  # fmt: skip
    finding = each_eviction_waits_for_ready().judge(tape)
    assert finding.verdict == "holds"
    assert f"2 Pods left, each when all were ready: {OLD}-a on worker" in finding.seen


def test_an_eviction_that_does_not_wait_is_told() -> None:
    tape = Tape(
        [instant(0), instant(1, three(without="a")), instant(1.01, three(without="ab")),
         instant(5, replaced("ab"))]
    )  # fmt: skip
    finding = each_eviction_waits_for_ready().judge(tape)
    assert finding.violation.at == after(1.01)
    assert finding.violation.until == after(5)
    assert f"Pod {OLD}-b on worker2 was made to leave when 2 of 3 were ready" in finding.seen
    assert f"{OLD}-a on worker (terminating)" in finding.seen


@pytest.mark.parametrize("heard", [0, 0.02])
def test_a_smaller_size_makes_nobody_wait(heard: float) -> None:
    """Also where the Pods are heard of before the new size."""
    early, small = three(without="a"), three(without="ab")
    tape = Tape(
        [instant(0), instant(1, early, wanted=1 if not heard else 3),
         instant(1.01, small, wanted=1 if not heard else 3), instant(1.01 + heard, small, wanted=1)]
    )  # fmt: skip
    finding = each_eviction_waits_for_ready().judge(tape)
    assert finding.verdict == "not seen", str(finding)


def test_a_pod_that_was_not_ready_may_leave_at_any_time() -> None:
    tape = Tape([instant(0, three(unready="a")), instant(1, three(without="a", unready="a"))])
    assert each_eviction_waits_for_ready().judge(tape).verdict == "not seen"


def test_a_rollout_evicts_nobody(tmp_path: Path) -> None:
    finding = each_eviction_waits_for_ready().judge(recorded(tmp_path, Rollout(3, unavailable=3)))
    assert finding.verdict == "not seen", str(finding)


# ── sizes in their order ─────────────────────────────────────────────────────────────────────


def test_a_path_begins_at_its_first_pair_and_ends_at_its_last(tmp_path: Path) -> None:
    recording = recorded(tmp_path, Rollout(3))
    assert sequence("2/1 2/2").judge(recording).verdict == "holds"
    assert sequence("2/1 2/2 1/2", merging=True).judge(recording).verdict == "holds"
    far = sequence("1/3 0/3 0/4", merging=True).judge(recording)
    assert (far.verdict, far.seen) == ("not seen", "It came no further than 0/3.")
    assert sequence("5/0 5/1").judge(recording).verdict == "not seen"
    assert sequence("3/0 0/3", deployment="cart").judge(recording).verdict == "not seen"


def test_what_was_passed_unseen_is_named_and_only_merging_lets_it_be(tmp_path: Path) -> None:
    recording = recorded(tmp_path, Rollout(3, surge="100%"))
    expected = "3/0 3/2 3/3 2/3 1/3 0/3"
    finding = sequence(expected, merging=True).judge(recording)
    assert "Passed unseen: 3/2" in finding.seen
    assert sequence(expected).judge(recording).verdict == "broken"
