"""Clusters where labs run: made, reused, put back and removed by us, and nobody else's."""

from nodebynode.cluster.base import Capabilities, Cluster, ClusterStatus, NodeFailure
from nodebynode.cluster.opening import open_cluster

__all__ = ["Capabilities", "Cluster", "ClusterStatus", "NodeFailure", "open_cluster"]
