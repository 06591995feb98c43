"""How many calls an upstream gets at once: the others wait in a queue, and a full queue refuses.

Without it a service that is slow to respond takes every connection, one call at a time. Permits and queue belong to one
worker; a permit is held from admission until the last byte of the response. ``policy.base.shares`` has who gets one next.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from gateway.core import units
from gateway.core.exchange import HEAD_START, Exchange, RequestContent
from gateway.core.verdict import Refusal, Verdict, by_limit, refuse
from gateway.policy.base.order import Danger, Of, Orders, more_is_looser
from gateway.policy.base.proxies import Network, TrustedProxies
from gateway.policy.base.settings import Duration, Model
from gateway.policy.base.shares import ClientKey, Division, Permits, client_of
from gateway.policy.base.stage import Stage
from gateway.policy.base.written import duration

_LONGEST = 60.0  # seconds; the app has given up long before
_UNDIVIDED = 3  # permits that one client may hold of any limit: an app makes a handful of calls side by side


def _wait(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST:
        raise ValueError("must be more than 0 and at most 1m")
    return seconds


def _per_client(value: Any) -> int | float:
    if isinstance(value, str) and value.endswith("%"):
        share = units.parse_share(value)
        if share > 0:
            return share
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError("must be a number of calls from 1 on, such as 10, or a share of the limit, such as 25%")


PerClient = Annotated[
    int | float,
    PlainValidator(_per_client),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": units.SHARE_PATTERN}]}),
]
"""A number of calls, an int written ``10``, or a share of ``limit``, a float written ``25%``."""


class Settings(Model):
    """How many calls one worker makes to an upstream at once, and how many more may wait for how long."""

    limit: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    """Calls under way."""
    queue: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 50
    """Calls that wait until another is over; the next is refused."""
    wait: Annotated[Duration, AfterValidator(_wait)] = 1.0
    """How long a call waits before it is refused."""
    per_client: PerClient | None = None
    """How many calls one client has under way at most, as a number or a share of ``limit``; while others have some too, the
    same share of what they leave. A quarter by default, and three of any limit; ``100%``: no bound for one client."""

    ORDERS: ClassVar[Orders] = {
        "limit": more_is_looser(Danger.LOAD, "The upstream gets more calls at once.", "It gets fewer calls at once."),
        "queue": more_is_looser(Danger.LOAD, "More calls wait instead of being refused.", "Fewer calls may wait."),
        "wait": more_is_looser(
            Danger.LOAD, "Calls wait for longer before they are refused.", "Calls are refused sooner.", duration
        ),
        "per_client": Of(
            lambda calls: calls.most,
            more_is_looser(
                Danger.LOAD, "One client may take more of the calls under way.", "One client may take less of them."
            ),
        ),
    }

    @property
    def most(self) -> int:
        """Permits that one client holds at most while it is the only one."""
        if isinstance(self.per_client, int):
            return min(self.limit, self.per_client)
        if self.per_client is None:
            return min(self.limit, max(_UNDIVIDED, math.ceil(self.limit / 4)))
        return min(self.limit, math.ceil(self.limit * self.per_client))


class Concurrency(Stage):
    """The permits of one upstream. ``on_done`` hands a permit to the first in the queue that may have it.

    ``breaker_open`` says whether the upstream's breaker would refuse. Then nobody waits: the breaker, which is the next
    stage, refuses at once.
    """

    __slots__ = ("_breaker_open", "_permits", "_proxies", "settings", "upstream")

    def __init__(
        self, upstream: str, settings: Settings, breaker_open: Callable[[], bool], trusted: Iterable[Network]
    ) -> None:
        self.upstream = upstream
        self._proxies = TrustedProxies(trusted)
        self.settings = settings
        self._breaker_open = breaker_open
        most = settings.most
        queue = math.ceil(settings.queue * most / settings.limit)
        self._permits = Permits(Division(settings.limit, most), Division(settings.queue, queue))

    def follow(self, breaker_open: Callable[[], bool]) -> None:
        """Ask ``breaker_open`` from now on: a reload may give the upstream another breaker."""
        self._breaker_open = breaker_open

    @property
    def taken(self) -> int:
        """Calls under way."""
        return self._permits.taken

    @property
    def limit(self) -> int:
        """Calls that may be under way at once."""
        return self.settings.limit

    def held_by(self, most: int) -> list[tuple[ClientKey, int]]:
        """See ``Permits.held_by``."""
        return self._permits.held_by(most)

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return self._permits.waiting

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        body = exchange.stream
        if body is None or body.complete or exchange.body is not None:
            return self._enter(exchange)
        if self._breaker_open():
            return None  # no permit is held for what is still to come
        return self._enter_when_here(exchange, body)

    async def _enter_when_here(self, exchange: Exchange, body: RequestContent) -> Verdict:
        """A client that sends slowly must not hold a permit meanwhile."""
        refusal = await body.gather(HEAD_START)
        if refusal is None and body.complete:
            content = body.whole()
            if isinstance(content, Refusal):
                return content
            exchange.body = content
        verdict = refusal or self._enter(exchange)
        return await verdict if isinstance(verdict, Awaitable) else verdict

    def _enter(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        permits, client = self._permits, self._client(exchange)
        if permits.take(exchange, client):
            return None
        if self._breaker_open():
            return None
        if not permits.may_wait(client):
            return self._busy()
        return self._enqueue(exchange, client)

    def _client(self, exchange: Exchange) -> ClientKey:
        """Whose call it is; one of a trusted proxy itself is not divided either."""
        return client_of(exchange) if exchange.principal or not self._proxies.peer(exchange.client)[1] else None

    def _enqueue(self, exchange: Exchange, client: ClientKey) -> asyncio.Future[Verdict]:
        # In the queue at once, not when a coroutine begins to run: the next request must find the queue as long as it is.
        permit = self._permits.enqueue(exchange, client)
        timer = asyncio.get_running_loop().call_later(self.settings.wait, self._on_timeout, permit, client)
        permit.add_done_callback(lambda _: timer.cancel())
        return permit

    def _on_timeout(self, permit: asyncio.Future[Verdict], client: ClientKey) -> None:
        self._permits.grant()  # an upload may be complete by now, which nothing announces
        if not permit.done():
            self._permits.leave(permit, client)
            permit.set_result(self._busy())

    def on_done(self, exchange: Exchange) -> None:
        self._permits.release(exchange)

    def _busy(self) -> Refusal:
        detail = f"{self.upstream}: {self.taken} calls under way, {self.waiting} waiting"
        if self.taken < self.settings.limit:
            detail += "; the rest is for other clients"
        limits = (by_limit("concurrency", self.upstream),)
        return refuse("upstream_busy", detail, retry_after=max(1, math.ceil(self.settings.wait)), limits=limits)


def build(
    upstream: str, settings: Settings, breaker_open: Callable[[], bool], trusted: Iterable[Network] = ()
) -> Concurrency:
    """The stage for ``upstream``, one for all of its routes. ``trusted`` are the networks of trusted proxies."""
    return Concurrency(upstream, settings, breaker_open, trusted)
