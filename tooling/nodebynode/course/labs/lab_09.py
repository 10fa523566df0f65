"""The checks of lab 09, the-duel: what became of both plans, and of the repaired one."""

from __future__ import annotations

from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.duel import begins, ends
from nodebynode.course.fares import Fare
from nodebynode.course.labs.lab_09_parts import (
    Evicted,
    deployments,
    deployments_on,
    evicted_on,
    image_of,
    lost_some,
    not_ended,
    orphans,
    stopped_in_the_list,
    stopped_on,
    without_hook,
)
from nodebynode.course.labs.lab_09_questions import (
    PINNED,
    PREDICTIONS,
    SPREAD,
    STRENGTH,
    dead,
    placed,
)
from nodebynode.course.labs.pins import is_stranded
from nodebynode.course.labs.readings import Found
from nodebynode.course.look import Look, listed
from nodebynode.course.verdicts import kept
from nodebynode.phrases import agreed, count
from nodebynode.recording.rules import (
    Rule,
    Story,
    always,
    endpoints,
    eventually,
    last,
    uncordoned,
)

__all__ = ["CHECKS", "PREDICTIONS"]

_LEFT = 6
"""What is left of nine endpoints while the three of one node are out."""
_SHARE = 4
"""How many Pods of twelve a node carries at the most."""
_AGAIN = (
    "A day can be lived again: `lab.duel.day(...)`, the step, `lab.duel.end()`; the last time "
    "counts. `lab.replay()` shows what was seen."
)
_TUESDAY = f"{_AGAIN} On Tuesday the step is all three drains, the worked one first."
_ANEW = (
    "All back in: `kubectl label pod -l app=pinned rotation=in --overwrite`. Where the image is "
    "right already, `kubectl rollout restart deployment/NAME` in its place makes new Pods."
)
_AFRESH = (
    "To try again: `kubectl delete deployment pinned-w1 pinned-w2 pinned-w3 --ignore-not-found`, "
    "the first cell of round 1, the steps of rounds 6 and 8, then this day. `lab.replay()` shows "
    "what was seen."
)


def _never_below(plan: str, least: int, day: str) -> Rule:
    return always(endpoints(plan) >= least, after=last(begins(day)), before=ends(day))


def _by_hand(look: Look) -> Verdict:
    if (verdict := not_ended(look, "Monday")) is not None:
        return verdict
    if free := orphans(look):
        return not_yet(
            f"{free[0]} belongs to no Deployment any more: it lost a label that its ReplicaSet "
            "asks for, so that made another Pod.",
            "nine Pods of pinned, three of each Deployment.",
            f"`kubectl delete pod {free[0]}`; then change only the label `rotation`.",
        )
    old = {name: image_of(one) for name, one in deployments(look, PINNED).items()}
    if behind := [name for name, image in old.items() if not image.endswith(":v2")]:
        return not_yet(
            f"{behind[0]} has {old[behind[0]]}. Two versions answer your users, and nothing will "
            "ever make them one.",
            "version 2 in all three Deployments.",
        )
    story = look.story()
    if not stopped_on(story, "Monday", PINNED):
        return not_yet("No Pod of pinned was replaced on that Monday.", "a release.", _ANEW)
    if (pod := stopped_in_the_list(story, "Monday", PINNED)) is not None:
        return not_yet(
            f"{pod.name} was told to stop while the Service still sent requests to it.",
            "each old Pod out of the list before its rollout begins.",
            f"Take out the Pods, not the Deployment: `kubectl label pod`. {_AGAIN} {_ANEW}",
        )
    path = kept(look, _never_below(PINNED, _LEFT, "Monday"), hint=f"{_AGAIN} {_ANEW}")
    if not path.passed:
        return path
    if (lost := lost_some(look, "Monday", PINNED, f"{_AGAIN} {_ANEW}")) is not None:
        return lost
    return passed(f"{_told(look, 'Monday', PINNED)} {_told(look, 'Monday', SPREAD)}")


