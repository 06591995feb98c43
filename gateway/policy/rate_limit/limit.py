"""One limit prepared for requests: which units a request takes from which buckets, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from gateway.core.exchange import Exchange
from gateway.core.reason import REASONS
from gateway.core.units import Rate
from gateway.core.verdict import Refusal, by_limit, refuse
from gateway.policy.base.bucket import REMEMBERED, address_key, key_part, length_prefixed, principal_key
from gateway.policy.base.pointer import MISSING
from gateway.policy.base.report import covered
from gateway.policy.rate_limit.limit_fields import REMEMBERED as STATES
from gateway.policy.rate_limit.limit_fields import ROUND, LimitFields
from gateway.state.rules.gcra import Take, Taken

SECTION = "rate_limits"

_new = tuple.__new__  # as in state.rules.gcra: the generated constructor takes longer than the rest of making a take

_NEVER = replace(REASONS["rate_limited"], sentence="Too many calls at once. Please send fewer together.")
"""For more calls in one request than the limit ever lets through at once: waiting does not help."""

Takes = tuple[Take, ...]
TakesOf = Callable[[Exchange], Takes]
TakesFor = Callable[[str, str], Takes]
"""From principal and client address to the takes of one call."""


def _by_address(takes: TakesFor) -> TakesOf:
    return lambda exchange: takes("", exchange.client)


def _by_principal(takes: TakesFor) -> TakesOf:
    return lambda exchange: takes(exchange.principal, exchange.client)


# The two keys that nearly all limits have, with what they depend on: their takes are made once per client.
_COMMON_KEYS: dict[tuple[str, ...], tuple[Callable[[TakesFor], TakesOf], Callable[[str, str], bytes]]] = {
    ("address",): (_by_address, lambda principal, client: address_key(client)),
    ("principal",): (_by_principal, principal_key),
}


def prefix_of(name: str, key: tuple[str, ...]) -> bytes:
    """What the buckets of a limit begin with. The key's own spelling is in it too: after it is edited, old buckets mean
    nothing."""
    return length_prefixed(name.encode()) + length_prefixed("\n".join(key).encode())


class Limit:
    """The limit ``name``: ``rate`` as the lasting rate, ``burst`` units at once, counted by ``key``; ``lease`` units are
    taken ahead of time from a remote store. All that does not depend on the request is computed here.

    ``enforced`` is false for a limit that only reports: clients must not slow down for it, so no response mentions it.
    """

    __slots__ = (
        "_burst",
        "_lease",
        "_parts",
        "_per_call",
        "_prefix",
        "_rate",
        "_refusal",
        "_section",
        "enforced",
        "fields",
        "name",
        "takes_of_one",
    )

    def __init__(self, name: str, rate: Rate, burst: int, key: tuple[str, ...], lease: int, enforced: bool) -> None:
        self.name = name
        self.enforced = enforced
        self._section = covered(SECTION, "enforce" if enforced else "report")
        self.fields = LimitFields(name, rate.limit, rate.period, burst)
        self._rate = rate
        self._burst = burst
        self._lease = lease
        self._per_call = any(word == "route" or word.startswith("input:") for word in key)
        self._parts = tuple(key_part(word) for word in key)
        self._prefix = prefix_of(name, key)
        self._refusal = lru_cache(maxsize=STATES)(
            lambda wait: refuse("rate_limited", name, retry_after=wait, limits=(by_limit(SECTION, name),))
        )
        common = _COMMON_KEYS.get(key)
        self.takes_of_one: TakesOf = self._remembered(*common) if common else self._made
        """The takes of a request that is not a batch and whose input does not matter."""

    def _remembered(self, takes_of: Callable[[TakesFor], TakesOf], part: Callable[[str, str], bytes]) -> TakesOf:
        @lru_cache(maxsize=REMEMBERED)
        def takes(principal: str, client: str) -> Takes:
            return (self._take(self._prefix + part(principal, client), 1),)

        return takes_of(takes)

    def _made(self, exchange: Exchange, value: object = MISSING) -> Takes:
        calls = exchange.calls
        return (self._take(self._bucket(exchange, (calls[0].route if calls else exchange.route).name, value), 1),)

    def _take(self, bucket: bytes, cost: int) -> Take:
        return _new(Take, (bucket, cost, self._rate.limit, self._rate.period, self._burst, self._lease))

    def _bucket(self, exchange: Exchange, route: str, value: object) -> bytes:
        return self._prefix + b"".join([part(exchange, route, value) for part in self._parts])

    def takes(self, exchange: Exchange, values: Sequence[object]) -> Sequence[Take]:
        """The takes of a request, one for each bucket. ``values`` are the inputs, one for each call, or empty.

        Raises ValueError for an input that has more than one reading.
        """
        calls = exchange.calls
        if len(calls) < 2:
            return self._made(exchange, values[0]) if values else self.takes_of_one(exchange)
        covered = [index for index, call in enumerate(calls) if self.name in call.route.named[self._section]]
        if not covered or not self._per_call:  # none is covered where the request is refused for its calls
            return (self._take(self._bucket(exchange, exchange.route.name, MISSING), max(1, len(covered))),)
        costs: dict[bytes, int] = {}
        for index in covered:
            bucket = self._bucket(exchange, calls[index].route.name, values[index] if values else MISSING)
            costs[bucket] = costs.get(bucket, 0) + 1
        return [self._take(bucket, cost) for bucket, cost in costs.items()]

    def refusal(self, taken: Taken) -> Refusal:
        """The refusal for ``taken`` when this is the only limit that refuses. A flood meets few different ones, so they
        are remembered."""
        wait = taken.retry_after
        return refusal([(self, taken)]) if taken.full or wait <= 0 else self._refusal(max(1, int(wait + ROUND)))


LimitState = tuple[Limit, Taken]


def tightest(states: Sequence[LimitState]) -> list[LimitState]:
    """One state for each limit: that of the bucket with the least left."""
    least: dict[Limit, Taken] = {}
    for limit, taken in states:
        known = least.get(limit)
        if known is None or taken.remaining < known.remaining:
            least[limit] = taken
    return list(least.items())


def tightness(state: LimitState) -> tuple[int, float]:
    """A key for sorting by how tight a limit is, the tightest first."""
    return state[1].remaining, -state[1].reset


def refusal(refused: Sequence[LimitState]) -> Refusal:
    """The refusal of a request that all of these limits refuse."""
    limits = tuple(by_limit(SECTION, name) for name in dict.fromkeys(limit.name for limit, _ in refused))
    names = ", ".join(name for _, name, _ in limits)
    if any(taken.full for _, taken in refused):
        names += ": the state store is full"
    waits = [taken.retry_after for _, taken in refused]
    if min(waits) > 0:
        return refuse("rate_limited", names, retry_after=max(1, int(max(waits) + ROUND)), limits=limits)
    # One take that can never pass makes waiting useless, however soon the others would.
    return Refusal(_NEVER, names, limits=limits)
