"""One connection of a client: its requests one after the other, within the limits of the listener."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from gateway.core.verdict import Refusal
from gateway.proxy.flow.dispatcher import Dispatcher
from gateway.proxy.flow.flow import Flow
from gateway.proxy.flow.step import STREAMING
from gateway.proxy.message.head import RequestHead
from gateway.proxy.message.parser import RequestParser
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.server.output import ClientOutput
from gateway.proxy.wire.tcp import has_unread
from gateway.proxy.wire.write_batch import WriteBatch

LINGER = 2.0  # seconds a refused client may go on sending before the connection ends (RFC 9112 9.6)


class Registry(Protocol):
    """The listener that a connection belongs to."""

    write_batch: WriteBatch
    ended: Counter[str]
    """Connections that the listener has ended, by why."""

    def disconnected(self, connection: ClientConnection) -> None:
        """Count ``connection`` no longer."""

    def paused(self) -> None:
        """A client takes less than it is sent."""


class ClientConnection(ClientOutput):
    """Gives the requests that ``parser`` reads to ``dispatcher``, one at a time, in the order in which they arrived.

    ``flow`` is the way of the request in progress. ``idle_since`` is the loop's time since when there is none, 0.0 while
    there is one. ``head`` is that of the request before, while it may be repeated. ``joining`` is the task of the listener
    that makes the connection, which it ``accepted`` at that time of the loop; ``address`` the key of the address that the
    connection counts for, empty when it counts for none. ``peer`` is the client's address as the listener accepted it: the
    socket of a client that has reset its connection meanwhile has none, and its requests would be nobody's.
    """

    __slots__ = (
        "_lingering",
        "_registry",
        "_unreadable",
        "accepted",
        "address",
        "data_received",
        "dispatcher",
        "flow",
        "head",
        "idle_since",
        "joining",
        "parser",
        "peer",
    )

    data_received: Callable[[bytes], None]  # type: ignore[assignment]  # a slot: the parser's own, see below

    def __init__(self, dispatcher: Dispatcher, registry: Registry, peer: str, address: bytes = b"") -> None:
        super().__init__(dispatcher.loop, registry.write_batch, registry.paused)
        self.dispatcher = dispatcher
        self.address = address
        self.accepted = dispatcher.loop.time()
        self.joining: asyncio.Task[None] | None = None
        self.parser = RequestParser(self, dispatcher.loop, dispatcher.limits.header_bytes)
        self.data_received = self.parser.feed  # with no frame in between for each read
        self.peer = peer
        self.head: RequestHead | None = None
        self.idle_since = 0.0
        self.flow: Flow | None = None
        self._registry = registry
        self._unreadable: Refusal | None = None  # to be sent once the requests before it are answered
        self._lingering: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether the connection is between requests."""
        return self.parser.current is None and not self.parser.discarding

    @property
    def waiting_since(self) -> float:
        """The loop's time since when the connection waits for a request, or for what is left of a refused one; 0.0 while it
        has one to serve."""
        if self.transport is None:
            return self.accepted  # in its handshake
        if self.flow is not None or (self.parser.current is not None and self._lingering is None):
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

    def not_made(self) -> None:
        """The connection has ended before ``connection_made``."""
        if self.transport is None:
            self._registry.disconnected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._lingering is not None:
            self._lingering.cancel()
        self.parser.close()
        self.resume_writing()
        flow, self.flow = self.flow, None
        try:
            if flow is not None:
                self.dispatcher.client_left(flow)
        finally:
            self._registry.disconnected(self)

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
            self._end_linger(True)

    def on_error(self, refusal: Refusal) -> None:
        """What follows cannot be read: refuse it when the request in progress is answered."""
        self._unreadable = refusal
        if self._lingering is not None:
            self._end_linger(False)
            return
        if self.flow is None:  # what arrived in one piece with it, and is not served yet, is not trusted either
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
        # Take what the client still sends, for a while: with bytes unread, a close is a reset (RFC 9112 9.6).
        self.idle_since = self.dispatcher.loop.time()
        self._lingering = self.dispatcher.loop.call_later(LINGER, self._end_linger, False)
        request.keep_alive = keep_alive

    def _end_linger(self, whole: bool) -> None:
        lingering, self._lingering = self._lingering, None
        if lingering is not None:
            lingering.cancel()
        request = self.parser.current
        self._next(whole and request is not None and request.keep_alive)

    def _next(self, keep_alive: bool) -> None:
        """Serve the next of the pipelined requests, or be idle."""
        parser, transport = self.parser, self.transport
        parser.current = None
        if not keep_alive or transport is None or transport.is_closing():
            if (
                self.dispatcher.draining
            ):  # the client may have sent more, before it knew that this was the last response
                self._end()
            else:
                self.force_close()
        elif parser.pipelined and self._drained is not None:
            pass  # see ``on_request``
        elif parser.pipelined:
            self.on_request(parser.next_request())
            parser.catch_up()
        elif self._unreadable is not None:
            self.refuse_head(self._unreadable)
        elif parser.discarding:
            self.force_close()
        else:
            self.idle_since = self.dispatcher.loop.time()
            if not parser.between:
                parser.head_since = self.idle_since

    # the ends of a connection

    def refuse_head(self, refusal: Refusal) -> None:
        """Refuse what never became a request, and end the connection: at once where its client gets no response."""
        self.parser.head_since = 0.0
        self.parser.discarding = True
        self.idle_since = self.dispatcher.loop.time()
        responded = True
        try:
            if not self.closing:
                responded = self.dispatcher.refuse_head(self, self.peer, refusal)
        finally:
            if responded:
                self._end()
            else:
                self._registry.ended["unreadable"] += 1
                self.abort()

    def _end(self) -> None:
        """Close in two steps: with bytes unread, a plain close is a reset, which may overtake the response (RFC 9112 9.6)."""
        transport = self.transport
        self.parser.discarding = True
        if transport is None or not transport.can_write_eof():
            self.force_close()
            return
        self._write_batch.flush()
        if not transport.is_closing():
            with contextlib.suppress(OSError):  # the client has reset it
                transport.write_eof()
        self.dispatcher.loop.call_later(LINGER, transport.close)

    def force_close(self) -> None:
        """Close behind what has been sent."""
        self.parser.discarding = True
        if not self.closing:  # the transport of asyncio's TLS that is closed twice never ends
            self._write_batch.flush()
            self.transport.close()  # type: ignore[union-attr]  # see ``closing``

    def close_after_response(self) -> None:
        """Have the response to the request in progress say that it is the last one, where that is not sent yet and no other
        request is here already."""
        flow = self.flow
        if flow is not None and flow.step < STREAMING and not self.parser.pipelined:
            flow.writer.keep_alive = False

    def end_idle(self) -> None:
        """End a connection that waits for a request, unless one is here that was not read yet."""
        if self.transport is not None and not has_unread(self.transport.get_extra_info("socket")):
            self._end()

    def detach(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Hand the transport to ``protocol`` for good, which calls ``connection_lost``: nothing is parsed any more.

        Raises ConnectionResetError when the client has left.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.parser.discarding = True
        self._write_batch.flush()
        transport.set_protocol(protocol)
        return transport

    def abort(self) -> None:
        """End at once, whatever is in progress."""
        self.parser.discarding = True
        if self.transport is not None:
            self.transport.abort()
        elif self.joining is not None:
            self.joining.cancel()

    def make_room(self) -> None:
        """End at once, so that another connection has room."""
        self._registry.ended["made_room"] += 1
        self.abort()

    def end_untaken(self, why: str) -> None:
        """End with a reset, since the client does not take what it is sent: its request ends as if it had left."""
        self._registry.ended[why] += 1
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
