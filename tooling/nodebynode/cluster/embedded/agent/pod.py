"""A Pod's life on its node: admitted, started, kept, ended, and gone from the API.

This is what a kubelet does for a Pod, read from top to bottom in `Pod.live`. What one container
goes through is in `container.py`; how the state is worded for the API, in `status.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nodebynode.cluster.embedded.agent import images
from nodebynode.cluster.embedded.agent.container import Container
from nodebynode.cluster.embedded.agent.door import STRATEGIC
from nodebynode.cluster.embedded.agent.environment import container_environment
from nodebynode.cluster.embedded.agent.probes import Prober
from nodebynode.cluster.embedded.agent.spawner import Process
from nodebynode.cluster.embedded.agent.status import (
    ContainerView,
    conditions,
    final_phase,
    phase,
    stamp,
    terminated,
    waiting,
)
from nodebynode.kube import Json, Kind

if TYPE_CHECKING:
    from nodebynode.cluster.embedded.agent.node import Node

_APP_PORT = 8080
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what an app may ask for; it gets 127.0.0.1


class Pod:
    """One Pod that is bound to a node.

    Args:
        node: The node.
        pod: The object, as the API has it.
    """

    def __init__(self, node: Node, pod: Json) -> None:
        self.node, self.object = node, pod
        metadata, self.spec = pod["metadata"], pod["spec"]
        self.namespace, self.name, self.uid = (
            metadata["namespace"], metadata["name"], metadata["uid"],
        )  # fmt: skip
        self.path = Kind.POD.path(self.namespace, self.name)
        self.folder: Path = node.state / self.uid
        self.ip = node.take_ip()
        self.ports: dict[int, int] = {}  # a port of the Pod -> the port of 127.0.0.1 behind it
        self.has_init = bool(self.spec.get("initContainers"))
        self.init = [Container(self, one, init=True) for one in self.spec.get("initContainers", ())]
        self.main = [Container(self, one) for one in self.spec.get("containers", ())]
        self._debug: dict[str, ContainerView] = {}
        self._started = stamp()
        self._final_phase = ""
        self._grace = 0.0
        self._conditions: list[Json] = list(pod.get("status", {}).get("conditions") or ())
        self._dirty, self._deleted, self._gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._grace_changed = asyncio.Event()
        self._note_deletion()

    # ── the life ─────────────────────────────────────────────────────────────────────────────

    async def live(self) -> None:
        """Do all that a kubelet does for the Pod; ends when the object is gone from the API."""
        if self.is_over:
            await self._deleted.wait()  # it was over before this agent came
        elif why := await self.node.rejects(self):
            await self._reject(*why)
            await self._deleted.wait()
        else:
            self._remember_former_life()
            reporting = asyncio.create_task(self._report())
            try:
                await self._run()
                await self._end(reporting)
            finally:
                reporting.cancel()
        await self._remove()

    async def _run(self) -> None:
        """Start the containers in their order and keep them, until they or the Pod are over."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._refuse_debugging()
        self.changed()
        working = asyncio.create_task(self._start_all())
        deleted = asyncio.create_task(self._deleted.wait())
        await asyncio.wait({working, deleted}, return_when=asyncio.FIRST_COMPLETED)
        if not self._deleted.is_set():
            await working
            await deleted  # all has ended by itself; the object stays until somebody deletes it
        deleted.cancel()
        self._working = working

    async def _start_all(self) -> None:
        async with asyncio.TaskGroup() as kept:
            for one in self.init:
                if one.view.sidecar:
                    kept.create_task(one.keep())
                    while not one.view.started and not self._deleted.is_set():
                        await asyncio.sleep(0.05)
                    continue
                await one.keep()
                if one.view.state.get("terminated", {}).get("exitCode") != 0:
                    return  # it failed for good, or the Pod is being deleted
            kept.create_task(self._keep_main())

    async def _keep_main(self) -> None:
        async with asyncio.TaskGroup() as kept:
            for one in self.main:
                kept.create_task(one.keep())
        await asyncio.gather(*(one.leave(self.own_grace) for one in self.init if one.view.sidecar))

    async def _end(self, reporting: asyncio.Task[None]) -> None:
        """Stop the containers within the grace period, and say how they ended."""
        began = time.monotonic()
        while not self._working.done():
            self._grace_changed.clear()
            left = max(0.0, self._grace - (time.monotonic() - began))
            stopping = asyncio.create_task(self._stop_all(left))
            hurried = asyncio.create_task(self._grace_changed.wait())
            await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
            hurried.cancel()
            if not stopping.done():  # a second deletion asked for a shorter grace
                stopping.cancel()
                continue
            await stopping
            await asyncio.wait({self._working})
        if not self._final_phase:
            self._final_phase = final_phase(
                self.spec.get("restartPolicy", "Always"), [one.view for one in self.main]
            )
        reporting.cancel()
        await self.node.awake()
        if not self._gone.is_set():
            await self._patch_status()

    async def _stop_all(self, grace: float) -> bool:
        """Stop the ordinary containers at once, and then the sidecars, which outlive them."""
        sidecars = [one for one in self.init if one.view.sidecar]
        others = [one for one in (*self.main, *self.init) if one not in sidecars]
        began = time.monotonic()
        await asyncio.gather(*(one.leave(grace) for one in others))
        left = max(0.0, grace - (time.monotonic() - began))
        await asyncio.gather(*(one.leave(left) for one in sidecars))
        return True

    async def _reject(self, reason: str, message: str) -> None:
        self.node.events.event(self.object, reason, message, warning=True)
        status = {"phase": "Failed", "reason": reason, "message": f"Pod was rejected: {message}"}
        await self.node.awake()
        await self._patch({**status, "startTime": self._started})

    async def _remove(self) -> None:
        """Take the object out of the API, if it is still the one that was run here."""
        await self.node.awake()
        if not self._gone.is_set():
            body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
            await self.node.door.insist("DELETE", self.path, body=body)
            await self._gone.wait()

    # ── what is heard of it ──────────────────────────────────────────────────────────────────

    def update(self, pod: Json) -> None:
        """Take note of a change of the object, and put right what somebody else said of it."""
        self.object = pod
        self._note_deletion()
        self._refuse_debugging()
        if self._ready_in(pod.get("status", {}).get("conditions")) != self._ready_in(
            self._conditions
        ):
            self.changed()  # the node controller calls Pods of a silent node not ready

    @staticmethod
    def _ready_in(conditions: Iterable[Json] | None) -> str:
        return next((one["status"] for one in conditions or () if one["type"] == "Ready"), "")

    def gone(self) -> None:
        """Take note that the object is no longer in the API; what runs of it is stopped at once."""
        self._gone.set()
        self._grace = min(self._grace, 1.0) if self._deleted.is_set() else 1.0
        self._deleted.set()
        self._grace_changed.set()

    def _note_deletion(self) -> None:
        metadata = self.object["metadata"]
        self._grace = float(metadata.get("deletionGracePeriodSeconds") or 0)
        if "deletionTimestamp" in metadata:
            self._grace_changed.set()
            self._deleted.set()

    def _refuse_debugging(self) -> None:
        """Say once of each container that `kubectl debug` adds why it does not start."""
        for spec in self.object["spec"].get("ephemeralContainers") or ():
            if spec["name"] in self._debug:
                continue
            why = images.refusal(self.object, spec) or ""
            self._debug[spec["name"]] = ContainerView(
                spec["name"], spec.get("image", ""), waiting("CreateContainerError", why)
            )
            self.node.events.event(self.object, "Failed", f"Error: {why}", warning=True)
            self.changed()

    def _remember_former_life(self) -> None:
        """Carry on the counts of a Pod that ran before this agent did; its processes are gone."""
        before = self.object.get("status", {})
        entries = [*before.get("containerStatuses", ()), *before.get("initContainerStatuses", ())]
        known = {one["name"]: one for one in entries}
        for one in (*self.main, *self.init):
            was = known.get(one.name)
            if not was or not was.get("containerID"):
                continue
            one.view.restarts = was["restartCount"]
            one.view.container_id = was["containerID"]
            one.view.last_state = was.get("lastState", {})
            if "running" in was["state"]:
                one.view.state = terminated(
                    255, 0, time.time(), time.time(), reason="Unknown", container=was["containerID"]
                )
        if started := before.get("startTime"):
            self._started = started

    # ── what its containers need ─────────────────────────────────────────────────────────────

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good, so that it takes up no room on its node."""
        return self.object.get("status", {}).get("phase") in ("Succeeded", "Failed")

    @property
    def own_grace(self) -> float:
        """The grace period that the spec asks for, in seconds."""
        return float(self.spec.get("terminationGracePeriodSeconds", 30))

    async def environment(self, container: Json, image_env: dict[str, str]) -> dict[str, str]:
        """Return a container's environment variables; see `container_environment`."""
        with_ip = {**self.object, "status": {**self.object.get("status", {}), **self._addresses()}}
        return await asyncio.to_thread(
            container_environment,
            with_ip,
            container,
            image_env=image_env,
            lookup=self.node.lookup,
            services=self.node.services(self.namespace),
            capacity=self.node.capacity,
        )

    def start_process(self, container: Container, env: dict[str, str]) -> Process:
        """Start a container's process, listening where this Pod's port is led to."""
        wanted = env.get("SHOP_PORT", "")
        port = int(wanted) if wanted.isascii() and wanted.isdigit() else _APP_PORT
        local = self.ports.get(port) or self.node.take_port()
        if env.get("SHOP_BIND", _EVERYWHERE[0]) in (*_EVERYWHERE, self.ip):
            self.ports[port] = local
        own = {
            "HOSTNAME": self.name,
            "POD_NAME": self.name,
            **env,
            "SHOP_BIND": "127.0.0.1",
            "SHOP_PORT": str(local),
        }
        log = self.log_file(container.name, container.view.restarts)
        return self.node.spawner.start(own, log)

    def log_file(self, container: str, run: int) -> Path:
        """Return the file that one run of a container writes to; runs count from 0."""
        return self.folder / f"{container}.{run}.log"

    def dial(self, port: int) -> tuple[str, int] | None:
        """Return where one of the Pod's ports is on this machine; None when nobody has it."""
        local = self.ports.get(port)
        return ("127.0.0.1", local) if local else None

    async def hook(self, hook: Json | None, container: str, kind: str = "PostStart") -> None:
        """Run a lifecycle hook: a sleep, or a request to the Pod."""
        if not hook:
            return
        if sleep := hook.get("sleep"):
            await asyncio.sleep(float(sleep.get("seconds", 0)))
        elif request := hook.get("httpGet"):
            spec = next(one.spec for one in (*self.main, *self.init) if one.name == container)
            probe = {"httpGet": request, "timeoutSeconds": 30}
            prober = Prober(
                "readiness", probe, container=spec, pod_ip=self.ip, dial=self.dial,
                started_at=time.monotonic(),
            )  # fmt: skip
            if not (await prober.check()).ok:
                text = f"{kind}Hook failed"
                self.node.events.event(
                    self.object, f"Failed{kind}Hook", text, warning=True, container=container
                )

    # ── telling ──────────────────────────────────────────────────────────────────────────────

    def changed(self) -> None:
        """Have the status told anew."""
        self._dirty.set()

    async def _report(self) -> None:
        """Tell the status whenever it has changed; what changes meanwhile goes with the next."""
        while True:
            await self._dirty.wait()
            await self.node.awake()
            self._dirty.clear()
            await self._patch_status()

    async def _patch_status(self) -> None:
        init, main = [one.view for one in self.init], [one.view for one in self.main]
        policy = self.spec.get("restartPolicy", "Always")
        now = self._final_phase or phase(policy, init, main)
        self._conditions = conditions(self._conditions, now, init, main)
        generation = self.object["metadata"].get("generation")
        for one in self._conditions:
            one["observedGeneration"] = generation
        status: Json = {
            "phase": now,
            "startTime": self._started,
            **self._addresses(),
            "conditions": self._conditions,
            "containerStatuses": [one.as_status() for one in main],
            "observedGeneration": generation,
        }
        if self._debug:
            debug = [one.as_status() for one in self._debug.values()]
            status["ephemeralContainerStatuses"] = debug
        if init:
            status["initContainerStatuses"] = [one.as_status() for one in init]
        await self._patch(status)

    async def _patch(self, status: Json) -> None:
        if "podIPs" in status:  # a restarted Pod has another address, which is not one more
            status = {**status, "podIPs": [*status["podIPs"], {"$patch": "replace"}]}
        body = {"metadata": {"uid": self.uid}, "status": status}
        await self.node.door.insist(
            "PATCH", f"{self.path}/status", body=body, content_type=STRATEGIC
        )

    def _addresses(self) -> Json:
        host = self.node.address
        return {
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "podIP": self.ip,
            "podIPs": [{"ip": self.ip}],
        }
