"""Beliefs about Pods that are pinned to a node."""

from __future__ import annotations

from datetime import datetime

from nodebynode.course.labs.pins import blocked, has_no_room, stranded
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Story


def _stranded(story: Story) -> str | None:
    for _, name, pod in stranded(story):
        return f"{pod.name} of {name} found no node: {pod.refusal}"
    return None


def _blocked(story: Story) -> str | None:
    found = blocked(story)
    if found is None:
        return None
    return (
        f"{found.pod.name} stayed on {found.pod.node}, because the budget waited for "
        f"{found.waits.name}, and that one for {found.pod.node}."
    )


def _no_room(story: Story) -> str | None:
    """A Pod of a rollout that had no room, while the Pods that it was to replace served."""
    for look in story.looks:
        for name in story.deployments:
            pods = story.pods(look, name)
            serving = [pod for pod in pods if pod.ready and pod.active]
            for new in filter(has_no_room, pods):
                old = next((pod for pod in serving if pod.owner_uid != new.owner_uid), None)
                if old is not None:
                    why = new.refusal
                    return f"{new.name} was to replace {old.name}, and found no room: {why}"
    return None


def _past_the_cordon(story: Story) -> str | None:
    """A Pod that got a node while that was cordoned, as only `nodeName` brings about."""
    known = {pod.uid for pod in story.looks[0].state.pods if pod.node}
    since: dict[str, datetime] = {}
    for look in story.looks:
        cordoned = {node.name for node in look.state.nodes if node.cordoned}
        since = {name: since.get(name, look.at) for name in cordoned}
        for pod in look.state.pods:
            if pod.node and pod.uid not in known:
                known.add(pod.uid)
                if look.at - since.get(pod.node, look.at) > APART:
                    return f"{pod.name} came to {pod.node}, which was cordoned."
    return None


_MADE = """
# However this ends, it removes what it made.
node=$(kubectl get nodes -o name | grep worker | head -1 | cut -d/ -f2)
trap 'kubectl uncordon "$node"
kubectl delete service,pdb belief --ignore-not-found
kubectl delete deployment belief --ignore-not-found --cascade=foreground' EXIT
kubectl apply -f - <<END
apiVersion: apps/v1
kind: Deployment
metadata: {{name: belief}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: belief}}}}
  template:
    metadata: {{labels: {{app: belief}}}}
    spec:
      {pin}
      terminationGracePeriodSeconds: 1
      containers:
      - name: shop
        image: localhost/shop:v1
        readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
END
kubectl rollout status deployment/belief --timeout=60s
"""
_SELECTED = "nodeSelector: {kubernetes.io/hostname: $node}"
_SHOW = "kubectl get pods -l app=belief -o wide"
_DRAIN = 'kubectl drain "$node" --ignore-daemonsets --pod-selector=app=belief'
_NO_NODE = "--for=jsonpath='{.status.conditions[?(@.type==\"PodScheduled\")].status}'=False"


def _experiment(commands: str, *, pin: str = _SELECTED, replicas: int = 1) -> str:
    return _MADE.format(pin=pin, replicas=replicas).lstrip() + commands.strip() + "\n"


MISCONCEPTIONS = (
    Misconception(
        "pinned-heals",
        "When its node is closed or dies, a pinned Deployment makes its Pods elsewhere.",
        "It makes them, and they wait without a node until that very node is back.",
        _stranded,
        _experiment(f"""
{_DRAIN} --timeout=40s
kubectl wait pod -l app=belief {_NO_NODE} --timeout=30s
{_SHOW}
"""),
        "the new Pod is Pending, and its NODE is <none>, although two workers are free.",
    ),
    Misconception(
        "budget-helps-pinned",
        "A budget makes a drain of pinned Pods safe: it goes slower, one Pod after the other.",
        "The drain stops half-way for ever: the budget waits for a Pod that waits for this node.",
        _blocked,
        _experiment(
            f"""
kubectl create poddisruptionbudget belief --selector=app=belief --max-unavailable=1
{_DRAIN} --timeout=9s || echo "exit code $?"
{_SHOW}
kubectl get poddisruptionbudget belief
""",
            replicas=2,
        ),
        "one Pod is Pending, one still runs on the closed node, and 0 disruptions are allowed.",
    ),
    Misconception(
        "surge-needs-no-room",
        "A rolling update needs no more room than the app has already.",
        "A new Pod comes before an old one goes, and its request has to fit as well. For a pinned "
        "Pod it has to fit on that one node, however free the others are.",
        _no_room,
        _experiment(
            f"""
cpu=$(kubectl get node "$node" -o jsonpath='{{.status.allocatable.cpu}}')
case $cpu in *m) milli=${{cpu%m}} ;; *) milli=$((cpu * 1000)) ;; esac
kubectl set resources deployment belief --requests=cpu=$((milli * 6 / 10))m
kubectl rollout status deployment/belief --timeout=60s
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl rollout status deployment/belief --timeout=4s || echo "exit code $?"
{_SHOW}
kubectl get events --field-selector=reason=FailedScheduling -o custom-columns=MESSAGE:.message
"""
        ),
        "the new Pod is Pending for want of cpu, and two workers are free.",
    ),
    Misconception(
        "node-name-is-a-pin",
        "nodeName pins a Pod to a node just as nodeSelector does.",
        "nodeName goes round the scheduler: the Pod comes to its node even while that is cordoned, "
        "so no drain can empty it.",
        _past_the_cordon,
        _experiment(
            f"""
kubectl cordon "$node"
kubectl delete pod -l app=belief
kubectl rollout status deployment/belief --timeout=40s
{_SHOW}
kubectl get node "$node"
""",
            pin="nodeName: $node",
        ),
        "a new Pod runs on the node, which is SchedulingDisabled.",
    ),
)
