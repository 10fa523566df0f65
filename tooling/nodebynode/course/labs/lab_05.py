"""The checks of lab 05, node-maintenance: who made the Pods leave, who was asked, who was left."""

from __future__ import annotations

from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.labs.draining import EVICTED, Closes, Closing, Over, is_closed
from nodebynode.course.labs.lab_05_failure import numbers, two_clocks, two_seconds
from nodebynode.course.labs.lab_05_questions import (
    CACHE,
    GUARDED,
    PAIR,
    PREDICTIONS,
    SHOP,
    SINGLE,
)
from nodebynode.course.look import Look, listed, name_of
from nodebynode.course.verdicts import kept, unharmed
from nodebynode.phrases import agreed
from nodebynode.recording.rules import (
    Rule,
    Story,
    always,
    each_eviction_waits_for_ready,
    last,
    ready,
)
from nodebynode.recording.rules.finding import clock
from nodebynode.state import Budget, budgets_of

__all__ = ["CHECKS", "PREDICTIONS"]

_STATUS = ("currentHealthy", "desiredHealthy", "disruptionsAllowed")
_FLAGS = "What did the drain say of each of them? The flag stands in the same message."
_ANEW = (
    "Every try counts anew: run the first cell of the round, then do it again. `lab.replay()` "
    "shows what was seen."
)
_LOADED_ANEW = (
    "Run the first cell of this round again; then `lab.load()`, the budget, the drain, and "
    "`lab.losses()`."
)


# ── a worker that was drained ────────────────────────────────────────────────────────────────


def _begun(look: Look, closes: Closes, expected: str) -> tuple[Story, Closing | None, Verdict]:
    """The last closing of a worker; the verdict is for where there was none."""
    story = look.story()
    return story, closes.latest(story), not_yet(f"There was not yet {closes}.", expected)


def _deleted(story: Story, closing: Closing, expected: str) -> Verdict | None:
    """What stands against a drain where Pods were deleted rather than evicted."""
    names = [one.pod.name for one in closing.departures(story) if one.by_hand]
    if not names:
        return None
    return not_yet(
        f"{listed(names)} {_be(names)} deleted, not evicted: no budget was asked.", expected, _ANEW
    )


def _unfinished(story: Story, closing: Closing, expected: str) -> Verdict | None:
    """What stands against a drain at its end: Pods that are still there, a worker that is open."""
    now = story.looks[-1]
    here = closing.here(story, now)
    if here:
        hint = "" if closing.departures(story) else "A cordon alone makes no Pod leave."
        seen = f"{closing.node} still has {listed([pod.name for pod in here])}."
        return not_yet(seen, expected, hint, wait=all(pod.terminating for pod in here))
    if not is_closed(now, closing.node):
        return not_yet(
            f"{closing.node} is not cordoned any more: new Pods may come to it.", expected, _ANEW
        )
    return None


