"""The node agent's probes: one check, and the kubelet's words for it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from nodebynode.cluster.embedded.agent.probes import Outcome, Prober
from nodebynode.kube import Json

from tests.unit.running_shop import PATIENCE, Start
from tests.unit.tls_files import TlsFiles, make_tls_files

IP = "10.244.1.5"
PORT = 8080
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HTTP: Json = {"httpGet": {"path": "/ready", "port": PORT}}
TCP: Json = {"tcpSocket": {"port": PORT}}
URL = f"http://{IP}:{PORT}/ready"


def prober(probe: Json, local: int | None, kind: str = "readiness", age: float = 60) -> Prober:
    """Return a prober of a container that started `age` seconds ago."""
    return Prober(
        kind,
        probe,
        container={"name": "shop", "ports": [{"name": "http", "containerPort": PORT}]},
        pod_ip=IP,
        dial=lambda port: ("127.0.0.1", local) if local and port in (PORT, 80) else None,
        started_at=time.monotonic() - age,
    )


def run(work: Coroutine[object, object, object]) -> object:
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


def ask(answer: Answer | bytes, probe: Json, tls: ssl.SSLContext | None = None) -> Outcome:
    """Check a server that gives one answer to each connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if isinstance(answer, bytes):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
        writer.close()

    async def both() -> Outcome:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        async with server:
            return await prober(probe, server.sockets[0].getsockname()[1]).check()

    outcome = run(both())
    assert isinstance(outcome, Outcome)
    return outcome


def http(status: str, body: str = "", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on: held, so that nobody else gets it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


# ── one check ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "399 Odd"])
def test_an_answer_below_400_is_a_success(status: str) -> None:
    assert ask(http(status), HTTP).ok


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_answer_from_400_on_is_a_failure(status: int) -> None:
    outcome = ask(http(f"{status} No", "secret"), HTTP)
    assert outcome == Outcome(False, f"HTTP probe failed with statuscode: {status}")


def test_the_app_itself(start: Start) -> None:
    shop = start(SHOP_READY_AFTER_SECONDS="never")
    outcome = run(prober(HTTP, shop.port).check())
    assert outcome == Outcome(False, "HTTP probe failed with statuscode: 503")
    assert run(prober({"httpGet": {"path": "/healthz", "port": "http"}}, shop.port).check()).ok
    assert run(prober(TCP, shop.port).check()).ok


@pytest.mark.parametrize("probe", [HTTP, TCP])
def test_nobody_listens(probe: Json, closed_port: int) -> None:
    refused = f"dial tcp {IP}:{PORT}: connect: connection refused"
    text = f'Get "{URL}": {refused}' if probe is HTTP else refused
    for local in (None, closed_port):
        assert run(prober(probe, local).check()) == Outcome(False, text, refused=True)


def test_another_host_is_never_dialled() -> None:
    outcome = ask(http("200 OK"), {"httpGet": {"path": "/", "port": PORT, "host": "1.2.3.4"}})
    assert outcome.message == (
        f'Get "http://1.2.3.4:{PORT}/": dial tcp 1.2.3.4:{PORT}: connect: connection refused'
    )


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_in_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    linger = b"\x01\0\0\0\0\0\0\0"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (hang, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
        (
            hang_in_body,
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
        ),
        (close, "EOF"),
        (b"HTTP/1.1 200 OK\r\nA: b", "unexpected EOF"),
        (
            b"hello\r\n\r\n",
            'net/http: HTTP/1.x transport connection broken: malformed HTTP response "hello"',
        ),
        (
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
            "net/http: server response headers exceeded limit; aborted",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: " + b"b" * 99999 + b"\r\n\r\n",
            "net/http: server response headers exceeded limit; aborted",
        ),
    ],
)
def test_what_is_no_answer(answer: Answer | bytes, text: str) -> None:
    probe = {**HTTP, "timeoutSeconds": 0.3}
    assert ask(answer, probe) == Outcome(False, f'Get "{URL}": {text}')


