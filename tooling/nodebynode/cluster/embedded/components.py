"""The control plane's components: their command lines, and the files that these name."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodebynode.cluster.embedded.certificates import CA, ETCD_CA, SERVICE_ACCOUNTS
from nodebynode.cluster.embedded.files import Files, write_private
from nodebynode.cluster.embedded.plan import Child, Plan
from nodebynode.cluster.kind_config import (
    DELETED_AT_ONCE,
    GRACE_SECONDS,
    LEASE_SECONDS,
    MONITOR_SECONDS,
    NODE_PORTS,
    ZONES,
)

KUBERNETES = "v1.37.2"
SERVICE_RANGE = "10.96.0.0/16"
CONTROLLERS = ("kube-controller-manager", "kube-scheduler")
_ADVERTISED = "192.0.2.1"
"""Where the Service `kubernetes` leads: an address for documentation (RFC 5737) that nobody has.
127.0.0.1 is refused there, and this machine's own address may be none or change."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of 127.0.0.1 on which the control plane listens."""

    api: int
    etcd: int
    peer: int


def node_names(cluster: str) -> tuple[str, ...]:
    """Return the nodes' names: the control plane, then the workers in zone order."""
    workers = (f"{cluster}-worker{number}" for number in ("", "2", "3"))
    return (f"{cluster}-control-plane", *workers)


def make_plan(files: Files, binary: Path, ports: Ports) -> Plan:
    """Return what the supervisor is to run."""
    env = _environment()

    def component(name: str, args: Sequence[str], **how: bool | int) -> Child:
        return Child(name, (str(binary), name, *args), env, **how)  # type: ignore[arg-type]

    agent = (sys.executable, "-m", "nodebynode.cluster.embedded.agent", str(files.folder))
    return Plan(
        children=(
            component("etcd", etcd(files, ports), stage=3),
            component("kube-apiserver", apiserver(files, ports), stage=2),
            Child("node-agent", agent, ends_with_lifeline=True, stage=0),
            *(
                component(name, args, needs_api=True, stage=1)
                for name, args in (
                    (CONTROLLERS[0], controller_manager(files)),
                    (CONTROLLERS[1], scheduler(files)),
                )
            ),
        ),
        port=ports.api,
        ca=str(files.certificate(CA)),
        certificate=str(files.certificate("supervisor")),
        key=str(files.key("supervisor")),
    )


def _environment() -> dict[str, str]:
    """Return the components' environment: not ours, where an ETCD_… would be read as a flag."""
    path = os.environ.get("PATH", os.defpath)
    # Half the garbage for a little more of the processor, of which a training cluster needs little.
    return {"PATH": path, "CONTROL_PLANE_LIFELINE": "stdin", "GOGC": "50"}


def etcd(files: Files, ports: Ports) -> list[str]:
    """Return etcd's arguments."""
    client, peer = (f"https://127.0.0.1:{port}" for port in (ports.etcd, ports.peer))
    ca, certificate, key = files.certificate(ETCD_CA), files.certificate("etcd"), files.key("etcd")
    return [
        "--name=etcd",
        f"--data-dir={files.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=etcd={peer}",
        f"--cert-file={certificate}",
        f"--key-file={key}",
        f"--trusted-ca-file={ca}",
        "--client-cert-auth",
        f"--peer-cert-file={certificate}",
        f"--peer-key-file={key}",
        f"--peer-trusted-ca-file={ca}",
        "--peer-client-cert-auth",
        # What a killed process wrote is in the system's cache, and is not lost; what power loss
        # takes is training data. Without this every write waits for the disk.
        "--unsafe-no-fsync",
        # It elects itself: with the usual second of patience the API is ready 0.8 s later.
        "--heartbeat-interval=20",
        "--election-timeout=100",
        "--snapshot-count=1000",
        "--max-wals=1",
        "--max-snapshots=1",
        "--log-level=warn",
        "--log-format=console",
        "--log-outputs=stderr",
    ]


