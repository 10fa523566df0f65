"""Probing a container as the kubelet does: one check, and the loop that counts checks.

A check is a new connection each time. What it says names the Pod's own IP, although the app listens
at a local port that `dial` knows: learners read these texts in events.

Rules: kubernetes `pkg/kubelet/prober` (worker.go, prober.go). Texts: `pkg/probe/http`,
`pkg/probe/tcp`, and Go's net/http, as a kubelet prints them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from nodebynode.cluster.embedded.agent import http_check
from nodebynode.cluster.embedded.agent.http_check import CheckFailed, Dial, Refused
from nodebynode.kube import Json

Kind = Literal["startup", "readiness", "liveness"]

_SETTLED_AT_FIRST: dict[str, bool | None] = {"startup": None, "readiness": False, "liveness": True}
_BOOT_SECONDS = 1.0
_BOOT_RETRY = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check said.

    Attributes:
        ok: The check succeeded.
        message: Why it did not; or what is odd about it although it did.
        refused: Nobody listened.
        counts: False when the check could not be made at all, which a kubelet does not count.
    """

    ok: bool
    message: str = ""
    refused: bool = False
    counts: bool = True


class Prober:
    """One probe of one container.

    Args:
        kind: Which of the container's probes it is.
        probe: The probe's spec.
        container: The container's spec, for the names of its ports.
        pod_ip: The Pod's IP, which messages name.
        dial: Returns the local address of a port of the Pod; None when nobody listens there.
        started_at: When the container started, by `time.monotonic()`.
    """

    def __init__(
        self,
        kind: Kind,
        probe: Json,
        *,
        container: Json,
        pod_ip: str,
        dial: Dial,
        started_at: float,
    ) -> None:
        self.kind = kind
        self._probe, self._container = probe, container
        self._pod_ip, self._dial, self._started_at = pod_ip, dial, started_at
        self._delay = float(probe.get("initialDelaySeconds") or 0)
        self._period = float(probe.get("periodSeconds") or 10)
        self._timeout = float(probe.get("timeoutSeconds") or 1)
        self._thresholds = {
            True: int(probe.get("successThreshold") or 1),
            False: int(probe.get("failureThreshold") or 3),
        }

    async def check(self) -> Outcome:
        """Ask the container once; never longer than `timeoutSeconds`."""
        try:
            if action := self._probe.get("httpGet"):
                return Outcome(True, await self._http(action))
            if action := self._probe.get("tcpSocket"):
                host, port = self._target(action)
                await http_check.connect(host, port, self._dial_for(host), self._timeout)
                return Outcome(True)
        except Refused as error:
            return Outcome(False, str(error), refused=True)
        except CheckFailed as error:
            return Outcome(False, str(error))
        except ValueError as error:
            return Outcome(False, str(error), counts=False)
        missing = f"missing probe handler for {self._container.get('name')}"
        return Outcome(False, missing, counts=False)

    async def run(
        self,
        *,
        on_failure: Callable[[str], None],
        on_result: Callable[[bool], None],
        awake: Callable[[], Awaitable[None]],
    ) -> None:
        """Check again and again until cancelled.

        It also ends where a kubelet stops asking until there is a new container: when a startup
        probe has settled, and when a liveness probe has failed for good.

        Args:
            on_failure: Told the text of the Unhealthy event of each check that failed.
            on_result: Told the settled result when it changes; a readiness probe begins as False,
                a liveness probe as True, a startup probe as neither.
            awake: Awaited before a check and before its result is told: a frozen node blocks.
        """
        settled, last, run = _SETTLED_AT_FIRST[self.kind], None, 0
        await _sleep_until(self._started_at + self._delay)
        outcome = await self._first_check(awake)
        due = time.monotonic()
        while True:
            if not outcome.ok:
                on_failure(self._told(outcome))
            if outcome.counts:
                run = run + 1 if outcome.ok == last else 1
                last = outcome.ok
                if run >= self._thresholds[last]:
                    if last != settled:
                        settled = last
                        on_result(last)
                    if self.kind == "startup" or (self.kind == "liveness" and not last):
                        return
            due = self._next(due)
            await _sleep_until(due)
            outcome = await self._checked(awake)

    async def _first_check(self, awake: Callable[[], Awaitable[None]]) -> Outcome:
        """Check as soon as the app can listen.

        A kubelet's first probe comes up to a period after the start: it hardly ever meets an app
        that has not opened its port yet. Ours comes at once, so refusals do not count meanwhile.
        """
        while True:
            outcome = await self._checked(awake)
            booting = time.monotonic() < self._started_at + _BOOT_SECONDS
            if not (outcome.refused and booting):
                return outcome
            await asyncio.sleep(_BOOT_RETRY)

    async def _checked(self, awake: Callable[[], Awaitable[None]]) -> Outcome:
        await awake()
        outcome = await self.check()
        await awake()
        return outcome

    def _next(self, due: float) -> float:
        """Return when to check next: periods do not drift, and of those missed only one is made up.

        So does Go's ticker, whose channel holds one tick.
        """
        missed = int((time.monotonic() - due) / self._period)
        return due + max(1, missed) * self._period

    def _told(self, outcome: Outcome) -> str:
        probe = f"{self.kind.capitalize()} probe"
        if outcome.counts:
            return f"{probe} failed: {outcome.message}"
        return f"{probe} errored and resulted in unknown state: {outcome.message}"

    async def _http(self, action: Json) -> str:
        host, port = self._target(action)
        headers = [
            (str(one.get("name")), str(one.get("value") or ""))
            for one in action.get("httpHeaders") or []
        ]
        url = http_check.url(
            str(action.get("scheme") or "http").lower(), host, port, str(action.get("path") or "")
        )
        return await http_check.get(url, headers, self._dial_for(host), self._timeout)

    def _target(self, action: Json) -> tuple[str, int]:
        """Return host and port of a check.

        Raises:
            ValueError: the port is none, or the container has none of that name.
        """
        port = action.get("port")
        if isinstance(port, str):
            ports = self._container.get("ports") or []
            named = [one.get("containerPort") for one in ports if one.get("name") == port]
            if not named:
                raise ValueError(f'port "{port}" not found')
            port = named[0]
        number = int(port or 0)
        if not 0 < number < 65536:
            raise ValueError(f"invalid port number: {number}")
        return str(action.get("host") or self._pod_ip), number

    def _dial_for(self, host: str) -> Dial:
        """Return how to dial a host: only the Pod itself has ports here."""
        return self._dial if host == self._pod_ip else lambda _: None


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