def test_a_reset_connection() -> None:
    message = ask(reset, HTTP).message
    assert message.startswith(f'Get "{URL}": read tcp 10.244.1.1:')
    assert message.endswith(f"->{IP}:{PORT}: read: connection reset by peer")


def heard(action: Json) -> list[str]:
    """Return the lines of the request that a probe sends."""
    lines: list[str] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.extend((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n"))
        writer.write(http("200 OK"))

    assert ask(listen, {"httpGet": {"port": PORT, **action}}).ok
    return lines[:-2]


def test_the_request() -> None:
    assert heard({"path": "/ready?a=b c"}) == [
        "GET /ready?a=b%20c HTTP/1.1",
        f"Host: {IP}:{PORT}",
        "Accept: */*",
        "User-Agent: kube-probe/1.37",
        "Connection: close",
    ]


def test_the_probes_own_headers_win() -> None:
    given = {"host": "shop.example", "x-color": "red", "USER-AGENT": "", "Accept": "a/b"}
    headers = [{"name": name, "value": value} for name, value in given.items()]
    assert heard({"path": "ready", "httpHeaders": headers})[:-1] == [
        "GET /ready HTTP/1.1",
        "Host: shop.example",
        "Accept: a/b",
        "X-Color: red",
    ]


@pytest.mark.parametrize("path", ["/a\r\nEvil: 1", "//evil/a", "http://[", "/ü", "/%zz", ""])
def test_a_path_cannot_break_the_request(path: str) -> None:
    lines = heard({"path": path})
    assert len(lines) == 5
    assert lines[1] == f"Host: {IP}:{PORT}"


def test_a_header_cannot_break_the_request() -> None:
    headers = [{"name": "X", "value": "a\r\nEvil: 1"}]
    outcome = ask(http("200 OK"), {"httpGet": {**HTTP["httpGet"], "httpHeaders": headers}})
    assert outcome.message == f'Get "{URL}": net/http: invalid header field value for "X"'


def redirect(location: str) -> Outcome:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readuntil(b"\r\n\r\n")
        there = first.startswith(b"GET /there")
        writer.write(http("404 No") if there else http("302 Found", "go", Location=location))

    return ask(answer, HTTP)


@pytest.mark.parametrize("location", ["/there", "there", f"http://{IP}:{PORT}/there"])
def test_a_redirect_on_the_same_host_is_followed(location: str) -> None:
    assert redirect(location).message == "HTTP probe failed with statuscode: 404"


def test_a_redirect_to_another_host_is_a_success() -> None:
    assert redirect("http://example.org/") == Outcome(
        True, "Probe terminated redirects, Response body: go"
    )


def test_redirects_without_end() -> None:
    assert redirect("/ready").message == f'Get "{URL}": stopped after 10 redirects'


@pytest.mark.parametrize("location", ["http://[", f"http://{IP}:99999999/", f"ftp://{IP}/"])
def test_a_redirect_to_nonsense_is_a_failure(location: str) -> None:
    outcome = redirect(location)
    assert not outcome.ok
    assert outcome.counts


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ({"httpGet": {"path": "/", "port": "web"}}, 'port "web" not found'),
        ({"tcpSocket": {"port": 0}}, "invalid port number: 0"),
        ({}, "missing probe handler for shop"),
    ],
)
def test_what_cannot_be_asked_does_not_count(probe: Json, text: str) -> None:
    assert run(prober(probe, None).check()) == Outcome(False, text, counts=False)


@pytest.fixture
def tls(tmp_path: Path) -> TlsFiles:
    return make_tls_files(tmp_path)


def test_https_takes_any_certificate(tls: TlsFiles) -> None:
    probe = {"httpGet": {**HTTP["httpGet"], "scheme": "HTTPS"}}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.server, tls.server_key)
    assert ask(http("200 OK"), probe, context).ok


def test_https_where_http_is_spoken(start: Start) -> None:
    probe = {"httpGet": {**HTTP["httpGet"], "scheme": "HTTPS"}}
    outcome = run(prober(probe, start().port).check())
    assert outcome.message == (
        f'Get "https://{IP}:{PORT}/ready": http: server gave HTTP response to HTTPS client'
    )
