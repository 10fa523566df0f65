"""The command line without a cluster: one message, exit code 2, no traceback, nothing made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nodebynode import cli, settings
from nodebynode.errors import BadInput, ClusterError
from nodebynode.waiting import wait_for

from .conftest import Call

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty Docker, and folders of the test's own."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\n[ $1 != info ] || echo \'{"ServerVersion": "28"}\'\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    monkeypatch.setenv("NODEBYNODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NODEBYNODE_CACHE", str(tmp_path / "cache"))
    for name in ("NODEBYNODE_CLUSTER", "NODEBYNODE_COURSE", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


ON_A_CLUSTER = [("up",), ("down",), ("reset",), ("status",), ("shell",), ("learn",), ("run", "01")]


@pytest.mark.parametrize("words", ON_A_CLUSTER, ids=" ".join)
@pytest.mark.parametrize("name", ["Café", "-x", "a" * 41, "a_b", "x/../y", "a b"])
def test_an_invalid_cluster_name(call: Call, words: tuple[str, ...], name: str, home: Path) -> None:
    said = call(*words, f"--cluster={name}")
    assert said.code == 2
    assert said.err == (
        f"nodebynode: '{name}' is no cluster name. "
        "Use 1 to 40 lower-case letters, digits and dashes, with no dash at either end."
    )
    assert not home.exists()


def test_an_invalid_name_in_the_setting(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEBYNODE_CLUSTER", "My Cluster")
    assert call("kubectl", "get", "nodes").err.startswith("nodebynode: 'My Cluster' is no cluster")


@pytest.mark.parametrize("name", [None, "", "a", "a" * 40, "kind-1"])
def test_valid_names(name: str | None) -> None:
    assert settings.cluster_name(name) == (name or "nodebynode")


@pytest.mark.parametrize("words", [("kubectl", "get", "pods", "-A"), ("shell",), ("reset",)])
def test_a_cluster_that_is_not_there(call: Call, words: tuple[str, ...], home: Path) -> None:
    said = call(*words)
    assert said.code == 2
    assert "Cluster 'nodebynode' is not up. Start it with `nodebynode up`." in said.err
    assert not home.exists()


def test_status_of_a_cluster_that_is_not_there(call: Call, home: Path) -> None:
    said = call("status", "-c", "other")
    assert (said.code, said.err) == (1, "")
    assert said.out == (
        "Cluster 'other' (kind) is absent. It is not there. `nodebynode up -c other` makes it."
    )
    as_json = call("status", "--json")
    assert (as_json.code, json.loads(as_json.out)["state"]) == (1, "absent")
    assert not home.exists()


def test_down_of_a_cluster_that_is_not_there(call: Call, home: Path) -> None:
    said = call("down", "-c", "other")
    assert (said.code, said.out, said.err) == (0, "There is no 'other'.", "")
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("words", [*ON_A_CLUSTER[:4], *ON_A_CLUSTER[6:]], ids=" ".join)
def test_without_docker(
    call: Call, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("NODEBYNODE_PROVIDER", "kind")
    said = call(*words)
    assert said.code == 2
    if words == ("reset",):  # what is not there needs no Docker
        assert "Cluster 'nodebynode' is not up." in said.err
    else:
        assert said.err == (
            "nodebynode: There is no `docker` command on this machine. "
            "Install Docker (https://docs.docker.com/get-docker/) and try again."
        )


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("updown",),
        ("up", "extra"),
        ("up", "--nonsense"),
        ("up", "--cluster"),
        ("run",),
        ("labs",),
        ("bench", "cluster", "--runs", "0"),
    ],
    ids=" ".join,
)
def test_usage_errors(call: Call, words: tuple[str, ...]) -> None:
    said = call(*words)
    assert said.code == 2
    assert "Usage: nodebynode" in said.out + said.err or "Error" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("teacher", "A lab cannot be run as 'teacher'"),
        ("mutant:nobody", "has no mutant 'nobody'. Its mutants are deployment-has-a-node,"),
        ("mutant:", "has no mutant ''"),
    ],
)
def test_a_lab_is_run_as_nothing_else(call: Call, way: str, told: str) -> None:
    said = call("run", "01", "--as", way)
    assert said.code == 2
    assert told in " ".join(said.err.split())


@pytest.mark.parametrize("command", ["learn", "run"])
@pytest.mark.parametrize(
    ("lab", "hint"), [("what-runs-were", "Did you mean 01-what-runs-where? "), ("99", "")]
)
def test_an_unknown_lab(call: Call, command: str, lab: str, hint: str) -> None:
    said = call(command, lab)
    assert said.code == 2
    assert said.err.startswith(
        f"nodebynode: There is no lab '{lab}'. {hint}The labs are: 01-what-runs-where"
    )


def test_a_folder_that_is_no_course(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NODEBYNODE_COURSE", str(tmp_path))
    said = call("run", "01")
    assert said.code == 2
    assert f"There is no course in {tmp_path}: it has no folder solutions/." in said.err


def test_without_docker_a_cluster_is_embedded(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("NODEBYNODE_CONTROL_PLANE", str(tmp_path / "none"))
    assert "(embedded) is absent" in call("status").out
    said = call("up")
    assert said.code == 2
    assert "embedded, without Docker. (There is no `docker` command" in said.err
    assert "NODEBYNODE_CONTROL_PLANE is set to" in said.err
    assert "Create" not in said.err


def test_an_unknown_provider_is_told(call: Call) -> None:
    said = call("up", "--provider", "minikube")
    assert said.code == 2
    assert "'minikube' is no provider. Choose kind, embedded or auto." in said.err


def test_words_in_square_brackets_are_shown_as_they_are(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ClusterError("saw [red]this[/red] and [/]", "do [that]")

    monkeypatch.setattr(cli, "_cluster", refuse)
    assert call("up").err == "nodebynode: saw [red]this[/red] and [/] do [that]"


def test_a_home_on_a_file(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NODEBYNODE_HOME", str(tmp_path / "file" / "home"))
    said = call("up")
    assert said.code == 2
    assert "cannot be written: Not a directory." in said.err
    assert "set NODEBYNODE_HOME to another folder" in said.err


def test_writing_names_the_place_when_the_system_names_none(tmp_path: Path) -> None:
    @settings.writing(tmp_path, "X")
    def write() -> None:
        Path("/dev/full").write_text("x")

    with pytest.raises(BadInput, match=f"{tmp_path} cannot be written: No space left on device"):
        write()


# ── as a program ─────────────────────────────────────────────────────────────────────────────────


def test_the_program_ends_with_2_and_one_message(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "nodebynode.cli", "kubectl", "get", "nodes"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "nodebynode: Cluster 'nodebynode' is not up.\nStart it with `nodebynode up`.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_traceback(tmp_path: Path, number: int) -> None:
    slow = tmp_path / "bin" / "docker"
    slow.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexec sleep 60\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "nodebynode.cli", "up"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        wait_for((tmp_path / "asked").exists, timeout=20, what="docker to be asked")
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Traceback" not in out + err
