"""The public listener: aiohttp's low-level server with the gateway's limits, feeding the pipeline."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from aiohttp import http_parser, web

from gateway.core.exchange import Exchange
from gateway.core.reason import Reply, refuse
from gateway.policy.identity import build as build_identity
from gateway.proxy import pipeline
from gateway.proxy.accept import Listener
from gateway.proxy.admit import check, read
from gateway.proxy.downstream import ClientConnection
from gateway.proxy.inbound import Body, Inbound
from gateway.proxy.observe import Observer
from gateway.proxy.outbox import Outbox
from gateway.proxy.pipeline import Client
from gateway.proxy.plan import Plan, ending, plan
from gateway.proxy.plane import Plane

SWEEP = 0.5  # seconds between looks for heads that take too long


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
        self.bare: Plan = plan("unmatched", [(build_identity(), False)])
        self.outbox = Outbox(self.loop)
        self._manager = _Manager(self)
        self._listener: Listener | None = None
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
        self._listener = Listener(self.loop, sock, self._manager, tls)
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let requests in flight finish for at most ``seconds``, then cut what is left."""
        self.draining = True
        if self._listener is not None:
            self._listener.close()
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
            elif connection.resting:
                connection.head = None  # who rests so long does not miss it, and 10,000 of them would hold 20 MB
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    async def handle(self, inbound: Inbound) -> bool:
        """Answer one request; whether its connection lives on."""
        message = inbound.message
        protocol = inbound.protocol
        protocol.head = head = read(message, protocol.head)
        exchange = Exchange(message.method, message.path, head.fields, protocol.peer, monotonic())
        exchange.head = head
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
            return await pipeline.run(exchange, self._plan(exchange, client, message), client)
        except ConnectionError:
            return False  # the client has left; exchange.status says whether it was answered
        except Exception as error:
            self.observer.event("bug", error=type(error).__name__, where=_where(error), id=exchange.id)
            if not client.began and not protocol.closing:
                return pipeline.bug(exchange, client)
            client.cut()
            return False
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()
            self.observer.done(exchange, monotonic() - exchange.started)

    def _plan(self, exchange: Exchange, client: Client, message: Any) -> Plan:
        """The plan that the request runs under."""
        if not client.inbound.payload.is_eof() or message.chunked or b"content-length" in exchange.fields:
            self._body(exchange, client, message)
        plane = self.plane
        refusal = check(exchange, exchange.head, self.limits.header_bytes)
        if refusal is not None:
            client.keep_alive = client.keep_alive and not refusal.close  # an earlier stage may answer in its place
            return ending(self.bare if plane is None or not exchange.fields else plane.early, refusal)
        answer = self.health.public(exchange.path)
        if answer is not None:
            exchange.route = found = ending(
                self.bare, answer if exchange.method in ("GET", "HEAD") else refuse("method_not_allowed")
            )
            return found
        if plane is None:
            return ending(self.bare, refuse("draining", retry_after=1))
        method = exchange.method
        if method == "OPTIONS":
            asked = exchange.fields.get(b"access-control-request-method")
            if asked is not None and b"origin" in exchange.fields:
                exchange.route = found = plane.routes.find(exchange, asked.decode("latin-1"))
                return found.preflight or found
        exchange.route = found = plane.routes.find(exchange, method)
        return found

    def _body(self, exchange: Exchange, client: Client, message: Any) -> None:
        declared = exchange.fields.get(b"content-length")
        length = int(declared) if declared is not None and declared.isdigit() else None
        if length == 0:
            return
        expects = not client.http10 and b"expect" in exchange.fields
        exchange.stream = Body(client.inbound.payload, length, self.limits.body_timeout, client.transport, expects)


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
        super().__init__(gateway.handle, handler_cancellation=True)  # type: ignore[arg-type]  # only our connections call it
        self.gateway = gateway

    def __call__(self) -> ClientConnection:
        return ClientConnection(self, self.gateway)
