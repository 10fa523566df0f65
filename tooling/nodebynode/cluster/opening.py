"""Choosing the provider of a cluster."""

from __future__ import annotations

from nodebynode import settings
from nodebynode.cluster.base import Cluster
from nodebynode.cluster.kind import KindCluster
from nodebynode.reporting import Reporter


def open_cluster(name: str | None = None, reporter: Reporter | None = None) -> Cluster:
    """Return the cluster of a name, which need not exist yet.

    Args:
        name: Its name; otherwise `NODEBYNODE_CLUSTER`, or the default.
        reporter: Told what takes long.
    """
    return KindCluster(settings.cluster_name(name), reporter)