def _one_at_a_time(look: Look) -> Verdict:
    if (verdict := not_ended(look, "Tuesday")) is not None:
        return verdict
    story = look.story()
    evicted = evicted_on(story, "Tuesday", PINNED)
    homes = {pod.node for one in evicted for pod in one.pods}
    if missing := [node for node in look.workers if node not in homes]:
        done = listed([node for node in look.workers if node in homes])
        return not_yet(
            f"No Pod of pinned was evicted from {missing[0]} on Tuesday. Drained so far: {done}.",
            "each worker drained once, one after the other.",
            _TUESDAY,
        )
    if closed := _closed(story):
        return not_yet(
            f"{agreed(closed, 'is', 'are')} still cordoned.", "all workers open at the end."
        )
    path = kept(look, _never_below(PINNED, _LEFT, "Tuesday"), hint=_TUESDAY)
    if not path.passed:
        return path
    if (lost := lost_some(look, "Tuesday", SPREAD, _TUESDAY)) is not None:
        return lost
    return passed(f"{_told(look, 'Tuesday', PINNED)} {_told(look, 'Tuesday', SPREAD)}")


def _without_the_node(look: Look) -> Verdict:
    expected = f"{STRENGTH} ready endpoints of pinned while a worker is dead."
    story = look.story()
    now = story.looks[-1]
    gone = dead(now)
    if not gone:
        hint = "Begin the day again, freeze the worker, and wait as the cells above do."
        return not_yet("Every node is Ready.", expected, hint)
    number = endpoints(PINNED).at(story, now).number
    if number >= STRENGTH:
        return passed(
            f"pinned has {number} ready endpoints, and {agreed(sorted(gone), 'is', 'are')} dead."
        )
    waiting = [pod for pod in placed(now, PINNED) if is_stranded(pod)]
    living = [pod for pod in placed(now, PINNED) if pod.node is not None and pod.node not in gone]
    coming = len(living) > number  # they start, or are ready and the list does not say so yet
    names = listed([pod.name for pod in waiting])
    seen = f"pinned has {number} ready endpoints."
    if waiting:
        seen = f"{seen} Without a node: {names}; they may run on {listed(sorted(gone))} only."
    return not_yet(seen, expected, wait=coming)


def _taken_back(look: Look) -> Verdict:
    expected = f"{STRENGTH} ready endpoints of each plan, and version 9 nowhere."
    if look.duel is None or "Thursday" not in (look.duel.running, *look.duel.days):
        return not_yet("Thursday has not begun.", expected, 'lab.duel.day("Thursday")')
    found = {**deployments(look, PINNED), **deployments(look, SPREAD)}
    if bad := [name for name, one in found.items() if image_of(one).endswith(":v9")]:
        return not_yet(f"{agreed(bad, 'still asks', 'still ask')} for version 9.", expected)
    story = look.story()
    now = story.looks[-1]
    for plan in (SPREAD, PINNED):
        number = endpoints(plan).at(story, now).number
        if number < STRENGTH:
            pods = placed(now, plan)
            out = [pod.name for pod in pods if pod.labels.get("rotation") == "out"]
            seen = f"{plan} has {number} ready endpoints, and {count(len(pods), 'Pod')}."
            if out:
                seen += f" Not in the list are {listed(out)}: they have rotation=out."
            return not_yet(seen, expected, wait=not out)
    return kept(
        look,
        always(endpoints(SPREAD) >= STRENGTH, after=last(begins("Thursday"))),
        fine="Nine and nine. The old Pods of spread served all the time.",
        hint=_AGAIN,
    )


def _grown(look: Look) -> Verdict:
    wanted = 3 * _SHARE
    expected = f"{wanted} ready endpoints of each, at most {_SHARE} Pods of pinned on a node."
    story = look.story()
    now = story.looks[-1]
    for plan in (SPREAD, PINNED):
        asked = sum(one["spec"]["replicas"] for one in deployments(look, plan).values())
        number = endpoints(plan).at(story, now).number
        if number < wanted:
            seen = f"{plan} asks for {asked} replicas, and has {number} ready endpoints."
            return not_yet(seen, expected, wait=asked >= wanted)
    homes = [pod.node for pod in placed(now, PINNED)]
    full = max(look.workers, key=homes.count)
    if homes.count(full) > _SHARE:
        seen = f"{full} carries {homes.count(full)} of {len(homes)} Pods of pinned."
        return not_yet(seen, expected, "When it dies, more than a third is gone.")
    path = kept(look, always(endpoints(SPREAD) >= STRENGTH, after=last(begins("Friday"))))
    if not path.passed:
        return path
    uneven = [sum(pod.node == node for pod in placed(now, SPREAD)) for node in look.workers]
    sizes = listed([str(number) for number in uneven])
    return passed(f"Twelve and twelve. spread has {sizes} on the three workers.")


