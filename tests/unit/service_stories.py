"""Short stories of a Service and its list, told by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import Endpoint, Pod, State

from .states import OLD, a_pod, a_service, a_slice, an_endpoint, leaving
from .tapes import Tape, instant, three

GUEST = replace(a_pod("guest", "worker", owner=""), version="v2")
NEW = a_pod(f"{OLD}-d", "worker")
A, B, C = three()
OUT = replace(A, labels={"app": "shop", "rotation": "out"})
ROTATION = {"app": "shop", "rotation": "in"}
IN = [replace(pod, labels=ROTATION) for pod in (A, B, C)]
FREE = replace(A, owner_uid="", labels={})
NONE_LEFT = [leaving(pod, 5) for pod in (A, B, C)]


def now(
    seconds: float,
    pods: Sequence[Pod] | None = None,
    *,
    on: Sequence[Pod] | None = None,
    lines: Sequence[Endpoint] = (),
    selector: Mapping[str, str] | None = None,
    kind: str = "NodePort",
    address: str = "",
    wanted: int = 3,
    cordoned: str = "",
) -> State:
    """The shop and its Service at a second.

    Args:
        seconds: When.
        pods: What is there; the Pods a, b and c where it is None.
        on: Which of them are on the list; all of them where it is None.
        lines: Further endpoints.
        selector: What the Service asks for; `app=shop` where it is None.
        kind: The Service's type.
        address: What a load balancer gave it.
        wanted: The Deployment's size.
        cordoned: A node.
    """
    pods = [A, B, C] if pods is None else pods
    listed = [an_endpoint(pod) for pod in (pods if on is None else on)]
    service = replace(a_service(type_=kind, address=address), selector=selector or {"app": "shop"})
    state = instant(seconds, pods, wanted=wanted, cordoned=cordoned)
    return replace(state, services=(service,), slices=(a_slice(*listed, *lines),))


def story(*told: State, lasts: float = 5, marks: Sequence[Mark] = ()) -> Story:
    return Story(Tape(told, marks, lasts=lasts), "default")
