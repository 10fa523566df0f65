"""The configuration from which kind makes the course's cluster."""

from __future__ import annotations

import json
import socket
from collections.abc import Collection, Mapping
from contextlib import ExitStack

ZONES = ("a", "b", "c")
NODE_PORTS = range(30080, 30090)
"""Every NodePort that the API server may give out. All are mapped to this machine, so that every
NodePort Service of a learner can be reached; that is why the usual range is narrowed."""

_EPHEMERAL = 32768
"""From here on Linux gives ports to outgoing connections; one of those would look like an answer,
or be in the way when the cluster starts again. macOS begins still higher."""

LEASE_SECONDS = 8
GRACE_SECONDS = 10
MONITOR_SECONDS = 1
"""Kubernetes' own values are 40, 50 (node-monitor-grace-period, since 1.32) and 5. A lesson cannot
wait that long; the kubelet renews its Lease at a quarter of its duration in either case, so a node
is given up after five reports that did not come."""

DELETED_AT_ONCE = 8
"""Of a collection that is deleted, such as a lab's Events; Kubernetes' own value is 1."""


def choose_ports(
    avoid: Collection[int] = (), before: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Return a free port of 127.0.0.1 for each NodePort: the same number, or the next that is free.

    Args:
        avoid: Ports that others may come to use, though nobody does now.
        before: The ports that led to the cluster until now, which are kept where they are free.
    """
    with ExitStack() as held:  # until all are chosen, so that no port is given out twice

        def choose(port: int) -> int:
            wanted = (before or {}).get(port, port)
            candidates = (wanted, *range(port + len(NODE_PORTS), _EPHEMERAL, len(NODE_PORTS)))
            free = (one for one in candidates if one not in avoid and _hold(one, held))
            return next(free, 0) or _hold(0, held)

        return {port: choose(port) for port in NODE_PORTS}


def kind_config(ports: Mapping[int, int], *, cgroup_version: str) -> str:
    """Return kind's configuration; JSON, which is YAML too.

    Args:
        ports: Ports of 127.0.0.1 by NodePort.
        cgroup_version: What Docker says; on version 1 the kubelet must be told that this is fine.
    """
    control_plane = {
        "role": "control-plane",
        "extraPortMappings": [
            {"containerPort": node, "hostPort": host, "listenAddress": "127.0.0.1"}
            for node, host in ports.items()
        ],
    }
    workers = [
        {"role": "worker", "labels": {"topology.kubernetes.io/zone": zone}} for zone in ZONES
    ]
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerAddress": "127.0.0.1"},
        "kubeadmConfigPatches": [json.dumps(patch) for patch in _kubeadm_patches(cgroup_version)],
        "nodes": [control_plane, *workers],
    }
    return json.dumps(config, indent=1)


def _kubeadm_patches(cgroup_version: str) -> list[dict[str, object]]:
    kubelet: dict[str, object] = {
        "kind": "KubeletConfiguration",
        "nodeLeaseDurationSeconds": LEASE_SECONDS,
        "nodeStatusUpdateFrequency": "4s",
        # Without it a node's whole status is written every 4 s, and not only what changes.
        "nodeStatusReportFrequency": "5m",
    }
    if cgroup_version == "1":
        kubelet["failCgroupV1"] = False
    api_server = {
        "service-node-port-range": f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}",
        "delete-collection-workers": str(DELETED_AT_ONCE),
    }
    alone = {"leader-elect": "false"}  # there is one of each; an election is two writes a second
    controllers = {
        "node-monitor-grace-period": f"{GRACE_SECONDS}s",
        "node-monitor-period": f"{MONITOR_SECONDS}s",
        **alone,
    }
    cluster: dict[str, object] = {
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": _arguments(api_server)},
        "controllerManager": {"extraArgs": _arguments(controllers)},
        "scheduler": {"extraArgs": _arguments(alone)},
    }
    return [cluster, kubelet]


def _arguments(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _hold(port: int, held: ExitStack) -> int:
    """Take a port of 127.0.0.1, any free one for 0; returns its number, or 0 when it is taken."""
    taken = held.enter_context(socket.socket())
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", port))
    except OSError:
        return 0
    return int(taken.getsockname()[1])
