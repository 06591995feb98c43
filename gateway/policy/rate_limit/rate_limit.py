"""How often: named limits, exact over all workers. YAML section ``rate_limits``.

A limit is taken at the earliest place where its key is known (``Place``). Its cost is the number of tRPC calls that it
covers, so a batch is no way round it, and limits keyed on the input charge each call's own value. Answers tell the
state in the fields of draft-ietf-httpapi-ratelimit-headers-11 and in the older ``X-RateLimit-*``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from functools import lru_cache, partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.reason import REASONS
from gateway.core.verdict import Refusal, Verdict, refuse
from gateway.policy.base.bucket import REMEMBERED, Key, address_key, part_of, principal_key, sized
from gateway.policy.base.inputs import inputs_of
from gateway.policy.base.pointer import MISSING
from gateway.policy.base.settings import LeaseField, Policy, RateField
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.rate_limit.limit_fields import REMEMBERED as STATES
from gateway.policy.rate_limit.limit_fields import ROUND, LimitFields
from gateway.state.rules.gcra import Take, Taken
from gateway.state.store import LimitStore, RemoteLimitStore

SECTION = "rate_limits"

_FASTEST = 1_000_000  # units a second; the store counts in quarters of a microsecond
_LONGEST = 366 * 86400.0  # seconds until a full bucket

_new = tuple.__new__  # as in state.rules.gcra: the generated constructor takes longer than the rest of a take's making


def _keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("is empty: write at least one key, such as address")
    if len(set(keys)) < len(keys):
        raise ValueError("names a key twice")
    return keys


class Settings(Policy):
    """One limit: ``limit`` as the lasting rate, ``burst`` at once (``limit`` when left out), counted by ``key``."""

    limit: RateField
    burst: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)] | None = None
    key: Annotated[tuple[Key, ...], AfterValidator(_keys)]
    lease: LeaseField | None = None
    """Units that a worker takes from Redis ahead of time, such as ``20`` or ``5%`` of the burst."""

    @property
    def at_once(self) -> int:
        """Units that pass at once after a pause."""
        return self.burst or self.limit.limit

    @property
    def block(self) -> int:
        """Units of a lease, 0 for none."""
        lease = self.lease or 0
        return lease if isinstance(lease, int) else int(lease * self.at_once)

    @model_validator(mode="after")
    def _sane(self) -> Settings:
        if self.limit.limit / self.limit.period > _FASTEST:
            raise ValueError("is faster than a million a second: that is no limit")
        if self.at_once * self.limit.period / self.limit.limit > _LONGEST:
            raise ValueError("takes more than a year to give a used-up burst back: lower burst or raise limit")
        if self.lease is not None and not 2 <= self.block <= self.at_once // 2:
            raise ValueError(
                "has a lease that makes no sense: at least 2 units, or it saves nothing, and at most half of the burst, "
                "or one worker holds most of it"
            )
        return self


_NEVER = replace(REASONS["rate_limited"], sentence="Too many calls at once. Please send fewer together.")
"""For more calls in one request than the limit ever lets through at once: waiting does not help."""


class Place(Enum):
    """Where on the way of a request a limit is taken."""

    FLOOD = "flood"  # before signatures are checked: the key needs neither a token nor the body
    AUTHENTICATED = "authenticated"  # the key needs the principal
    INPUT = "input"  # the key needs the body


def place_of(settings: Settings) -> Place:
    """The earliest place where the key of ``settings`` is known."""
    if any(key.startswith("input:") for key in settings.key):
        return Place.INPUT
    return Place.AUTHENTICATED if "principal" in settings.key else Place.FLOOD


Takes = tuple[Take, ...]
Of = Callable[[Exchange], Takes]


def _of_address(take: Callable[[str, str], Takes]) -> Of:
    return lambda exchange: take("", exchange.client)


def _of_principal(take: Callable[[str, str], Takes]) -> Of:
    return lambda exchange: take(exchange.principal, exchange.client)


# The two keys that nearly all limits have, with what they depend on: their takes are made once per client.
_WHOSE: dict[tuple[str, ...], tuple[Callable[[Callable[[str, str], Takes]], Of], Callable[[str, str], bytes]]] = {
    ("address",): (_of_address, lambda principal, client: address_key(client)),
    ("principal",): (_of_principal, principal_key),
}


class Limit:
    """One limit made ready: everything that does not depend on the request is computed here."""

    __slots__ = (
        "_parts",
        "_per_call",
        "_prefix",
        "_waiting",
        "alone",
        "burst",
        "fields",
        "lease",
        "name",
        "rate",
        "told",
    )

    def __init__(self, name: str, settings: Settings) -> None:
        self.fields = LimitFields(name, settings.limit.limit, settings.limit.period, settings.at_once)
        self.burst = settings.at_once
        self.name = name
        self.rate = settings.limit
        self.lease = settings.block
        self.told = settings.mode == "enforce"  # a limit that only reports must not make clients slow down
        self._per_call = any(key == "route" or key.startswith("input:") for key in settings.key)
        self._parts = tuple(part_of(key) for key in settings.key)
        # The key's own spelling is in the name too: after it is edited, old buckets mean nothing.
        self._prefix = sized(name.encode()) + sized("\n".join(settings.key).encode())
        self._waiting = lru_cache(maxsize=STATES)(lambda wait: refuse("rate_limited", name, retry_after=wait))
        whose = _WHOSE.get(settings.key)
        self.alone = self._remembered(*whose) if whose else self._made
        """The take of a request that is not a batch and whose input does not matter."""

    def _remembered(self, of: Callable[[Callable[[str, str], Takes]], Of], part: Callable[[str, str], bytes]) -> Of:
        @lru_cache(maxsize=REMEMBERED)
        def take(principal: str, client: str) -> Takes:
            return (self._take(self._prefix + part(principal, client), 1),)

        return of(take)

    def _made(self, exchange: Exchange, value: Any = MISSING) -> tuple[Take, ...]:
        calls = exchange.calls
        return (self._take(self._bucket(exchange, (calls[0].route if calls else exchange.route).name, value), 1),)

    def _take(self, bucket: bytes, cost: int) -> Take:
        return _new(Take, (bucket, cost, self.rate.limit, self.rate.period, self.burst, self.lease))

    def _bucket(self, exchange: Exchange, route: str, value: Any) -> bytes:
        return self._prefix + b"".join([part(exchange, route, value) for part in self._parts])

    def takes(self, exchange: Exchange, values: Sequence[Any]) -> Sequence[Take]:
        """What this request takes, one take per bucket. ``values`` are the inputs, one per call, or empty."""
        calls = exchange.calls
        if len(calls) < 2:
            return self._made(exchange, values[0]) if values else self.alone(exchange)
        covered = [place for place, call in enumerate(calls) if self.name in call.route.named[SECTION]]
        if not covered or not self._per_call:  # none is covered where the request is refused for its calls
            return (self._take(self._bucket(exchange, exchange.route.name, MISSING), max(1, len(covered))),)
        costs: dict[bytes, int] = {}
        for place in covered:
            bucket = self._bucket(exchange, calls[place].route.name, values[place] if values else MISSING)
            costs[bucket] = costs.get(bucket, 0) + 1
        return [self._take(bucket, cost) for bucket, cost in costs.items()]

    def refuses(self, answer: Taken) -> Refusal:
        """The refusal for ``answer`` when no other limit has a say. A flood meets few different ones: remembered."""
        wait = answer.retry_after
        return _refusal([(self, answer)]) if answer.full or wait <= 0 else self._waiting(max(1, int(wait + ROUND)))


class _Limits(Stage):
    """Takes all limits of one place in one call of a store: all are charged, or none.

    Adds ``(limit, answer)`` to ``exchange.limits`` for each limit; the first stage on the way back turns those of all
    places into one set of fields. May refuse with ``rate_limited`` and, where the input counts, ``body_malformed``.
    """

    __slots__ = ("_alone", "_limits", "_reads_input", "_told", "_wall")
    removed = frozenset(
        (b"ratelimit", b"ratelimit-policy", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset")
    )
    """Fields of the upstream's answer that ours replace."""

    def __init__(self, limits: Sequence[Limit], place: Place, tools: Tools) -> None:
        self._limits = tuple(limits)
        self._alone = limits[0] if len(limits) == 1 and place is not Place.INPUT else None
        self._told = all(limit.told for limit in limits)
        self._reads_input = place is Place.INPUT
        self._wall = tools.wall

    def _asked(self, exchange: Exchange) -> tuple[list[Take], list[Limit]] | Refusal:
        """The takes of ``exchange`` and whose each is."""
        takes: list[Take] = []
        whose: list[Limit] = []
        try:
            values = inputs_of(exchange) if self._reads_input else ()
            for limit in self._limits:
                for take in limit.takes(exchange, values):
                    takes.append(take)
                    whose.append(limit)
        except ValueError as error:
            return refuse("body_malformed", f"{self._limits[0].name}: {error}")
        return takes, whose

    def _judged(self, exchange: Exchange, whose: Sequence[Limit], answers: Sequence[Taken]) -> Refusal | None:
        if len(answers) == 1:
            limit, answer = whose[0], answers[0]
            if limit.told:
                exchange.limits.append((limit, answer))
            return None if answer.ok else limit.refuses(answer)
        states = list(zip(whose, answers, strict=True))
        told = states if len(whose) == len(self._limits) else _tightest(states)
        exchange.limits += told if self._told else [state for state in told if state[0].told]
        for answer in answers:
            if not answer.ok:
                return _refusal([state for state in states if not state[1].ok])
        return None

    def on_response(self, exchange: Exchange) -> None:
        states = exchange.limits
        if not states:
            return
        exchange.limits = []  # said once, by whichever place comes first on the way back
        if len(states) == 1:
            limit, answer = states[0]
            exchange.response_headers.append(limit.fields.lines(answer).complete)
            return
        tightest, answer = min(states, key=_tightness)
        both = (
            (b"ratelimit-policy", b", ".join([limit.fields.policy for limit, _ in states])),
            (b"ratelimit", b", ".join([limit.fields.lines(answer).item for limit, answer in states])),
        )
        exchange.response_headers += (FieldLines.of(both), tightest.fields.lines(answer).older)


