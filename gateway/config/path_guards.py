"""What one route guards and another would let through, where both lead to the same server and a path may be read as either's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Named
from dataclasses import replace
from typing import Any

from gateway.config.model import Route, UpstreamSettings
from gateway.config.policy_keys import UNKNOWN
from gateway.core.loopback import is_loopback
from gateway.core.methods import KNOWN
from gateway.core.path_reading import SAME, PathGuard, PathReading, PathsByReading, read_as
from gateway.core.pattern import PatternTable, compile_paths
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import ROUTE_KINDS

ALL_IGNORED = PathReading()


def methods_of(route: Route) -> frozenset[str]:
    """The methods that ``route`` takes: HEAD wherever GET on a path (RFC 9110 9.3.2)."""
    return frozenset(route.methods) | ({"HEAD"} if route.paths and "GET" in route.methods else frozenset())


def missing(route: Route, other: Route) -> str:
    """What ``other`` has that keeps requests out and ``route`` has not, as a list of route keys; empty for nothing."""
    if route.deny is not None:
        return ""
    if other.deny is not None:
        return "deny"
    if route.mode == "report":
        route = replace(route, policies={})  # for as long as it reports, nobody is kept out
    lacks = []
    for kind in ROUTE_KINDS:
        theirs, ours = (set(each.policies.get(kind.section, ())) for each in (other, route))
        if kind.keeps_out and theirs - ours and UNKNOWN not in theirs | ours:
            lacks.append(kind.route_key)
    return ", ".join(lacks)


def reached(route: Route, upstreams: Named[str, UpstreamSettings], fallbacks: Named[str, Policy]) -> list[str]:
    """The names of the ``upstreams`` that requests of ``route`` may reach: its own first, and those of its ``fallbacks``."""
    own = upstreams.get(route.upstream or "")
    settings: list[Any] = [fallbacks.get(name) for name in own.fallback] if own is not None else []
    names = [route.upstream, *(getattr(each, "upstream", None) for each in settings)]
    return [name for name in names if name is not None and name in upstreams]


class PathGuards:
    """The guards of all routes of one configuration, and what they guard."""

    def __init__(
        self, routes: Iterable[Route], upstreams: Named[str, UpstreamSettings], fallbacks: Named[str, Policy]
    ) -> None:
        self._routes = tuple(routes)
        self._upstreams = upstreams
        self._fallbacks = fallbacks
        self._servers = {id(route): self._servers_of(route) for route in self._routes}
        self._against: dict[object, tuple[PathGuard, ...]] = {}
        self._read: dict[object, PathsByReading[PathGuard]] = {}
        self._tables: dict[str, PatternTable[Route]] = {
            listener: compile_paths(
                [(path, route) for route in self._routes if route.listener == listener for path in route.paths]
            )
            for listener in ("public", "egress")
        }

    def reading(self, route: Route) -> PathReading:
        """How the upstreams that requests of ``route`` may reach read paths."""
        found = SAME
        for name in reached(route, self._upstreams, self._fallbacks):
            settings = self._upstreams[name].paths
            found = found.union(ALL_IGNORED if settings is None else settings.reading)
        return found

    def unknown(self, route: Route) -> str | None:
        """The upstream of ``route`` that does not say how it reads paths, None where all do."""
        return next(
            (name for name in reached(route, self._upstreams, self._fallbacks) if self._upstreams[name].paths is None),
            None,
        )

    def decides(self, listener: str, path: str, method: str) -> Route | None:
        """The route that takes a request for exactly ``path``."""
        return next((route for route in self._tables[listener].every(path) if method in methods_of(route)), None)

    def against(self, route: Route) -> tuple[PathGuard, ...]:
        """The guards of routes that are stricter than ``route`` before a server that it leads to."""
        likeness = self._likeness(route)
        if likeness not in self._against:
            self._against[likeness] = tuple(self._stricter(route))
        return self._against[likeness]

    def read(self, route: Route) -> PathsByReading[PathGuard]:
        """The same, to be looked up by paths as the upstreams of ``route`` read them."""
        likeness = self._likeness(route)
        if likeness not in self._read:
            guards = [(guard.pattern, guard) for guard in self.against(route)]
            self._read[likeness] = PathsByReading(guards, self.reading(route))
        return self._read[likeness]

    def undivided(self, route: Route) -> frozenset[str]:
        """What the patterns of ``route`` name before their ``*``, where nothing else is named there or below: no path or
        rewrite of another route but the very same pattern, and no procedure."""
        others = [
            pattern
            for other in self._routes
            if other is not route and other.listener == route.listener
            for pattern in (*other.paths, *([other.rewrite] if other.rewrite else ()))
        ]
        if route.listener == "public":
            others += [
                upstream.trpc.prefix + "/*" for upstream in self._upstreams.values() if upstream.trpc is not None
            ]
        return frozenset(
            pattern[:-1]
            for pattern in route.paths
            if pattern[-1:] == "*" and not any(_at_or_below(pattern, other) for other in others)
        )

    def _likeness(self, route: Route) -> object:
        """What routes have in common that the same guards stand against: many routes share it, few differ."""
        policies = tuple(route.policies.get(kind.section, ()) for kind in ROUTE_KINDS if kind.keeps_out)
        return route.listener, route.upstream, route.mode, route.deny is None and bool(route.paths), policies

    def _stricter(self, route: Route) -> Iterator[PathGuard]:
        if route.deny is not None or not route.paths:
            return
        servers = self._servers[id(route)]
        for other in self._routes:
            if other.listener != route.listener or not other.paths:
                continue
            if (other.upstream is None or servers & self._servers[id(other)]) and missing(route, other):
                patterns = (other.rewrite,) if other.rewrite else other.paths
                for pattern in patterns:
                    yield PathGuard(pattern, other.name, methods_of(other), other.rewrite is not None)
        for name, upstream in self._upstreams.items():
            if route.listener == "public" and upstream.trpc is not None and servers & _endpoints(name, upstream):
                yield PathGuard(upstream.trpc.prefix + "/*", "", KNOWN)

    def _servers_of(self, route: Route) -> set[object]:
        return {
            server
            for name in reached(route, self._upstreams, self._fallbacks)
            for server in _endpoints(name, self._upstreams[name])
        }


def _endpoints(name: str, upstream: UpstreamSettings) -> set[object]:
    """What two upstreams have in common when they are one server: a name, or an endpoint."""
    return {name, *((_host(endpoint.host), endpoint.port) for endpoint in upstream.endpoints)}


def _host(host: str) -> str:
    host = host.lower().removesuffix(".")
    return "localhost" if is_loopback(host) else host


def _at_or_below(pattern: str, other: str) -> bool:
    """Whether ``other`` names what the ``*`` of ``pattern`` takes, or the path above it, to a server that ignores all it may."""
    named = read_as(pattern, ALL_IGNORED)
    return other != pattern and read_as(other, ALL_IGNORED)[: len(named)] == named


def overlap(pattern: str, guarded: str, reading: PathReading) -> bool:
    """Whether some path that ``pattern`` matches is read as one that ``guarded`` matches. Both may end with ``*``."""
    one, other = read_as(pattern, reading), read_as(guarded, reading)
    if pattern[-1:] == "*":
        return other[: len(one)] == one or (guarded[-1:] == "*" and one[: len(other)] == other)
    return False
