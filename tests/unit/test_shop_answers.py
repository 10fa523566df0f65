"""What `shop` answers, how it starts, and how it fails when it is told to."""

from __future__ import annotations

import ast
import http.client
import json
import re
import socket
import time

import pytest

from tests.unit.running_shop import LINE, PATIENCE, SHOP, Start

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
