"""What a learner's steps add up to, and how it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.course.progress import LabProgress, Progress, words
from nodebynode.course.progress.tally import Guess, Tries

from .steps import BEGAN, LAB, OUTLINE, added_up, of_lab, step, tried

OTHER = "02-who-makes-pods"


def test_tries_are_counted_until_a_check_passes_and_hints_go_on_until_then() -> None:
    done = of_lab(tried(0, "one", hint=0), tried(1, "one", hint=2), tried(2, "two"))
    assert done.tries_of("one") == Tries(passed=False, tries=2, open_tries=2, hint=2)
    done = of_lab(tried(0, "one", hint=1), tried(1, "one", passed=True), tried(2, "one", hint=1))
    assert done.tries_of("one") == Tries(passed=True, tries=2, open_tries=1, hint=1)
    assert done.tries_of("never") == Tries()


def test_a_check_that_has_passed_once_stays_so() -> None:
    done = of_lab(tried(0, "one", passed=True), step(1, "opened"), tried(2, "one"))
    assert done.passed(["one", "two"]) == ["one"]


def test_a_guess_is_the_last_one_and_how_it_went() -> None:
    done = of_lab(
        step(0, "prediction", question="how-many", said="1 Pod"),
        step(1, "prediction", question="how-many", said="2 Pods"),
        step(2, "comparison", question="how-many", outcome="as you said"),
        step(3, "prediction", question="who", said="a"),
        step(4, "comparison", question="unasked", outcome="otherwise"),
    )
    assert done.guesses["how-many"] == Guess("2 Pods", "as you said")
    assert (done.hits, done.compared) == (1, 1)
    again = of_lab(
        step(0, "prediction", question="who", said="a"),
        step(1, "comparison", question="who", outcome="otherwise"),
        step(2, "prediction", question="who", said="b"),
    )
    assert again.guesses["who"] == Guess("b")


def test_a_pause_is_no_work_nor_is_the_time_before_a_lab_is_opened_again() -> None:
    lines = [step(0, "opened"), tried(2, "one"), tried(11.9, "one"), tried(22, "one", passed=True)]
    assert of_lab(*lines).seconds == pytest.approx(11.9 * 60)
    lines += [step(25, "opened"), tried(26, "two")]
    assert of_lab(*lines).seconds == pytest.approx(12.9 * 60)


def test_a_kernel_that_ends_long_after_is_no_work_and_no_last_day() -> None:
    done = of_lab(step(0, "opened"), tried(1, "one"), step(5, "closed", by="kernel"))
    assert done.seconds == 60
    assert done.last == BEGAN.replace(minute=1)


def test_labs_are_told_apart() -> None:
    found = added_up(
        step(0, "opened", provider="kind"),
        step(1, "opened", OTHER, provider="embedded"),
        tried(2, "one", passed=True),
        step(3, "opened", provider="embedded"),
        step(4, "opened", provider="kind"),
    )
    assert found[LAB].providers == ("kind", "embedded")
    assert found[LAB].opened == 3
    assert found[OTHER].checks == {}
    assert found[LAB].seconds == 120


@given(st.lists(st.integers(-30, 30), min_size=2, max_size=9))
def test_a_clock_that_is_put_back_never_makes_time(gaps: list[int]) -> None:
    at, lines = 0, []
    for gap in gaps:
        at += gap
        lines.append(tried(at, "one"))
    assert of_lab(*lines).seconds == 60 * sum(gap for gap in gaps[1:] if 0 <= gap <= 10)


# ── in words ─────────────────────────────────────────────────────────────────────────────────


def test_what_was_done_before_is_told_when_a_lab_is_opened_again() -> None:
    assert words.resumed(OUTLINE, LabProgress(LAB)) == []
    assert words.resumed(OUTLINE, of_lab(step(0, "opened"))) == []
    assert words.resumed(OUTLINE, of_lab(tried(0, "one", passed=True), tried(1, "two"))) == [
        "You have passed 1 of 3 checks here before; the next is `two`, in round 3.",
        "What was on the cluster is gone: run the cells from the top. Hints go on where they were.",
    ]
    last = of_lab(tried(0, "one", passed=True), tried(0, "two", passed=True), tried(1, "three"))
    assert words.resumed(OUTLINE, last)[0].endswith("the next is `three`.")


def test_a_finished_lab_is_told_as_such() -> None:
    done = of_lab(*(tried(0, name, passed=True) for name in OUTLINE.checks))
    assert words.is_finished(OUTLINE, done)
    [line] = words.resumed(OUTLINE, done)
    assert line.startswith("You have passed all 3 checks of this lab before, last on 2026-03-02.")
    assert words.standing(OUTLINE, done).endswith("The lab is finished.")


def test_a_check_that_the_lab_has_no_longer_does_not_count() -> None:
    done = of_lab(tried(0, "removed", passed=True))
    assert words.standing(OUTLINE, done).startswith("0 of 3 checks passed")
    assert words.next_step(OUTLINE, done) == OUTLINE.steps[0]


def test_a_lab_in_words() -> None:
    done = of_lab(
        step(0, "opened"),
        tried(1, "one", passed=True),
        tried(2, "two", hint=2),
        step(3, "prediction", question="how-many", said="2 Pods"),
        step(3, "comparison", question="how-many", outcome="otherwise"),
        step(3, "prediction", question="who", said="a"),
        step(4, "misconception", key="deleted-comes-back"),
        step(4, "misconception", key="label-is-a-name"),
        step(5, "experiment", key="label-is-a-name"),
    )
    assert words.whole(OUTLINE, done).splitlines() == [
        "Lab 01 · What <runs> where  [✓··]",
        "1 of 3 checks passed, 5 min of work. Next: `two`, in round 3.",
        "",
        "ROUND  CHECK  ABOUT        STATE      TRIES  HINTS SEEN",
        "2      one    The first    ✓ passed   1      -",
        "3      two    The second   · not yet  1      2",
        "-      -      comes later  · open     -      -",
        "",
        "QUESTION  YOU SAID  SO IT WENT        ASKED",
        "how-many  2 Pods    otherwise         How many <Pods>?",
        "who       a         not compared yet  Who goes?",
        "",
        'Beliefs that showed: deleted-comes-back (try lab.experiment("deleted-comes-back")), '
        "label-is-a-name (experiment looked at).",
    ]


def test_what_comes_later_is_not_told_before_its_time() -> None:
    nothing = words.whole(OUTLINE, LabProgress(LAB))
    assert "The first" in nothing
    for later in ("two", "The second", "Who goes?", "How many"):
        assert later not in nothing


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "under a minute"),
        (29, "under a minute"),
        (31, "1 min"),
        (3569, "59 min"),
        (3571, "1 h 0 min"),
    ],
)
def test_time_worked(seconds: float, said: str) -> None:
    assert words.worked(LabProgress(LAB, seconds=seconds)) == said


def test_the_first_lab_that_is_not_finished() -> None:
    every = [OUTLINE]
    assert words.first_unfinished(every, Progress({})) is OUTLINE
    done = of_lab(*(tried(0, name, passed=True) for name in OUTLINE.checks))
    assert words.first_unfinished(every, Progress({LAB: done})) is None