class RateLimit(_Limits):
    """Limits in the embedded store, which answers at once."""

    __slots__ = ("_store",)
    grouped = True

    def __init__(self, limits: Sequence[Limit], place: Place, tools: Tools) -> None:
        super().__init__(limits, place, tools)
        self._store: LimitStore = tools.store

    def on_request(self, exchange: Exchange) -> Refusal | None:
        limit = self._alone
        if limit is not None and len(exchange.calls) < 2:
            answer = self._store.take(limit.alone(exchange), self._wall())[0]
            if limit.told:
                exchange.limits.append((limit, answer))
            return None if answer.ok else limit.refuses(answer)
        asked = self._asked(exchange)
        if isinstance(asked, Refusal):
            return asked
        return self._judged(exchange, asked[1], self._store.take(asked[0], self._wall()))


class SharedRateLimit(_Limits):
    """Limits in the store of all replicas, which is a round trip away."""

    __slots__ = ("_begin_take",)

    def __init__(self, limits: Sequence[Limit], place: Place, tools: Tools, store: RemoteLimitStore) -> None:
        super().__init__(limits, place, tools)
        self._begin_take = store.begin_take

    def on_request(self, exchange: Exchange) -> Refusal | asyncio.Future[Verdict] | None:
        limit = self._alone
        takes: Sequence[Take]
        whose: Sequence[Limit]
        if limit is not None and len(exchange.calls) < 2:
            takes, whose = limit.alone(exchange), self._limits
        else:
            asked = self._asked(exchange)
            if isinstance(asked, Refusal):
                return asked
            takes, whose = asked
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        answers = self._begin_take(takes, self._wall(), partial(self._heard, verdict, exchange, whose))
        return verdict if answers is None else self._judged(exchange, whose, answers)

    def _heard(
        self, verdict: asyncio.Future[Verdict], exchange: Exchange, whose: Sequence[Limit], answers: Sequence[Taken]
    ) -> None:
        if verdict.done():
            return  # the client has left
        try:
            verdict.set_result(self._judged(exchange, whose, answers))
        except Exception as error:
            verdict.set_exception(error)  # a fault of ours is answered like any other


