"""Which calls may travel in one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from gateway.policy.base.order import Danger, Effect
from gateway.policy.base.written import listed
from gateway.policy.kinds import ROUTE_KINDS
from gateway.review.diff.change import Change
from gateway.review.diff.classes import RequestClass
from gateway.review.diff.draft import Draft
from gateway.review.diff.side import Match, RoutedSide
from gateway.review.diff.transitions import Transition

_METHODS = ("GET", "POST")  # of procedures
_MOST = 60
"""Groups of calls that batches treat alike, and otherwise than before; each is tried with all others."""


Names = tuple[str, str]
"""Of a route on the old side, and of the one that its requests go through on the new side."""


class _Member(NamedTuple):
    """A call that both sides forward by itself."""

    prefix: str
    name: str
    route: str
    before: str
    """Its route on the old side."""


def batches(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> Iterator[Draft]:
    """What differs in which calls may travel together, of those that may travel alone on both sides."""
    groups = _groups(old, new, found)
    gained: dict[Names, dict[str, tuple[str, str]]] = {}
    lost: dict[Names, dict[str, tuple[str, str]]] = {}
    changed = [key for key in groups if key[1] != key[2]]  # of two that are as before, so is their batch
    for one, other in product(changed[:_MOST], groups):
        first, second = groups[one][0], groups[other][-1]
        if first.prefix != second.prefix:
            continue
        target = f"{first.prefix}{first.name},{second.name}?batch=1"
        for method in _METHODS:
            before, after = (side.match("public", method, target).refused for side in (old, new))
            for left, right, into in ((before, after, gained), (after, before, lost)):
                if left == "batch_refused" and not right:
                    for a, b in ((one, other), (other, one)):
                        for member in groups[a]:
                            into.setdefault((member.before, member.route), {})[groups[b][0].route] = method, target
    if len(changed) > _MOST:
        yield _not_compared(groups[changed[_MOST]][0].route, len(changed))
    yield from _changes(old, new, gained, 0)
    for draft in _changes(new, old, lost, 1):
        yield draft.backwards("These calls travel alone now: each is a request of its own.")


def _not_compared(route: str, count: int) -> Draft:
    why = f"Batches treat calls in {count} ways that have changed, and only {_MOST} were compared."
    return Draft(
        change=Change(
            effect=Effect.LOOSENS, setting="routes", before="", after="", why=why, danger=Danger.CHECK, routes=(route,)
        ),
        section="routes",
    )


def _groups(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> dict[tuple[object, ...], list[_Member]]:
    """The calls by what batches ask of them, on both sides."""
    groups: dict[tuple[object, ...], dict[str, _Member]] = {}
    for each in found:
        request = each.request
        if each.before.refused or each.after.refused or not each.after.procedures or request.moved or request.alias:
            continue
        prefix, _, name = request.target.rpartition("/")
        key = (prefix, _nature(old, each.before.route), _nature(new, each.after.route))
        groups.setdefault(key, {}).setdefault(name, _Member(prefix + "/", name, each.after.route, each.before.route))
    return {key: list(members.values()) for key, members in groups.items()}


def _nature(side: RoutedSide, name: str) -> object:
    """What the merge of a batch looks at; the route table itself has the last word."""
    route = side.routes[name]
    exclusive = tuple(route.policies.get(kind.section, ()) for kind in ROUTE_KINDS if kind.exclusive)
    return route.batch, route.upstream, exclusive, frozenset(route.methods)


def _changes(
    old: RoutedSide, new: RoutedSide, gained: Mapping[Names, Mapping[str, tuple[str, str]]], first: int
) -> Iterator[Draft]:
    """One change for each route that may now travel with others since it no longer says ``batch: deny``, and one for the rest.
    ``first`` is which of its two names ``old`` has."""
    opened = {
        names[1]: others
        for names, others in gained.items()
        if old.routes[names[first]].batch == "deny" and new.routes[names[1 - first]].batch == "allow"
    }
    for name, others in opened.items():
        yield _change(old, new, (name,), "deny", "allow", others)
    rest: dict[str, dict[str, tuple[str, str]]] = {}
    for names, others in gained.items():
        left = {other: shown for other, shown in others.items() if other not in opened}
        if names[1] not in opened and left:
            rest.setdefault(names[1], {}).update(left)
    if rest:
        shown = {other: found for others in rest.values() for other, found in others.items()}
        yield _change(old, new, tuple(sorted(rest)), "apart", "in one batch", shown)


def _change(
    old: RoutedSide,
    new: RoutedSide,
    names: tuple[str, ...],
    before: str,
    after: str,
    shown: Mapping[str, tuple[str, str]],
) -> Draft:
    # Two calls of one route: they pass with what one of them needs.
    alone = next((name for name in names if name in shown), next(iter(shown)))
    method, target = shown[alone]
    path = ("routes", names[0], "batch")
    change = Change(
        effect=Effect.LOOSENS,
        setting=".".join(path),
        before=before,
        after=after,
        why=f"Calls of {listed(names)} may now travel in one batch with calls of {listed(sorted(shown))}; before, such a batch was"
        " refused. One request can be many attempts.",
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
