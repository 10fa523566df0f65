"""The loop of the node agent's probes: delays, periods, thresholds, and a node that is frozen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress

import pytest
from nodebynode.cluster.embedded.agent.probes import Outcome, Prober

from tests.unit.running_shop import PATIENCE

IP = "10.244.1.5"


def run(work: Coroutine[object, object, object]) -> object:
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


class Script(Prober):
    """A prober whose checks are given; when they have run out, it is cancelled."""

    outcomes: list[Outcome]

    async def check(self) -> Outcome:
        if not self.outcomes:
            raise asyncio.CancelledError
        return self.outcomes.pop(0)


GOOD, BAD = Outcome(True), Outcome(False, "no")
REFUSED = Outcome(False, "refused", refused=True)


def told(
    kind: str, outcomes: list[Outcome], age: float = 60, **probe: float
) -> tuple[list[object], float]:
    """Return what the loop told, and how many seconds it took."""
    said: list[object] = []

    async def awake() -> None:
        return None

    async def loop() -> None:
        script = Script(
            kind,
            {"periodSeconds": 0.01, **probe},
            container={"name": "shop"},
            pod_ip=IP,
            dial=lambda _: None,
            started_at=time.monotonic() - age,
        )
        script.outcomes = outcomes
        with suppress(asyncio.CancelledError):
            await script.run(on_failure=said.append, on_result=said.append, awake=awake)

    began = time.monotonic()
    run(loop())
    return said, time.monotonic() - began


FAILED = "Readiness probe failed: no"


def test_readiness_settles_by_its_thresholds() -> None:
    outcomes = [BAD, GOOD, GOOD, BAD, BAD, BAD, GOOD]
    said, _ = told("readiness", outcomes)
    assert said == [FAILED, True, FAILED, FAILED, FAILED, False, True]


def test_success_has_a_threshold_too() -> None:
    said, _ = told(
        "readiness", [GOOD, BAD, GOOD, GOOD, BAD], successThreshold=2, failureThreshold=1
    )
    assert said == [FAILED, True, FAILED, False]


def test_liveness_is_alive_until_it_has_failed_and_then_over() -> None:
    left = [GOOD, BAD, GOOD, BAD, BAD, BAD, GOOD]
    said, _ = told("liveness", left)
    assert said == ["Liveness probe failed: no"] * 4 + [False]
    assert left == [GOOD]


@pytest.mark.parametrize(
    ("outcomes", "settled"), [([BAD, BAD, GOOD, BAD], True), ([BAD, BAD, BAD, GOOD], False)]
)
def test_startup_settles_once(outcomes: list[Outcome], settled: bool) -> None:
    said, _ = told("startup", outcomes)
    assert said[-1] is settled
    assert len(outcomes) == 1


def test_what_could_not_be_asked_is_told_and_not_counted() -> None:
    odd = Outcome(False, 'port "web" not found', counts=False)
    said, _ = told("liveness", [odd] * 4)
    assert (
        said == ['Liveness probe errored and resulted in unknown state: port "web" not found'] * 4
    )


def test_the_first_check_waits_for_the_delay() -> None:
    said, seconds = told("readiness", [GOOD], age=0.0, initialDelaySeconds=0.2)
    assert said == [True]
    assert seconds >= 0.2


def test_an_app_that_is_just_starting_is_given_time() -> None:
    said, seconds = told("readiness", [REFUSED, REFUSED, GOOD], age=0.0)
    assert said == [True]
    assert 0.2 <= seconds < 1


def test_an_app_that_never_listens_is_told_of() -> None:
    said, seconds = told("readiness", [REFUSED] * 12, age=0.7)
    assert set(said) == {"Readiness probe failed: refused"}
    assert seconds >= 0.3


def test_periods_do_not_drift_and_missed_ones_are_made_up_once() -> None:
    one = Prober(
        "readiness",
        {"periodSeconds": 10},
        container={},
        pod_ip=IP,
        dial=lambda _: None,
        started_at=0.0,
    )
    now = time.monotonic()
    assert one._next(now - 3) == now + 7
    assert one._next(now - 25) == now - 5
    assert one._next(now - 5) == now + 5


def test_a_frozen_node_neither_asks_nor_tells() -> None:
    async def scene() -> None:
        gate, asked, answer = asyncio.Event(), asyncio.Event(), asyncio.Event()
        said: list[object] = []

        class Slow(Prober):
            async def check(self) -> Outcome:
                asked.set()
                await answer.wait()
                return BAD

        slow = Slow("readiness", {}, container={}, pod_ip=IP, dial=lambda _: None, started_at=0.0)
        gates = [gate.wait]

        async def awake() -> None:
            await gates[0]()

        loop = asyncio.create_task(
            slow.run(on_failure=said.append, on_result=said.append, awake=awake)
        )
        await asyncio.sleep(0)
        assert not asked.is_set()
        gate.set()
        await asked.wait()
        gate.clear()
        answer.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert said == []
        gate.set()
        while not said:
            await asyncio.sleep(0)
        assert said == [FAILED]
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop

    run(scene())
