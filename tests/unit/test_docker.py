"""What is wrong with Docker, kind or the disk, told from what they print: no cluster is needed."""

from __future__ import annotations

import io
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from nodebynode.cluster import app_images, kind_config, open_cluster
from nodebynode.cluster import docker as docker_module
from nodebynode.cluster.docker import DockerInfo, docker, has_image, require_docker, require_room
from nodebynode.cluster.folder import Folder
from nodebynode.cluster.kind_config import choose_ports
from nodebynode.cluster.kind_trouble import explain
from nodebynode.errors import BadInput, ClusterError, MissingTool, NodebynodeError
from nodebynode.processes import Finished
from nodebynode.reporting import ConsoleReporter, Silent
from rich.console import Console

CANNOT_CONNECT = (
    "Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"  # the client's
)
NO_RIGHT = (
    "permission denied while trying to connect to the Docker daemon socket at "
    "unix:///var/run/docker.sock: Get ...: dial unix /var/run/docker.sock: connect: "
    "permission denied"
)
RAN = 'command "docker run --name x --publish=127.0.0.1:30080:30080/TCP --publish=127.0.0.1:4:6443"'
Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a `docker` on PATH that is a shell script; returns the file that logs its arguments."""

    def put(script: str) -> Path:
        log = tmp_path / "docker.log"
        path = tmp_path / "bin" / "docker"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$*" >>{log}\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
        monkeypatch.setenv("NODEBYNODE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("NODEBYNODE_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        return log

    return put


def failing(text: str) -> str:
    return f"echo '{text}' >&2; exit 1"


# ── the engine ───────────────────────────────────────────────────────────────────────────────────


def test_docker_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="There is no `docker` command") as caught:
        require_docker()
    assert "https://docs.docker.com/get-docker/" in caught.value.do


@pytest.mark.parametrize(
    ("text", "seen", "do"),
    [
        (
            CANNOT_CONNECT.format(host="unix:///var/run/docker.sock"),
            "Docker is installed, but it does not run.",
            "systemctl start docker",
        ),
        (NO_RIGHT, "Docker runs, but this user has no right to use it.", "usermod -aG docker"),
        ("something else", "Docker does not answer: something else", "Start Docker"),
    ],
    ids=["stopped", "no right", "else"],
)
def test_docker_that_cannot_be_used(fake: Fake, text: str, seen: str, do: str) -> None:
    fake(failing(text))
    with pytest.raises(ClusterError) as caught:
        require_docker()
    assert caught.value.seen == seen
    assert do in caught.value.do


def test_a_docker_host_that_nobody_answers_at_is_named(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(failing(CANNOT_CONNECT.format(host="tcp://10.0.0.1:2375")))
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    with pytest.raises(ClusterError, match=r"nobody answers at tcp://10\.0\.0\.1:2375") as caught:
        require_docker()
    assert "unset DOCKER_HOST" in caught.value.do


def test_docker_that_hangs_is_not_waited_for(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("exec sleep 60")
    monkeypatch.setattr(docker_module, "_info", lambda: docker("info", timeout=0.2))
    with pytest.raises(ClusterError, match="Docker does not answer: `docker info` did not end"):
        require_docker()


def test_something_else_that_calls_itself_docker(fake: Fake) -> None:
    fake("echo this is no JSON")
    with pytest.raises(ClusterError, match="Docker does not answer: this is no JSON"):
        require_docker()


def test_what_docker_says_of_itself(fake: Fake) -> None:
    fake('echo \'{"ServerVersion": "28.2", "CgroupVersion": "1", "DockerRootDir": "/d"}\'')
    assert require_docker() == DockerInfo("28.2", "1", Path("/d"), 0)


def test_an_engine_that_stops_later_is_explained_too(fake: Fake) -> None:
    fake(failing("write /var/lib/docker/tmp/x: no space left on device"))
    with pytest.raises(ClusterError, match="Docker has no space left on its disk") as caught:
        docker("build", ".")
    assert "docker system prune" in caught.value.do


# ── room ─────────────────────────────────────────────────────────────────────────────────────────


def usage(free: float) -> Callable[[object], object]:
    return lambda _: shutil._ntuple_diskusage(10**12, 10**12 - int(free), int(free))


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = DockerInfo("28", "2", tmp_path, 0)
    monkeypatch.setattr(shutil, "disk_usage", usage(5.1e9))
    require_room(info)
    monkeypatch.setattr(shutil, "disk_usage", usage(0.3e9))
    with pytest.raises(ClusterError, match=r"The disk is nearly full: 0\.3 GB are free in /"):
        require_room(info)


def test_a_disk_that_cannot_be_seen_from_here_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", usage(0))
    require_room(DockerInfo("28", "2", Path("/no/such/place"), 0))


@pytest.fixture
def machine(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Play a machine where all is well but `kind create`, which is a script; returns docker's log.

    The cluster has the one container `bad-worker` as soon as there is a file `made`.
    """

    def put(create: str) -> Path:
        path = tmp_path / "bin" / "kind"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\n[ "$1" = create ] || exec echo kind v0.33.0\n{create}\n')
        path.chmod(0o755)
        monkeypatch.setenv("NODEBYNODE_KIND", str(path))
        monkeypatch.chdir(tmp_path)
        return fake(
            "case $1 in\n"
            """info) echo '{"ServerVersion": "28", "DockerRootDir": "/none"}';;\n"""
            'ps) [ ! -e made ] || printf "bad-worker\\trunning\\n";;\n'
            'save) touch "$3";;\n'
            "rm) rm made;;\n"
            "esac"
        )

    return put


