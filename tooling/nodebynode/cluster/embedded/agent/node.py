"""One node: its Node object and Lease, what it has room for, and how it fails.

What its kubelet would do waits in `awake()` while the node is frozen, off, or without a kubelet;
everything that would be seen from outside goes through that gate.
"""

from __future__ import annotations

import asyncio
import itertools
import platform
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nodebynode.cluster.base import NodeFailure
from nodebynode.cluster.embedded.agent.door import STRATEGIC, Door
from nodebynode.cluster.embedded.agent.events import EventRecorder
from nodebynode.cluster.embedded.agent.kubelet_api import KubeletApi
from nodebynode.cluster.embedded.agent.pod import Pod
from nodebynode.cluster.embedded.agent.ports import LocalPorts
from nodebynode.cluster.embedded.agent.spawner import Spawner
from nodebynode.cluster.embedded.agent.status import stamp
from nodebynode.errors import ApiError, BadInput
from nodebynode.kube import Json, Kind
from nodebynode.state.quantity import millicores, whole

CPU, MEMORY, PODS = "4", "8Gi", "110"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_STATUS_SECONDS = 4.0
"""How often the Node object is looked at, and put right where it is not; as on kind."""
_RELIST = 1.0
"""A kubelet lists its containers once a second; that is how it notices that one has ended."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a node is.

    Attributes:
        name: Its name.
        zone: Its zone, or None.
        control_plane: It is the control plane's node, and tainted so.
        number: Its place, from 0; its Pods' addresses are 10.244.<number>.x.
        version: Kubernetes' version.
        lease_seconds: For how long its Lease holds.
    """

    name: str
    zone: str | None
    control_plane: bool
    number: int
    version: str
    lease_seconds: int