def _hooked(look: Look) -> Verdict:
    bare = [name for name, one in deployments(look, PINNED).items() if without_hook(one)]
    if bare:
        return not_yet(
            f"{agreed(bare, 'has', 'have')} no preStop hook that ends within its grace period.",
            "a sleep of 3 s and a grace period of 5 s in all three.",
        )
    if (verdict := not_ended(look, "hook")) is not None:
        return verdict
    story = look.story()
    if not evicted_on(story, "hook", PINNED):
        return not_yet('No node was drained on the day "hook".', "one.", _AGAIN)
    if (lost := lost_some(look, "hook", PINNED, _AGAIN)) is not None:
        return lost
    path = kept(look, _never_below(PINNED, _LEFT, "hook"), hint=_AGAIN)
    return passed(_told(look, "hook", PINNED)) if path.passed else path


def _freed(look: Look) -> Verdict:
    found = deployments(look, PINNED)
    specs = {name: one["spec"]["template"]["spec"] for name, one in found.items()}
    if held := [name for name, spec in specs.items() if spec.get("nodeSelector")]:
        pin = specs[held[0]]["nodeSelector"]
        return not_yet(
            f"{held[0]} still asks for one node: {pin}.",
            "no nodeSelector in any of the three.",
            "A patch merges: {} changes nothing, null removes.",
        )
    if (verdict := not_ended(look, "free")) is not None:
        return verdict
    story = look.story()
    evicted = evicted_on(story, "free", PINNED)
    if not evicted:
        return not_yet('No node was drained on the day "free".', "one.", _AGAIN)
    if (lost := lost_some(look, "free", PINNED, _AGAIN)) is not None:
        return lost
    newest = Found("the last eviction", "pods", lambda _: evicted[-1].at)
    return kept(
        look,
        eventually(endpoints(PINNED) >= STRENGTH, after=newest, before=uncordoned()),
        fine=f"Nine again while {_node(evicted[-1])} was closed. {_told(look, 'free', PINNED)}",
        hint=f"Wait for the rollouts before you uncordon. {_AGAIN}",
    )


def _merged(look: Look) -> Verdict:
    expected = f"one Deployment of pinned, with {STRENGTH} replicas."
    if (verdict := not_ended(look, "one")) is not None:
        return verdict
    path = kept(look, _never_below(PINNED, STRENGTH, "one"), hint=_AFRESH)
    if not path.passed:
        return path
    found = deployments(look, PINNED)
    story = look.story()
    a_day = "a day that begins with three, and ends with one."
    begun, ended = deployments_on(story, "one", PINNED)
    if len(begun) < 2:
        seen = f"That day began with {listed(begun)}: there was nothing to make one of."
        return not_yet(seen, a_day, _AFRESH)
    known = {one["metadata"]["uid"] for one in found.values()}
    free = [rs for rs in story.looks[-1].state.replicasets if rs.owner_uid not in known]
    if free := [rs for rs in free if rs.wanted]:
        return not_yet(
            f"ReplicaSet {free[0].name} has no Deployment, and keeps {free[0].wanted} Pods.",
            expected,
            f"`kubectl delete replicaset {free[0].name}`",
        )
    if len(found) != 1:
        return not_yet(f"There are {listed(sorted(found))}.", expected)
    [(name, one)] = found.items()
    if one["spec"]["replicas"] != STRENGTH:
        return not_yet(f"{name} has {one['spec']['replicas']} replicas.", expected)
    if one["spec"]["template"]["spec"].get("nodeSelector"):
        return not_yet(f"{name} is still pinned to a node.", f"{expected[:-1]} and no pin.")
    if len(ended) != 1:
        return not_yet(f"That day ended with {listed(ended)}.", a_day, _AFRESH)
    if (lost := lost_some(look, "one", PINNED, _AGAIN)) is not None:
        return lost
    return passed(f"{name} is alone. {_told(look, 'one', PINNED)}")


