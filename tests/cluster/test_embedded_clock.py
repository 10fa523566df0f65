"""This machine's clock jumps, as it does after a sleep or a correction: nothing of ours minds.

The node agent and its Pods are shown another clock by `shifted_clock.c`; the Go programs above them
are linked statically and keep the real one, which is the harder case: the two disagree.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import deployment, service
from .observing import Room, is_ready

PROVIDERS = ("embedded",)


DAY = 86400


class Clock:
    """The clock that is shown; it can be set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.shift(0)

    def shift(self, seconds: int) -> None:
        """Set it off against the real one."""
        part = self._file.with_suffix(".part")
        part.write_text(str(seconds))
        part.replace(self._file)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clock]:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a C compiler on Linux is needed: sudo apt-get install gcc libc6-dev")
    folder = tmp_path_factory.mktemp("clock")
    source, library = Path(__file__).with_name("shifted_clock.c"), folder / "shifted_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(library))
        patch.setenv("SHIFTED_CLOCK", str(folder / "seconds"))
        yield Clock(folder / "seconds")


@pytest.fixture(scope="module")
def shown(cluster: Cluster, clock: Clock) -> Iterator[Cluster]:
    """A cluster that is shown the clock."""
    found = open_cluster(f"{cluster.name}-clock", provider="embedded")
    found.stop(purge=True)
    found.start()
    yield found
    clock.shift(0)
    found.stop(purge=True)


@pytest.fixture
def web(shown: Cluster) -> Iterator[Room]:
    room = Room(shown, "default")
    room.run(deployment(replicas=2))
    room.create(service())
    room.wait_answers()
    yield room
    shown.put_back()


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_pods_and_nodes_live_on_when_the_clock_jumps(web: Room, clock: Clock, jump: int) -> None:
    clock.shift(0)
    before = {pod["metadata"]["uid"] for pod in web.pods()}
    clock.shift(jump)
    first = web.pods()[0]["metadata"]["name"]
    web.api.delete(Kind.POD, first, web.namespace)
    web.wait_pods(lambda found: len(found) == 2 and all(map(is_ready, found)), timeout=10)
    after = {pod["metadata"]["uid"] for pod in web.pods()}
    assert len(before & after) == 1, "the other Pod is the one of before"
    web.wait_answers(times=10)
    # Longer than a node may be silent before it counts as lost.
    quiet = web.node_timeline()
    with pytest.raises(AssertionError, match="not in 18"):
        quiet.wait(lambda nodes: not all(map(is_ready, nodes.values())), timeout=18)


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_crashing_pod_is_started_again_in_its_time(web: Room, clock: Clock, jump: int) -> None:
    clock.shift(0)
    web.create(deployment("crash", version="v4-crash", replicas=1))
    web.wait_pods(lambda found: found, "crash")
    clock.shift(jump)

    def restarts() -> int:
        [pod] = web.pods("crash")
        statuses = pod["status"].get("containerStatuses")
        return int(statuses[0]["restartCount"]) if statuses else 0

    wait_for(lambda: restarts() >= 2, timeout=25, what="a second restart", every=0.2)


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_up_on_kept_data_with_another_clock(shown: Cluster, clock: Clock, jump: int) -> None:
    clock.shift(0)
    shown.stop()
    clock.shift(jump)
    shown.start()
    assert shown.status().state == "running"
