"""From a recording's file to what it holds, whatever its version and wherever it was cut."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from nodebynode.errors import BadInput
from nodebynode.recording.lines import Decoder, Object
from nodebynode.recording.traffic import RecordedLoad
from nodebynode.recording.versions import VERSION, migration
from nodebynode.state.quantity import parse_time
from nodebynode.state.status import Json

MarkKind = Literal["action", "prediction", "note"]
_GZIP = b"\x1f\x8b"
_NONSENSE = (LookupError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)
_COPY = "Take a copy of it that is whole."


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person did, foretold or noted."""

    at: datetime
    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """One change: `object` after it, or before it where `type` is DELETED."""

    at: datetime
    kind_plural: str
    type: str
    object: Json
    shows: bool
    """Whether a State differs after it; a node's heartbeat, say, shows nothing."""


class Frame(NamedTuple):
    """What was there, by UID, after the first `changes` changes."""

    changes: int
    objects: Mapping[str, Object]


@dataclass(slots=True)
class Contents:
    """What a recording holds; `cut` says what is missing at its end, if anything is."""

    began: datetime
    ended: datetime
    changes: list[Recorded] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    loads: list[RecordedLoad] = field(default_factory=list)
    cut: str = ""


def read_contents(path: Path) -> Contents:
    """Read a file, gzipped or not.

    Raises:
        BadInput: There is no such file, it is no recording or damaged, or its version is newer.
    """
    lines, is_cut = _lines(path)
    began, version = _header(path, lines)
    reader = _Reader(began, version)
    for number, line in enumerate(lines[1:], start=2):
        try:
            reader.take(json.loads(line))
        except _NONSENSE as error:
            if number < len(lines):
                raise _damaged(path, number) from error
            is_cut = True
    return reader.finish(is_cut=is_cut)


class Following:
    """Reads a file while it is written, each time only what is new.

    Args:
        path: The file, not gzipped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._number = 0
        self._rest = b""
        self._reader: _Reader | None = None

    def contents(self) -> Contents:
        """All that it holds by now. It is the same object each time, and grows.

        Raises:
            BadInput: There is no such file, it is no recording or damaged.
        """
        data = _bytes(self._path, self._read)
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in filter(None, lines):
            self._number += 1
            if self._reader is None:
                self._reader = _Reader(*_header(self._path, [line]))
                continue
            try:
                self._reader.take(json.loads(line))
            except _NONSENSE as error:
                raise _damaged(self._path, self._number) from error
        if self._reader is None:
            raise _no_recording(self._path)
        return self._reader.finish(is_cut=bool(self._rest))


def _bytes(path: Path, since: int = 0) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(since)
            return file.read()
    except OSError as error:
        raise BadInput(
            f"The recording {path} cannot be read: {error.strerror}.", "Look at its name."
        ) from error


def _lines(path: Path) -> tuple[list[bytes], bool]:
    """The lines of a file, unpacked, and whether its end was too short to be unpacked."""
    data, is_cut = _bytes(path), False
    if data.startswith(_GZIP):
        unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            data = unpacking.decompress(data)
        except zlib.error as error:
            raise BadInput(f"{path} is damaged.", _COPY) from error
        is_cut = not unpacking.eof
    return [line for line in data.split(b"\n") if line], is_cut


def _header(path: Path, lines: Sequence[bytes]) -> tuple[datetime, int]:
    try:
        line = json.loads(lines[0])
        is_ours = line["recording"] == "nodebynode"
        version, began = int(line["version"]), parse_time(line["began"])
    except (BadInput, *_NONSENSE) as error:
        raise _no_recording(path) from error
    if not is_ours or began is None or version < 1:
        raise _no_recording(path)
    if version > VERSION:
        raise BadInput(
            f"{path} is a recording of version {version}; this nodebynode reads up to {VERSION}.",
            "Update nodebynode, and open it again.",
        )
    return began, version


def _damaged(path: Path, number: int) -> BadInput:
    return BadInput(f"{path} is damaged in line {number}.", _COPY)


def _no_recording(path: Path) -> BadInput:
    return BadInput(
        f"{path} is no recording of nodebynode, or too little is left of it.",
        "Its recordings end in .jsonl or .jsonl.gz.",
    )


class _Reader:
    """Gathers what the lines tell, one after the other."""

    def __init__(self, began: datetime, version: int) -> None:
        self._into = Contents(began, began)
        self._migrate, self._decoder = migration(version), Decoder()
        self._microseconds = 0
        self._has_ended = False

    def take(self, line: Json) -> None:
        for one in self._migrate(line):
            self._take(one)

    def _take(self, line: Json) -> None:
        into, at = self._into, self._into.began + timedelta(milliseconds=line["t"])
        if "mark" in line:
            if line["mark"] not in get_args(MarkKind):
                raise ValueError(line["mark"])
            into.marks.append(Mark(at, line["mark"], str(line["text"])))
        elif "traffic" in line:
            into.loads.append(RecordedLoad.from_line(line, into.began))
        elif "end" in line:
            self._has_ended = True
        elif told := self._decoder.take(line):
            self._begin()
            at = self._next_instant(line["t"])
            plural, obj = told.object
            into.changes.append(Recorded(at, plural, told.type, obj, told.shows))
        else:
            self._frame(self._decoder.objects)
        into.ended = max(into.ended, at)

    def _frame(self, objects: Mapping[str, Object]) -> None:
        """Keep what is there, unless it is more than what has changed since the frame before."""
        changes, frames = len(self._into.changes), self._into.frames
        if not changes:
            frames[:] = [Frame(0, objects)]
        elif changes - frames[-1].changes >= len(objects):
            frames.append(Frame(changes, objects))

    def _next_instant(self, milliseconds: int) -> datetime:
        """An instant of a change's own: changes of one millisecond are a microsecond apart."""
        self._microseconds = max(milliseconds * 1000, self._microseconds + 1)
        return self._into.began + timedelta(microseconds=self._microseconds)

    def _begin(self) -> None:
        """Say that nothing was there at the beginning, where no line says anything else."""
        if not self._into.frames:
            self._into.frames.append(Frame(0, {}))

    def finish(self, *, is_cut: bool) -> Contents:
        self._begin()
        self._into.cut = ""
        if is_cut or not self._has_ended:
            seconds = (self._into.ended - self._into.began).total_seconds()
            self._into.cut = (
                "The recording has no end: it was cut off, or is still going on."
                f" What happened in its first {seconds:.1f} s is here."
            )
        return self._into
