"""The `nodebynode` command on a running cluster, as a person runs it: from another folder, with a
home of their own whose `~/.kube/config` would break whoever reads it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nodebynode import settings
from nodebynode.cluster import Cluster
from nodebynode.cluster.docker import docker, node_containers
from nodebynode.cluster.kind_config import NODE_PORTS
from nodebynode.kube import Kind

PROVIDERS = ("kind",)

YEARS_AGO, LATER = 1_000_000_000, 1_000_000_010


@dataclass(frozen=True, slots=True)
class Said:
    """What a command ended with, and after how many seconds; spaces and line breaks made even."""

    code: int
    out: str
    err: str
    seconds: float


class Command:
    """`nodebynode` for one cluster, in a home with a decoy that nothing may touch.

    The decoy was read last before it was written: any read would move its access time, on file
    systems that keep one at all.
    """

    def __init__(self, home: Path, cluster: str) -> None:
        self.home, self.cluster = home, cluster
        self._decoy = home / ".kube" / "config"
        self._decoy.parent.mkdir(parents=True)
        self._decoy.write_bytes(b"\0{[ this is no kubeconfig")
        os.utime(self._decoy, (YEARS_AGO, LATER))

    def __call__(self, *words: str, timeout: float = 200, stdin: str = "") -> Said:
        began = time.monotonic()
        process = self.start(*words)
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        finally:
            process.kill()
            process.wait()
        seconds = time.monotonic() - began
        self.check_decoy()
        assert "Traceback" not in err, err
        return Said(process.returncode, " ".join(out.split()), " ".join(err.split()), seconds)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the command and do not wait for its end."""
        environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        environment |= {
            "HOME": str(self.home),
            "SHELL": "/bin/sh",
            "NODEBYNODE_CLUSTER": self.cluster,
            "NODEBYNODE_HOME": str(settings.data_dir()),
            "NODEBYNODE_CACHE": str(settings.cache_dir()),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "nodebynode.cli", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
            env=environment,
        )

    def check_decoy(self) -> None:
        """Assert that `~/.kube` is as it was, byte for byte and time for time."""
        found = self._decoy.stat()
        assert (found.st_atime, found.st_mtime) == (YEARS_AGO, LATER)
        assert [path.name for path in self._decoy.parent.iterdir()] == ["config"]
        assert self._decoy.read_bytes() == b"\0{[ this is no kubeconfig"
        os.utime(self._decoy, (YEARS_AGO, LATER))


def container_ids(cluster: str) -> dict[str, str]:
    """Return the id of each node container by name."""
    names = list(node_containers(cluster))
    printed = docker("inspect", "--format", "{{.Name}} {{.Id}}", *names).out if names else ""
    return dict(line.lstrip("/").split() for line in printed.splitlines())


def pulls_since(when: float) -> str:
    """Return what Docker says that it pulled from an instant until now."""
    now = f"{time.time():.3f}"
    shown = docker("events", "--since", f"{when:.3f}", "--until", now, "--filter", "event=pull")
    return shown.out


@pytest.fixture(scope="module")
def command(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("home"), cluster.name)


def test_up_again_is_quick_and_changes_nothing(cluster: Cluster, command: Command) -> None:
    before, began = container_ids(cluster.name), time.time()
    said = command("up")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"Cluster '{cluster.name}' is up: four nodes are Ready."
    assert said.seconds < 10
    assert container_ids(cluster.name) == before
    assert len(before) == 4
    assert pulls_since(began) == ""


def test_status_says_what_is_there(cluster: Cluster, command: Command) -> None:
    said = command("status")
    assert (said.code, said.err) == (0, "")
    assert f"Cluster '{cluster.name}' (kind, Kubernetes v1." in said.out
    assert "is running. All nodes are Ready." in said.out
    assert [name in said.out for name in cluster.workers] == [True] * 3
    found = json.loads(command("status", "--json").out)
    assert found["state"] == "running"
    assert sorted(map(int, found["ports"])) == list(NODE_PORTS)
    assert Path(found["kubeconfig"]).is_file()


def test_kubectl_passes_arguments_output_and_exit_code_on(
    cluster: Cluster, command: Command
) -> None:
    said = command("kubectl", "get", "nodes", "-o", "name", "--sort-by", ".metadata.name")
    assert (said.code, said.err) == (0, "")
    nodes = sorted((f"{cluster.name}-control-plane", *cluster.workers))
    assert said.out.split() == [f"node/{name}" for name in nodes]
    refused = command("kubectl", "get", "pod", "no-such-pod")
    assert refused.code == 1
    assert 'pods "no-such-pod" not found' in refused.err
    assert "kubectl controls the Kubernetes cluster manager" in command("kubectl", "--help").out


def test_in_the_shell_kubectl_means_the_training_cluster(
    cluster: Cluster, command: Command
) -> None:
    said = command("shell", stdin="kubectl config current-context; exit 3\n")
    assert (said.code, said.out) == (3, f"kind-{cluster.name}")
    assert said.err == "kubectl talks to the training cluster here; leave with `exit`."


def test_a_persons_own_kubectl_preferences_change_nothing(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kubectl reads `~/.kube/kuberc` wherever the kubeconfig is; a broken one makes it complain."""
    kuberc = tmp_path / ".kube" / "kuberc"
    kuberc.parent.mkdir()
    kuberc.write_text("this: [is broken")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cluster.kubectl("get", "nodes").err == ""
    assert [path.name for path in kuberc.parent.iterdir()] == ["kuberc"]


def test_every_port_is_of_127_0_0_1_only(cluster: Cluster) -> None:
    lines = [line for node in node_containers(cluster.name) for line in _ports(node)]
    assert len(lines) == len(NODE_PORTS) + 1  # and the API server
    assert [line for line in lines if not line.startswith("127.0.0.1:")] == []
    form = "{{range .IPAM.Config}}{{println .Gateway}}{{end}}"
    gateway = docker("network", "inspect", "kind", "--format", form).out.split()
    here = next(address for address in gateway if "." in address)
    for line in lines:
        port = int(line.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((here, port), timeout=1)


def _ports(node: str) -> Iterator[str]:
    for line in docker("port", node).out.splitlines():
        yield line.rpartition(" -> ")[2]


def test_the_workers_are_in_three_zones(cluster: Cluster) -> None:
    nodes = {node["metadata"]["name"]: node for node in cluster.api.list(Kind.NODE)}
    zones = [
        nodes[name]["metadata"]["labels"]["topology.kubernetes.io/zone"] for name in cluster.workers
    ]
    assert zones == ["a", "b", "c"]


def test_a_lab_runs_and_touches_no_kubeconfig_of_a_persons_own(command: Command) -> None:
    said = command("run", "01", "--as", "solution")
    assert said.code == 0, said.out
    assert "passed: " in said.out
