"""The witness's own process: `python -m nodebynode.witness URL LOG RATE SECONDS KEEP_ALIVE`.

It ends at its time limit, at SIGTERM, or when its standard input ends, which it does when its
owner is gone: it then sends no more, waits for what is under way, and completes its log.

In a Pod, which has no standard input, LOG is `-`: standard output, and URL is a Service's own
address. There only these modules are, and what they import: none but Python's own beside them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from nodebynode.errors import NodebynodeError
from nodebynode.witness.load import Load, wait_known
from nodebynode.witness.log import Log
from nodebynode.witness.plan import Plan


def main() -> int:
    """Run a load and return the exit code: 0, or 2 with a message on standard error."""
    url, path, rate, seconds, keep_alive = sys.argv[1:]
    try:
        inside = path == "-"
        plan = Plan(url, float(rate), float(seconds), int(keep_alive), inside)
        asyncio.run(_run(plan, Log(None if inside else Path(path))))
    except (NodebynodeError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def _run(plan: Plan, log: Log) -> None:
    loop, load = asyncio.get_running_loop(), Load(plan, log)
    loop.add_signal_handler(signal.SIGTERM, load.stop)

    def gone() -> None:
        if not os.read(0, 1):
            loop.remove_reader(0)
            load.stop()

    if not plan.inside:
        loop.add_reader(0, gone)
    try:
        if plan.inside:
            await wait_known(plan)
        await load.run()
    finally:
        log.close()


if __name__ == "__main__":
    sys.exit(main())
