"""The checks of lab 06, rolling-update: sizes traded on the way, and what users felt."""

from __future__ import annotations

from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.labs.lab_06_questions import FOUR, GATE_SECONDS, HELD, PREDICTIONS, held
from nodebynode.course.labs.readings import latest, trade
from nodebynode.course.look import Look
from nodebynode.course.verdicts import kept, unharmed
from nodebynode.recording.rules import (
    Moment,
    Rule,
    always,
    last,
    more_than,
    never,
    pods,
    ready,
    rollout_begins,
    rollout_ends,
    sequence,
)

__all__ = ["CHECKS", "PREDICTIONS"]

_BEGINS, _ENDS = rollout_begins("shop"), rollout_ends("shop")
_MOST, _FEWEST = "most wanted", "fewest available"
_AGAIN = (
    "Every try counts anew: do the step again, with another image (v1, v2 or v3), and check again. "
    "`lab.replay()` shows what was seen: press *Step back* until you come to it."
)


def _two_bounds(look: Look) -> Verdict:
    expected = f'a dictionary with "{_MOST}" and "{_FEWEST}", each a number.'
    answer = look.answer
    if not isinstance(answer, dict) or set(answer) != {_MOST, _FEWEST}:
        return not_yet(f"You handed in {answer!r}.", expected)
    open_ = [key for key, value in answer.items() if type(value) is not int]
    if open_:
        return not_yet(f"There is no number yet for: {', '.join(open_)}.", expected)
    story = look.story()
    found = trade(story, latest(story, _BEGINS), "shop")
    if found is None or found.ended is None:
        return not_yet("The lab has recorded no whole rollout of shop.", "one.")
    truth = {
        _MOST: max(row.total for row in found.rows),
        _FEWEST: min(row.available for row in found.rows),
    }
    wrong = [key for key in truth if answer[key] != truth[key]]
    if wrong:
        return not_yet(
            f"You say {wrong[0]}: {answer[wrong[0]]}; the recording says otherwise.",
            "the largest number of the column REPLICASETS, and the smallest of AVAILABLE.",
        )
    return passed(f"{truth[_MOST]} wanted at the most, {truth[_FEWEST]} available at the least.")


def _rolled_four(look: Look) -> Verdict:
    deployment = look.deployment("shop")
    replicas = deployment["spec"]["replicas"] if deployment else 0
    if replicas != 4:
        return not_yet(
            f"shop asks for {replicas} replicas now.", "four of them, and then a rollout."
        )
    return kept(look, *_promise(last(FOUR), least=3, most=5), hint=_AGAIN)


def _held_at_the_gate(look: Look) -> Verdict:
    expected = "3/1: three old Pods, and one new one that is ready but not yet available."
    deployment = look.deployment("shop")
    if deployment is None:
        return not_yet("The Deployment shop is gone.", expected, "Run the cells from the top.")
    spec = deployment["spec"]
    wait = spec.get("minReadySeconds", 0)
    if wait < GATE_SECONDS:
        return not_yet(f"minReadySeconds of shop is {wait}.", expected)
    if spec.get("paused"):
        return not_yet(
            "shop is paused: that stops every rollout before its first Pod.",
            expected,
            "`kubectl rollout resume deployment/shop`",
        )
    story = look.story()
    now = trade(story, latest(story, _BEGINS), "shop")
    if now is None or now.ended is not None:
        return not_yet(
            f"minReadySeconds is {wait}, and no rollout is under way.",
            expected,
            "A change outside the template starts none. Now set another image.",
        )
    sizes = f"{now.rows[-1].old}/{now.rows[-1].new}"
    if held(story) is None:
        return not_yet(f"The sizes are {sizes}, and no new Pod is ready yet.", expected, wait=True)
    if sizes != "3/1":
        return not_yet(f"The sizes are {sizes}.", expected)
    return kept(
        look,
        always(ready("shop") >= 3, after=last(_BEGINS)),
        fine=f"Three old Pods serve, and the new one is ready and waits for its {wait} s.",
        hint=_AGAIN,
    )


