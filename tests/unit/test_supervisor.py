"""The supervisor: its children run, come back, end in order, and never outlive it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from nodebynode.cluster.embedded import certificates
from nodebynode.cluster.embedded.files import Files
from nodebynode.cluster.embedded.plan import Child, Plan
from nodebynode.waiting import wait_for

from .test_processes import gone, is_running

STAYS = "exec cat >/dev/null"  # until its lifeline ends, or a signal does
IGNORES = 'trap "" TERM; cat >/dev/null; while :; do :; done'


def child(name: str, script: str, **how: Any) -> Child:
    return Child(name, ("/bin/sh", "-c", script), **how)


class Supervised:
    """A supervisor and its children, in a folder of their own."""

    def __init__(self, files: Files, port: int, *children: Child) -> None:
        self.files = files
        ca, mine = files.certificate(certificates.CA), "supervisor"
        authority = (str(ca), str(files.certificate(mine)), str(files.key(mine)))
        Plan(children, port, *authority).write(files.plan)
        self.said = files.folder.with_name("said")
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "nodebynode.cluster.embedded.supervisor"]
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [*command, self.files.folder],
                stdin=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )

    def told(self, name: str) -> dict[str, Any]:
        """Return what components.json says of a child, as soon as it says anything."""

        def read() -> dict[str, Any]:
            if not self.files.components.exists():
                return {}
            return dict(json.loads(self.files.components.read_text())["components"][name])

        return wait_for(read, timeout=20, what=f"the state of {name}", every=0.02)

    def until(self, name: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until a child's state is as wanted; returns it."""
        return wait_for(
            lambda: found if true(found := self.told(name)) else None,
            timeout=20,
            what=f"a certain state of {name}",
            seen=lambda: str(self.told(name)),
            every=0.02,
        )

    def pid(self, name: str) -> int:
        return int(self.until(name, lambda it: it["state"] == "running")["pid"])

    def end(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(20)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        assert self.process.stdin is not None
        self.process.stdin.close()


Run = Callable[..., Supervised]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "demo")
    made.folder.mkdir()
    return made


@pytest.fixture
def supervised(files: Files) -> Iterator[Run]:
    made: list[Supervised] = []

    def run(*children: Child, port: int = 1) -> Supervised:
        made.append(Supervised(files, port, *children))
        return made[-1]

    yield run
    for one in made:
        one.close()


def test_children_end_stage_by_stage_each_in_its_own_way(supervised: Run, tmp_path: Path) -> None:
    order = tmp_path / "order"
    by_signal = "trap 'echo {0} >>{1}; exit' TERM; while :; do sleep 0.02; done"
    run = supervised(
        child("etcd", by_signal.format("etcd", order), stage=3),
        child("api", by_signal.format("api", order), stage=2),
        # Its lifeline must reach its end though every other child still runs.
        child("agent", f"cat >/dev/null; echo agent >>{order}", ends_with_lifeline=True),
    )
    pids = [run.pid(name) for name in ("etcd", "api", "agent")]
    began = time.monotonic()
    assert run.end() == 0
    assert time.monotonic() - began < 3
    assert order.read_text().split() == ["agent", "api", "etcd"]
    assert [is_running(pid) for pid in pids] == [False] * 3
    assert run.told("etcd")["state"] == "ended"


def test_a_child_that_ignores_the_signal_is_killed_with_its_own_children(
    supervised: Run, tmp_path: Path
) -> None:
    run = supervised(child("api", f'sleep 300 & echo $! >"{tmp_path}/pid"; {IGNORES}'))
    run.pid("api")
    grandchild = int(
        wait_for(
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(),
            timeout=10,
            what="a grandchild",
        )
    )
    began = time.monotonic()
    assert run.end() == 0
    assert 4 < time.monotonic() - began < 9
    gone(grandchild)


def test_a_child_that_dies_comes_back_ever_later_and_its_last_words_are_kept(
    supervised: Run, files: Files
) -> None:
    began = time.monotonic()
    run = supervised(child("api", "echo hello; echo no disk >&2; exit 3"), child("etcd", STAYS))
    found = run.until("api", lambda it: it["restarts"] >= 4)
    assert time.monotonic() - began > 0.2 + 0.4 + 0.8
    assert found["last_words"] == "hello\nno disk"
    assert found["state"] == "restarting"
    assert files.log("api").with_name("api.log.1").read_text() == "hello\nno disk\n"
    assert run.told("etcd")["restarts"] == 0


