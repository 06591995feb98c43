"""The circuit breaker: an upstream that fails gets no calls for a while, and is then tried by one call at a time.

The circuit is in the store of the host (``state.rules.circuit``), so the outcomes of one worker protect all. Only failures
of the upstream count: never one that the client caused, and never a refusal by the gateway itself.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.core.exchange import Exchange, Slot
from gateway.core.failure import BEFORE_SENDING, BY_STATUS, SLOW, CallFailure, Cause
from gateway.core.verdict import Refusal, Verdict, refuse
from gateway.policy.base.candidates import Candidates
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import Duration, Policy, between
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.breaker import orders
from gateway.state.rules import circuit as rules
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, OPEN, Circuit, Trip
from gateway.state.store import CircuitStore

# The failures that each word of ``count`` covers. A connection that was closed before any byte of a response is covered
# by two words, since each of them has counted it on some connections.
_COVERED = {
    "connect": {CallFailure.CONNECT, CallFailure.CONNECT_TIMEOUT, CallFailure.RESET, CallFailure.RESET_REUSED},
    "timeout": {CallFailure.CONNECT_TIMEOUT, CallFailure.TIMEOUT, CallFailure.STALLED, CallFailure.TOTAL_TIMEOUT},
    "broken": {CallFailure.BROKEN, CallFailure.RESET, CallFailure.RESET_REUSED},
}


FOR_CLIENTS = 1.0
"""Seconds after which a health check may make the try that is due: clients who call have made it by then, and what becomes
of a real call says more about an upstream than its health path."""

# An upstream that is down for more than an hour should be taken out of the configuration.
Span = Annotated[Duration, AfterValidator(between(0.1, 3600.0, "100ms and 1h"))]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Status = Annotated[int, Field(strict=True, ge=500, le=599)]
Counted = Literal["connect", "timeout", "broken"] | Status


class Settings(Policy):
    """When an upstream gets no calls, and when it is tried again."""

    failures: Count = 5
    """So many failures in a row open the circuit."""
    ratio: Annotated[float, Field(gt=0, le=1)] | None = None
    """So large a share of failures within ``window`` opens it too: 0.5 is half of the calls."""
    window: Span = 60.0
    """The time that ``ratio`` looks back."""
    min_volume: Count = 20
    """With fewer calls within ``window`` the share does not count."""
    recover_after: Span = 60.0
    """So long the circuit stays open; then one call at a time may try the upstream."""
    successes: Count = 1
    """So many tries in a row must go well to close the circuit."""
    slow_after: Span | None = None
    """A response that takes longer to begin counts as a failure."""
    probe_timeout: Span = 30.0
    """A try without an outcome for so long is taken for lost, and another may go."""
    probe: Literal["request", "health_check"] = "request"
    """What tries it: a user's call, or the upstream's ``health_check``; then users' calls are refused until it is closed."""
    count: Annotated[tuple[Counted, ...], Field(min_length=1)] = ("connect", "timeout", "broken", 502, 503, 504)
    """What is a failure: no connection or a closed one, no response in time, an unreadable one, one with such a status."""
    ignore: dict[str, Annotated[tuple[Status, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """By route, statuses that do not count there, such as 503 of a service in response to a bad upload."""

    ORDERS: ClassVar[Orders] = orders.ORDERS

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        return frozenset(("upstream_resting",))

    @model_validator(mode="after")
    def _makes_sense(self) -> Settings:
        if self.ratio is not None and self.min_volume < 2:
            raise ValueError("min_volume must be at least 2 beside ratio: one call is no share")
        return self

    def trip(self) -> Trip:
        """The settings in the form that the store takes."""
        return Trip(
            self.failures,
            self.ratio or 0.0,
            self.window,
            self.min_volume,
            self.recover_after,
            self.successes,
            self.probe_timeout,
        )


class Breaker(Stage):
    """The breaker in front of ``upstream``. An admitted call holds a slot, which ``on_done`` gives back with the outcome.

    A probe keeps all other calls waiting, so it never waits for its client: its content is here before it is admitted, and
    its outcome is recorded when the response begins, however slowly that is taken.
    """

    __slots__ = (
        "_candidates",
        "_events",
        "_failures",
        "_ignore",
        "_name",
        "_probe",
        "_store",
        "_trip",
        "_wall",
        "cause",
        "settings",
        "upstream",
    )

    def __init__(self, upstream: str, settings: Settings, tools: Tools) -> None:
        self.upstream = upstream
        self.settings = settings
        self._failures = frozenset[CallFailure | None]().union(
            *(_COVERED.get(str(word), ()) for word in settings.count)
        )
        self._ignore = settings.ignore
        self._trip = settings.trip()
        self._name = upstream.encode()
        self._store: CircuitStore = tools.store  # also beside a remote store: each host judges by its own calls
        self._wall: Callable[[], float] = tools.wall
        self._events = tools.events
        self._candidates = Candidates()
        self._probe: Exchange | None = None  # the last one that this worker has admitted
        self.cause: Cause | None = None
        """Of the last failure that this worker has counted."""

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        stream = exchange.stream
        if stream is None or stream.complete or exchange.body is not None:
            return self._admit(exchange)
        now = self._wall()
        circuit = self._store.circuit(self._name, now)
        if circuit.state == CLOSED:
            exchange.slot = Slot(circuit.epoch)
            return None
        would = rules.admit(circuit, self._trip, now)
        if would.ok and self.settings.mode == "enforce":
            return self._admit_when_whole(exchange)
        return self._refusal(would.retry_in)

    def _admit(self, exchange: Exchange) -> Refusal | None:
        admitted = self._store.admit(self._name, self._trip, self._wall())
        self._report_change(admitted.was, admitted.circuit)
        if admitted.ok:
            exchange.slot = slot = Slot(admitted.epoch, admitted.circuit.state == HALF_OPEN)
            if slot.probe:
                self._probe = exchange
            return None
        return None if self._take_over(exchange, admitted.circuit) else self._refusal(admitted.retry_in)

    def _take_over(self, exchange: Exchange, circuit: Circuit) -> bool:
        """Whether ``exchange`` is the probe now, instead of one of this worker whose client has left. Whichever of the two
        finds the upstream well closes the circuit: clients that leave and come again cannot keep it as it is."""
        left = None if self._probe is None else self._probe.slot
        if left is None or not left.left or left.epoch != circuit.epoch or circuit.state != HALF_OPEN:
            return False
        exchange.slot = Slot(left.epoch, True)
        self._probe = exchange
        return True

    async def _admit_when_whole(self, exchange: Exchange) -> Refusal | None:
        """Let a request whose content is still arriving try the upstream once it is here."""
        whole = await self._candidates.read_whole(exchange)
        if isinstance(whole, Refusal):
            return whole
        if whole:
            return self._admit(exchange)
        circuit = self.circuit()
        if circuit.state != CLOSED:
            return self._refusal(1.0)
        exchange.slot = Slot(circuit.epoch)  # another request has tried it meanwhile
        return None

    def _refusal(self, seconds: float) -> Refusal:
        return refuse("upstream_resting", self.upstream, retry_after=max(1, math.ceil(seconds)))

    @property
    def enforced(self) -> bool:
        """Whether it refuses calls, and does not only report."""
        return self.settings.mode == "enforce"

    def probe(self) -> int | None:
        """The epoch of an admitted probe that is no client's call, or None when none may go now; ``probed`` takes it back."""
        now = self._wall()
        circuit = self._store.circuit(self._name, now)
        if circuit.state == CLOSED or (circuit.state == OPEN and now < circuit.retry_at + self._left_to_clients()):
            return None
        admitted = self._store.admit(self._name, self._trip, now)
        self._report_change(admitted.was, admitted.circuit)
        return admitted.epoch if admitted.ok else None

    def _left_to_clients(self) -> float:
        return FOR_CLIENTS

    def probed(self, epoch: int, failed: bool | None, cause: Cause | None = None) -> None:
        """Records the outcome of the probe of ``epoch``; None when it does not count. ``cause``: why it failed."""
        if failed:
            self.cause = cause
        self._record(epoch, failed)

    def _record(self, epoch: int, failed: bool | None) -> Circuit:
        circuit, was = self._store.record_outcome(self._name, self._trip, epoch, failed, self._wall())
        self._report_change(was, circuit)
        return circuit

    def on_response(self, exchange: Exchange) -> None:
        slot = exchange.slot
        if slot is None or not slot.probe:
            return
        if not exchange.fallback and (not exchange.endpoint or exchange.failure is not None):
            return  # a refusal by the gateway, whose reason is noted later
        circuit = self._end(exchange, slot)
        # What becomes of the rest of the response counts as that of any call.
        exchange.slot = Slot(circuit.epoch) if circuit is not None and circuit.state == CLOSED else None

    def on_done(self, exchange: Exchange) -> None:
        slot, exchange.slot = exchange.slot, None
        if slot is not None:
            self._end(exchange, slot)

    def _end(self, exchange: Exchange, slot: Slot) -> Circuit | None:
        """The circuit after the call that held ``slot``; None where another call has taken that over, and goes on."""
        failed = self.failed(exchange)
        if slot.left and failed is not False:
            if self._probe is not exchange:
                return None
            failed = None  # its client did not want to know
        if self._probe is exchange:
            self._probe = None
        if failed:
            self.cause = self._cause_of(exchange)
        return self._record(slot.epoch, failed)

    def failed(self, exchange: Exchange) -> bool | None:
        """Whether the upstream failed; None when the call does not count: the client left, sent something wrong
        or too slowly, or the gateway had no room."""
        stream = exchange.stream
        if stream is not None and stream.late and exchange.failure not in BEFORE_SENDING:
            return None
        if exchange.reason:
            return True if exchange.failure in self._failures else None
        status: int = exchange.status
        if not status or (self._ignore and self._ignores(exchange, status)):
            return None
        slow = self.settings.slow_after
        return status in self.settings.count or (slow is not None and exchange.upstream_time > slow)

    def _cause_of(self, exchange: Exchange) -> Cause:
        """Why the upstream of ``exchange`` has failed."""
        failure, status, now = exchange.failure, exchange.status, self._wall()
        if failure is not None:
            return Cause(failure.label, 0, exchange.detail, exchange.failed_at or exchange.endpoint, now)
        if status in self.settings.count:
            return Cause(BY_STATUS, status, f"status {status}", exchange.endpoint, now)
        return Cause(SLOW, status, f"no response for {exchange.upstream_time:.1f} s", exchange.endpoint, now)

    def _ignores(self, exchange: Exchange, status: int) -> bool:
        """Whether ``ignore`` leaves the status out for the route, or for one of the routes of a batch."""
        routes = [call.route for call in exchange.calls] or [exchange.route]
        return any(status in self._ignore.get(route.name, ()) for route in routes)

    def circuit(self) -> Circuit:
        """The circuit as it is now, for health."""
        return self._store.circuit(self._name, self._wall())

    def _report_change(self, was: str, circuit: Circuit) -> None:
        if was != circuit.state:
            cause = self.cause if circuit.state == OPEN else None
            self._events.breaker_changed(self.upstream, was, circuit.state, circuit.failures, cause)


class CheckedBreaker(Breaker):
    """A breaker that lets users' calls through only while it is closed, and leaves all tries to health checks."""

    __slots__ = ()

    def _left_to_clients(self) -> float:
        return 0.0

    def on_request(self, exchange: Exchange) -> Refusal | None:
        now = self._wall()
        circuit = self._store.circuit(self._name, now)
        if circuit.state == CLOSED:
            exchange.slot = Slot(circuit.epoch)
            return None
        return self._refusal(self._trip.recover_after if circuit.forced else circuit.retry_at - now)


def build(name: str, settings: Settings, tools: Tools) -> Breaker:
    """The stage for the upstream ``name``: two upstreams with one breaker's settings have a circuit each."""
    return (CheckedBreaker if settings.probe == "health_check" else Breaker)(name, settings, tools)
