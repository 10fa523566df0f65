"""One container of a Pod: its image, its runs, its probes, its end.

Rules: kubernetes `pkg/kubelet/kuberuntime` (starting, killing, back-off) and `pkg/kubelet/images`.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from nodebynode.cluster.embedded.agent import images
from nodebynode.cluster.embedded.agent.environment import ConfigError
from nodebynode.cluster.embedded.agent.probes import Prober
from nodebynode.cluster.embedded.agent.spawner import Exit, Process
from nodebynode.cluster.embedded.agent.status import ContainerView, running, terminated, waiting
from nodebynode.errors import ApiError
from nodebynode.kube import Json

if TYPE_CHECKING:
    from nodebynode.cluster.embedded.agent.pod import Pod

_BACK_OFF, _BACK_OFF_MOST = 10.0, 300.0
_RESYNC = 12.0
"""Seconds, as seen on kind, after which a kubelet looks again at what could not be started."""
_LEAST_GRACE = 2.0
"""Seconds that a kubelet gives between SIGTERM and SIGKILL, even when the grace is used up."""

ProbeKind = Literal["startup", "readiness", "liveness"]


class Container:
    """Keeps one container as its Pod's spec wants it.

    Args:
        pod: The Pod that it belongs to, which is told of each change.
        spec: The container's part of the Pod's spec.
        init: It is an init container.
    """

    def __init__(self, pod: Pod, spec: Json, *, init: bool = False) -> None:
        self.pod, self.spec, self.init = pod, spec, init
        self.name: str = spec["name"]
        sidecar = init and spec.get("restartPolicy") == "Always"
        first = "ContainerCreating" if init or not pod.has_init else "PodInitializing"
        self.view = ContainerView(self.name, spec.get("image", ""), waiting(first), sidecar=sidecar)
        self.process: Process | None = None
        self._leaving = asyncio.Event()
        self._back_off = self._began = 0.0
        self._stopping: asyncio.Task[None] | None = None

    # ── from start to end ────────────────────────────────────────────────────────────────────

    async def keep(self) -> None:
        """Run the container, and again as the restart policy says; ends with its last run."""
        while not self._leaving.is_set():
            env = await self._prepare()
            if env is None or self._leaving.is_set():  # it may be told to leave while it prepares
                return
            ended = await self._run(env)
            if self._leaving.is_set() or not self._wanted_again(ended):
                return
            await self._wait_to_restart()

    async def leave(self, grace: float) -> None:
        """Stop it for good: hook, SIGTERM, and SIGKILL when `grace` seconds are over."""
        self._leaving.set()
        if self.process is not None and not self.process.ended.done():
            await self._stop(self.process, grace, f"Stopping container {self.name}")

    def _wanted_again(self, ended: Exit) -> bool:
        policy = "Always" if self.view.sidecar else self.pod.spec.get("restartPolicy", "Always")
        if self.init and not self.view.sidecar:
            policy = "Never" if policy == "Never" else "OnFailure"
        return policy == "Always" or (policy == "OnFailure" and ended.code != 0)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the Pod is to go."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._leaving.wait(), seconds)

    # ── before it runs ───────────────────────────────────────────────────────────────────────

    async def _prepare(self) -> dict[str, str] | None:
        """Get image and environment, trying again as a kubelet does; None when the Pod goes."""
        while not self._leaving.is_set():
            await self.pod.node.awake()
            image_env = await self._image()
            if image_env is None:
                continue
            if why := images.refusal(self.pod.object, self.spec):
                await self._cannot("CreateContainerError", why)
                continue
            try:
                return await self.pod.environment(self.spec, image_env)
            except ConfigError as error:
                await self._cannot("CreateContainerConfigError", str(error))
            except ApiError as error:  # the API server is away: a kubelet tries again as well
                await self._cannot("CreateContainerConfigError", error.seen)
        return None

    async def _image(self) -> dict[str, str] | None:
        """Return what the image sets, or None after a wait when it cannot be had."""
        name, policy = self.view.image, self.spec.get("imagePullPolicy", "IfNotPresent")
        found = images.find(name)
        if found is not None and policy != "Always":
            text = f'Container image "{name}" already present on machine and can be accessed by'
            self._event("Pulled", f"{text} the pod")
            return found
        if policy == "Never":
            text = f'Container image "{name}" is not present with pull policy of Never'
            self._event("ErrImageNeverPull", text, warning=True)
            await self._cannot("ErrImageNeverPull", text)
            return None
        self._event("Pulling", f'Pulling image "{name}"')
        reason, message = images.pull_error(name)
        self._event("Failed", f'Failed to pull image "{name}": {message}', warning=True)
        await self._cannot(reason, message)
        self._back_off = min(max(_BACK_OFF, self._back_off * 2), _BACK_OFF_MOST)
        self._event("BackOff", f'Back-off pulling image "{name}"')
        self._event("Failed", "Error: ImagePullBackOff", warning=True)
        self._show(
            waiting("ImagePullBackOff", f'Back-off pulling image "{name}": {reason}: {message}')
        )
        await self._pause(self._back_off)
        return None

    async def _cannot(self, reason: str, message: str) -> None:
        """Show why it does not start, and wait until it is worth another look."""
        said = reason if reason.startswith(("ErrImage", "InvalidImage")) else message
        self._event("Failed", f"Error: {said}", warning=True)
        self._show(waiting(reason, message))
        await self._pause(_RESYNC)

    # ── while it runs ────────────────────────────────────────────────────────────────────────

    async def _run(self, env: dict[str, str]) -> Exit:
        """Run it once, from its start to its end; returns how it ended."""
        if self.view.container_id:
            self.view.restarts += 1
            if "terminated" in self.view.state:
                self.view.last_state = self.view.state
        self.view.container_id = f"process://{secrets.token_hex(32)}"
        self._event("Created", "Container created")
        process = self.pod.start_process(self, env)
        self.process, self._began = process, time.monotonic()
        self._event("Started", "Container started")
        self._show(running(process.started_at))
        watch = asyncio.create_task(self._watch_over(process))
        try:
            ended = await asyncio.shield(process.ended)
        finally:
            watch.cancel()
        if self._stopping is None:
            await self.pod.node.notices()
        await self.pod.node.awake()
        self.view.ready = self.view.started = False
        self._show(
            terminated(
                ended.code, ended.signal, process.started_at, ended.at,
                container=self.view.container_id,
            )
        )  # fmt: skip
        return ended

    async def _watch_over(self, process: Process) -> None:
        """Probe a running container: first whether it has started, then whether it is well."""
        await self.pod.hook(self.spec.get("lifecycle", {}).get("postStart"), self.name)
        if "startupProbe" in self.spec:
            passed = asyncio.Event()
            startup = asyncio.create_task(
                self._probe("startup", process, lambda ok: passed.set() if ok else None)
            )
            try:
                await passed.wait()
            finally:
                startup.cancel()
        self.view.started = True
        self.view.ready = "readinessProbe" not in self.spec
        self.pod.changed()
        async with asyncio.TaskGroup() as probes:
            if "readinessProbe" in self.spec:
                probes.create_task(self._probe("readiness", process, self._is_ready))
            if "livenessProbe" in self.spec:
                probes.create_task(self._probe("liveness", process, lambda _: None))

    def _is_ready(self, ready: bool) -> None:
        self.view.ready = ready
        self.pod.changed()

    async def _probe(
        self, kind: ProbeKind, process: Process, tell: Callable[[bool], object]
    ) -> None:
        """Ask one probe again and again; a failed startup or liveness probe stops the container."""

        def settled(ok: bool) -> None:
            tell(ok)
            if not ok and kind != "readiness" and not self._leaving.is_set():
                why = f"Container {self.name} failed {kind} probe, will be restarted"
                grace = self.spec[f"{kind}Probe"].get("terminationGracePeriodSeconds")
                seconds = self.pod.own_grace if grace is None else float(grace)
                self._stopping = asyncio.create_task(self._stop(process, seconds, why))

        prober = Prober(
            kind,
            self.spec[f"{kind}Probe"],
            container=self.spec,
            pod_ip=self.pod.ip,
            dial=self.pod.dial,
            started_at=self._began,
        )
        await prober.run(
            on_failure=lambda text: self._event("Unhealthy", text, warning=True),
            on_result=settled,
            awake=self.pod.node.awake,
        )

    async def _wait_to_restart(self) -> None:
        """Wait as long as the back-off says: nothing the first time, then 10 s, 20 s, … 300 s."""
        self._stopping = None
        if time.monotonic() - self._began > 2 * _BACK_OFF_MOST:
            self._back_off = 0.0
        delay, self._back_off = self._back_off, min(
            max(_BACK_OFF, self._back_off * 2), _BACK_OFF_MOST
        )  # fmt: skip
        clock = asyncio.get_running_loop().time  # the wall's clock may jump
        until = clock() + delay
        if delay:
            await self.pod.node.notices()  # the end itself is to be seen before
            pod = f"pod={self.pod.name}_{self.pod.namespace}({self.pod.uid})"
            self.view.last_state = self.view.state
            text = f"back-off {_span(delay)} restarting failed container={self.name} {pod}"
            self._show(waiting("CrashLoopBackOff", text))
        while clock() < until and not self._leaving.is_set():
            about = f"container {self.name} in pod {self.pod.name}_{self.pod.namespace}"
            text = f"Back-off restarting failed {about}({self.pod.uid})"
            self._event("BackOff", text, warning=True)
            await self._pause(min(_RESYNC, max(0.0, until - clock())))

    # ── its end ──────────────────────────────────────────────────────────────────────────────

    async def _stop(self, process: Process, grace: float, message: str) -> None:
        """Run the hook, then SIGTERM, then SIGKILL; the hook's time counts in the grace."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace
        await self.pod.node.awake()
        self._event("Killing", message)
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook and grace > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.pod.hook(hook, self.name, "PreStop"), grace)
        await self.pod.node.awake()
        process.signal(self._stop_signal())
        left = max(_LEAST_GRACE, deadline - clock())
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.ended), left)
            return
        await self.pod.node.awake()
        process.signal(signal.SIGKILL)
        await process.ended

    def _stop_signal(self) -> signal.Signals:
        wanted = self.spec.get("lifecycle", {}).get("stopSignal") or "SIGTERM"
        return signal.Signals.__members__.get(wanted, signal.SIGTERM)

    # ── telling ──────────────────────────────────────────────────────────────────────────────

    def _show(self, state: Json) -> None:
        self.view.state = state
        self.pod.changed()

    def _event(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.pod.node.events.event(
            self.pod.object, reason, message, warning=warning, container=self.name, init=self.init
        )


def _span(seconds: float) -> str:
    """Return seconds as Go prints a duration: 10s, 2m40s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
