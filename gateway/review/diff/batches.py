"""Which calls may travel in one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations_with_replacement
from typing import NamedTuple

from gateway.policy.base.order import Danger, Effect
from gateway.policy.kinds import ROUTE_KINDS
from gateway.review.diff.change import Change
from gateway.review.diff.classes import RequestClass
from gateway.review.diff.draft import Draft
from gateway.review.diff.side import Match, RoutedSide
from gateway.review.diff.transitions import Transition

_METHODS = ("GET", "POST")  # of procedures
_MOST = 60
"""Groups of calls that batches treat alike; their pairs are tried."""


class _Member(NamedTuple):
    """A call that both sides forward by itself."""

    prefix: str
    name: str
    route: str


def batches(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> Iterator[Draft]:
    """What differs in which calls may travel together, of those that may travel alone on both sides."""
    groups = _groups(old, new, found)
    gained: dict[str, dict[str, tuple[str, str]]] = {}
    lost: dict[str, dict[str, tuple[str, str]]] = {}
    for one, other in combinations_with_replacement(list(groups)[:_MOST], 2):
        first = groups[one][0]
        second = groups[other][-1]
        if first.prefix != second.prefix:
            continue
        target = f"{first.prefix}{first.name},{second.name}?batch=1"
        for method in _METHODS:
            before, after = (side.match("public", method, target).refused for side in (old, new))
            for left, right, into in ((before, after, gained), (after, before, lost)):
                if left.startswith("batch_") and not right:
                    for a, b in ((one, other), (other, one)):
                        for member in groups[a]:
                            into.setdefault(member.route, {})[groups[b][0].route] = method, target
    yield from _changes(old, new, gained)
    for draft in _changes(new, old, lost):
        yield draft.backwards("These calls travel alone now: each is a request of its own.")


def _groups(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> dict[tuple[object, ...], list[_Member]]:
    """The calls by what batches ask of them, on both sides."""
    groups: dict[tuple[object, ...], dict[str, _Member]] = {}
    for each in found:
        request = each.request
        if each.before.refused or each.after.refused or not each.after.procedures or request.moved or request.alias:
            continue
        prefix, _, name = request.target.rpartition("/")
        key = (prefix, _nature(old, each.before.route), _nature(new, each.after.route))
        groups.setdefault(key, {}).setdefault(name, _Member(prefix + "/", name, each.after.route))
    return {key: list(members.values()) for key, members in groups.items()}


def _nature(side: RoutedSide, name: str) -> object:
    """What the merge of a batch looks at; the route table itself has the last word."""
    route = side.routes[name]
    exclusive = tuple(route.policies.get(kind.section, ()) for kind in ROUTE_KINDS if kind.exclusive)
    return route.batch, route.upstream, exclusive, frozenset(route.methods)


def _changes(old: RoutedSide, new: RoutedSide, gained: dict[str, dict[str, tuple[str, str]]]) -> Iterator[Draft]:
    """One change for each route that may now travel with others although it says ``batch: deny`` no longer, and one for the rest."""
    opened = [name for name in gained if _closed(old, name) and not _closed(new, name)]
    for name in opened:
        yield _change(old, new, (name,), "deny", "allow", gained[name])
    rest = {
        name: {other: shown for other, shown in others.items() if other not in opened}
        for name, others in gained.items()
        if name not in opened
    }
    names = tuple(name for name, others in rest.items() if others)
    if names:
        shown = {other: found for name in names for other, found in rest[name].items()}
        yield _change(old, new, names, "apart", "in one batch", shown)


def _closed(side: RoutedSide, name: str) -> bool:
    return name in side.routes and side.routes[name].batch == "deny"


def _change(
    old: RoutedSide, new: RoutedSide, names: tuple[str, ...], before: str, after: str, shown: dict[str, tuple[str, str]]
) -> Draft:
    others = ", ".join(sorted(shown)[:3])
    method, target = next(iter(shown.values()))
    path = ("routes", names[0], "batch")
    change = Change(
        effect=Effect.LOOSENS,
        setting=".".join(path),
        before=before,
        after=after,
        why=f"Calls of {', '.join(names[:3])} travel in one batch with calls of {others}: one request is many attempts.",
        danger=Danger.TRIES,
        routes=names,
        where_old=old.where(path),
        where_new=new.where(path),
        content=",".join(sorted(shown)),
    )
    request = RequestClass("public", target, "a batch")
    procedures = tuple(target.partition("?")[0].rpartition("/")[2].split(","))
    return Draft(
        change=change,
        requests={
            name: [Transition(request, method, Match(name, "batch_refused"), Match(name, "", procedures))]
            for name in names
        },
    )
