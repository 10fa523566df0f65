"""Writing a recording while things happen, so that a crash costs no more than the last line."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from nodebynode.errors import BadInput
from nodebynode.recording.lines import Encoder, Line
from nodebynode.recording.reading import MarkKind
from nodebynode.recording.traffic import RecordedLoad
from nodebynode.recording.versions import header
from nodebynode.state.status import Json


class Recorder:
    """Writes one recording. Changes and marks may come from any thread.

    While it records, its file is `NAME.jsonl` and can be read at any time. On close it becomes
    `NAME.jsonl.gz`; where the disk has no room for both, it stays as it is.

    Args:
        path: The file, with or without `.gz`. Its folder is made where there is none.
        clock: Seconds since the epoch.

    Attributes:
        problem: What ended the recording before its time, once it did; `close` raises it.

    Raises:
        BadInput: The file cannot be made, or there is a recording of that name.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._plain = path.with_suffix("") if path.suffix == ".gz" else path
        self._packed = self._plain.with_name(f"{self._plain.name}.gz")
        self._clock, self._began, self._last = clock, round(clock(), 3), 0
        self._lock = threading.Lock()
        self._encoder = Encoder()
        self._file: BinaryIO | None = self._open()
        self.problem: BadInput | None = None
        self._write((header(datetime.fromtimestamp(self._began, UTC)),))

    @property
    def path(self) -> Path:
        """Where the recording is now."""
        return self._plain if self._plain.exists() else self._packed

    def snapshot(self, objects: Mapping[str, Sequence[Json]]) -> None:
        """Take down what is there at the beginning, before any change.

        Args:
            objects: Lists as `parse_state` takes them.
        """
        with self._lock:
            self._write((self._encoder.there(objects),))

    def change(self, plural: str, type_: str, obj: Json, at: float) -> None:
        """Take down a change.

        Args:
            plural: The object's kind; what no State has is left out.
            type_: ADDED, MODIFIED or DELETED.
            obj: The object after the change; before it, when it was deleted.
            at: When it was heard, in seconds since the epoch.
        """
        with self._lock:
            self._write(self._encoder.change(self._since_began(at), plural, type_, obj))

    def mark(self, kind: MarkKind, text: str) -> None:
        """Take down, as of now, what a person did, said or foretold."""
        with self._lock:
            self._write(({"t": self._since_began(self._clock()), "mark": kind, "text": text},))

    def traffic(self, load: RecordedLoad) -> None:
        """Take down what became of a load's requests, once it has ended."""
        with self._lock:
            line = load.as_line(datetime.fromtimestamp(self._began, UTC))
            self._write(({"t": self._since_began(self._clock()), **line},))

    def close(self) -> None:
        """End the recording, and pack it.

        Raises:
            BadInput: The recording ended before its time; raised once.
        """
        with self._lock:
            if self._file is None:
                return
            self._write(({"t": self._since_began(self._clock()), "end": True},))
            with suppress(OSError):  # what could not be written is tried once more here
                self._file.close()
            self._file = None
        if self.problem:
            raise self.problem
        self._pack()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except BadInput:
            if kind is None:
                raise

    def _since_began(self, at: float) -> int:
        """Milliseconds since the beginning; they never go back, whatever the clock does."""
        self._last = max(self._last, round((at - self._began) * 1000))
        return self._last

    def _open(self) -> BinaryIO:
        if self._packed.exists() or self._plain.exists():
            raise BadInput(
                f"There is a recording {self.path} already.",
                "Choose another name, or move it away: no recording is written over.",
            )
        try:
            with suppress(FileExistsError):  # a file: opening what is in it says so in clear words
                self._plain.parent.mkdir(parents=True, exist_ok=True)
            return self._plain.open("xb")
        except OSError as error:
            raise BadInput(
                f"The recording {self._plain} cannot be written: {error.strerror}.",
                "Choose a folder that you may write to.",
            ) from error

    def _write(self, lines: Iterable[Line]) -> None:
        if self._file is None or self.problem:
            return
        try:
            for line in lines:
                self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            self.problem = BadInput(
                f"The recording {self._plain} ended after {self._last / 1000:.0f} s:"
                f" {error.strerror}.",
                "What was written until then can be read. Make room, and record again.",
            )

    def _pack(self) -> None:
        part = self._packed.with_name(f".{self._packed.name}.part")
        try:
            with (
                self._plain.open("rb") as source,
                part.open("wb") as file,
                gzip.GzipFile("", "wb", 9, file, mtime=0) as target,
            ):
                shutil.copyfileobj(source, target)
            part.replace(self._packed)
            self._plain.unlink()
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