def test_of_a_crash_in_go_the_reason_is_kept(supervised: Run) -> None:
    crash = "echo warn; echo panic: no data; echo; echo 'goroutine 1 [running]:'; seq 1 90; exit 2"
    run = supervised(child("etcd", crash))
    assert run.until("etcd", lambda it: it["restarts"] >= 1)["last_words"] == "panic: no data"


def test_a_killed_child_is_back_within_a_second(supervised: Run) -> None:
    run = supervised(child("api", STAYS))
    pid = run.pid("api")
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    found = run.until("api", lambda it: it["state"] == "running" and it["pid"] != pid)
    assert time.monotonic() - began < 1.5
    assert found["restarts"] == 1
    assert found["last_words"] == "It ended with -9 and said nothing."


def test_a_program_that_is_not_there_is_named(supervised: Run) -> None:
    run = supervised(Child("api", ("/nowhere/control-plane",)))
    found = run.until("api", lambda it: it["restarts"] >= 1)
    assert found["last_words"] == "Cannot run /nowhere/control-plane: No such file or directory."


@pytest.fixture
def api(files: Files) -> Iterator[tuple[int, threading.Event]]:
    """An API server's /readyz that wants a certificate, and whether it says ok."""
    certificates.ensure(files, ["demo-worker"])
    ready = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if ready.is_set() and self.path == "/readyz" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=files.certificate(certificates.CA)
    )
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(files.certificate("apiserver"), files.key("apiserver"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_port, ready
    server.shutdown()
    server.server_close()
    thread.join()


def test_who_needs_the_api_waits_until_it_is_ready(
    supervised: Run, api: tuple[int, threading.Event]
) -> None:
    port, ready = api
    run = supervised(child("etcd", STAYS), child("scheduler", STAYS, needs_api=True), port=port)
    run.pid("etcd")
    assert run.told("scheduler")["state"] == "waiting"
    ready.set()
    began = time.monotonic()
    run.pid("scheduler")
    assert time.monotonic() - began < 1


def test_killed_itself_it_leaves_nothing_not_even_what_is_frozen(supervised: Run) -> None:
    names = ["etcd", "api", "agent"]
    run = supervised(*(child(name, STAYS) for name in names))
    pids = [run.pid(name) for name in names]
    if sys.platform == "linux":  # elsewhere only what runs can notice that its lifeline ended
        os.kill(pids[1], signal.SIGSTOP)
    began = time.monotonic()
    run.process.kill()
    for pid in pids:
        gone(pid)
    assert time.monotonic() - began < 2


def test_it_ends_with_an_owner_that_has_not_let_it_go(supervised: Run) -> None:
    run = supervised(child("api", STAYS))
    pid = run.pid("api")
    assert run.process.stdin is not None
    run.process.stdin.close()
    assert run.process.wait(10) == 0
    gone(pid)


def test_let_go_it_outlives_its_owner(supervised: Run) -> None:
    run = supervised(child("api", STAYS))
    pid = run.pid("api")
    assert run.process.stdin is not None
    run.process.stdin.write(b"go\n")
    run.process.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        run.process.wait(1)
    assert is_running(pid)
    assert run.end() == 0
    gone(pid)


def test_it_ends_when_its_folder_is_gone(supervised: Run, files: Files) -> None:
    run = supervised(child("api", STAYS))
    pid = run.pid("api")
    files.folder.rename(files.folder.with_name("elsewhere"))
    assert run.process.wait(10) == 0
    gone(pid)


def test_there_is_one_supervisor_of_a_cluster(supervised: Run) -> None:
    run = supervised(child("api", STAYS))
    pid = run.pid("api")
    second = run.start()
    assert second.wait(20) != 0
    assert second.stdin is not None
    second.stdin.close()
    assert "supervisor.lock, which another process holds" in run.said.read_text()
    assert run.pid("api") == pid


def test_it_stays_small(supervised: Run) -> None:
    run = supervised(child("api", STAYS), child("scheduler", STAYS, needs_api=True))
    run.pid("api")  # by then all is imported, and the API server has been asked for
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(run.process.pid)], capture_output=True, text=True
    )
    assert int(shown.stdout) < 30_000
