"""The node agent's kubelet API: logs over TLS, for clients with a certificate only."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.cluster.embedded.agent import log_lines
from nodebynode.cluster.embedded.agent.kubelet_api import KubeletApi, LogFile, LogMissing
from nodebynode.cluster.embedded.agent.log_lines import LogOptions, LogReader, tail_offset

from tests.unit.running_shop import PATIENCE, wait_for
from tests.unit.tls_files import TlsFiles, make_tls_files

PATH = "/containerLogs/shop/web-1/shop"
LINES = [
    "2026-11-24T10:40:50.336Z started: version v1",
    "2026-11-24T10:40:51Z ready",
    "Traceback (most recent call last):",
    "2026-11-24T10:40:52.5Z exit: code 1",
]
TEXT = "".join(f"{line}\n" for line in LINES)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_tls_files(tmp_path_factory.mktemp("tls"))


class Served:
    """A running server, the log that it serves, and clients of it."""

    def __init__(self, tls: TlsFiles, log: Path) -> None:
        self.tls, self.log = tls, log
        self.ended = threading.Event()
        self.ended.set()
        self.asked: list[tuple[str, str, str, bool]] = []
        self.notes: list[str] = []
        self.open: list[http.client.HTTPSConnection] = []
        self.api = KubeletApi(
            certificate=tls.server,
            key=tls.server_key,
            client_ca=tls.ca,
            logs=self._find,
            note=self.notes.append,
        )
        self.api.start()

    def _find(self, namespace: str, pod: str, container: str, previous: bool) -> LogFile:
        self.asked.append((namespace, pod, container, previous))
        if previous:
            text = f'previous terminated container "{container}" in pod "{pod}" not found'
            raise LogMissing(text, 400)
        if pod == "broken":
            raise RuntimeError("odd")
        return LogFile(self.log, self.ended.is_set)

    def connect(
        self, certificate: str = "client", timeout: float = PATIENCE
    ) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.tls.ca))
        if certificate:
            pair = {
                "client": (self.tls.client, self.tls.client_key),
                "stranger": (self.tls.stranger, self.tls.stranger_key),
            }
            context.load_cert_chain(*pair[certificate])
        client = http.client.HTTPSConnection(
            "127.0.0.1", self.api.port, timeout=timeout, context=context
        )
        self.open.append(client)
        return client

    def get(self, path: str, method: str = "GET", certificate: str = "client") -> tuple[int, str]:
        client = self.connect(certificate)
        client.request(method, path)
        with client.getresponse() as answer:
            return answer.status, answer.read().decode()

    def follow(self, query: str = "") -> http.client.HTTPResponse:
        client = self.connect()
        client.request("GET", f"{PATH}?follow=true{query}")
        return client.getresponse()

    def write(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(text)

    def end(self) -> None:
        for client in self.open:
            client.close()
        self.api.stop()


@pytest.fixture
def served(tls: TlsFiles, tmp_path: Path) -> Iterator[Served]:
    before = threading.active_count()
    made = Served(tls, tmp_path / "shop.0.log")
    made.write(TEXT)
    yield made
    made.end()
    wait_for(lambda: threading.active_count() <= before)


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_log(served: Served) -> None:
    assert served.get(PATH) == (200, TEXT)
    assert served.asked == [("shop", "web-1", "shop", False)]
    assert served.notes == []


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("tailLines=1", LINES[3:]),
        ("tailLines=0", []),
        ("tailLines=99", LINES),
        ("sinceTime=2026-11-24T10:40:51Z", LINES[1:]),
        ("sinceTime=2026-11-24T10:40:51.001Z", LINES[3:]),
        ("sinceTime=2026-11-24T12:40:52%2B02:00", LINES[3:]),
        ("sinceSeconds=60", []),
        ("follow=false&stream=All", LINES),
    ],
)
def test_a_part_of_a_log(served: Served, query: str, lines: list[str]) -> None:
    assert served.get(f"{PATH}?{query}") == (200, "".join(f"{line}\n" for line in lines))


def test_the_last_seconds_of_a_log(served: Served) -> None:
    fresh = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.999Z fresh\n"
    served.write(fresh)
    assert served.get(f"{PATH}?sinceSeconds=60")[1] == fresh


def test_a_log_has_a_limit_of_bytes(served: Served) -> None:
    assert served.get(f"{PATH}?limitBytes=50")[1] == TEXT[:50]
    assert served.get(f"{PATH}?limitBytes=50&follow=true")[1] == TEXT[:50]


def test_each_line_has_its_time(served: Served) -> None:
    _, text = served.get(f"{PATH}?timestamps=true")
    assert text.splitlines() == [
        f"2026-11-24T10:40:50.336000000Z {LINES[0]}",
        f"2026-11-24T10:40:51.000000000Z {LINES[1]}",
        f"2026-11-24T10:40:51.000000000Z {LINES[2]}",
        f"2026-11-24T10:40:52.500000000Z {LINES[3]}",
    ]


@pytest.mark.parametrize(
    "query", ["tailLines=-1", "tailLines=x", "limitBytes=0", "sinceSeconds=0", "sinceTime=soon"]
)
def test_parameters_that_make_no_sense(served: Served, query: str) -> None:
    status, text = served.get(f"{PATH}?{query}")
    assert status == 400
    assert text


def test_there_is_no_such_log(served: Served) -> None:
    status, text = served.get(f"{PATH}?previous=true")
    assert status == 400
    assert text == 'previous terminated container "shop" in pod "web-1" not found'


def test_nothing_was_written_yet(served: Served) -> None:
    served.log.unlink()
    assert served.get(PATH) == (200, "")


def test_a_log_is_followed_to_its_end(served: Served) -> None:
    served.ended.clear()
    with served.follow("&tailLines=1") as answer:
        assert answer.readline().decode() == f"{LINES[3]}\n"
        served.write("one\ntw")
        assert answer.readline() == b"one\n"
        served.write("o\n")
        assert answer.readline() == b"two\n"
        served.write("last")
        served.ended.set()
        assert answer.read() == b"last"


def test_a_log_is_followed_before_it_exists(served: Served) -> None:
    served.ended.clear()
    served.log.unlink()
    with served.follow() as answer:
        served.write("first\n")
        assert answer.readline() == b"first\n"
        served.ended.set()
        assert answer.read() == b""


def test_whoever_leaves_is_not_followed_on(served: Served) -> None:
    served.ended.clear()
    with served.follow() as answer:
        answer.readline()
        assert served.api._connections
    served.open[-1].close()
    wait_for(lambda: not served.api._connections)


def test_a_connection_is_used_again(served: Served) -> None:
    client = served.connect()
    for _ in range(3):
        client.request("GET", PATH)
        with client.getresponse() as answer:
            assert answer.read().decode() == TEXT
    assert len(served.api._connections) == 1


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("what", ["exec", "attach", "portForward", "run", "checkpoint"])
def test_what_needs_a_container_is_refused(served: Served, what: str, method: str) -> None:
    status, text = served.get(f"/{what}/shop/web-1/shop?command=ls", method)
    assert status == 501
    assert text.startswith("this cluster runs processes, not containers, and cannot do ")
    assert text.endswith("or use a kind cluster")
    assert "\n" not in text


def test_other_paths(served: Served) -> None:
    assert served.get("/healthz") == (200, "ok")
    for path in ("/", "/pods", "/containerLogs/shop/web-1", "/metrics", "/logs/../etc/passwd"):
        assert served.get(path)[0] == 404
    assert served.get(PATH, "POST")[0] == 404
    assert served.get(PATH, "HEAD") == (404, "")


@pytest.mark.parametrize("certificate", ["", "stranger"])
def test_clients_need_a_certificate_of_the_cluster(served: Served, certificate: str) -> None:
    with pytest.raises(OSError, match=r"(?i)certificate|alert|reset|closed|EOF"):
        served.get(PATH, certificate=certificate)
    assert served.asked == []


def test_an_error_of_ours_is_told_and_the_server_lives(served: Served) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        served.get("/containerLogs/shop/broken/shop")
    assert "RuntimeError" in served.notes[0]
    assert served.get(PATH)[0] == 200


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" * 20])
def test_what_is_no_tls_does_not_stop_it(served: Served, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.api.port), PATIENCE) as odd:
        odd.sendall(said)
        assert served.get(PATH)[0] == 200  # also while that one does not shake hands
    assert served.notes == []


# ── nodes that fail ──────────────────────────────────────────────────────────────────────────────


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def test_switched_off_it_refuses_and_on_again_has_its_port(served: Served) -> None:
    served.ended.clear()
    port = served.api.port
    with served.follow() as answer:
        answer.readline()
        served.api.stop()
        assert refused(port)
        with suppress(http.client.IncompleteRead, OSError):
            answer.read()
            pytest.fail("the log ended as if the container had")
    served.api.stop()
    served.api.start()
    served.api.start()
    assert served.api.port == port
    served.ended.set()
    assert served.get(PATH)[0] == 200


def test_its_port_was_taken_meanwhile(served: Served) -> None:
    port = served.api.port
    served.api.stop()
    with socket.create_server(("127.0.0.1", port)):
        served.api.start()
    assert served.api.port != port
    assert served.get(PATH)[0] == 200


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_frozen_it_accepts_and_answers_nothing_until_thawed(served: Served) -> None:
    served.api.frozen = True
    answers: list[tuple[int, str]] = []
    client = in_thread(lambda: answers.append(served.get(PATH)))
    wait_for(lambda: bool(served.api._connections))
    client.join(0.1)
    assert client.is_alive()
    served.api.frozen = False
    client.join(PATIENCE)
    assert answers == [(200, TEXT)]


def test_frozen_it_stops_following(served: Served) -> None:
    served.ended.clear()
    with served.follow("&tailLines=0") as answer:
        served.api.frozen = True
        served.write("late\n")
        lines: list[bytes] = []
        client = in_thread(lambda: lines.append(answer.readline()))
        client.join(0.15)
        assert lines == []
        served.api.frozen = False
        client.join(PATIENCE)
        assert lines == [b"late\n"]
        served.ended.set()


def test_frozen_and_then_switched_off_it_lets_go(served: Served) -> None:
    served.api.frozen = True
    client = served.connect()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            client.request("GET", PATH)
        except OSError as error:
            failed.append(error)

    asking = in_thread(ask)
    wait_for(lambda: bool(served.api._connections))
    served.api.stop()
    asking.join(PATIENCE)
    assert failed
    assert refused(served.api.port)


# ── choosing lines ───────────────────────────────────────────────────────────────────────────────


@given(
    text=st.text(alphabet="ab\n", max_size=40),
    lines=st.integers(0, 12),
    block=st.integers(1, 9),
)
def test_the_tail_of_any_text(text: str, lines: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_lines, "_BLOCK", block)
        offset = tail_offset(BytesIO(text.encode()), lines)
    kept = text.splitlines(keepends=True)
    assert text[offset:] == "".join(kept[len(kept) - min(lines, len(kept)) :])


def test_a_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "_BLOCK", 7)
    file = tmp_path / "log"
    file.write_text(f"{TEXT}9999-99-99T99:99:99Z no date\n")
    with LogReader(file, LogOptions(since=0)) as reader:
        assert b"".join(reader.blocks(last=True)).decode() == file.read_text()
