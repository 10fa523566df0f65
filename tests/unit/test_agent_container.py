"""One container of the node agent, against a Pod that can be held back at any step."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from nodebynode.cluster.embedded.agent.container import Container

from tests.unit.running_shop import PATIENCE


class SlowPod:
    """A Pod whose containers' environment is ready only when the test says so."""

    has_init = False
    spec: dict[str, Any] = {"terminationGracePeriodSeconds": 1}  # noqa: RUF012 - never changed
    object: dict[str, Any] = {"spec": spec}  # noqa: RUF012 - never changed

    def __init__(self) -> None:
        self.asked, self.ready = asyncio.Event(), asyncio.Event()
        self.node = self.events = self
        self.started = 0

    async def awake(self) -> None:
        """A node that never sleeps."""

    async def environment(self, *_: object) -> dict[str, str]:
        self.asked.set()
        await self.ready.wait()
        return {}

    def start_process(self, *_: object) -> None:
        self.started += 1
        raise AssertionError("a process was started for a Pod that is to go")

    def changed(self) -> None:
        """Nobody listens."""

    def event(self, *_: object, **__: object) -> None:
        """Nobody listens."""


def test_a_container_that_is_left_while_it_prepares_never_starts() -> None:
    async def life() -> int:
        pod = SlowPod()
        container = Container(cast(Any, pod), {"name": "shop", "image": "localhost/shop:v1"})
        keeping = asyncio.create_task(container.keep())
        await pod.asked.wait()
        await container.leave(1)
        pod.ready.set()
        await keeping
        return pod.started

    assert asyncio.run(asyncio.wait_for(life(), PATIENCE)) == 0
