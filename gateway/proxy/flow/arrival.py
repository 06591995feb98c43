"""The first phases of a request: its record is made, and its route found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from gateway.core.exchange import Exchange
from gateway.core.fields import connection_options
from gateway.core.forwarded import OVER_TLS
from gateway.core.units import Rate
from gateway.core.verdict import Reply, refuse
from gateway.policy.base.proxies import Network
from gateway.policy.base.trusted_fields import ANY_FIELDS, ForwardingField
from gateway.proxy.flow.flow import Flow, Scheduler
from gateway.proxy.flow.writer import Downstream, ResponseWriter
from gateway.proxy.message.head import RequestHead, read, validate
from gateway.proxy.message.parser import RequestParser
from gateway.proxy.observer import Observer
from gateway.proxy.routing.route import CompiledRoute, not_taken, with_verdict


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """What one worker takes on a listener. Times in seconds, sizes in bytes.

    ``unsent`` are bytes that wait for all clients together. ``connections_of_address`` and ``unrouted`` hold for one address,
    but for none of ``trusted_proxies``, who write ``trusted_fields``; None is no bound.
    """

    connections: int
    header_bytes: int
    header_timeout: float
    body_timeout: float
    keepalive: float
    send_timeout: float = 30.0
    unsent: int = 64 * 1024 * 1024
    connections_of_address: int | None = None
    unrouted: Rate | None = None
    trusted_proxies: tuple[Network, ...] = ()
    trusted_fields: tuple[ForwardingField, ...] = ANY_FIELDS


HealthPaths = Callable[[str], Reply | None]
"""The response to a health path; None for every other path."""


_READ_ONLY = not_taken("method_not_allowed", ("GET", "HEAD"))


class Routing(Protocol):
    """Finds the route of a request."""

    def find(self, exchange: Exchange, method: str) -> CompiledRoute: ...


class Served(Protocol):
    """What a listener needs of a runtime: ``unrouted`` is the route of a request that is refused before it has one,
    ``group`` the context in which the limits of one iteration are taken."""

    @property
    def routes(self) -> Routing: ...
    @property
    def unrouted(self) -> CompiledRoute: ...
    @property
    def group(self) -> AbstractContextManager[object]: ...


class Dispatching(Scheduler, Protocol):
    """What a request finds when it arrives. ``unrouted`` is the route of what is refused while there is no ``runtime``."""

    limits: ListenerLimits
    observer: Observer
    health: HealthPaths
    runtime: Served | None
    unrouted: CompiledRoute
    draining: bool


class Arrival(Downstream, Protocol):
    """A connection on which a request has arrived. ``head`` is that of the request before, while it may be repeated,
    ``flow`` the way of the request in progress."""

    parser: RequestParser
    peer: str
    secure: bool
    head: RequestHead | None
    flow: Flow | None

    @property
    def dispatcher(self) -> Dispatching: ...


def read_head(arrival: Arrival) -> Arrival | None:
    """Make the record of a request, and begin its flow."""
    request = arrival.parser.current
    if request is None:  # the client has left meanwhile
        return None
    dispatcher = arrival.dispatcher
    arrival.head = head = read(request, arrival.head)
    fields = head.fields
    exchange = Exchange(request.method, request.target, fields, arrival.peer, monotonic())
    exchange.head = head
    if arrival.secure:
        exchange.forwarded = OVER_TLS
    chunked = b"transfer-encoding" in fields
    # A chunked request ends its connection, as does one that asks for an upgrade: what follows is open to two readings.
    keep_alive = request.keep_alive and not (
        chunked or request.upgrade or (dispatcher.draining and not arrival.parser.pipelined)
    )
    http10 = request.version == "1.0"
    if http10 and keep_alive:  # the parser takes keep-alive beside close, and Proxy-Connection, for the same
        options = connection_options(fields.get(b"connection", b""))
        keep_alive = b"keep-alive" in options and b"close" not in options  # RFC 9112 9.3
    if not request.whole or request.body is not None:  # content is bytes: a length of 0 and a last chunk alone are none
        declared = fields.get(b"content-length")
        # The parser takes no length over 64 bits, but any number of zeros before it, of which ``int`` takes 4,300.
        length = int(declared[-20:]) if declared is not None and declared.isdigit() else None
        exchange.stream = body = arrival.parser.body_of(request)
        body.declare(length, dispatcher.limits.body_timeout, not http10 and b"expect" in fields)
    dispatcher.observer.begin(exchange)
    dispatcher.in_flight += 1
    arrival.flow = Flow(dispatcher, arrival, ResponseWriter(arrival, http10, keep_alive), exchange, dispatcher.unrouted)
    return arrival


def find_route(arrival: Arrival) -> Flow:
    """Find the route that the request runs under; it ends in a refusal for a request that cannot be served."""
    flow = arrival.flow
    assert flow is not None, "its head was read"
    exchange = flow.exchange
    dispatcher = arrival.dispatcher
    runtime = dispatcher.runtime
    refusal = validate(exchange, arrival.head, dispatcher.limits.header_bytes)
    if refusal is not None:
        flow.writer.keep_alive = flow.writer.keep_alive and not refusal.close  # a stage before may refuse it instead
        if not exchange.path:  # else only the method is not known, and the routes have the others
            unrouted = dispatcher.unrouted if runtime is None or not exchange.fields else runtime.unrouted
            flow.route = with_verdict(unrouted, refusal)
            return flow
    reply = dispatcher.health(exchange.path)
    if reply is not None:
        readable = exchange.method in ("GET", "HEAD")
        exchange.route = found = with_verdict(dispatcher.unrouted, reply if readable else _READ_ONLY)
    elif runtime is None:
        found = with_verdict(dispatcher.unrouted, refuse("draining", retry_after=1))
    elif exchange.method == "OPTIONS":
        found = find_preflight(exchange, runtime)
    else:
        exchange.route = found = runtime.routes.find(exchange, exchange.method)
    flow.route = found
    return flow


def find_preflight(exchange: Exchange, runtime: Served) -> CompiledRoute:
    """The route for OPTIONS, which may be a preflight (Fetch Standard 3.3.5)."""
    method = exchange.fields.get(b"access-control-request-method")
    if method is None or b"origin" not in exchange.fields:
        exchange.route = found = runtime.routes.find(exchange, exchange.method)
        return found
    exchange.route = found = runtime.routes.find(exchange, method.decode("latin-1"))
    return found.preflight or found