def _be(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _open_again(look: Look) -> Verdict:
    expected = "no cordoned worker."
    story, closing, none = _begun(look, PAIR, expected)
    if closing is None:
        return none
    closed = [
        name_of(node)
        for node in look.nodes()
        if node["spec"].get("unschedulable") and name_of(node) in look.workers
    ]
    if closed:
        return not_yet(f"Still cordoned: {listed(closed)}.", expected)
    if not closing.departures(story):
        return not_yet(f"No Pod of pair was evicted from {closing.node}.", "a drain before that.")
    return passed(f"{closing.node} takes Pods again, and has none of pair: nothing moves back.")


def _all_but_the_agent(look: Look) -> Verdict:
    expected = "a cordoned worker with the Pod of agent and no other of this lab, all evicted."
    story, closing, none = _begun(look, CACHE, expected)
    if closing is None:
        return none
    node, was, now = closing.node, story.looks[story.at(closing.at)], story.looks[-1]
    bare = [pod for pod in was.state.pods if pod.node == node and not pod.owner_uid]
    seen = {pod.uid for one in story.looks for pod in one.state.pods if pod.disrupted == EVICTED}
    there = {pod.uid: pod for pod in now.state.pods if pod.node == node}
    names = [pod.name for pod in bare if pod.uid not in there and pod.uid not in seen]
    if names:
        return not_yet(f"{agreed(names, 'was', 'were')} deleted, not evicted.", expected, _ANEW)
    if against := _deleted(story, closing, expected):
        return against
    others = [pod.name for pod in there.values() if pod.labels.get("app") in ("note", "cache")]
    if others:
        return not_yet(f"{node} still has {listed(others)}.", expected, _FLAGS)
    if against := _unfinished(story, closing, expected):
        return against
    agents = [p.name for p in there.values() if p.labels.get("app") == "agent" and p.active]
    if not agents:
        return not_yet(f"{node} has no Pod of agent any more.", expected, _ANEW)
    return _ready_again(story, closing) or passed(
        f"{agents[0]} is the only one on {node}; gone for good: {listed([p.name for p in bare])}."
    )


def _one_ready(closes: Closes) -> Rule:
    """One Pod is ready at each instant of the last drain."""
    return always(ready(closes.deployment) >= 1, after=last(closes), before=Over(closes))


def _ready_again(story: Story, closing: Closing) -> Verdict | None:
    if closing.over(story) is None:
        return not_yet(
            f"{closing.node} is empty; not all Pods of {closing.deployment} are ready again.",
            "all of them, on other workers.",
            wait=True,
        )
    return None


# ── budgets ──────────────────────────────────────────────────────────────────────────────────


def _one_at_a_time(look: Look) -> Verdict:
    expected = (
        "both Pods of guarded evicted from a cordoned worker, one after the other, by a budget."
    )
    story, closing, none = _begun(look, GUARDED, expected)
    if closing is None:
        return none
    if against := _deleted(story, closing, expected):
        return against
    for one in closing.departures(story):
        before = story.looks[story.at(one.at) - 1].state
        if one.evicted and not budgets_of(before, one.pod):
            there = [f"{budget.name} selects {_selects(budget)}" for budget in before.budgets]
            return not_yet(
                f"When {one.pod.name} was evicted, no budget spoke for it.",
                "a budget that selects app=guarded, made before the drain.",
                f"Of those that were there, {listed(there)}. {_ANEW}" if there else _ANEW,
            )
    if against := _unfinished(story, closing, expected):
        return against
    on_the_way = kept(
        look,
        _one_ready(GUARDED),
        each_eviction_waits_for_ready("guarded", after=last(GUARDED), before=Over(GUARDED)),
        hint=_ANEW,
    )
    return _ready_again(story, closing) or on_the_way


def _selects(budget: Budget) -> str:
    needs = budget.selector.requirements
    if needs is None:
        return "nothing"
    return listed([f"{one.key}={','.join(one.values)}" for one in needs]) if needs else "all"


def _why_it_holds(look: Look) -> Verdict:
    expected = f"a dictionary with a number for each of {listed(_STATUS)}."
    answer, problem = numbers(look.answer, _STATUS, expected)
    if problem:
        return problem
    story = look.story()
    found = [one for one in story.looks[-1].state.budgets if one.name == "single"]
    if not found:
        return not_yet("There is no budget single.", "one.", "Run the cells of this round again.")
    [budget] = found
    truth = dict(zip(_STATUS, (budget.healthy, budget.desired, budget.allowed), strict=True))
    missed = [f"{key}: {answer[key]}" for key in _STATUS if answer[key] != truth[key]]
    if missed:
        return not_yet(f"You say {listed(missed)}.", "the numbers of the budget's status.")
    return passed(
        f"{budget.healthy} healthy, {budget.desired} wanted: {budget.allowed} may be evicted. "
        "The third is the first less the second."
    )


def _single_drained(look: Look) -> Verdict:
    expected = (
        "a cordoned worker without a Pod of single, one ready at each instant, the same budget."
    )
    story, closing, none = _begun(look, SINGLE, expected)
    if closing is None:
        return none
    if changed := _budget_changed(story, closing):
        return not_yet(changed, expected, f"A budget that is not there protects nobody. {_TRY}")
    against = _deleted(story, closing, expected) or _unfinished(story, closing, expected)
    if against:
        return against
    on_the_way = kept(look, _one_ready(SINGLE), hint=_TRY)
    if not on_the_way.passed:
        return on_the_way
    evicted = [one.pod.name for one in closing.departures(story) if one.evicted]
    how = f"{agreed(evicted, 'was', 'were')} evicted" if evicted else "a rollout emptied it"
    return passed(f"{closing.node} is empty: {how}. {on_the_way.seen}")


_TRY = (
    "Every try counts anew: uncordon the worker, see that single has one ready Pod and its budget "
    "(`kubectl create pdb single --selector=app=single --min-available=1`); begin with a cordon."
)


def _budget_changed(story: Story, closing: Closing) -> str:
    """When, until the drain was over, the budget was not there or said something else."""
    pod, over = closing.pods[0], closing.over(story)
    for look in closing.looks(story):
        if over and look.at > over:
            break
        rules = [one.rule for one in budgets_of(look.state, pod)]
        if rules != ["minAvailable 1"]:
            said = f"the budget said {listed(rules)}" if rules else "there was no budget for single"
            return f"At {clock(look.at)} {said}."
    return ""


# ── what users felt ──────────────────────────────────────────────────────────────────────────


def _users_noticed_nothing(look: Look) -> Verdict:
    expected = "both Pods of shop evicted from a cordoned worker, and no request lost."
    story, closing, none = _begun(look, SHOP, expected)
    if closing is None:
        return none
    against = _deleted(story, closing, expected) or _unfinished(story, closing, expected)
    if against:
        return against
    felt = unharmed(look, SHOP, Over(SHOP), again=_LOADED_ANEW)
    if not felt.passed:
        return felt
    on_the_way = kept(look, _one_ready(SHOP), hint=_ANEW)
    return passed(f"{felt.seen} {on_the_way.seen}") if on_the_way.passed else on_the_way


CHECKS = (
    Check(
        "open-again",
        "Open again",
        _open_again,
        (
            "The drain cordoned the worker; it stays so until somebody says otherwise.",
            "`kubectl get nodes` shows which one says SchedulingDisabled.",
            "`kubectl uncordon NAME`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "all-but-the-agent",
        "Drained, and the agent stays",
        _all_but_the_agent,
        (
            "Each message of the refused drain names one flag.",
            "You need all three flags, in one command.",
            "`kubectl drain NAME --ignore-daemonsets --delete-emptydir-data --force`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "one-at-a-time",
        "One after the other",
        _one_at_a_time,
        (
            "The budget has to be there before the drain, and to select the Pods by their label.",
            "`kubectl get pdb` shows how many may be missing now: it has to be 1.",
            "`kubectl create pdb guarded --selector=app=guarded --max-unavailable=1`, then "
            "`kubectl drain NAME --ignore-daemonsets`.",
        ),
        looks_at=("path",),
    ),
    Check(
        "why-it-holds",
        "Why the budget holds",
        _why_it_holds,
        (
            "All three stand in what the cell above printed.",
            "`kubectl get pdb single -o yaml` shows them one below the other.",
            "`disruptionsAllowed` is what `kubectl get pdb` prints as ALLOWED DISRUPTIONS.",
        ),
    ),
    Check(
        "single-drained",
        "Drained all the same",
        _single_drained,
        (
            "The budget gives way when there is one healthy Pod more than it wants.",
            "Who makes a second Pod, and where will it go while the worker is cordoned?",
            "`kubectl scale deployment single --replicas=2`, `kubectl rollout status "
            "deployment/single`, then the drain.",
        ),
        looks_at=("path",),
    ),
    Check(
        "users-noticed-nothing",
        "Nobody noticed",
        _users_noticed_nothing,
        (
            "What made one Pod wait for the other in Round 3?",
            "A budget for app=shop by which one may be missing, then the drain, all under load.",
            "Begin with `lab.load()`; `kubectl create pdb shop --selector=app=shop "
            "--max-unavailable=1`; `kubectl drain NAME --ignore-daemonsets`.",
        ),
        looks_at=("path", "traffic"),
        timeout=40,
    ),
    Check(
        "two-seconds",
        "Two seconds of patience",
        two_seconds,
        (
            "The tolerations above, with another number, belong in the template of quick.",
            "`kubectl patch deployment quick -p` with spec, template, spec, tolerations: two of "
            "them, each with key, operator, effect and tolerationSeconds.",
            "`{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, "
            "tolerationSeconds: 2}`, and the same for `node.kubernetes.io/not-ready`.",
        ),
    ),
    Check(
        "two-clocks",
        "Two clocks",
        two_clocks,
        (
            "`failure` stands in the table. For `by default`, add up two waits.",
            "The row has failure in its first column and quick in its third; take its last number.",
            "By default: 50 seconds until the node is missed, then 300 seconds of toleration.",
        ),
        looks_at=("path",),
    ),
)
