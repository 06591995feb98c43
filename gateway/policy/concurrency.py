"""How many calls an upstream gets at once: the rest wait in line, and a line that is full is refused.

Without it a service that answers slowly takes every connection and every client's patience, one call at a time. Places
and line are of one worker; a place is held from admission until the answer's last byte.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Verdict, refuse
from gateway.policy.base.settings import Duration, Model
from gateway.policy.base.stage import Stage

_LONGEST = 60.0  # seconds; the app has long given up
_SMALL = 64 * 1024  # bytes of a body that is read before a place is taken


def _patience(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST:
        raise ValueError("must be more than 0 and at most 1m")
    return seconds


class Settings(Model):
    """How many calls one worker makes to an upstream at once, and how many more may wait for how long."""

    limit: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    """Calls under way."""
    queue: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 50
    """Calls that wait for a place; the next is refused."""
    wait: Annotated[Duration, AfterValidator(_patience)] = 1.0
    """How long a call waits before it is refused."""


class Concurrency(Stage):
    """The places of one upstream. First come, first served; ``on_done`` hands the place to the next in line.

    ``resting``: whether its breaker would refuse. Then nobody waits: the breaker, which comes next, decides at once.
    """

    __slots__ = ("_free", "_held", "_line", "_resting", "_settings", "upstream")

    def __init__(self, upstream: str, settings: Settings, resting: Callable[[], bool]) -> None:
        self.upstream = upstream
        self._settings = settings
        self._resting = resting
        self._free = settings.limit
        self._held: set[Exchange] = set()
        self._line: dict[asyncio.Future[Verdict], Exchange] = {}  # first come, first served

    @property
    def taken(self) -> int:
        """Calls under way."""
        return self._settings.limit - self._free

    @property
    def waiting(self) -> int:
        """Calls that wait for a place."""
        return len(self._line)

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        stream: Any = exchange.stream
        if stream is not None and exchange.body is None and not stream.complete and (stream.length or _SMALL) < _SMALL:
            return self._read_first(exchange, stream)
        return self._enter(exchange)

    async def _read_first(self, exchange: Exchange, stream: Any) -> Verdict:
        """A client that sends a short body slowly must not hold a place while it does."""
        received = await stream.read_all()
        if isinstance(received, Refusal):
            return received
        exchange.body = received
        verdict = self._enter(exchange)
        return await verdict if isinstance(verdict, Awaitable) else verdict

    def _enter(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        if self._free:
            self._free -= 1
            self._held.add(exchange)
            return None
        if self._resting():
            return None
        if len(self._line) >= self._settings.queue:
            return self._busy()
        return self._wait(exchange)

    def _wait(self, exchange: Exchange) -> asyncio.Future[Verdict]:
        # In line at once, not when a coroutine comes to its turn: the next request must find the line as long as it is.
        loop = asyncio.get_running_loop()
        place: asyncio.Future[Verdict] = loop.create_future()
        timer = loop.call_later(self._settings.wait, self._too_late, place)
        self._line[place] = exchange
        place.add_done_callback(lambda _: timer.cancel())
        place.add_done_callback(self._left)  # the client has: it was cancelled
        return place

    def _too_late(self, place: asyncio.Future[Verdict]) -> None:
        if not place.done():
            del self._line[place]
            place.set_result(self._busy())

    def _left(self, place: asyncio.Future[Verdict]) -> None:
        self._line.pop(place, None)

    def on_done(self, exchange: Exchange) -> None:
        if exchange in self._held:
            self._held.discard(exchange)
            self._give_back()

    def _give_back(self) -> None:
        while self._line:
            place = next(iter(self._line))
            exchange = self._line.pop(place)
            if not place.done():
                self._held.add(exchange)
                place.set_result(None)
                return
        self._free += 1

    def _busy(self) -> Refusal:
        detail = f"{self.upstream}: {self.taken} calls under way, {self.waiting} waiting"
        return refuse("upstream_busy", detail, retry_after=max(1, math.ceil(self._settings.wait)))


def build(upstream: str, settings: Settings, resting: Callable[[], bool]) -> Concurrency:
    """The stage for ``upstream``, one for all of its routes."""
    return Concurrency(upstream, settings, resting)
