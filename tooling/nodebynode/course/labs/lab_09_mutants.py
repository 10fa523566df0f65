"""The wrong answers of lab 09, the-duel."""

from __future__ import annotations

from nodebynode.course.mutants import Mutant

_LABEL = "kubectl label pod -l app=pinned,pin=w{} rotation=out --overwrite\n"
_IMAGE = "kubectl set image deployment/pinned-w{} shop=localhost/shop:v2\n"
_WAIT = "kubectl rollout status deployment/pinned-w{} --timeout=30s\n"
_NODE = "node=$(kubectl get nodes -o name | grep worker | sed -n {}p)\n"
_OPEN = 'kubectl uncordon "$node"\n'
_BOTH = "for number in 2 3; do\n{}done\n"
_FREE = (
    "kubectl patch deployment pinned-w$number -p "
    """'{"spec": {"template": {"spec": {"nodeSelector": %s}}}}'\n"""
)


def _twice(*lines: str) -> str:
    return "%%bash\n" + _BOTH.format("".join(lines).replace("{}", "$number"))


MUTANTS = (
    Mutant(
        "one-node-forgotten",
        "what is done on two nodes is done",
        "by-hand",
        f"%%bash\n{_LABEL.format(2)}{_IMAGE.format(2)}{_WAIT.format(2)}",
        "pinned-w3 has localhost/shop:v1",
    ),
    Mutant(
        "not-taken-out",
        "a rollout takes its Pods out of the list in time",
        "by-hand",
        _twice(_IMAGE, _WAIT),
        "was told to stop while the Service still sent requests to it",
    ),
    Mutant(
        "deployment-labelled",
        "a label on the Deployment takes its Pods out",
        "by-hand",
        _twice("kubectl label deployment pinned-w{} rotation=out\n", _IMAGE, _WAIT),
        "was told to stop while the Service still sent requests to it",
    ),
    Mutant(
        "all-taken-out",
        "out with all of them, it is quicker",
        "by-hand",
        "%%bash\n"
        "kubectl label pod -l app=pinned rotation=out --overwrite\n"
        + _BOTH.format((_IMAGE + _WAIT).replace("{}", "$number")),
        "endpoints of Service pinned were ready",
    ),
    Mutant(
        "selector-label-removed",
        "a Pod without the Service's label is out, and all else stays",
        "by-hand",
        "%%bash\n"
        "kubectl label pod -l app=pinned,pin=w2 app-\n"
        + _BOTH.format((_IMAGE + _WAIT).replace("{}", "$number")),
        "belongs to no Deployment any more",
    ),
    Mutant(
        "cordoned-only",
        "a cordoned node is empty",
        "one-at-a-time",
        "%%bash\n"
        + _BOTH.format(_NODE.replace("{}", "${number}") + 'kubectl cordon "$node"\n' + _OPEN),
        "No Pod of pinned was evicted from",
    ),
    Mutant(
        "two-at-a-time",
        "two nodes at a time are quicker",
        "one-at-a-time",
        "%%bash\n"
        "nodes=$(kubectl get nodes -o name | grep worker | sed -n 2,3p)\n"
        "kubectl drain $nodes --pod-selector=app=pinned --timeout=30s\n"
        "kubectl uncordon $nodes",
        "endpoints of Service pinned were ready",
    ),
    Mutant(
        "more-of-the-pinned",
        "a Deployment with more replicas finds room for them",
        "without-the-node",
        "%%bash\nkubectl scale deployment/pinned-w2 --replicas=6",
        "Without a node: pinned-w2",
    ),
    Mutant(
        "undone-only",
        "a rollback puts everything back",
        "taken-back",
        "%%bash\n"
        "kubectl rollout undo deployment/spread\n"
        "kubectl rollout undo deployment/pinned-w1\n"
        "kubectl rollout status deployment/spread --timeout=30s\n" + _WAIT.format(1),
        "they have rotation=out",
    ),
    Mutant(
        "one-undone",
        "one rollback takes back a release",
        "taken-back",
        "%%bash\nkubectl rollout undo deployment/spread",
        "pinned-w1 still asks for version 9",
    ),
    Mutant(
        "grown-on-one-node",
        "twelve are twelve, wherever they are",
        "grown",
        "%%bash\n"
        "kubectl scale deployment/spread --replicas=12\n"
        "kubectl scale deployment/pinned-w1 --replicas=6\n"
        f"{_WAIT.format(1)}kubectl rollout status deployment/spread --timeout=30s",
        "of 12 Pods of pinned",
    ),
    Mutant(
        "one-hook",
        "one Deployment stands for all",
        "hooked",
        "%%bash\n"
        "kubectl patch deployment pinned-w1 -p "
        """'{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5, "containers": """
        """[{"name": "shop", "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}]}}}}'\n"""
        f"{_WAIT.format(1)}",
        "pinned-w2 and pinned-w3 have no preStop hook",
    ),
    Mutant(
        "emptied-selector",
        "a patch with {} takes the pin away",
        "freed",
        "%%bash\nfor number in 1 2 3; do\n" + _FREE % "{}" + "done\n",
        "pinned-w1 still asks for one node",
    ),
    Mutant(
        "freed-and-not-drained",
        "without the pin there is nothing to try",
        "freed",
        "%%bash\nfor number in 1 2 3; do\n" + _FREE % "null" + "done\n",
        'No node was drained on the day "free"',
    ),
    Mutant(
        "deleted-first",
        "first away with the old ones",
        "merged",
        "%%bash\n"
        "kubectl delete deployment pinned-w2 pinned-w3\n"
        f"kubectl scale deployment/pinned-w1 --replicas=9\n{_WAIT.format(1)}",
        "endpoints of Service pinned were ready",
    ),
    Mutant(
        "orphaned",
        "who keeps the Pods loses nothing",
        "merged",
        "%%bash\n"
        f"kubectl scale deployment/pinned-w1 --replicas=9\n{_WAIT.format(1)}"
        "kubectl delete deployment pinned-w2 pinned-w3 --cascade=orphan",
        "has no Deployment, and keeps 3 Pods",
    ),
)
