"""`shop` as a real process on 127.0.0.1: what a lab relies on, seen by a client's own eyes."""

from __future__ import annotations

import ast
import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nodebynode.app
import pytest

APP = Path(nodebynode.app.__file__).parent
SHOP = APP / "shop.py"
PATIENCE = 5.0  # seconds; a bound for a wait that normally ends in milliseconds
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S.*")


class Client:
    """One keep-alive connection, spoken to by hand so that nothing is retried or reopened."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.sock.makefile("rb")

    def send(self, path: str = "/", method: str = "GET", headers: str = "") -> None:
        self.sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: shop\r\n{headers}\r\n".encode())

    def receive(self, body: bool = True) -> tuple[int, dict[str, str], str]:
        """Status, headers and body; status 0 when the connection was closed instead."""
        first = self.file.readline()
        if not first:
            return 0, {}, ""
        headers = {}
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        text = self.file.read(int(headers["content-length"])).decode() if body else ""
        return int(first.split()[1]), headers, text

    def get(self, path: str = "/") -> tuple[int, dict[str, str], str]:
        self.send(path)
        return self.receive()

    def is_closed(self) -> bool:
        """Waits for the other side; True when it has closed, False when it sent something."""
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Shop:
    """A running shop, its output so far, and the clients that a test has opened."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(SHOP)],
            env={"SHOP_BIND": "127.0.0.1", "SHOP_PORT": "0", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.more = threading.Condition()
        self.clients: list[Client] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()

    def wait_line(self, text: str, count: int = 1) -> str:
        """Waits until `count` lines have `text`, and returns the last of them."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self.more:
            seen = self.more.wait_for(lambda: len(found()) >= count, PATIENCE)
            assert seen, f"no {text!r} in {self.lines}"
            return found()[count - 1]

    @property
    def port(self) -> int:
        return int(self.wait_line(" started: ").rsplit(" ", 1)[1])

    def connect(self) -> Client:
        client = Client(self.port)
        self.clients.append(client)
        return client

    def sigterm(self, then: str = " SIGTERM: ") -> str:
        """Sends SIGTERM and waits for the next line that has `then`."""
        before = sum(then in line for line in self.lines)
        self.process.send_signal(signal.SIGTERM)
        return self.wait_line(then, before + 1)

    def exit_code(self) -> int:
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code

    def stderr(self) -> str:
        assert self.process.stderr
        return self.process.stderr.read()

    def end(self) -> None:
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


Start = Callable[..., Shop]


@pytest.fixture
def start() -> Iterator[Start]:
    shops: list[Shop] = []

    def start_one(**env: str) -> Shop:
        shops.append(Shop(env))
        return shops[-1]

    yield start_one
    for shop in shops:
        shop.end()


def wait_for(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s"
        time.sleep(0.01)


# --- What it answers ---


def test_home_says_who_answers_and_counts(start: Start) -> None:
    shop = start(SHOP_VERSION="v1", POD_NAME="shop-abc", NODE_NAME="worker-2")
    client = shop.connect()
    status, headers, body = client.get("/?a=b")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert body.endswith("}\n")
    me = {"app": "shop", "version": "v1", "pod": "shop-abc", "node": "worker-2"}
    assert json.loads(body) == me | {"served": 1}
    assert json.loads(client.get()[2])["served"] == 2


def test_defaults(start: Start) -> None:
    about = json.loads(start().connect().get()[2])
    assert about["version"] == "dev"
    assert about["pod"] == socket.gethostname()
    assert about["node"] == "unknown"


def test_a_connection_is_kept_for_a_standard_client(start: Start) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", start().port, timeout=PATIENCE)
    try:
        addresses = set()
        for path in ("/", "/ready", "/healthz", "/nothing", "/"):
            connection.request("GET", path)
            assert connection.sock
            addresses.add(connection.sock.getsockname())
            connection.getresponse().read()
        assert len(addresses) == 1
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ready", 200),
        ("GET", "/healthz", 200),
        ("GET", "/healthz/", 404),
        ("GET", "/favicon.ico", 404),
        ("DELETE", "/", 404),
    ],
)
def test_paths(start: Start, method: str, path: str, status: int) -> None:
    client = start().connect()
    client.send(path, method)
    answer = client.receive()
    assert answer[0] == status
    assert answer[2].endswith("\n")


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/ready", 200), ("/no", 404)])
def test_head_is_get_without_its_body(start: Start, path: str, status: int) -> None:
    client = start().connect()
    client.send(path, "HEAD")
    seen, headers, _ = client.receive(body=False)
    assert seen == status
    # A body would stand where the next answer starts.
    assert client.get("/healthz")[0] == 200
    if path != "/":
        assert int(headers["content-length"]) == len(client.get(path)[2])


def test_a_client_that_asks_for_it_is_closed(start: Start) -> None:
    client = start().connect()
    client.send(headers="Connection: close\r\n")
    status, headers, _ = client.receive()
    assert (status, headers["connection"]) == (200, "close")
    assert client.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET /" + b"a" * 9000,
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\n"
        + b"a: b\r\nc: d\r\n"
        + b"".join(b"h%d: x\r\n" % n for n in range(101)),
    ],
)
def test_what_is_not_a_plain_request_is_refused(start: Start, data: bytes) -> None:
    shop = start()
    client = shop.connect()
    client.sock.sendall(data)
    status, headers, _ = client.receive()
    assert (status, headers["connection"]) == (400, "close")
    assert " failed: 400" in shop.wait_line("failed")
    assert shop.connect().get()[0] == 200


def test_requests_are_answered_at_the_same_time(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="0.5")
    clients = [shop.connect() for _ in range(8)]
    begin = time.monotonic()
    for client in clients:
        client.send()
    assert [client.receive()[0] for client in clients] == [200] * 8
    assert 0.5 <= time.monotonic() - begin < 2


def test_a_client_that_leaves_early_harms_nobody(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="0.2")
    client = shop.connect()
    # Sent in one piece, so that the shop has both once it answers the first.
    request = b"GET %s HTTP/1.1\r\n\r\n"
    client.sock.sendall(request % b"/healthz" + request % b"/")
    client.receive()
    # Linger 0: closing sends a reset, as a client's time limit or a crash would.
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert "its client left" in shop.wait_line(" failed: ")
    assert shop.connect().get()[0] == 200


# --- Starting, readiness, crashes, errors ---


def test_log_of_a_quiet_life(start: Start) -> None:
    shop = start(SHOP_VERSION="v9")
    client = shop.connect()
    for path in ("/", "/ready", "/healthz", "/nothing"):
        client.get(path)
    shop.sigterm()
    assert shop.exit_code() == 0
    assert all(LINE.fullmatch(line) for line in shop.lines)
    words = [line.split()[1].rstrip(":") for line in shop.lines]
    assert words == ["started", "ready", "failed", "SIGTERM", "stopping", "exit"]
    assert "version v9" in shop.lines[0]
    assert "'/nothing' is answered 404" in shop.lines[2]
    assert shop.stderr() == ""


def test_it_starts_fast(start: Start) -> None:
    # 25 ms alone; the bound is for a busy machine. The import list is what keeps it so.
    tree = ast.parse(SHOP.read_text())
    imports = {n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)}
    assert not imports & {"asyncio", "http.server", "typing", "dataclasses", "logging", "random"}
    begin = time.monotonic()
    assert start().port
    assert time.monotonic() - begin < 2


def test_it_listens_only_after_its_startup(start: Start) -> None:
    begin = time.monotonic()
    shop = start(SHOP_STARTUP_SECONDS="0.5")
    assert "listens in 0.5 s" in shop.wait_line(" starting: ")
    assert len(shop.lines) == 1
    assert shop.connect().get()[0] == 200
    assert time.monotonic() - begin >= 0.5


@pytest.mark.parametrize("mode", ["finish", "exit", "drain"])
def test_sigterm_ends_a_startup(start: Start, mode: str) -> None:
    shop = start(SHOP_STARTUP_SECONDS="60", SHOP_ON_SIGTERM=mode)
    shop.wait_line(" starting: ")
    assert "not listening yet" in shop.sigterm()
    assert shop.exit_code() == 0


def test_sigterm_ignored_in_startup(start: Start) -> None:
    shop = start(SHOP_STARTUP_SECONDS="0.5", SHOP_ON_SIGTERM="ignore")
    shop.wait_line(" starting: ")
    assert "ignored" in shop.sigterm()
    assert shop.connect().get()[0] == 200


def test_it_becomes_ready_later(start: Start) -> None:
    client = (shop := start(SHOP_READY_AFTER_SECONDS="0.5")).connect()
    status, _, reason = client.get("/ready")
    assert status == 503
    assert re.fullmatch(r"not ready; ready in 0\.\d s\n", reason)
    assert client.get()[0] == 200  # a cold pod answers those who do not ask whether it is ready
    shop.wait_line(" ready: ")
    assert client.get("/ready")[::2] == (200, "ready\n")


def test_it_never_becomes_ready(start: Start) -> None:
    shop = start(SHOP_READY_AFTER_SECONDS="never")
    client = shop.connect()
    assert client.get("/ready")[::2] == (503, "not ready; ready never\n")
    assert client.get("/healthz")[0] == 200
    shop.sigterm()
    assert shop.exit_code() == 0
    assert not [line for line in shop.lines if " ready: " in line or " failed: " in line]


@pytest.mark.parametrize("startup", ["0", "60"])
def test_it_crashes(start: Start, startup: str) -> None:
    shop = start(SHOP_CRASH_AFTER_SECONDS="0.3", SHOP_STARTUP_SECONDS=startup)
    assert shop.exit_code() == 1
    assert re.fullmatch(LINE.pattern + r"0\.3\n", shop.stderr())
    assert shop.lines[-1].endswith(" exit: code 1")


def test_it_crashes_while_it_stops_too(start: Start) -> None:
    shop = start(SHOP_CRASH_AFTER_SECONDS="0.4", SHOP_ON_SIGTERM="drain")
    shop.connect().get()
    shop.sigterm()
    assert shop.exit_code() == 1


@pytest.mark.parametrize(("rate", "fails"), [("0", 0), ("0.5", 10), ("0.25", 5), ("1", 20)])
def test_error_rate(start: Start, rate: str, fails: int) -> None:
    shop = start(SHOP_ERROR_RATE=rate)
    client = shop.connect()
    answers = [client.get() for _ in range(20)]
    bad = [json.loads(body) for status, _, body in answers if status == 500]
    assert len(bad) == fails
    assert all(body["error"] and "served" not in body for body in bad)
    good = [json.loads(body)["served"] for status, _, body in answers if status == 200]
    assert good == list(range(1, 21 - fails))
    assert client.get("/ready")[0] == client.get("/healthz")[0] == 200
    if fails:
        assert "'/' is answered 500" in shop.wait_line(" failed: ", count=fails)


# --- SIGTERM, as seen by an idle connection, a request in flight and a new connection ---


def test_finish(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="1")
    idle, busy = shop.connect(), shop.connect()
    for client in (idle, busy):
        assert "connection" not in client.get("/healthz")[1]
    busy.send()
    assert "connections open: 2" in shop.sigterm()
    shop.wait_line(" stopping: ")
    with pytest.raises(ConnectionRefusedError):
        shop.connect()
    assert idle.is_closed()
    assert shop.process.poll() is None
    # A second SIGTERM changes nothing. Only repeating it can tell when the request was read.
    wait_for(lambda: "in flight: 1" in shop.sigterm("already stopping"))
    status, headers, _ = busy.receive()
    assert (status, headers["connection"]) == (200, "close")
    assert busy.is_closed()
    assert shop.exit_code() == 0


def test_finish_with_nothing_open_ends_at_once(start: Start) -> None:
    shop = start()
    assert shop.port
    shop.sigterm()
    assert shop.exit_code() == 0


def test_exit_cuts_everything(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="1", SHOP_ON_SIGTERM="exit")
    idle, busy = shop.connect(), shop.connect()
    for client in (idle, busy):
        client.get("/healthz")
    busy.send()
    assert "exits at once" in shop.sigterm()
    assert shop.exit_code() == 0
    assert idle.is_closed()
    # A reset is what a client sees when its request had not been read yet.
    with contextlib.suppress(ConnectionResetError):
        assert busy.receive()[0] == 0
    with pytest.raises(ConnectionRefusedError):
        shop.connect()


def test_ignore_goes_on_as_before(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="0.2", SHOP_ON_SIGTERM="ignore")
    client = shop.connect()
    client.send()
    for _ in range(3):
        assert "ignored" in shop.sigterm()
    for _ in range(2):
        status, headers, _ = client.receive()
        assert status == 200
        assert "connection" not in headers
        client.send()
    status, headers, _ = shop.connect().get()
    assert status == 200
    assert "connection" not in headers
    assert shop.process.poll() is None


def test_no_sigterm_goes_unnoticed(start: Start) -> None:
    # A signal that meets the main thread on its way to sleep is easily lost.
    shop = start(SHOP_ON_SIGTERM="ignore")
    assert shop.port
    for _ in range(200):
        shop.sigterm()


def test_drain_serves_until_its_clients_have_gone(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="1", SHOP_ON_SIGTERM="drain")
    idle, busy = shop.connect(), shop.connect()
    for client in (idle, busy):
        client.get("/healthz")
    busy.send()
    assert "connections open: 2" in shop.sigterm()
    # A new connection is served; so is the one that was open, and each learns that it must go.
    new = shop.connect()
    for client, path in ((new, "/ready"), (busy, ""), (idle, "/healthz")):
        status, headers, _ = client.get(path) if path else client.receive()
        assert (status, headers["connection"]) == (200, "close")
        assert client.is_closed()
    begin = time.monotonic()
    assert shop.exit_code() == 0
    assert time.monotonic() - begin > 0.4
    assert "all clients have gone" in shop.wait_line(" stopping: ")


def test_drain_starts_its_half_second_anew_with_each_client(start: Start) -> None:
    shop = start(SHOP_ON_SIGTERM="drain")
    assert shop.port
    shop.sigterm()
    begin = time.monotonic()
    while time.monotonic() - begin < 0.9:
        assert shop.connect().get()[0] == 200
        time.sleep(0.1)  # the pace of the clients is what is tested
    assert shop.exit_code() == 0


def test_drain_waits_for_an_open_connection(start: Start) -> None:
    shop = start(SHOP_ON_SIGTERM="drain")
    client = shop.connect()
    client.get()
    shop.sigterm()
    with pytest.raises(subprocess.TimeoutExpired):
        shop.process.wait(0.7)
    client.close()
    assert shop.exit_code() == 0


def test_sigterm_under_load_loses_only_what_its_mode_loses(start: Start) -> None:
    shop = start(SHOP_ON_SIGTERM="drain")
    port = shop.port
    lost: list[str] = []
    answers: list[int] = []
    enough = threading.Event()

    def use() -> None:
        client = None
        while not enough.is_set():
            try:
                client = client or Client(port)
                status, headers, _ = client.get()
                answers.append(status)
                if "connection" in headers:
                    client.close()
                    client = None
            except OSError as error:
                lost.append(repr(error))
        if client:
            client.close()

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    try:
        wait_for(lambda: len(answers) > 200)
        shop.sigterm()
        seen = len(answers)
        wait_for(lambda: len(answers) > seen + 200)
    finally:
        enough.set()
        for user in users:
            user.join(PATIENCE)
    assert shop.exit_code() == 0
    assert not lost
    assert set(answers) == {200}


def test_ctrl_c_leaves_no_traceback(start: Start) -> None:
    shop = start()
    assert shop.port
    shop.process.send_signal(signal.SIGINT)
    assert shop.exit_code() == 130
    assert shop.stderr() == ""


# --- Settings ---

BAD = [
    ("SHOP_VERSION", "", "1 to 253 printable"),
    ("SHOP_VERSION", "v\n1", "1 to 253 printable"),
    ("POD_NAME", "", "1 to 253 printable"),
    ("NODE_NAME", "n" * 254, "1 to 253 printable"),
    ("SHOP_BIND", "localhost", "an IP address"),
    ("SHOP_BIND", "", "an IP address"),
    ("SHOP_BIND", "127.0.0.256", "an IP address"),
    ("SHOP_PORT", "", "0 to 65535"),
    ("SHOP_PORT", "http", "0 to 65535"),
    ("SHOP_PORT", "-1", "0 to 65535"),
    ("SHOP_PORT", "65536", "0 to 65535"),
    ("SHOP_PORT", "9" * 5000, "0 to 65535"),
    ("SHOP_STARTUP_SECONDS", "-1", "0 to 86400"),
    ("SHOP_STARTUP_SECONDS", "never", "0 to 86400"),
    ("SHOP_STARTUP_SECONDS", "nan", "0 to 86400"),
    ("SHOP_READY_AFTER_SECONDS", "soon", "or the word never"),
    ("SHOP_READY_AFTER_SECONDS", "inf", "or the word never"),
    ("SHOP_WORK_SECONDS", "1s", "0 to 86400"),
    ("SHOP_WORK_SECONDS", "1e300", "0 to 86400"),
    ("SHOP_ERROR_RATE", "1.1", "0 to 1"),
    ("SHOP_ERROR_RATE", "50%", "0 to 1"),
    ("SHOP_CRASH_AFTER_SECONDS", "-0.1", "or the word never"),
    ("SHOP_CRASH_AFTER_SECONDS", "", "or the word never"),
    ("SHOP_ON_SIGTERM", "FINISH", "finish, exit, ignore, drain"),
    ("SHOP_ON_SIGTERM", "", "finish, exit, ignore, drain"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_bad_value_is_one_clear_line(start: Start, name: str, value: str, allowed: str) -> None:
    shop = start(**{name: value})
    assert shop.exit_code() == 2
    text = shop.stderr()
    assert LINE.fullmatch(text.rstrip("\n"))
    assert text.count("\n") == 1
    assert f"{name} is {value!r}; it must be " in text
    assert allowed in text
    assert shop.lines == []


def test_a_port_in_use_is_one_clear_line(start: Start) -> None:
    taken = start().port
    shop = start(SHOP_PORT=str(taken))
    assert shop.exit_code() == 2
    text = shop.stderr()
    assert text.count("\n") == 1
    assert f"SHOP_PORT {taken}" in text


def test_a_service_called_shop_does_not_stop_it(start: Start) -> None:
    # Kubernetes writes this into every pod that starts after a Service called `shop` exists. The
    # default port may be taken on this machine; what counts is that 8080 was meant.
    shop = start(SHOP_PORT="tcp://10.96.0.1:80")
    wait_for(lambda: bool(shop.lines) or shop.process.poll() is not None)
    text = shop.lines[0] if shop.lines else shop.stderr()
    assert re.search(r"(port|SHOP_PORT) 8080", text)


# --- What its image needs ---


def test_it_needs_nothing_but_the_standard_library() -> None:
    for node in ast.walk(ast.parse(SHOP.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_dockerfile_fits_old_builders_and_the_app() -> None:
    lines = (APP / "Dockerfile").read_text().splitlines()
    steps = [line for line in lines if line and not line.startswith(("#", " "))]
    assert steps[:2] == ["ARG BASE=python:3.13-slim", "FROM ${BASE}"]
    assert "USER 65534:65534" in steps
    assert not [line for line in lines if "<<" in line or "--mount" in line or "--chmod" in line]
    baked = re.findall(r"(SHOP_\w+)=", "\n".join(lines))
    assert baked == [
        "SHOP_VERSION",
        "SHOP_CRASH_AFTER_SECONDS",
        "SHOP_READY_AFTER_SECONDS",
        "SHOP_ERROR_RATE",
    ]
    assert all(f'"{name}"' in SHOP.read_text() for name in baked)
    entry = next(line for line in steps if line.startswith("ENTRYPOINT"))
    assert json.loads(entry.removeprefix("ENTRYPOINT "))[-1] == "/shop.py"
