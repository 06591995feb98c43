"""Calls of more than one attempt: at another endpoint, once more after a failure, or at two endpoints side by side."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.failure import BEFORE_SENDING, CallFailure
from gateway.core.fields import Pair
from gateway.core.methods import IDEMPOTENT, SAFE
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.candidates import Candidates
from gateway.policy.base.shares import client_of
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import NotSent, UpstreamError
from gateway.proxy.pool.outlier import OutlierEjection
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.hedge import Hedge
from gateway.proxy.upstream.race import race
from gateway.proxy.upstream.retry import Retry

Attempting = Callable[["CallState", float], Coroutine[Any, Any, UpstreamConnection | Refusal]]

MAX_CONNECT_WAITS = 2  # endpoints that may keep one call waiting for a connection

_NONE: frozenset[Endpoint] = frozenset()


class CallState:
    """A call and what has become of its attempts so far.

    ``tried`` endpoints are passed over while there are others, ``last`` is the one that was asked last. ``informed``: the
    client has got a 1xx response. ``mute_informational``: it gets none, since it is open which attempt they belong to.
    """

    __slots__ = ("call", "informed", "last", "mute_informational", "tried")

    def __init__(self, call: UpstreamCall) -> None:
        self.call = call
        self.last: Endpoint | None = None
        self.tried = _NONE
        self.informed = False
        self.mute_informational = False

    def on_informational(self, status: int, pairs: list[Pair]) -> None:
        """Pass a 1xx response on to the client."""
        if not self.mute_informational:
            self.informed = True
            self.call.on_informational(status, pairs)

    def pass_over(self) -> None:
        """Ask another endpoint than the last one the next time."""
        if self.last is not None:
            self.tried |= {self.last}

    @property
    def repeatable(self) -> bool:
        """Whether the request may be sent again although it has been sent."""
        return self.call.streamed is None and not self.informed and self.call.exchange.method in IDEMPOTENT


class Attempts:
    """Makes the calls of one upstream, each of as many attempts as it needs and may have.

    ``retry_after`` is in seconds: when a client refused for want of a healthy endpoint may ask again. While
    ``single_while`` is true a call is a single attempt: the breaker is not closed, and others have just found that the
    upstream fails.
    """

    def __init__(
        self,
        attempt: UpstreamAttempt,
        retry: Retry | None = None,
        ejection: OutlierEjection | None = None,
        hedge: Hedge | None = None,
        *,
        retry_after: int = 1,
    ) -> None:
        self.single_while: Callable[[], bool] = lambda: False
        self._retry = retry
        self._ejection = ejection
        self._hedge = hedge
        self._retry_after = retry_after
        self._counts: Counter[tuple[str, str]] = Counter()
        self._single = attempt
        self._pool = attempt.pool
        self._candidates = Candidates()

    def take_counts(self) -> Counter[tuple[str, str]]:
        """What was done beyond first attempts since the last call of this: times, by metric and cause."""
        counts, self._counts = self._counts, Counter()
        return counts

    def budgets_left(self) -> dict[str, int]:
        """Extra calls left in each budget."""
        extra = (("retries", self._retry), ("hedges", self._hedge))
        return {name: each.budget.left for name, each in extra if each is not None}

    async def await_probe(self, exchange: Exchange) -> Refusal | None:
        """Read the content of ``exchange`` whole, where an endpoint is on probation: only a call that does not wait for its
        client may try that one. Where that cannot be, the content is left to be read as it arrives.

        A refusal when the client does not send its content as it should.
        """
        if not any(endpoint.on_probation for endpoint in self._pool.endpoints):
            return None
        whole = await self._candidates.read_whole(exchange)
        return whole if isinstance(whole, Refusal) else None

    def make(self, call: UpstreamCall) -> Coroutine[Any, Any, UpstreamConnection | Refusal]:
        """The response of the first attempt that is good, or of the last. Raises UpstreamError as the last attempt did."""
        state = CallState(call)
        if call.streamed is not None:
            state.tried = frozenset(endpoint for endpoint in self._pool.endpoints if endpoint.on_probation)
        first = self._attempt if self._hedge is None else self._hedged
        return first(state, math.inf) if self._retry is None else self._repeated(state, first, self._retry)

    async def _repeated(self, state: CallState, attempt: Attempting, retry: Retry) -> UpstreamConnection | Refusal:
        """Make ``attempt``, and plain ones after it, until one is good or there is to be no other."""
        clock = self._pool.loop.time
        now, client = clock(), client_of(state.call.exchange)
        retry.budget.call(now, client)
        until = now + self._pool.response_timeout
        made = 0
        while True:
            made += 1
            timeout = retry.attempt_timeout
            try:
                response = await attempt(state, until if timeout is None else min(until, clock() + timeout))
            except UpstreamError as error:
                if error.kind not in retry.on or not (state.repeatable or isinstance(error, NotSent)):
                    raise
                wait = None if self.single_while() else retry.pause(client, made, until - clock())
                if wait is None:
                    raise
                cause = error.kind.word
            else:
                if isinstance(response, Refusal) or response.status not in retry.on or not state.repeatable:
                    return response
                wait = (
                    None if self.single_while() else retry.pause(client, made, until - clock(), response.fields.pairs)
                )
                if wait is None:
                    return response
                cause = str(response.status)
                response.finish()  # nobody gets it; when it is whole its connection is used again
            self._counts["retries", cause] += 1
            state.pass_over()
            attempt = self._attempt
            await asyncio.sleep(wait)

    async def _attempt(self, state: CallState, until: float) -> UpstreamConnection | Refusal:
        """One attempt: at the endpoint chosen, or at the next one as long as no connection can be made.

        Raises UpstreamError.
        """
        choose = self._pool.choose
        refused: UpstreamError | None = None
        waits = 0
        while True:
            endpoint = choose(state.tried)
            if endpoint is None:
                if refused is not None:
                    raise refused
                state.tried = _NONE
                endpoint = choose(_NONE)
                if endpoint is None:
                    return refuse("no_healthy_endpoint", self._single.name, retry_after=self._retry_after)
            state.last = endpoint
            try:
                response = await self._single.make(
                    state.call, endpoint, state.on_informational, until, tried=state.tried
                )
            except NotSent as error:
                self._record(state, endpoint, error.kind)
                waits += error.kind is CallFailure.CONNECT_TIMEOUT
                if waits >= MAX_CONNECT_WAITS or self._pool.loop.time() >= until:
                    raise
                refused = error
                state.tried |= {endpoint, *endpoint.siblings}  # all of them were tried for it
            except UpstreamError as error:
                self._record(state, error.endpoint, error.kind)
                raise
            else:
                if isinstance(response, UpstreamConnection):
                    self._record(state, response.owner.endpoint, response.status)
                return response

    async def _hedged(self, state: CallState, until: float) -> UpstreamConnection | Refusal:
        """A first attempt that a second one, at another endpoint, may overtake."""
        hedge, exchange = self._hedge, state.call.exchange
        assert hedge is not None, "chosen where there is one"
        if state.call.streamed is not None or exchange.method not in SAFE:
            return await self._attempt(state, until)
        hedge.budget.call(self._pool.loop.time(), client_of(exchange))
        began = monotonic()
        if hedge.after is None:
            response = await self._attempt(state, until)
        else:
            state.mute_informational = True
            winner, second = await race(lambda: self._attempt(state, until), hedge.after, lambda: self._another(state))
            if second is not None:
                self._counts["hedges", "won" if second else "lost"] += 1
            response = winner.result()
            if isinstance(response, UpstreamConnection):  # the other attempt may have written its own
                exchange.endpoint = response.owner.endpoint.authority
                exchange.upstream_ids = response.fields.ids
                exchange.upstream_time = monotonic() - began
        hedge.record(monotonic() - began)
        return response

    def _another(self, state: CallState) -> bool:
        """Whether a second attempt may be made beside the first."""
        state.pass_over()
        other = self._hedge is not None and not self.single_while() and self._pool.choose(state.tried) is not None
        return other and self._hedge is not None and self._hedge.budget.spend(client_of(state.call.exchange))

    def _record(self, state: CallState, endpoint: object, outcome: CallFailure | int) -> None:
        """Count what became of an attempt at ``endpoint``, which need not be the one that was chosen, unless the client has
        kept it waiting."""
        if not isinstance(endpoint, Endpoint):
            return
        state.last = endpoint
        streamed = state.call.streamed
        if streamed is not None and streamed.late and outcome not in BEFORE_SENDING:
            return
        if self._ejection is not None and self._ejection.record(endpoint, outcome):
            self._counts["ejections", endpoint.label] += 1
