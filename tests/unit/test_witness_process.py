"""The witness's process: bounded, polite, and gone with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.errors import BadInput, ClusterError
from nodebynode.waiting import wait_for
from nodebynode.witness import Plan, Traffic, Witness, calibrate

from .running_shop import Start

OWNER = """
import sys
from nodebynode.witness import Witness
witness = Witness(sys.argv[1], sys.argv[2], seconds=60)
witness.start()
print(witness.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def url(start: Start) -> str:
    """A Service that answers: the course's own app."""
    return f"http://127.0.0.1:{start(SHOP_VERSION='v9').port}"


@pytest.fixture
def witness(url: str, tmp_path: Path) -> Iterator[Witness]:
    with Witness(url, tmp_path / "new" / "log.jsonl", seconds=60) as witness:
        yield witness


def wait_requests(path: Path, number: int) -> None:
    wait_for(
        lambda: len(Traffic.read(path).requests) >= number,
        timeout=10,
        what=f"{number} requests",
        every=0.02,
    )


def test_it_is_stopped_and_read(witness: Witness) -> None:
    assert "running" in repr(witness)
    wait_requests(witness.path, 5)
    traffic = witness.stop()
    assert traffic.of("lost") == []
    assert {one.version for one in traffic.of("ok")} == {"v9"}
    assert (traffic.cut, traffic.rate, traffic.url) == ("", 50, witness.plan.url)
    assert not witness.running
    assert witness.stop() == traffic


def test_its_time_limit_ends_it(url: str, tmp_path: Path) -> None:
    with Witness(url, tmp_path / "log.jsonl", rate=100, seconds=0.5) as witness:
        traffic = witness.wait()
    assert len(traffic.requests) == 50
    assert traffic.cut == ""


def test_sigterm_completes_the_log(witness: Witness) -> None:
    wait_requests(witness.path, 5)
    os.kill(witness.pid, signal.SIGTERM)
    wait_for(lambda: not witness.running, timeout=10, what="its end")
    assert Traffic.read(witness.path).cut == ""


def test_a_killed_load_leaves_a_log_that_can_be_read(witness: Witness) -> None:
    wait_requests(witness.path, 5)
    os.kill(witness.pid, signal.SIGKILL)
    traffic = witness.stop()
    assert len(traffic.requests) >= 5
    assert "killed" in traffic.cut


@pytest.mark.parametrize("end", [subprocess.Popen.kill, lambda owner: owner.stdin.close()])
def test_it_does_not_outlive_its_owner(
    url: str, tmp_path: Path, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    command = [sys.executable, "-c", OWNER, url, str(tmp_path / "log.jsonl")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        load = psutil.Process(int(owner.stdout.readline()))
        end(owner)
    wait_for(lambda: not load.is_running(), timeout=10, what="the load to be gone", every=0.02)


def test_no_log_is_written_over(witness: Witness) -> None:
    with pytest.raises(BadInput, match="already"):
        Witness(witness.plan.url, witness.path).start()


def test_a_log_that_cannot_be_made_is_told(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        Witness(url, tmp_path / "file" / "log.jsonl").start()


def test_it_is_started_once(witness: Witness, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="started before"):
        witness.start()
    with pytest.raises(ClusterError, match="not been started"):
        Witness(witness.plan.url, tmp_path / "other").stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:80",
        "http://127.0.0.1",
        "https://127.0.0.1:443",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:80@example.org:80",
        "http://127.0.0.1.example.org:80",
        "http://127.0.0.1:80/\r\nHost: other",
        "http://10.96.0.1:80",
        "",
    ],
)
def test_it_goes_to_this_machine_only(url: str) -> None:
    with pytest.raises(BadInput, match="service_url"):
        Plan(url)


@given(
    st.sampled_from(["rate", "seconds", "keep_alive"]),
    st.floats(max_value=-0.01) | st.floats(min_value=3600.01) | st.just(float("nan")),
)
def test_what_is_out_of_bounds_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=name):
        Plan("http://127.0.0.1:80", **{name: value})


def test_two_hundred_a_second_are_the_most() -> None:
    assert Plan("http://127.0.0.1:80", rate=200).total == 200 * 600
    with pytest.raises(BadInput, match="at most 200"):
        Plan("http://127.0.0.1:80", rate=200.5)


@pytest.mark.parametrize("keep_alive", [0, 3])
def test_a_calibration_shows_the_noise_floor(keep_alive: int) -> None:
    found = calibrate(seconds=1, keep_alive=keep_alive)
    assert (found.sent, found.lost) == (50, 0)
    assert found.lag_ms > 0
    assert "0 of 50 lost" in str(found)
