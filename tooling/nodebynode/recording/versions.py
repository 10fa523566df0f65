"""The versions of a recording's format: how each begins, and how old ones are brought up to date.

The first line of every version is `{"recording": "nodebynode", "version": 2, "began": "…"}`, with
the beginning in RFC 3339. What is behind it is for the version to say; it is read by one reader,
that of the present version (`lines.py`), after old lines have gone through `migration`.

Version 1: whole objects, no deltas.

    {"t": 0, "snapshot": {"pods": [{…}, …]}}
    {"t": 150, "type": "MODIFIED", "kind": "pods", "object": {…}}
    {"t": 970, "mark": "action", "text": "kubectl cordon worker2"}
    {"t": 990, "end": true}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from nodebynode.recording.lines import Encoder, Line
from nodebynode.state.status import Json

VERSION = 2
Migration = Callable[[Json], Iterable[Json]]
"""Brings one line after the other up to date; a migration knows the lines before."""


def header(began: datetime) -> Line:
    """The first line."""
    return {
        "recording": "nodebynode",
        "version": VERSION,
        "began": began.isoformat(timespec="milliseconds"),
    }


def migration(version: int) -> Migration:
    """What turns lines of a version into lines of this one."""
    return _from_1() if version == 1 else lambda line: (line,)


def _from_1() -> Migration:
    encoder = Encoder()

    def migrate(line: Json) -> Iterable[Json]:
        if "snapshot" in line:
            return (encoder.there(line["snapshot"]),)
        if "object" in line:
            return encoder.change(line["t"], line["kind"], line["type"], line["object"])
        return (line,)

    return migrate