@pytest.mark.parametrize("setting", ["NODEBYNODE_HOME", "NODEBYNODE_CACHE"])
def test_a_folder_of_ours_that_cannot_be_written(
    machine: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    machine("touch made")
    (tmp_path / "file").touch()
    monkeypatch.setenv(setting, str(tmp_path / "file" / "x"))
    with pytest.raises(BadInput, match=r"/file/x.* cannot be written: Not a directory\.") as caught:
        open_cluster("bad", provider="kind").start()
    assert f"set {setting} to another folder" in caught.value.do
    assert not (tmp_path / "made").exists()


def test_a_disk_that_fills_up_in_the_middle(
    machine: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kind's log cannot be written: kind is ended, what it made is removed, one message says so."""
    log = machine("touch made; yes a line of its log >&2")
    claim = Folder.claim

    def claim_on_a_full_disk(folder: Folder, provider: str) -> None:
        claim(folder, provider)
        folder.log.symlink_to("/dev/full")

    monkeypatch.setattr(Folder, "claim", claim_on_a_full_disk)
    with pytest.raises(BadInput, match="cannot be written: No space left on device"):
        open_cluster("bad", provider="kind").start()
    assert "rm --force --volumes bad-worker" in log.read_text()
    assert not (tmp_path / "made").exists()


def test_a_kind_that_fails_leaves_its_log_and_nothing_else(
    machine: Callable[[str], Path], tmp_path: Path
) -> None:
    machine("touch made; echo ERROR: who knows >&2; exit 1")
    with pytest.raises(ClusterError, match="kind could not make the cluster: ERROR: who") as caught:
        open_cluster("bad", provider="kind").start()
    log = tmp_path / "home" / "clusters" / "bad" / "create.log"
    assert str(log) in caught.value.do
    assert log.read_text() == "ERROR: who knows\n"
    assert not (tmp_path / "made").exists()
    assert open_cluster("bad").status().state == "absent"
    assert open_cluster("bad").stop() is False
    assert list((tmp_path / "home" / "clusters").iterdir()) == []


# ── images ───────────────────────────────────────────────────────────────────────────────────────


def test_a_base_image_that_is_absent_and_cannot_be_pulled(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake('[ "$1" != pull ] || echo "dial tcp: lookup registry: no such host" >&2; exit 1')
    monkeypatch.setenv("NODEBYNODE_APP_BASE", "example.org/python:3")
    with pytest.raises(ClusterError) as caught:
        app_images.app_archive(Silent())
    assert caught.value.seen.startswith(
        "The app's base image example.org/python:3 is not on this machine and cannot be pulled: "
    )
    assert "no such host" in caught.value.seen
    assert "set NODEBYNODE_APP_BASE to an image with Python 3.11 or newer" in caught.value.do
    assert [path.suffix for path in (tmp_path / "cache" / "apps").iterdir()] == [".lock"]
    assert "build" not in log.read_text()


def test_a_base_image_that_is_here_is_not_pulled(fake: Fake, tmp_path: Path) -> None:
    log = fake('[ "$1" != save ] || touch "$3"')
    archive = app_images.app_archive(Silent())
    assert archive.is_file()
    assert "pull" not in log.read_text()
    assert sorted(path.suffix for path in archive.parent.iterdir()) == [".lock", ".tar"]
    log.unlink()
    assert app_images.app_archive(Silent()) == archive
    assert not log.exists()


def test_a_build_that_fails_leaves_nothing(fake: Fake, tmp_path: Path) -> None:
    log = fake('case $1 in save) echo half >"$3"; echo broken >&2; exit 1;; esac')
    (tmp_path / "cache" / "apps").mkdir(parents=True)
    with pytest.raises(NodebynodeError, match=r"`docker save .* ended with 1: broken"):
        app_images.app_archive(Silent())
    assert [path.suffix for path in (tmp_path / "cache" / "apps").iterdir()] == [".lock"]
    assert "image rm localhost/shop:v1" in log.read_text()


def test_has_image(fake: Fake) -> None:
    fake('[ "$5" = here ]')
    assert has_image("here")
    assert not has_image("there")


# ── kind ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "seen", "do"),
    [
        (
            f"{RAN} failed: Bind for 127.0.0.1:30083 failed: port is already allocated.",
            "Port 30083 of 127.0.0.1 was taken",
            "another port is chosen",
        ),
        (
            f"{RAN} Error starting userland proxy: listen tcp4 127.0.0.1:30083: bind: address "
            "already in use",
            "Port 30083 of 127.0.0.1 was taken",
            "another port is chosen",
        ),
        (
            f"{RAN} failed to bind host port for 127.0.0.1:30083:172.18.0.2:30083/tcp: address "
            "already in use",
            "Port 30083 of 127.0.0.1 was taken",
            "another port is chosen",
        ),
        (
            'ERROR: failed to create cluster: failed to pull image "kindest/node:v1.37.2": command',
            "The node image kindest/node:v1.37.2 is not on this machine",
            "NODEBYNODE_KIND_IMAGE",
        ),
        ("write /var: no space left on device", "The disk filled up", "docker system prune"),
        ("Failed to create inotify object", "too few file watches", "fs.inotify.max_user_"),
        ("Too many open files", "too few file watches", "fs.inotify.max_user_"),
        ('node(s) already exist for a cluster with the name "x"', "came up late", "Try again"),
        ("ERROR: who knows", "kind could not make the cluster: ", "/the.log"),
    ],
)
def test_what_a_failed_kind_create_means(text: str, seen: str, do: str) -> None:
    error = explain(Finished(("kind",), 1, "", f"Creating cluster ...\n{text}\n"), Path("/the.log"))
    assert seen in error.seen
    assert do in error.do


@pytest.fixture
def taken() -> Iterator[list[int]]:
    """Three hundred ports of 127.0.0.1 on which something listens."""
    with ExitStack() as stack:
        made = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(300)]
        yield [listener.getsockname()[1] for listener in made]


def test_ports_keep_their_numbers_where_they_are_free(
    taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as soon_free:
        free = soon_free.getsockname()[1]
    monkeypatch.setattr(kind_config, "NODE_PORTS", [taken[0], free])
    chosen = choose_ports()
    assert chosen[free] == free
    assert chosen[taken[0]] not in (free, *taken)


def test_in_place_of_a_taken_port_comes_one_that_no_outgoing_connection_gets() -> None:
    with suppress(OSError), socket.create_server(("127.0.0.1", 30080)):  # or others have it
        assert choose_ports()[30080] in range(30090, 32768, 10)


def test_no_port_is_given_out_twice(taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind_config, "NODE_PORTS", taken)
    chosen = choose_ports().values()
    assert len({*chosen, *taken}) == 600


def test_ports_that_move_are_told_of(
    machine: Callable[[str], Path], taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("exit 1")
    port = taken[0]
    monkeypatch.setattr(kind_config, "NODE_PORTS", range(port, port + 1))
    console = Console(file=io.StringIO(), width=500)
    with pytest.raises(ClusterError):
        open_cluster("bad", ConsoleReporter(console)).start()
    said = f"1 of the ports {port} to {port} are taken on this machine; others lead to the cluster"
    assert said in console.file.getvalue()
