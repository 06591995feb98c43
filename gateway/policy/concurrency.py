"""How many calls an upstream gets at once: the others wait in a queue, and a full queue refuses.

Without it a service that is slow to respond takes every connection, one call at a time. Permits and queue belong to one
worker; a permit is held from admission until the last byte of the response.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.core.exchange import Exchange, RequestContent
from gateway.core.verdict import Refusal, Verdict, refuse
from gateway.policy.base.settings import Duration, Model
from gateway.policy.base.stage import Stage

_LONGEST = 60.0  # seconds; the app has given up long before
_SMALL = 64 * 1024  # bytes of a body that is read before a permit is taken


def _wait(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST:
        raise ValueError("must be more than 0 and at most 1m")
    return seconds


class Settings(Model):
    """How many calls one worker makes to an upstream at once, and how many more may wait for how long."""

    limit: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    """Calls under way."""
    queue: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 50
    """Calls that wait until another is over; the next is refused."""
    wait: Annotated[Duration, AfterValidator(_wait)] = 1.0
    """How long a call waits before it is refused."""


class Concurrency(Stage):
    """The permits of one upstream. First come, first served; ``on_done`` hands a permit to the first in the queue.

    ``breaker_open`` says whether the upstream's breaker would refuse. Then nobody waits: the breaker, which is the next
    stage, refuses at once.
    """

    __slots__ = ("_breaker_open", "_free", "_holders", "_queue", "_settings", "upstream")

    def __init__(self, upstream: str, settings: Settings, breaker_open: Callable[[], bool]) -> None:
        self.upstream = upstream
        self._settings = settings
        self._breaker_open = breaker_open
        self._free = settings.limit
        self._holders: set[Exchange] = set()
        self._queue: dict[asyncio.Future[Verdict], Exchange] = {}  # in the order of arrival

    @property
    def taken(self) -> int:
        """Calls under way."""
        return self._settings.limit - self._free

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        body = exchange.stream
        if body is not None and exchange.body is None and not body.complete and (body.length or _SMALL) < _SMALL:
            return self._read_first(exchange, body)
        return self._enter(exchange)

    async def _read_first(self, exchange: Exchange, body: RequestContent) -> Verdict:
        """A client that sends a short body slowly must not hold a permit meanwhile."""
        content = await body.read_all()
        if isinstance(content, Refusal):
            return content
        exchange.body = content
        verdict = self._enter(exchange)
        return await verdict if isinstance(verdict, Awaitable) else verdict

    def _enter(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        if self._free:
            self._free -= 1
            self._holders.add(exchange)
            return None
        if self._breaker_open():
            return None
        if len(self._queue) >= self._settings.queue:
            return self._busy()
        return self._enqueue(exchange)

    def _enqueue(self, exchange: Exchange) -> asyncio.Future[Verdict]:
        # In the queue at once, not when a coroutine begins to run: the next request must find the queue as long as it is.
        loop = asyncio.get_running_loop()
        permit: asyncio.Future[Verdict] = loop.create_future()
        timer = loop.call_later(self._settings.wait, self._on_timeout, permit)
        self._queue[permit] = exchange
        permit.add_done_callback(lambda _: timer.cancel())
        permit.add_done_callback(self._on_permit_done)
        return permit

    def _on_timeout(self, permit: asyncio.Future[Verdict]) -> None:
        if not permit.done():
            del self._queue[permit]
            permit.set_result(self._busy())

    def _on_permit_done(self, permit: asyncio.Future[Verdict]) -> None:
        self._queue.pop(permit, None)  # still there when the client has left and the future was cancelled

    def on_done(self, exchange: Exchange) -> None:
        if exchange in self._holders:
            self._holders.discard(exchange)
            self._release()

    def _release(self) -> None:
        while self._queue:
            permit = next(iter(self._queue))
            exchange = self._queue.pop(permit)
            if not permit.done():
                self._holders.add(exchange)
                permit.set_result(None)
                return
        self._free += 1

    def _busy(self) -> Refusal:
        detail = f"{self.upstream}: {self.taken} calls under way, {self.waiting} waiting"
        return refuse("upstream_busy", detail, retry_after=max(1, math.ceil(self._settings.wait)))


def build(upstream: str, settings: Settings, breaker_open: Callable[[], bool]) -> Concurrency:
    """The stage for ``upstream``, one for all of its routes."""
    return Concurrency(upstream, settings, breaker_open)
