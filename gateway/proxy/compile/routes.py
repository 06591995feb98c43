"""From the routes of a configuration to compiled ones, and to those of requests that no route matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from gateway.config.model import Config, Route, Trpc
from gateway.config.path_guards import PathGuards, methods_of, missing, overlap
from gateway.config.policy_keys import policies_of
from gateway.core.path_reading import PathsByReading
from gateway.core.pattern import compile_procedures
from gateway.core.verdict import refuse
from gateway.policy import cors
from gateway.policy.kinds import ROUTE_KINDS, Kind
from gateway.proxy.compile.resilience import Resilience
from gateway.proxy.compile.stages import NO_GUARDS, NO_NAMES, Guards, Names, StageBuilder, Wanted
from gateway.proxy.routing.guarded import GuardedPaths
from gateway.proxy.routing.route import CompiledRoute, bind, not_taken, with_verdict
from gateway.proxy.routing.table import TrpcMount

DIGITS = 12  # of the digest of a configuration, in the log: enough to tell two apart
UNMATCHED = "unmatched"  # in logs and metrics, where no route has a name to give
BATCH = "batch"  # the same, for a batch over several routes

_NOT_FOR_BROWSERS = refuse("preflight_refused", "the route takes no browser calls", reply=cors.NO_PERMISSION)


def _writes_headers(kind: Kind) -> bool:
    return kind.writes_headers


_SECTIONS_OF_HEADERS = tuple(kind.section for kind in ROUTE_KINDS if _writes_headers(kind))


def _stays_on_refusals(kind: Kind) -> bool:
    return kind.on_refusals


def _for_services(kind: Kind) -> bool:
    return not kind.of_users


class Asked(NamedTuple):
    """The policies that a route asks for: those of ``reporting`` only report, since it only reports."""

    names: Names
    reporting: Names = NO_NAMES

    @property
    def policies(self) -> Names:
        """All of them."""
        return _union((self.names, self.reporting))


def _union(several: Iterable[Names]) -> Names:
    """What several ask for together, by section."""
    all_of = tuple(several)
    return {
        kind.section: tuple(dict.fromkeys(name for names in all_of for name in names.get(kind.section, ())))
        for kind in ROUTE_KINDS
    }


class RouteCompiler:
    """Compiles routes, and merges those of a batch. ``unrouted`` is the route of a request that has an unreadable head."""

    def __init__(self, config: Config, stages: StageBuilder, resilience: Resilience) -> None:
        self._stages = stages
        self._resilience = resilience
        self.digest = config.digest[:DIGITS]
        self._defaults = policies_of(config.defaults)
        self._path_guards = PathGuards(config.routes, config.upstreams, config.policies.get("fallbacks", {}))
        self._refusals: dict[object, CompiledRoute] = {}
        self._preflights: dict[object, CompiledRoute] = {}
        self.unrouted = bind(UNMATCHED, stages.stages(self._defaults, wanted=_writes_headers))

    def route(self, route: Route) -> CompiledRoute:
        """``route``, which forwards to its upstream or denies."""
        if route.deny is not None:
            compiled = self._bound(route.name, Asked(route.policies), wanted=_stays_on_refusals)
            compiled = with_verdict(compiled, refuse("route_denied", route.deny))
        else:
            upstream = str(route.upstream)
            wanted = _for_services if route.listener == "egress" else None
            asked = Asked(NO_NAMES, route.policies) if route.mode == "report" else Asked(route.policies)
            compiled = self._forwarding(route.name, asked, upstream, route.rewrite or "", wanted)
        return replace(
            compiled,
            methods=methods_of(route),
            rewrite=route.rewrite or "",
            guarded=self._guarded(route),
            prefixes=tuple(path[:-1] for path in route.paths if path[-1:] == "*"),
            undivided=self._path_guards.undivided(route),
            no_batch=route.batch == "deny",
            reports=route.mode == "report",
            internal=route.listener == "egress",
        )

    def _guarded(self, route: Route) -> GuardedPaths | None:
        """What the patterns of ``route`` that end with ``*`` take and stricter routes guard, None for nothing."""
        if not any(path.endswith("*") for path in route.paths):
            return None
        guards, reading = self._path_guards, self._path_guards.reading(route)
        found = [
            (guard.pattern, guard)
            for guard in guards.against(route)
            if any(overlap(pattern, guard.pattern, reading) for pattern in route.paths)
        ]

        def stricter_at(path: str, method: str) -> bool:
            other = guards.decides(route.listener, path, method)
            return other is not None and missing(route, other) != ""

        return GuardedPaths(PathsByReading(found, reading), stricter_at, frozenset(route.paths)) if found else None

    def _forwarding(
        self, name: str, asked: Asked, upstream: str, rewrite: str = "", wanted: Wanted | None = None
    ) -> CompiledRoute:
        """A route that forwards to ``upstream``, whose fallbacks see its responses."""
        bound = self._bound(name, asked, self._resilience.guards(upstream), wanted)
        fallback = self._resilience.fallbacks.get(upstream)
        more = fallback.whole_hooks(upstream, rewrite) if fallback is not None else []
        called = self._resilience.upstreams[upstream]
        return replace(bound, upstream=called, fallback=fallback, whole_hooks=(*bound.whole_hooks, *more))

    @staticmethod
    def mount(upstream: str, trpc: Trpc, routes: Sequence[tuple[Route, CompiledRoute]]) -> TrpcMount:
        """The procedures under one upstream's prefix: its own routes, and the denied ones that name no upstream."""
        table = []
        for route, compiled in routes:
            if route.procedures and route.upstream in (upstream, None):
                formatted = replace(compiled, error_format=trpc.transformer)
                table += [(pattern, formatted) for pattern in route.procedures]
        prefix = trpc.prefix.rstrip("/") + "/"
        return TrpcMount(prefix, trpc.transformer, trpc.max_batch, trpc.aliases, compile_procedures(table))

    def refusal(
        self, slug: str, error_format: str, allowed: tuple[str, ...], like: CompiledRoute | None
    ) -> CompiledRoute:
        """The route of a request that no route takes; see ``routing.table.RefusalRoute``.

        Its response has the headers of ``like``, so that a page which may call that route can read it. What is counted is
        that of ``defaults``: a call that the route does not take uses up none of its attempts.
        """
        key = (slug, error_format, allowed, like)
        compiled = self._refusals.get(key)
        if compiled is None:
            headers = {} if like is None else {name: like.policies.get(name, ()) for name in _SECTIONS_OF_HEADERS}
            bound = self._bound(UNMATCHED, Asked({**self._defaults, **headers}), wanted=_stays_on_refusals)
            compiled = replace(with_verdict(bound, not_taken(slug, allowed)), error_format=error_format)
            self._refusals[key] = compiled
        return compiled

    def merge(self, routes: tuple[CompiledRoute, ...]) -> CompiledRoute | str:
        """The route of a batch: the union of what its routes ask for, or the slug that refuses it."""
        first = routes[0]
        if any(route.fixed is not None for route in routes):
            return "route_denied"
        if any(route.upstream is not first.upstream or route.rewrite for route in routes):
            return "batch_refused"
        asked = Asked(
            _union(route.policies for route in routes if not route.reports),
            _union(route.policies for route in routes if route.reports),
        )
        if any(kind.exclusive and len(asked.policies[kind.section]) > 1 for kind in ROUTE_KINDS):
            return "batch_refused"
        return replace(
            self._forwarding(BATCH, asked, first.upstream.name),
            methods=frozenset.intersection(*(route.methods for route in routes)),
            error_format=first.error_format,
        )

    def _bound(
        self, name: str, asked: Asked, guards: Guards = NO_GUARDS, wanted: Wanted | None = None
    ) -> CompiledRoute:
        """The stages of ``asked`` bound."""
        return replace(
            bind(name, self._stages.stages(asked.names, guards, wanted, asked.reporting)),
            policies=asked.policies,
            named=self._stages.named(asked.names, asked.reporting),
            preflight=self._preflight(name, asked),
            config=self.digest,
        )

    def _preflight(self, name: str, asked: Asked) -> CompiledRoute:
        """What a preflight to the route ``name`` gets that no CORS policy allows. Few routes differ in what it is bound from."""
        key = tuple((asked.names.get(name), asked.reporting.get(name)) for name in _SECTIONS_OF_HEADERS)
        bound = self._preflights.get(key)
        if bound is None:
            stages = self._stages.stages(asked.names, wanted=_writes_headers, reporting=asked.reporting)
            bound = replace(bind("", stages), fixed=_NOT_FOR_BROWSERS, config=self.digest)
            if name != BATCH:  # clients choose what a batch unites, and each one is compiled once anyway
                self._preflights[key] = bound
        return replace(bound, name=name)
