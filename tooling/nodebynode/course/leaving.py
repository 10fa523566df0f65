"""Waiting for Pods that were told to stop: they are counted by nobody, and are still there."""

from __future__ import annotations

from nodebynode.course.look import listed, name_of
from nodebynode.kube import Api, Kind
from nodebynode.waiting import wait_for


def wait_gone(api: Api, namespace: str, deployment: str, seconds: float) -> None:
    """Wait until no Pod of a Deployment is leaving any more.

    Args:
        api: The cluster's API.
        namespace: The Deployment's namespace.
        deployment: Its name, which its Pods have as their label `app`.
        seconds: How long to wait at most.

    Raises:
        ClusterError: some still are when the time is up.
    """

    def leaving() -> list[str]:
        pods = api.list(Kind.POD, namespace, labels=f"app={deployment}")
        return [name_of(pod) for pod in pods if pod["metadata"].get("deletionTimestamp")]

    wait_for(
        lambda: not leaving(),
        timeout=seconds,
        what=f"every leaving Pod of {deployment} to be gone",
        seen=lambda: f"Still there: {listed(leaving())}.",
    )
