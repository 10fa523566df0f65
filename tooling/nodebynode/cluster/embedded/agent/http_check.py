"""One HTTP or TCP check of a probe, and its failures in the words of Go's net/http.

Rules: kubernetes `pkg/probe/http` (http.go, request.go) and `pkg/probe/tcp`.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, quote, urljoin, urlsplit

Dial = Callable[[int], tuple[str, int] | None]
"""Returns the local address of a Pod's port; None when nobody listens there."""

USER_AGENT = "kube-probe/1.37"
_MOST_REDIRECTS = 10
_MOST_BODY = 10 * 1024
_MOST_HEADERS = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "trailer"})
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d (\d{3})(?: .*)?")
_LATE_HEAD = "Client.Timeout exceeded while awaiting headers"
_LATE_BODY = "Client.Timeout or context cancellation while reading body"
_SAFE = "/:@!$&'()*+,;=~%-._[]"


class CheckFailed(Exception):
    """The check did not succeed; the text is the kubelet's."""


class Refused(CheckFailed):
    """Nobody listened."""


@dataclass(slots=True)
class _Progress:
    """How far a check has come."""

    url: str
    headers: list[tuple[str, str]]
    late: str = _LATE_HEAD


def url(scheme: str, host: str, port: int, path: str) -> str:
    """Return the address that a probe asks, as Go writes it."""
    try:
        parts = urlsplit(path)
    except ValueError:  # Go takes what it cannot read as a path
        parts = SplitResult("", "", path, "", "")
    if not parts.path.startswith("/"):
        parts = parts._replace(path=f"/{parts.path}")
    return f"{scheme}://{_address(host, port)}{_where(parts)}"


