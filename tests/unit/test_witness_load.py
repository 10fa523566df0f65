"""A load against servers that misbehave in all the ways there are: each request once, and told."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.witness import Plan, Traffic, load
from nodebynode.witness.load import Load, wait_known
from nodebynode.witness.log import Log
from nodebynode.witness.pacing import Lag
from nodebynode.witness.traffic import percentile

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Serve = Callable[[Reader, Writer], Awaitable[None]]
TOLD = {"app": "shop", "pod": "web-1", "node": "worker2", "version": "v3", "served": 4}


def sent(path: Path, serve: Serve | None, *, seconds: float = 0.4, **plan: float) -> Traffic:
    """Run a load of 50 a second on a server that treats connections so; None refuses them."""

    handled: list[asyncio.Task[None]] = []

    async def handle(reader: Reader, writer: Writer) -> None:
        handled.append(asyncio.current_task())
        try:
            await (serve or good)(reader, writer)
            await reader.read()
        finally:
            writer.transport.abort()

    async def run() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if serve is None:
            server.close()
        file = path / "log.jsonl"
        file.touch()
        log = Log(file)
        try:
            await Load(Plan(f"http://127.0.0.1:{port}", seconds=seconds, **plan), log).run()
        finally:
            log.close()
            server.close()
            await asyncio.gather(*handled, return_exceptions=True)

    asyncio.run(run())
    return Traffic.read(path / "log.jsonl")


def outcomes(traffic: Traffic) -> Counter[str]:
    return Counter(one.outcome for one in traffic.requests)


def answer(status: int = 200, *, close: bool = False) -> bytes:
    body = json.dumps(TOLD)
    more = "Connection: close\r\n" if close else ""
    head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return (head + body).encode()


async def requests_on(reader: Reader) -> int:
    """Wait for one more request; 0 when the client has closed."""
    try:
        return len(await reader.readuntil(b"\r\n\r\n"))
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0


async def good(reader: Reader, writer: Writer) -> None:
    while await requests_on(reader):
        writer.write(answer())
    writer.close()


def once(data: bytes, *, reset: bool = False) -> Serve:
    """Say something to the first request on each connection, and close."""

    async def serve(reader: Reader, writer: Writer) -> None:
        await requests_on(reader)
        writer.write(data)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    return serve


def test_a_good_answer_is_told_with_who_gave_it(tmp_path: Path) -> None:
    traffic = sent(tmp_path, good)
    assert outcomes(traffic) == {"ok": 20}
    one = traffic.requests[0]
    assert (one.pod, one.node, one.version, one.kept) == ("web-1", "worker2", "v3", False)
    assert [one.number for one in traffic.requests] == list(range(1, 21))
    assert len({one.connection for one in traffic.requests}) == 20
    assert traffic.cut == ""
    assert set(traffic.lag_ms) == {50, 99}


@pytest.mark.parametrize(
    ("outcome", "serve"),
    [
        ("refused", None),
        ("reset", once(b"", reset=True)),
        ("empty answer", once(b"")),
        ("cut short", once(answer()[:20])),
        ("cut short", once(answer()[:-5])),
        ("500", once(answer(500))),
        ("no HTTP", once(b"SSH-2.0-OpenSSH\r\n\r\n")),
        ("ok", once(answer().replace(b"Content-Length", b"X"))),
        ("ok", once(answer().replace(b"{", b"["))),
    ],
)
def test_each_failure_has_its_word(tmp_path: Path, outcome: str, serve: Serve | None) -> None:
    assert outcomes(sent(tmp_path, serve)) == {outcome: 20}


def test_an_error_tells_its_pod(tmp_path: Path) -> None:
    assert {one.pod for one in sent(tmp_path, once(answer(500))).requests} == {"web-1"}


def test_who_does_not_answer_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "TIMEOUT", 0.3)

    async def hang(reader: Reader, writer: Writer) -> None:
        await reader.read(-1)
        writer.close()

    traffic = sent(tmp_path, hang)
    assert outcomes(traffic) == {"timed out": 20}
    assert all(one.ms >= 300 for one in traffic.requests)


def test_no_request_waits_for_another(tmp_path: Path) -> None:
    """The server answers none until it has all of them: a closed loop would never get on."""
    waiting: list[Writer] = []

    async def answer_all_at_once(reader: Reader, writer: Writer) -> None:
        await requests_on(reader)
        waiting.append(writer)
        if len(waiting) == 20:
            for one in waiting:
                one.write(answer())

    assert outcomes(sent(tmp_path, answer_all_at_once)) == {"ok": 20}


# ── kept connections ─────────────────────────────────────────────────────────────────────────


def test_kept_connections_are_used_in_turn(tmp_path: Path) -> None:
    traffic = sent(tmp_path, good, keep_alive=4)
    assert [one.kept for one in traffic.requests[:4]] == [False] * 4
    used = Counter(one.connection for one in traffic.requests if one.kept)
    assert set(used) == {1, 2, 3, 4}
    assert min(used.values()) >= 2


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_dropped_connection_is_one_loss_and_no_retry(tmp_path: Path, reset: bool) -> None:
    """Each third request on a connection is read, and answered by closing without a word."""
    heard: list[int] = []

    async def drop(reader: Reader, writer: Writer) -> None:
        for number in range(3):
            if not await requests_on(reader):
                break
            heard.append(number)
            if number < 2:
                writer.write(answer())
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    traffic = sent(tmp_path, drop, seconds=0.6, keep_alive=2)
    assert len(heard) == len(traffic.requests) == 30
    lost = traffic.of("lost")
    assert {one.outcome for one in lost} == {"reset" if reset else "empty answer"}
    assert len(lost) == heard.count(2) > 5
    assert all(one.kept for one in lost)


def test_a_connection_closed_while_idle_loses_the_next_request(tmp_path: Path) -> None:
    served: list[bytes] = []

    async def answer_and_go(reader: Reader, writer: Writer) -> None:
        await requests_on(reader)
        served.append(b"")
        writer.write(answer())  # and not a word of closing
        writer.close()

    traffic = sent(tmp_path, answer_and_go, keep_alive=1)
    lost = traffic.of("lost")
    assert lost  # each second one, where nothing else keeps this machine busy
    assert lost == [one for one in traffic.requests if one.kept]
    assert len(served) == len(traffic.requests) - len(lost)


def test_a_connection_whose_end_was_announced_costs_nothing(tmp_path: Path) -> None:
    traffic = sent(tmp_path, once(answer(close=True)), keep_alive=2)
    assert outcomes(traffic) == {"ok": 20}
    assert not any(one.kept for one in traffic.requests)


def test_when_all_kept_connections_are_busy_one_more_is_made(tmp_path: Path) -> None:
    first: list[Writer] = []

    async def first_is_slow(reader: Reader, writer: Writer) -> None:
        while await requests_on(reader):
            first.append(writer)
            if len(first) == 1:
                continue
            writer.write(answer())
            if len(first) == 20:
                first[0].write(answer())
        writer.close()

    traffic = sent(tmp_path, first_is_slow, keep_alive=1)
    assert outcomes(traffic) == {"ok": 20}
    assert len({one.connection for one in traffic.requests}) == 20


# ── what it knows of itself ──────────────────────────────────────────────────────────────────


def stalling(seconds: float) -> Serve:
    """Stop the whole loop, and with it the load, at the third request."""
    seen: list[int] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        await requests_on(reader)
        seen.append(1)
        if len(seen) == 3:
            time.sleep(seconds)
        writer.write(answer(close=True))
        writer.close()

    return serve


def test_what_falls_into_a_stall_is_not_measured(tmp_path: Path) -> None:
    traffic = sent(tmp_path, stalling(0.6), seconds=1)
    assert len(traffic.requests) == 50
    assert traffic.of("lost") == []
    missed = traffic.of("not measured")
    assert len(missed) >= 10, "those that were due more than 250 ms before it woke up"
    early = timedelta(seconds=0.1)
    for one in missed:
        assert any(stall.at - early < one.at < stall.ended for stall in traffic.stalls)
    assert max(traffic.latencies()) < 600, "what waited through the stall is no latency"


def test_a_stall_is_not_a_time_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "TIMEOUT", 0.3)
    traffic = sent(tmp_path, stalling(0.6), seconds=1)
    assert traffic.of("lost") == []


def test_lost_time_is_not_made_up_for_beyond_the_limit(tmp_path: Path) -> None:
    traffic = sent(tmp_path, stalling(0.24), seconds=2, rate=200)
    starts = sorted(one.at for one in traffic.requests if one.outcome != "not measured")
    spans = [b - a for a, b in zip(starts, starts[200:], strict=False)]
    assert min(spans) > timedelta(seconds=0.9), "0.76 s without the limit"
    assert len(starts) > 300


def test_no_request_starts_before_its_time(tmp_path: Path) -> None:
    traffic = sent(tmp_path, good, seconds=1, rate=20)
    assert len(traffic.requests) == 20
    for one in traffic.requests:
        due = traffic.began + timedelta(seconds=(one.number - 1) / 20)
        assert one.at > due - timedelta(seconds=0.005)


def test_a_full_disk_ends_the_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    write = Log.write

    def fill(log: Log, line: dict[str, object]) -> None:
        written.append(line)
        if len(written) > 4:
            raise OSError("no space left")
        write(log, line)

    monkeypatch.setattr(Log, "write", fill)
    with pytest.raises(OSError, match="no space left"):
        sent(tmp_path, good, seconds=30)
    traffic = Traffic.read(tmp_path / "log.jsonl")
    assert len(traffic.requests) == 3
    assert traffic.cut


@given(st.lists(st.floats(0, 10), min_size=1), st.sampled_from([0.5, 0.99, 1.0]))
def test_lags_are_counted_within_a_tenth(lags: list[float], share: float) -> None:
    lag = Lag()
    for one in lags:
        lag.add(one)
    exact = percentile(sorted(lags), share)
    assert exact <= lag.below(share) * 1.0001
    assert lag.below(share) <= max(exact * 1.11, 2e-5)


# ── before the first request ─────────────────────────────────────────────────────────────────


async def waited_for(door: socket.socket, seconds: float = 5) -> float:
    """Seconds until it is known what is at a socket's address."""
    began = time.monotonic()
    await wait_known(Plan(f"http://127.0.0.1:{door.getsockname()[1]}"), seconds)
    return time.monotonic() - began


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """A socket that is silent to whoever comes: the one place of those who wait is taken."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as door,
        socket.create_connection(door.getsockname()),
    ):
        yield door


def test_a_load_waits_until_its_address_is_known(full: socket.socket) -> None:
    async def run() -> float:
        asyncio.get_running_loop().call_later(0.6, lambda: full.accept()[0].close())
        return await waited_for(full)

    assert 0.5 < asyncio.run(run()) < 3


def test_a_load_does_not_wait_for_ever(full: socket.socket) -> None:
    assert 0.5 <= asyncio.run(waited_for(full, 0.5)) < 3


@pytest.mark.parametrize("listening", [True, False])
def test_an_answer_or_a_refusal_is_enough(listening: bool) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        if listening:
            door.listen()
        assert asyncio.run(waited_for(door)) < 1
