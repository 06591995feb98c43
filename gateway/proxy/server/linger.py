"""The end of a connection whose client still sends: what comes is taken and dropped, so that it can read its response.

A close with bytes unread is a reset, which destroys what the client has not read yet (RFC 9112 9.6). Many clients read nothing
before they have sent all. So the gateway goes on taking, within bounds of time and of bytes: the connection counts for all
limits meanwhile, and makes room where another one needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

STILL = 5.0  # seconds without a byte after which a client sends no more
IN_STEP = 2.0  # the same where it has sent nothing that was not answered, and may just be sending: a round trip
MOST_SECONDS = 30.0
MOST_BYTES = 128 * 1024 * 1024
"""A client that sends more than is allowed rarely sends more than these. They cost 40 ms of processor, ten times as many at
most under TLS."""


class Linger:
    """Calls ``on_over`` once when the client has had its time, unless ``cancel`` is called before. ``still``: seconds without a
    byte after which it is over, where that is less than ``STILL``."""

    __slots__ = ("_began", "_left", "_loop", "_on_over", "_still", "_taken", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_over: Callable[[], None], still: float = MOST_SECONDS
    ) -> None:
        self._loop = loop
        self._on_over = on_over
        self._began = self._taken = loop.time()
        self._left = MOST_BYTES
        self._still = still = min(still, STILL)
        self._timer = loop.call_later(still, self._look)

    def took(self, size: int) -> None:
        """Note that ``size`` bytes more were dropped."""
        self._taken = self._loop.time()
        self._left -= size
        if self._left < 0:
            self._end()

    def cancel(self) -> None:
        """Be over, without a word."""
        self._timer.cancel()

    def _look(self) -> None:
        end = min(self._taken + self._still, self._began + MOST_SECONDS)
        if self._loop.time() >= end:
            self._end()
        else:
            self._timer = self._loop.call_at(end, self._look)

    def _end(self) -> None:
        self._timer.cancel()
        self._on_over()
