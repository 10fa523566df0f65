"""The checks of lab 03, where-pods-land: who placed the Pods, where, and who was ready then."""

from __future__ import annotations

import re
from collections import Counter

from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.labs.lab_03_questions import FENCE, PREDICTIONS
from nodebynode.course.look import Look, listed, name_of, node_of, pod_is_ready, uid_of
from nodebynode.course.verdicts import kept
from nodebynode.kube import Json
from nodebynode.phrases import agreed
from nodebynode.recording.rules import (
    always,
    cordoned,
    last,
    no_binding_to,
    ready,
    rollout_begins,
    rollout_ends,
)
from nodebynode.state.status import refusal, unscheduled

__all__ = ["CHECKS", "PREDICTIONS"]

_KEYS = ("nodes", "taint", "cpu")
_RUN_FROM_TOP = "Run the cells of this round, from its first."
_RESTART_AGAIN = (
    "Every try counts anew: `kubectl rollout restart deployment/NAME`, wait for its end, check "
    "again. `lab.replay()` shows what was seen."
)
_DRAIN_AGAIN = (
    "Every try counts anew: `kubectl uncordon` the node, `kubectl rollout restart "
    "deployment/even`, wait for its end, and drain a worker again."
)


def _read_the_refusal(look: Look) -> Verdict:
    expected = f"a dictionary with a number for each of {listed(_KEYS)}."
    answer = look.answer
    if not isinstance(answer, dict) or set(answer) != set(_KEYS):
        return not_yet(f"You handed in {answer!r}.", expected)
    open_ = [key for key in _KEYS if type(answer[key]) is not int]
    if open_:
        return not_yet(f"There is no number yet for {listed(open_)}.", expected)
    pods = look.pods("giant")
    sentence = next((said for pod in pods if (said := _refusal(pod))), "")
    if not sentence:
        return not_yet("No Pod of giant is refused now.", "one that waits.", _RUN_FROM_TOP)
    truth = {
        "nodes": _number(r"0/(\d+) nodes", sentence),
        "taint": _number(r"(\d+) node\(s\) had untolerated taint", sentence),
        "cpu": _number(r"(\d+) Insufficient cpu", sentence),
    }
    missed = [f"{key}: {answer[key]}" for key in _KEYS if answer[key] != truth[key]]
    if missed:
        return not_yet(
            f"You say {listed(missed)}. {name_of(pods[0])} was told: {sentence}",
            "the numbers of this sentence.",
        )
    return passed(f"of {truth['nodes']} nodes a taint ruled out {truth['taint']}, cpu the others.")


def _four_fit(look: Look) -> Verdict:
    expected = "four ready Pods of heavy, each with a request for cpu that is not zero."
    pods, problem = _replicas(look, "heavy", 4, expected)
    if problem:
        return problem
    free = [
        name_of(pod)
        for pod in pods
        if pod["spec"]["containers"][0].get("resources", {}).get("requests", {}).get("cpu", "0")
        in ("0", "0m")
    ]
    if free:
        return not_yet(f"{listed(free)} requests no cpu at all.", expected)
    return _all_ready(pods, 4, expected) or _by_scheduler(
        look, pods, expected, f"four requests fit: {_layout(pods)}."
    )


def _three_on_one(look: Look) -> Verdict:
    expected = "two cordoned workers, and three new Pods of shop, all ready on the third."
    closed = _closed(look)
    if len(closed) != 2:
        return not_yet(f"Cordoned workers: {listed(closed)}.", expected, _RUN_FROM_TOP)
    pods, problem = _replicas(look, "shop", 3, expected)
    if problem:
        return problem
    old = [f"{name_of(pod)} on {node_of(pod)}" for pod in pods if node_of(pod) in closed]
    newest = last(rollout_begins("shop"))
    on_the_way = kept(
        look,
        always(ready("shop") >= 3, after=newest, before=rollout_ends("shop")),
        no_binding_to(after=newest),
        hint=_RESTART_AGAIN,
    )
    if old:
        return not_yet(f"On cordoned workers still: {listed(old)}.", expected)
    if not on_the_way.passed:
        return on_the_way
    fine = f"all three are on {node_of(pods[0])}, and three were ready at each instant."
    return _all_ready(pods, 3, expected) or _by_scheduler(look, pods, expected, fine)


def _filled_again(look: Look) -> Verdict:
    expected = (
        "a Pod of shop on each worker, placed there by the scheduler, and no worker cordoned."
    )
    closed = _closed(look)
    if closed:
        return not_yet(f"Still cordoned: {listed(closed)}.", expected)
    pods, problem = _replicas(look, "shop", 3, expected)
    if problem:
        return problem
    empty = sorted(set(look.workers) - {node_of(pod) for pod in pods})
    if empty:
        return not_yet(f"No Pod of shop is on {listed(empty)}: {_layout(pods)}.", expected)
    on_the_way = kept(
        look,
        always(ready("shop") >= 3, after=last(rollout_begins("shop")), before=rollout_ends("shop")),
        hint=_RESTART_AGAIN,
    )
    if not on_the_way.passed:
        return on_the_way
    fine = f"{_layout(pods)}; three were ready at each instant. These are new Pods: none moved."
    return _all_ready(pods, 3, expected) or _by_scheduler(look, pods, expected, fine)


