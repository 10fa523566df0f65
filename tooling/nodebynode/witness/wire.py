"""One request and its answer on one connection: sent once, whatever becomes of it.

HTTP is written out by hand, because what is to be seen is what a client does with a connection. A
library that sends a request again when a kept connection turns out to be closed (aiohttp does, for
methods that may be repeated) hides the very losses that are looked for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

_MOST = 65_536
"""Bytes of an answer that are read."""


class Garbled(Exception):
    """What came was not an HTTP/1 answer."""


class CutShort(Exception):
    """The connection ended in the middle of an answer."""


class EmptyAnswer(Exception):
    """The connection ended before the first byte of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `told` is what the course's app says of itself in it, `keeps` of the connection.

    `told` has `pod`, `node` and `version`, or some of them, or none where another app answers.
    """

    status: int
    told: Mapping[str, str]
    keeps: bool


class Connection:
    """One connection to the Service.

    Attributes:
        id: Its number in the log.
        used: How many requests it has had.
    """

    def __init__(
        self, id_: int, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.id, self.used = id_, 0
        self._host = host
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, id_: int, host: str, port: int) -> Connection:
        """Connect to a port of an address.

        Raises:
            OSError: it is refused, or this process is out of ports or file descriptors.
        """
        return cls(id_, host, *await asyncio.open_connection(host, port, limit=_MOST))

    async def ask(self, *, keep: bool) -> Answer:
        """Send one request and read its answer. It is sent also where the other side has closed.

        Raises:
            OSError: the connection was reset.
            EmptyAnswer, CutShort: it was closed.
            Garbled: what came is no HTTP.
        """
        self.used += 1
        more = "" if keep else "Connection: close\r\n"
        self._writer.write(
            f"GET / HTTP/1.1\r\nHost: {self._host}\r\n"
            f"User-Agent: nodebynode-witness\r\n{more}\r\n".encode()
        )
        try:
            await self._writer.drain()
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise CutShort if error.partial else EmptyAnswer from error
        except asyncio.LimitOverrunError as error:
            raise Garbled from error
        return await self._read_rest(head.decode("latin-1"), keep)

    async def _read_rest(self, head: str, keep: bool) -> Answer:
        first, *lines = head.rstrip("\r\n").split("\r\n")
        protocol, _, rest = first.partition(" ")
        status = rest[:3]
        if not protocol.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()):
            raise Garbled
        fields = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        keeps = keep and fields.get("connection", "").lower() != "close"
        length = fields.get("content-length", "")
        if length.isdigit() and int(length) <= _MOST:
            try:
                body = await self._reader.readexactly(int(length))
            except asyncio.IncompleteReadError as error:
                raise CutShort from error
        elif length or keeps:
            raise Garbled
        else:
            body = await self._reader.read(_MOST)
        return Answer(int(status), _told(body), keeps)

    def close(self) -> None:
        """Drop the connection at once, with whatever is still to come."""
        self._writer.transport.abort()


def _told(body: bytes) -> dict[str, str]:
    found: object = None
    with suppress(ValueError):
        found = json.loads(body)
    if not isinstance(found, dict):
        return {}
    return {key: str(found[key]) for key in ("pod", "node", "version") if key in found}
