"""How often: named limits, exact over all workers. YAML section ``rate_limits``.

A limit is taken at the earliest place where its key is known (``Place``). Its cost is the number of tRPC calls that it
covers, so a batch is no way round it, and limits keyed on the input charge each call's own value. Answers tell the
state in the fields of draft-ietf-httpapi-ratelimit-headers-11 and in the older ``X-RateLimit-*``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from gateway.core.exchange import Exchange, Pair
from gateway.core.reason import REASONS, Refusal, refuse
from gateway.core.trpc import inputs, is_batch
from gateway.policy.fields import Policy, RateField
from gateway.policy.pointer import MISSING, find, parts_of, spelled_alike
from gateway.policy.stage import Stage
from gateway.policy.tools import Tools
from gateway.state.verbs import Take, Taken

SECTION = "rate_limits"

KEY_PATTERN = r"^(address|principal|route|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+|input:(/([^~/]|~[01])*)+)$"
_KEY = re.compile(KEY_PATTERN).fullmatch

_FASTEST = 1_000_000  # units a second; the store counts in quarters of a microsecond
_LONGEST = 366 * 86400.0  # seconds until a full bucket

# RFC 6052 section 2.1: where a translator stands in front, every IPv4 client comes out of this one /64.
_TRANSLATED = IPv6Network("64:ff9b::/96")


def _key(text: str) -> str:
    if text == "account":
        raise ValueError(
            "is not available in this version: count by the field that names the account, such as input:/email"
        )
    if not _KEY(text):
        raise ValueError("is not a key: write address, principal, route, header:NAME or input:/POINTER (RFC 6901)")
    return text.lower() if text.startswith("header:") else text


def _keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("is empty: write at least one key, such as address")
    if len(set(keys)) < len(keys):
        raise ValueError("names a key twice")
    return keys


Key = Annotated[str, AfterValidator(_key), WithJsonSchema({"type": "string", "pattern": KEY_PATTERN})]


class Settings(Policy):
    """One limit: ``limit`` as the lasting rate, ``burst`` at once (``limit`` when left out), counted by ``key``."""

    limit: RateField
    burst: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)] | None = None
    key: Annotated[tuple[Key, ...], AfterValidator(_keys)]

    @model_validator(mode="after")
    def _sane(self) -> Settings:
        if self.limit.limit / self.limit.period > _FASTEST:
            raise ValueError("is faster than a million a second: that is no limit")
        if (self.burst or self.limit.limit) * self.limit.period / self.limit.limit > _LONGEST:
            raise ValueError("takes more than a year to give a used-up burst back: lower burst or raise limit")
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


def _sized(value: bytes) -> bytes:
    # A combined key must have one reading: "ab" + "c" is not "a" + "bc".
    return len(value).to_bytes(4, "big") + value


@lru_cache(maxsize=8192)
def address_key(text: str) -> bytes:
    """What one network client is counted under: an IPv4 address, or the /64 that an IPv6 client has to itself.

    IPv4 written as IPv6 (mapped, or translated by RFC 6052) is IPv4. Anything but an address stands for itself.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return _sized(b"?" + text.encode("utf-8", "surrogatepass"))
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is None and address in _TRANSLATED:
            mapped = IPv4Address(address.packed[12:])
        if mapped is None:
            return _sized(address.packed[:8])
        address = mapped
    return _sized(address.packed)


def _part(key: str) -> Callable[[Exchange, str, Any], bytes]:
    """The function from an exchange, a route's name and an input to one part of a bucket's name."""
    kind, _, name = key.partition(":")
    if kind == "address":
        return lambda exchange, route, value: address_key(exchange.client)
    if kind == "principal":
        return lambda exchange, route, value: (
            _sized(b"p" + exchange.principal.encode("utf-8", "surrogatepass"))
            if exchange.principal
            else b"a" + address_key(exchange.client)
        )
    if kind == "route":
        return lambda exchange, route, value: _sized(route.encode())
    if kind == "header":
        field = name.encode()
        return lambda exchange, route, value: _sized(exchange.fields.get(field, b""))
    pointer = parts_of(name)
    return lambda exchange, route, value: _sized(spelled_alike(find(value, pointer)))


