"""A duel's figures come from the recording and the load, and its picture and table say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
from nodebynode.course import duel as module
from nodebynode.course.duel import Duel, begins, ends, lost_on
from nodebynode.course.duel_shown import Shown
from nodebynode.course.fares import Day, Fare, fare
from nodebynode.errors import BadInput, ClusterError
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import State
from nodebynode.view.availability import Column, Curve, availability
from nodebynode.witness import Report
from nodebynode.witness.attribution import Loss
from nodebynode.witness.suspicion import Cause
from nodebynode.witness.traffic import Traffic

from .services import request
from .tapes import Tape, act, after, instant, three

WORDS = ("a title", "in words")


def note(seconds: float, text: str) -> Mark:
    return Mark(after(seconds), "note", text)


def a_report(*lost: float, sent: int = 10, lasts: float = 20) -> Report:
    """A load from 0 s on, whose requests at some seconds were lost."""
    good = [replace(request(0), at=after(n / 10)) for n in range(sent - len(lost))]
    bad = [replace(request(0, "refused"), at=after(at)) for at in lost]
    traffic = Traffic("http://127.0.0.1:1", 40, 0, after(0), after(lasts), [*good, *bad])
    losses = tuple(Loss(one, Cause.LATE, ("shop-a",), "late") for one in bad)
    return Report(traffic, losses)


def a_fare(plan: str, steps: Sequence[tuple[float, int]], *lost: float) -> Fare:
    return Fare(plan, Curve(steps, 20.0, lost, 100), 0, 9, 1, "a cause" if lost else "")


# ── how a plan fared ─────────────────────────────────────────────────────────────────────────


DIPS: list[State] = [
    instant(0),
    instant(4, three(without="a")),
    instant(6, three(gone="a")),
    instant(10),
]
TYPED = (act(1, "kubectl drain w"), act(2, "kubectl scale deployment/shop"), act(30, "shop"))


@pytest.fixture
def dip() -> Fare:
    story = Story(Tape(DIPS, TYPED, lasts=30), "default")
    return fare(story, "shop", after(0), a_report(4.5, 5))


def test_strength_is_counted_in_ready_endpoints_from_change_to_change(dip: Fare) -> None:
    assert dip.curve.steps == ((0.0, 3), (4.0, 2), (10.0, 3))
    assert dip.below(3) == pytest.approx(6)
    assert dip.below(2) == 0
    assert dip.fewest == 2


def test_what_is_below_to_the_end_counts_until_the_end_of_the_load() -> None:
    story = Story(Tape(DIPS[:3], lasts=60), "default")
    found = fare(story, "shop", after(0), a_report(lasts=20))
    assert found.below(3) == pytest.approx(16)


def test_losses_pods_and_commands_are_of_that_day(dip: Fare) -> None:
    assert dip.lost == (4.5, 5.0)
    assert dip.sent == 10
    assert dip.most_pods == 3
    assert dip.commands == 1, "the drain names no plan, and the last act came after the load"
    assert dip.why == str(Cause.LATE)


def test_a_day_that_begins_later_has_its_own_zero() -> None:
    story = Story(Tape(DIPS, lasts=30), "default")
    found = fare(story, "shop", after(5), a_report(7))
    assert found.curve.steps == ((0.0, 2), (5.0, 3))
    assert found.lost == (2.0,)
    assert found.curve.seconds == pytest.approx(15)


# ── marks ────────────────────────────────────────────────────────────────────────────────────


def test_what_was_lost_is_read_from_the_recording() -> None:
    marks = (
        note(1, "Monday begins"),
        note(5, "Monday is over: pinned lost 3 of 80, spread lost 0 of 81"),
        note(6, "Monday begins"),
        note(9, "Monday is over: pinned lost 1 of 70, spread lost 2 of 71"),
    )
    story = Story(Tape([instant(0)], marks, lasts=10), "default")
    assert lost_on(story, "Monday") == ({"pinned": 1, "spread": 2}, after(9))
    assert lost_on(story, "Tuesday") is None
    assert [*begins("Monday").instants(story)] == [after(1), after(6)]
    assert [*ends("Monday").instants(story)] == [after(5), after(9)]


# ── the object ───────────────────────────────────────────────────────────────────────────────


class FakeLoad:
    """A load that sends nothing; it notes what is done to it."""

    made: list[FakeLoad]
    fails_on = ""

    def __init__(self, cluster: object, namespace: str, service: str, **_: object) -> None:
        self.service, self.closed, self.finished, self.running = service, False, False, False
        self.made.append(self)

    def start(self, flight: object) -> None:
        if self.service == self.fails_on:
            raise ClusterError("The load did not begin.")
        self.running = True

    def finish(self) -> None:
        self.finished = True

    def report(self, recording: object) -> Report:
        assert self.finished
        return a_report(1.0) if self.service == "pinned" else a_report()

    def close(self) -> None:
        self.closed = True


class Recorded:
    """What has been recorded until now; marks are added by the duel."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []

    def mark(self, kind: Any, text: str) -> None:
        self.marks.append(Mark(after(len(self.marks)), kind, text))

    def so_far(self) -> Any:
        return Tape(DIPS, tuple(self.marks), lasts=30)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    FakeLoad.made, FakeLoad.fails_on = [], ""
    monkeypatch.setattr(module, "Load", FakeLoad)
    return Recorded()


