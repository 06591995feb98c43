"""A limit in words, for people who have not seen its settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.core.units import Rate
from gateway.policy.base.written import code, duration

CHOSEN = ("header:", "input:")
"""How a part of a key begins that is what a client writes as it likes."""

_PERIODS = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour", 86400.0: "a day"}
_WHOLE = {"address": "address", "network": "network", "principal": "user", "route": "route"}


class CountedLimit(Protocol):
    """What a limit says."""

    @property
    def limit(self) -> Rate: ...

    @property
    def at_once(self) -> int: ...

    @property
    def key(self) -> tuple[str, ...]: ...


def in_words(limit: CountedLimit) -> str:
    """How many requests, in how long, and for each what; without a full stop."""
    rate = limit.limit
    requests = f"{rate.limit} request{'' if rate.limit == 1 else 's'}"
    period = _PERIODS.get(rate.period, f"in {duration(rate.period)}")
    burst = "" if limit.at_once == rate.limit else f" ({limit.at_once} at once after a pause)"
    return f"{requests} {period}{burst} for each {each_of(limit.key)}"


def each_of(key: Iterable[str]) -> str:
    """What has a count of its own by ``key``."""
    return " and each ".join(map(_part, key))


def _part(word: str) -> str:
    kind, _, name = word.partition(":")
    if kind == "input":
        return f"value of {code(name.removeprefix('/').replace('/', '.'))} in the body"
    return f"value of the field {code(name)}" if kind == "header" else _WHOLE.get(word, word)
