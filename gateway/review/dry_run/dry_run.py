"""Requests through a whole compiled configuration without a socket: what the gateway would do with them.

It is the data plane that decides: its parser, routes, stages, retries, breakers, fallbacks and rendering, bytes in and bytes
out. Only the client's connection, the upstreams' wire, the store and the clock are others (docs/decisions/dry-run.md).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from email.utils import formatdate
from typing import Literal

from gateway.config.model import Config
from gateway.config.reporting import next_end
from gateway.config.routes import GATEWAY_PATHS
from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.shortage import Shortage
from gateway.core.verdict import Reply
from gateway.policy.auth.auth import Settings
from gateway.policy.base.parts import Parts
from gateway.policy.base.tools import NoEvents, Tools
from gateway.policy.client import Client
from gateway.proxy.compile.limits import egress_limits_of, limits_of
from gateway.proxy.compile.routes import UNMATCHED
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.arrival import Served
from gateway.proxy.flow.dispatcher import Dispatcher
from gateway.proxy.flow.unrouted import UnroutedLimit
from gateway.proxy.message.head import RequestHead, validate
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.routing.route import CompiledRoute
from gateway.proxy.server.connection import ClientConnection
from gateway.review.dry_run.claims import DryTokens, completed, token_of
from gateway.review.dry_run.clock import DryClock, DryLoop, dry_loop
from gateway.review.dry_run.outcome import Canonical, Outcome, TracedCall
from gateway.review.dry_run.parts import DryParts
from gateway.review.dry_run.places import StagePlaces
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ReadResponse, ScriptedResponse
from gateway.review.dry_run.trace import PASS, Trace, TracedRouting
from gateway.review.dry_run.wire import DryClients, DryTransport, ScriptedUpstreams
from gateway.state.memory.store import MemoryStore

HEALTHY = b'{"status":"ok"}'
"""What the health paths say in a dry run, where nothing is up or down."""

Listener = Literal["public", "egress"]


def _health(path: str) -> Reply | None:
    return Reply(200, ((b"content-type", b"application/json"),), HEALTHY) if path in GATEWAY_PATHS else None


class _Seen:
    """An observer that keeps the request that is over last, and raises what nobody expected."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.bug = ""

    def begin(self, exchange: Exchange) -> None:
        pass

    def done(self, exchange: Exchange, elapsed: float) -> None:
        self.exchange = exchange

    def event(self, name: str, **fields: object) -> None:
        if name == "bug":
            self.bug = f"{fields.get('error')} at {fields.get('where')}"

    def shortage(self, kind: Shortage, where: str) -> None:
        pass


class _Serving:
    """One listener: its dispatcher, and the trace of what its routes say."""

    def __init__(self, loop: DryLoop, config: Config, listener: Listener, wall: DryClock) -> None:
        self.seen = _Seen()
        limits = limits_of(config) if listener == "public" else egress_limits_of(config)
        # A drained dispatcher has no part in this, so nobody waits for an idle one.
        health = _health if listener == "public" else _no_health
        self.dispatcher = Dispatcher(loop, limits, self.seen, health, lambda: None)
        proxies = Client(limits.trusted_proxies, limits.trusted_fields)
        self.dispatcher.unrouted_limit = UnroutedLimit(limits.unrouted, proxies, wall.wall)

    def serve(self, served: Served, trace: Trace) -> None:
        """Serve what is compiled, traced."""
        self.dispatcher.runtime = TracedRouting(served, trace)
        self.dispatcher.unrouted = trace.of(self.dispatcher.unrouted)


def _no_health(_: str) -> Reply | None:
    return None


