"""What `kubectl get pods` prints under READY, STATUS and RESTARTS.

Learners compare the map with kubectl, so the words and their precedence must be the printer's.
Source: kubernetes, `pkg/printers/internalversion/printers.go: printPod`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Json = Mapping[str, Any]


class PodStatus(NamedTuple):
    """The printer's columns: ready of all containers, the reason, and restarts."""

    ready: int
    containers: int
    reason: str
    restarts: int


def pod_status(pod: Json) -> PodStatus:
    """Read the printer's columns out of a Pod as the API gives it."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars, initial = _sidecars(spec), status.get("initContainerStatuses") or ()
    inits = spec.get("initContainers") or ()
    reason, sidecars_ready = _initializing(initial, sidecars, len(inits))
    restarts = sum(c.get("restartCount", 0) for c in initial)
    ready = sidecars_ready
    if not reason or condition(pod, "Initialized").get("status") == "True":
        main = status.get("containerStatuses") or ()
        reason = _running(pod, main, reason or _phase(pod))
        restarts = sum(c.get("restartCount", 0) for c in initial if c["name"] in sidecars)
        restarts += sum(c.get("restartCount", 0) for c in main)
        ready += sum(bool(c.get("ready") and "running" in (c.get("state") or {})) for c in main)
    containers = len(spec.get("containers") or ()) + len(sidecars)
    return PodStatus(ready, containers, _leaving(pod) or reason, restarts)


def most_restarts(pod: Json) -> tuple[int, int]:
    """The restarts of the container with the most of them, and of the sidecar with the most.

    Source: kubernetes, `pkg/controller/controller_utils.go: maxContainerRestarts`.
    """
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars, initial = _sidecars(spec), status.get("initContainerStatuses") or ()
    main = status.get("containerStatuses") or ()
    beside = (c.get("restartCount", 0) for c in initial if c["name"] in sidecars)
    return max((c.get("restartCount", 0) for c in main), default=0), max(beside, default=0)


def condition(obj: Json, type_: str) -> Json:
    """The condition of that type in an object's status, or an empty one."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == type_), {})


def unscheduled(pod: Json) -> str:
    """The scheduler's message while it finds no node for a Pod, else empty."""
    said = condition(pod, "PodScheduled")
    return str(said.get("message", "")) if said.get("status") == "False" else ""


def refusal(message: str) -> str:
    """Why the scheduler found no node: its message without what it says of preemption."""
    return message.partition(" preemption:")[0]


def _sidecars(spec: Json) -> set[str]:
    inits = spec.get("initContainers") or ()
    return {c["name"] for c in inits if c.get("restartPolicy") == "Always"}


def _phase(pod: Json) -> str:
    status = pod.get("status") or {}
    if condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "Unknown")


def _initializing(statuses: Sequence[Json], sidecars: set[str], total: int) -> tuple[str, int]:
    """The first unfinished init container's reason, if any, and how many sidecars are ready."""
    ready = 0
    for index, container in enumerate(statuses):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if container["name"] in sidecars and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        if ended is not None:
            return f"Init:{_ended(ended)}", ready
        if (waiting.get("reason") or "PodInitializing") != "PodInitializing":
            return f"Init:{waiting['reason']}", ready
        return f"Init:{index}/{total}", ready
    return "", ready


def _running(pod: Json, statuses: Sequence[Json], reason: str) -> str:
    """The first container with a reason decides, unless it is done and another still runs."""
    running = False
    for container in reversed(statuses):
        state = container.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif state.get("terminated") is not None:
            reason = _ended(state["terminated"])
        elif container.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        return "Running" if condition(pod, "Ready").get("status") == "True" else "NotReady"
    return reason


def _ended(terminated: Json) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _leaving(pod: Json) -> str:
    status = pod.get("status") or {}
    if not (pod.get("metadata") or {}).get("deletionTimestamp"):
        return ""
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return "" if status.get("phase") in ("Succeeded", "Failed") else "Terminating"