@pytest.fixture
def a_duel(told: Recorded) -> Duel:
    return Duel(cast(Any, None), "default", cast(Any, told), told.mark)


def test_a_day_has_a_load_for_each_plan_and_is_told_at_its_end(
    a_duel: Duel, told: Recorded
) -> None:
    a_duel.day("Monday")
    assert a_duel.running == "Monday"
    assert [load.service for load in FakeLoad.made] == ["pinned", "spread"]
    shown = a_duel.end()
    assert a_duel.running == ""
    assert all(load.finished and load.closed for load in FakeLoad.made)
    assert [one.text for one in told.marks] == [
        "Monday begins",
        "Monday is over: pinned lost 1 of 10, spread lost 0 of 10",
    ]
    assert "pinned lost 1 of 10 requests" in repr(shown)
    assert set(a_duel.days["Monday"].fares) == {"pinned", "spread"}


def test_a_load_that_ended_by_itself_is_told(a_duel: Duel) -> None:
    a_duel.day("Monday")
    FakeLoad.made[1].running = False
    assert "The load ended before the day" in repr(a_duel.end())
    whole = {plan: one.whole for plan, one in a_duel.days["Monday"].fares.items()}
    assert whole == {"pinned": True, "spread": False}


def test_one_plan_may_be_alone(a_duel: Duel) -> None:
    a_duel.day("hook", "pinned")
    a_duel.end()
    assert set(a_duel.days["hook"].fares) == {"pinned"}
    assert "spread" not in repr(a_duel)


def test_a_day_that_is_begun_again_gives_up_the_open_one(a_duel: Duel) -> None:
    a_duel.day("Monday")
    first = list(FakeLoad.made)
    a_duel.day("Tuesday")
    assert all(load.closed for load in first)
    assert a_duel.running == "Tuesday"
    assert not a_duel.days


def test_a_load_that_does_not_begin_leaves_none_behind(a_duel: Duel, told: Recorded) -> None:
    FakeLoad.fails_on = "spread"
    with pytest.raises(ClusterError):
        a_duel.day("Monday")
    assert [load.closed for load in FakeLoad.made] == [True, True]
    assert a_duel.running == ""
    assert not told.marks


def test_slips_are_told(a_duel: Duel) -> None:
    with pytest.raises(BadInput, match="is no name of a day"):
        a_duel.day(" ")
    with pytest.raises(BadInput, match=r"There is no plan 'pined'[\s\S]*pinned and spread"):
        a_duel.day("Monday", "pined")
    with pytest.raises(ClusterError, match="No day has begun"):
        a_duel.end()
    a_duel.close()


# ── what is shown ────────────────────────────────────────────────────────────────────────────


DAYS = [
    Day("Monday", {"pinned": a_fare("pinned", [(0, 9), (5, 6), (15, 9)], 1, 2),
                   "spread": a_fare("spread", [(0, 9)])}),
    Day("hook", {"pinned": a_fare("pinned", [(0, 9), (18, 8)])}),
]  # fmt: skip