def _own_worker(look: Look) -> Verdict:
    expected = "three Pods of data, placed by the scheduler on the worker with the taint."
    fenced = [
        name_of(node)
        for node in look.nodes()
        if name_of(node) in look.workers
        and any(taint["key"] == FENCE for taint in node["spec"].get("taints") or ())
    ]
    if len(fenced) != 1:
        return not_yet(f"Workers with the taint `{FENCE}`: {listed(fenced)}.", expected)
    pods, problem = _replicas(look, "data", 3, expected)
    if problem:
        return problem
    outside = [f"{name_of(pod)} on {node_of(pod)}" for pod in pods if node_of(pod) != fenced[0]]
    if outside:
        labelled = [name_of(pod) for pod in pods if FENCE in pod["metadata"]["labels"]]
        hint = (
            f"The label {FENCE} on {listed(labelled)} is a note that nobody reads. The scheduler "
            "reads the labels of nodes, before a Pod has one."
            if labelled
            else "What does the template ask of a node? `kubectl get deployment data -o yaml`."
        )
        return not_yet(f"Outside of {fenced[0]}: {listed(outside)}.", expected, hint)
    fine = f"all three are on {fenced[0]}: the toleration let them in, the selector led them."
    return _all_ready(pods, 3, expected) or _by_scheduler(look, pods, expected, fine)


def _apart_released(look: Look) -> Verdict:
    expected = "three ready Pods of version 2, and the anti-affinity still required."
    pods, problem = _replicas(look, "apart", 3, expected)
    if problem:
        return problem
    spec = (look.deployment("apart") or {})["spec"]["template"]["spec"]
    rule = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    if not rule.get("requiredDuringSchedulingIgnoredDuringExecution"):
        return not_yet(
            "The template of apart requires no anti-affinity any more.",
            expected,
            "The first cell of this round puts it back. Then release version 2 once more.",
        )
    image = str(spec["containers"][0]["image"])
    if not image.endswith(":v2"):
        return not_yet(f"The image of apart is {image}.", expected)
    newest = last(rollout_begins("apart"))
    return kept(
        look,
        always(ready("apart") >= 2, after=newest, before=rollout_ends("apart")),
        always(ready("apart") >= 2, after=newest),  # scaled to 0, it counts as complete, too
        fine=f"version 2 is out: {_layout(pods)}. Two were ready at each instant.",
        hint=_RESTART_AGAIN,
    )


def _even_when_drained(look: Look) -> Verdict:
    expected = "one cordoned worker, and three ready Pods of even on the other two."
    deployment = look.deployment("even")
    if deployment is None:
        return not_yet("There is no Deployment even.", expected, _RUN_FROM_TOP)
    rules = deployment["spec"]["template"]["spec"].get("topologySpreadConstraints") or ()
    hard = [
        rule
        for rule in rules
        if rule["whenUnsatisfiable"] == "DoNotSchedule" and rule["maxSkew"] == 1
    ]
    if not hard:
        return not_yet(
            "even has no constraint with maxSkew 1 and DoNotSchedule any more.",
            "the same hard rule, with other nodes counted.",
            "The first cell of this round puts it back. Then repair it: the table has the fields.",
        )
    pods, problem = _replicas(look, "even", 3, expected)
    if problem:
        return problem
    waiting = [name_of(pod) for pod in pods if _refusal(pod)]
    if waiting:
        seen = f"{agreed(waiting, 'has', 'have')} no node: {_refusal_of(pods)}"
        return not_yet(seen, expected, "Which nodes does the rule count, and which Pods?")
    closed = _closed(look)
    if len(closed) != 1:
        return not_yet(f"Cordoned workers: {listed(closed)}.", expected)
    begun = last(cordoned())
    on_the_way = kept(
        look,
        always(ready("even") >= 2, after=begun),
        no_binding_to(after=begun),
        hint=_DRAIN_AGAIN,
    )
    if not on_the_way.passed:
        return on_the_way
    staying = [name_of(pod) for pod in pods if node_of(pod) in closed]
    if staying:
        return not_yet(f"{listed(closed)} still has {listed(staying)}.", expected)
    fine = f"{agreed(closed, 'is', 'are')} empty, and all three run: {_layout(pods)}."
    return _all_ready(pods, 3, expected) or passed(fine)


