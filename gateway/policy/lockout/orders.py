"""How two lockouts compare: one that locks more is stricter, and easier to keep somebody out with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Protocol

from pydantic import BaseModel

from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Order,
    Orders,
    SettingChange,
    by_inclusion,
    changed,
    compared,
    later_is_looser,
    less_is_looser,
    more_is_looser,
    nested,
    optional,
    smaller_set_is_looser,
    undecidable,
)
from gateway.policy.base.written import NONE, duration, text

_SOONER = "It locks sooner, also for whoever wants to keep the owner out."
_LONGER = "It locks for longer, also for whoever wants to keep the owner out."


def _as_long(spans: tuple[float, ...], others: tuple[float, ...]) -> bool:
    """Whether each lock by ``spans`` ends no later than by ``others``. The last time is for all locks that follow."""
    pairs = zip_longest(spans, others)
    return all((one or spans[-1]) <= (other or others[-1]) for one, other in pairs)


def _spans(spans: tuple[float, ...]) -> str:
    return duration(spans[0]) if len(spans) == 1 else text([duration(span) for span in spans])


OF_RULES: Orders = {
    "failures": more_is_looser(
        Danger.TRIES, "Up to {after} wrong guesses may now be made before a lock; before, {before}.", _SOONER
    ),
    "within": less_is_looser(
        Danger.TRIES, "Wrong guesses are forgotten after {after}, and not after {before}.", _SOONER, duration
    ),
    "lock_for": by_inclusion(_as_long, Danger.TRIES, "A lock ends sooner, and guessing goes on.", _LONGER, _spans),
}


class _Rule(Protocol):
    @property
    def failures(self) -> int: ...

    @property
    def within(self) -> float: ...

    @property
    def lock_for(self) -> tuple[float, ...]: ...


def _rule(rule: _Rule | None) -> str:
    """A rule as people write it."""
    if rule is None:
        return NONE
    return f"{{failures: {rule.failures}, within: {duration(rule.within)}, lock_for: {_spans(rule.lock_for)}}}"


class _Lockout(Protocol):
    """What is compared of a policy as a whole."""

    @property
    def scope(self) -> str: ...

    @property
    def by_address(self) -> bool: ...

    @property
    def everywhere(self) -> _Rule | None: ...


_scope: Order[bool] = later_is_looser(
    (False, True),
    Danger.TRIES,
    "Each address has wrong guesses of its own at an account.",
    "Wrong guesses of all addresses count together: whoever knows its name can keep the owner of an account out.",
    lambda by_address: "account+address" if by_address else "account",
)


def _scopes(old: _Lockout, new: _Lockout) -> Iterable[SettingChange]:
    """Where ``everywhere`` comes or goes, that says it."""
    return _scope(old.by_address, new.by_address) if (old.everywhere is None) is (new.everywhere is None) else ()


def _everywhere(old: _Lockout, new: _Lockout) -> Iterator[SettingChange]:
    """``everywhere`` takes the place of the account's own count where that is of all addresses, and then it is looser."""
    if isinstance(old.everywhere, BaseModel) and isinstance(new.everywhere, BaseModel):
        yield from compared(old.everywhere, new.everywhere)
        return
    if old.everywhere is new.everywhere:
        return
    added = new.everywhere is not None
    other = old if added else new
    looser = added is not other.by_address
    if looser:
        why = (
            "Each address has wrong guesses of its own at an account."
            if added
            else "Guesses from many addresses at one account lock it no more."
        )
    else:
        why = (
            "Guesses from many addresses lock an account for all of them, also where somebody wants to keep its owner out."
            if added
            else "Wrong guesses of all addresses count together: whoever knows its name can keep the owner of an account out."
        )
    effect = Effect.LOOSENS if looser else Effect.TIGHTENS
    yield changed(effect, _rule(old.everywhere), _rule(new.everywhere), Danger.TRIES, why)


ORDERS: Orders = {
    "account": undecidable(Danger.CHECK, "Another field names the account whose wrong guesses count together."),
    **OF_RULES,
    "on_status": smaller_set_is_looser(
        Danger.TRIES, "Responses that showed a wrong guess count as none.", "More responses count as wrong guesses."
    ),
    "scope": Of(lambda lockout: lockout, _scopes),
    "everywhere": Of(lambda lockout: lockout, _everywhere),
    "address": optional(
        Effect.LOOSENS,
        Danger.TRIES,
        "One address may guess at any number of accounts.",
        "An address that guesses at many accounts is locked, with all who share it.",
        nested,
        _rule,
    ),
}
