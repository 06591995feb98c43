"""How the settings of an upstream compare.

Where calls go, what goes along, and how paths are read decide who gets what. What decides only which of its servers gets a call,
and when, is neither looser nor stricter. What is refused for want of time or room passes where there is more of it, with little
danger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from pydantic import BaseModel

from gateway.core.request_fields import PassedFields
from gateway.core.secret import Secret
from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Order,
    Orders,
    SettingChange,
    below,
    by_entries,
    changed,
    compared,
    each_by_key,
    larger_set_is_looser,
    later_is_looser,
    less_is_looser,
    more_is_looser,
    neither,
    nested,
    optional,
    smaller_set_is_looser,
    undecidable,
)
from gateway.policy.base.written import NONE, duration, share, text

_BALANCE = neither("It decides which server gets a call, and not which calls pass.")
_CHECKS = neither("Servers are found healthy or unhealthy in another way.")
_CHECK_TIMES = neither("Servers are found healthy or unhealthy at another time.", duration)
_EJECTION = neither("Failing servers are left out in another way.")
_EJECTION_TIMES = neither("Failing servers are left out for another time.", duration)
_MORE_RETRIES = "A failed call is made again more often: what it costs is spent again."
_FEWER_RETRIES = "A failed call is made again less often."


class Target(Protocol):
    """What is compared of a server."""

    @property
    def url(self) -> str: ...

    @property
    def scheme(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


_ELSEWHERE = "Requests, with the tokens in them, go to a server that they did not go to."
_IN_CLEAR = "Requests go to the same server without encryption, with the tokens in them."


def _endpoints(old: tuple[Target, ...], new: tuple[Target, ...]) -> Iterator[SettingChange]:
    before, after = ({_server(one): one for one in side} for side in (old, new))
    if before.keys() != after.keys():
        gained = [one for server, one in after.items() if server not in before]
        elsewhere = [one for one in gained if not any(_encrypts(one, other) for other in old)]
        in_clear = any(_encrypts(other, one) for one in elsewhere for other in old)
        effect = Effect.LOOSENS if elsewhere else Effect.TIGHTENS
        why = _IN_CLEAR if in_clear else _ELSEWHERE if elsewhere else "Requests go to fewer servers, or encrypted."
        yield changed(effect, text([one.url for one in old]), text([one.url for one in new]), Danger.OPEN, why)
    for index, one in enumerate(new):
        was = before.get(_server(one))
        if isinstance(one, BaseModel) and isinstance(was, BaseModel):
            yield from (below(str(index), change) for change in compared(was, one) if change.path != ("url",))


def _server(one: Target) -> tuple[str, str, int]:
    """What a connection is made to, however its URL is spelled."""
    return one.scheme, one.host, one.port


def _encrypts(one: Target, other: Target) -> bool:
    """Whether ``one`` is the server of ``other`` with encryption, which that is without."""
    ports = (one.port, other.port)
    return (one.scheme, other.scheme, one.host) == ("https", "http", other.host) and (
        ports == (443, 80) or ports[0] == ports[1]
    )


OF_ENDPOINTS: Orders = {
    "url": undecidable(Danger.OPEN, _ELSEWHERE),
    "weight": _BALANCE,
    "priority": _BALANCE,
    "region": _BALANCE,
}

OF_HEALTH_CHECKS: Orders = {
    **dict.fromkeys(("path", "healthy", "unhealthy", "jitter", "expect", "host"), _CHECKS),
    **dict.fromkeys(("interval", "timeout"), _CHECK_TIMES),
}

OF_EJECTION: Orders = {
    **dict.fromkeys(("failures", "count", "most"), _EJECTION),
    **dict.fromkeys(("eject_for", "max_eject_for"), _EJECTION_TIMES),
}

OF_RETRIES: Orders = {
    "attempts": more_is_looser(Danger.LOAD, _MORE_RETRIES, _FEWER_RETRIES),
    "on": larger_set_is_looser(Danger.LOAD, _MORE_RETRIES, _FEWER_RETRIES),
    "budget": more_is_looser(Danger.LOAD, _MORE_RETRIES, _FEWER_RETRIES, share),
    "min_per_second": more_is_looser(Danger.LOAD, _MORE_RETRIES, _FEWER_RETRIES),
    "backoff": neither("The pause before a call is made again is another.", duration),
    "max_backoff": neither("The pause before a call is made again is another.", duration),
    # A shorter one cuts slow calls, and leaves time for another attempt.
    "attempt_timeout": undecidable(Danger.LOAD, "Other calls are in time, or are made again.", duration),
}


def _after(old: float | str, new: float | str) -> Iterable[SettingChange]:
    """A duration, or a quantile such as p95."""
    if isinstance(old, str) and isinstance(new, str):
        return _sooner(float(old[1:]), float(new[1:])) if old != new else ()
    if isinstance(old, float) and isinstance(new, float):
        return _sooner_by_time(old, new)
    return (changed(Effect.LOOSENS, _moment(old), _moment(new), Danger.LOAD, _MORE_HEDGES),)


def _moment(after: float | str) -> str:
    return after if isinstance(after, str) else duration(after)


_MORE_HEDGES = "More safe calls are made twice."
_FEWER_HEDGES = "Fewer safe calls are made twice."
_sooner = less_is_looser(Danger.LOAD, _MORE_HEDGES, _FEWER_HEDGES, lambda quantile: f"p{quantile:g}")
_sooner_by_time = less_is_looser(Danger.LOAD, _MORE_HEDGES, _FEWER_HEDGES, duration)

OF_HEDGES: Orders = {
    "after": _after,
    "budget": more_is_looser(Danger.LOAD, _MORE_HEDGES, _FEWER_HEDGES, share),
}


def _pass_all(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether each field that passes by ``narrow`` passes by ``wide``, beside those that always do."""
    more, fewer = PassedFields(wide), PassedFields(narrow)
    beginnings = tuple(pattern[:-1] for pattern in wide if pattern.endswith("*"))
    return all(
        pattern.startswith(beginnings) if pattern.endswith("*") else more[pattern.encode()] >= fewer[pattern.encode()]
        for pattern in narrow
    )


