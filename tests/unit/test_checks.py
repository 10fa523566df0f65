"""Checks without a cluster: how long they wait, what they say, and which hint comes when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, repeat
from typing import cast

import pytest
from nodebynode import Lab
from nodebynode.course.checks import Check, NotYet, Verdict, by_name, judge, not_yet, passed
from nodebynode.course.labs import checks_of
from nodebynode.course.look import Look
from nodebynode.errors import BadInput

NOTHING = cast(Look, None)


def check(
    *verdicts: Verdict, hints: tuple[str, ...] = ("first", "last"), timeout: float = 5
) -> Check:
    """Return a check that finds these one after the other, and the last for ever."""
    found: Iterator[Verdict] = chain(verdicts, repeat(verdicts[-1]))
    return Check("pods", "Three Pods", lambda _: next(found), hints, timeout)


def test_a_check_that_passes_says_what_it_saw() -> None:
    assert judge(check(passed("Three Pods run.")), NOTHING, 1) == "Three Pods run."


def test_a_check_waits_for_what_is_on_its_way() -> None:
    coming = not_yet("Two Pods run.", "Three.", wait=True)
    asked = check(coming, coming, passed("Three Pods run."))
    assert judge(asked, NOTHING, 1, every=0.01) == "Three Pods run."


def test_a_check_does_not_wait_when_nothing_is_on_its_way() -> None:
    refused = check(not_yet("There is no Deployment.", "One."), passed("never looked at again"))
    with pytest.raises(NotYet) as caught:
        judge(refused, NOTHING, 1)
    assert str(caught.value) == ("pods: There is no Deployment. Expected: One. Hint: first")


def test_what_was_done_a_moment_ago_is_looked_at_once_more() -> None:
    seen = [not_yet("No rollout is under way.", "One."), passed("One is.")]
    asked, behind = check(*seen), list[str]()
    assert judge(asked, NOTHING, 1, catch_up=lambda: behind.append("told")) == "One is."
    assert behind == ["told"]
    refused = check(not_yet("None.", "One."), not_yet("Still none.", "One."))
    with pytest.raises(NotYet, match=r"Still none\."):
        judge(refused, NOTHING, 1, catch_up=lambda: behind.append("again"))
    assert behind == ["told", "again"]


def test_a_check_says_how_long_it_waited_and_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr("nodebynode.course.checks.time.monotonic", lambda: next(clock))
    said: list[str] = []
    slow = check(not_yet("Two Pods run.", "Three.", wait=True), timeout=8)
    with pytest.raises(NotYet, match=r"Two Pods run\. \(waited 9 s\) Expected: Three\."):
        judge(slow, NOTHING, 1, say=said.append, every=0)
    assert said == ["… Two Pods run. Waiting up to 8 s."]


@pytest.mark.parametrize(
    ("own", "attempt", "hint"),
    [
        ("", 1, "first"),
        ("", 2, "last"),
        ("", 9, "last"),
        ("It has no image.", 1, "It has no image."),
        ("It has no image.", 2, "It has no image. last"),
    ],
)
def test_the_hints_become_more_direct(own: str, attempt: int, hint: str) -> None:
    with pytest.raises(NotYet) as caught:
        judge(check(not_yet("No.", "Yes.", own)), NOTHING, attempt)
    assert caught.value.hint == hint


def test_a_refusal_in_a_notebook_has_no_traceback() -> None:
    with pytest.raises(NotYet) as caught:
        judge(check(not_yet("word " * 40, "Three.")), NOTHING, 1)
    shown = caught.value._render_traceback_()
    assert shown[0] == "✗ Not yet · Three Pods (pods)"
    assert shown[-2:] == ["  expected  Three.", "  hint      first"]
    assert max(map(len, shown)) <= 92


def test_a_name_or_a_command_is_not_broken_at_its_hyphens() -> None:
    with pytest.raises(NotYet) as caught:
        judge(check(not_yet("on nodebynode-worker2 " * 20, "Three.")), NOTHING, 1)
    shown = caught.value._render_traceback_()
    assert sum(line.count("nodebynode-worker2") for line in shown) == 20


def test_two_checks_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two checks have the same name"):
        by_name((check(passed("")), check(passed(""))))


def test_a_lab_without_checks_is_said() -> None:
    with pytest.raises(BadInput, match="Lab 77-nothing has no checks yet"):
        checks_of("77-nothing")


@pytest.fixture
def lab() -> Lab:
    """A lab with two checks and no cluster; only what comes before the cluster can be asked."""
    made = object.__new__(Lab)
    made.name = "01-what-runs-where"
    made._checks = {"first-pods": check(passed("")), "pods-again": check(passed(""))}
    made._attempts = Counter()
    return made


@pytest.mark.parametrize(
    ("name", "do"),
    [
        ("first-pod", "Did you mean 'first-pods'? Its checks are first-pods, pods-again."),
        ("moon", "Its checks are first-pods, pods-again."),
    ],
)
def test_an_unknown_check_is_named_with_the_nearest(lab: Lab, name: str, do: str) -> None:
    with pytest.raises(BadInput) as caught:
        lab.check(name)
    assert (caught.value.seen, caught.value.do) == (f"This lab has no check '{name}'.", do)
    assert lab._attempts == {}


def test_every_check_of_every_lab_has_hints_a_title_and_a_limit() -> None:
    for one in checks_of("01-what-runs-where"):
        assert one.hints
        assert all(one.hints)
        assert one.title
        assert 0 < one.timeout <= 120
