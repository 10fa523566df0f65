"""Predictions: what can be said, until when it is changed, and how it is laid beside what came."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nodebynode.course.answers import Answer, APod, Choice, Kind, Number, Ordering
from nodebynode.course.comparing import Compared
from nodebynode.course.labs import questions_of
from nodebynode.course.predictions import Predictions, Question, Reality
from nodebynode.errors import BadInput
from nodebynode.recording.rules import Story, leaves
from nodebynode.state import State
from nodebynode.view.film import Film
from nodebynode.view.page import page

from .states import OLD, a_pod
from .tapes import Tape, act, after, instant, three

PODS = Number("Pod", "Pods")
WHO = APod()


def left(story: Story) -> Reality | None:
    instants = list(leaves("shop").instants(story))
    return Reality(len(instants), instants[-1]) if instants else None


def one_too_many(story: Story, said: Answer) -> object:
    return next((at for n, at in enumerate(leaves("shop").instants(story), 1) if n > said), None)


def question(key: str = "left", kind: Kind = PODS, **more: object) -> Question:
    asked = Question(key, "How many Pods leave?", kind, leaves("shop"), "delete a Pod", left)
    return replace(asked, **more)


def story(*told: State) -> Story:
    return Story(Tape(told), "default")


BEFORE = story(instant(0))
TWO_LEFT = story(instant(0), instant(2, three(without="a")), instant(3, three(without="ab")))


# ── what can be said ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "value", "answer", "said"),
    [
        (PODS, 1, 1, "1 Pod"),
        (PODS, "0", 0, "0 Pods"),
        (PODS, 2.5, 2.5, "2.5 Pods"),
        (Choice(("it comes back", "none comes")), " None  COMES", "none comes", "none comes"),
        (Choice(("it comes back", "none comes")), "back", "it comes back", "it comes back"),
        (Ordering(("made", "gone")), "gone, Made", ("gone", "made"), "gone, made"),
        (Ordering(("made", "gone")), ["made", "gone"], ("made", "gone"), "made, gone"),
        (WHO, f"pod/{OLD}-a", f"{OLD}-a", f"{OLD}-a"),
    ],
)
def test_an_answer_is_read_as_it_is_meant(
    kind: Kind, value: object, answer: Answer, said: str
) -> None:
    read = kind.read(value, [f"{OLD}-a"])
    assert (read, kind.say(read)) == (answer, said)


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        (PODS, "two", r"'two' is no answer here, and does not count.\nGive a number of Pods"),
        (PODS, -1, "a number of Pods, such as 2"),
        (PODS, True, "True is no answer"),
        (PODS, float("nan"), "nan is no answer"),
        (PODS, None, "None is no answer"),
        (Choice(("it comes back", "none comes")), "comes", 'one of "it comes back", "none comes"'),
        (Choice(("it comes back", "none comes")), "", 'one of "it comes back", "none comes"'),
        (Choice(("it comes back", "none comes")), 3, 'one of "it comes back", "none comes"'),
        (Ordering(("made", "gone")), "made", "these in their order, with commas between: gone, m"),
        (Ordering(("made", "gone")), "made, made", "in their order"),
        (Ordering(("made", "gone")), 7, "in their order"),
        (WHO, "nobody", rf"'nobody' is no Pod of this lab. There are {OLD}-a, {OLD}-b"),
        (WHO, 4, "as `kubectl get pods` prints it"),
    ],
)
def test_what_is_no_answer_shows_what_would_be_and_does_not_count(
    kind: Kind, value: object, says: str
) -> None:
    asked = question(kind=kind)
    made = Predictions([asked])
    with pytest.raises(BadInput, match=says):
        made.make(asked, value, BEFORE)
    [row] = made.compare(TWO_LEFT)
    assert row.outcome == "no guess"


# ── until when ───────────────────────────────────────────────────────────────────────────────


def test_before_the_act_a_guess_may_change_and_each_is_marked() -> None:
    asked = question()
    made = Predictions([asked])
    first, again, other = (made.make(asked, value, BEFORE) for value in (1, 1, 2))
    assert first.words == "Noted before it happens: 1 Pod."
    assert first.mark == "How many Pods leave? 1 Pod"
    assert again.mark == ""
    assert other.words == "Noted: 2 Pods, no longer 1 Pod."
    assert other.mark == "How many Pods leave? 2 Pods"
    assert made.compare(TWO_LEFT)[0].outcome == "as you said"


def test_after_the_act_the_first_guess_stays() -> None:
    asked = question()
    made = Predictions([asked])
    made.make(asked, 1, BEFORE)
    reply = made.make(asked, 2, TWO_LEFT)
    assert reply.words == "This has happened by now, so your first guess stays: 1 Pod."
    assert reply.mark == ""
    assert made.compare(TWO_LEFT)[0].prediction.value == 1


def test_a_guess_that_comes_late_is_kept_as_such() -> None:
    asked = question()
    made = Predictions([asked])
    assert made.make(asked, 2, TWO_LEFT).mark.endswith("(afterwards)")
    assert "2 Pods (afterwards)" in repr(Compared(made.compare(TWO_LEFT)))


def test_it_is_asked_for_once_and_only_before_the_act() -> None:
    asked = [question("one", check="gone", command="kubectl delete"), question("two", check="gone")]
    made = Predictions(asked)
    assert made.remind(lambda: BEFORE, command="kubectl get pods") == []
    [line] = made.remind(lambda: BEFORE, command="kubectl delete pod x")
    assert line.startswith('Not guessed yet: lab.predict("one", ...)')
    [line] = made.remind(lambda: BEFORE, check="gone")
    assert '"two"' in line
    assert made.remind(lambda: BEFORE, check="gone", command="kubectl delete pod x") == []
    assert Predictions(asked).remind(lambda: TWO_LEFT, check="gone") == []
    answered = Predictions(asked[:1])
    answered.make(asked[0], 1, BEFORE)
    assert answered.remind(lambda: BEFORE, check="gone") == []


def test_an_unknown_question_is_told_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no question 'lefd'.\nDid you mean 'left'\?.*are left, x"):
        Predictions([question(), question("x")]).question("lefd")
    with pytest.raises(BadInput, match="no questions to predict"):
        Predictions([]).question("left")
    with pytest.raises(ValueError, match="the same key"):
        Predictions([question(), question()])


# ── side by side ─────────────────────────────────────────────────────────────────────────────


def test_a_guess_that_missed_is_shown_where_it_parted_and_is_praised() -> None:
    asked = [question(model=lambda _: 2, left=one_too_many), question("again")]
    made = Predictions(asked)
    made.make(asked[0], 1, BEFORE)
    made.make(asked[1], 2, BEFORE)
    assert repr(Compared(made.compare(TWO_LEFT))).splitlines() == [
        "QUESTION              YOU SAID  THE MODEL SAYS  WHAT CAME  SO IT WENT",
        "How many Pods leave?  1 Pod     2 Pods          2 Pods     otherwise",
        "How many Pods leave?  2 Pods                    2 Pods     as you said",
        "",
        'left: until 14:02:10.000 it went as you said. lab.replay("left") opens there.',
        "1 of 2 came as you said. A guess that misses is worth making: now you know where to look.",
    ]
    assert made.compare(TWO_LEFT, "again")[0].left is None


def test_a_question_without_its_own_reading_parts_where_it_is_decided() -> None:
    made = Predictions([question()])
    made.make(made.question("left"), 7, BEFORE)
    assert made.compare(TWO_LEFT)[0].left == after(3)


def test_before_it_has_happened_the_table_says_what_to_do() -> None:
    made = Predictions([question()])
    made.make(made.question("left"), 1, BEFORE)
    shown = repr(Compared(made.compare(BEFORE)))
    assert shown.endswith("\n\nleft: not yet: delete a Pod.")


def test_the_table_in_a_notebook_says_the_same_and_escapes() -> None:
    made = Predictions([question(text="How many <Pods>?")])
    made.make(made.question("left"), 1, BEFORE)
    shown = Compared(made.compare(TWO_LEFT))._repr_html_()
    assert "How many &lt;Pods&gt;?" in shown
    assert "otherwise</td>" in shown
    assert "lab.replay(&quot;left&quot;) opens there." in shown


def test_a_film_opens_at_an_instant() -> None:
    film = Film.of(Tape([instant(0), instant(2, three(without="a")), instant(3, three(gone="a"))]))
    assert [film.number_at(after(at)) for at in (-1, 0, 2.5, 9)] == [0, 0, 1, 2]
    assert "view.show(1);" in page(film, "x", at=after(2.5))
    assert "view.show(" not in page(film, "x")


# ── lab 01 ───────────────────────────────────────────────────────────────────────────────────


def attic(seconds: float, pod: object = None) -> State:
    shop = instant(seconds)
    pods = () if pod is None else (replace(pod, owner_uid="attic-1"),)
    deployment = replace(shop.deployments[0], uid="attic", name="attic")
    rs = replace(shop.replicasets[0], uid="attic-1", name="attic-1", owner_uid="attic")
    return replace(
        shop,
        pods=(*shop.pods, *pods),
        replicasets=(*shop.replicasets, rs),
        deployments=(*shop.deployments, deployment),
    )


def came(key: str, tape: Tape) -> Reality | None:
    [found] = [one for one in questions_of("01-what-runs-where") if one.key == key]
    return found.reality(Story(tape, "default"))


@pytest.mark.parametrize(
    ("pod", "value"),
    [
        (replace(a_pod("attic-x", None), unscheduled="no node"), "a Pod that waits"),
        (a_pod("attic-x", "worker"), "a Pod that runs"),
    ],
)
def test_what_attic_has_is_read_once_the_scheduler_has_spoken(pod: object, value: str) -> None:
    new = a_pod("attic-x", None)
    tape = Tape([instant(0), attic(1), attic(1.1, new), attic(1.2, pod)])
    assert came("attic", tape) == Reality(value, after(1.2))
    assert came("attic", Tape(tape.told[:3])) is None


def test_pods_that_leave_after_the_label_are_counted_until_the_next_act() -> None:
    told = [instant(0), instant(4, three(without="a")), instant(6)]
    label, later = act(1, "kubectl label deployment shop team=a"), act(3, "kubectl delete pod x")
    assert came("label", Tape(told, [label, later])).value == 0
    assert came("label", Tape(told, [label])) == Reality(1, after(4))
    assert came("label", Tape(told[:1], [act(0.5, label.text)])) is None
    assert came("label", Tape(told, [later])) is None


def test_a_replacement_is_read_step_by_step() -> None:
    new = a_pod(f"{OLD}-d", None, ready=False)
    tape = Tape(
        [
            instant(0),
            instant(1, three(without="a")),
            instant(1.1, [*three(without="a"), new]),
            instant(1.2, [*three(without="a"), replace(new, node="worker")]),
            instant(1.3, [*three(gone="a"), replace(new, node="worker")]),
            instant(2, [*three(gone="a"), replace(new, node="worker", ready=True)]),
        ]
    )
    assert came("deleted", tape) == Reality("another comes", after(1.1))
    assert came("order", tape) == Reality(("made", "bound", "gone", "ready"), after(2))
    assert came("order", Tape(tape.told[:5])) is None
    assert came("deleted", Tape(tape.told[:1])) is None
    [order] = [one for one in questions_of("01-what-runs-where") if one.key == "order"]
    said = ("made", "gone", "bound", "ready")
    assert order.left(Story(tape, "default"), said) == after(1.2)