class DryRun:
    """Serves ``config`` from Unix seconds ``at`` on, one request after the other. What limits, lockouts, breakers and kept
    responses remember lasts for the whole of it; ``clock`` is moved by hand.

    Nothing is read, written or connected to. A configuration with placeholders in place of secrets is served too.
    """

    def __init__(self, config: Config, *, at: float, parts: Parts | None = None) -> None:
        """``parts`` may be shared by dry runs after each other (``DryParts``): each begins anew, and sooner."""
        self._config = config
        self._parts = DryParts() if parts is None else parts
        self.clock = DryClock(at)
        self._loop = dry_loop(self.clock)
        self._store = MemoryStore()
        self._key = os.urandom(32)
        # The places keep their configuration, so no other one has its id as long as they are kept.
        places = self._parts.part(("places", id(config)), lambda: StagePlaces(config))
        self._trace = Trace(self.clock, places.of)
        self._upstreams = ScriptedUpstreams(lambda: self._trace.upstream)
        self._listeners: dict[Listener, _Serving] = {}
        with self._loop.running():
            self._clients = DryClients(self._loop)
            for listener in ("public", "egress"):
                self._listeners[listener] = _Serving(self._loop, config, listener, self.clock)
            self._compile()

    @property
    def runtime(self) -> Runtime:
        """What is compiled and serves."""
        return self._runtime

    def _compile(self) -> None:
        """Compile the configuration as it is in force now, and serve it."""
        config, listen = self._config, self._config.listen
        tools = Tools(
            self._store,
            self.clock.wall,
            listen.trusted_proxies,
            None,
            NoEvents(),
            listen.limits.per_address.requests,
            listen.trusted_fields,
            parts=self._parts,
        )
        self._runtime = runtime = Runtime(config, tools)
        self._until = next_end(config, self.clock.wall())
        for name, upstream in runtime.upstreams.items():
            self._upstreams.replace_wire(name, upstream.pool)
        for stage in runtime.auth.values():
            stage.verifier = DryTokens(stage.verifier, self._key)
        self._listeners["public"].serve(runtime, self._trace)
        self._listeners["egress"].serve(runtime.egress, self._trace)

    def run(
        self,
        request: DryRequest,
        response: ScriptedResponse | None = None,
        others: Mapping[str, ScriptedResponse] | None = None,
    ) -> Outcome:
        """What becomes of ``request``. ``response`` is that of the upstream of its route, or of all calls to it, ``others`` have
        those of other upstreams by name; who is not named responds with 200. Takes no time but what is waited for."""
        with self._loop.running():
            self._loop.catch_up()
            if self._until is not None and self.clock.wall() >= self._until:
                self._compile()
            return self._run(request, response or ScriptedResponse(), others or {})

    def _run(self, request: DryRequest, response: ScriptedResponse, others: Mapping[str, ScriptedResponse]) -> Outcome:
        serving, trace = self._listeners[request.listener], self._trace
        token = [] if request.claims is None else [(b"authorization", b"Bearer " + self._token(request))]
        self._upstreams.begin(response, others)
        trace.begin()
        serving.seen.exchange = None
        connection = ClientConnection(serving.dispatcher, self._clients, request.address)
        transport = DryTransport(self._loop, lambda data: connection.data_received(data))
        connection.connection_made(transport)
        transport.arrive(request.octets(token))
        self._loop.run_until(lambda: _is_over(connection, serving.seen))
        if connection.transport is not None:
            connection.connection_lost(None)
        if serving.seen.bug:
            bug, serving.seen.bug = serving.seen.bug, ""
            raise RuntimeError(f"the gateway has a bug: {bug}")
        return self._outcome(request, serving.seen.exchange, bytes(transport.written))

    def _token(self, request: DryRequest) -> bytes:
        """The token of the request's claims, for the policy of the route that it takes."""
        claims = dict(request.claims or {})
        for built in self._route_of(request).stages:
            settings = self._config.policies["auth"].get(built.policies[0]) if built.kind == "auth" else None
            if isinstance(settings, Settings):
                claims = completed(claims, settings, self.clock.wall())
                break
        return token_of(claims, self._key)

    def _route_of(self, request: DryRequest) -> CompiledRoute:
        received = ReceivedRequest(request.method, request.target, request.http, tuple(request.lines()), True, False)
        head = RequestHead(received)
        exchange = Exchange(request.method, request.target, head.fields, request.address, 0.0)
        dispatcher = self._listeners[request.listener].dispatcher
        validate(exchange, head, dispatcher.limits.header_bytes)
        served = self._runtime if request.listener == "public" else self._runtime.egress
        return served.routes.find(exchange, request.method)

    def _outcome(self, request: DryRequest, exchange: Exchange | None, written: bytes) -> Outcome:
        trace = self._trace
        response = ReadResponse(written, request.method)
        route = trace.route
        if exchange is None:  # its client has had too many refusals, and gets no response any more
            return Outcome(
                Canonical("", "", ""), UNMATCHED, (), (), "rate_limited", 0, (), b"", detail="closed at once"
            )
        scripted = self._upstreams.dated
        fields = response.fields if scripted else tuple(self._dated(pair) for pair in response.fields)
        return Outcome(
            Canonical(*(trace.canonical if trace.routed else (exchange.method, exchange.path, exchange.query))),
            UNMATCHED if route is None else route.name,
            tuple(TracedCall(call.procedure, call.route.name) for call in exchange.calls),
            trace.stages,
            exchange.reason or PASS,
            response.status,
            fields,
            response.body,
            tuple(refusal.reason.slug for refusal in exchange.reported),
            exchange.fallback,
            exchange.detail,
            tuple(self._upstreams.forwarded),
            response.whole,
            exchange.id,
        )

    def _dated(self, pair: Pair) -> Pair:
        """A field of a response of the gateway's own: Date is that of the dry run's clock."""
        return (pair[0], formatdate(self.clock.wall(), usegmt=True).encode()) if pair[0] == b"date" else pair


def _is_over(connection: ClientConnection, seen: _Seen) -> bool:
    """Whether nothing more comes of the request on ``connection``."""
    return connection.flow is None and (seen.exchange is not None or connection.closing)
