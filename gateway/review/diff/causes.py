"""Why requests go through another route than before, where nothing of that route was edited itself."""

from __future__ import annotations

from gateway.config.model import Route
from gateway.policy.base.written import code
from gateway.review.diff.side import RoutedSide


def cause(old: RoutedSide, new: RoutedSide, one: Route, other: Route) -> str:
    """A sentence: why requests of the route ``one`` of the old side go through ``other`` of the new one, which is another."""
    first, second = code(one.name), code(other.name)
    if one.name not in new.routes:
        return f"Because route {first} is gone, and route {second} takes its requests."
    at, of = (new.places.route(name).rpartition(":")[2] for name in (other.name, one.name))
    lines = f" (lines {at} and {of})" if at and of else ""
    if other.name not in old.routes:
        return f"Because the new route {second} takes these requests, before {first} is asked{lines}."
    if _above(new, other, one) and not _above(old, other, one):
        return f"Because route {second} now stands before {first}{lines}."
    gained = {*other.paths, *other.procedures} - {*old.routes[other.name].paths, *old.routes[other.name].procedures}
    if gained:
        return f"Because route {second} takes more paths or procedures than before{lines}."
    return f"Because route {first} takes fewer requests than before{lines}."


def _above(side: RoutedSide, one: Route, other: Route) -> bool:
    names = list(side.routes)
    return names.index(one.name) < names.index(other.name)
