"""TLS connections whose client may end its side and still get its response (RFC 8446 6.1).

The transports of both loops close a connection when close_notify comes: they read it as the end of both directions, as TLS 1.2
had it. TLS 1.3 ends one of them. So close_notify is kept from the transport, and whoever asks is informed of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable


class HalfCloseTls(ssl.SSLObject):
    """The TLS of one connection. ``on_end`` is called once, when the other side has sent close_notify; until it is set, a
    close_notify ends the connection as ever."""

    on_end: Callable[[], None] | None = None
    _ended = False

    def read(  # type: ignore[override]  # the stubs take any buffer, for which Python 3.11 has no name
        self, len: int = 1024, buffer: bytearray | None = None
    ) -> bytes:
        """As that of the standard library, but without the end of input once ``on_end`` is set."""
        found = super().read(len, buffer)
        if found or self.on_end is None or not len:
            return found
        if not self._ended:
            self._ended = True
            asyncio.get_running_loop().call_soon(self.on_end)  # the bytes before it are passed on first
        raise ssl.SSLWantReadError


def keep_open_at_close_notify(transport: asyncio.Transport | None, on_end: Callable[[], None] | None) -> None:
    """Have ``on_end`` called, behind the bytes before it, when close_notify comes on ``transport``, whose TLS was made by
    ``HalfCloseTls``, in place of closing it; None: as ever."""
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    if isinstance(tls, HalfCloseTls):
        tls.on_end = on_end


def undecrypted(transport: asyncio.Transport | None) -> bytes:
    """What had come on ``transport`` when it ended and was not read, since reading was paused. uvloop closes at the end of TCP
    with that unread."""
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    parts: list[bytes] = []
    with contextlib.suppress(ssl.SSLError):
        while isinstance(tls, HalfCloseTls) and (piece := tls.read(65536)):
            parts.append(piece)
    return b"".join(parts)
