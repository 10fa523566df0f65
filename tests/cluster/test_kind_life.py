"""A cluster's life on real kind: killed while it is made, made by two at once, stopped, damaged,
made anew, removed. One spare cluster goes through all of it, in the order of this file."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nodebynode import settings
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.cluster.docker import docker, node_containers
from nodebynode.cluster.folder import Folder
from nodebynode.errors import ClusterError
from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import deployment
from .test_kind_command import Command, container_ids, pulls_since

PROVIDERS = ("kind",)


class Spare(Command):
    """The spare cluster: its command, its folder, and moments in its making."""

    def __init__(self, home: Path, cluster: str) -> None:
        super().__init__(home, cluster)
        self.folder = Folder(cluster)
        self.record = self.folder.path / "cluster.json"
        self.owner = self.folder.path.with_name(f"{cluster}.owner")

    def log_says(self, text: str) -> bool:
        """Whether kind has printed a text."""
        return self.folder.log.exists() and text in self.folder.log.read_text()

    def state(self) -> str:
        """Return the state by `status`, checking the exit code that goes with it."""
        found = open_cluster(self.cluster).status()
        return f"{found.state}: {found.explanation}"

    def end(self, process: subprocess.Popen[str], number: int) -> tuple[int, str, float]:
        """Send a signal; return exit code, messages, and the seconds until the end."""
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=100)
        self.check_decoy()
        assert "Traceback" not in err, err
        self.no_kind_process()
        return process.returncode, " ".join(err.split()), time.monotonic() - began

    def no_kind_process(self) -> None:
        """Assert that no program works for this cluster any more, within a moment."""
        wait_for(
            lambda: not processes(self.cluster),
            timeout=5,
            what="every process to end",
            seen=lambda: "; ".join(processes(self.cluster)),
        )

    def nothing_left(self) -> None:
        """Assert that there is no container, process or file of the cluster."""
        assert dict(node_containers(self.cluster)) == {}
        self.no_kind_process()
        files = settings.data_dir().glob(f"clusters/{self.cluster}*")
        assert list(files) == []


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant while a cluster is made."""

    name: str
    here: Callable[[Spare], object]


LOCKED = Moment("the lock is held", lambda spare: spare.owner.exists())
CONTAINERS = Moment("node containers are there", lambda spare: node_containers(spare.cluster))
STARTING = Moment("kubeadm runs", lambda spare: spare.log_says("Starting control-plane"))
NO_RECORD = Moment("only the record lacks", lambda spare: spare.log_says("Set kubectl context"))


def processes(cluster: str) -> list[str]:
    """Return kind's processes for a cluster."""
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [
        line
        for line in shown.stdout.splitlines()
        if "kind" in line.split()[0] and f"--name {cluster} " in f"{line} "
    ]


@pytest.fixture(scope="module")
def spare(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spare]:
    found = Spare(tmp_path_factory.mktemp("home"), f"{cluster.name}-spare")
    open_cluster(found.cluster).stop()
    yield found
    open_cluster(found.cluster).stop()


def up_until(spare: Spare, moment: Moment) -> subprocess.Popen[str]:
    """Start `up` and wait for a moment in it, not in the log of an earlier one."""
    spare.folder.log.unlink(missing_ok=True)
    process = spare.start("up")

    def come() -> object:
        assert process.poll() is None, process.communicate()
        return moment.here(spare)

    try:
        wait_for(come, timeout=200, what=moment.name, every=0.03)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return process


