"""One client connection: its requests in turn, with the gateway's bounds, refusals and order of events."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.flow import respond as pipeline
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.message.head import RequestHead
from gateway.proxy.message.parser import RequestParser
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.routing.route import with_verdict

if TYPE_CHECKING:
    from gateway.proxy.flow.flow import Flow
    from gateway.proxy.server.server import Server

LINGER = 2.0  # seconds a refused client may go on sending before the connection ends (RFC 9112 9.6)


class ClientConnection(RequestParser):
    """Hands the requests it reads to ``gateway``, one at a time, in the order in which they came.

    ``passage`` is the way of the request in progress through the gateway. ``rested`` is the loop's time since when there
    is none, 0.0 while there is one.
    """

    __slots__ = (
        "_broken",
        "_drained",
        "_lingering",
        "gateway",
        "head",
        "outbox",
        "passage",
        "peer",
        "rested",
        "secure",
    )

    def __init__(self, gateway: Server) -> None:
        super().__init__(gateway.loop, gateway.limits.header_bytes)
        self.gateway = gateway
        self.outbox = gateway.outbox
        self.peer = ""
        self.secure = False
        self.head: RequestHead | None = None  # of the request before, while it may be repeated
        self.rested = 0.0
        self.passage: Flow | None = None
        self._broken: Refusal | None = None  # for what cannot be read, once the requests before it are answered
        self._drained: asyncio.Future[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport is None or self.transport.is_closing()

    @property
    def resting(self) -> bool:
        """Whether the connection is between requests."""
        return self.inbound is None and not self.deaf

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        gateway = self.gateway
        gateway.clients.add(self)
        self.transport = transport  # type: ignore[assignment]  # of a stream, which is both ways
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self.secure = transport.get_extra_info("sslcontext") is not None
        self.head_since = gateway.loop.time()
        if gateway.draining:
            self.force_close()  # accepted while the listener closed: nobody would end it
        elif gateway.connections > gateway.limits.connections:
            self.refuse_head(refuse("too_many_connections", retry_after=1, close=True))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.silence()
        if self._lingering is not None:
            self._lingering.cancel()
        self.resume_writing()
        if self.passage is not None:
            self.passage.abandon()
        self.inbound = None
        self.gateway.left(self)

    def pause_writing(self) -> None:
        if self._drained is None:
            self._drained = self.gateway.loop.create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        if self.inbound is None and self.ahead:
            self._next(True)

    # one request after the other

    def begin(self, inbound: ReceivedRequest) -> None:
        self.rested = 0.0
        if self._drained is not None:  # who takes no answers gets no more: ``resume_writing`` goes on
            self.inbound = None
            self.ahead.append(inbound)
            return
        self.gateway.arrived.add(self)

    def ended(self) -> None:
        if self._lingering is not None:
            self._over(True)

    def unreadable(self, refusal: Refusal) -> None:
        self._broken = refusal
        if self._lingering is not None:
            self._over(False)
            return
        if self.passage is None:  # what came in one piece with it, and nobody has seen yet, is not trusted either
            self.inbound = None
            self.ahead.clear()
            self.refuse_head(refusal)

    def answered(self, goes_on: bool) -> None:
        """The request in progress is over; ``goes_on``: the connection is not."""
        inbound = self.inbound
        self.passage = None
        if inbound is None:  # the client has left
            return
        if inbound.body is not None or not inbound.whole:
            self._body(inbound).drop()
        if inbound.whole:
            self._next(goes_on)
            return
        # Take what the client still sends, for a while: with bytes unread, a close is a reset (RFC 9112 9.6).
        self._lingering = self.gateway.loop.call_later(LINGER, self._over, False)
        inbound.persistent = goes_on

    def _over(self, whole: bool) -> None:
        """The end of lingering."""
        lingering, self._lingering = self._lingering, None
        if lingering is not None:
            lingering.cancel()
        self._next(whole and self.inbound is not None and self.inbound.persistent)

    def _next(self, goes_on: bool) -> None:
        """Serve what was read ahead, or rest."""
        self.inbound = None
        if not goes_on or self.closing:
            self.force_close()
        elif self.ahead and self._drained is not None:
            pass  # see ``begin``
        elif self.ahead:
            self.inbound = self.ahead.pop(0)
            self.begin(self.inbound)
            self.catch_up()
        elif self._broken is not None:
            self.refuse_head(self._broken)
        elif self.gateway.draining or self.deaf:
            self.force_close()
        else:
            self.rested = self.gateway.loop.time()
            if not self._between:
                self.head_since = self.rested

    # the ends of a connection

    def refuse_head(self, refusal: Refusal) -> None:
        """Refuse what never became a request, and end the connection."""
        self.head_since = 0.0
        self.deaf = True
        try:
            if not self.closing:
                self._tell(refusal)
        finally:
            self._end()

    def _end(self) -> None:
        """Close in two steps: with bytes unread, a plain close is a reset, which may overtake the answer (RFC 9112 9.6)."""
        transport = self.transport
        if transport is None or not transport.can_write_eof():
            self.force_close()
            return
        self.outbox.flush()
        if not transport.is_closing():
            transport.write_eof()
        self.gateway.loop.call_later(LINGER, transport.close)

    def _tell(self, refusal: Refusal) -> None:
        gateway = self.gateway
        exchange = Exchange("", "", {}, self.peer, monotonic())
        found = with_verdict(gateway.bare, refusal)
        gateway.observer.begin(exchange)
        for decide, _ in found.request_hooks:
            decide(exchange)
        try:
            pipeline.reply(exchange, found, ResponseWriter(self, False, False), refusal, found.depth)
        finally:
            gateway.observer.done(exchange, 0.0)

    def force_close(self) -> None:
        """Close after what has been answered."""
        self.deaf = True
        if self.transport is not None:
            self.outbox.flush()
            self.transport.close()

    def close_when_taken(self) -> None:
        """Close after what has been answered is taken, and what is refused has been sent for a while."""
        if self._lingering is None:
            self.force_close()

    def cut(self) -> None:
        """End at once, whatever is in progress."""
        self.deaf = True
        if self.transport is not None:
            self.transport.abort()

    def failed(self, error: Exception) -> None:
        """The gateway broke on the request before it had a passage."""
        self.inbound = None
        self.force_close()
        self.gateway.broke(error, "")

    # what an answer asks of the connection

    def write(self, data: bytes) -> None:
        """Send at once, after what waits to be sent (part of an answer, or not)."""
        self.outbox.flush()
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait while the client takes less than it is sent."""
        if self._drained is not None:
            await self._drained
