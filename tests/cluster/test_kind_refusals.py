"""What the real Docker and kind refuse: one message, exit code 2, and nothing half-made."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.cluster import kind as kind_module
from nodebynode.cluster.docker import node_containers, require_docker
from nodebynode.cluster.kind_config import NODE_PORTS
from nodebynode.errors import ClusterError

from .test_kind_command import Command, container_ids

PROVIDERS = ("kind",)


@pytest.fixture
def refused(cluster: Cluster, tmp_path: Path) -> Iterator[Command]:
    """A cluster that cannot be made; the session's cluster is asked for only as proof of Docker."""
    command = Command(tmp_path / "person", f"{cluster.name}-no")
    yield command
    assert node_containers(command.cluster) == {}
    open_cluster(command.cluster).stop()


def test_a_docker_host_that_nobody_answers_at(
    refused: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
        for words in (("up",), ("down",), ("status",)):
            said = refused(*words)
            assert (said.code, said.out) == (2, "")
            assert said.err == (
                "nodebynode: Docker is installed, but nobody answers at tcp://127.0.0.1:1, which "
                "DOCKER_HOST names. Start Docker there, or unset DOCKER_HOST, and try again."
            )


def test_a_node_image_that_is_nowhere(refused: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEBYNODE_KIND_IMAGE", "localhost/no-such:1")
    said = refused("up")
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith(
        "nodebynode: The node image localhost/no-such:1 is not on this machine and cannot be "
        "pulled. Connect to a network that reaches the registry, or set NODEBYNODE_KIND_IMAGE to "
        "a kind node image that is here (`docker images`)."
    )
    assert node_containers(refused.cluster) == {}
    assert "is absent." in refused("status").out


def test_a_base_image_that_is_nowhere(refused: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEBYNODE_APP_BASE", "localhost/no-such:2")
    said = refused("up")
    assert (said.code, said.out) == (2, "")
    assert "nodebynode: The app's base image localhost/no-such:2 is not on this machine" in said.err
    assert said.err.endswith("with Python 3.11 or newer that is here (`docker images`).")


def test_a_changed_app_that_cannot_be_built_leaves_the_cluster_as_it_is(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = container_ids(cluster.name)
    with monkeypatch.context() as patch:
        patch.setenv("NODEBYNODE_APP_BASE", "localhost/no-such:3")
        with pytest.raises(ClusterError, match="base image localhost/no-such:3"):
            cluster.start()
    assert container_ids(cluster.name) == before
    assert cluster.status().state == "running"


def test_a_port_that_is_taken_in_the_last_moment(
    refused: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What kind and Docker really print; the ports of all the others are left to Docker."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {node: port if node == 30083 else 0 for node in NODE_PORTS}
        monkeypatch.setattr(kind_module, "choose_ports", lambda *_: ports)
        with pytest.raises(ClusterError, match=rf"^Port {port} of 127\.0\.0\.1 was taken"):
            open_cluster(refused.cluster).start()


def test_a_full_disk_below_our_folder(
    refused: Command, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_docker()
    with monkeypatch.context() as patch:
        patch.setenv("NODEBYNODE_HOME", str(full / "home"))
        said = refused("up")
    assert (said.code, said.out) == (2, "")
    assert f"nodebynode: {full}/home" in said.err
    assert " cannot be written: " in said.err
    assert said.err.endswith("or set NODEBYNODE_HOME to another folder.")
