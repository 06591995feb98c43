"""The requests of one listener on their way: batches of those that are due, and what ends them early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic

from gateway.core.exchange import Exchange
from gateway.core.shortage import shortage_of
from gateway.core.verdict import Refusal, Reply
from gateway.policy.client import Client
from gateway.policy.identity import build as build_identity
from gateway.proxy.flow.arrival import Arrival, HealthPaths, ListenerLimits, Served
from gateway.proxy.flow.decide import Decision, decide
from gateway.proxy.flow.flow import Flow
from gateway.proxy.flow.lasting import LastingResponses
from gateway.proxy.flow.life import ENDS, PROBING, WHEN_ANSWERED, WHEN_ARRIVED, WHEN_DECIDED, WHEN_OVER, WHEN_SHORT
from gateway.proxy.flow.phases import PhaseBatch
from gateway.proxy.flow.respond import respond_with
from gateway.proxy.flow.step import OVER
from gateway.proxy.flow.unrouted import UnroutedLimit
from gateway.proxy.flow.writer import ClientWire, ResponseWriter
from gateway.proxy.observer import Observer
from gateway.proxy.routing.route import Built, CompiledRoute, bind, with_verdict


class Dispatcher:
    """Runs the requests that arrive on connections under ``runtime``; those in flight keep the one that they began with.

    ``in_flight`` are the requests that have begun and are not over; ``on_idle`` is called when there is none left.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: ListenerLimits,
        observer: Observer,
        health: HealthPaths,
        on_idle: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.limits = limits
        self.unrouted_limit = UnroutedLimit(limits.unrouted, Client(limits.trusted_proxies, limits.trusted_fields))
        self.observer = observer
        self.health = health
        self.runtime: Served | None = None
        self.unrouted: CompiledRoute = bind("unmatched", [Built(build_identity(), kind="identity")])
        self.draining = False
        self.in_flight = 0
        self._stalled: set[Exchange] = set()
        self.arrived = PhaseBatch(loop, WHEN_ARRIVED, self._group)
        self.decided = PhaseBatch(loop, WHEN_DECIDED)
        self.answered = PhaseBatch(loop, WHEN_ANSWERED)
        self.over = PhaseBatch(loop, WHEN_OVER)  # when the response has been sent
        self.lasting = LastingResponses(loop, lambda error: self.bug(error, ""))
        self._on_idle = on_idle

    @property
    def pending(self) -> int:
        """Requests that have arrived and are not over."""
        return self.in_flight + self.arrived.waiting

    def limit(self, limits: ListenerLimits) -> None:
        """Have ``limits`` for requests to come."""
        self.limits = limits
        self.unrouted_limit = UnroutedLimit(limits.unrouted, Client(limits.trusted_proxies, limits.trusted_fields))

    def _group(self) -> AbstractContextManager[object]:
        return nullcontext() if self.runtime is None else self.runtime.group

    def limited(self, exchange: Exchange, verdict: Refusal | Reply) -> Refusal | Reply:
        """See ``flow.Scheduler``."""
        status = verdict.status if isinstance(verdict, Reply) else verdict.reason.status
        return self.unrouted_limit.refusal(exchange, status) or verdict

    def refuse_head(self, client: ClientWire, peer: str, refusal: Refusal, origin: bytes | None = None) -> bool:
        """Refuse what never became a request: its head cannot be read, or is not awaited any longer. ``origin`` is the Origin
        that was in it, whose page may read the refusal where it is allowed.

        False: its client has had too many such responses, and gets none.
        """
        exchange = Exchange("", "", {} if origin is None else {b"origin": origin}, peer, monotonic())
        if self.unrouted_limit.refusal(exchange, refusal.reason.status) is not None:
            return False
        unrouted = self.unrouted if origin is None or self.runtime is None else self.runtime.unrouted
        decision = Decision(exchange, with_verdict(unrouted, refusal))
        self.observer.begin(exchange)
        try:
            decide(None, decision)
            writer = ResponseWriter(client, False, False)
            client.write(respond_with(refusal, exchange, decision.route, decision.depth, writer))
        finally:
            self.observer.done(exchange, 0.0)
        return True

    # the end of a request

    def finished(self, exchange: Exchange) -> None:
        """A request is over, with or without a response."""
        if self._stalled and exchange in self._stalled:
            self._stalled.discard(exchange)
            exchange.reason, exchange.detail = "client_stalled", "the response was not taken"
        self.in_flight -= 1
        if not self.in_flight:
            self._on_idle()
        self.observer.done(exchange, monotonic() - exchange.started)

    def client_left(self, flow: Flow) -> None:
        """The client of ``flow`` has left."""
        slot = flow.exchange.slot
        if slot is not None and slot.probe and flow.step in PROBING:
            flow.exchange.slot = slot._replace(left=True)
            return  # others wait for what becomes of the call, which goes on until its response begins
        for act in ENDS[flow.step].client_left:
            act(flow)

    def stalled(self, flow: Flow) -> None:
        """The client of ``flow`` does not take what it is sent, and is about to be cut off.

        The reason is noted when the stages have been left. To them the client has left, which is no failure of the upstream,
        and no way to have a guess at a password back.
        """
        if flow.step is not OVER:
            self._stalled.add(flow.exchange)

    def failed(self, flow: Flow, error: Exception) -> None:
        """``flow`` raised ``error``: since its client has left, or since the gateway has a bug."""
        ends, over, short = ENDS[flow.step], flow.step is OVER, shortage_of(error)
        client = flow.client
        flow.writer.keep_alive = False
        for act in ends.raised:
            act(flow)
        try:
            if not (isinstance(error, ConnectionError) and client.closing):
                for act in ends.reply:
                    (act if short is None else WHEN_SHORT.get(act, act))(flow)
                self.bug(error, flow.exchange.id)
        finally:
            try:
                flow.finish()
            finally:
                if over or client.closing:
                    client.force_close()
                else:
                    flow.release()

    def not_begun(self, arrival: Arrival, error: Exception) -> None:
        """The request on ``arrival`` raised ``error`` before it had a flow."""
        arrival.force_close()
        self.bug(error, "")

    def bug(self, error: Exception, request_id: str) -> None:
        """Report an exception that nobody expected, raised for the request of that id; a shortage as what it is."""
        short = shortage_of(error)
        if short is not None:
            self.observer.shortage(short, f"serving a request, {_where(error)}")
            return
        self.observer.event("bug", error=type(error).__name__, where=_where(error), id=request_id)


def _where(error: BaseException) -> str:
    """File and line of the innermost frame; never the message, which may hold what a client sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
