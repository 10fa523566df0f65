"""Beliefs about rollouts."""

from __future__ import annotations

from collections.abc import Iterator

from nodebynode.course.labs.readings import Trade, trade
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.phrases import count
from nodebynode.recording.rules import Story, ready, rollout_begins
from nodebynode.recording.rules.finding import clock, lasting

_APP = """
kubectl create deployment belief --image=localhost/shop:v1 --replicas=3
kubectl rollout status deployment/belief --timeout=30s
"""
_CLEAN = """
kubectl delete deployment belief
kubectl wait --for=delete pod -l app=belief --timeout=60s
"""


def _rollouts(story: Story) -> Iterator[Trade]:
    """Every rollout of every Deployment, by name and then in order."""
    for name in story.deployments:
        for began in rollout_begins(name).instants(story):
            if (found := trade(story, began, name)) is not None:
                yield found


def _new_one_first(story: Story) -> str | None:
    for one in _rollouts(story):
        if len(one.rows) < 2:
            continue
        before, after = one.rows[:2]
        if after.old == before.old and after.new > before.new:
            return (
                f"at {clock(after.at)} the sizes of {one.deployment.name} went from "
                f"{before.old}/{before.new} to {after.old}/{after.new}. A new Pod was made before "
                "any old one had to go."
            )
    return None


def _ready_and_waiting(story: Story) -> str | None:
    for one in _rollouts(story):
        name, seconds = one.deployment.name, one.deployment.min_ready
        for look in one.looks:
            sets = sorted(story.sets(look, name), key=lambda rs: rs.revision)
            old, newest = sum(rs.wanted for rs in sets[:-1]), sets[-1] if sets else None
            if newest and old and newest.ready > newest.available:
                return (
                    f"at {clock(look.at)} {count(newest.ready, 'new Pod')} of {name} ran and "
                    f"answered. It had to be ready for {seconds} s, and until then "
                    f"{count(old, 'old Pod')} stayed."
                )
    return None


def _nobody_ready(story: Story) -> str | None:
    for name in story.deployments:
        since, counted, served = None, ready(name), False
        for look in story.looks:
            served = served or counted.at(story, look).number > 0
            recreates = any(
                one.name == name and one.strategy == "Recreate" for one in look.state.deployments
            )
            none = served and recreates and not counted.at(story, look).number
            if since and not none:
                return (
                    f"from {clock(since)} on, for {lasting(look.at - since)}, no Pod of {name} was "
                    "ready."
                )
            since = (since or look.at) if none else None
    return None


def _more_than_surge(story: Story) -> str | None:
    for one in _rollouts(story):
        most = one.deployment.wanted + one.deployment.surge
        for look in one.looks:
            there = [pod for pod in story.pods(look, one.deployment.name) if not pod.finished]
            leaving = sum(pod.terminating for pod in there)
            if len(there) > most:
                return (
                    f"at {clock(look.at)} there were {len(there)} Pods of {one.deployment.name}, "
                    f"though replicas and maxSurge add up to {most}. {leaving} of them had been "
                    "told to stop."
                )
    return None


MISCONCEPTIONS = (
    Misconception(
        "old-goes-first",
        "A rolling update begins by stopping an old Pod.",
        "With the usual numbers it begins with one new Pod more. An old one goes when that is "
        "available.",
        _new_one_first,
        f"""{_APP}
kubectl get replicasets -l app=belief --watch --output-watch-events > sizes.txt &
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl rollout status deployment/belief --timeout=60s
kill %1
cat sizes.txt
rm sizes.txt
{_CLEAN}""",
        "the column DESIRED: the first change is a new ReplicaSet that asks for 1.",
    ),
    Misconception(
        "running-is-enough",
        "A rollout goes on as soon as the new Pod runs.",
        "It goes on when the new Pod is available: ready, and for minReadySeconds.",
        _ready_and_waiting,
        f"""{_APP}
kubectl patch deployment belief -p '{{"spec": {{"minReadySeconds": 5}}}}'
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl wait pod -l app=belief --for=condition=Ready --timeout=30s
kubectl get deployment belief
time kubectl rollout status deployment/belief --timeout=60s
{_CLEAN}""",
        "all Pods are Ready, and yet the rollout takes five seconds for each.",
    ),
    Misconception(
        "surge-bounds-pods",
        "There are never more Pods than replicas and maxSurge together.",
        "Pods that were told to stop come on top. Nobody counts them, and they use their node.",
        _more_than_surge,
        """
kubectl apply -f - <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: belief}
spec:
  replicas: 3
  selector: {matchLabels: {app: belief}}
  template:
    metadata: {labels: {app: belief}}
    spec:
      terminationGracePeriodSeconds: 8
      containers:
        - name: shop
          image: localhost/shop:v1
          lifecycle: {preStop: {sleep: {seconds: 6}}}
YAML
kubectl rollout status deployment/belief --timeout=30s
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl rollout status deployment/belief --timeout=60s
kubectl get pods -l app=belief
"""
        f"{_CLEAN}",
        "how many Pods there are when the rollout has been called successful.",
    ),
    Misconception(
        "recreate-is-slow-rolling",
        "Recreate is a rolling update that takes longer.",
        "It stops all old Pods before it makes the first new one. In between nobody answers.",
        _nobody_ready,
        f"""{_APP}
kubectl patch deployment belief -p 'spec: {{strategy: {{type: Recreate, rollingUpdate: null}}}}'
kubectl get deployment belief --watch --output-watch-events > ready.txt &
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl rollout status deployment/belief --timeout=60s
kill %1
cat ready.txt
rm ready.txt
{_CLEAN}""",
        "the column READY: it comes down to 0/3.",
    ),
)
