"""Carrying TCP connections from a listening port to an address chosen for each.

Written on bare sockets and the loop's readiness callbacks: asyncio's own streams and transports
make two tasks and a dozen callbacks for every connection, which is three times the work.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

Address = tuple[str, int]
_BACKLOG = 1024
_BLOCK = 65536
_BREATHER = 0.1
"""Seconds until the next try when this process has no file descriptors left."""
_NONBLOCK: int = getattr(socket, "SOCK_NONBLOCK", 0)
"""Where the system has it, one call fewer for each connection."""
_RESET = struct.pack("ii", 1, 0)


class Listener:
    """Accepts connections on a port of 127.0.0.1 and carries each to where `choose` says.

    Args:
        port: The port.
        choose: Given the client's address; None means that the connection is reset.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int, choose: Callable[[str], Address | None]) -> None:
        self._choose = choose
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        self._socket.setblocking(False)
        # Its connections inherit this: an answer in two parts must not wait for a receipt.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listen()

    def _listen(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Refuse new connections; those that are there go on."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        """Accept one connection; the loop calls again at once while more of them wait."""
        try:
            client, peer = self._socket.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):  # it still waits: not to be asked again
                self._loop.remove_reader(self._socket)  # at once, which would take a whole core
                self._loop.call_later(_BREATHER, self._listen)
            return  # or it has gone already
        address = self._choose(peer[0])
        if address is None:
            _reset(client)
        else:
            Connection(self._loop, client, address)


class Connection:
    """One connection, from its acceptance to its end; nothing changes where it leads."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, client: socket.socket, address: Address
    ) -> None:
        self._loop, self._client = loop, client
        client.setblocking(False)
        self._pod = socket.socket(socket.AF_INET, socket.SOCK_STREAM | _NONBLOCK)
        if not _NONBLOCK:
            self._pod.setblocking(False)
        self._waiting: dict[socket.socket, bytes] = {}  # what its receiver was too slow to take
        self._ends = 0  # from how many of the two nothing more will come
        # What this returns is not asked: a failure is met by the first recv() or send(), and until
        # an app that does not accept takes the connection, what is sent to it waits.
        self._pod.connect_ex(address)
        loop.add_reader(client, self._carry, client, self._pod)
        loop.add_reader(self._pod, self._carry, self._pod, client)
        self._carry(client, self._pod)  # its request is often here already

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        """Take what has come at one end, and send it out at the other."""
        try:
            data = source.recv(_BLOCK)
        except BlockingIOError:
            return
        except OSError:
            self._end(reset=True)
            return
        if not data:
            self._half_close(source, sink)
            return
        try:
            sent = sink.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(reset=True)
            return
        if sent < len(data):
            self._waiting[sink] = data[sent:]
            self._loop.remove_reader(source)
            self._loop.add_writer(sink, self._go_on, source, sink)

    def _go_on(self, source: socket.socket, sink: socket.socket) -> None:
        """Send the rest of what a slow receiver had no room for."""
        data = self._waiting[sink]
        try:
            sent = sink.send(data)
        except BlockingIOError:
            return
        except OSError:
            self._end(reset=True)
            return
        if sent < len(data):
            self._waiting[sink] = data[sent:]
            return
        del self._waiting[sink]
        self._loop.remove_writer(sink)
        self._loop.add_reader(source, self._carry, source, sink)

    def _half_close(self, source: socket.socket, sink: socket.socket) -> None:
        """Pass on that nothing more comes from one end; after both, the connection is over."""
        self._ends += 1
        if self._ends == 2:
            self._end()
            return
        self._loop.remove_reader(source)
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(reset=True)

    def _end(self, *, reset: bool = False) -> None:
        for one in (self._client, self._pod):
            self._loop.remove_reader(one)
            if reset or self._waiting:
                self._loop.remove_writer(one)
            if reset:
                _reset(one)
            else:
                one.close()


def _reset(one: socket.socket) -> None:
    """Cut a connection as a host does that knows nothing of it: with a reset."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    one.close()
