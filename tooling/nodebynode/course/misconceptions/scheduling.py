"""Beliefs about where Pods land, and what makes them leave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from nodebynode.course.labs.readings import first
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.phrases import agreed, listed
from nodebynode.recording.rules import Story, cordoned, mark, uncordoned
from nodebynode.recording.rules.finding import lasting
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

_RULES = "topology spread constraints"
_APART = "anti-affinity"
_LONG = timedelta(seconds=2)
"""What would move, would have begun to by then: controllers take milliseconds."""


def _named(pods: list[Pod]) -> str:
    return listed(sorted(pod.name for pod in pods))


def _none_moved_back(story: Story) -> str | None:
    for at in uncordoned().instants(story):
        index = story.at(at)
        was = {node.name for node in story.looks[index - 1].state.nodes if node.cordoned}
        now = story.looks[index].state
        freed = was - {node.name for node in now.nodes if node.cordoned}
        active = [pod for pod in now.pods if pod.active and pod.node]
        until = min((_stayed(story, index, pod, ready=False) for pod in active), default=at)
        used = {pod.node for look in _between(story, at, until) for pod in look.state.pods}
        if until - at >= _LONG and (unused := freed - used):
            return (
                f"{min(unused)} was uncordoned, and for {lasting(until - at)} no Pod came there: "
                f"{_named(active)} stayed."
            )
    return None


def _stayed(story: Story, index: int, pod: Pod, *, ready: bool) -> datetime:
    """Until when a Pod was there, from a look on: active on its node, and ready where asked."""
    for look in story.looks[index:]:
        there = next((one for one in look.state.pods if one.uid == pod.uid), None)
        if there is None or not there.active or (ready and not there.ready):
            return look.at
    return story.ended


def _between(story: Story, since: datetime, until: datetime) -> list[Look]:
    return [look for look in story.looks if since <= look.at < until]


def _two_on_one(story: Story) -> str | None:
    for look in story.looks:
        for deployment in story.deployments:
            pods = [pod for pod in story.pods(look, deployment) if pod.active and pod.node]
            for node in sorted({pod.node or "" for pod in pods}):
                here = [pod for pod in pods if pod.node == node]
                if len(here) > 1:
                    return f"{_named(here)} of {deployment} were on {node} together."
    return None


def _stayed_on_cordoned(story: Story) -> str | None:
    for at in cordoned().instants(story):
        index = story.at(at)
        now = story.looks[index].state
        closed = {node.name for node in now.nodes if node.cordoned}
        for pod in now.pods:
            ran = _stayed(story, index, pod, ready=True) - at
            if pod.node in closed and pod.ready and ran >= _LONG:
                return f"{pod.name} ran on, ready, on the cordoned {pod.node} for {lasting(ran)}."
    return None


def _bound(story: Story) -> Iterator[tuple[Look, Pod]]:
    """Each Pod at the look at which it first has a node."""
    for before, look in pairwise(story.looks):
        known = {pod.uid for pod in before.state.pods if pod.node}
        for pod in look.state.pods:
            if pod.node and pod.uid not in known:
                yield look, pod


def _outside_though_tolerating(story: Story) -> str | None:
    let_in: dict[str | None, Pod] = {}
    outside: dict[str | None, Pod] = {}
    for look, pod in _bound(story):
        if fenced := _fenced(look):
            (let_in if pod.node in fenced else outside).setdefault(pod.owner_uid, pod)
    for owner, pod in let_in.items():
        if other := outside.get(owner):
            return (
                f"{pod.name} was let in on the tainted {pod.node}; {other.name}, of the same "
                f"ReplicaSet, went to {other.node}."
            )
    return None


def _fenced(look: Look) -> set[str]:
    """The workers with a taint that somebody gave them."""
    return {
        node.name
        for node in look.state.nodes
        if not node.control_plane
        and any(
            taint.effect == "NoSchedule" and not taint.key.startswith("node.kubernetes.io/")
            for taint in node.taints
        )
    }


def _stayed_without_label(story: Story) -> str | None:
    for one in story.marks:
        is_removal = one.text.split()[-1].rstrip('"').endswith("-") if one.text else False
        if one.kind != "action" or "kubectl label node" not in one.text or not is_removal:
            continue
        at = story.at(one.at)
        ends = [_stayed(story, at, pod, ready=False) for pod in story.looks[at].state.pods]
        if any(end - one.at < _LONG for end in ends):
            continue
        stayed: dict[str, Pod] = {}
        for index, look in enumerate(story.looks):
            for pod in look.state.pods if story.until(index) > one.at else ():
                since = max(look.at, one.at)
                is_here = pod.active and pod.node and pod.uid not in stayed
                if is_here and _stayed(story, index, pod, ready=False) - since >= _LONG:
                    stayed[pod.uid] = pod
        if stayed:
            pods = [*stayed.values()]
            return f"`{one.text}` took a label away, and {_named(pods)} stayed on their nodes."
    return None


def _surge_refused(story: Story) -> str | None:
    for look in story.looks:
        for deployment in story.deployments:
            wanted = [rs for rs in story.sets(look, deployment) if rs.wanted]
            for pod in story.pods(look, deployment):
                if len(wanted) > 1 and not pod.node and _APART in pod.unscheduled:
                    return (
                        f"in the rollout of {deployment}, {pod.name} of version {pod.version} "
                        "found no node: " + pod.refusal
                    )
    return None


def _no_place_after_drain(story: Story) -> str | None:
    if first(story, mark("kubectl drain")) is None:
        return None
    for look in story.looks:
        closed = [node.name for node in look.state.nodes if node.cordoned]
        for pod in look.state.pods:
            if closed and not pod.node and _RULES in pod.unscheduled:
                return (
                    f"while {agreed(closed, 'was', 'were')} cordoned, {pod.name} found no node: "
                    + pod.refusal
                )
    return None


def _belief(replicas: int = 3, spec: str = "") -> str:
    """Bash that makes a Deployment named belief."""
    return f"""kubectl apply -f - <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {{name: belief}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: belief}}}}
  template:
    metadata: {{labels: {{app: belief}}}}
    spec:
{spec}      terminationGracePeriodSeconds: 1
      containers:
        - name: shop
          image: localhost/shop:v1
          readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