def _gate_opened(look: Look) -> Verdict:
    return kept(
        look,
        sequence("3/1 2/1 2/2 1/2 1/3 0/3", merging=True, after=last(HELD)),
        *_promise(last(HELD), least=3, most=4),
        hint="To try again, close the gate as before, with another image (v1, v2 or v3); then open "
        "it. `lab.replay()` shows what was seen.",
    )


def _no_fourth(look: Look) -> Verdict:
    newest = last(_BEGINS)
    return kept(
        look,
        always(ready("shop") >= 1, after=newest),
        *_promise(newest, least=2, most=3),
        fine="Three Pods at the most and two ready at the least, from beginning to end.",
        hint=_AGAIN,
    )


def _nobody_noticed(look: Look) -> Verdict:
    felt = unharmed(look, _BEGINS, _ENDS)
    if not felt.passed:
        return felt
    on_the_way = kept(look, *_promise(last(_BEGINS), least=3, most=4), hint=_AGAIN)
    return passed(f"{felt.seen} {on_the_way.seen}") if on_the_way.passed else on_the_way


def _promise(since: Moment, *, least: int, most: int) -> tuple[Rule, ...]:
    """The promise of a rollout, until now: who scales to 0 meanwhile has "completed" it, too."""
    return (
        always(ready("shop") >= least, after=since, before=_ENDS),
        always(ready("shop") >= least, after=since),
        never(more_than(pods("shop"), most), after=since),
    )


CHECKS = (
    Check(
        "two-bounds",
        "The two bounds of a rollout",
        _two_bounds,
        (
            "Each row of the table is one step. Look along the last two columns.",
            "The column REPLICASETS says how many Pods both wanted together.",
            "Take the largest number in REPLICASETS, and the smallest in AVAILABLE.",
        ),
        looks_at=("path",),
    ),
    Check(
        "rolled-four",
        "A rollout of four",
        _rolled_four,
        (
            "Only a change of the Pod's template starts a rollout. The image is in the template.",
            "`kubectl set image deployment/NAME CONTAINER=IMAGE`; the container is shop, too.",
            "`kubectl set image deployment/shop shop=localhost/shop:v3`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "held-at-the-gate",
        "Ready, but not available",
        _held_at_the_gate,
        (
            "Two commands: one sets the number of seconds, one starts a rollout.",
            "minReadySeconds stands in `spec`, beside `replicas`: "
            """`kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 300}}'`""",
            "Then `kubectl set image deployment/shop shop=localhost/shop:v2`, without waiting.",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "gate-opened",
        "The rollout goes on",
        _gate_opened,
        (
            "The same field as before, another number.",
            "With minReadySeconds 1 a Pod that has been ready for a second is available.",
            """`kubectl patch deployment shop -p '{"spec": {"minReadySeconds": 1}}'`""",
        ),
        looks_at=("path",),
    ),
    Check(
        "no-fourth",
        "A rollout without a fourth Pod",
        _no_fourth,
        (
            "The strategy counts at the moment of the rollout, so it is set first.",
            "`kubectl patch deployment shop -p` with spec, strategy, rollingUpdate, and in it "
            "maxSurge and maxUnavailable.",
            """`kubectl patch deployment shop -p '{"spec": {"strategy": {"rollingUpdate": """
            """{"maxSurge": 0, "maxUnavailable": 1}}}}'`, then set another image.""",
        ),
        looks_at=("path",),
    ),
    Check(
        "nobody-noticed",
        "A release that nobody noticed",
        _nobody_noticed,
        (
            "Two rollouts: the first brings Pods that stop well, the second is the release.",
            "Where the image is right already, `kubectl rollout restart` is a release, too. "
            "Did the first end before you began the second? "
            "Does the sleep fit into terminationGracePeriodSeconds? Is the strategy RollingUpdate?",
            "`kubectl edit` is not needed: one `kubectl patch` for strategy, grace period and "
            "lifecycle; `kubectl rollout status`; `kubectl set image`; `kubectl rollout status`. "
            "Begin with `lab.load()`.",
        ),
        looks_at=("path", "traffic"),
        timeout=40,
    ),
)
