"""Calls to an upstream that take more than asking one endpoint once: another endpoint, another attempt."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import TYPE_CHECKING

from gateway.core.exchange import Exchange, Pair
from gateway.core.reason import Refusal, refuse
from gateway.proxy.connection import Connection, UpstreamError
from gateway.proxy.ejection import Ejection
from gateway.proxy.endpoint import Endpoint
from gateway.proxy.inbound import Body
from gateway.proxy.pool import Interim, Unsent
from gateway.proxy.retry import Retry, failure

if TYPE_CHECKING:
    from gateway.proxy.upstream import Upstream

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110 9.2.2

_PATIENCE = 2  # endpoints that may keep one call waiting for a connection


class _Call:
    """What is sent, whichever endpoint gets it, and whether anything of an answer has reached the client."""

    __slots__ = ("exchange", "interim", "rest", "spoke", "stream", "target")

    def __init__(self, exchange: Exchange, target: str, rest: bytes, stream: Body | None, interim: Interim) -> None:
        self.exchange = exchange
        self.target = target
        self.rest = rest
        self.stream = stream
        self.interim = interim
        self.spoke = False

    def heard(self, status: int, pairs: list[Pair]) -> None:
        """An upstream's 1xx on its way to the client."""
        self.spoke = True
        self.interim(status, pairs)

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again although it has been sent."""
        return self.stream is None and not self.spoke and self.exchange.method in IDEMPOTENT


class Calls:
    """Makes the calls of ``upstream``. ``again`` is in seconds: when a client refused for want of a healthy endpoint may
    ask again."""

    def __init__(
        self, upstream: Upstream, retry: Retry | None = None, ejection: Ejection | None = None, *, again: int = 1
    ) -> None:
        self.retry = retry
        self._ejection = ejection
        self._again = again
        self._counted: Counter[tuple[str, str]] = Counter()
        self._upstream = upstream
        self._pool = upstream.pool

    def taken(self) -> Counter[tuple[str, str]]:
        """What was done beyond first attempts since this was asked last, as times by figure and why."""
        counted, self._counted = self._counted, Counter()
        return counted

    def left(self) -> dict[str, int]:
        """Calls left in each budget."""
        return {"retries": self.retry.budget.left} if self.retry is not None else {}

    async def send(
        self, exchange: Exchange, target: str, rest: bytes, stream: Body | None, interim: Interim
    ) -> Connection | Refusal:
        """The answer of the first attempt that is good, or of the last. Raises UpstreamError as the last one did."""
        call = _Call(exchange, target, rest, stream, interim)
        tried: set[Endpoint] = set()
        retry = self.retry
        if retry is None:
            return await self._attempt(call, tried, math.inf)
        retry.budget.call()
        clock = self._pool.loop.time
        until = clock() + self._pool.response_timeout
        made = 0
        while True:
            made += 1
            try:
                answer = await self._attempt(call, tried, min(until, clock() + retry.attempt_timeout))
            except UpstreamError as error:
                why = failure(error)
                if not retry.wants(why) or not (call.repeatable or isinstance(error, Unsent)):
                    raise
                wait = retry.pause(made, until - clock())
                if wait is None:
                    raise
            else:
                if isinstance(answer, Refusal) or not retry.wants(answer.status) or not call.repeatable:
                    return answer
                wait = retry.pause(made, until - clock(), answer.pairs)
                if wait is None:
                    return answer
                why = str(answer.status)
                answer.finish()  # nobody gets it; when it is whole its connection is used again
            self._counted["retries", why] += 1
            await asyncio.sleep(wait)

    async def _attempt(self, call: _Call, tried: set[Endpoint], until: float) -> Connection | Refusal:
        """One attempt: at the endpoint chosen, or at the next one as long as no connection can be made.

        ``tried`` are passed over while there are others. Raises UpstreamError.
        """
        pool = self._pool
        refused: UpstreamError | None = None
        waited = 0
        while True:
            endpoint = pool.choose(tried)
            if endpoint is None:
                if refused is not None:
                    raise refused
                tried.clear()
                endpoint = pool.choose(tried)
                if endpoint is None:
                    return refuse("no_healthy_endpoint", self._upstream.name, retry_after=self._again)
            tried.add(endpoint)
            try:
                answer = await self._upstream.attempt(
                    call.exchange, call.target, call.rest, call.stream, call.heard, endpoint, until
                )
            except Unsent as error:
                self._heard(endpoint, failure(error))
                waited += error.waited
                if waited >= _PATIENCE or pool.loop.time() >= until:
                    raise
                refused = error
            except UpstreamError as error:
                self._heard(endpoint, failure(error))
                raise
            else:
                if isinstance(answer, Connection):
                    self._heard(endpoint, answer.status)
                return answer

    def _heard(self, endpoint: Endpoint, outcome: str | int) -> None:
        """Tell what became of an attempt at ``endpoint``."""
        if self._ejection is not None and self._ejection.heard(endpoint, outcome):
            self._counted["ejections", endpoint.label] += 1
