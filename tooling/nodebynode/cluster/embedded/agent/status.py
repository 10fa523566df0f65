"""A Pod's status as a kubelet words it, computed from the states of its containers.

Rules: kubernetes `pkg/kubelet/status/generate.go` and `kubelet_pods.go: getPhase`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nodebynode.kube import Json

State = dict[str, Json]
"""`{"waiting": {...}}`, `{"running": {...}}` or `{"terminated": {...}}`."""


def stamp(at: float | None = None) -> str:
    """Return a time as the API writes it; the API has whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() if at is None else at))


def waiting(reason: str, message: str = "") -> State:
    """Return the state of a container that does not run yet."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(at: float) -> State:
    """Return the state of a container that runs since `at`."""
    return {"running": {"startedAt": stamp(at)}}


def terminated(
    code: int, by_signal: int, started: float, ended: float, *, reason: str = "", container: str
) -> State:
    """Return the state of a container that has ended."""
    why = reason or ("Completed" if code == 0 else "Error")
    return {
        "terminated": {
            "exitCode": code,
            **({"signal": by_signal} if by_signal else {}),
            "reason": why,
            "startedAt": stamp(started),
            "finishedAt": stamp(ended),
            "containerID": container,
        }
    }


@dataclass(slots=True)
class ContainerView:
    """What is reported of one container.

    Attributes:
        name: Its name.
        image: Its image.
        state: What it does now.
        last_state: How its last run ended, if it has had one.
        ready: It runs, and its readiness probe agrees.
        started: It runs, and its startup probe has passed.
        restarts: How often it was started again.
        container_id: Of the present or last run; empty before the first.
        sidecar: An init container that goes on running.
    """

    name: str
    image: str
    state: State
    last_state: State = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0
    container_id: str = ""
    sidecar: bool = False

    def as_status(self) -> Json:
        """Return the entry of `containerStatuses`."""
        known = bool(self.container_id)
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image if known else "",
            **({"containerID": self.container_id} if known else {}),
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
        }


def phase(restart_policy: str, init: Iterable[ContainerView], main: Sequence[ContainerView]) -> str:
    """Return the phase; a container that waits after a run counts as stopped, not as pending."""
    ordinary = [one for one in init if not one.sidecar]
    if any("terminated" in one.state and _code(one.state) for one in ordinary):
        return "Failed" if restart_policy == "Never" else "Pending"
    if any("terminated" not in one.state for one in ordinary):
        return "Pending"
    stopped = [one for one in main if "terminated" in one.state or _stopped_before(one)]
    if any("running" in one.state for one in main):
        pending = any("waiting" in one.state and not one.last_state for one in main)
        return "Pending" if pending else "Running"
    if len(stopped) < len(main):
        return "Pending"
    if restart_policy == "Always":
        return "Running"
    failed = any(_code(one.last_state if _stopped_before(one) else one.state) for one in stopped)
    if not failed:
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def final_phase(restart_policy: str, main: Sequence[ContainerView]) -> str:
    """Return the phase of a Pod whose containers were stopped for good, as it is deleted."""
    ended = [one for one in main if "terminated" in one.state]
    clean = bool(main) and len(ended) == len(main) and not any(_code(one.state) for one in ended)
    return "Succeeded" if clean else "Failed"


def conditions(
    old: Iterable[Json],
    now_phase: str,
    init: Sequence[ContainerView],
    main: Sequence[ContainerView],
) -> list[Json]:
    """Return the kubelet's own conditions; a time changes only where a status does."""
    over = now_phase in ("Succeeded", "Failed")
    unready = [one.name for one in main if not one.ready]
    undone = [one.name for one in init if not _initialized(one)]
    wanted = [
        _condition("PodReadyToStartContainers", not over),
        _condition("Initialized", not undone, "ContainersNotInitialized", "incomplete", undone),
        _condition("Ready", not unready, "ContainersNotReady", "unready", unready),
        _condition("ContainersReady", not unready, "ContainersNotReady", "unready", unready),
    ]
    if now_phase == "Succeeded":
        for one in wanted[1:]:
            one.update({"reason": "PodCompleted", "message": None})
    before = {one["type"]: one for one in old}
    for one in wanted:
        was = before.get(one["type"], {})
        same = was.get("status") == one["status"] and "lastTransitionTime" in was
        one["lastTransitionTime"] = was["lastTransitionTime"] if same else stamp()
    return wanted


def _condition(
    kind: str, holds: bool, reason: str = "", word: str = "", names: Sequence[str] = ()
) -> Json:
    told = bool(names)  # a reason of before is taken away by null, in a merge patch
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "reason": reason if told else None,
        "message": f"containers with {word} status: [{' '.join(names)}]" if told else None,
    }


def _initialized(one: ContainerView) -> bool:
    return one.started if one.sidecar else "terminated" in one.state and not _code(one.state)


def _stopped_before(one: ContainerView) -> bool:
    return "waiting" in one.state and bool(one.last_state)


def _code(state: State) -> int:
    return int(state.get("terminated", {}).get("exitCode", 0))