def test_the_table_has_a_row_for_each_plan_and_day_and_a_sum() -> None:
    rows = [line.split() for line in repr(Shown(("pinned", "spread"), DAYS, 9)).splitlines()[3:]]
    assert rows == [
        ["Monday", "pinned", "2", "10.0", "s", "6", "9", "1"],
        ["Monday", "spread", "0", "0.0", "s", "9", "9", "1"],
        ["hook", "pinned", "0", "2.0", "s", "8", "9", "1"],
        ["all", "pinned", "2", "12.0", "s", "6", "9", "2"],
        ["all", "spread", "0", "0.0", "s", "9", "9", "1"],
    ]


def test_one_day_says_why() -> None:
    assert "pinned: most were lost because of this: a cause." in repr(
        Shown(("pinned", "spread"), DAYS[:1], 9)
    )


def test_the_page_says_what_the_text_says() -> None:
    bundle = Shown(("pinned", "spread"), DAYS, 9)._repr_mimebundle_()
    assert "Monday and hook: pinned lost 2 of 200 requests" in bundle["text/plain"]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", bundle["text/html"])
    assert cells[:4] == ["Monday", "pinned", "2", "10.0 s"]
    assert "<svg" in bundle["text/html"]


def test_before_a_day_has_ended_it_says_what_to_do() -> None:
    bundle = Shown(("pinned", "spread"), [], 9)._repr_mimebundle_()
    assert "No day has ended yet" in bundle["text/plain"]
    assert "<svg" not in bundle["text/html"]


def drawn(*columns: Column, plans: Sequence[str] = ("pinned", "spread")) -> ET.Element:
    return ET.fromstring(availability(plans, columns, 9, WORDS, "p-"))


def paths(picture: ET.Element, kind: str) -> list[str]:
    return [one.get("d", "") for one in picture.iter() if one.get("class") == kind]


def test_each_curve_and_each_lost_request_is_drawn() -> None:
    one = Column("Mon", [Curve([(0, 9), (5, 6)], 20, [1, 1, 12], 50), Curve([(0, 9)], 20, [], 50)])
    picture = drawn(one)
    assert len(paths(picture, "ready")) == 2
    assert len(paths(picture, "lost")) == 2, "two requests of one second share a bar"
    texts = ["".join(text.itertext()) for text in picture.iter() if text.tag.endswith("text")]
    assert {"pinned", "spread", "Mon", "3 of 50", "0 of 50"} <= set(texts)


def test_a_plan_without_a_curve_is_said_to_take_no_part() -> None:
    picture = drawn(Column("hook", [Curve([(0, 9)], 5, [], 9), None]))
    assert len(paths(picture, "ready")) == 1
    assert "no part" in "".join(picture.itertext())


def test_the_curve_falls_where_endpoints_do_and_lasts_to_its_end() -> None:
    [path] = paths(drawn(Column("x", [Curve([(0, 9), (10, 6)], 20, [], 1)]), plans=["a"]), "ready")
    points = [tuple(map(float, pair.split(","))) for pair in re.findall(r"[\d.]+,[\d.]+", path)]
    tops = points[1:-1]
    assert [y for _, y in tops] == sorted(y for _, y in tops), "it only goes down"
    middle = (tops[0][0] + tops[-1][0]) / 2
    assert tops[1][0] == pytest.approx(middle, abs=0.2)


def test_longer_columns_are_wider_and_short_ones_wide_enough() -> None:
    columns = [Column(str(n), [Curve([(0, 9)], n, [], 1)]) for n in (1, 60)]
    widths = [float(rect.get("width", 0)) for rect in drawn(*columns, plans=["a"]).iter()
              if rect.tag.endswith("rect")][1:]  # fmt: skip
    assert widths[0] >= 84
    assert widths[1] > 3 * widths[0]


def test_a_column_without_time_can_be_drawn() -> None:
    assert len(paths(drawn(Column("x", [Curve([], 0, [], 0)]), plans=["a"]), "ready")) == 1
