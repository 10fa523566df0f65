"""A rolling update as a cluster tells it: every change of every object, in order.

The sizes follow the Deployment controller's rules, and each Pod's life is as long as a real one's:
nine changes until it serves, nine until it is gone, and five Events.
"""

from __future__ import annotations

import copy
import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from nodebynode.state import resolve_fenceposts

from .api_objects import BEGAN, Json, Maker

_ALONE, _BURST = 10, 25


class Heard(NamedTuple):
    """A change, as a recorder takes it; `at` is in seconds since the epoch."""

    plural: str
    type: str
    object: Json
    at: float


class Rollout:
    """Tells a rollout of `size` Pods from v1 to v2.

    Attributes:
        objects: What is there, by plural and UID; at first what is there before.
    """

    def __init__(self, size: int, *, nodes: int = 5, seed: int = 1, surge: int | str = "25%",
                 unavailable: int | str = "25%") -> None:  # fmt: skip
        self.make = make = Maker(seed)
        self.size = size
        self.surge, self.unavailable = resolve_fenceposts(surge, unavailable, size)
        self.objects: dict[str, dict[str, Json]] = {}
        self.heard: list[Heard] = []
        self._events: dict[tuple[str, str], list[Json]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._last = BEGAN.timestamp()
        self.deployment = make.deployment(size)
        rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
        self.deployment["spec"]["strategy"]["rollingUpdate"] = rolling
        self.old = make.replicaset(self.deployment, 1, size)
        self.nodes = [make.node(number + 1) for number in range(nodes)]
        pods = [make.pod(self.old) for _ in range(size)]
        for pod in pods:
            pod["spec"]["nodeName"] = self._node()
            self._run(pod)
        self.slice = make.endpointslice([make.endpoint(pod, ready=True) for pod in pods])
        self.living = {self.old["metadata"]["uid"]: list(pods)}
        self.old["status"] |= self._counted(self.old)
        for plural, those in {
            "nodes": self.nodes, "deployments": [self.deployment], "replicasets": [self.old],
            "pods": pods, "services": [make.service()], "endpointslices": [self.slice],
            "poddisruptionbudgets": [make.budget()],
        }.items():  # fmt: skip
            self.objects[plural] = {one["metadata"]["uid"]: one for one in those}

    def snapshot(self) -> dict[str, list[Json]]:
        """What is there now, in lists."""
        kinds: Mapping[str, Mapping[str, Json]] = self.objects
        return {plural: copy.deepcopy(list(those.values())) for plural, those in kinds.items()}

    def changes(self) -> Iterator[Heard]:
        """Yield all changes; `objects` is each time as they have made it."""
        self._after(1.2, self._begin)
        while self._due:
            self.make.now, _, deed = heapq.heappop(self._due)
            deed()
            for one in self.heard:
                those = self.objects.setdefault(one.plural, {})
                if one.type == "DELETED":
                    del those[one.object["metadata"]["uid"]]
                else:
                    those[one.object["metadata"]["uid"]] = one.object
                yield one
            self.heard.clear()

    # ── what the controllers do ──────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        deployment = self.deployment
        deployment["spec"]["template"] = self.make.template("v2")
        deployment["metadata"]["generation"] = 2
        self._tell("deployments", "MODIFIED", deployment)
        deployment["status"]["observedGeneration"] = 2
        self.new = self.make.replicaset(deployment, 2, 0)
        self.living[self.new["metadata"]["uid"]] = []
        self.new["spec"]["replicas"] = min(self.surge, self.size)
        self._tell("replicasets", "ADDED", self.new)
        self._scaled(self.new, 0)
        self._control()

    def _control(self) -> None:
        """One round of the Deployment controller, and the next if it changed anything."""
        old, new = self.old["spec"]["replicas"], self.new["spec"]["replicas"]
        room = self.size + self.surge - old - new
        least = self.size - self.unavailable
        available = sum(one["status"].get("availableReplicas", 0) for one in (self.old, self.new))
        behind = new - self.new["status"].get("availableReplicas", 0)
        spare = min(old + new - least - behind, available - least, old)
        if new < self.size and room > 0:
            self._scale(self.new, min(self.size, new + room))
        elif old and spare > 0:
            self._scale(self.old, old - spare)

    def _scale(self, replicaset: Json, size: int) -> None:
        before = replicaset["spec"]["replicas"]
        replicaset["spec"]["replicas"] = size
        self._tell("replicasets", "MODIFIED", replicaset)
        self._scaled(replicaset, before)
        self._after(0.01, self._control)

    def _scaled(self, replicaset: Json, before: int) -> None:
        size, name = replicaset["spec"]["replicas"], replicaset["metadata"]["name"]
        way = "up" if size > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {size}"
        self._event(self.deployment, "ScalingReplicaSet", message, "deployment-controller")
        for _ in range(size - before):
            self._create(replicaset)
        for _ in range(before - size):
            self._delete(replicaset)
        self._count(replicaset)

    def _count(self, replicaset: Json) -> None:
        replicaset["status"] |= self._counted(replicaset)
        self._tell("replicasets", "MODIFIED", replicaset)
        counts = [one["status"] for one in (self.old, self.new)]
        ready = sum(count.get("readyReplicas", 0) for count in counts)
        self.deployment["status"] |= {
            "replicas": sum(count["replicas"] for count in counts),
            "updatedReplicas": counts[1]["replicas"],
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        self._tell("deployments", "MODIFIED", self.deployment)

    def _counted(self, replicaset: Json) -> Json:
        pods = self.living[replicaset["metadata"]["uid"]]
        ready = sum(
            any(c["ready"] for c in pod["status"].get("containerStatuses", ())) for pod in pods
        )
        return {"replicas": len(pods), "readyReplicas": ready, "availableReplicas": ready}

    # ── a Pod's life ─────────────────────────────────────────────────────────────────────────

    def _create(self, replicaset: Json) -> None:
        make, pod = self.make, self.make.pod(replicaset)
        name = pod["metadata"]["name"]
        self.living[replicaset["metadata"]["uid"]].append(pod)
        self._tell("pods", "ADDED", pod)
        self._event(replicaset, "SuccessfulCreate", f"Created pod: {name}", "replicaset-controller")
        node = self._node()
        status = pod["status"]

        def bind() -> None:
            pod["spec"]["nodeName"] = node
            self._tell("pods", "MODIFIED", pod)
            status["conditions"] = [make.condition("PodScheduled", True)]
            self._tell("pods", "MODIFIED", pod)
            message = f"Successfully assigned default/{name} to {node}"
            self._event(pod, "Scheduled", message, "default-scheduler")
            self._reach(pod, ready=False)

        def prepare() -> None:
            waiting = {"waiting": {"reason": "ContainerCreating"}}
            status["conditions"] = [
                make.condition("PodReadyToStartContainers", False),
                make.condition("Initialized", True),
                make.condition("Ready", False, reason="ContainersNotReady", message="unready"),
                make.condition("PodScheduled", True),
            ]
            status["containerStatuses"] = [make.container_status(waiting)]
            self._tell("pods", "MODIFIED", pod)

        def steps() -> None:
            for number, (reason, message) in enumerate(
                [
                    ("Pulled", 'Container image "localhost/shop:v2" already present on machine'),
                    ("Created", "Container created"),
                    ("Started", "Container started"),
                ]
            ):
                status["podIPs"] = [{"ip": f"10.244.1.{number}"}]
                self._event(pod, reason, message, "kubelet")
                self._tell("pods", "MODIFIED", pod)

        def start() -> None:
            status["phase"] = "Running"
            state = {"running": {"startedAt": make.stamp()}}
            status["containerStatuses"] = [make.container_status(state)]
            self._tell("pods", "MODIFIED", pod)

        def serve() -> None:
            self._run(pod)
            self._tell("pods", "MODIFIED", pod)
            self._reach(pod, ready=True)
            self._count(replicaset)
            self._control()

        for after, deed in ((0.02, bind), (0.1, prepare), (0.6, steps), (0.9, start), (2.2, serve)):
            self._after(after, deed)

    def _delete(self, replicaset: Json) -> None:
        make, pod = self.make, self.living[replicaset["metadata"]["uid"]].pop()
        meta, status, name = pod["metadata"], pod["status"], pod["metadata"]["name"]

        def tell(**more: object) -> None:
            status.update(more)
            self._tell("pods", "MODIFIED", pod)

        meta |= {"deletionTimestamp": make.stamp(30), "deletionGracePeriodSeconds": 30}
        tell()
        self._event(replicaset, "SuccessfulDelete", f"Deleted pod: {name}", "replicaset-controller")
        self._event(pod, "Killing", "Stopping container shop", "kubelet")
        self._reach(pod, ready=False, terminating=True)

        def stop() -> None:
            code = {"exitCode": 0, "reason": "Completed", "finishedAt": make.stamp()}
            tell(observedGeneration=2)
            tell(containerStatuses=[make.container_status({"terminated": code})])
            tell(
                conditions=[
                    make.condition(one, one in ("PodScheduled", "Initialized"))
                    for one in ("PodReadyToStartContainers", "Initialized", "Ready", "PodScheduled")
                ]
            )
            tell(podIPs=[])
            tell(phase="Succeeded")
            self._after(0.4, end)

        def end() -> None:
            meta["deletionGracePeriodSeconds"] = 0
            tell()
            tell(qosClass="Burstable")
            self._tell("pods", "DELETED", pod)
            self._leave(pod)

        self._after(1.5, stop)

    def _run(self, pod: Json) -> None:
        make, state = self.make, {"running": {"startedAt": self.make.stamp()}}
        pod["status"] = {
            "phase": "Running",
            "conditions": [
                make.condition(one, True)
                for one in ("PodReadyToStartContainers", "Initialized", "Ready", "PodScheduled")
            ],
            "containerStatuses": [make.container_status(state, ready=True)],
        }

    # ── the Service's endpoints ──────────────────────────────────────────────────────────────

    def _reach(self, pod: Json, *, ready: bool, terminating: bool = False) -> None:
        endpoints, uid = self.slice["endpoints"], pod["metadata"]["uid"]
        for one in endpoints:
            if one["targetRef"]["uid"] == uid:
                one["conditions"] = {"ready": ready, "serving": True, "terminating": terminating}
                break
        else:
            endpoints.append(self.make.endpoint(pod, ready=ready))
        self._tell("endpointslices", "MODIFIED", self.slice)

    def _leave(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        kept = [one for one in self.slice["endpoints"] if one["targetRef"]["uid"] != uid]
        self.slice["endpoints"] = kept
        self._tell("endpointslices", "MODIFIED", self.slice)

    # ── telling ──────────────────────────────────────────────────────────────────────────────

    def _node(self) -> str:
        return str(self.make.random.choice(self.nodes)["metadata"]["name"])

    def _event(self, about: Json, reason: str, message: str, component: str) -> None:
        """Tell an Event; of one object the tenth of a reason stands for all later ones, up to 25.

        Source: client-go, `tools/record/events_cache.go`.
        """
        key = about["metadata"]["uid"], reason
        told = self._events.setdefault(key, [])
        if len(told) < _ALONE:
            told.append(self.make.event(about, reason, message, component))
            self._tell("events", "ADDED", told[-1])
        elif told[-1]["count"] <= _BURST - _ALONE:
            last = told[-1]
            last["message"] = f"(combined from similar events): {message}"
            last |= {"count": last["count"] + 1, "lastTimestamp": self.make.stamp()}
            self._tell("events", "MODIFIED", last)

    def _tell(self, plural: str, type_: str, obj: Json) -> None:
        self._last = max(BEGAN.timestamp() + self.make.now, self._last + 0.0015)
        self.heard.append(Heard(plural, type_, copy.deepcopy(obj), self._last))

    def _after(self, seconds: float, deed: Callable[[], None]) -> None:
        spread = self.make.random.uniform(0.9, 1.3)
        heapq.heappush(self._due, (self.make.now + seconds * spread, next(self._order), deed))