def apiserver(files: Files, ports: Ports) -> list[str]:
    """Return the API server's arguments."""
    tokens = files.key(SERVICE_ACCOUNTS)
    return [
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.api}",
        f"--advertise-address={_ADVERTISED}",
        f"--etcd-servers=https://127.0.0.1:{ports.etcd}",
        f"--etcd-cafile={files.certificate(ETCD_CA)}",
        f"--etcd-certfile={files.certificate('apiserver-etcd-client')}",
        f"--etcd-keyfile={files.key('apiserver-etcd-client')}",
        f"--client-ca-file={files.certificate(CA)}",
        f"--tls-cert-file={files.certificate('apiserver')}",
        f"--tls-private-key-file={files.key('apiserver')}",
        f"--kubelet-certificate-authority={files.certificate(CA)}",
        f"--kubelet-client-certificate={files.certificate('apiserver-kubelet-client')}",
        f"--kubelet-client-key={files.key('apiserver-kubelet-client')}",
        "--kubelet-preferred-address-types=InternalIP",  # 127.0.0.1; host names lead nowhere
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={tokens}",
        f"--service-account-signing-key-file={tokens}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-node-port-range={NODE_PORTS.start}-{NODE_PORTS.stop - 1}",
        f"--delete-collection-workers={DELETED_AT_ONCE}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager(files: Files) -> list[str]:
    """Return the controller manager's arguments."""
    return [
        f"--kubeconfig={files.component_kubeconfig(CONTROLLERS[0])}",
        "--secure-port=0",  # it serves nothing but figures and health
        "--leader-elect=false",
        "--profiling=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={files.key(SERVICE_ACCOUNTS)}",
        f"--root-ca-file={files.certificate(CA)}",
        "--allocate-node-cidrs=false",
        f"--node-monitor-grace-period={GRACE_SECONDS}s",
        f"--node-monitor-period={MONITOR_SECONDS}s",
        # Its controllers fetch a token each: with the usual limit of 20 a second they are up
        # five seconds later.
        "--kube-api-qps=300",
        "--kube-api-burst=600",
    ]


def scheduler(files: Files) -> list[str]:
    """Return the scheduler's arguments."""
    return [
        f"--kubeconfig={files.component_kubeconfig(CONTROLLERS[1])}",
        "--secure-port=0",
        "--leader-elect=false",
        "--profiling=false",
    ]


# ── files that the components read ───────────────────────────────────────────────────────────────


def write_kubeconfigs(files: Files, cluster: str, port: int) -> None:
    """Write the kubeconfigs of the admin, the controllers and the node agent."""
    write_private(files.kubeconfig, kubeconfig(files, cluster, port, "admin"))
    for name in (*CONTROLLERS, "node-agent"):
        write_private(files.component_kubeconfig(name), kubeconfig(files, cluster, port, name))


def kubeconfig(files: Files, cluster: str, port: int, user: str) -> str:
    """Return a kubeconfig that names no other file; JSON, which is YAML too."""

    def data(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    context = f"embedded-{cluster}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": context,
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": data(files.certificate(CA)),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": data(files.certificate(user)),
                    "client-key-data": data(files.key(user)),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        "current-context": context,
    }
    return json.dumps(config, indent=1)


def write_agent_settings(files: Files, cluster: str, ports: Mapping[int, int]) -> None:
    """Write what the node agent is to play.

    Args:
        files: The cluster's files.
        cluster: Its name.
        ports: Ports of 127.0.0.1 by NodePort.
    """
    control_plane, *workers = node_names(cluster)
    nodes: list[dict[str, str | None]] = [
        {"name": control_plane, "role": "control-plane", "zone": None}
    ]
    for name, zone in zip(workers, ZONES, strict=True):
        nodes.append({"name": name, "role": "worker", "zone": zone})
    given = {
        "cluster": cluster,
        "version": KUBERNETES,
        "nodes": nodes,
        "ports": {str(node): host for node, host in ports.items()},
        "lease_seconds": LEASE_SECONDS,
        "kubeconfig": str(files.component_kubeconfig("node-agent")),
        "ca": str(files.certificate(CA)),
        "kubelet_cert": str(files.certificate("kubelet")),
        "kubelet_key": str(files.key("kubelet")),
        "failures": str(files.failures),
        "state": str(files.pods),
    }
    write_private(files.agent_settings, json.dumps(given, indent=1))
