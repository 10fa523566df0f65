"""`python -m nodebynode.cluster.embedded.agent FOLDER`: the node agent of the cluster in a folder.

It ends when its standard input is closed, which the supervisor does, or the kernel when the
supervisor is gone.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path

import uvloop

from nodebynode.cluster.embedded.agent.agent import Agent
from nodebynode.cluster.embedded.files import Files


async def main(folder: Path) -> None:
    """Run the agent until its standard input is closed, or SIGTERM."""
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(Agent(Files(folder)).run())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    loop.add_reader(sys.stdin.fileno(), work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        pass
    finally:
        loop.remove_reader(sys.stdin.fileno())


if __name__ == "__main__":
    gc.freeze()  # what the imports brought stays; looking through it again and again costs time
    # The proxy carries each connection by a dozen callbacks; asyncio's own loop takes a third more
    # of the processor for them.
    uvloop.run(main(Path(sys.argv[1])))
