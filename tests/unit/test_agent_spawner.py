"""Pods' processes: forked quickly, told apart, ended with whoever owns them."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from nodebynode.cluster.embedded.agent.ports import LOCAL_PORTS, LocalPorts
from nodebynode.cluster.embedded.agent.spawner import Exit, Process, Spawner
from nodebynode.waiting import wait_for

SECONDS = 10


@asynccontextmanager
async def spawning(label: str = "test") -> AsyncIterator[Spawner]:
    spawner = Spawner(label)
    try:
        yield spawner
    finally:
        spawner.close()


def run(test: Callable[[Spawner], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with spawning() as spawner:
            await asyncio.wait_for(test(spawner), SECONDS)

    asyncio.run(inside())


def environment(port: int = 0, **more: str) -> dict[str, str]:
    return {"SHOP_BIND": "127.0.0.1", "SHOP_PORT": str(port), "POD_NAME": "web", **more}


async def line(log: Path, part: str) -> str:
    """Wait until a process has written a line that holds a part."""

    def look() -> str:
        lines = log.read_text().splitlines() if log.exists() else []
        return next((one for one in lines if part in one), "")

    return await asyncio.to_thread(wait_for, look, timeout=SECONDS, what=part, every=0.01)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_an_app_runs_answers_and_ends_at_sigterm(tmp_path: Path) -> None:
    async def story(spawner: Spawner) -> None:
        (port,) = (LocalPorts().take(),)
        process = spawner.start(environment(port, SHOP_VERSION="v2"), tmp_path / "log")
        assert "version v2, pod web" in await line(tmp_path / "log", "started")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            assert answer.status == 200
        process.signal(signal.SIGTERM)
        assert (await process.ended).code == 0

    run(story)


def test_the_end_is_told_as_a_runtime_tells_it(tmp_path: Path) -> None:
    async def story(spawner: Spawner) -> None:
        def start(name: str, **more: str) -> Process:
            return spawner.start(environment(**more), tmp_path / name)

        killed, crashed, refused = (
            start("killed", SHOP_ON_SIGTERM="ignore"),
            start("crashed", SHOP_CRASH_AFTER_SECONDS="0"),
            start("refused", SHOP_PORT="rubbish"),
        )
        await line(tmp_path / "killed", "started")
        killed.signal(signal.SIGKILL)
        ends: list[Exit] = [await one.ended for one in (killed, crashed, refused)]
        assert [(one.code, one.signal) for one in ends] == [(137, 9), (1, 0), (2, 0)]
        killed.signal(signal.SIGTERM)  # nobody is there any more: nothing happens

    run(story)


def test_a_killed_zygote_takes_its_apps_along_and_is_replaced(tmp_path: Path) -> None:
    async def story(spawner: Spawner) -> None:
        first = spawner.start(environment(), tmp_path / "first")
        await line(tmp_path / "first", "started")
        assert spawner.zygote_pid is not None
        os.kill(spawner.zygote_pid, signal.SIGKILL)
        assert (await first.ended).code == 137
        second = spawner.start(environment(), tmp_path / "second")
        await line(tmp_path / "second", "started")
        second.signal(signal.SIGKILL)
        await second.ended

    run(story)


def test_closing_ends_all(tmp_path: Path) -> None:
    pids: list[int] = []

    async def story() -> None:
        async with spawning() as spawner:
            spawner.start(environment(SHOP_ON_SIGTERM="ignore"), tmp_path / "log")
            await line(tmp_path / "log", "started")
            assert spawner.zygote_pid is not None
            pids.append(spawner.zygote_pid)

    asyncio.run(story())
    assert not alive(pids[0])


def test_fifty_apps_start_together(tmp_path: Path) -> None:
    async def story(spawner: Spawner) -> None:
        for number in range(50):
            spawner.start(environment(), tmp_path / str(number))
        await asyncio.gather(*(line(tmp_path / str(number), "started") for number in range(50)))

    run(story)


def test_ports_come_once_until_they_come_back() -> None:
    ports = LocalPorts()
    taken = [ports.take() for _ in range(20)]
    assert len(set(taken)) == 20
    assert set(taken) <= set(LOCAL_PORTS)
    ports.give_back(taken)
    assert ports.take() not in taken  # a port just given back rests until the others had their turn
