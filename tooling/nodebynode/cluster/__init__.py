"""Clusters where labs run: made, reused, put back and removed by us, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodebynode.cluster.base import Capabilities, Cluster, ClusterStatus, NodeFailure

if TYPE_CHECKING:
    from nodebynode.cluster.opening import open_cluster

__all__ = ["Capabilities", "Cluster", "ClusterStatus", "NodeFailure", "open_cluster"]


def __getattr__(name: str) -> object:
    # Only now: the embedded cluster's small processes need no provider, nor the API's client.
    if name == "open_cluster":
        from nodebynode.cluster.opening import open_cluster

        return open_cluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
