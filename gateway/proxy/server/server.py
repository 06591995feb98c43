"""The public listener: connections with the gateway's limits, and their requests set on their way."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from gateway.core.exchange import Exchange
from gateway.core.verdict import Reply, refuse
from gateway.policy.identity import build as build_identity
from gateway.proxy.flow.flow import Flow
from gateway.proxy.flow.phases import Grouped, PhaseBatch
from gateway.proxy.message.head import check, read
from gateway.proxy.message.request import RequestBody
from gateway.proxy.observer import Observer
from gateway.proxy.routing.route import CompiledRoute, bind, with_verdict
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.server.listener import Listener
from gateway.proxy.wire.write_batch import WriteBatch

SWEEP = 0.5  # seconds between looks for heads that take too long, and for connections that idle
_LAST_WORDS = 0.1  # seconds for what was cut to be logged


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """Of one worker. Times in seconds, sizes in bytes."""

    connections: int
    header_bytes: int
    header_timeout: float
    body_timeout: float
    keepalive: float


class HealthAnswers(Protocol):
    """Answers the health paths; None for every other path."""

    def public(self, path: str) -> Reply | None: ...


class Routing(Protocol):
    """Finds the plan of a request."""

    def find(self, exchange: Exchange, method: str) -> CompiledRoute: ...


class Served(Protocol):
    """What a listener needs of a runtime: ``unrouted`` is the route of a request that is refused before it has one,
    ``group`` the context in which the limits of a turn are taken."""

    @property
    def routes(self) -> Routing: ...
    @property
    def unrouted(self) -> CompiledRoute: ...
    @property
    def group(self) -> AbstractContextManager[object]: ...
    def start(self) -> None: ...
    async def close(self) -> None: ...


class Server:
    """One worker's data plane. ``swap`` gives it the runtime for requests to come; running ones keep theirs."""

    def __init__(self, limits: ListenerLimits, observer: Observer, health: HealthAnswers) -> None:
        self.limits = limits
        self.observer = observer
        self.health = health
        self.runtime: Served | None = None
        self.loop = asyncio.get_running_loop()
        self.clients: set[ClientConnection] = set()
        self.in_flight = 0
        self.draining = False
        self.bare: CompiledRoute = bind("unmatched", [(build_identity(), False)])
        self.outbox = WriteBatch(self.loop)
        meter = Grouped(self._together, Flow.meter)
        phases = self._begin, self._route, Flow.ask, meter, Flow.decide, Flow.forward
        self.arrived = PhaseBatch(self.loop, phases)
        self.decided = PhaseBatch(self.loop, (Flow.settle, Flow.forward))
        self.answered = PhaseBatch(self.loop, (Flow.hear, Flow.answer_whole))
        self.over = PhaseBatch(self.loop, (Flow.end, Flow.leave))  # when what was written has been sent
        self._listener: Listener | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()  # nothing is in flight, or a client has left

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self.clients)

    def swap(self, runtime: Served) -> Served | None:
        """Serve ``runtime`` from now on; gives back the one before, which the caller closes."""
        before, self.runtime = self.runtime, runtime
        runtime.start()
        return before

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections on ``sock``, which is bound."""
        self._listener = Listener(self.loop, sock, lambda: ClientConnection(self), tls)
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let requests in flight finish for at most ``seconds``, then cut what is left."""
        self.draining = True
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.clients):
            if connection.resting:
                connection.force_close()
        until = self.loop.time() + seconds
        if await self._none_left(until, lambda: self.in_flight + self.arrived.waiting):
            for connection in list(self.clients):
                connection.close_when_taken()
            await self._none_left(until, lambda: len(self.clients))
        else:
            self.observer.event("drain_cut", in_flight=self.in_flight)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self.clients):
            connection.cut()
        await self._none_left(self.loop.time() + _LAST_WORDS, lambda: self.in_flight)
        if self.runtime is not None:
            await self.runtime.close()

    async def _none_left(self, until: float, left: Callable[[], int]) -> bool:
        """Whether nothing is ``left`` by the loop's time ``until``."""
        try:
            async with asyncio.timeout_at(until):
                while left():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def left(self, connection: ClientConnection) -> None:
        """A client has."""
        self.clients.discard(connection)
        self._changed.set()

    def _sweep(self) -> None:
        now, limits = self.loop.time(), self.limits
        late, idle = now - limits.header_timeout, now - limits.keepalive
        for connection in list(self.clients):
            if 0.0 < connection.head_since < late:
                connection.refuse_head(refuse("head_timeout", close=True))
            elif connection.rested > 0.0:
                connection.head = None  # who rests so long does not miss it, and 10,000 of them would hold 20 MB
                if connection.rested < idle and not connection.head_since:
                    connection.force_close()
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    # the phases of a request that arrives: see also ``Flow``

    def _begin(self, connection: ClientConnection) -> Flow | None:
        """Make a record of the request that ``connection`` has read."""
        inbound = connection.inbound
        if inbound is None:  # the client has left meanwhile
            return None
        connection.head = head = read(inbound, connection.head)
        fields = head.fields
        exchange = Exchange(inbound.method, inbound.target, fields, connection.peer, monotonic())
        exchange.head = head
        exchange.secure = connection.secure
        chunked = b"transfer-encoding" in fields
        # A chunked request ends its connection, as does one that asks for an upgrade: what follows is open to two readings.
        keep_alive = inbound.persistent and not (chunked or inbound.upgrade or self.draining)
        http10 = inbound.version == "1.0"
        passage = Flow(connection, exchange, http10, keep_alive)
        if chunked or not inbound.whole or b"content-length" in fields:
            declared = fields.get(b"content-length")
            length = int(declared) if declared is not None and declared.isdigit() else None
            if length != 0:
                if inbound.body is None:
                    inbound.body = RequestBody(connection)
                    inbound.body.complete = inbound.whole
                exchange.stream = inbound.body
                inbound.body.declare(length, self.limits.body_timeout, not http10 and b"expect" in fields)
        self.observer.begin(exchange)
        self.in_flight += 1
        connection.passage = passage
        return passage

    def _route(self, passage: Flow) -> Flow:
        """Find the plan that the request runs under."""
        exchange = passage.exchange
        runtime = self.runtime
        refusal = check(exchange, exchange.head, self.limits.header_bytes)
        if refusal is not None:
            passage.keep_alive = passage.keep_alive and not refusal.close  # an earlier stage may answer in its place
            unrouted = self.bare if runtime is None or not exchange.fields else runtime.unrouted
            passage.follow(with_verdict(unrouted, refusal))
            return passage
        answer = self.health.public(exchange.path)
        if answer is not None:
            asked = exchange.method in ("GET", "HEAD")
            exchange.route = found = with_verdict(self.bare, answer if asked else refuse("method_not_allowed"))
        elif runtime is None:
            found = with_verdict(self.bare, refuse("draining", retry_after=1))
        elif exchange.method == "OPTIONS":
            found = self._asked_for(exchange, runtime)
        else:
            exchange.route = found = runtime.routes.find(exchange, exchange.method)
        passage.follow(found)
        return passage

    def _together(self) -> AbstractContextManager[object]:
        return nullcontext() if self.runtime is None else self.runtime.group

    @staticmethod
    def _asked_for(exchange: Exchange, runtime: Served) -> CompiledRoute:
        """The plan for OPTIONS, which may be a preflight (Fetch Standard 3.3.5)."""
        asked = exchange.fields.get(b"access-control-request-method")
        if asked is None or b"origin" not in exchange.fields:
            exchange.route = found = runtime.routes.find(exchange, exchange.method)
            return found
        exchange.route = found = runtime.routes.find(exchange, asked.decode("latin-1"))
        return found.preflight or found

    # the end of a request

    def finished(self, exchange: Exchange) -> None:
        """A request is over."""
        self.in_flight -= 1
        if not self.in_flight:
            self._changed.set()
        self.observer.done(exchange, monotonic() - exchange.started)

    def broke(self, error: Exception, request: str) -> None:
        """Tell of an exception that nobody expected, met by the request of that id."""
        self.observer.event("bug", error=type(error).__name__, where=_where(error), id=request)


def _where(error: BaseException) -> str:
    """File and line of the innermost frame; never the message, which may hold what a client sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