@pytest.mark.parametrize("moment", [LOCKED, CONTAINERS, STARTING], ids=lambda moment: moment.name)
def test_a_killed_up_leaves_no_process_and_no_claim_to_be_whole(
    spare: Spare, moment: Moment
) -> None:
    """Each `up` here finds what the one before it left, and clears it away."""
    code, _, seconds = spare.end(up_until(spare, moment), signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert seconds < 10
    assert not spare.record.exists()
    if moment is not LOCKED:
        up = f"`nodebynode up -c {spare.cluster}`"
        assert spare.state() == f"half-made: It was never finished. {up} makes it anew."
        with pytest.raises(ClusterError, match=f"Cluster '{spare.cluster}' is not up"):
            open_cluster(spare.cluster).reset()


def test_two_at_once_make_one_cluster(spare: Spare) -> None:
    """The first clears away what the killed one left; the second waits, and says for whom."""
    began = time.time()
    first = up_until(spare, Moment("it removes what is there", _clears_away))
    second = spare.start("up")
    (out1, err1), (out2, err2) = (each.communicate(timeout=300) for each in (first, second))
    spare.check_decoy()
    assert (first.returncode, second.returncode) == (0, 0), err1 + err2
    said = f"Cluster '{spare.cluster}' is up: four nodes are Ready."
    assert said in " ".join(out1.split())
    assert said in " ".join(out2.split())
    assert "Remove a cluster that an earlier run left half-made" in err1
    waited = f"Wait for another nodebynode (process {first.pid}) on '{spare.cluster}'"
    assert waited in " ".join(err2.split())
    assert "Create the cluster" not in err2
    assert len(node_containers(spare.cluster)) == 4
    assert pulls_since(began) == ""


def _clears_away(spare: Spare) -> bool:
    """The killed run's owner file is overwritten before its containers go."""
    return len(node_containers(spare.cluster)) < 4


def test_two_clusters_stand_side_by_side(cluster: Cluster, spare: Spare) -> None:
    ours, other = cluster.status(), open_cluster(spare.cluster).status()
    assert (ours.state, other.state) == ("running", "running")
    assert ours.kubeconfig != other.kubeconfig
    assert {*ours.ports.values()} & {*other.ports.values()} == set()
    names = [node["metadata"]["name"] for node in open_cluster(spare.cluster).api.list(Kind.NODE)]
    assert len(names) == 4
    assert all(name.startswith(f"{spare.cluster}-") for name in names)


def test_up_wakes_a_cluster_that_docker_stopped(spare: Spare) -> None:
    """As after a restart of the machine; what ran on it runs again, and new things can be made."""
    before = container_ids(spare.cluster)
    docker("stop", "--time", "1", *before)
    said = spare("status")
    assert said.code == 1
    assert f"Docker stopped it. `nodebynode up -c {spare.cluster}` wakes it." in said.out

    said = spare("up")
    assert said.code == 0
    assert "Wake the cluster" in said.err
    for node in before:
        assert f"{node} was switched off, and is on again" in said.err
    assert container_ids(spare.cluster) == before
    training = open_cluster(spare.cluster)
    training.api.create(Kind.DEPLOYMENT, deployment(replicas=4), "default")
    training.kubectl("rollout", "status", "deployment/web", "--timeout=90s", timeout=100)


@pytest.mark.parametrize("damage", ["", "garbage", "\0{[", "clusters: 3", None])
def test_up_mends_a_damaged_kubeconfig(spare: Spare, damage: str | None) -> None:
    before = container_ids(spare.cluster)
    kubeconfig = spare.folder.kubeconfig
    kubeconfig.unlink()
    if damage is not None:
        kubeconfig.write_text(damage)
    assert spare.state().startswith(f"degraded: The kubeconfig {kubeconfig} cannot be used: ")
    if damage == "garbage":
        refused = spare("reset")
        assert refused.code == 2
        assert f"The kubeconfig {kubeconfig} cannot be used" in refused.err
        assert refused.err.endswith("Write it again with `nodebynode up`.")
        said = spare("up")
        assert said.code == 0
        assert "kubeconfig was missing or damaged, and is written again" in said.err
    else:
        open_cluster(spare.cluster).start()
    assert spare.state() == "running: All nodes are Ready."
    assert container_ids(spare.cluster) == before
    assert kubeconfig.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"provider": "kind"}', "\0"])
def test_a_damaged_record_is_no_record(spare: Spare, damage: str) -> None:
    whole = spare.record.read_text()
    spare.record.write_text(damage)
    try:
        assert spare.state().startswith("half-made: It was never finished.")
        with pytest.raises(ClusterError, match="is not up"):
            open_cluster(spare.cluster).reset()
    finally:
        spare.record.write_text(whole)
    assert spare.state() == "running: All nodes are Ready."


@pytest.mark.timeout(300, func_only=True)
def test_a_cluster_that_lacks_a_node_is_made_anew(spare: Spare) -> None:
    """… and killed just before it is whole again: then `down` leaves nothing."""
    gone, kept = f"{spare.cluster}-worker2", container_ids(spare.cluster)
    docker("rm", "--force", "--volumes", gone)
    explanation = f"These of its containers are gone: {gone}."
    up = f"`nodebynode up -c {spare.cluster}`"
    assert spare.state() == f"half-made: {explanation} {up} makes it anew."
    refused = spare("reset")
    assert refused.code == 2
    assert f"is not whole. {explanation} Make it anew with {up}." in refused.err

    code, _, _ = spare.end(up_until(spare, NO_RECORD), signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not spare.record.exists()
    assert len(node_containers(spare.cluster)) == 4
    assert {*container_ids(spare.cluster).values()} & {*kept.values()} == set()
    volumes = _volumes(spare)
    assert len(volumes) == 4

    said = spare("down")
    assert (said.code, said.out) == (0, f"Cluster '{spare.cluster}' is gone.")
    spare.nothing_left()
    left = docker("volume", "ls", "--quiet").out.split()
    assert [volume for volume in volumes if volume in left] == []


def _volumes(spare: Spare) -> list[str]:
    form = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
    return docker("inspect", "--format", form, *node_containers(spare.cluster)).out.split()


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGTERM, CONTAINERS), (signal.SIGINT, STARTING)],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_signal_ends_up_and_removes_what_is_half_made(
    spare: Spare, number: int, moment: Moment
) -> None:
    code, err, seconds = spare.end(up_until(spare, moment), number)
    assert code == 130
    assert "Remove the half-made cluster" in err
    assert seconds < 40
    assert dict(node_containers(spare.cluster)) == {}
    assert spare.state().startswith("absent: ")


def test_down_of_a_cluster_that_is_not_there(spare: Spare) -> None:
    for _ in range(2):
        said = spare("down")
        assert (said.code, said.out, said.err) == (0, f"There is no '{spare.cluster}'.", "")
        spare.nothing_left()
