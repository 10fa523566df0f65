"""Beliefs about drains, budgets and nodes that die."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.course.misconceptions.telling import stayed
from nodebynode.recording.rules import Story, ready
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

_TOGETHER = timedelta(seconds=1)
_STUCK = timedelta(seconds=4)
"""A drain that may evict a Pod at once has done so by then."""


def _closed(look: Look) -> set[str]:
    return {node.name for node in look.state.nodes if node.cordoned}


def evictions(story: Story) -> Iterator[tuple[int, str, Pod]]:
    """Yield where a Pod of a Deployment began to leave a cordoned node: instant, owner, Pod."""
    for index in range(1, len(story.looks)):
        look = story.looks[index]
        for name in story.deployments:
            staying = {pod.uid for pod in story.pods(look, name) if pod.active}
            for pod in story.pods(story.looks[index - 1], name):
                if pod.active and pod.uid not in staying and pod.node in _closed(look):
                    yield index, name, pod


def _acts(story: Story, *parts: str) -> list[datetime]:
    return [
        one.at
        for one in story.marks
        if one.kind == "action" and all(part in one.text for part in parts)
    ]


def _moved(story: Story) -> str | None:
    for index, name, old in evictions(story):
        known = {pod.uid for pod in story.pods(story.looks[index - 1], name)}
        for look in story.looks[index:]:
            for new in story.pods(look, name):
                if new.uid not in known and new.node:
                    return (
                        f"{old.name} left {old.node} for good; {new.name} came to {new.node}, "
                        "with a name and a UID of its own."
                    )
    return None


def _together(story: Story) -> str | None:
    before: tuple[datetime, str, Pod] | None = None
    for index, name, pod in evictions(story):
        at = story.looks[index].at
        if before and before[1] == name and before[2].node == pod.node:
            apart = at - before[0]
            if apart <= _TOGETHER:
                return (
                    f"{before[2].name} and {pod.name} were told to leave {pod.node} "
                    f"{apart.total_seconds():.2f} s apart."
                )
        before = at, name, pod
    return None


def _held(story: Story, *parts: str, wanted: int | None = None) -> str | None:
    """A Pod that stayed on a cordoned node for seconds, after a drain was asked for.

    A cell's commands are all marked when the cell begins, so the clock runs from the cordon.
    """
    asked = _acts(story, "kubectl drain", *parts)
    if not asked:
        return None

    def here(look: Look) -> set[tuple[str, str]]:
        return {
            (pod.name, str(pod.node))
            for deployment in look.state.deployments
            if wanted in (None, deployment.wanted)
            for pod in story.pods(look, deployment.name)
            if pod.active and pod.ready and pod.node in _closed(look)
        }

    for _, (pod, node), _ in stayed(story, here, _STUCK, begin=story.at(asked[0])):
        return (
            f"{pod} was still ready on {node}, {_STUCK.seconds} s after {node} was "
            "cordoned for the drain."
        )
    return None


def _forced(story: Story) -> str | None:
    return _held(story, "--force")


def _one_replica(story: Story) -> str | None:
    return _held(story, wanted=1)


def _still_closed(story: Story) -> str | None:
    return _held(story)


def _deleted(story: Story) -> str | None:
    budgets = [*_acts(story, "pdb"), *_acts(story, "poddisruptionbudget")]
    for at in _acts(story, "kubectl delete pod"):
        if any(made <= at for made in budgets) and (gone := _left_open(story, at)):
            return f"{gone.name} was deleted by hand, and no budget was asked."
    return None


def _left_open(story: Story, since: datetime) -> Pod | None:
    """The first Pod that left a node that was not cordoned, its Deployment staying as it was."""
    for index in range(max(1, story.at(since)), len(story.looks)):
        before, look = story.looks[index - 1], story.looks[index]
        for deployment in set(look.state.deployments) & set(before.state.deployments):
            staying = {pod.uid for pod in story.pods(look, deployment.name) if pod.active}
            for pod in story.pods(before, deployment.name):
                if pod.active and pod.uid not in staying and pod.node not in _closed(look):
                    return pod
    return None


def _empty_too_early(story: Story) -> str | None:
    for index, name, pod in evictions(story):
        for look in story.looks[index:]:
            wanted = next((d.wanted for d in look.state.deployments if d.name == name), 0)
            there = any(one.node == pod.node for one in story.pods(look, name))
            count = ready(name).at(story, look).number
            if not there and count < wanted:
                return f"{pod.node} was empty while {count} of {wanted} Pods of {name} were ready."
    return None


def _made(replicas: int, *, startup: int = 0) -> str:
    env = f'"env": [{{"name": "SHOP_STARTUP_SECONDS", "value": "{startup}"}}], ' if startup else ""
    patch = (
        '{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1, "containers": '
        f'[{{"name": "shop", {env}"readinessProbe": {{"periodSeconds": 1, "httpGet": '
        '{"path": "/ready", "port": 8080}}}]}}}}'
    )
    return f"""
