"""The connection of a client that is one too many: it gets a response if that costs no wait, and never a protocol."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial

from gateway.proxy.server.linger import Linger

MOST = 16  # refused clients at once that may go on sending
_ENOUGH = 65536  # bytes of a request that are taken at once


class RefusedWire:
    """A ``ClientWire`` on ``accepted``, which does not block and which the caller closes. What the client's kernel does not
    take at once is lost."""

    def __init__(self, accepted: socket.socket) -> None:
        self._accepted = accepted

    def write(self, data: bytes) -> None:
        """Send ``data``, and take what has arrived: closing with bytes unread is a reset, which may overtake the response
        (RFC 9112 9.6)."""
        with contextlib.suppress(OSError):
            self._accepted.send(data)
            self._accepted.shutdown(socket.SHUT_WR)
            self._accepted.recv(_ENOUGH)

    async def drain(self) -> None:
        """Nothing waits here."""

    def reset(self) -> None:
        """The caller closes."""


class RefusedSockets:
    """The sockets of a few clients that were refused, which may go on sending within the bounds of ``Linger``; the others are
    closed at once, so that nobody holds descriptors by being refused."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open: dict[socket.socket, Linger] = {}

    def __len__(self) -> int:
        return len(self._open)

    def close_later(self, refused: socket.socket) -> None:
        """Close ``refused``, which does not block, when its client sends no more."""
        if len(self._open) >= MOST:
            refused.close()
            return
        self._open[refused] = Linger(self._loop, partial(self._close, refused))
        self._loop.add_reader(refused, self._take, refused)

    def close(self) -> None:
        """Close all that are left."""
        for refused in list(self._open):
            self._close(refused)

    def _take(self, refused: socket.socket) -> None:
        try:
            size = len(refused.recv(_ENOUGH))
        except BlockingIOError:
            return
        except OSError:  # the client has reset the connection
            size = 0
        if size:
            self._open[refused].took(size)
        else:
            self._close(refused)

    def _close(self, refused: socket.socket) -> None:
        self._open.pop(refused).cancel()
        self._loop.remove_reader(refused)
        refused.close()
