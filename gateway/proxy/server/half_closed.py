"""Clients that have ended their side of the connection: they may still wait for a response, or be gone.

The end of input is what both look like (RFC 9293 3.6): ``shutdown`` of the sending side, and a process that has exited. Only
bytes sent to it show the difference, by the reset that comes back. Until its response begins, the timeouts of the call are
the clock. A stream may be silent for as long as it likes, so here is a clock for it; and a reset that comes meanwhile is
noticed by looking, since a connection whose input has ended is not read any more.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.proxy.wire.tcp import is_reset

LOOK = 0.5  # seconds between two looks
WAITING = 300.0  # seconds until a response begins, in case that nothing else bounds them
SILENT = 10.0  # seconds without a byte of a response that has begun, after which the client is taken for gone


class HalfClosedClient(Protocol):
    """A connection whose client has ended its side. ``streamed`` are the bytes sent so far of a response that is passed on as
    it arrives, None where there is none."""

    transport: asyncio.Transport | None

    @property
    def streamed_bytes(self) -> int | None: ...

    def abort(self) -> None:
        """End at once, whatever is in progress."""


class HalfClosedWatch:
    """Looks at ``client`` from time to time, until its connection is over."""

    __slots__ = ("_client", "_loop", "_seen", "_since", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, client: HalfClosedClient) -> None:
        self._loop = loop
        self._client = client
        self._seen: int | None = None
        self._since = loop.time()
        self._timer = loop.call_later(LOOK, self._look)

    def cancel(self) -> None:
        """Look no more: the connection is over."""
        self._timer.cancel()

    def _look(self) -> None:
        client, now = self._client, self._loop.time()
        if client.transport is None:
            return
        sent = client.streamed_bytes
        if sent != self._seen:
            self._seen, self._since = sent, now
        if now - self._since >= (WAITING if sent is None else SILENT) or is_reset(
            client.transport.get_extra_info("socket")
        ):
            client.abort()
        else:
            self._timer = self._loop.call_later(LOOK, self._look)
