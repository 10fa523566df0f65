"""A Service and what becomes of its Pods, told by hand and recorded; and a load's log likewise."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path

from nodebynode.recording import Recorder, Recording
from nodebynode.witness import Request, Traffic

from .api_objects import BEGAN, Json, Maker


class Story:
    """Three nodes, a Service, and Pods that are told of as time goes on.

    Args:
        pods: How many are ready from the beginning, each on a node of its own.
        grace: Seconds that each is given to leave.
    """

    def __init__(self, path: Path, *, pods: int = 3, grace: int = 5) -> None:
        self.make, self.grace, self.now = Maker(), grace, 0.0
        self.path = path / "run.jsonl"
        self.nodes = [self.make.node(number) for number in (1, 2, 3)]
        self._set = self.make.replicaset(self.make.deployment(pods), 1, pods)
        self.slice = self.make.endpointslice([])
        self.pods = [self._pod(number % 3) for number in range(pods)]
        for pod in self.pods:
            self._ready(pod)
            self.slice["endpoints"].append(self.make.endpoint(pod, ready=True))
        self.recorder = Recorder(self.path, clock=lambda: BEGAN.timestamp() + self.now)
        self.recorder.snapshot(
            {
                "nodes": copy.deepcopy(self.nodes),
                "pods": copy.deepcopy(self.pods),
                "services": [self.make.service()],
                "endpointslices": [copy.deepcopy(self.slice)],
            }
        )

    def names(self) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.pods]

    def at(self, seconds: float) -> Story:
        """Go on at a time, in seconds since the beginning."""
        self.now = seconds
        return self

    def new(self, *, probe: bool = True) -> Json:
        """Create a Pod; without a probe it is Ready, and routed to, as soon as it runs."""
        pod = self._pod(len(self.pods) % 3)
        self.pods.append(pod)
        self._tell("pods", "ADDED", pod)
        pod["status"]["phase"] = "Running"
        running = {"running": {"startedAt": self.make.stamp()}}
        pod["status"]["containerStatuses"] = [self.make.container_status(running, ready=not probe)]
        if probe:
            self._tell("pods", "MODIFIED", pod)
        else:
            self.ready(pod)
        return pod

    def ready(self, pod: Json) -> None:
        """Let a Pod be Ready, and its endpoint in the slice."""
        self._ready(pod)
        self._tell("pods", "MODIFIED", pod)
        self.route(pod)

    def route(self, pod: Json, ready: bool = True, *, serving: bool | None = None) -> None:
        """Tell the conditions of a Pod's endpoint."""
        uid = pod["metadata"]["uid"]
        rest = [one for one in self.slice["endpoints"] if one["targetRef"]["uid"] != uid]
        terminating = "deletionTimestamp" in pod["metadata"]
        endpoint = self.make.endpoint(pod, ready=ready, terminating=terminating)
        endpoint["conditions"]["serving"] = ready if serving is None else serving
        self.slice["endpoints"] = [*rest, endpoint]
        self._tell("endpointslices", "MODIFIED", self.slice)

    def unready(self, pod: Json) -> None:
        """Let a Pod's Ready condition be False, and tell nothing of its endpoint."""
        for one in pod["status"]["conditions"]:
            one["status"] = "False" if one["type"] == "Ready" else one["status"]
        self._tell("pods", "MODIFIED", pod)

    def delete(self, pod: Json) -> None:
        """Ask for a Pod's deletion."""
        stamp = self.make.stamp(self.now + self.grace)
        pod["metadata"] |= {
            "deletionTimestamp": stamp, "deletionGracePeriodSeconds": self.grace,
        }  # fmt: skip
        self._tell("pods", "MODIFIED", pod)

    def end(self, pod: Json, code: int = 0) -> None:
        """Let a Pod's container end."""
        ended = {"terminated": {"exitCode": code, "reason": "Completed"}}
        pod["status"]["containerStatuses"] = [self.make.container_status(ended)]
        self._tell("pods", "MODIFIED", pod)

    def gone(self, pod: Json) -> None:
        """Take a Pod and its endpoint away."""
        self._tell("pods", "DELETED", pod)
        uid = pod["metadata"]["uid"]
        rest = [one for one in self.slice["endpoints"] if one["targetRef"]["uid"] != uid]
        self.slice["endpoints"] = rest
        self._tell("endpointslices", "MODIFIED", self.slice)

    def silent(self, node: Json) -> None:
        """Let a node be called not Ready."""
        for one in node["status"]["conditions"]:
            one["status"] = "Unknown" if one["type"] == "Ready" else one["status"]
        self._tell("nodes", "MODIFIED", node)

    def recording(self) -> Recording:
        """End, and read it all again."""
        self.recorder.close()
        return Recording.read(self.recorder.path)

    def _pod(self, node: int) -> Json:
        pod = self.make.pod(self._set)
        pod["spec"]["nodeName"] = self.nodes[node]["metadata"]["name"]
        return pod

    def _ready(self, pod: Json) -> None:
        running = {"running": {"startedAt": self.make.stamp()}}
        pod["status"] = {
            "phase": "Running",
            "conditions": [self.make.condition("Ready", True)],
            "containerStatuses": [self.make.container_status(running, ready=True)],
        }

    def _tell(self, plural: str, type_: str, obj: Json) -> None:
        self.recorder.change(plural, type_, copy.deepcopy(obj), BEGAN.timestamp() + self.now)


def request(
    at: float, outcome: str = "ok", *, pod: Json | None = None, ms: float = 2, **more: object
) -> Request:
    """A request that was sent so many seconds after the beginning."""
    told = {} if pod is None else {
        "pod": pod["metadata"]["name"], "node": pod["spec"]["nodeName"], "version": "v1",
    }  # fmt: skip
    ms = 3000 if outcome == "timed out" else ms
    fields = {"number": round(at * 1000), "kept": False, "connection": 0, **told, **more}
    return Request(at=BEGAN + timedelta(seconds=at), ms=ms, outcome=outcome, **fields)


def traffic(*requests: Request, began: float = 0, seconds: float = 30, **more: object) -> Traffic:
    """The log of a load with some requests."""
    return Traffic(
        url="http://127.0.0.1:30080",
        rate=50,
        keep_alive=0,
        began=BEGAN + timedelta(seconds=began),
        ended=BEGAN + timedelta(seconds=seconds),
        requests=requests,
        **more,
    )