workers=$(kubectl get nodes -l '!node-role.kubernetes.io/control-plane' -o name)
node=$(echo "$workers" | head -1)
kubectl cordon $(echo "$workers" | tail -n +2)
kubectl create deployment belief --image=localhost/shop:v1 --replicas=0
kubectl patch deployment belief -p '{patch}'
kubectl scale deployment belief --replicas={replicas}
kubectl rollout status deployment/belief --timeout=40s
kubectl uncordon $(echo "$workers" | tail -n +2)
"""


_DRAIN = "kubectl drain $node --ignore-daemonsets --pod-selector=app=belief"
_FORCED = _DRAIN.replace("drain", "drain --force", 1)
_SHOW = "kubectl get pods -l app=belief -o wide"
_READY = "kubectl get deployment belief"
_BUDGET = "kubectl create pdb belief --selector=app=belief"
_END = """
kubectl uncordon $node
kubectl delete deployment belief
kubectl delete pdb belief --ignore-not-found
kubectl wait --for=delete pod -l app=belief --timeout=30s
"""
_NAMES = (
    "kubectl get pods -l app=belief "
    "-o custom-columns=NAME:.metadata.name,UID:.metadata.uid,IP:.status.podIP"
)
_WAIT = "kubectl rollout status deployment/belief --timeout=40s"
_FAILS = '|| echo "exit code $?"'

MISCONCEPTIONS = (
    Misconception(
        "evicted-moves",
        "An evicted Pod moves to another node.",
        "It is deleted. Its ReplicaSet makes another Pod, with another name, UID and address.",
        _moved,
        f"{_made(1)}{_NAMES}\n{_DRAIN}\n{_WAIT}\n{_NAMES}{_END}",
        "the name, the UID and the address before, and after.",
    ),
    Misconception(
        "drain-is-one-by-one",
        "A drain takes one Pod after the other.",
        "It evicts all Pods of the node at once. Only a budget makes one wait for another.",
        _together,
        f"{_made(2)}{_DRAIN}\n{_READY}\n{_WAIT}{_END}",
        "both lines `evicting pod`, one right after the other.",
    ),
    Misconception(
        "force-overrides-budget",
        "drain --force overrides a budget.",
        "--force is for Pods that no controller makes anew. Budgets are asked all the same.",
        _forced,
        f"{_made(1)}{_BUDGET} --min-available=1\n{_FORCED} --timeout=7s {_FAILS}\n{_SHOW}{_END}",
        "what the drain says of the budget, although --force is there.",
    ),
    Misconception(
        "budget-protects-from-all",
        "A budget protects my Pods from everything.",
        "It is asked for evictions only: not when a Pod is deleted, rolled out, or loses its node.",
        _deleted,
        f"{_made(2)}{_BUDGET} --max-unavailable=0\nkubectl get pdb belief\n"
        f"kubectl delete pod -l app=belief\n{_WAIT}{_END}",
        "ALLOWED DISRUPTIONS is 0, and the Pods are deleted.",
    ),
    Misconception(
        "budget-saves-one-replica",
        "With a budget, one replica is safe in a drain.",
        "The budget refuses every eviction, so the drain never ends. It needs a second replica.",
        _one_replica,
        f"{_made(1)}{_BUDGET} --min-available=1\n{_DRAIN} --timeout=7s {_FAILS}\n{_SHOW}{_END}",
        "the drain tries again every 5 s, and gives up.",
    ),
    Misconception(
        "drain-waits-for-replacements",
        "A drain waits until the replacements are ready.",
        "It waits until the old Pods are gone. Only with a budget does the next eviction wait.",
        _empty_too_early,
        f"{_made(2, startup=5)}{_DRAIN}\n{_READY}\n{_WAIT}{_END}",
        "the drain is over, and READY is not yet 2/2.",
    ),
    Misconception(
        "failed-drain-leaves-no-trace",
        "A drain that failed has changed nothing.",
        "It cordons the node first, and leaves it cordoned.",
        _still_closed,
        f"{_made(1)}{_BUDGET} --min-available=1\n{_DRAIN} --timeout=7s {_FAILS}\n"
        f"kubectl get $node{_END}",
        "SchedulingDisabled, after a drain that gave up.",
    ),
)
