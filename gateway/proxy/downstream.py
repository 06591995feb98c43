"""One client connection: aiohttp's parser and protocol, with the gateway's bounds, refusals and order of events."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal, refuse
from gateway.proxy import pipeline
from gateway.proxy.admit import Head
from gateway.proxy.inbound import Inbound
from gateway.proxy.pipeline import Client
from gateway.proxy.plan import ending

if TYPE_CHECKING:
    from gateway.proxy.server import Gateway

LINGER = 2.0  # seconds a refused client may go on sending before the connection ends (RFC 9112 9.6)


class ClientConnection(RequestHandler):
    """aiohttp's protocol with a bound on the size and age of a head, and refusals in the gateway's shape."""

    __slots__ = ("_arriving", "_head_bytes", "gateway", "head", "head_since", "outbox", "peer", "secure")

    def __init__(self, manager: Any, gateway: Gateway) -> None:
        limits = gateway.limits
        super().__init__(
            manager,
            loop=gateway.loop,
            keepalive_timeout=limits.keepalive,
            tcp_keepalive=False,
            access_log=None,  # type: ignore[arg-type]  # None is how it is turned off
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            lingering_time=LINGER,
            read_bufsize=64 * 1024,
            auto_decompress=False,
        )
        self.gateway = gateway
        self.outbox = gateway.outbox
        self.head: Head | None = None  # of the request before, while it may be repeated
        self.head_since = 0.0
        self._head_bytes = 0
        self._arriving: StreamReader | None = None
        self.peer = ""
        self.secure = False

    def force_close(self) -> None:
        """Close after what has been answered."""
        self.outbox.flush()
        super().force_close()

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport is None or self.transport.is_closing()

    @property
    def resting(self) -> bool:
        """Whether the connection is between requests."""
        return not self._messages and (self._waiter is not None or self._request_count == 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self.secure = transport.get_extra_info("sslcontext") is not None
        self.head_since = self.gateway.loop.time()
        if self.gateway.draining:
            self.force_close()  # accepted while the listener closed: nobody would end it
        elif self.gateway.connections > self.gateway.limits.connections:
            self.refuse_head(refuse("too_many_connections", retry_after=1, close=True))

    async def start(self) -> None:
        """What aiohttp runs for a connection. However serving ends, nobody is left waiting on an open connection."""
        try:
            await self._serve()
        finally:
            if not self._force_close:
                self._task_handler = None
                self.force_close()

    async def _serve(self) -> None:
        """Serve the requests of the connection in turn. In place of aiohttp's own loop, which has a task, a writer and a
        second look at the answer for each request: 30 us, a tenth of what a request costs."""
        messages, handle = self._messages, self.gateway.handle
        while not self._force_close:
            if not messages:
                self._waiter = waiter = self._loop.create_future()
                await waiter
                self._waiter = None
            message, payload = self._next()
            if isinstance(message, _ErrInfo):
                self.handle_error(None, message.status, message.exc)
                break
            self._request_in_progress = True
            self._current_request = inbound = Inbound(message, payload, self)  # type: ignore[assignment]  # what the seams of aiohttp ask of it, it has
            try:
                goes_on = await handle(inbound)
            finally:
                self._request_in_progress = False
                self._current_request = None
                if self._handler_waiter is not None:
                    self._handler_waiter.set_result(None)
            if not payload.is_eof():
                await self._linger(payload)
            if not goes_on or self._close or self._force_close:
                break
            self._rest()

    def _next(self) -> Any:
        """The oldest request that waits; the parser may go on with pipelined ones."""
        found = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        return found

    def _rest(self) -> None:
        """Between two requests: from now on runs the time that the connection may idle."""
        self._keepalive = True
        self._next_keepalive_close_time = due = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(due, self._process_keepalive)

    async def _linger(self, payload: StreamReader) -> None:
        """Take what a refused client still sends, for a while: see ``_end``."""
        try:
            async with asyncio.timeout(LINGER):
                while not payload.is_eof() and not self._force_close:
                    await payload.readany()
        except TimeoutError:
            pass
        except Exception:  # what is left of the body cannot be read: it was never going to be used
            self.force_close()
        if not payload.is_eof():
            self.close()

    def data_received(self, data: bytes) -> None:
        if not self.resting:
            self._parse(data)
            return
        self._head_bytes += len(data)
        self._parse(data)
        if self._messages:
            self._head_bytes = 0
            self.head_since = 0.0
        elif self._head_bytes > self.gateway.limits.header_bytes + 1024:
            self.refuse_head(refuse("headers_too_large", close=True))
        elif self.head_since == 0.0:
            self.head_since = self.gateway.loop.time()

    def _parse(self, data: bytes) -> None:
        """Feed aiohttp's parser. When it fails inside a body, aiohttp tells only who asks for the next request."""
        super().data_received(data)
        if not self._messages:
            return
        message, payload = self._messages[-1]
        if not isinstance(message, _ErrInfo):
            self._arriving = payload
        elif self._arriving is not None and not self._arriving.is_eof():
            self._arriving.set_exception(message.exc)
            self._arriving.feed_eof()  # nothing to linger for

    def refuse_head(self, refusal: Refusal) -> None:
        """Refuse what never became a request, and end the connection."""
        self.head_since = 0.0
        if not self.closing:
            self._tell(refusal)
        self._end()

    def _end(self) -> None:
        """Close in two steps: with bytes unread, a plain close is a reset, which may overtake the answer (RFC 9112 9.6)."""
        transport = self.transport
        if transport is None or not transport.can_write_eof():
            self.force_close()
            return
        self._force_close = True  # aiohttp drops what still comes
        if self._waiter is not None:
            self._waiter.cancel()
        if not transport.is_closing():
            transport.write_eof()
        self.gateway.loop.call_later(LINGER, transport.close)

    def _tell(self, refusal: Refusal) -> bool:
        gateway = self.gateway
        exchange = Exchange("", "", {}, self.peer, monotonic())
        found = ending(gateway.bare, refusal)
        gateway.observer.begin(exchange)
        for decide, _ in found.deciders:
            decide(exchange)
        client = Client(Inbound(None, None, self), False, False)  # type: ignore[arg-type]  # no request was read
        try:
            return pipeline.reply(exchange, found, client, refusal, found.depth)
        finally:
            gateway.observer.done(exchange, 0.0)

    def handle_error(
        self, request: Any, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> Any:
        """aiohttp asks this how to answer what its parser refused."""
        large = isinstance(exc, LineTooLong) or (exc is not None and "Too many headers" in str(exc))
        try:
            return self._tell(
                refuse("headers_too_large" if large else "head_malformed", type(exc).__name__, close=True)
            )
        finally:
            self._end()
