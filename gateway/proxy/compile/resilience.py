"""What protects an upstream and its clients from each other: its breaker, its concurrency limit and its fallbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gateway.config.model import NOWHERE, Config
from gateway.policy import concurrency
from gateway.policy.base.same import same
from gateway.policy.base.tools import Tools
from gateway.policy.breaker import breaker as breakers
from gateway.policy.breaker.breaker import Breaker
from gateway.policy.concurrency import Concurrency
from gateway.policy.fallback import fallback as fallbacks
from gateway.policy.fallback.fallback import StaticFallback
from gateway.policy.fallback.stale import Stale, StoredResponses
from gateway.policy.kinds import KINDS
from gateway.proxy.compile.stages import Guards
from gateway.proxy.compile.upstreams import BackgroundTask
from gateway.proxy.flow.fallback import FallbackChain, StaleFallback, UpstreamFallback
from gateway.proxy.pool.breaker_probe import BreakerProbe
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.routing.route import Built
from gateway.proxy.upstream.upstream import Upstream
from gateway.state.rules.circuit import CLOSED, Circuit


class Resilience:
    """The stages and fallbacks of all upstreams. ``background`` has the tasks of each upstream by its name: a health
    checker among them probes an open breaker. What is of the same settings in ``before`` is taken over from it; nothing of
    that, and of ``upstreams``, is changed until ``connect``."""

    def __init__(
        self,
        config: Config,
        upstreams: Mapping[str, Upstream],
        background: Mapping[str, Sequence[BackgroundTask]],
        tools: Tools,
        before: Resilience | None = None,
    ) -> None:
        self._config = config
        self.upstreams = upstreams
        self._background = background
        self._tools = tools
        self._before = before
        self._memories: dict[str, StoredResponses] = {}
        self.breakers = {
            name: self._breaker(name, settings.breaker)
            for name, settings in config.upstreams.items()
            if settings.breaker is not None
        }
        self.concurrency: dict[str, Concurrency] = {
            name: self._permits(name, settings.concurrency)
            for name, settings in config.upstreams.items()
            if settings.concurrency is not None
        }
        self.fallbacks = {
            name: FallbackChain([self._fallback(fallback) for fallback in settings.fallback])
            for name, settings in config.upstreams.items()
            if settings.fallback
        }

    def connect(self) -> None:
        """Have upstreams, health checks and permits follow these breakers."""
        for name, upstream in self.upstreams.items():
            breaker = self.breakers.get(name)
            upstream.single_attempts_while(_never if breaker is None else _open(breaker.circuit))
            for task in self._background[name]:
                if isinstance(task, HealthChecker):
                    task.check_with = (
                        task.check if breaker is None else BreakerProbe(breaker, task, upstream.endpoints).check
                    )
        for name, permits in self.concurrency.items():
            permits.follow(self._refuses(name))

    def forget_before(self) -> None:
        """Keep no longer what nothing was taken over from."""
        self._before = None

    def guards(self, upstream: str) -> Guards:
        """The stages in front of ``upstream``, by the name of their kind, the same for all of its routes."""
        guards: dict[str, Built] = {}
        if upstream in self.concurrency:
            guards["concurrency"] = Built(self.concurrency[upstream], kind="concurrency", policies=(upstream,))
        if upstream in self.breakers:
            name = str(self._config.upstreams[upstream].breaker)
            reports = self._breaker_reports(upstream)
            guards["breaker"] = Built(self.breakers[upstream], reports, f"breakers.{name}", "breaker", (name,))
        return guards

    def _breaker(self, upstream: str, name: str) -> Breaker:
        settings = self._config.policies["breakers"][name]
        assert isinstance(settings, breakers.Settings), "of its section"
        before = self._before
        if before is not None and upstream in before.breakers:
            known, theirs, own = before.breakers[upstream], before._tools, self._tools
            of_these = (theirs.store, theirs.wall, theirs.events) == (own.store, own.wall, own.events)
            if of_these and same(known.settings, settings):
                return known
        return breakers.build(upstream, settings, self._tools)

    def _permits(self, upstream: str, settings: concurrency.Settings) -> Concurrency:
        """Those of before where their numbers and whom they tell apart are the same, whatever else is new: calls that are
        under way go on holding theirs."""
        before, proxies = self._before, self._tools.trusted_proxies
        if before is not None and upstream in before.concurrency and before._tools.trusted_proxies == proxies:
            known = before.concurrency[upstream]
            if same(known.settings, settings):
                return known
        return concurrency.build(upstream, settings, self._refuses(upstream), proxies)

    def _breaker_reports(self, upstream: str) -> bool:
        name = self._config.upstreams[upstream].breaker
        return name is not None and self._config.policies["breakers"][name].mode == "report"

    def _refuses(self, upstream: str) -> Callable[[], bool]:
        """Whether the breaker of ``upstream`` would refuse now: none, and one that only reports, never does."""
        if upstream not in self.breakers or self._breaker_reports(upstream):
            return _never
        return _open(self.breakers[upstream].circuit)

    def _fallback(self, name: str) -> StaticFallback | StaleFallback | UpstreamFallback:
        settings = self._config.policies["fallbacks"][name]
        assert isinstance(settings, fallbacks.Settings), "of its section"
        report = settings.mode == "report"
        if settings.stale is not None:
            # One memory for all upstreams that name the fallback.
            memory = self._memories.get(name) or self._memory(name, settings.stale)
            self._memories[name] = memory
            return StaleFallback(name, report, memory)
        if settings.upstream is not None:
            guards = self.guards(settings.upstream)
            ordered = [guards[kind.name] for kind in KINDS if kind.name in guards]
            return UpstreamFallback(name, report, self.upstreams[settings.upstream], ordered)
        return fallbacks.build(name, settings)

    def _memory(self, name: str, settings: Stale) -> StoredResponses:
        """What the fallback ``name`` has stored before, where the same is asked of the same upstreams for the same users; else
        an empty one."""
        before = self._before
        if before is not None and name in before._memories and same(before._stored(name), self._stored(name)):
            return before._memories[name]
        return StoredResponses(settings, self._tools.wall, self._passed())

    def _passed(self) -> set[str]:
        return {field for each in self._config.upstreams.values() for field in each.request_headers.pass_}

    def _stored(self, name: str) -> tuple[object, ...]:
        """What decides whose responses the fallback ``name`` stores: its settings, the upstreams themselves, and of their routes
        who may ask for what. Other keys of tokens may name other users alike."""
        config = self._config
        settings = config.policies["fallbacks"][name]
        assert isinstance(settings, fallbacks.Settings), "of its section"
        of = [upstream for upstream, each in config.upstreams.items() if name in each.fallback]
        routes = [replace(route, position=NOWHERE) for route in config.routes if route.upstream in of]
        mounts = [config.upstreams[upstream].trpc for upstream in of]
        upstreams = [self.upstreams[upstream] for upstream in of]
        passed, wall = self._passed(), self._tools.wall
        return settings.stale, passed, wall, of, upstreams, mounts, routes, config.policies.get("auth")


def _never() -> bool:
    return False


def _open(circuit: Callable[[], Circuit]) -> Callable[[], bool]:
    return lambda: circuit().state != CLOSED
