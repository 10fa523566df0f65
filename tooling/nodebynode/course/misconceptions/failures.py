"""Beliefs about nodes that fail; no command makes one fail, so experiments are Python."""

from __future__ import annotations

from datetime import datetime

from nodebynode.course.failing import FROZEN
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.finding import lasting


def _missed(story: Story, node: str, since: datetime) -> int | None:
    """The index of the look at which the cluster first had not heard of a node for too long."""
    for index in range(story.at(since), len(story.looks)):
        look = story.looks[index]
        if any(one.name == node and one.ready == "Unknown" for one in look.state.nodes):
            return index
    return None


def _waited(story: Story) -> str | None:
    for mark in story.marks:
        frozen = FROZEN.fullmatch(mark.text) if mark.kind == "action" else None
        index = _missed(story, frozen[1], mark.at) if frozen else None
        if frozen is None or index is None:
            continue
        look = story.looks[index]
        for name in story.deployments:
            pods = story.pods(look, name)
            here = [pod for pod in pods if pod.active and pod.node == frozen[1]]
            new = [pod for pod in pods if pod.created and pod.created > mark.at]
            if here and not new:
                return (
                    f"{frozen[1]} was frozen, and called NotReady {lasting(look.at - mark.at)} "
                    f"later. {here[0].name} was still there, and no other had been made."
                )
    return None


_GET = 'lab.kubectl("get", "pods", "-l", "app=belief", "-o"'

MISCONCEPTIONS = (
    Misconception(
        "dead-node-reschedules-at-once",
        "When a node dies, its Pods are started elsewhere at once.",
        "The cluster first has to miss the node, by default for 50 s. Then a Pod stays on it for "
        "its tolerationSeconds, by default 300. Only then is another one made.",
        _waited,
        f"""
lab.kubectl("create", "deployment", "belief", "--image=localhost/shop:v1")
node = ""
try:
    lab.kubectl("rollout", "status", "deployment/belief", "--timeout=60s")
    node = {_GET}, "jsonpath={{.items[0].spec.nodeName}}")
    lab.freeze(node)
    lab.kubectl("wait", "node", node, "--for=condition=Ready=Unknown", "--timeout=60s")
    print(lab.kubectl("get", "nodes"))
    print({_GET}, "wide"))
finally:  # however this ends, it undoes what it did
    if node:
        lab.heal(node)
    # kubectl delete deployment
    lab.kubectl("delete", "deployment", "belief", "--cascade=foreground", "--timeout=60s")
""",
        "the node is NotReady, and its Pod is still there, with no other one.",
        python=True,
    ),
)