class Limit:
    """One limit made ready: everything that does not depend on the request is computed here."""

    __slots__ = ("_parts", "_prefix", "burst", "interval", "name", "per_call", "policy", "rate", "state", "told", "x")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.rate = settings.limit
        self.burst = settings.burst or settings.limit.limit
        self.interval = self.rate.period / self.rate.limit
        self.told = settings.mode == "enforce"  # a limit that only reports must not make clients slow down
        self.per_call = any(key == "route" or key.startswith("input:") for key in settings.key)
        self._parts = tuple(_part(key) for key in settings.key)
        # The key's own spelling is in the name too: after it is edited, old buckets mean nothing.
        self._prefix = _sized(name.encode()) + _sized("\n".join(settings.key).encode())
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")  # a String of RFC 9651 section 3.3.3
        self.policy = b'"%b";q=%d;w=%d' % (quoted, self.rate.limit, max(1, math.ceil(self.rate.period)))
        self.state = b'"%b";r=%%d;t=%%d' % quoted.replace(b"%", b"%%")
        self.x = (b"x-ratelimit-limit", b"%d" % self.burst)

    def bucket(self, exchange: Exchange, route: str, value: Any) -> bytes:
        """The name of the bucket for this request (or for one call of it)."""
        if len(self._parts) == 1:
            return self._prefix + self._parts[0](exchange, route, value)
        return self._prefix + b"".join([part(exchange, route, value) for part in self._parts])

    def costs(self, exchange: Exchange, values: Sequence[Any]) -> dict[bytes, int]:
        """Bucket -> units that this request takes from it. ``values`` are the inputs, one per call."""
        calls = exchange.calls
        if not calls:
            return {self.bucket(exchange, exchange.route.name, values[0] if values else MISSING): 1}
        if len(calls) == 1:
            return {self.bucket(exchange, calls[0].route.name, values[0] if values else MISSING): 1}
        covered = [place for place, call in enumerate(calls) if self.name in call.route.limit_names]
        if not covered or not self.per_call:  # none is covered where the request is refused for its calls
            return {self.bucket(exchange, exchange.route.name, MISSING): max(1, len(covered))}
        costs: dict[bytes, int] = {}
        for place in covered:
            bucket = self.bucket(exchange, calls[place].route.name, values[place] if values else MISSING)
            costs[bucket] = costs.get(bucket, 0) + 1
        return costs


def _ceil(seconds: float) -> int:
    """Whole seconds, up; less than a microsecond over is a rounding error and not a second."""
    return int(seconds + 0.999_999)


