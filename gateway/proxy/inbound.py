"""A request as the server hands it over: the seam between aiohttp's parser and the gateway's own record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from gateway.core.reason import Refusal, refuse

# An honest but slow phone gets one more second for every such portion; a drip does not reach it.
MINIMUM_RATE = 16 * 1024


class Body:
    """The body of a request while it arrives.

    ``length`` is the declared Content-Length in bytes, None for a chunked body. ``limit`` is the most bytes that may
    be read, None for no bound. ``timeout`` is in seconds, counted only while waiting for the client, and grows by one
    second per ``MINIMUM_RATE`` bytes received.
    """

    __slots__ = ("_expects", "_payload", "_transport", "_waited", "length", "limit", "received", "timeout")

    def __init__(
        self, payload: StreamReader, length: int | None, timeout: float, transport: Any, expects: bool
    ) -> None:
        self._payload = payload
        self._transport = transport
        self._expects = expects
        self._waited = 0.0
        self.length = length
        self.limit: int | None = None
        self.received = 0
        self.timeout = timeout

    @property
    def complete(self) -> bool:
        """Whether every byte is already here."""
        return self._payload.is_eof()

    async def read(self) -> bytes | Refusal:
        """The next bytes, ``b""`` at the end, or the refusal that ends the request."""
        payload = self._payload
        if payload.is_eof() and payload.exception() is None:
            data = payload.read_nowait(-1) if not payload.at_eof() else b""
        else:
            if not payload.is_eof():
                self._invite()
            loop = asyncio.get_running_loop()
            started = loop.time()
            budget = self.timeout + self.received / MINIMUM_RATE - self._waited
            try:
                async with asyncio.timeout(budget):
                    data = await payload.readany()
            except TimeoutError:
                return refuse("body_timeout", f"{self.received} bytes received", close=True)
            except HttpProcessingError as error:  # a bad chunk
                return refuse("body_malformed", type(error).__name__, close=True)
            self._waited += loop.time() - started
        self.received += len(data)
        if self.limit is not None and self.received > self.limit:
            return refuse("body_too_large", f"more than {self.limit} bytes", close=True)
        return data

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

    async def chunks(self) -> AsyncIterator[bytes | Refusal]:
        """The body in pieces as they arrive; a Refusal, if any, is the last item."""
        while data := await self.read():
            yield data
            if isinstance(data, Refusal):
                return

    def _invite(self) -> None:
        """RFC 9110 10.1.1: the client waits for 100 before it sends; by now nothing speaks against the body."""
        if self._expects:
            self._expects = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


class Inbound:
    """A request as it came in: aiohttp's parsed head, the body as it arrives, and the connection.

    ``_cancel`` is what aiohttp calls when the connection is lost or the server shuts down.
    """

    __slots__ = ("message", "payload", "protocol")

    def __init__(self, message: RawRequestMessage, payload: StreamReader, protocol: Any) -> None:
        self.message = message
        self.payload = payload
        self.protocol = protocol

    def _cancel(self, error: BaseException) -> None:
        self.payload.set_exception(error)