def _set(old: Mapping[str, Secret], new: Mapping[str, Secret]) -> Iterator[SettingChange]:
    """What the gateway writes is believed, and often a key; what it writes no more, a client may write."""
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is not None and after is not None:
            if before.as_written() != after.as_written():
                why = "The upstream gets another value from the gateway: whoever calls has what that gives."
                yield below(name, changed(Effect.LOOSENS, before.shown, after.shown, Danger.OPEN, why))
        elif after is not None:
            why = "The upstream gets this field from the gateway: whoever calls has what it gives."
            yield below(name, changed(Effect.LOOSENS, NONE, after.shown, Danger.OPEN, why))
        elif before is not None:
            why = "The upstream gets this field as the client sent it: a token of its own, or a made-up one."
            yield below(name, changed(Effect.LOOSENS, before.shown, NONE, Danger.OPEN, why))


OF_HEADERS: Orders = {
    "pass_": by_entries(
        _pass_all,
        Danger.CHECK,
        "The upstream gets more fields of clients.",
        "The upstream gets fewer fields of clients.",
    ),
    "set": _set,
    "remove": smaller_set_is_looser(
        Danger.LEAK, "The upstream gets fields that were taken out, such as cookies.", "The upstream gets fewer fields."
    ),
}


def _paths(opens: str, closes: str) -> Order[object]:
    return later_is_looser(("ignored", "same"), Danger.CHECK, opens, closes)


OF_PATHS: Orders = {
    "case": _paths(
        "Spellings that differ in case pass as other paths, with the policies of other routes.",
        "Spellings that differ in case count as one path.",
    ),
    "slash": _paths(
        "Spellings with a slash at the end pass as other paths, with the policies of other routes.",
        "Spellings that differ in a slash at the end count as one path.",
    ),
    "suffix": _paths(
        "Spellings with a format at the end pass as other paths, with the policies of other routes.",
        "Spellings that differ in a format at the end count as one path.",
    ),
}

_LONGER = "Responses may take longer, and hold what all share for longer."
_SHORTER = "What takes longer is refused."
OF_TIMEOUTS: Orders = {
    **dict.fromkeys(("connect", "response", "body", "total"), more_is_looser(Danger.LOAD, _LONGER, _SHORTER, duration)),
    "idle": neither("Connections to the upstream are kept for another time.", duration),
}

OF_TRPC: Orders = {
    "prefix": undecidable(Danger.OPEN, "Procedures are called at other paths, where other routes may match them."),
    "max_batch": more_is_looser(Danger.LOAD, "One request makes more calls.", "One request makes fewer calls."),
    "transformer": undecidable(Danger.CHECK, "Inputs are read in another way than they were checked in."),
    "aliases": each_by_key(
        Effect.LOOSENS,
        Danger.CHECK,
        "A procedure is called by one more name.",
        "A procedure is called by one name less.",
        undecidable(Danger.CHECK, "The name calls another procedure."),
    ),
}


def by_name(old: object, new: object) -> Iterable[SettingChange]:
    """Nothing: ``config.orders`` compares the policies that the names stand for."""
    return ()


def orders(ignored_paths: BaseModel) -> Orders:
    """The orders of an upstream. ``ignored_paths`` is how it compares paths where nothing is written."""
    return {
        "endpoints": _endpoints,
        "timeouts": nested,
        "resolve": neither("The names of its servers are looked up in another way.", duration),
        "spill_below": neither("It decides which server gets a call, and not which calls pass.", share),
        "health_check": optional(Effect.CHANGES, Danger.NOTE, _UNWATCHED, _UNWATCHED, nested),
        "ejection": optional(Effect.CHANGES, Danger.NOTE, _UNWATCHED, _UNWATCHED, nested),
        "trpc": optional(
            Effect.TIGHTENS,
            Danger.OPEN,
            "Below the prefix everything is a procedure, by names and not by paths.",
            "Nothing is a procedure any more.",
            nested,
        ),
        "request_headers": nested,
        "paths": Of(lambda upstream: upstream.paths or ignored_paths, nested),
        "required": neither("Health says down without it, or does not."),
        "breaker": by_name,
        "fallback": by_name,
        "retries": optional(Effect.TIGHTENS, Danger.LOAD, _MORE_RETRIES, _FEWER_RETRIES, nested),
        "hedge": optional(Effect.TIGHTENS, Danger.LOAD, _MORE_HEDGES, _FEWER_HEDGES, nested),
        "concurrency": optional(
            Effect.LOOSENS,
            Danger.LOAD,
            "It gets as many calls at once as there are connections, all of one client if need be.",
            "Calls beyond a number wait, or are refused.",
            nested,
        ),
        "max_connections": more_is_looser(
            Danger.LOAD, "It gets more connections.", "It gets fewer connections, and calls are refused sooner."
        ),
    }


_UNWATCHED = "Which of its servers get calls is decided in another way."
