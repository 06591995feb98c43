"""The body of a request while it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gateway.core.verdict import Refusal, refuse

# An honest but slow phone gets one more second for every such portion; a client that drips single bytes never does.
MINIMUM_RATE = 16 * 1024
HIGH_WATER = 128 * 1024  # bytes of a body that are not read yet: more are not taken from the client until they are

_MOST_PARTS = 256  # unread pieces of a body; more are joined, since a tiny one takes twenty times its size

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyCallbacks(NamedTuple):
    """The callbacks of an HTTP parser that reads nothing but a body."""

    on_body: Callable[[bytes], None]
    on_message_complete: Callable[[], None]


class Source(Protocol):
    """The connection that a body arrives on."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Take one ``pause`` back."""

    def write(self, data: bytes) -> None:
        """Send an informational response."""


class RequestBody:
    """The body of a request while it arrives.

    ``length`` is the declared Content-Length in bytes, None for a chunked body. ``limit`` is the most bytes that may
    be read, None for no bound. ``timeout`` is in seconds, counted only while waiting for the client, and grows by one
    second per ``MINIMUM_RATE`` bytes received. ``arrived`` bytes are here in ``pieces``, of which ``received`` were read.
    ``complete``: every byte is here, read or not, or no more will arrive.
    """

    __slots__ = (
        "_broken",
        "_expects",
        "_parts",
        "_paused",
        "_source",
        "_unread",
        "_waited",
        "_wake",
        "arrived",
        "complete",
        "length",
        "limit",
        "pieces",
        "received",
        "timeout",
    )

    late = False  # nothing is known of that here: see ``proxy.upstream.upload``

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parts: list[bytes] | None = []  # None: what arrives is dropped
        self._unread = 0
        self._paused = False
        self._broken: Refusal | None = None
        self._wake: asyncio.Future[None] | None = None
        self._waited = 0.0
        self._expects = False
        self.arrived = 0
        self.pieces = 0
        self.complete = False
        self.length: int | None = None
        self.limit: int | None = None
        self.received = 0
        self.timeout = 0.0

    def declare(self, length: int | None, timeout: float, expects: bool) -> None:
        """Take from the head what is known before; ``expects``: the client waits for 100 (RFC 9110 10.1.1)."""
        self.length = length
        self.timeout = timeout
        self._expects = expects

    @property
    def unread(self) -> int:
        """Bytes that are here and were not read."""
        return self._unread

    # the connection's side

    def feed(self, data: bytes) -> None:
        """Take ``data``, which has arrived."""
        self.arrived += len(data)
        self.pieces += 1
        if self._parts is None:
            return
        self._parts.append(data)
        self._unread += len(data)
        if self._unread > HIGH_WATER and not self._paused:
            self._paused = True
            self._source.pause()
        self._notify()

    def end(self, broken: Refusal | None = None) -> None:
        """Note that all of it has arrived, or that no more will: then it is ``broken``."""
        self.complete = True
        self._broken = self._broken or broken
        self._notify()

    def drop(self) -> None:
        """Forget what is unread, and what will arrive."""
        self._parts = None
        self._release()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _release(self) -> None:
        self._unread = 0
        if self._paused:
            self._paused = False
            self._source.resume()

    # the reader's side

    def whole(self) -> bytes | Refusal | None:
        """All that is left, or the refusal, where it is known without waiting; None when it would wait."""
        return self._take() if self.complete else None

    async def gather(self, least: int) -> Refusal | None:
        """Wait until ``least`` bytes are here unread, at most ``HIGH_WATER``, or all of it; takes nothing.

        The refusal when the client took too long.
        """
        while not self.complete and self._unread < least:
            self._send_continue()
            refusal = await self._wait()
            if refusal is not None:
                return refusal
            if self._parts is not None and len(self._parts) > _MOST_PARTS:
                self._parts = [b"".join(self._parts)]
        return None

    def put_back(self, data: bytes) -> None:
        """Take back ``data``, which was read: it is read again."""
        if self._parts is None or not data:
            return
        self._parts.insert(0, data)
        self.received -= len(data)
        self._unread += len(data)
        if self._unread > HIGH_WATER and not self._paused and not self.complete:
            self._paused = True
            self._source.pause()

    async def read(self) -> bytes | Refusal:
        """The next bytes, ``b""`` at the end, or the refusal that ends the request."""
        if not self.complete:
            self._send_continue()
            if not self._parts:
                refusal = await self._wait()
                if refusal is not None:
                    return refusal
        return self._take()

    def _take(self) -> bytes | Refusal:
        if self._broken is not None:
            return self._broken
        parts = self._parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self._release()
        self.received += len(data)
        if self.limit is not None and self.received > self.limit:
            self._broken = refuse("body_too_large", f"more than {self.limit} bytes", close=True)
            return self._broken
        return data

    async def _wait(self) -> Refusal | None:
        """Wait until more has arrived; a refusal when the client took too long."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        budget = self.timeout + self.arrived / MINIMUM_RATE - self._waited
        self._wake = loop.create_future()
        try:
            async with asyncio.timeout(budget):
                await self._wake
        except TimeoutError:
            return refuse("body_timeout", f"{self.arrived} bytes received", close=True)
        finally:
            self._wake = None
            self._waited += loop.time() - started  # also where the reader waits no longer, and asks again
        return None

    def _send_continue(self) -> None:
        """Invite the body of a client that waits for 100 (RFC 9110 10.1.1): by now no stage has refused the head."""
        if self._expects:
            self._expects = False
            self._source.write(_CONTINUE)