State = tuple[Limit, Taken]


def _tightest(states: Sequence[State]) -> list[State]:
    """One state per limit: that of the bucket with the least left."""
    found: dict[Limit, Taken] = {}
    for limit, answer in states:
        known = found.get(limit)
        if known is None or answer.remaining < known.remaining:
            found[limit] = answer
    return list(found.items())


def _tightness(state: State) -> tuple[int, float]:
    return state[1].remaining, -state[1].reset


def _refusal(refused: Sequence[State]) -> Refusal:
    names = ", ".join(dict.fromkeys(limit.name for limit, _ in refused))
    if any(answer.full for _, answer in refused):
        names += ": the state store is full"
    waits = [answer.retry_after for _, answer in refused]
    if min(waits) > 0:
        return refuse("rate_limited", names, retry_after=max(1, int(max(waits) + ROUND)))
    # One take that can never pass makes waiting useless, however soon the others would.
    return Refusal(_NEVER, names)


def build(limits: Sequence[tuple[str, Settings]], place: Place, tools: Tools) -> Stage | None:
    """The stage that takes those of ``limits`` that belong to ``place``; None when none does."""
    if not (chosen := [Limit(name, settings) for name, settings in limits if place_of(settings) is place]):
        return None
    return SharedRateLimit(chosen, place, tools, tools.shared) if tools.shared else RateLimit(chosen, place, tools)
