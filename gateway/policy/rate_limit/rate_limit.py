"""How often: named limits, exact over all workers. YAML section ``rate_limits``.

A limit is taken as soon as its key is known (``When``). Its cost is the number of tRPC calls that
it covers, so a batch is no way round it, and limits keyed on the input charge each call's own value. Responses give the
state in the fields of draft-ietf-httpapi-ratelimit-headers-11 and in the older ``X-RateLimit-*``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from functools import partial
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.verdict import Refusal, Verdict
from gateway.policy.base.bucket import Key
from gateway.policy.base.inputs import inputs_of, unreadable
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import LeaseField, Policy, RateField
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.rate_limit import orders
from gateway.policy.rate_limit.limit import Limit, refusal, tightest, tightness
from gateway.state.rules.gcra import Take, Taken
from gateway.state.store import LimitStore, RemoteLimitStore

_FASTEST = 1_000_000  # units a second; the store counts in quarters of a microsecond
_LONGEST = 366 * 86400.0  # seconds until a full bucket


def _keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("is empty: write at least one key, such as address")
    if len(set(keys)) < len(keys):
        raise ValueError("names a key twice")
    return keys


class Settings(Policy):
    """One limit: ``limit`` as the lasting rate, ``burst`` at once (``limit`` when left out), counted by ``key``."""

    limit: RateField
    """The lasting rate: ``5/minute``, ``300/hour``, ``100/15m``."""
    burst: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)] | None = None
    """How many pass at once after a pause; as many as ``limit`` has unless written."""
    key: Annotated[tuple[Key, ...], AfterValidator(_keys)]
    """Who shares a count: ``address``, ``network``, ``principal``, ``route``, ``header:NAME`` or ``input:/POINTER``. Several make one
    combined key."""
    lease: LeaseField | None = None
    """Units that a worker takes from Redis ahead of time, such as ``20`` or ``5%`` of the burst."""

    ORDERS: ClassVar[Orders] = orders.ORDERS

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        return frozenset(("rate_limited",))

    @property
    def at_once(self) -> int:
        """Units that pass at once after a pause."""
        return self.burst or self.limit.limit

    @property
    def full_after(self) -> float:
        """Seconds until a bucket that was used up is full again."""
        return self.at_once * self.limit.period / self.limit.limit

    @property
    def block(self) -> int:
        """Units of a lease, 0 for none."""
        lease = self.lease or 0
        return lease if isinstance(lease, int) else int(lease * self.at_once)

    @model_validator(mode="after")
    def _sane(self) -> Settings:
        if self.limit.limit / self.limit.period > _FASTEST:
            raise ValueError("is faster than a million a second: that is no limit")
        if self.full_after > _LONGEST:
            raise ValueError("takes more than a year to give a used-up burst back: lower burst or raise limit")
        if self.lease is not None and not 2 <= self.block <= self.at_once // 2:
            raise ValueError(
                "has a lease that makes no sense: at least 2 units, or it saves nothing, and at most half of the burst, "
                "or one worker holds most of it"
            )
        return self


class When(Enum):
    """When on its way through the stages a request is charged."""

    FLOOD = "flood"  # before signatures are checked: the key needs neither a token nor the body
    AUTHENTICATED = "authenticated"  # the key needs the principal
    INPUT = "input"  # the key needs the body


def when_of(settings: Settings) -> When:
    """When the key of ``settings`` is first known."""
    if any(key.startswith("input:") for key in settings.key):
        return When.INPUT
    return When.AUTHENTICATED if "principal" in settings.key else When.FLOOD


class RateLimit(Stage):
    """Takes the limits of one ``When`` in one call of a store: all are charged, or none.

    With a ``remote`` store the limits are taken there, a round trip away; otherwise ``store`` gives the result at once.
    Adds ``(limit, taken)`` to ``exchange.limits`` for each limit; the first such stage on the way back turns all of them
    into one set of fields. May refuse with ``rate_limited`` and, where the input counts, ``body_malformed`` and
    ``media_type_refused``.
    """

    __slots__ = ("_all_enforced", "_limits", "_only", "_reads_input", "_remote", "_store", "_wall", "grouped")
    removed = frozenset(
        (b"ratelimit", b"ratelimit-policy", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset")
    )

    def __init__(self, limits: Sequence[Limit], when: When, tools: Tools) -> None:
        self._limits = tuple(limits)
        self._only = limits[0] if len(limits) == 1 and when is not When.INPUT else None
        self._all_enforced = all(limit.enforced for limit in limits)
        self._reads_input = when is When.INPUT
        self._store: LimitStore = tools.store
        self._remote: RemoteLimitStore | None = tools.remote
        self._wall = tools.wall
        self.grouped = tools.remote is None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its limits."""
        return tuple(limit.name for limit in self._limits)

    def on_request(self, exchange: Exchange) -> Refusal | asyncio.Future[Verdict] | None:
        only = self._only
        if only is not None and len(exchange.calls) < 2:
            if self._remote is None:  # nearly every request: no list, and no other call than that of the store
                taken = self._store.take(only.takes_of_one(exchange), self._wall())[0]
                if only.enforced:
                    exchange.limits.append((only, taken))
                return None if taken.ok else only.refusal(taken)
            return self._take_remotely(self._remote, exchange, only.takes_of_one(exchange), self._limits)
        takes_and_limits = self._takes(exchange)
        if isinstance(takes_and_limits, Refusal):
            return takes_and_limits
        takes, limits = takes_and_limits
        if self._remote is None:
            return self._decide(exchange, limits, self._store.take(takes, self._wall()))
        return self._take_remotely(self._remote, exchange, takes, limits)

    def _takes(self, exchange: Exchange) -> tuple[list[Take], list[Limit]] | Refusal:
        """The takes of ``exchange``, and the limit of each."""
        takes: list[Take] = []
        limits: list[Limit] = []
        try:
            values = inputs_of(exchange) if self._reads_input else ()
            for limit in self._limits:
                for take in limit.takes(exchange, values):
                    takes.append(take)
                    limits.append(limit)
        except ValueError as error:
            return unreadable(self._limits[0].name, error)
        return takes, limits

    def _decide(self, exchange: Exchange, limits: Sequence[Limit], results: Sequence[Taken]) -> Refusal | None:
        states = list(zip(limits, results, strict=True))
        reported = states if len(limits) == len(self._limits) else tightest(states)
        exchange.limits += reported if self._all_enforced else [state for state in reported if state[0].enforced]
        refused = [state for state in states if not state[1].ok]
        if not refused:
            return None
        return refusal(refused) if len(states) > 1 else limits[0].refusal(results[0])

    def _take_remotely(
        self, store: RemoteLimitStore, exchange: Exchange, takes: Sequence[Take], limits: Sequence[Limit]
    ) -> Refusal | asyncio.Future[Verdict] | None:
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        results = store.begin_take(takes, self._wall(), partial(self._on_taken, verdict, exchange, limits))
        return verdict if results is None else self._decide(exchange, limits, results)

    def _on_taken(
        self, verdict: asyncio.Future[Verdict], exchange: Exchange, limits: Sequence[Limit], results: Sequence[Taken]
    ) -> None:
        if verdict.done():
            return  # the client has left
        try:
            verdict.set_result(self._decide(exchange, limits, results))
        except Exception as error:
            verdict.set_exception(error)  # a fault of the gateway ends the request as any other does

    def on_response(self, exchange: Exchange) -> None:
        states: list[tuple[Limit, Taken]] = exchange.limits  # type: ignore[assignment]  # only stages of this class add any
        if not states:
            return
        exchange.limits = []  # the other stages of limits find nothing left to write
        if len(states) == 1:
            limit, taken = states[0]
            exchange.response_headers.append(limit.fields.lines(taken).complete)
            return
        limit, taken = min(states, key=tightness)
        both = (
            (b"ratelimit-policy", b", ".join([one.fields.policy for one, _ in states])),
            (b"ratelimit", b", ".join([one.fields.lines(state).item for one, state in states])),
        )
        exchange.response_headers += (FieldLines.of(both), limit.fields.lines(taken).older)


def build(limits: Sequence[tuple[str, Settings]], when: When, tools: Tools) -> RateLimit | None:
    """The stage that takes those of ``limits`` that are taken then; None when none is."""
    chosen = [
        Limit(name, settings.limit, settings.at_once, settings.key, settings.block, settings.mode == "enforce")
        for name, settings in limits
        if when_of(settings) is when
    ]
    return RateLimit(chosen, when, tools) if chosen else None
