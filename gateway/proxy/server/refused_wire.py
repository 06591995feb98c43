"""The connection of a client that is one too many: it gets a response if that costs no wait, and never a protocol."""

from __future__ import annotations

import contextlib
import socket

_ENOUGH = 65536  # bytes of a request that may be here already


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