# ── what was seen, in words ──────────────────────────────────────────────────────────────────


def _told(look: Look, day: str, plan: str) -> str:
    fare: Fare | None = look.duel.days[day].fares.get(plan) if look.duel else None
    if fare is None:
        return ""
    return (
        f"{plan} lost {len(fare.lost)} of {count(fare.sent, 'request')} and had fewer than "
        f"{STRENGTH} ready endpoints for {fare.below(STRENGTH):.0f} s."
    )


def _closed(story: Story) -> list[str]:
    return sorted(node.name for node in story.looks[-1].state.nodes if node.cordoned)


def _node(evicted: Evicted) -> str:
    return str(evicted.pods[0].node)


CHECKS = (
    Check(
        "by-hand",
        "A release, node by node",
        _by_hand,
        (
            "The four lines of the first node, with w2, and then with w3.",
            "The label goes on Pods: `kubectl label pod -l app=pinned,pin=w2 rotation=out "
            "--overwrite`. Then `sleep 2`, so that the nodes hear of it; the image; wait.",
            "`kubectl set image deployment/pinned-w2 shop=localhost/shop:v2`, `kubectl rollout "
            "status deployment/pinned-w2 --timeout=60s`; the same for w3.",
        ),
        looks_at=("state", "path", "traffic"),
    ),
    Check(
        "one-at-a-time",
        "Every node drained, one at a time",
        _one_at_a_time,
        (
            "The commands of the first node, with the second and the third.",
            "After `kubectl uncordon`, wait for pinned-w2 before you drain the third worker.",
            "`sed -n 2p` picks the second worker. Drain, uncordon, `kubectl rollout status "
            "deployment/pinned-w2 --timeout=60s`; then the third.",
        ),
        looks_at=("path", "traffic"),
    ),
    Check(
        "without-the-node",
        "Nine, without the dead node",
        _without_the_node,
        (
            "Which Deployments may put Pods on the workers that live?",
            "pinned-w1 and pinned-w3 can have more replicas than three.",
            "`kubectl scale deployment/pinned-w1 --replicas=6`, and wait for it.",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "taken-back",
        "A bad release, taken back",
        _taken_back,
        (
            "`kubectl rollout undo` for both, and wait.",
            "What else was done to pinned's Pods on the first node before the release?",
            "`kubectl label pod -l app=pinned,pin=w1 rotation=in --overwrite`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "grown",
        "Twelve each",
        _grown,
        (
            "Twelve over three Deployments, evenly.",
            "`kubectl scale` takes several names at once.",
            "`kubectl scale deployment/spread --replicas=12`; `kubectl scale deployment pinned-w1 "
            "pinned-w2 pinned-w3 --replicas=4`; wait for all of them.",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "hooked",
        "Pinned, and nothing lost",
        _hooked,
        (
            "The same patch for the other two Deployments.",
            'The variable is set in this cell: `kubectl patch deployment pinned-w2 -p "$hook"`.',
            "Then wait for all three rollouts, before the day begins.",
        ),
        looks_at=("state", "path", "traffic"),
    ),
    Check(
        "freed",
        "Nine while a node is closed",
        _freed,
        (
            "The nodeSelector stands in the Pod's template: spec, template, spec.",
            """`kubectl patch deployment pinned-w1 -p '{"spec": {"template": {"spec": """
            """{"nodeSelector": null}}}}'`, for all three; wait; then drain.""",
            "After the drain `kubectl rollout status` for all three, and only then "
            "`kubectl uncordon`.",
        ),
        looks_at=("state", "path", "traffic"),
    ),
    Check(
        "merged",
        "One Deployment",
        _merged,
        (
            "What has to be there before something may go?",
            "Scale one up first and wait for it; then delete the others, with their Pods.",
            "`kubectl scale deployment/pinned-w1 --replicas=9`, `kubectl rollout status "
            "deployment/pinned-w1 --timeout=60s`, `kubectl delete deployment pinned-w2 pinned-w3`.",
        ),
        looks_at=("state", "path", "traffic"),
    ),
)
