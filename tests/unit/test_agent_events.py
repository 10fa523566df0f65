"""The node agent's events: what is written, in which order, and how often."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress

import pytest
from nodebynode.cluster.embedded.agent import events
from nodebynode.cluster.embedded.agent.events import EventRecorder
from nodebynode.errors import ApiError
from nodebynode.kube import Json

from tests.unit.running_shop import PATIENCE

POD: Json = {
    "metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"}
}
NODE: Json = {"metadata": {"name": "worker", "uid": "n-1", "resourceVersion": "8"}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_PATCH_SECONDS", 0.05)
    monkeypatch.setattr(events, "_RETRIES", (0.001,) * 4)


class Server:
    """Keeps what it is asked; `answers` are errors to give first."""

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Json]] = []
        self.notes: list[str] = []
        self.recorder = EventRecorder(self.request, host="worker", note=self.notes.append)

    async def request(
        self, method: str, path: str, *, body: Json, content_type: str = "application/json"
    ) -> Json:
        assert (content_type == "application/merge-patch+json") == (method == "PATCH")
        self.asked.append((method, path, body))
        await asyncio.sleep(0)
        if self.answers:
            raise self.answers.pop(0)
        return body

    @property
    def messages(self) -> list[str]:
        return [body["message"] for _, _, body in self.asked]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the recorder run until the condition holds."""

        async def watch() -> None:
            while not condition():
                await asyncio.sleep(0.002)

        running = asyncio.create_task(self.recorder.run())
        await asyncio.wait_for(watch(), PATIENCE)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def run(work: Coroutine[object, object, object]) -> None:
    asyncio.run(work)


def test_an_event_of_a_container() -> None:
    async def scene() -> None:
        server = Server()
        server.recorder.event(POD, "Unhealthy", "no", warning=True, container="shop")
        server.recorder.event(POD, "Started", "yes", container="first", init=True)
        await server.until(lambda: len(server.asked) == 2)
        (method, path, event), (_, _, second) = server.asked
        assert (method, path) == ("POST", "/api/v1/namespaces/shop/events")
        assert re.fullmatch(r"web-1\.[0-9a-f]{16}", event["metadata"]["name"])
        assert event["metadata"]["namespace"] == "shop"
        assert event["involvedObject"] == {
            "kind": "Pod",
            "apiVersion": "v1",
            "namespace": "shop",
            "name": "web-1",
            "uid": "u-1",
            "resourceVersion": "7",
            "fieldPath": "spec.containers{shop}",
        }
        assert (event["type"], event["reason"], event["message"]) == ("Warning", "Unhealthy", "no")
        assert event["source"] == {"component": "kubelet", "host": "worker"}
        assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "worker")
        assert event["count"] == 1
        assert event["firstTimestamp"] == event["lastTimestamp"]
        assert second["type"] == "Normal"
        assert second["involvedObject"]["fieldPath"] == "spec.initContainers{first}"
        assert second["metadata"]["name"] != event["metadata"]["name"]

    run(scene())


def test_an_event_of_a_node_lives_in_default() -> None:
    async def scene() -> None:
        server = Server()
        server.recorder.event(NODE, "Starting", "Starting kubelet.")
        await server.until(lambda: bool(server.asked))
        ((_, path, event),) = server.asked
        assert path == "/api/v1/namespaces/default/events"
        assert event["involvedObject"] == {
            "kind": "Node",
            "apiVersion": "v1",
            "name": "worker",
            "uid": "n-1",
        }

    run(scene())


def test_events_keep_their_order() -> None:
    async def scene() -> None:
        server = Server()
        for number in range(20):
            server.recorder.event(POD, "R", str(number))
        await server.until(lambda: len(server.asked) == 20)
        assert server.messages == [str(number) for number in range(20)]

    run(scene())


