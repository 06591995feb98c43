"""Which requests share one budget of a rate limit: limits of one name share one over all routes.

Two budgets where there was one let twice as much through; one where there were two lets less through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.config.model import Route
from gateway.policy.base.order import Danger, Effect
from gateway.policy.base.written import code
from gateway.policy.rate_limit.words import in_words
from gateway.review.diff.change import Change
from gateway.review.diff.draft import Draft
from gateway.review.diff.limits import pairs, settings_of
from gateway.review.diff.policies import LIMITS
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.uses import Use, named

_SHOWN = 4  # routes that are named

Budget = tuple[str, str]
"""The name of a limit, and of the route that its key names."""

Shares = Mapping[Budget, Mapping[Budget, Sequence[Use]]]
"""The budgets that one budget has become, with the routes of each."""


class Budgets:
    """The budgets of both sides, over ``uses``."""

    def __init__(self, old: RoutedSide, new: RoutedSide, uses: Sequence[Use]) -> None:
        self._old = old
        self._new = new
        self._uses = uses

    def covered(self, use: Use) -> Callable[[str, str, bool], bool]:
        """Whether all requests that a limit of ``use`` counts on its side are counted in one budget of another limit on the other
        side; see ``limits.limit_changes``."""

        def is_covered(name: str, kept: str, added: bool) -> bool:
            here, there = (self._new, self._old) if added else (self._old, self._new)
            ways = [(each.other, each.one) if added else (each.one, each.other) for each in self._uses]
            budget = _budget(here, name, use.other if added else use.one)
            others = [
                second for first, second in ways if _counts(here, name, first) and _budget(here, name, first) == budget
            ]
            budgets = {_budget(there, kept, second) if _counts(there, kept, second) else None for second in others}
            return len(budgets) == 1 and None not in budgets

        return is_covered

    def drafts(self) -> Iterator[Draft]:
        """The changes by which budgets are split or merged."""
        became: dict[Budget, dict[Budget, list[Use]]] = {}
        came: dict[Budget, dict[Budget, list[Use]]] = {}
        for use in self._uses:
            for first, second, _ in pairs(self._old, use.one, self._new, use.other).same:
                if _refuses(self._old, first, use.one) and _refuses(self._new, second, use.other):
                    before, after = _budget(self._old, first, use.one), _budget(self._new, second, use.other)
                    became.setdefault(before, {}).setdefault(after, []).append(use)
                    came.setdefault(after, {}).setdefault(before, []).append(use)
        for budget, parts in became.items():
            if len(parts) > 1:
                yield _split(self._old, self._new, budget, parts, lambda use: use.other)
        for budget, parts in came.items():
            if len(parts) > 1:
                back = _split(self._new, self._old, budget, parts, lambda use: use.one)
                yield back.backwards("Requests that had counts of their own share one, which can be used up sooner.")


def _counts(side: RoutedSide, name: str, route: Route) -> bool:
    return name in route.policies.get(LIMITS, ())


def _refuses(side: RoutedSide, name: str, route: Route) -> bool:
    return route.mode == "enforce" and settings_of(side, name).mode == "enforce"


def _budget(side: RoutedSide, name: str, route: Route) -> Budget:
    return name, route.name if "route" in settings_of(side, name).key else ""


def _split(
    old: RoutedSide, new: RoutedSide, budget: Budget, parts: Mapping[Budget, Sequence[Use]], of: Callable[[Use], Route]
) -> Draft:
    name = budget[0]
    uses = [use for several in parts.values() for use in several]
    over = {part: _over(of(use).name for use in several) for part, several in parts.items()}
    names = {of(use).name for use in uses}
    change = Change(
        effect=Effect.LOOSENS,
        setting=f"{LIMITS}.{name}",
        before=f"one count for {_over(of(use).name for use in uses)}",
        after="; ".join(f"{part[0]} for {routes}" for part, routes in sorted(over.items())),
        why=f"What was counted together by {code(name)} has {len(parts)} counts: each may be used up. Before:"
        f" {in_words(settings_of(old, name))}.",
        danger=Danger.TRIES,
        routes=tuple(route for route in new.routes if route in names),
        where_old=old.where((LIMITS, name)),
        where_new=new.where((LIMITS, min(part for part, _ in parts))),
        content="\n".join(
            sorted(f"{part}: {sorted(of(use).name for use in several)}" for part, several in parts.items())
        ),
    )
    return Draft(change=change, requests=named(uses), section=LIMITS)


def _over(names: Iterator[str]) -> str:
    found = sorted(set(names))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
