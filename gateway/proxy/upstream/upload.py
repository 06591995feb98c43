"""The content of a call that is sent on while it arrives: how long the client may keep the call, and what that means.

Such a call holds a permit, a connection and the attention of an upstream, which other clients need too. So the client
goes on sending or loses it; and what becomes of a call that had to wait for its client says nothing about the upstream.
"""

from __future__ import annotations

import asyncio

from gateway.core.exchange import RequestContent
from gateway.core.verdict import Refusal, refuse

STILL = 5.0
"""Seconds that a call waits for its client, renewed by every ``PORTION`` bytes."""

PORTION = 40 * 1024  # bytes; with STILL a rate of 8 KiB/s, half of what ``proxy.message.body`` asks for in the long run

SLOW = 1.0
"""Seconds of waiting for the client in all, from which on a failure is no longer the upstream's: it may have given up."""


class Upload:
    """``content`` while it is read piece by piece for a call.

    ``late`` is set by ``end``: the outcome of the call says nothing about the upstream, since that had to wait for the
    client.
    """

    __slots__ = ("_content", "_loop", "_mark", "_still", "_waited", "late", "length", "limit")

    def __init__(self, content: RequestContent, loop: asyncio.AbstractEventLoop) -> None:
        self._content = content
        self._loop = loop
        self._mark = content.arrived  # bytes that were here when the client's time was renewed
        self._still = 0.0  # seconds waited since then
        self._waited = 0.0  # seconds in all
        self.late = False
        self.length = content.length
        self.limit = content.limit

    @property
    def received(self) -> int:
        """Bytes that were read."""
        return self._content.received

    @property
    def arrived(self) -> int:
        """Bytes that are here, read or not."""
        return self._content.arrived

    @property
    def complete(self) -> bool:
        """Whether every byte is here, read or not, or no more will arrive."""
        return self._content.complete

    def whole(self) -> bytes | Refusal | None:
        """See ``RequestBody.whole``."""
        return self._content.whole()

    def put_back(self, data: bytes) -> None:
        """See ``RequestBody.put_back``."""
        self._content.put_back(data)

    async def gather(self, least: int) -> Refusal | None:
        """See ``RequestBody.gather``."""
        return await self._content.gather(least)

    async def read(self) -> bytes | Refusal:
        """The next bytes, ``b""`` at the end; a refusal also when the client has stood still for too long.

        What arrives counts, and not what is read: a policy may hold back what has arrived until it knows more of it.
        """
        while True:
            piece = await self._read_in_time()
            if self._content.arrived - self._mark >= PORTION:
                self._mark, self._still = self._content.arrived, 0.0
            elif piece is None:
                return refuse("body_timeout", f"{self.arrived} bytes received, then too few", close=True)
            if piece is not None:
                return piece

    async def _read_in_time(self) -> bytes | Refusal | None:
        """The next bytes or a refusal, None when they did not come in what is left of the client's time."""
        began = self._loop.time()
        try:
            async with asyncio.timeout(STILL - self._still):
                return await self._content.read()
        except TimeoutError:
            return None
        finally:
            waited = self._loop.time() - began
            self._still += waited
            self._waited += waited

    def end(self, upstream_stood_still: bool) -> None:
        """Note that the call has a response or has failed, while the upstream took nothing more where that is so."""
        self.late = self._waited > SLOW or not (self.complete or upstream_stood_still)
