"""A request as it comes in: its head as sent, and its body while it arrives."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.core.fields import Pair
from gateway.core.verdict import Refusal, refuse

# An honest but slow phone gets one more second for every such portion; a drip does not reach it.
MINIMUM_RATE = 16 * 1024
HIGH_WATER = 128 * 1024  # bytes of a body that nobody has read: the client is not read from until they are


class ReceivedRequest:
    """The head of a request: fields as sent, names in their spelling, values with what blanks follow them.

    ``version`` is ``1.1`` or whatever else was sent. ``persistent`` and ``upgrade`` are what Connection, Upgrade and the
    version ask for (RFC 9112 9.3, RFC 9110 7.8). ``whole``: nothing more of the request will come. ``reframed``: its body
    is read by a parser of its own.
    """

    __slots__ = ("body", "fields", "method", "persistent", "reframed", "target", "upgrade", "version", "whole")

    def __init__(
        self, method: str, target: str, version: str, fields: tuple[Pair, ...], persistent: bool, upgrade: bool
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.persistent = persistent
        self.upgrade = upgrade
        self.whole = False
        self.reframed = False
        self.body: RequestBody | None = None  # once some of it is here, or it is asked for


class Sender(Protocol):
    """The connection that a body comes from."""

    def hold(self) -> None:
        """Read no more for now."""

    def go_on(self) -> None:
        """Read on."""

    def write(self, data: bytes) -> None:
        """Send something that is not part of an answer."""


class RequestBody:
    """The body of a request while it arrives.

    ``length`` is the declared Content-Length in bytes, None for a chunked body. ``limit`` is the most bytes that may
    be read, None for no bound. ``timeout`` is in seconds, counted only while waiting for the client, and grows by one
    second per ``MINIMUM_RATE`` bytes received. ``arrived`` bytes have come, of which ``received`` were read.
    ``complete``: every byte is here, read or not, or no more will come.
    """

    __slots__ = (
        "_broken",
        "_expects",
        "_held",
        "_holding",
        "_parts",
        "_sender",
        "_waited",
        "_wake",
        "arrived",
        "complete",
        "length",
        "limit",
        "received",
        "timeout",
    )

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._parts: list[bytes] | None = []  # None: whatever comes is dropped
        self._held = 0
        self._holding = False
        self._broken: Refusal | None = None
        self._wake: asyncio.Future[None] | None = None
        self._waited = 0.0
        self._expects = False
        self.arrived = 0
        self.complete = False
        self.length: int | None = None
        self.limit: int | None = None
        self.received = 0
        self.timeout = 0.0

    def declare(self, length: int | None, timeout: float, expects: bool) -> None:
        """What the head says of it; ``expects``: the client waits for 100 (RFC 9110 10.1.1)."""
        self.length = length
        self.timeout = timeout
        self._expects = expects

    # the connection's side

    def feed(self, data: bytes) -> None:
        """Some of it has come."""
        self.arrived += len(data)
        if self._parts is None:
            return
        self._parts.append(data)
        self._held += len(data)
        if self._held > HIGH_WATER and not self._holding:
            self._holding = True
            self._sender.hold()
        self._notify()

    def end(self, broken: Refusal | None = None) -> None:
        """All of it has come, or no more will: it is ``broken``."""
        self.complete = True
        self._broken = broken
        self._notify()

    def drop(self) -> None:
        """Nobody will read what is left."""
        self._parts = None
        self._release()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _release(self) -> None:
        self._held = 0
        if self._holding:
            self._holding = False
            self._sender.go_on()

    # the reader's side

    def whole(self) -> bytes | Refusal | None:
        """What ``read_all`` gives, when nothing has to be waited for; None otherwise."""
        return self._take() if self.complete else None

    async def read(self) -> bytes | Refusal:
        """The next bytes, ``b""`` at the end, or the refusal that ends the request."""
        if not self.complete:
            self._invite()
            if not self._parts:
                refusal = await self._wait()
                if refusal is not None:
                    return refusal
        return self._take()

    async def read_all(self) -> bytes | Refusal:
        """The whole body, or the refusal that ends the request."""
        parts: list[bytes] = []
        while True:
            data = await self.read()
            if isinstance(data, Refusal):
                return data
            if not data:
                return b"".join(parts)
            parts.append(data)

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
            return refuse("body_too_large", f"more than {self.limit} bytes", close=True)
        return data

    async def _wait(self) -> Refusal | None:
        """Until something has come."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        budget = self.timeout + self.received / MINIMUM_RATE - self._waited
        self._wake = loop.create_future()
        try:
            async with asyncio.timeout(budget):
                await self._wake
        except TimeoutError:
            return refuse("body_timeout", f"{self.received} bytes received", close=True)
        finally:
            self._wake = None
        self._waited += loop.time() - started
        return None

    def _invite(self) -> None:
        """RFC 9110 10.1.1: the client waits for 100 before it sends; by now nothing speaks against the body."""
        if self._expects:
            self._expects = False
            self._sender.write(b"HTTP/1.1 100 Continue\r\n\r\n")
