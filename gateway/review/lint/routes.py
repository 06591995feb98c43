"""Rules about which requests a route takes: more than its names say, or what another one closes."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator

from gateway.config.model import Route
from gateway.config.path_guards import methods_of
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject, at, is_guest_route


def _wildcards(subject: Subject) -> Iterator[Spot]:
    for route in filter(is_guest_route, subject.served):
        for key, patterns in (("procedures", route.procedures), ("paths", route.paths)):
            for pattern in patterns:
                if pattern.endswith("*"):
                    yield Spot(at(route, key), f"lets everybody use {pattern}, with all that is added to it later")


def _above_deny(subject: Subject) -> Iterator[Spot]:
    procedures, paths = defaultdict[str, _Earlier](_Earlier), defaultdict[str, _Earlier](_Earlier)
    for route in subject.config.routes:
        if route.deny is None:
            procedures[route.listener].add(route, route.procedures)
            paths[route.listener].add(route, route.paths)
            continue
        shared: dict[str, tuple[Route, str]] = {}
        for earlier, pattern in procedures[route.listener].overlapping(route.procedures):
            if route.upstream in (None, earlier.upstream):
                shared.setdefault(earlier.name, (earlier, pattern))
        for earlier, pattern in paths[route.listener].overlapping(route.paths):
            if methods_of(earlier) & methods_of(route):
                shared.setdefault(earlier.name, (earlier, pattern))
        for earlier, pattern in shared.values():
            yield Spot(at(earlier), f"is above {route.name}, which closes {pattern}, and takes it first")


class _Earlier:
    """The patterns of the routes so far, procedures or paths, found by what they have in common with others: to compare each
    with each takes 0.9 s for 2,000 routes and 400 closed ones."""

    def __init__(self) -> None:
        self._routes: dict[str, list[Route]] = {}
        self._sorted: list[str] = []

    def add(self, route: Route, patterns: tuple[str, ...]) -> None:
        for pattern in patterns:
            if pattern not in self._routes:
                insort(self._sorted, pattern)
            self._routes.setdefault(pattern, []).append(route)

    def overlapping(self, patterns: tuple[str, ...]) -> Iterator[tuple[Route, str]]:
        """The routes that take some of what ``patterns`` match, with the narrower of each two patterns."""
        for pattern in patterns:
            wider = (f"{pattern[:end]}*" for end in range(len(pattern)))
            for one in dict.fromkeys((pattern, *wider)):
                for route in self._routes.get(one, ()):
                    yield route, pattern
            for one in self._below(pattern):
                for route in self._routes[one]:
                    yield route, one

    def _below(self, pattern: str) -> list[str]:
        """The patterns that match less than ``pattern`` does."""
        if not pattern.endswith("*"):
            return []
        begin = pattern[:-1]
        first, end = (bisect_left(self._sorted, text) for text in (begin, f"{begin}\U0010ffff"))
        return [one for one in self._sorted[first:end] if one != pattern]


RULES = (
    LintRule(
        "wildcard-without-auth",
        Severity.MEDIUM,
        "Everything below a name, for everybody",
        "What the backend adds there next month is open from its first day, and nobody has decided that it should be: an export, "
        "a page of figures, a forgotten test.",
        "name each procedure or path, or ask for a token",
        "routes:\n  - {name: content, procedures: [lessons.getAll, lessons.getById], ..., auth: public}",
        _wildcards,
    ),
    LintRule(
        "allow-above-deny",
        Severity.MEDIUM,
        "A route above a closed one that takes some of its requests",
        "The first route that matches decides: what the reviewer reads as closed is open by the route above it.",
        "move the route with deny up",
        "routes:\n  - {name: no-admin, paths: [/files/admin/*], methods: [GET], deny: for operators only}\n"
        "  - {name: files, paths: [/files/*], ...}",
        _above_deny,
    ),
)
