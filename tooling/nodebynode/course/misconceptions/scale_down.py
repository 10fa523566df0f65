"""Beliefs about which Pods go when a Deployment shrinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nodebynode.course.misconceptions.belief import experiment
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.course.misconceptions.telling import by_deployment, newest
from nodebynode.model.victims import Rule, victims
from nodebynode.phrases import count, listed
from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.finding import clock, placed_all
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod, ReplicaSet


@dataclass(frozen=True, slots=True)
class _Shrinking:
    """A ReplicaSet that became smaller, with no other one of its Deployment wanting Pods.

    Attributes:
        replicaset: It, with its size before.
        before: What was there shortly before.
        look: The instant at which it was heard.
        went: The Pods that it gave up.
    """

    replicaset: ReplicaSet
    before: Look
    look: Look
    went: Sequence[Pod]


def _shrinkings(story: Story, name: str) -> Iterator[_Shrinking]:
    """Those that left some Pods, and whose Pods were as many before as wanted."""
    sized: ReplicaSet | None = None
    for look in story.looks:
        now = newest(story, look, name)
        was, sized = sized, now or sized
        if not (now and was and now.uid == was.uid and 0 < now.wanted < was.wanted):
            continue
        if sum(rs.wanted for rs in story.sets(look, name)) != now.wanted:
            continue
        before = story.looks[story.at(look.at - APART)]
        there = [pod for pod in before.state.pods if pod.active and pod.owner_uid == now.uid]
        went = _gone(story, look, there, was.wanted - now.wanted)
        if went and len(there) == was.wanted:
            yield _Shrinking(was, before, look, went)


def _gone(story: Story, look: Look, there: Sequence[Pod], number: int) -> list[Pod]:
    """Which Pods had left at the first instant at which so many had."""
    for later in story.looks[story.at(look.at) :]:
        staying = {pod.uid for pod in later.state.pods if pod.active}
        gone = [pod for pod in there if pod.uid not in staying]
        if len(gone) >= number:
            return gone if len(gone) == number else []
    return []


def _as_foretold(story: Story, name: str) -> str | None:
    for one in _shrinkings(story, name):
        foretold = victims(one.before.state, one.replicaset, len(one.went), one.look.at)
        going = {victim.pod.uid: victim for victim in foretold.going}
        if not foretold.sure or going.keys() != {pod.uid for pod in one.went}:
            continue
        victim = foretold.going[0]
        if victim.rule is not Rule.NOTHING:
            said = placed_all(one.went)
            return (
                f"at {clock(one.look.at)} {one.replicaset.name} gave up {said}. The rules foretell "
                f"that; {victim.pod.name} went because of this: {victim.rule.value}."
            )
    return None


def _emptied_a_node(story: Story, name: str) -> str | None:
    for one in _shrinkings(story, name):
        there = [pod for pod in one.before.state.pods
                 if pod.active and pod.owner_uid == one.replicaset.uid]  # fmt: skip
        before = Counter(pod.node for pod in there if pod.node)
        now = before - Counter(pod.node for pod in one.went if pod.node)
        emptied = [node for node in before if not now[node]]
        if emptied and max(now.values(), default=0) > 1:
            return (
                f"{name} had {_spread(before)}. At {clock(one.look.at)} it gave up "
                f"{count(len(one.went), 'Pod')}, and kept {_spread(now)}. None was left on "
                f"{listed(emptied)}."
            )
    return None


def _spread(pods: Counter[str]) -> str:
    return listed([f"{number} on {node}" for node, number in sorted(pods.items())], len(pods))


MISCONCEPTIONS = (
    Misconception(
        "victims-are-random",
        "Which Pods go when I scale down is chance.",
        "A fixed order of rules decides. Pods that are not ready go first, then those of a lower "
        "deletion cost, then those on a node with more of their kind, then the younger ones.",
        by_deployment(_as_foretold),
        experiment("""
kubectl get pods -l app=belief -o name
# Make the second of the three the cheapest.
cheap=$(kubectl get pods -l app=belief -o jsonpath='{.items[1].metadata.name}')
kubectl annotate pod "$cheap" controller.kubernetes.io/pod-deletion-cost=-100
kubectl scale deployment belief --replicas=2
kubectl wait pod "$cheap" --for=delete --timeout=30s
kubectl get pods -l app=belief -o name
"""),
        "the Pod that became the cheapest is the one that goes. Run it again, and it is so again.",
    ),
    Misconception(
        "scale-down-keeps-spread",
        "When I scale down, the Pods stay spread over the nodes.",
        "Nothing keeps the spread. Pods on the fuller node go first; how many are on each node is "
        "counted once, so that node may lose all of them.",
        by_deployment(_emptied_a_node),
        experiment(
            """
# Pods may run on two workers only, evenly: five of them are three and two.
two=$(kubectl get nodes -l '!node-role.kubernetes.io/control-plane' \\
  --field-selector=spec.unschedulable=false -o jsonpath='{.items[0:2].metadata.name}')
kubectl patch deployment belief -p '{"spec": {"replicas": 5, "template": {"spec": {
  "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "belief"}},
    "matchLabelKeys": ["pod-template-hash"]}],
  "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
    "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname",
      "operator": "In", "values": ["'"${two/ /\\", \\"}"'"]}]}]}}}}}}}'
kubectl rollout status deployment/belief --timeout=60s
kubectl get pods -l app=belief -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName
kubectl scale deployment belief --replicas=2
kubectl wait deployment/belief --for=jsonpath='{.status.replicas}'=2 --timeout=30s
kubectl get pods -l app=belief -o wide
""",
            replicas=1,
        ),
        "three and two before; after it the two that are left are on one node, although the Pods "
        "ask for an even spread.",
    ),
)
