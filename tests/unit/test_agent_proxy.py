"""The embedded kube-proxy: who gets a connection, when the rules change, and how bytes pass."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.cluster.embedded.agent.proxy import Proxy
from nodebynode.kube import Json, Kind

SECONDS = 10
NODE_PORT = 30080


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def a_service(**spec: object) -> Json:
    port = {"port": 80, "targetPort": 8080, "nodePort": NODE_PORT, "protocol": "TCP"}
    return {
        "metadata": {"uid": "service", "name": "web", "namespace": "n"},
        "spec": {"type": "NodePort", "ports": [port], **spec},
    }


def a_slice(*endpoints: Json, uid: str = "slice", port: int = 8080) -> Json:
    labels = {"kubernetes.io/service-name": "web"}
    return {
        "metadata": {"uid": uid, "name": uid, "namespace": "n", "labels": labels},
        "ports": [{"name": "", "port": port}],
        "endpoints": list(endpoints),
    }


def an_endpoint(ip: str, state: str = "ready", node: str = "worker") -> Json:
    conditions = {
        "ready": {"ready": True, "serving": True, "terminating": False},
        "leaving": {"ready": False, "serving": True, "terminating": True},
        "gone": {"ready": False, "serving": False, "terminating": True},
    }[state]
    return {"addresses": [ip], "conditions": conditions, "nodeName": node}


class Stage:
    """A proxy, and Pods that answer with their own address."""

    def __init__(self, min_sync: float, port: int = 0) -> None:
        self.port = port or free_port()
        self.pods: dict[str, int] = {}
        self.servers: list[asyncio.Server] = []
        self.notes: list[str] = []
        self.proxy = Proxy(
            node="entry",
            ports={NODE_PORT: self.port},
            dial=self.dial,
            note=self.notes.append,
            min_sync=min_sync,
        )

    def dial(self, ip: str, port: int) -> tuple[str, int] | None:
        return ("127.0.0.1", self.pods[ip]) if ip in self.pods and port == 8080 else None

    async def pod(self, ip: str) -> None:
        """Run a Pod: it tells its address first, and then returns all that it gets."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                writer.write(f"{ip}\n".encode())
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.servers.append(server)
        self.pods[ip] = server.sockets[0].getsockname()[1]

    def tell(self, item: Json, change: str = "MODIFIED") -> None:
        kind = Kind.ENDPOINT_SLICE if "endpoints" in item else Kind.SERVICE
        self.proxy.changed(kind, change, item)

    async def ask(self) -> str:
        """Connect anew; returns which Pod answered, or what went wrong."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            said = await reader.readline()
            writer.close()
            return said.decode().strip() or "closed"
        except ConnectionResetError:
            return "reset"
        except ConnectionRefusedError:
            return "refused"

    async def until(self, expected: set[str]) -> None:
        """Wait until new connections end so, and no other way."""
        while {await self.ask() for _ in range(12)} != expected:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def staging(min_sync: float, port: int = 0) -> AsyncIterator[Stage]:
    stage = Stage(min_sync, port)
    running = asyncio.create_task(stage.proxy.run())
    try:
        yield stage
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        for server in stage.servers:
            server.close()


def play(story: Callable[[Stage], Awaitable[None]], min_sync: float = 0.02, port: int = 0) -> None:
    async def inside() -> None:
        async with staging(min_sync, port) as stage:
            for ip in ("10.244.1.2", "10.244.2.2", "10.244.3.2"):
                await stage.pod(ip)
            await asyncio.wait_for(story(stage), SECONDS)

    asyncio.run(inside())


A, B, C = "10.244.1.2", "10.244.2.2", "10.244.3.2"


def test_equal_shares_of_the_ready_ones() -> None:
    async def story(stage: Stage) -> None:
        assert await stage.ask() == "reset"
        stage.tell(a_service())
        stage.tell(a_slice(an_endpoint(A), an_endpoint(B)))
        stage.tell(a_slice(an_endpoint(C), an_endpoint(B), uid="second"))
        await stage.until({A, B, C})
        counts = Counter([await stage.ask() for _ in range(300)])
        assert all(60 < count < 145 for count in counts.values()), counts

    play(story)


def test_leaving_ones_only_when_nobody_is_ready_and_then_nobody() -> None:
    async def story(stage: Stage) -> None:
        stage.tell(a_service())
        stage.tell(a_slice(an_endpoint(A), an_endpoint(B, "leaving"), an_endpoint(C, "gone")))
        await stage.until({A})
        stage.tell(a_slice(an_endpoint(A, "gone"), an_endpoint(B, "leaving")))
        await stage.until({B})
        stage.tell(a_slice())
        await stage.until({"reset"})
        stage.tell(a_slice(an_endpoint(A)))
        await stage.until({A})
        stage.tell(a_service(), "DELETED")
        await stage.until({"reset"})

    play(story)


def test_the_first_change_at_once_and_the_next_a_pace_later() -> None:
    async def story(stage: Stage) -> None:
        clock = asyncio.get_running_loop().time
        stage.tell(a_slice(an_endpoint(A)))
        stage.tell(a_service())
        began = clock()
        await stage.until({A})
        assert clock() - began < 0.3
        stage.tell(a_slice(an_endpoint(B)))
        await stage.until({B})
        assert 0.4 < clock() - began < 0.9

    play(story, min_sync=0.5)


def test_a_connection_stays_where_it_is() -> None:
    async def story(stage: Stage) -> None:
        stage.tell(a_service())
        stage.tell(a_slice(an_endpoint(A)))
        await stage.until({A})
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        assert (await reader.readline()).decode().strip() == A
        stage.tell(a_slice())
        await stage.until({"reset"})
        writer.write(b"still there\n")
        assert await reader.readline() == b"still there\n"
        writer.write_eof()  # half-closed: the answer still comes
        assert await reader.read() == b""
        writer.close()

    play(story)


def test_much_data_passes_both_ways_without_loss() -> None:
    async def story(stage: Stage) -> None:
        stage.tell(a_service())
        stage.tell(a_slice(an_endpoint(A)))
        await stage.until({A})
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        await reader.readline()
        sent = bytes(range(256)) * 8192 * 4  # 8 MB: far more than any buffer on the way
        sending = asyncio.create_task(_send(writer, sent))
        received = bytearray()
        while len(received) < len(sent):
            await asyncio.sleep(0)  # a slow reader: the way fills up and must wait
            received += await reader.read(30000)
        await sending
        assert bytes(received) == sent
        writer.close()

    play(story)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    for begin in range(0, len(data), 100_000):
        writer.write(data[begin : begin + 100_000])
        await writer.drain()


def test_a_pod_that_is_not_there_resets_the_connection() -> None:
    async def story(stage: Stage) -> None:
        stage.tell(a_service())
        stage.tell(a_slice(an_endpoint("10.244.9.9")))
        await stage.until({"reset"})
        stage.pods["10.244.9.9"] = free_port()  # known, and nobody listens
        await stage.until({"reset"})

    play(story)


def test_local_traffic_and_affinity() -> None:
    async def story(stage: Stage) -> None:
        ends = a_slice(an_endpoint(A), an_endpoint(B, node="entry"), an_endpoint(C))
        stage.tell(ends)
        stage.tell(a_service(externalTrafficPolicy="Local"))
        await stage.until({B})
        stage.tell(a_service(sessionAffinity="ClientIP"))
        while len(found := {await stage.ask() for _ in range(20)}) != 1:
            await asyncio.sleep(0.01)
        assert found <= {A, B, C}

    play(story)


def test_a_port_of_a_strangers_is_told_and_had_later() -> None:
    async def story(stage: Stage) -> None:
        while not stage.notes:
            await asyncio.sleep(0.01)
        strangers.pop().close()
        assert f"port {stage.port}" in stage.notes[0]
        stage.tell(a_service())
        stage.tell(a_slice(an_endpoint(A)))
        await stage.until({A})

    strangers = [socket.create_server(("127.0.0.1", 0))]
    play(story, port=strangers[0].getsockname()[1])


def test_no_other_program_gets_a_port_while_nobody_is_behind_it() -> None:
    """Else requests to this cluster's Service would be answered by another cluster's."""

    async def story(stage: Stage) -> None:
        for _ in range(2):
            await stage.until({"reset"})
            with pytest.raises(OSError, match="in use"):
                socket.create_server(("127.0.0.1", stage.port))
            stage.tell(a_service())
            stage.tell(a_slice(an_endpoint(A)))
            await stage.until({A})
            stage.tell(a_service(), "DELETED")

    play(story)


RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    spec=st.dictionaries(
        st.sampled_from(["type", "ports", "sessionAffinity", "externalTrafficPolicy"]), RUBBISH
    ),
    ports=RUBBISH,
    endpoints=RUBBISH,
)
def test_rubbish_never_ends_the_proxy(spec: Json, ports: object, endpoints: object) -> None:
    proxy = Proxy(node="entry", ports={}, dial=lambda *_: None, note=lambda _: None)
    service, item = a_service(**spec), {**a_slice(), "ports": ports, "endpoints": endpoints}
    proxy.changed(Kind.SERVICE, "ADDED", service)
    proxy.changed(Kind.ENDPOINT_SLICE, "ADDED", item)
    proxy.sync()