YAML
"""


_READY = "kubectl rollout status deployment/belief --timeout=60s\n"
_STAY = (
    "kubectl wait pod -l app=belief --for=delete --timeout=4s 2>&1 || "
    'echo "4 seconds later all of them are still there"\n'
)
_SHOW = "kubectl get pods -l app=belief -o wide\n"
_NODE = "node=$(kubectl get pods -l app=belief -o jsonpath='{.items[0].spec.nodeName}')\n"
_WORKER = "node=$(kubectl get nodes -o name | grep worker | tail -1 | cut -d/ -f2)\n"
_CLOSE_TWO = """for node in $(kubectl get nodes -o name | grep worker | tail -2); do
kubectl cordon "$node"
done
"""
_OPEN_TWO = _CLOSE_TWO.replace("kubectl cordon", "kubectl uncordon")
_DRAIN = (
    'kubectl drain "$node" --ignore-daemonsets --pod-selector=app=belief --timeout=60s\n'
    "kubectl wait deployment/belief --for=jsonpath='{.status.unavailableReplicas}'=1 "
    "--timeout=30s\n"
    "kubectl wait pod -l app=belief --field-selector=status.phase=Pending "
    "--for=condition=PodScheduled=False --timeout=30s\n"
)
_GONE = (
    "kubectl delete deployment belief\nkubectl wait pod -l app=belief --for=delete --timeout=30s\n"
)
_REQUIRED = """      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector: {matchLabels: {app: belief}}
"""
_HARD = """      topologySpreadConstraints:
        - topologyKey: kubernetes.io/hostname
          maxSkew: 1
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: belief}}
"""
_TOLERANT = "      tolerations: [{key: belief, operator: Exists, effect: NoSchedule}]\n"

MISCONCEPTIONS = (
    Misconception(
        "uncordon-rebalances",
        "When a node is uncordoned, or a new one joins, Kubernetes moves Pods there.",
        "The scheduler acts once for each Pod, before it has a node. An empty node stays empty "
        "until new Pods are made: `kubectl rollout restart`, scaling up, an eviction.",
        _none_moved_back,
        _CLOSE_TWO + _belief() + _READY + _OPEN_TWO + _STAY + _SHOW + _GONE,
        "the nodes of the three Pods after the uncordon.",
    ),
    Misconception(
        "one-pod-per-node",
        "The scheduler gives each node one Pod of my Deployment.",
        "Spreading is a preference among the nodes that pass all filters. Where one node is left, "
        "it gets all Pods.",
        _two_on_one,
        _CLOSE_TWO + _belief() + _READY + _SHOW + _OPEN_TWO + _GONE,
        "the column NODE.",
    ),
    Misconception(
        "cordon-stops-pods",
        "A cordon stops the Pods of a node, or takes them out of the Service.",
        "A cordon only keeps new Pods away. Those on the node run on and stay ready.",
        _stayed_on_cordoned,
        _belief()
        + _READY
        + _NODE
        + 'kubectl cordon "$node"\n'
        + _STAY
        + _SHOW
        + 'kubectl uncordon "$node"\n'
        + _GONE,
        "READY and RESTARTS of the Pod on the cordoned node.",
    ),
    Misconception(
        "toleration-attracts",
        "A Pod with a toleration goes to the node with the taint.",
        "A toleration permits a node and draws to none. Use a nodeSelector or node affinity, too.",
        _outside_though_tolerating,
        _WORKER
        + 'kubectl taint node "$node" belief=yes:NoSchedule\n'
        + _belief(spec=_TOLERANT)
        + _READY
        + _SHOW
        + 'kubectl taint node "$node" belief-\n'
        + _GONE,
        "how many of the three are on the last worker, which has the taint.",
    ),
    Misconception(
        "label-change-moves-pods",
        "When a node loses the label that a Pod selects, the Pod leaves it.",
        "A nodeSelector is asked at scheduling only. A Pod that runs stays.",
        _stayed_without_label,
        _WORKER
        + 'kubectl label node "$node" belief=yes\n'
        + _belief(spec="      nodeSelector: {belief: 'yes'}\n")
        + _READY
        + 'kubectl label node "$node" belief-\n'
        + _STAY
        + _SHOW
        + _GONE,
        "the Pods run on, on a node without the label.",
    ),
    Misconception(
        "anti-affinity-is-safer",
        "Required anti-affinity makes my releases safer.",
        "With the default strategy a rollout first makes one Pod more. Where each node has one, "
        "it finds none and the rollout stops. With maxSurge 0 and maxUnavailable 1 it ends.",
        _surge_refused,
        _belief(spec=_REQUIRED)
        + _READY
        + "kubectl set image deployment/belief shop=localhost/shop:v2\n"
        + "kubectl wait deployment/belief --for=jsonpath='{.status.unavailableReplicas}'=1 "
        "--timeout=30s\n"
        "kubectl wait pod -l app=belief --field-selector=status.phase=Pending "
        "--for=condition=PodScheduled=False --timeout=30s\n" + _SHOW + _GONE,
        "the fourth Pod, which is Pending.",
    ),
    Misconception(
        "hard-spread-survives-a-drain",
        "A hard topology spread with maxSkew 1 survives the drain of a node.",
        "The cordoned node counts as a place with 0 Pods, so the Pod waits. "
        "`nodeTaintsPolicy: Honor` leaves out nodes whose taints the Pod does not tolerate.",
        _no_place_after_drain,
        _belief(spec=_HARD)
        + _READY
        + _NODE
        + _DRAIN
        + _SHOW
        + 'kubectl uncordon "$node"\n'
        + _GONE,
        "the Pod that is Pending, although two workers are open.",
    ),
)
