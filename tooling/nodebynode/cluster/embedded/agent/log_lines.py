"""Choosing lines of a log file: the end of it, since when, how many bytes, with which times.

The app begins each line with its time, so that the file needs none beside it. Pure apart from
reading the file. Rules: k8s.io/cri-client `pkg/logs/logs.go`, core/v1 `PodLogOptions`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ")
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a log is asked for.

    Attributes:
        follow: Go on until the container ends.
        previous: The run before is meant.
        timestamps: Put each line's time before it.
        tail: So many lines from the end; all of them when None.
        limit: So many bytes at most; no limit when None.
        since: Only lines from this moment on, in seconds since 1970.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    limit: int | None = None
    since: float | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> LogOptions:
        """Read the parameters of a request.

        Raises:
            ValueError: one of them makes no sense.
        """
        seconds = _number(query, "sinceSeconds", least=1)
        since = time.time() - seconds if seconds is not None else None
        if moment := query.get("sinceTime"):
            since = datetime.fromisoformat(moment).timestamp()
        return cls(
            follow=_truth(query, "follow"),
            previous=_truth(query, "previous"),
            timestamps=_truth(query, "timestamps"),
            tail=_number(query, "tailLines", least=0),
            limit=_number(query, "limitBytes", least=1),
            since=since,
        )


def _truth(query: Mapping[str, str], name: str) -> bool:
    """Return a flag; given without a value, it is set."""
    return name in query and query[name].lower() not in ("false", "0")


def _number(query: Mapping[str, str], name: str, *, least: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):
        raise ValueError(f"{name} is {text!r}; it must be a whole number from {least}")
    return int(text)


class LogReader:
    """Reads one log file; what grows meanwhile comes with the next call.

    Args:
        path: The file; it need not exist yet.
        options: What is asked for.
    """

    def __init__(self, path: Path, options: LogOptions) -> None:
        self._path, self._options = path, options
        self._file: BinaryIO | None = None
        self._rest = b""
        self._stamp = b""
        self._left = options.limit

    def __enter__(self) -> LogReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def full(self) -> bool:
        """Whether the limit of bytes is reached."""
        return self._left == 0

    def blocks(self, *, last: bool) -> Iterator[bytes]:
        """Yield what the file holds beyond what was read before.

        Args:
            last: The file does not grow any more; its last line need not be complete.
        """
        if self._file is None and not self._open():
            return
        assert self._file is not None  # noqa: S101 - for the type checker
        while not self.full:
            read = self._file.read(_BLOCK)
            *lines, self._rest = (self._rest + read).split(b"\n")
            chosen = [line + b"\n" for line in lines]
            if not read and last and self._rest:
                chosen, self._rest = [self._rest], b""
            if block := self._cut(b"".join(map(self._shown, chosen))):
                yield block
            if not read:
                return

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return False
        if self._options.tail is not None:
            self._file.seek(tail_offset(self._file, self._options.tail))
        return True

    def _shown(self, line: bytes) -> bytes:
        """Return a line as it is asked for; nothing when it is too old.

        A line without a time of its own, such as a traceback's, belongs to the line before it.
        """
        if match := _STAMP.match(line):
            self._stamp = match[1] + b"." + (match[2] or b"").ljust(9, b"0") + b"Z"
        since = self._options.since
        if since is not None and self._stamp and _seconds(self._stamp) < since:
            return b""
        return self._stamp + b" " + line if self._options.timestamps and self._stamp else line

    def _cut(self, block: bytes) -> bytes:
        if self._left is None:
            return block
        block = block[: self._left]
        self._left -= len(block)
        return block


def tail_offset(file: BinaryIO, lines: int) -> int:
    """Return where the last `lines` lines of a file begin, in bytes; an unfinished one counts."""
    end = file.seek(0, 2)
    if lines == 0:
        return end
    wanted, at, block = lines, end, b""
    while at > 0:
        start = max(0, at - _BLOCK)
        file.seek(start)
        block = file.read(at - start)
        if at == end and block.endswith(b"\n"):
            block = block[:-1]  # ends the last line, does not begin another
        cut = len(block)
        while (cut := block.rfind(b"\n", 0, cut)) >= 0:
            wanted -= 1
            if wanted == 0:
                return start + cut + 1
        at = start
    return 0


def _seconds(stamp: bytes) -> float:
    try:
        return datetime.fromisoformat(stamp.decode()).timestamp()
    except ValueError:  # digits that are no date
        return float("inf")