def _replicas(
    look: Look, name: str, wanted: int, expected: str
) -> tuple[list[Json], Verdict | None]:
    """A Deployment's Pods, and what stands against looking at them any closer."""
    deployment = look.deployment(name)
    if deployment is None:
        return [], not_yet(f"There is no Deployment {name}.", expected, _RUN_FROM_TOP)
    replicas = deployment["spec"]["replicas"]
    if replicas != wanted:
        return [], not_yet(f"{name} asks for {replicas} replicas now.", expected)
    pods = look.pods(name)
    if not pods:
        return [], not_yet(f"{name} has no Pods.", expected, wait=True)
    return pods, None


def _all_ready(pods: list[Json], wanted: int, expected: str) -> Verdict | None:
    refused = [name_of(pod) for pod in pods if _refusal(pod)]
    if refused:
        return not_yet(f"{agreed(refused, 'has', 'have')} no node: {_refusal_of(pods)}", expected)
    count = sum(map(pod_is_ready, pods))
    if count != wanted or len(pods) != wanted:
        return not_yet(f"{count} of {len(pods)} Pods are ready.", expected, wait=True)
    return None


def _by_scheduler(look: Look, pods: list[Json], expected: str, fine: str) -> Verdict:
    """Pass where the scheduler announced each Pod's node; `spec.nodeName` goes past it."""
    bound = {event["involvedObject"]["uid"] for event in look.events("Scheduled")}
    past = [name_of(pod) for pod in pods if uid_of(pod) not in bound]
    if past:
        return not_yet(
            f"The scheduler never placed {listed(past)}.",
            expected,
            "A template with `nodeName` goes past the scheduler, its filters and every cordon.",
        )
    return passed(fine)


def _closed(look: Look) -> list[str]:
    nodes = (node for node in look.nodes() if node["spec"].get("unschedulable"))
    return [name_of(node) for node in nodes if name_of(node) in look.workers]


def _layout(pods: list[Json]) -> str:
    count = Counter(node_of(pod) or "no node" for pod in pods)
    return listed([f"{number} on {node}" for node, number in sorted(count.items())])


def _refusal(pod: Json) -> str:
    return refusal(unscheduled(pod))


def _refusal_of(pods: list[Json]) -> str:
    return next(said for pod in pods if (said := _refusal(pod)))


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


CHECKS = (
    Check(
        "read-the-refusal",
        "A refusal, read",
        _read_the_refusal,
        (
            "Stop reading at `preemption:`; what comes before has all three numbers.",
            "`0/N nodes`: N were looked at. Each reason has its own number before it.",
            "The number before `Insufficient cpu` is the third, the one before `node(s) had "
            "untolerated taint(s)` the second.",
        ),
    ),
    Check(
        "four-fit",
        "Four Pods in three nodes",
        _four_fit,
        (
            "The filter adds requests. Which number can be smaller?",
            "`kubectl set resources deployment heavy --requests=cpu=...`, in millicores, with m.",
            "`kubectl set resources deployment heavy --requests=cpu=50m`",
        ),
    ),
    Check(
        "three-on-one",
        "Three on one",
        _three_on_one,
        (
            "New Pods go where nodes are open. What makes new Pods without a gap?",
            "`kubectl rollout` has a subcommand that replaces all Pods of a Deployment.",
            "`kubectl rollout restart deployment/shop`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "filled-again",
        "The empty workers are used again",
        _filled_again,
        (
            "No Pod moves. New ones are scored anew.",
            "You did it in the round before, for another purpose.",
            "`kubectl rollout restart deployment/shop`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "own-worker",
        "A worker of their own",
        _own_worker,
        (
            "A toleration lets in. What leads there is a label of the node, and a selector.",
            "`kubectl label node NAME team=data`, then `nodeSelector` in the template's spec.",
            """`kubectl patch deployment data -p '{"spec": {"template": {"spec": """
            """{"nodeSelector": {"team": "data"}}}}}'`""",
        ),
    ),
    Check(
        "apart-released",
        "Released, and still apart",
        _apart_released,
        (
            "The rollout waits for room. What if it took an old Pod away first?",
            "maxSurge and maxUnavailable in the strategy decide that.",
            """`kubectl patch deployment apart -p '{"spec": {"strategy": {"rollingUpdate": """
            """{"maxSurge": 0, "maxUnavailable": 1}}}}'`""",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "even-when-drained",
        "Even, and drained",
        _even_when_drained,
        (
            "Three steps: the constraint, the end of its rollout, the drain.",
            "The two fields stand in the table above; they go beside `maxSkew`. The drain is the "
            "one of this round.",
            "`kubectl edit deployment even`: add `nodeTaintsPolicy: Honor` and `matchLabelKeys: "
            "[pod-template-hash]`; `kubectl rollout status`; then drain.",
        ),
        looks_at=("state", "path"),
    ),
)
