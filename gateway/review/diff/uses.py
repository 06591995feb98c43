"""The pairs of routes that requests go through, one on each side, and what they differ in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.config.model import Route
from gateway.policy.base.written import code
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition

ANYBODY = "Anybody, without a token,"
"""How a sentence begins about what needs no token any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """Requests that go through the route ``one`` of the old side and ``other`` of the new one, one of each class."""

    one: Route
    other: Route
    requests: Sequence[Transition]
    moved: bool
    """They are two routes, and not one under another name."""


def uses(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> Sequence[Use]:
    """The pairs among ``found``, of requests that both sides forward, in the order of the new side's routes."""
    pairs: dict[tuple[str, str], list[Transition]] = {}
    for each in found:
        if not each.before.refused and not each.after.refused:
            pairs.setdefault((each.before.route, each.after.route), []).append(each)
    rank = {name: index for index, name in enumerate(new.routes)}
    return [
        Use(old.routes[one], new.routes[other], pairs[one, other], _moved(old, new, one, other))
        for one, other in sorted(pairs, key=lambda pair: (rank[pair[1]], pair[0]))
    ]


def _moved(old: RoutedSide, new: RoutedSide, one: str, other: str) -> bool:
    return one != other and (one in new.routes or other in old.routes)


def named(several: Iterable[Use]) -> dict[str, Sequence[Transition]]:
    """The requests of ``several`` by the route that they go through on the new side."""
    found: dict[str, list[Transition]] = {}
    for use in several:
        found.setdefault(use.other.name, []).extend(use.requests)
    return {name: tuple(requests) for name, requests in found.items()}


def in_words(requests: Sequence[Transition], most: int = 3) -> str:
    """The classes of ``requests`` with their methods, the first few by name."""
    methods: dict[str, dict[str, None]] = {}
    for each in [each for each in requests if not each.request.spelling] or requests:
        methods.setdefault(each.request.alias or each.request.shown, {})[each.method] = None
    parts = [f"{', '.join(names)} {shown}" for shown, names in methods.items()]
    return "; ".join(parts[:most]) + (f" and {len(parts) - most} more" if len(parts) > most else "")


def in_code(requests: Sequence[Transition], most: int = 3) -> str:
    """``in_words``, as it stands in a sentence."""
    return code(in_words(requests, most))


def may_send(requests: Sequence[Transition]) -> str:
    """What somebody may do who may send ``requests``, after "may now": what only reads says so."""
    if {each.method for each in requests} == {"GET", "HEAD"} and not any(each.after.procedures for each in requests):
        return f"read {code(in_words(requests).replace('GET, HEAD ', ''))}"
    return f"send {in_code(requests)}"


def in_order(side: RoutedSide, names: Iterable[str]) -> Iterator[str]:
    """``names`` in the order of the routes of ``side``; what is none of them is left out."""
    wanted = set(names)
    return (name for name in side.routes if name in wanted)
