"""When the next request is due, and whether this process was awake to send it.

An open loop starts its requests at set times, however long the ones before take; a closed loop
would send less just when things go wrong. But a process that was stopped, or a machine that had no
time for it, starts late and sees answers late. That is told as a stall, never as a loss.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, takewhile

from nodebynode.witness.plan import LATE, MOST_RATE

_BEAT = 0.05
"""Seconds between two looks at the clock, at most, however seldom a request is due."""
_SPAN = 1 - 1 / MOST_RATE
"""Seconds that any `MOST_RATE` starts take at least: the one after them comes a second later."""
_STEP = 1.1
"""Lags are counted in classes, each so much wider than the one before: 3600 s need no list."""
_LEAST = 1e-5


class Lag:
    """How late this process woke up, each time that it wanted to."""

    def __init__(self) -> None:
        self._classes: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one."""
        number = math.ceil(math.log(max(seconds, _LEAST) / _LEAST, _STEP))
        self._classes[number] = self._classes.get(number, 0) + 1

    def below(self, share: float) -> float:
        """Return the seconds that a share of all lags, such as 0.99, did not exceed."""
        wanted = share * sum(self._classes.values())
        seen = 0
        for number, times in sorted(self._classes.items()):
            seen += times
            if seen >= wanted:
                return float(_LEAST * _STEP**number)
        return 0.0


class Pacer:
    """Lets things be done at set times.

    Args:
        stalled: Told each stall: when it should have woken up, by the loop's clock, and when it
            did.

    Attributes:
        lag: How late it woke up.
        stopping: Set it to have no more done.
    """

    def __init__(self, stalled: Callable[[float, float], None]) -> None:
        self.lag = Lag()
        self.stopping = False
        self._stalled = stalled
        self._stalls: list[tuple[float, float]] = []
        self._clock = asyncio.get_running_loop().time

    async def run(
        self, total: int, rate: float, do: Callable[[int], None], miss: Callable[[int, float], None]
    ) -> None:
        """Do so many things at a rate, or miss them.

        Args:
            total: How many.
            rate: How many a second.
            do: Given a number from 1, at its time.
            miss: Given a number, and by how many seconds it is too late.
        """
        began = self._clock()
        starts = deque[float](maxlen=int(MOST_RATE))  # lost time is not made up in a heap
        for number in range(1, total + 1):
            due = began + (number - 1) / rate
            free = starts[0] + _SPAN if len(starts) == starts.maxlen else began
            await self._sleep_until(max(due, free))
            if self.stopping:
                return
            late = self._clock() - due
            if late > LATE:
                miss(number, late)
            else:
                starts.append(self._clock())
                do(number)

    def stalled_since(self, since: float) -> float:
        """Return for how many seconds this process has slept too long since a time."""
        ends = takewhile(lambda stall: stall[1] > since, reversed(self._stalls))
        return sum(end - max(begin, since) for begin, end in ends)

    async def _sleep_until(self, due: float) -> None:
        for wake in _steps(self._clock(), due):
            await asyncio.sleep(max(0.0, wake - self._clock()))
            now = self._clock()
            self.lag.add(now - wake)
            if now - wake > LATE:
                self._stalls.append((wake, now))
                self._stalled(wake, now)
            if self.stopping or now >= due:
                return


def _steps(now: float, due: float) -> Iterator[float]:
    """Yield the times to wake up at on the way to one, that one the last; none when it is past."""
    yield from takewhile(lambda at: at < due, (now + _BEAT * step for step in count(1)))
    if due > now:
        yield due
