"""A tunnel: after 101 (Switching Protocols) bytes pass between client and upstream, unread (RFC 9110 7.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.proxy.flow.lasting import LastingResponses
from gateway.proxy.flow.writer import Downstream
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.routing.route import CompiledRoute


class TunnelEnd(asyncio.Protocol):
    """One end of a tunnel, on ``transport``: passes what arrives there to ``other``, ``passed`` bytes so far.

    Reading stops while the other end takes less than it is sent. ``on_lost`` is called when the transport is closed.
    """

    __slots__ = ("_on_lost", "other", "passed", "transport")

    other: TunnelEnd
    transport: asyncio.Transport

    def __init__(self, on_lost: Callable[[Exception | None], None]) -> None:
        self.passed = 0
        self._on_lost = on_lost

    def data_received(self, data: bytes) -> None:
        self.passed += len(data)
        if not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(exc)


class Tunnel:
    """Takes the connections of ``client`` and ``upstream`` over, and sends the client ``head`` first.

    Both are out of their parsers, pool and timeouts from here on; ``client`` still sees the end of its connection, and a
    client that takes nothing is cut off (``server.send_clock``), as is one whose token ends (``run_tunnel``). No other clock bounds a tunnel: one that is silent lasts, an
    upstream that takes nothing holds it until the drain, and while one side is not read from, the gateway
    does not see that it has left. Either side's end of sending (a half close) ends both ways. Raises
    ConnectionResetError when the client has left: then the upstream's connection is closed too.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, client: Downstream, upstream: UpstreamConnection, head: bytes
    ) -> None:
        self._client = client
        self._closed = loop.create_future()
        near, far = TunnelEnd(self._client_lost), TunnelEnd(self._upstream_lost)
        near.other, far.other = far, near
        far.transport, early = upstream.detach(far)
        try:
            near.transport = client.detach(near)
        except ConnectionResetError:
            far.transport.abort()
            raise
        if client.writing_paused:  # of which a transport informs a protocol once, and that was the one before
            near.pause_writing()
        if upstream.drained is not None:
            far.pause_writing()
        near.transport.write(head + early)
        self._near, self._far, self._early = near, far, len(early)

    @property
    def bytes_in(self) -> int:
        """Bytes that the client has sent."""
        return self._near.passed

    @property
    def bytes_out(self) -> int:
        """Bytes that the upstream has sent."""
        return self._early + self._far.passed

    def cut(self) -> None:
        """End both ends at once, whatever waits to be sent to them."""
        self._near.transport.abort()
        self._far.transport.abort()

    async def until_closed(self) -> None:
        """Wait until one end is closed, and close the other one behind what it is still sent."""
        try:
            await self._closed
        finally:
            self._near.transport.close()
            self._far.transport.close()

    def _client_lost(self, exc: Exception | None) -> None:
        self._upstream_lost(exc)
        self._client.connection_lost(exc)

    def _upstream_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)


async def run_tunnel(tunnel: Tunnel, exchange: Exchange, route: CompiledRoute, lasting: LastingResponses) -> None:
    """Pass bytes until one side closes, or ``lasting`` ends the tunnel, and note in ``exchange`` what has passed."""

    def end(refusal: Refusal) -> None:
        exchange.reason, exchange.detail = refusal.reason.slug, refusal.detail
        tunnel.cut()

    try:
        with lasting.watched(exchange, route, end, endless=True):
            await tunnel.until_closed()
    finally:
        exchange.bytes_in += tunnel.bytes_in
        exchange.bytes_out += tunnel.bytes_out
