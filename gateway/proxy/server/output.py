"""What a client is sent: the writing side of its connection, and whether it takes what it is sent."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from gateway.proxy.wire.write_batch import WriteBatch


class ClientOutput(asyncio.Protocol):
    """The writing side of a client's connection (``flow.writer.ClientWire``). Writes leave through ``write_batch``.

    ``transport`` is None before the connection is made and when it is lost. ``secure``: it is under TLS. ``on_paused`` is called
    when the client begins to take less than it is sent.
    """

    __slots__ = ("_drained", "_loop", "_on_paused", "_write_batch", "secure", "transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, write_batch: WriteBatch, on_paused: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.secure = False
        self._loop = loop
        self._write_batch = write_batch
        self._on_paused = on_paused
        self._drained: asyncio.Future[None] | None = None

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport is None or self.transport.is_closing()

    @property
    def writing_paused(self) -> bool:
        """Whether the client takes less than it is sent."""
        return self._drained is not None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream, which is both ways
        self.secure = transport.get_extra_info("sslcontext") is not None

    def pause_writing(self) -> None:
        if self._drained is None:
            self._drained = self._loop.create_future()
            self._on_paused()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # what a response asks of the connection

    def write(self, data: bytes) -> None:
        """Send ``data`` at once, behind what waits to be sent. Raises ConnectionResetError when the client has left."""
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        self._write_batch.flush()
        transport.write(data)

    def send(self, data: bytes, alone: bool) -> None:
        """Send ``data`` with what else is sent in this iteration, at once where it is ``alone``. Raises as ``write``."""
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        self._write_batch.write(transport, data, alone)

    async def drain(self) -> None:
        """Wait while the client takes less than it is sent."""
        if self._drained is not None:
            await self._drained

    def reset(self) -> None:
        """End with a reset, so that a response that was cut off cannot look whole, not even one framed by its end."""
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