async def connect(host: str, port: int, dial: Dial, timeout: float) -> None:
    """Open a connection and close it again.

    Raises:
        CheckFailed: it could not be opened within `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            _, writer = await _open(host, port, dial)
    except TimeoutError as error:
        raise CheckFailed(f"dial tcp {_address(host, port)}: i/o timeout") from error
    writer.close()


async def get(address: str, headers: Sequence[tuple[str, str]], dial: Dial, timeout: float) -> str:
    """Send a GET, following redirects on the same host.

    Args:
        address: The URL.
        headers: The probe's own headers.
        dial: Where the host's ports are.
        timeout: Seconds for all of it.

    Returns:
        Nothing, or what is odd about the answer although it counts as a success.

    Raises:
        CheckFailed: there was no answer, or one of 400 and more.
    """
    progress = _Progress(address, list(headers))
    try:
        async with asyncio.timeout(timeout):
            status, odd = await _follow(progress, dial)
    except TimeoutError as error:
        why = f"context deadline exceeded ({progress.late})"
        raise CheckFailed(f'Get "{progress.url}": {why}') from error
    except CheckFailed as error:
        raise type(error)(f'Get "{progress.url}": {error}') from error
    if 200 <= status < 400:
        return odd
    # The body is left out on purpose, by the kubelet too: it may hold what events must not.
    raise CheckFailed(f"HTTP probe failed with statuscode: {status}")


async def _follow(progress: _Progress, dial: Dial) -> tuple[int, str]:
    """Ask until there is an answer that is no redirect on the same host."""
    first = urlsplit(progress.url)
    for _ in range(_MOST_REDIRECTS):
        status, location, body = await _ask(progress, dial)
        if status not in _REDIRECTS or not location:
            odd = f"Probe terminated redirects, Response body: {body}" if status >= 300 else ""
            return status, odd
        try:
            target = urljoin(progress.url, location)
            elsewhere = urlsplit(target).hostname != first.hostname
        except ValueError as error:
            raise CheckFailed(f'failed to parse Location header "{location}"') from error
        if elsewhere:
            return status, f"Probe terminated redirects, Response body: {body}"
        if urlsplit(location).netloc:  # an absolute redirect names the host anew
            progress.headers = [one for one in progress.headers if one[0].lower() != "host"]
        progress.url = target
    raise CheckFailed(f"stopped after {_MOST_REDIRECTS} redirects")


async def _ask(progress: _Progress, dial: Dial) -> tuple[int, str, str]:
    """Send one GET; returns status, Location and the beginning of the body."""
    parts = urlsplit(progress.url)
    if parts.scheme not in ("http", "https"):
        raise CheckFailed(f'unsupported protocol scheme "{parts.scheme}"')
    request = _request(parts, progress.headers)
    host = parts.hostname or ""
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise CheckFailed("invalid port in redirect") from error
    progress.late = _LATE_HEAD
    reader, writer = await _open(host, port, dial, tls=parts.scheme == "https")
    try:
        writer.write(request)
        status, answered = await _head(reader)
        progress.late = _LATE_BODY
        body = await _body(reader, answered)
        return status, answered.get("location", ""), body.decode(errors="replace")
    except (ConnectionError, ssl.SSLError) as error:
        here = writer.get_extra_info("sockname")[1]
        gateway = host.rpartition(".")[0] + ".1" if host.count(".") == 3 else host
        way = f"{_address(gateway, here)}->{_address(host, port)}"
        raise CheckFailed(f"read tcp {way}: read: {_errno_words(error)}") from error
    finally:
        writer.close()


def _request(parts: SplitResult, given: Sequence[tuple[str, str]]) -> bytes:
    """Return the request; an empty User-Agent or Accept is a wish to send none."""
    host, headers = parts.netloc, dict[str, list[str]]()
    for name, value in given:
        if _BAD_VALUE.search(value):
            raise CheckFailed(f'net/http: invalid header field value for "{name}"')
        if name.lower() == "host":
            host = value or host
        elif name.lower() not in _OURS:
            canonical = "-".join(word.capitalize() for word in name.split("-"))
            headers.setdefault(canonical, []).append(value)
    for name, value in (("User-Agent", USER_AGENT), ("Accept", "*/*")):
        if headers.setdefault(name, [value]) == [""]:
            del headers[name]
    lines = [f"GET {_where(parts)} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name in sorted(headers) for value in headers[name]]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode(errors="replace")


def _where(parts: SplitResult) -> str:
    query = f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else ""
    return quote(parts.path or "/", safe=_SAFE) + query


async def _open(
    host: str, port: int, dial: Dial, *, tls: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to where a Pod's port is on this machine."""
    local = dial(port)
    where = f"dial tcp {_address(host, port)}"
    if local is None:
        raise Refused(f"{where}: connect: connection refused")
    context = _unverified() if tls else None
    shutdown = 1.0 if tls else None
    try:
        return await asyncio.open_connection(
            *local, ssl=context, server_hostname="" if tls else None, ssl_shutdown_timeout=shutdown
        )
    except ConnectionRefusedError as error:
        raise Refused(f"{where}: connect: connection refused") from error
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
            raise CheckFailed("http: server gave HTTP response to HTTPS client") from error
        raise CheckFailed(
            f"tls: {(error.reason or str(error)).replace('_', ' ').lower()}"
        ) from error
    except (ConnectionResetError, BrokenPipeError) as error:
        raise CheckFailed("EOF") from error
    except OSError as error:
        raise CheckFailed(f"{where}: connect: {_errno_words(error)}") from error


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read status line and headers."""
    first = await _line(reader)
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        shown = first[:200].decode(errors="replace").replace('"', '\\"')
        broken = "net/http: HTTP/1.x transport connection broken"
        raise CheckFailed(f'{broken}: malformed HTTP response "{shown}"')
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = await _line(reader, "unexpected EOF")
        if not line:
            return int(match[1]), headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise CheckFailed("net/http: server response headers exceeded limit; aborted")


async def _line(reader: asyncio.StreamReader, at_end: str = "EOF") -> bytes:
    try:
        line = await reader.readline()
    except ValueError as error:  # longer than the reader's limit
        raise CheckFailed("net/http: server response headers exceeded limit; aborted") from error
    if not line.endswith(b"\n"):
        raise CheckFailed("unexpected EOF" if line else at_end)
    return line.rstrip(b"\r\n")


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """Return the beginning of an answer's body; chunks are not taken apart."""
    length = headers.get("content-length", "")
    most = min(int(length), _MOST_BODY) if length.isascii() and length.isdigit() else _MOST_BODY
    if "transfer-encoding" in headers:
        return b""
    try:
        return await reader.readexactly(most)
    except asyncio.IncompleteReadError as error:
        return error.partial


@cache
def _unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate, as a kubelet's probes do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _errno_words(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error).lower()
