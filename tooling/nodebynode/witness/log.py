"""The lines of a load's log, as they are written. `traffic.py` reads them.

JSON lines, each written whole before the next thing happens, so that a crash costs at most one.
Times are seconds since the epoch. Requests stand in the order in which they ended.

    {"traffic": "nodebynode", "version": 1, "url": …, "rate": 50, "seconds": 600, "keep_alive": 0,
     "inside": false, "timeout": 3, "began": 1767362527.1}
    {"n": 1, "at": 1767362527.1, "ms": 2.31, "connection": "new", "id": 1, "outcome": "ok",
     "pod": …, "node": …, "version": …}
    {"n": 2, "at": 1767362527.12, "outcome": "not measured"}     it should have been sent then
    {"stall": 1767362527.12, "ms": 412}                          this process did not wake up
    {"end": 1767363127.2, "lag_ms": {"50": 0.2, "99": 1.1}}      nothing is missing
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

VERSION = 1


class Log:
    """A file that lines are added to.

    Args:
        path: The file; it is there already, and empty. None is standard output.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        how = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._file = os.dup(1) if path is None else os.open(path, how)

    def write(self, line: Mapping[str, object]) -> None:
        """Write one line.

        Raises:
            OSError: the disk is full.
        """
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file, data) < len(data):
            raise OSError("the disk took a part of a line only")

    def close(self) -> None:
        """End it."""
        os.close(self._file)
