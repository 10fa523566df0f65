"""The load itself: what the witness's own process does, from its first request to its last."""

from __future__ import annotations

import asyncio
import errno
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import asdict

from nodebynode.witness.log import VERSION, Log
from nodebynode.witness.pacing import Pacer
from nodebynode.witness.plan import TIMEOUT, Plan
from nodebynode.witness.wire import Answer, Connection, CutShort, EmptyAnswer, Garbled

_HOW = (
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "reset"),
    (EmptyAnswer, "empty answer"),
    (CutShort, "cut short"),
    (Garbled, "no HTTP"),
)
"""Other errors are of this machine: no port or file descriptor is left. They measure nothing."""
_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH)
"""The network said so, as it may inside of a cluster where a Pod's address has just gone."""
_SILENCE = 0.25
"""Seconds after which an address that has not said anything is tried with a new connection: the
packets of the old one keep going where its first one went."""


class Load:
    """Sends requests at a constant rate and logs each of them once it is known what became of it.

    Each request is sent once. A kept connection that the other side has closed without a word is
    found closed by the request that is sent on it, and that request is lost. One that the other
    side has announced to close (`Connection: close`) is given up without a loss.

    Args:
        plan: What to do.
        log: Where to tell it.
    """

    def __init__(self, plan: Plan, log: Log) -> None:
        self._plan, self._log = plan, log
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer(self._stalled)
        self._requests: set[asyncio.Task[None]] = set()
        self._idle: deque[Connection] = deque()  # the one that waited longest first
        self._kept = 0  # idle, in use, or being opened to be kept
        self._connections = 0
        self._problem: BaseException | None = None

    def stop(self) -> None:
        """Send no more; those under way are waited for."""
        self._pacer.stopping = True

    async def run(self) -> None:
        """Send all that is planned, or until stopped.

        Raises:
            OSError: the log could not be written.
        """
        now = round(time.time(), 4)
        header = {"traffic": "nodebynode", "version": VERSION, **asdict(self._plan)}
        self._log.write({**header, "timeout": TIMEOUT, "began": now})
        await self._pacer.run(self._plan.total, self._plan.rate, self._send, self._miss)
        while self._requests:
            await asyncio.wait(self._requests)
        for connection in self._idle:
            connection.close()
        if self._problem is not None:
            raise self._problem
        lag = {
            name: round(self._pacer.lag.below(int(name) / 100) * 1000, 2) for name in ("50", "99")
        }
        self._log.write({"end": round(time.time(), 4), "lag_ms": lag})

    # ── what the pacer calls ─────────────────────────────────────────────────────────────────

    def _send(self, number: int) -> None:
        self._start(self._ask(number, round(time.time(), 4), self._loop.time()))

    def _miss(self, number: int, late: float) -> None:
        self._write({"n": number, "at": round(time.time() - late, 4), "outcome": "not measured"})

    def _stalled(self, due: float, now: float) -> None:
        began = time.time() - (now - due)
        self._write({"stall": round(began, 4), "ms": round((now - due) * 1000, 1)})

    def _start(self, request: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(request)
        self._requests.add(task)
        task.add_done_callback(self._done)

    def _done(self, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        if not request.cancelled() and (error := request.exception()):
            self._end_with(error)

    def _write(self, line: dict[str, object]) -> None:
        try:
            self._log.write(line)
        except OSError as error:
            self._end_with(error)

    def _end_with(self, error: BaseException) -> None:
        """Stop, and raise this once all is over."""
        self._problem = self._problem or error
        self.stop()

    # ── one request ──────────────────────────────────────────────────────────────────────────

    async def _ask(self, number: int, at: float, began: float) -> None:
        keep, connection = self._take()
        id_ = connection.id if connection else self._next_id()
        task = self._loop.create_task(self._exchange(connection, id_, keep))
        await self._wait(task, began)
        line: dict[str, object] = {
            "n": number,
            "at": at,
            "ms": round((self._loop.time() - began) * 1000, 2),
            "connection": "kept" if connection else "new",
            "id": id_,
        }
        if task.done():
            self._write(line | _outcome(task))
        else:
            task.cancel()
            await asyncio.wait({task})
            self._write(line | {"outcome": "timed out"})

    async def _wait(self, task: asyncio.Task[Answer], began: float) -> None:
        """Wait for an answer for the timeout; while this process slept, it was not waiting."""
        due = began + TIMEOUT
        await asyncio.wait({task}, timeout=due - self._loop.time())
        if not task.done():
            late = max(self._loop.time() - due, self._pacer.stalled_since(began))
            await asyncio.wait({task}, timeout=min(late, TIMEOUT))

    async def _exchange(self, connection: Connection | None, id_: int, keep: bool) -> Answer:
        answer: Answer | None = None
        try:
            connection = connection or await Connection.open(id_, self._plan.host, self._plan.port)
            answer = await connection.ask(keep=keep)
            return answer
        finally:
            if connection and answer and answer.keeps:
                self._idle.append(connection)
            else:
                self._kept -= keep
                if connection:
                    connection.close()

    def _take(self) -> tuple[bool, Connection | None]:
        """Whether the connection of the next request is to be kept, and which; None: a new one.

        New ones are opened until there are as many as planned. When all of them are busy, the
        request goes over one more that is not kept: it must not wait for another's answer.
        """
        if self._kept < self._plan.keep_alive:
            self._kept += 1
            return True, None
        return (True, self._idle.popleft()) if self._idle else (False, None)

    def _next_id(self) -> int:
        self._connections += 1
        return self._connections


async def wait_known(plan: Plan, seconds: float = 5.0) -> None:
    """Wait until the Service's address says anything at all, some seconds at most.

    A node hears of a new Service in its own time: kube-proxy writes its rules anew at most once a
    second (`minSyncPeriod`). Until then what is sent to the address leaves the cluster, and nothing
    comes back. Afterwards a connection is made, or refused where no Pod is ready.

    Args:
        plan: Where the load will go.
        seconds: When it begins all the same.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await _says_anything(plan):
                pass


async def _says_anything(plan: Plan) -> bool:
    try:
        async with asyncio.timeout(_SILENCE):
            _, writer = await asyncio.open_connection(plan.host, plan.port)
    except TimeoutError:
        return False
    except OSError:
        return True
    writer.close()
    return True


def _outcome(task: asyncio.Task[Answer]) -> dict[str, object]:
    """What became of a request, in the words of the log."""
    error = task.exception()
    if error is None:
        answer = task.result()
        outcome = "ok" if 200 <= answer.status < 300 else str(answer.status)
        return {"outcome": outcome, **answer.told}
    how = next((word for kind, word in _HOW if isinstance(error, kind)), "")
    if not how and not isinstance(error, OSError):
        raise error
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        how = "unreachable"
    return {"outcome": how} if how else {"outcome": "not measured", "why": str(error)}
