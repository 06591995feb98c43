"""A configuration made runnable: plans for its routes, pools for its upstreams. A reload builds a new one beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

from gateway.config.model import Config, Route, Trpc
from gateway.core.pattern import compile_paths, compile_procedures
from gateway.core.verdict import refuse
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.breaker import Breaker
from gateway.policy.concurrency import build as build_places
from gateway.policy.fallback.fallback import StaticFallback
from gateway.policy.fallback.fallback import build as build_fallback
from gateway.policy.kinds import Catalogue, Choice
from gateway.proxy.compile.upstreams import assemble, background_tasks
from gateway.proxy.flow.fallback import FallbackChain, StaleFallback, UpstreamFallback, Watched
from gateway.proxy.pool.breaker_probe import BreakerProbe
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.routing.egress import Egress
from gateway.proxy.routing.route import CompiledRoute, bind
from gateway.proxy.routing.table import RouteTable, TrpcMount
from gateway.proxy.upstream.upstream import Upstream
from gateway.state.rules.circuit import CLOSED, Circuit


class Runtime:
    """Everything requests run on. Frozen but for what its pools and policies remember."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self.config = config
        self.group = tools.store.group_commit
        self.catalogue = Catalogue(config.policies, tools)
        self.upstreams = {
            name: assemble(name, settings, config.region, tools) for name, settings in config.upstreams.items()
        }
        self.background = {
            name: background_tasks(self.upstreams[name], of, tools) for name, of in config.upstreams.items()
        }
        self.breakers: dict[str, Any] = {
            upstream: self.catalogue.breaker(upstream, name)[0]
            for settings_of in config.upstreams
            for upstream, name in self._breakers(settings_of)
        }
        for name, breaker in self.breakers.items():
            self.upstreams[name].spare_while(_resting(breaker.circuit))
            self._let_checks_try(name, breaker)
        self.concurrency = {
            name: build_places(name, settings.concurrency, self._refusing(name))
            for name, settings in config.upstreams.items()
            if settings.concurrency is not None
        }
        self.fallbacks = {
            name: FallbackChain([self._choice(fallback) for fallback in settings.fallback])
            for name, settings in config.upstreams.items()
            if settings.fallback
        }
        self._called: dict[str, Upstream | Watched] = {
            name: Watched(self.upstreams[name], stand_in)
            for name, stand_in in self.fallbacks.items()
            if stand_in.memories or stand_in.calls_again
        }
        self.calls = {
            name: upstream.attempts for name, upstream in self.upstreams.items() if upstream.attempts is not None
        }
        self._endings: dict[tuple[str, str, tuple[str, ...]], CompiledRoute] = {}
        self._fallback = Choice(
            cors=_one(config.defaults.cors),
            rate_limits=tuple(config.defaults.rate_limits),
            response_headers=_one(config.defaults.response_headers),
        )
        early = replace(self._fallback, rate_limits=())
        self.unrouted = bind("unmatched", self._speaking(self.catalogue.stages(early)), choice=early)
        compiled = [(route, self._route(route)) for route in config.routes]
        self.plans = [plan for _, plan in compiled]
        paths, inner = (
            compile_paths([(path, plan) for route, plan in compiled if route.listener == name for path in route.paths])
            for name in ("public", "egress")
        )
        self.egress = Egress(inner, self.group)
        mounts = [
            self._mount(name, settings.trpc, compiled)
            for name, settings in config.upstreams.items()
            if settings.trpc is not None
        ]
        mounts.sort(key=lambda mount: -len(mount.prefix))
        self.routes = RouteTable(mounts, paths, self._merge, self._ending)

    def _mount(self, upstream: str, trpc: Trpc, compiled: list[tuple[Route, CompiledRoute]]) -> TrpcMount:
        """The procedures under one upstream's prefix: its own routes, and the denied ones that name no upstream."""
        table = []
        for route, compiled_plan in compiled:
            if route.procedures and route.upstream in (upstream, None):
                shaped = replace(compiled_plan, error_format=trpc.transformer)
                table += [(pattern, shaped) for pattern in route.procedures]
        prefix = trpc.prefix.rstrip("/") + "/"
        return TrpcMount(prefix, trpc.transformer, trpc.max_batch, trpc.aliases, compile_procedures(table))

    @classmethod
    def compile(cls, config: Config, tools: Tools) -> Runtime:
        """Build the plane for ``config``. Must run in the event loop that will serve it."""
        return cls(config, tools)

    def start(self) -> None:
        """Begin the health checks and the lookup of names."""
        for each in chain.from_iterable(self.background.values()):
            each.start()

    async def close(self) -> None:
        """Stop the checks and let go of idle connections; requests in flight end on their own."""
        for each in chain.from_iterable(self.background.values()):
            await each.stop()
        for upstream in self.upstreams.values():
            await upstream.pool.close()

    def _route(self, route: Route) -> CompiledRoute:
        limits = tuple(route.rate_limits)
        choice = Choice(
            auth=() if route.auth == "public" or route.deny is not None else _one(route.auth),
            cors=_one(route.cors),
            rate_limits=limits,
            bodies=_one(route.body),
            lockouts=_one(route.lockout),
            response_headers=_one(route.response_headers),
            breakers=self._breakers(route.upstream) if route.deny is None else (),
            concurrency=self._places(route.upstream) if route.deny is None else (),
        )
        more: dict[str, Any] = {
            "methods": frozenset(route.methods) | ({"HEAD"} if route.paths and "GET" in route.methods else set()),
            "rewrite": route.rewrite or "",
            "no_batch": route.batch == "deny",
            "limit_names": frozenset(limits),
            "lockout_names": frozenset(_one(route.lockout)),
        }
        if route.deny is not None:
            more["fixed"] = refuse("route_denied", route.deny)
            choice = replace(choice, bodies=(), lockouts=(), rate_limits=self._early(limits))
        else:
            more["upstream"] = self._called.get(str(route.upstream), self.upstreams[str(route.upstream)])
            more["fallback"] = self.fallbacks.get(str(route.upstream))
        return self._plan(route.name, choice, **more)

    def _choice(self, name: str) -> StaticFallback | StaleFallback | UpstreamFallback:
        settings = self.catalogue.fallback(name)
        report = settings.mode == "report"
        if settings.stale is not None:
            return StaleFallback(name, report, self.catalogue.memory(name))
        if settings.upstream is not None:
            guards: list[tuple[Stage, bool]] = [(stage, False) for stage in self._places(settings.upstream)]
            guards += [self.catalogue.breaker(*pair) for pair in self._breakers(settings.upstream)]
            return UpstreamFallback(name, report, self.upstreams[settings.upstream], guards)
        return build_fallback(name, settings)

    def _places(self, upstream: str | None) -> tuple[Stage, ...]:
        return (self.concurrency[upstream],) if upstream in self.concurrency else ()

    def _let_checks_try(self, upstream: str, breaker: Breaker) -> None:
        for checker in self.background[upstream]:
            if breaker.checked and isinstance(checker, HealthChecker):
                checker.check_with = BreakerProbe(breaker, checker, self.upstreams[upstream].endpoints).check

    def _refusing(self, upstream: str) -> Callable[[], bool]:
        """Whether the breaker of ``upstream`` would refuse now: none, and one that only reports, never does."""
        named = self.config.upstreams[upstream].breaker
        if named is None or self.catalogue.breaker(upstream, named)[1]:
            return lambda: False
        return _resting(self.breakers[upstream].circuit)

    def _breakers(self, upstream: str | None) -> tuple[tuple[str, str], ...]:
        named = self.config.upstreams[upstream].breaker if upstream is not None else None
        return ((upstream, named),) if upstream is not None and named is not None else ()

    def _plan(self, name: str, choice: Choice, **more: Any) -> CompiledRoute:
        stages = self.catalogue.stages(choice)
        refused = bind(
            name,
            self._speaking(stages),
            choice=choice,
            fixed=refuse("preflight_refused", "the route takes no browser calls"),
        )
        return bind(name, stages, choice=choice, preflight=refused, **more)

    @staticmethod
    def _speaking(stages: list[tuple[Stage, bool]]) -> list[tuple[Stage, bool]]:
        """Of ``stages`` those that give every answer its fields; they spend nothing."""
        return [stage for stage in stages if stage[0].kind in ("identity", "response_headers", "cors")]

    def _early(self, limits: tuple[str, ...]) -> tuple[str, ...]:
        """Of ``limits`` those that need neither a token nor a body: what ends early cannot pay for more."""
        policies: Any = self.config.policies["rate_limits"] if limits else {}
        return tuple(
            name for name in limits if not any(k == "principal" or k.startswith("input:") for k in policies[name].key)
        )

    def _ending(self, slug: str, error_format: str, allowed: tuple[str, ...]) -> CompiledRoute:
        key = (slug, error_format, allowed)
        found = self._endings.get(key)
        if found is None:
            headers = ((b"allow", ", ".join(allowed).encode()),) if allowed else ()
            choice = replace(self._fallback, rate_limits=self._early(self._fallback.rate_limits))
            found = self._endings[key] = self._plan(
                "unmatched",
                choice,
                error_format=error_format,
                fixed=refuse(slug, headers=headers),
                limit_names=frozenset(choice.rate_limits),
            )
        return found

    def _merge(self, plans: tuple[CompiledRoute, ...]) -> CompiledRoute | str:
        """The plan of a batch: the union of what its routes ask for, or the slug that refuses it."""
        for single in plans:
            if single.fixed is not None:
                return "route_denied"
        first = plans[0]
        methods = frozenset.intersection(*(single.methods for single in plans))
        choice = first.choice
        for single in plans[1:]:
            choice = choice | single.choice
        if any(single.upstream is not first.upstream or single.rewrite for single in plans) or len(choice.cors) > 1:
            return "batch_refused"
        return self._plan(
            "batch",
            choice,
            upstream=first.upstream,
            fallback=first.fallback,
            methods=methods,
            error_format=first.error_format,
            limit_names=frozenset(choice.rate_limits),
            lockout_names=frozenset(choice.lockouts),
        )


def _resting(look: Callable[[], Circuit]) -> Callable[[], bool]:
    return lambda: look().state != CLOSED


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)