class Node:
    """A node of the cluster, and the Pods on it.

    Args:
        settings: What it is.
        door: The way to the API.
        spawner: Starts its Pods' processes.
        ports: Gives out ports of 127.0.0.1.
        state: The folder for its Pods' logs.
        lookup: Reads a ConfigMap or Secret; None when there is none.
        services: The Services of a namespace.
        kubelet_api: Serves its Pods' logs.
        note: Writes a line to the agent's log.
    """

    address = "127.0.0.1"

    def __init__(
        self,
        settings: NodeSettings,
        *,
        door: Door,
        spawner: Spawner,
        ports: LocalPorts,
        state: Path,
        lookup: Callable[[Kind, str, str], Json | None],
        services: Callable[[str], list[Json]],
        kubelet_api: KubeletApi,
        note: Callable[[str], None],
    ) -> None:
        self.settings, self.name = settings, settings.name
        self.door, self.spawner, self.state, self.lookup = door, spawner, state, lookup
        self.services, self.kubelet_api, self._ports, self._note = (
            services,
            kubelet_api,
            ports,
            note,
        )
        self.capacity: Mapping[str, str] = {
            "cpu": CPU, "memory": MEMORY, "pods": PODS, "ephemeral-storage": "20Gi",
        }  # fmt: skip
        self.events = EventRecorder(door.request, host=self.name)
        self.pods: dict[str, Pod] = {}
        self.failure: NodeFailure | None = None
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._addresses = itertools.cycle(range(2, 255))
        self._awake = asyncio.Event()
        self._awake.set()
        self._look = asyncio.Event()
        self._relisted = random.random() * _RELIST  # noqa: S311 - only spreads the nodes' clocks

    # ── Pods ─────────────────────────────────────────────────────────────────────────────────

    def pod_changed(self, pod: Json) -> None:
        """Start a Pod that is new here, or tell it what has changed."""
        uid = pod["metadata"]["uid"]
        if uid in self.pods:
            self.pods[uid].update(pod)
            return
        self.pods[uid] = life = Pod(self, pod)
        task = asyncio.create_task(life.live(), name=f"pod {life.namespace}/{life.name}")
        self._lives[uid] = task
        task.add_done_callback(lambda done: self._over(uid, done))

    def pod_gone(self, uid: str) -> None:
        """Take note that a Pod is no longer in the API."""
        if uid in self.pods:
            self.pods[uid].gone()

    def _over(self, uid: str, task: asyncio.Task[None]) -> None:
        pod = self.pods.pop(uid)
        self._lives.pop(uid, None)
        self._ports.give_back(pod.ports.values())
        shutil.rmtree(pod.folder, ignore_errors=True)
        if not task.cancelled() and (error := task.exception()):
            self._note(f"{task.get_name()} ended with an error of ours: {error!r}")

    async def rejects(self, pod: Pod) -> tuple[str, str] | None:
        """Return reason and message when a Pod that is bound to this node does not fit it.

        Rule: kubernetes `pkg/kubelet/lifecycle/predicate.go`.
        """
        others = [one for one in self.pods.values() if one is not pod and not one.is_over]
        if len(others) >= int(PODS):
            return "OutOfpods", _lack("pods", 1, len(others), int(PODS))
        for resource, amount in (("cpu", millicores), ("memory", whole)):
            wanted = _requests(pod.spec, resource, amount)
            used = sum(_requests(one.spec, resource, amount) for one in others)
            capacity = amount(self.capacity[resource])
            if wanted and used + wanted > capacity:
                return f"OutOf{resource}", _lack(resource, wanted, used, capacity)
        if not await self._is_selected(pod.spec.get("nodeSelector") or {}):
            why = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
            return "NodeAffinity", why
        return None

    async def _is_selected(self, selector: Mapping[str, str]) -> bool:
        """Whether the node has the labels; those that were set later are asked of the API."""
        if selector.items() <= self._labels().items():
            return True
        try:
            found = await self.door.request("GET", Kind.NODE.path(None, self.name))
        except ApiError:
            return True  # the scheduler has looked already; this is a second look
        return selector.items() <= (found["metadata"].get("labels") or {}).items()

    def take_ip(self) -> str:
        """Return an address that no Pod of this node has."""
        taken = {pod.ip for pod in self.pods.values()}
        addresses = (f"10.244.{self.settings.number}.{last}" for last in self._addresses)
        return next(ip for ip in addresses if ip not in taken)

    def take_port(self) -> int:
        """Return a port of 127.0.0.1 for a Pod."""
        return self._ports.take()

    # ── the kubelet's clock ──────────────────────────────────────────────────────────────────

    async def awake(self) -> None:
        """Wait while nothing that a kubelet does can be done here."""
        await self._awake.wait()

    async def notices(self) -> None:
        """Wait until a kubelet would notice that a container has ended."""
        now = time.monotonic()
        await asyncio.sleep(_RELIST - (now - self._relisted) % _RELIST)

    async def run(self) -> None:
        """Keep the Node object and the Lease alive until cancelled; ends the Pods then."""
        self.kubelet_api.start()
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(self._register())
                work.create_task(self.events.run())
        finally:
            self.kubelet_api.stop()
            for task in self._lives.values():
                task.cancel()

    async def _register(self) -> None:
        await self.door.insist("POST", Kind.NODE.path(), body=self._object())
        async with asyncio.TaskGroup() as work:
            work.create_task(self._keep_status())
            work.create_task(self._keep_lease())

    async def _keep_status(self) -> None:
        path = Kind.NODE.path(None, self.name)
        await self.door.insist(
            "PATCH", f"{path}/status", body={"status": self._status()}, content_type=STRATEGIC
        )
        while True:
            try:
                await asyncio.wait_for(self._look.wait(), _STATUS_SECONDS)
                self._look.clear()
                # Only a kubelet that starts makes its Node anew where somebody has deleted it.
                await self.door.insist("POST", Kind.NODE.path(), body=self._object())
            except TimeoutError:
                pass
            await self.awake()
            try:
                found = await self.door.request("GET", path)
            except ApiError:
                continue
            if not _is_well(found):
                await self.door.insist(
                    "PATCH", f"{path}/status", body={"status": self._status()},
                    content_type=STRATEGIC,
                )  # fmt: skip

    async def _keep_lease(self) -> None:
        collection = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        while True:
            await self.awake()
            spec = {
                "holderIdentity": self.name,
                "leaseDurationSeconds": self.settings.lease_seconds,
                "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self.name},
                "spec": spec,
            }
            try:
                await self.door.request(
                    "PATCH", f"{collection}/{self.name}", body={"spec": spec},
                    content_type="application/merge-patch+json",
                )  # fmt: skip
            except ApiError as error:
                if error.status == 404:
                    await self.door.insist("POST", collection, body=lease)
            await asyncio.sleep(self.settings.lease_seconds / 4)

    # ── failing ──────────────────────────────────────────────────────────────────────────────

    def fail(self, how: NodeFailure | None) -> None:
        """Fail in a way, or come back to work."""
        before, self.failure = self.failure, how
        if how is None:
            self._look.set()
        if before == how:
            return
        if before is not None:
            self._heal(before)
        if how is not None:
            self._break(how)

    def _break(self, how: NodeFailure) -> None:
        self._note(f"{self.name} fails: {how}")
        self._awake.clear()
        if how is NodeFailure.FREEZE:
            self.kubelet_api.frozen = True
            self._signal_all(signal.SIGSTOP)
            return
        self.kubelet_api.stop()
        if how is NodeFailure.POWER_OFF:
            self._signal_all(signal.SIGKILL)

    def _heal(self, before: NodeFailure) -> None:
        self._note(f"{self.name} goes on")
        if before is NodeFailure.FREEZE:
            self.kubelet_api.frozen = False
            self._signal_all(signal.SIGCONT)
        else:
            self.kubelet_api.start()
        self._awake.set()

    def _signal_all(self, which: signal.Signals) -> None:
        for pod in self.pods.values():
            for container in (*pod.main, *pod.init):
                if container.process is not None:
                    container.process.signal(which)

    # ── the Node object ──────────────────────────────────────────────────────────────────────

    def _labels(self) -> dict[str, str]:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "amd64")
        labels = {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": machine,
            "beta.kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": machine,
        }
        if self.settings.zone:
            labels["topology.kubernetes.io/zone"] = self.settings.zone
        if self.settings.control_plane:
            labels[_CONTROL_PLANE] = ""
            labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
        return labels

    def _object(self) -> Json:
        taints = [{"key": _CONTROL_PLANE, "effect": "NoSchedule"}]
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": self._labels()},
            "spec": {"taints": taints} if self.settings.control_plane else {},
        }

    def _status(self) -> Json:
        now = stamp()
        return {
            "capacity": dict(self.capacity),
            "allocatable": dict(self.capacity),
            "addresses": [
                {"type": "InternalIP", "address": self.address},
                {"type": "Hostname", "address": self.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet_api.port}},
            "nodeInfo": {
                "kubeletVersion": self.settings.version,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "processes://nodebynode",
                "operatingSystem": "linux",
                "architecture": self._labels()["kubernetes.io/arch"],
                "osImage": "modelled by nodebynode",
                "kernelVersion": platform.release(),
                "machineID": "", "systemUUID": "", "bootID": "",
            },
            "conditions": [
                _condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                           "kubelet has sufficient memory available", now),
                _condition("DiskPressure", "False", "KubeletHasNoDiskPressure",
                           "kubelet has no disk pressure", now),
                _condition("PIDPressure", "False", "KubeletHasSufficientPID",
                           "kubelet has sufficient PID available", now),
                _condition("Ready", "True", "KubeletReady",
                           "kubelet is posting ready status", now),
            ],
        }  # fmt: skip


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def _is_well(node: Json) -> bool:
    found = node.get("status", {}).get("conditions") or ()
    return {one["type"]: one["status"] for one in found}.get("Ready") == "True"


def _requests(spec: Json, resource: str, amount: Callable[[str], int]) -> int:
    """Return what a Pod asks for: the sum of its containers, or its largest init container."""

    def of(containers: Iterable[Json]) -> list[int]:
        asked = [
            (one.get("resources", {}).get("requests") or {}).get(resource, 0) for one in containers
        ]
        try:
            return [amount(str(one)) for one in asked]
        except BadInput:
            return []  # the API server lets no such quantity in

    init = spec.get("initContainers") or ()
    sidecars = sum(of(one for one in init if one.get("restartPolicy") == "Always"))
    together = sum(of(spec.get("containers") or ())) + sidecars
    return max([together, *of(one for one in init if one.get("restartPolicy") != "Always")])


def _lack(resource: str, wanted: int, used: int, capacity: int) -> str:
    return (
        f"Node didn't have enough resource: {resource}, requested: {wanted}, used: {used}, "
        f"capacity: {capacity}"
    )