class RateLimit(Stage):
    """Takes all limits of one place in one call of the store: all are charged, or none.

    Adds ``(limit, answer)`` to ``exchange.limits`` for each limit; the first stage on the way back turns those of all
    places into one set of fields. May refuse with ``rate_limited`` and, where the input counts, ``body_malformed``.
    """

    __slots__ = ("_alone", "_limits", "_reads_input", "_store", "_wall")
    kind = "rate_limit"
    removed = frozenset(
        (b"ratelimit", b"ratelimit-policy", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset")
    )
    """Fields of the upstream's answer that ours replace."""

    def __init__(self, limits: Sequence[Limit], place: Place, tools: Tools) -> None:
        self._limits = tuple(limits)
        self._alone = limits[0] if len(limits) == 1 and place is not Place.INPUT else None
        self._reads_input = place is Place.INPUT
        self._store = tools.store
        self._wall = tools.wall

    def on_request(self, exchange: Exchange) -> Refusal | None:
        calls = exchange.calls
        limit = self._alone
        if limit is not None and len(calls) < 2:
            bucket = limit.bucket(exchange, (calls[0].route if calls else exchange.route).name, MISSING)
            rate = limit.rate
            answer = self._store.take((Take(bucket, 1, rate.limit, rate.period, limit.burst),), self._wall())[0]
            if limit.told:
                exchange.limits.append((limit, answer))
            return None if answer.ok else _refusal([(limit, answer)])
        try:
            takes, whose = self._takes(exchange)
        except ValueError as error:
            return refuse("body_malformed", f"{self._limits[0].name}: {error}")
        return self._settle(exchange, takes, whose) if takes else None

    def _takes(self, exchange: Exchange) -> tuple[list[Take], list[Limit]]:
        values = _inputs(exchange) if self._reads_input else ()
        takes: list[Take] = []
        whose: list[Limit] = []
        for limit in self._limits:
            rate = limit.rate
            for bucket, cost in limit.costs(exchange, values).items():
                takes.append(Take(bucket, cost, rate.limit, rate.period, limit.burst))
                whose.append(limit)
        return takes, whose

    def _settle(self, exchange: Exchange, takes: Sequence[Take], whose: Sequence[Limit]) -> Refusal | None:
        answers = self._store.take(takes, self._wall())
        refused = []
        tightest: dict[Limit, Taken] = {}
        for limit, answer in zip(whose, answers, strict=True):
            if not answer.ok:
                refused.append((limit, answer))
            known = tightest.get(limit)
            if known is None or answer.remaining < known.remaining:
                tightest[limit] = answer
        exchange.limits += [state for state in tightest.items() if state[0].told]
        return _refusal(refused) if refused else None

    def on_response(self, exchange: Exchange) -> None:
        states = exchange.limits
        if not states:
            return
        exchange.limits = []  # said once, by whichever place comes first on the way back
        if len(states) == 1:
            limit, answer = states[0]
            policy, state = limit.policy, _state(limit, answer)
        else:
            policy = b", ".join([limit.policy for limit, _ in states])
            state = b", ".join([_state(limit, answer) for limit, answer in states])
            limit, answer = min(states, key=_tightness)
        fields: list[Pair] = [
            (b"ratelimit-policy", policy),
            (b"ratelimit", state),
            limit.x,
            (b"x-ratelimit-remaining", b"%d" % answer.remaining),
            (b"x-ratelimit-reset", b"%d" % _ceil(answer.reset)),
        ]
        exchange.response_headers += fields


def _tightness(state: tuple[Limit, Taken]) -> tuple[int, float]:
    return state[1].remaining, -state[1].reset


def _state(limit: Limit, answer: Taken) -> bytes:
    # "t" is the time in which the client can use no more than "r" (section 4.1.2): until the next unit comes back.
    # The time until all are back would promise too little, and Retry-After must not end before it (section 6).
    following = answer.reset + (answer.remaining + 1 - limit.burst) * limit.interval
    return limit.state % (answer.remaining, max(1, _ceil(following)))


def _refusal(refused: Sequence[tuple[Limit, Taken]]) -> Refusal:
    names = ", ".join(dict.fromkeys(limit.name for limit, _ in refused))
    if any(answer.full for _, answer in refused):
        names += ": the state store is full"
    waits = [answer.retry_after for _, answer in refused]
    if min(waits) > 0:
        return refuse("rate_limited", names, retry_after=max(1, _ceil(max(waits))))
    # One take that can never pass makes waiting useless, however soon the others would.
    return Refusal(_NEVER, names)


def _inputs(exchange: Exchange) -> Sequence[Any]:
    """What the upstream will read, one value per call; raises ValueError for what two readers may read differently."""
    body = exchange.body
    if not exchange.calls:
        return inputs(body, "", False, 1, "none") if body else (MISSING,)
    count = len(exchange.calls)
    if exchange.method in ("GET", "HEAD"):
        body = None
    elif not body:
        return (MISSING,) * count
    return inputs(body, exchange.query, is_batch(exchange.query), count, exchange.route.shape)


def build(limits: Sequence[tuple[str, Settings]], place: Place, tools: Tools) -> RateLimit | None:
    """The stage that takes those of ``limits`` that belong to ``place``; None when none does."""
    chosen = [Limit(name, settings) for name, settings in limits if place_of(settings) is place]
    return RateLimit(chosen, place, tools) if chosen else None
