"""What the supervisor is to run: written by the provider, read by the supervisor.

The supervisor knows no component by name; all that makes one special stands here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nodebynode.cluster.embedded.files import write_private


@dataclass(frozen=True, slots=True)
class Child:
    """A process that the supervisor keeps running.

    Attributes:
        name: Its name in states, messages and log files.
        argv: Its program and arguments.
        env: Its complete environment; the supervisor's own when None.
        needs_api: It is started only while the API server calls itself ready.
        ends_with_lifeline: It ends in good order when its standard input is closed; another is
            sent SIGTERM for that.
        stage: Children end in stages, the lowest first; those of one stage at the same time.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    needs_api: bool = False
    ends_with_lifeline: bool = False
    stage: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All children, in the order of their start, and how the API server is asked.

    Attributes:
        children: The processes.
        port: The API server's port of 127.0.0.1.
        ca: The file of the authority that its certificate comes from.
        certificate: The file of the supervisor's own certificate.
        key: The file of its key.
    """

    children: tuple[Child, ...]
    port: int
    ca: str
    certificate: str
    key: str

    def write(self, file: Path) -> None:
        """Store the plan."""
        write_private(file, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, file: Path) -> Plan:
        """Return the plan in a file.

        Raises:
            OSError, ValueError, KeyError, TypeError: there is none, or it is damaged.
        """
        raw = json.loads(file.read_text())
        children = [{**child, "argv": tuple(child["argv"])} for child in raw.pop("children")]
        return cls(children=tuple(Child(**child) for child in children), **raw)
