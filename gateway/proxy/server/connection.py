"""One connection of a client: its requests one after the other, within the limits of the listener."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

from gateway.core.verdict import Refusal
from gateway.proxy.flow.dispatcher import Dispatcher
from gateway.proxy.flow.flow import Flow
from gateway.proxy.flow.life import BEFORE_RESPONSE
from gateway.proxy.flow.step import STREAMING
from gateway.proxy.message.head import RequestHead
from gateway.proxy.message.parser import RequestParser
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.server.ends import ClientEnds
from gateway.proxy.server.half_closed import WAITING, HalfClosedWatch
from gateway.proxy.wire.tls import keep_open_at_close_notify, undecrypted
from gateway.proxy.wire.write_batch import WriteBatch


class Registry(Protocol):
    """The listener that a connection belongs to."""

    write_batch: WriteBatch
    ended: Counter[str]
    """Connections that the listener has ended, by why."""

    def disconnected(self, connection: ClientConnection) -> None:
        """Count ``connection`` no longer."""

    def paused(self) -> None:
        """A client takes less than it is sent."""


class ClientConnection(ClientEnds):
    """Gives the requests that ``parser`` reads to ``dispatcher``, one at a time, in the order in which they arrived.

    ``flow`` is the way of the request in progress. ``idle_since`` is the loop's time since when there is none, 0.0 while
    there is one. ``head`` is that of the request before, while it may be repeated. ``joining`` is the task of the listener
    that makes the connection, which it ``accepted`` at that time of the loop; ``address`` the key of the address that the
    connection counts for, empty when it counts for none. ``peer`` is the client's address as the listener accepted it: the
    socket of a client that has reset its connection meanwhile has none, and its requests would be nobody's.
    """

    __slots__ = (
        "_left",
        "_registry",
        "_unreadable",
        "accepted",
        "address",
        "dispatcher",
        "flow",
        "head",
        "peer",
    )

    def __init__(self, dispatcher: Dispatcher, registry: Registry, peer: str, address: bytes = b"") -> None:
        super().__init__(dispatcher.loop, registry.write_batch, registry.paused, registry.ended)
        self.dispatcher = dispatcher
        self.address = address
        self.accepted = dispatcher.loop.time()
        self.parser = RequestParser(self, dispatcher.loop, dispatcher.limits.header_bytes)
        self.data_received = self.parser.feed  # with no frame in between for each read
        self.peer = peer
        self.head: RequestHead | None = None
        self.flow: Flow | None = None
        self._registry = registry
        self._left: asyncio.TimerHandle | None = (
            None  # the client is gone, and its request is served: the clock for that
        )
        self._unreadable: Refusal | None = None  # to be sent once the requests before it are answered

    @property
    def idle(self) -> bool:
        """Whether the connection is between requests."""
        return self.parser.current is None and not self.parser.discarding

    @property
    def waiting_since(self) -> float:
        """The loop's time since when the connection waits for a request, or for what is left of a refused one; 0.0 while it
        has one to serve."""
        if self.flow is not None:
            return 0.0
        if self.transport is None:
            return self.accepted  # in its handshake
        if self.parser.current is not None and self._lingering is None:
            return 0.0
        return self.idle_since or self.parser.head_since

    @property
    def silent_since(self) -> float:
        """The loop's time since when the connection waits for a request of which nothing has arrived; 0.0 when it does not."""
        parser = self.parser
        if self.transport is None or parser.discarding or parser.current is not None or not parser.between:
            return 0.0
        return self.idle_since or parser.head_since

    @property
    def held(self) -> int:
        """Bytes of a response that wait behind those of the transport."""
        flow = self.flow
        return flow.streamed.buffered if flow is not None and flow.step is STREAMING else 0

    @property
    def streamed_bytes(self) -> int | None:
        """Bytes sent of a response that is passed on as it arrives, None where there is none."""
        flow = self.flow
        return flow.exchange.bytes_out if flow is not None and flow.step is STREAMING else None

    @property
    def unused(self) -> bool:
        """Whether nothing was ever sent to the client."""
        return self.head is None and not self.idle_since and not self.parser.discarding and self.flow is None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.parser.transport = self.transport
        self.parser.head_since = self.dispatcher.loop.time()
        if self.parser.discarding:
            self.abort()  # ended in its handshake: nobody else would end it
        if self.secure:
            keep_open_at_close_notify(self.transport, self._on_close_notify)

    def not_made(self) -> None:
        """The connection has ended before ``connection_made``."""
        if self.transport is None:
            self._registry.disconnected(self)

    def eof_received(self) -> bool:
        """The client sends no more: the end of its interest only where it ends in the middle of a request (RFC 9112 9.6).

        Returns whether the connection stays open, for responses.
        """
        parser = self.parser
        if self._lingering is not None or not parser.end():
            return False
        self._half_closed = HalfClosedWatch(self.dispatcher.loop, self)
        last = parser.pipelined[-1] if parser.pipelined else parser.current
        if last is parser.current and self.flow is not None:
            self.flow.writer.keep_alive = False
        elif last is not None:
            last.keep_alive = False
        return True

    def _on_close_notify(self) -> None:
        if not self.closing and not self.eof_received():
            self.force_close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.secure:
            keep_open_at_close_notify(self.transport, None)
        flow = self.flow
        served = self.secure and exc is None and not self._ended_here and self._is_whole()
        self.transport = None
        for watching in (self._lingering, self._half_closed):
            if watching is not None:
                watching.cancel()
        self.parser.close()
        self.resume_writing()
        if served and flow is not None and flow.step in BEFORE_RESPONSE:
            self._left = self.dispatcher.loop.call_later(WAITING, self._over)
        else:
            self._over()

    def _over(self) -> None:
        """The client is gone, and nothing is served for it any more: until then its connection counts."""
        flow, self.flow = self.flow, None
        left, self._left = self._left, None
        if left is not None:
            left.cancel()
        try:
            if flow is not None:
                self.dispatcher.client_left(flow)
        finally:
            self._registry.disconnected(self)

    def _is_whole(self) -> bool:
        """Whether the request in progress is whole, when TCP has ended below TLS. That ends both directions for the transport,
        but it is no reset: the request is to be served, and to count, as it would without TLS."""
        request = self.parser.current
        if request is not None and not request.whole:
            self.parser.feed(undecrypted(self.transport))
        return request is not None and request.whole and self.parser.current is request

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.parser.current is None and self.parser.pipelined:
            self._next(True)

    # one request after the other: what the parser calls

    def on_request(self, request: ReceivedRequest) -> None:
        """Have ``request`` served, which has become the one in progress."""
        self.idle_since = 0.0
        if self._drained is not None:  # a client that takes no responses gets no more: ``resume_writing`` goes on
            self.parser.current = None
            self.parser.pipelined.append(request)
            return
        self.dispatcher.arrived.add(self)

    def on_end(self) -> None:
        """The request in progress is complete."""
        if self._lingering is not None:
            self.force_close()

    def on_error(self, refusal: Refusal) -> None:
        """What follows cannot be read: refuse it when the request in progress is answered."""
        self._unreadable = refusal
        if (
            self.flow is None and self._lingering is None
        ):  # what arrived in one piece with it, and is not served yet, is not trusted either
            self.parser.current = None
            self.parser.pipelined.clear()
            self.refuse_head(refusal)

    # and what the end of a flow does

    def release(self, keep_alive: bool) -> None:
        """The request in progress is over; the connection goes on where it is kept alive."""
        request = self.parser.current
        self.flow = None
        if request is None:  # the client has left
            return
        if request.body is not None or not request.whole:
            self.parser.body_of(request).drop()
        if request.whole:
            self._next(keep_alive)
            return
        self.linger()

    def _next(self, keep_alive: bool) -> None:
        """Serve the next of the pipelined requests, or be idle."""
        parser, transport = self.parser, self.transport
        parser.current = None
        if transport is None or transport.is_closing():
            self.force_close()
        elif not keep_alive:
            self.end(self.dispatcher.draining)  # before it knew that this was the last response
        elif parser.pipelined and self._drained is not None:
            pass  # see ``on_request``
        elif parser.pipelined:
            self.on_request(parser.next_request())
            parser.catch_up()
        elif self._unreadable is not None:
            self.refuse_head(self._unreadable)
        elif parser.discarding:
            self.end()
        else:
            self.idle_since = self.dispatcher.loop.time()
            if not parser.between:
                parser.head_since = self.idle_since

    # the ends of a connection

    def force_close(self) -> None:
        """See ``ClientEnds``; also the end of a request whose response has nobody to go to."""
        if self._left is None:
            super().force_close()
        else:
            self._over()

    def abort(self) -> None:
        """See ``ClientEnds``."""
        if self._left is None:
            super().abort()
        else:
            self._over()

    def refuse_head(self, refusal: Refusal) -> None:
        """Refuse what never became a request, and end the connection: at once where its client gets no response."""
        self.parser.head_since = 0.0
        self.parser.discarding = True
        self.idle_since = self.dispatcher.loop.time()
        responded = True
        try:
            if not self.closing:
                responded = self.dispatcher.refuse_head(self, self.peer, refusal, self.parser.origin)
        finally:
            if responded:
                self.linger()
            else:
                self._ended["unreadable"] += 1
                self.abort()

    def close_after_response(self) -> None:
        """Have the response to the request in progress say that it is the last one, where that is not sent yet and no other
        request is here already."""
        flow = self.flow
        if flow is not None and flow.step < STREAMING and not self.parser.pipelined:
            flow.writer.keep_alive = False

    def end_untaken(self, why: str) -> None:
        """End with a reset, since the client does not take what it is sent: its request ends as if it had left."""
        self._ended[why] += 1
        self._ended_here = True
        try:
            if self.flow is not None:
                self.dispatcher.stalled(self.flow)
        finally:
            self.reset()

    def failed(self, error: Exception) -> None:
        """A phase raised for the request in progress."""
        if self.flow is not None:
            self.flow.failed(error)
            return
        self.parser.current = None
        self.dispatcher.not_begun(self, error)
