"""Beliefs about Deployments, ReplicaSets and Pods."""

from __future__ import annotations

from nodebynode.course.labs.owning import bare_losses, put_backs, released
from nodebynode.course.labs.readings import replacement
from nodebynode.course.misconceptions.belief import experiment
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.course.misconceptions.telling import by_deployment
from nodebynode.phrases import listed
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.finding import clock


def _on_no_node(story: Story, name: str) -> str | None:
    """That a Deployment's Pods were on several nodes at once, or on none."""
    for look in story.looks:
        pods = [pod for pod in story.pods(look, name) if pod.active]
        nodes = sorted({pod.node for pod in pods if pod.node})
        waiting = [pod for pod in pods if pod.unscheduled]
        if waiting and not nodes:
            return f"Deployment {name} was there, and its Pod {waiting[0].name} had no node at all."
        if len(nodes) > 1:
            return f"at {clock(look.at)} the Pods of the one Deployment {name} were on " + (
                f"{listed(nodes)}."
            )
    return None


def _two_levels(story: Story, name: str) -> str | None:
    for look in story.looks:
        for one in story.sets(look, name):
            pod = next((pod for pod in look.state.pods if pod.owner_uid == one.uid), None)
            if pod is not None:
                return (
                    f"{pod.name} belongs to ReplicaSet {one.name}, and that to Deployment {name}."
                )
    return None


def _set_back(story: Story, name: str) -> str | None:
    for one in put_backs(story, name):
        milliseconds = round((one.back - one.at).total_seconds() * 1000)
        return (
            f"{one.name} was set from {one.wanted} to {one.by_hand}, and was back at "
            f"{one.wanted} after {milliseconds} ms."
        )
    return None


def _let_go(story: Story, name: str) -> str | None:
    for one in released(story, name):
        for look in story.looks[story.at(one.at) :]:
            pods = [pod for pod in story.pods(look, name) if pod.active]
            free = next((pod for pod in look.state.pods if pod.uid == one.pod.uid), None)
            new = [pod for pod in pods if pod.uid not in one.beside]
            if free and free.active and not free.owner_uid and new:
                return (
                    f"at {clock(one.at)} {free.name} no longer had the label, and nobody owned it. "
                    f"It ran on, and {new[0].name} was made in its place."
                )
    return None


def _another_came(story: Story) -> str | None:
    for deployment in story.deployments:
        found = replacement(story, deployment)
        if found and found.new and found.new.name != found.old.name:
            return (
                f"{found.old.name} on {found.old.node} left for good; {found.new.name} came, "
                "with a name and a UID of its own."
            )
    return None


def _none_came(story: Story) -> str | None:
    for pod, at in bare_losses(story):
        return f"{pod.name} had no owner. It was gone at {clock(at)}, and none came in its place."
    return None


_SHOW = "kubectl get pods -l app=belief -o custom-columns=NAME:.metadata.name"

MISCONCEPTIONS = (
    Misconception(
        "deployment-on-a-node",
        "A Deployment runs on a node.",
        "It is a record in the API and has no node. Its Pods have, each one of its own.",
        by_deployment(_on_no_node),
        experiment(f"""
echo "node in the Deployment: '$(kubectl get deployment belief \\
  -o jsonpath='{{.spec.template.spec.nodeName}}')'"
{_SHOW},NODE:.spec.nodeName
"""),
        "the Deployment names no node; its three Pods name more than one.",
    ),
    Misconception(
        "deployment-makes-pods",
        "The Deployment makes the Pods.",
        "The Deployment controller writes ReplicaSets; the ReplicaSet controller makes the Pods.",
        by_deployment(_two_levels),
        experiment(f"""
{_SHOW},OWNER:.metadata.ownerReferences[0].kind
kubectl get replicasets -l app=belief \\
  -o custom-columns=NAME:.metadata.name,OWNER:.metadata.ownerReferences[0].kind
kubectl get events --field-selector reason=SuccessfulCreate \\
  -o custom-columns=FROM:.reportingComponent,MESSAGE:.message
"""),
        "who owns the Pods, who owns the ReplicaSet, and from whom each `Created pod` is.",
    ),
    Misconception(
        "scale-the-replicaset",
        "To have more Pods, I scale the ReplicaSet.",
        "Its size is the Deployment controller's to set, and is put back. Scale the Deployment.",
        by_deployment(_set_back),
        experiment("""
replicaset=$(kubectl get replicasets -l app=belief -o name)
kubectl scale "$replicaset" --replicas=5
kubectl wait "$replicaset" --for=jsonpath='{.spec.replicas}'=3 --timeout=30s
kubectl get "$replicaset"
kubectl get events --field-selector reason=ScalingReplicaSet \\
  -o custom-columns=FROM:.reportingComponent,MESSAGE:.message
"""),
        "the ReplicaSet wants 3 again, and an Event says who scaled it down from 5.",
    ),
    Misconception(
        "label-is-a-name",
        "A label is only a name: without it the Pod is the same, and so is all else.",
        "A ReplicaSet finds its Pods by their labels. One without them is let go and runs on; "
        "another is made in its place.",
        by_deployment(_let_go),
        experiment(
            f"""
pod=$(kubectl get pods -l app=belief -o name | head -1)
kubectl label "$pod" app=belief-kept --overwrite
kubectl rollout status deployment/belief --timeout=60s
kubectl wait deployment/belief --for=jsonpath='{{.status.readyReplicas}}'=3 --timeout=30s
kubectl get pods -l 'app in (belief, belief-kept)' -L app
{_SHOW}
""",
            before="""
trap 'kubectl delete deployment belief --ignore-not-found --cascade=foreground
  kubectl delete pods -l app=belief-kept' EXIT
""",
        ),
        "four Pods with one label or the other, and three with the old one.",
    ),
    Misconception(
        "deleted-comes-back",
        "A Pod that I delete comes back.",
        "It is gone for good. Its ReplicaSet makes another Pod: another name, UID and address.",
        _another_came,
        """
kubectl create deployment belief --image=localhost/shop:v1
kubectl rollout status deployment/belief --timeout=30s
kubectl get pods -l app=belief -o custom-columns=NAME:.metadata.name,UID:.metadata.uid
kubectl delete pod -l app=belief --grace-period=1
kubectl rollout status deployment/belief --timeout=30s
kubectl get pods -l app=belief -o custom-columns=NAME:.metadata.name,UID:.metadata.uid
kubectl delete deployment belief
kubectl wait --for=delete pod -l app=belief --timeout=60s
""",
        "the name and the UID before, and after.",
    ),
    Misconception(
        "bare-pod-comes-back",
        "Kubernetes replaces every Pod that is lost.",
        "Only a Pod that a controller owns is replaced. One made by hand is gone for good.",
        _none_came,
        experiment(
            """
kubectl run belief-alone --image=localhost/shop:v1 --restart=Always
kubectl wait pod belief-alone --for=condition=Ready --timeout=60s
kubectl delete pod belief-alone --grace-period=1
kubectl delete "$(kubectl get pods -l app=belief -o name)"
kubectl rollout status deployment/belief --timeout=60s
kubectl get pods -l 'app=belief'
kubectl get pod belief-alone || echo "nobody made another belief-alone"
""",
            replicas=1,
            before="""
trap 'kubectl delete deployment belief --ignore-not-found --cascade=foreground
  kubectl delete pod belief-alone --ignore-not-found' EXIT
""",
        ),
        "the Pod of the Deployment was replaced; `belief-alone` was not.",
    ),
)
