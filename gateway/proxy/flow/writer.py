"""The client's side of one request: where its response goes."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.core.fields import Pair
from gateway.proxy.flow.render import KEPT, KEPT_BY_HTTP10, render_informational


class ClientWire(Protocol):
    """The connection to the client. ``write`` raises ConnectionResetError when the client has left."""

    def write(self, data: bytes) -> None:
        """Send ``data`` at once, behind what waits to be sent."""

    async def drain(self) -> None:
        """Wait while the client takes less than it is sent."""

    def reset(self) -> None:
        """End with a reset, so that a response that was cut off cannot look whole."""


class Downstream(ClientWire, Protocol):
    """The connection that the request came on."""

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""

    @property
    def writing_paused(self) -> bool:
        """Whether the client takes less than it is sent."""

    def send(self, data: bytes, alone: bool) -> None:
        """Send ``data`` with what other requests of this iteration send; at once where it is ``alone``. Raises as
        ``write``."""

    def release(self, keep_alive: bool) -> None:
        """Go on to the next request, or close unless ``keep_alive``."""

    def force_close(self) -> None:
        """Close behind what has been sent."""

    def detach(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Hand the transport to ``protocol`` for good. Raises ConnectionResetError when the client has left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport that was handed over is closed."""


class ResponseWriter:
    """Sends the response to one request.

    ``http10``: the client speaks HTTP/1.0. ``keep_alive``: the connection stays open after the response, whose head ends with
    ``kept`` then.
    """

    __slots__ = ("http10", "keep_alive", "kept", "wire")

    def __init__(self, wire: ClientWire, http10: bool, keep_alive: bool) -> None:
        self.wire = wire
        self.http10 = http10
        self.kept = KEPT_BY_HTTP10 if http10 else KEPT
        self.keep_alive = keep_alive

    def send_informational(self, status: int, raw: list[Pair]) -> None:
        """Send an upstream's 1xx with the fields ``raw``, where it may be passed on and the client knows of 1xx."""
        data = b"" if self.http10 else render_informational(status, raw)
        if data:
            self.wire.write(data)

    def cut(self) -> None:
        """End a response in the middle."""
        self.keep_alive = False
        self.wire.reset()
