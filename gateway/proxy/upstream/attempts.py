"""Calls to an upstream that take more than asking one endpoint once: another endpoint, another attempt."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import TYPE_CHECKING, Any

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.methods import IDEMPOTENT, SAFE
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.request import RequestBody
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.outlier import OutlierEjection
from gateway.proxy.pool.pool import NotSent, OnInformational
from gateway.proxy.upstream.hedge import Hedge
from gateway.proxy.upstream.race import race
from gateway.proxy.upstream.retry import Retry, failure

if TYPE_CHECKING:
    from gateway.proxy.upstream.upstream import Upstream

Attempting = Callable[["CallState", float], Coroutine[Any, Any, UpstreamConnection | Refusal]]


MAX_CONNECT_WAITS = 2  # endpoints that may keep one call waiting for a connection


_NOBODY: frozenset[Endpoint] = frozenset()


class CallState:
    """What is sent, whichever endpoint gets it, and what has become of it so far.

    ``tried`` are passed over while there are others, ``last`` is the one that was asked last. ``spoke``: something of an
    answer has reached the client. ``quiet``: hints (1xx) are kept from it, since it is open whose answer they belong to.
    """

    __slots__ = ("exchange", "interim", "last", "quiet", "rest", "spoke", "stream", "target", "tried")

    def __init__(
        self, exchange: Exchange, target: str, rest: bytes, stream: RequestBody | None, interim: OnInformational
    ) -> None:
        self.exchange = exchange
        self.target = target
        self.rest = rest
        self.stream = stream
        self.interim = interim
        self.last: Endpoint | None = None
        self.tried = _NOBODY
        self.spoke = False
        self.quiet = False

    def heard(self, status: int, pairs: list[Pair]) -> None:
        """An upstream's 1xx on its way to the client."""
        if not self.quiet:
            self.spoke = True
            self.interim(status, pairs)

    def pass_over(self) -> None:
        """Ask another than the last one the next time."""
        if self.last is not None:
            self.tried |= {self.last}

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again although it has been sent."""
        return self.stream is None and not self.spoke and self.exchange.method in IDEMPOTENT


class Attempts:
    """Makes the calls of ``upstream``.

    ``again`` is in seconds: when a client refused for want of a healthy endpoint may ask again. ``resting`` says that the
    breaker is not closed: then a call is a single try, or others have just found that it is better left in peace.
    """

    def __init__(
        self,
        upstream: Upstream,
        retry: Retry | None = None,
        ejection: OutlierEjection | None = None,
        hedge: Hedge | None = None,
        *,
        again: int = 1,
    ) -> None:
        self.resting: Callable[[], bool] = lambda: False
        self._retry = retry
        self._ejection = ejection
        self._hedge = hedge
        self._again = again
        self._counted: Counter[tuple[str, str]] = Counter()
        self._upstream = upstream
        self._pool = upstream.pool

    def take_counts(self) -> Counter[tuple[str, str]]:
        """What was done beyond first attempts since this was asked last, as times by figure and why."""
        counted, self._counted = self._counted, Counter()
        return counted

    def left(self) -> dict[str, int]:
        """Calls left in each budget."""
        extra = (("retries", self._retry), ("hedges", self._hedge))
        return {name: each.budget.left for name, each in extra if each is not None}

    def send(
        self, exchange: Exchange, target: str, rest: bytes, stream: RequestBody | None, interim: OnInformational
    ) -> Coroutine[Any, Any, UpstreamConnection | Refusal]:
        """The answer of the first attempt that is good, or of the last. Raises UpstreamError as the last one did."""
        call = CallState(exchange, target, rest, stream, interim)
        first = self._attempt if self._hedge is None else self._hedged
        return first(call, math.inf) if self._retry is None else self._repeated(call, first, self._retry)

    async def _repeated(self, call: CallState, attempt: Attempting, retry: Retry) -> UpstreamConnection | Refusal:
        """Make ``attempt``, and plain ones after it, until one is good or there is to be no other."""
        clock = self._pool.loop.time
        now = clock()
        retry.budget.call(now)
        until = now + self._pool.response_timeout
        made = 0
        while True:
            made += 1
            timeout = retry.attempt_timeout
            try:
                answer = await attempt(call, until if timeout is None else min(until, clock() + timeout))
            except UpstreamError as error:
                why: str | int = failure(error)
                if why not in retry.on or not (call.repeatable or isinstance(error, NotSent)):
                    raise
                wait = None if self.resting() else retry.pause(made, until - clock())
                if wait is None:
                    raise
            else:
                if isinstance(answer, Refusal) or answer.status not in retry.on or not call.repeatable:
                    return answer
                wait = None if self.resting() else retry.pause(made, until - clock(), answer.fields.pairs)
                if wait is None:
                    return answer
                why = answer.status
                answer.finish()  # nobody gets it; when it is whole its connection is used again
            self._counted["retries", str(why)] += 1
            call.pass_over()
            attempt = self._attempt
            await asyncio.sleep(wait)

    async def _attempt(self, call: CallState, until: float) -> UpstreamConnection | Refusal:
        """One attempt: at the endpoint chosen, or at the next one as long as no connection can be made.

        Raises UpstreamError.
        """
        choose = self._pool.choose
        refused: UpstreamError | None = None
        waited = 0
        while True:
            endpoint = choose(call.tried)
            if endpoint is None:
                if refused is not None:
                    raise refused
                call.tried = _NOBODY
                endpoint = choose(_NOBODY)
                if endpoint is None:
                    return refuse("no_healthy_endpoint", self._upstream.name, retry_after=self._again)
            call.last = endpoint
            try:
                answer = await self._upstream.attempt(
                    call.exchange, call.target, call.rest, call.stream, call.heard, endpoint, until
                )
            except NotSent as error:
                self._heard(endpoint, failure(error))
                waited += error.waited
                if waited >= MAX_CONNECT_WAITS or self._pool.loop.time() >= until:
                    raise
                refused = error
                call.tried |= {endpoint}
            except UpstreamError as error:
                self._heard(endpoint, failure(error))
                raise
            else:
                if self._ejection is not None and isinstance(answer, UpstreamConnection):
                    self._heard(endpoint, answer.status)
                return answer

    async def _hedged(self, call: CallState, until: float) -> UpstreamConnection | Refusal:
        """A first attempt that a second one, at another endpoint, may overtake."""
        hedge = self._hedge
        assert hedge is not None, "chosen where there is one"
        # Not every idempotent method: two DELETE calls side by side end as one would, but one of them is answered 404.
        if call.stream is not None or call.exchange.method not in SAFE:
            return await self._attempt(call, until)
        hedge.budget.call(self._pool.loop.time())
        exchange, began = call.exchange, monotonic()
        if hedge.after is None:
            answer = await self._attempt(call, until)
        else:
            call.quiet = True
            winner, second = await race(lambda: self._attempt(call, until), hedge.after, lambda: self._another(call))
            if second is not None:
                self._counted["hedges", "won" if second else "lost"] += 1
            answer = winner.result()
            if isinstance(answer, UpstreamConnection):  # the other attempt may have written its own
                exchange.endpoint = answer.owner.endpoint.authority
                exchange.upstream_time = monotonic() - began
        hedge.took(monotonic() - began)
        return answer

    def _another(self, call: CallState) -> bool:
        """Whether a second attempt may be made beside the first."""
        call.pass_over()
        other = self._hedge is not None and not self.resting() and self._pool.choose(call.tried) is not None
        return other and self._hedge is not None and self._hedge.budget.spend()

    def _heard(self, endpoint: Endpoint, outcome: str | int) -> None:
        """Tell what became of an attempt at ``endpoint``."""
        if self._ejection is not None and self._ejection.record(endpoint, outcome):
            self._counted["ejections", endpoint.label] += 1
