"""The wire back to the client of one request."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from gateway.core.fields import Pair
from gateway.core.response_fields import response_pairs
from gateway.proxy.flow.render import status_line

if TYPE_CHECKING:
    from gateway.proxy.server.connection import ClientConnection


class ResponseWriter:
    """Where an answer goes. ``keep_alive``: the connection is to live on after it. ``began``: some of it is on its way."""

    __slots__ = ("began", "connection", "http10", "keep_alive", "transport")

    def __init__(self, connection: ClientConnection, http10: bool, keep_alive: bool) -> None:
        self.connection = connection
        self.transport = connection.transport
        self.http10 = http10
        self.keep_alive = keep_alive
        self.began = False

    def interim(self, status: int, raw: list[Pair]) -> None:
        """Pass an upstream's 1xx on (RFC 9110 15.2), of its fields only what 103 is for (RFC 8297)."""
        if status == 103 and not self.http10:
            links = b"".join(b"link: %b\r\n" % value for name, value in response_pairs(raw)[0] if name == b"link")
            if links:
                self.write(status_line(status) + links + b"\r\n")
                self.began = False

    def write(self, data: bytes) -> None:
        """Send a part of an answer. Raises ConnectionResetError when the client has left."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.began = True
        self.connection.write(data)

    def answer(self, data: bytes) -> bool:
        """Send the whole of an answer; whether the connection lives on. Raises as ``write``."""
        if not self.keep_alive:
            self.write(data)
            return False
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.began = True
        connection = self.connection
        connection.outbox.write(self.transport, data, connection.gateway.in_flight == 1)
        return True

    async def drain(self) -> None:
        """Wait while the client takes less than it is sent."""
        await self.connection.drain()

    def cut(self) -> None:
        """End with a reset, so that a cut answer can never look whole, not even one framed by its end."""
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
