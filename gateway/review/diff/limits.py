"""How the rate limits of two routes compare: as sets, in which each old limit needs a new one that is at least as strict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple, cast

from gateway.config.model import Route
from gateway.policy.base.order import Danger, Effect, SettingChange, changed
from gateway.policy.base.written import NONE, text
from gateway.policy.kinds import SECTIONS
from gateway.policy.rate_limit.rate_limit import Settings
from gateway.policy.rate_limit.words import in_words
from gateway.review.diff.policies import LIMITS, PolicyChange, compare_policies
from gateway.review.diff.side import RoutedSide

_KIND = SECTIONS[LIMITS]
_LEFT = 3  # limits that are named beside one that is gone


class Pairs(NamedTuple):
    """Which limits of two routes are one: ``same`` has the pairs of names, the old one first, and what differs in each."""

    same: tuple[tuple[str, str, tuple[SettingChange, ...]], ...]
    gone: tuple[str, ...]
    added: tuple[str, ...]


def settings_of(side: RoutedSide, name: str) -> Settings:
    """The limit ``name`` of ``side``."""
    return cast(Settings, side.policy(LIMITS, name))


def pairs(old: RoutedSide, one: Route, new: RoutedSide, other: Route) -> Pairs:
    """Pair the limits of the route ``one`` of the old side with those of ``other`` of the new one: by name, then those that mean
    the same, those of which one is stricter, and those that count by the same key. The pairs are the same either way round."""
    before, after = list(one.policies.get(LIMITS, ())), list(other.policies.get(LIMITS, ()))
    reports = one.mode == "report", other.mode == "report"
    found: list[tuple[str, str, tuple[SettingChange, ...]]] = []

    def pair(first: str, second: str) -> None:
        before.remove(first)
        after.remove(second)
        found.append((first, second, differing(first, second)))

    def differing(first: str, second: str) -> tuple[SettingChange, ...]:
        return tuple(compare_policies(_KIND, settings_of(old, first), settings_of(new, second), reports))

    for name in [name for name in before if name in after]:
        pair(name, name)
    likely: list[tuple[int, list[str], str, str]] = []
    for first, second in product(before, after):
        rank = _likeness(settings_of(old, first), settings_of(new, second))
        if rank is not None:
            likely.append((rank, sorted((first, second)), first, second))
    for _, _, first, second in sorted(likely):
        if first in before and second in after:
            pair(first, second)
    return Pairs(tuple(found), tuple(before), tuple(after))


def _likeness(one: Settings, other: Settings) -> int | None:
    """How much two limits of different names seem to be one, 0 for most; None where they do not. The same either way round."""
    looser = [_loosens(one, other), _loosens(other, one)]
    if not any(looser):
        return 0
    return 1 if not all(looser) else 2 if set(one.key) == set(other.key) else None


def _loosens(old: Settings, new: Settings) -> bool:
    return any(change.effect is Effect.LOOSENS for change in _KIND.compare(old, new))


def limit_changes(
    old: RoutedSide, one: Route, new: RoutedSide, other: Route, covered: Callable[[str, str, bool], bool]
) -> Iterator[PolicyChange]:
    """What differs between the limits of two routes. ``covered(gone, kept, added)``: whether all that the budget of one limit
    counts is counted in one budget of the other."""
    found = pairs(old, one, new, other)
    for first, second, differing in found.same:
        for change in differing:
            yield PolicyChange(LIMITS, first, second, change)
    for name in found.gone:
        shown = _shown(settings_of(old, name))
        rest = [kept for kept in other.policies.get(LIMITS, ()) if covered(name, kept, False)]
        refuses = settings_of(old, name).mode == "enforce" and one.mode == "enforce"
        if not refuses:
            change = changed(Effect.CHANGES, shown, NONE, Danger.NOTE, "The limit only counted.")
        elif _stricter(old, name, new, rest, other.mode):
            change = changed(Effect.CHANGES, shown, NONE, Danger.NOTE, "Another limit refuses all that it refused.")
        else:
            change = changed(
                Effect.LOOSENS,
                shown,
                NONE,
                Danger.TRIES,
                f"A limit is gone: before, {in_words(settings_of(old, name))}. {_left(new, other)}",
            )
        yield PolicyChange(LIMITS, name, "", change)
    for name in found.added:
        shown = _shown(settings_of(new, name))
        rest = [kept for kept in one.policies.get(LIMITS, ()) if covered(name, kept, True)]
        refuses = settings_of(new, name).mode == "enforce" and other.mode == "enforce"
        if not refuses:
            change = changed(Effect.CHANGES, NONE, shown, Danger.NOTE, "The limit only counts.")
        elif _stricter(new, name, old, rest, one.mode):
            change = changed(Effect.CHANGES, NONE, shown, Danger.NOTE, "Another limit refuses all that it refuses.")
        else:
            change = changed(
                Effect.TIGHTENS,
                NONE,
                shown,
                Danger.NONE,
                f"One more limit holds: {in_words(settings_of(new, name))}. Whoever sends more is refused.",
            )
        yield PolicyChange(LIMITS, "", name, change)


def _left(side: RoutedSide, route: Route) -> str:
    """Which limits the requests of ``route`` still have."""
    names = [name for name in route.policies.get(LIMITS, ()) if settings_of(side, name).mode == "enforce"]
    if not names:
        return "No limit is left on these requests."
    words = "; ".join(in_words(settings_of(side, name)) for name in names[:_LEFT])
    return f"What is left: {words}{f'; and {len(names) - _LEFT} more' if len(names) > _LEFT else ''}."


def _stricter(side: RoutedSide, name: str, there: RoutedSide, others: list[str], mode: str) -> bool:
    """Whether one of ``others`` refuses all that the limit ``name`` of ``side`` would."""
    limit = settings_of(side, name)
    return mode == "enforce" and any(
        settings_of(there, other).mode == "enforce" and not _loosens(limit, settings_of(there, other))
        for other in others
    )


def _shown(limit: Settings) -> str:
    burst = f", {limit.burst} at once" if limit.burst else ""
    return f"{limit.limit}{burst} by {text(limit.key)}"