def test_a_repeated_event_is_counted_and_written_seldom() -> None:
    async def scene() -> None:
        server = Server()
        for _ in range(50):
            server.recorder.event(POD, "BackOff", "again")
        server.recorder.event(POD, "BackOff", "another")
        server.recorder.event(POD, "BackOff", "again", container="shop")
        server.recorder.event({"metadata": {**POD["metadata"], "uid": "u-2"}}, "BackOff", "again")
        await server.until(lambda: server.asked[-1:] != [] and server.asked[-1][0] == "PATCH")
        posts = [body for method, _, body in server.asked if method == "POST"]
        ((_, path, patch),) = [one for one in server.asked if one[0] == "PATCH"]
        assert len(posts) == 4
        assert path.endswith(f"/events/{posts[0]['metadata']['name']}")
        assert patch == {"count": 50, "lastTimestamp": patch["lastTimestamp"]}
        server.recorder.event(POD, "BackOff", "again")
        await server.until(lambda: server.asked[-1][2]["count"] == 51)

    run(scene())


def test_what_the_server_has_forgotten_is_written_anew() -> None:
    async def scene() -> None:
        server = Server()
        server.recorder.event(POD, "R", "m")
        await server.until(lambda: bool(server.asked))
        server.answers = [ApiError("gone", status=404)]
        server.recorder.event(POD, "R", "m")
        await server.until(lambda: len(server.asked) == 3)
        assert [method for method, _, _ in server.asked] == ["POST", "PATCH", "POST"]
        assert server.asked[-1][2]["count"] == 2

    run(scene())


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_what_the_server_refuses_is_dropped_at_once(status: int) -> None:
    async def scene() -> None:
        server = Server(ApiError("forbidden", status=status))
        server.recorder.event(POD, "R", "first")
        server.recorder.event(POD, "R", "second")
        await server.until(lambda: len(server.asked) == 2)
        assert server.messages == ["first", "second"]
        assert server.notes == ["An event was dropped: R, first: forbidden"]

    run(scene())


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_a_server_that_is_away_is_asked_again(status: int) -> None:
    async def scene() -> None:
        server = Server(*[ApiError("away", status=status)] * 4)
        server.recorder.event(POD, "R", "first")
        server.recorder.event(POD, "R", "second")
        await server.until(lambda: len(server.asked) == 6)
        assert server.messages == ["first"] * 5 + ["second"]
        assert server.notes == []

    run(scene())


def test_a_server_that_stays_away_loses_the_event() -> None:
    async def scene() -> None:
        server = Server(*[ApiError("away")] * 5)
        server.recorder.event(POD, "R", "first")
        server.recorder.event(POD, "R", "second")
        await server.until(lambda: len(server.asked) == 6)
        assert server.messages == ["first"] * 5 + ["second"]
        assert server.notes == ["An event was dropped: R, first: away"]

    run(scene())


def test_no_error_of_sending_ends_it() -> None:
    async def scene() -> None:
        server = Server(RuntimeError("odd"))
        server.recorder.event(POD, "R", "first")
        server.recorder.event(POD, "R", "second")
        await server.until(lambda: len(server.asked) == 2)
        assert "RuntimeError" in server.notes[0]

    run(scene())


def test_when_too_many_wait_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_QUEUED", 3)

    async def scene() -> None:
        server = Server()
        for number in range(5):
            server.recorder.event(POD, "R", str(number))
        await server.until(lambda: len(server.asked) == 3)
        assert server.messages == ["2", "3", "4"]

    run(scene())


@pytest.mark.parametrize("about", [{}, {"metadata": None}, {"metadata": {"name": "A_" * 200}}])
def test_an_odd_object_gets_a_valid_name(about: Json) -> None:
    async def scene() -> None:
        server = Server()
        server.recorder.event(about, "R", "m")
        await server.until(lambda: bool(server.asked))
        assert re.fullmatch(r"[0-9a-f-]{36}", server.asked[0][2]["metadata"]["name"])

    run(scene())
