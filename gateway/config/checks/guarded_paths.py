"""Check for routes that let through what a stricter route guards, since an upstream reads two spellings of a path as one."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence as Ordered

from gateway.config.model import Route, UpstreamSettings
from gateway.config.path_guards import PathGuards, methods_of, missing, overlap
from gateway.config.problem import Location
from gateway.core.path_reading import PathGuard
from gateway.core.pattern import covers
from gateway.policy.base.settings import Policy


def check(
    routes: Ordered[tuple[Route, Location]],
    upstreams: Named[str, UpstreamSettings],
    fallbacks: Named[str, Policy],
) -> None:
    """Reports each path of a route, and each rewrite, by which a request reaches what a stricter route guards."""
    guards = PathGuards([route for route, _ in routes], upstreams, fallbacks)
    named = {route.name: route for route, _ in routes}
    for route, location in routes:
        against, read = guards.against(route), guards.read(route)
        for index, pattern in enumerate(route.paths):
            at = ("rewrite",) if route.rewrite else ("paths", index)
            found = _Pattern(route, route.rewrite or pattern, guards, named)
            if pattern[-1:] == "*":
                problems = (found.of_many(guard) for guard in against)
            else:
                problems = (found.of_one(*each) for each in read.find(route.rewrite or pattern))
            problem = next(filter(None, problems), None)
            if problem is not None:
                location.add(at, *problem)


class _Pattern:
    """A pattern of ``route``, as its upstream sees it."""

    def __init__(self, route: Route, pattern: str, guards: PathGuards, named: Named[str, Route]) -> None:
        self._route = route
        self._pattern = pattern
        self._guards = guards
        self._named = named
        self._reading = guards.reading(route)

    def of_many(self, guard: PathGuard) -> tuple[str, str] | None:
        """The sentence and the hint on how a request reaches what ``guard`` guards by a pattern with ``*``, if one does."""
        pattern, guarded = self._pattern, guard.pattern
        if not overlap(pattern, guarded, self._reading) or (guarded[-1:] == "*" and covers(guarded, pattern)):
            return None
        sample = guarded.removesuffix("*")
        if guard.rewritten and covers(pattern, guarded):
            if not self._takes(sample, guard):
                return None
            hint = f"add a route for {guarded} above this one, with deny"
            return f"takes {guarded} too, which is what {self._guarded_by(guard)}", hint
        unknown = self._guards.unknown(self._route)
        if unknown is None or not self._stricter(sample, guard):
            return None  # what is read as the other is refused (``proxy.routing.guarded``)
        hint = (
            f"say how {unknown} reads paths, with upstreams.{unknown}.paths: {{case: ignored, slash: ignored}} to have such "
            "spellings refused, or with same where it tells them apart"
        )
        return f"takes other spellings of {guarded}, which {self._guarded_by(guard)}", hint

    def of_one(self, spelling: str, guard: PathGuard) -> tuple[str, str] | None:
        """The same for one path, which reads as ``spelling``."""
        path, rewritten = self._pattern, self._route.rewrite is not None
        if rewritten and guard.route and self._named[guard.route].deny is not None:
            return None  # closed to clients, and reached by this route on purpose
        if spelling == path and (not rewritten or guard.rewritten):
            return None  # two routes name one path, and one of them comes first
        if spelling == path + "/" and guard.pattern[-1:] == "*":
            return None  # the path above those that are guarded, by its own name
        if not self._stricter(spelling, guard):
            return None
        upstream = self._route.upstream
        hint = f"give both the same policies, or say with upstreams.{upstream}.paths that it tells them apart"
        return f"{path} reads as {spelling}, which {self._guarded_by(guard)}", hint

    def _stricter(self, path: str, guard: PathGuard) -> bool:
        """Whether a request for exactly ``path`` would meet a stricter route."""
        if guard.rewritten or not guard.route:
            return bool(guard.methods & methods_of(self._route))
        for method in guard.methods & methods_of(self._route):
            found = self._guards.decides(self._route.listener, path, method)
            if found is not None and missing(self._route, found):
                return True
        return False

    def _takes(self, path: str, guard: PathGuard) -> bool:
        methods = guard.methods & methods_of(self._route)
        return any(self._guards.decides(self._route.listener, path, method) is self._route for method in methods)

    def _guarded_by(self, guard: PathGuard) -> str:
        if not guard.route:
            return "are procedures of tRPC, each guarded by its own route"
        lacks = missing(self._route, self._named[guard.route])
        return f"{guard.route} guards: this route is without its {lacks}"
