"""The public listener: aiohttp's low-level server with the gateway's limits, feeding the pipeline."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

from aiohttp import http_parser, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal, Reply, refuse
from gateway.policy.identity import build as build_identity
from gateway.proxy import admit, pipeline
from gateway.proxy.inbound import CLOSE, Body, Finished, Inbound
from gateway.proxy.observe import Observer
from gateway.proxy.pipeline import Client
from gateway.proxy.plan import Plan, plan
from gateway.proxy.plane import Plane

SWEEP = 0.5  # seconds between looks for heads that take too long
LINGER = 2.0  # seconds a refused client may go on sending before the connection ends (RFC 9112 9.6)


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one worker. Times in seconds, sizes in bytes."""

    connections: int
    header_bytes: int
    header_timeout: float
    body_timeout: float
    keepalive: float


class HealthAnswers(Protocol):
    """Answers the health paths; None for every other path."""

    def public(self, path: str) -> Reply | None: ...


class Gateway:
    """One worker's data plane. ``swap`` gives it the plane for requests to come; running ones keep theirs."""

    def __init__(self, limits: Limits, observer: Observer, health: HealthAnswers) -> None:
        if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
            raise RuntimeError("aiohttp runs without its C parser: install a wheel, or unset AIOHTTP_NO_EXTENSIONS")
        self.limits = limits
        self.observer = observer
        self.health = health
        self.plane: Plane | None = None
        self.loop = asyncio.get_running_loop()
        self.in_flight = 0
        self.draining = False
        self._bare: Plan = plan("unmatched", [(build_identity(), False)])
        self._manager = _Manager(self)
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self._manager.connections)

    def swap(self, plane: Plane) -> Plane | None:
        """Serve ``plane`` from now on; gives back the one before, which the caller closes."""
        before, self.plane = self.plane, plane
        plane.start()
        return before

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections on ``sock``, which is bound."""
        self._server = await self.loop.create_server(self._manager, sock=sock, ssl=tls, backlog=4096)
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let requests in flight finish for at most ``seconds``, then cut what is left."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in self._manager.connections:
            if connection.resting:
                connection.force_close()
        if self.in_flight:
            self._idle.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
            except TimeoutError:
                self.observer.event("drain_cut", in_flight=self.in_flight)
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._manager.shutdown(0.1)
        if self.plane is not None:
            await self.plane.close()

    def _sweep(self) -> None:
        oldest = self.loop.time() - self.limits.header_timeout
        for connection in self._manager.connections:
            if 0.0 < connection.head_since < oldest:
                connection.refuse_head(refuse("head_timeout", close=True))
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    async def handle(self, inbound: Inbound) -> Finished:
        """Answer one request. aiohttp calls this with what the request factory made."""
        message = inbound.message
        protocol = inbound.protocol
        fields = admit.fields_of(message)
        refusal = fields if isinstance(fields, Refusal) else admit.size(message, self.limits.header_bytes)
        exchange = Exchange(
            message.method, message.path, {} if isinstance(fields, Refusal) else fields, protocol.peer, monotonic()
        )
        exchange.secure = protocol.secure
        http10 = message.version.minor == 0
        # A chunked request ends its connection: aiohttp's parser would read its trailers as fields of the next request.
        # So does one that asks for an upgrade: the parser drops what follows it in the same segment.
        client = Client(
            inbound, http10, not (message.should_close or message.chunked or message.upgrade or self.draining)
        )
        self.in_flight += 1
        self.observer.begin(exchange)
        try:
            return await self._decide(exchange, client, message, refusal)
        except ConnectionError:
            return CLOSE  # the client has left; exchange.status says whether it was answered
        except Exception as error:
            self.observer.event("bug", error=type(error).__name__, where=_where(error), id=exchange.id)
            if not client.began and not protocol.closing:
                return pipeline.bug(exchange, client)
            client.cut()
            return CLOSE
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()
            self.observer.done(exchange, monotonic() - exchange.started)

    async def _decide(self, exchange: Exchange, client: Client, message: Any, refusal: Refusal | None) -> Finished:
        if not client.inbound.payload.is_eof() or message.chunked or b"content-length" in exchange.fields:
            self._body(exchange, client, message)
        if refusal is None:
            refusal = admit.head(exchange, message)
        if refusal is not None:
            client.keep_alive = client.keep_alive and not refusal.close  # an earlier stage may answer in its place
            bare = self._bare if self.plane is None or not exchange.fields else self.plane.early
            return await pipeline.run(exchange, _ending(bare, refusal), client)
        answer = self.health.public(exchange.path)
        if answer is not None:
            found = _ending(self._bare, answer if exchange.method in ("GET", "HEAD") else refuse("method_not_allowed"))
            exchange.route = found
            return await pipeline.run(exchange, found, client)
        plane = self.plane
        if plane is None:
            return await pipeline.run(exchange, _ending(self._bare, refuse("draining", retry_after=1)), client)
        method = exchange.method
        asked = exchange.fields.get(b"access-control-request-method") if method == "OPTIONS" else None
        if asked is not None and b"origin" in exchange.fields:
            found = plane.routes.find(exchange, asked.decode("latin-1"))
            exchange.route = found
            return await pipeline.run(exchange, found.preflight or found, client)
        exchange.route = found = plane.routes.find(exchange, method)
        return await pipeline.run(exchange, found, client)

    def _body(self, exchange: Exchange, client: Client, message: Any) -> None:
        declared = exchange.fields.get(b"content-length")
        length = int(declared) if declared is not None and declared.isdigit() else None
        if length == 0:
            return
        expects = not client.http10 and b"expect" in exchange.fields
        exchange.stream = Body(client.inbound.payload, length, self.limits.body_timeout, client.transport, expects)


def _ending(bare: Plan, verdict: Refusal | Reply) -> Plan:
    """A plan of nothing but the verdict, for what is refused before there is a route."""
    return replace(bare, terminal=verdict)


def _where(error: BaseException) -> str:
    """File and line of the innermost frame; never the message, which may hold what a client sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""


class _Manager(web.Server):
    """Makes our connections and our request record in place of aiohttp's."""

    connections: Any

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway.handle, request_factory=Inbound, handler_cancellation=True)  # type: ignore[arg-type]  # the seam is typed for BaseRequest
        self.gateway = gateway

    def __call__(self) -> RequestHandler:
        return _Connection(self, self.gateway)


class _Connection(RequestHandler):
    """aiohttp's protocol with a bound on the size and age of a head, and refusals in the gateway's shape."""

    __slots__ = ("_arriving", "_head_bytes", "gateway", "head_since", "peer", "secure")

    def __init__(self, manager: web.Server, gateway: Gateway) -> None:
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
        self.head_since = 0.0
        self._head_bytes = 0
        self._arriving: StreamReader | None = None
        self.peer = ""
        self.secure = False

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

    def _tell(self, refusal: Refusal) -> Finished:
        gateway = self.gateway
        exchange = Exchange("", "", {}, self.peer, monotonic())
        found = _ending(gateway._bare, refusal)
        gateway.observer.begin(exchange)
        for decide, _ in found.deciders:
            decide(exchange)
        client = Client(Inbound(None, None, self, None, None), False, False)  # type: ignore[arg-type]  # no request was read
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
