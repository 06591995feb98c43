"""What protects an upstream and its clients from each other: its breaker, its concurrency limit and its fallbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gateway.config.model import Config
from gateway.policy import breaker as breakers
from gateway.policy import concurrency
from gateway.policy.base.tools import Tools
from gateway.policy.breaker import Breaker
from gateway.policy.concurrency import Concurrency
from gateway.policy.fallback import fallback as fallbacks
from gateway.policy.fallback.fallback import StaticFallback
from gateway.policy.fallback.stale import StoredResponses
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
    checker among them probes an open breaker."""

    def __init__(
        self,
        config: Config,
        upstreams: Mapping[str, Upstream],
        background: Mapping[str, Sequence[BackgroundTask]],
        tools: Tools,
    ) -> None:
        self._config = config
        self.upstreams = upstreams
        self._tools = tools
        self._memories: dict[str, StoredResponses] = {}
        self.breakers = {
            name: self._breaker(name, settings.breaker)
            for name, settings in config.upstreams.items()
            if settings.breaker is not None
        }
        for name, breaker in self.breakers.items():
            upstreams[name].single_attempts_while(_open(breaker.circuit))
            _probe_by_health_checks(breaker, background[name], upstreams[name])
        self.concurrency: dict[str, Concurrency] = {
            name: concurrency.build(name, settings.concurrency, self._refuses(name), tools.trusted_proxies)
            for name, settings in config.upstreams.items()
            if settings.concurrency is not None
        }
        self.fallbacks = {
            name: FallbackChain([self._fallback(fallback) for fallback in settings.fallback])
            for name, settings in config.upstreams.items()
            if settings.fallback
        }

    def guards(self, upstream: str) -> Guards:
        """The stages in front of ``upstream``, by the name of their kind, the same for all of its routes."""
        guards: dict[str, Built] = {}
        if upstream in self.concurrency:
            guards["concurrency"] = Built(self.concurrency[upstream])
        if upstream in self.breakers:
            policy = f"breakers.{self._config.upstreams[upstream].breaker}"
            guards["breaker"] = Built(self.breakers[upstream], self._breaker_reports(upstream), policy)
        return guards

    def _breaker(self, upstream: str, name: str) -> Breaker:
        settings = self._config.policies["breakers"][name]
        assert isinstance(settings, breakers.Settings), "of its section"
        return breakers.build(upstream, settings, self._tools)

    def _breaker_reports(self, upstream: str) -> bool:
        name = self._config.upstreams[upstream].breaker
        return name is not None and self._config.policies["breakers"][name].mode == "report"

    def _refuses(self, upstream: str) -> Callable[[], bool]:
        """Whether the breaker of ``upstream`` would refuse now: none, and one that only reports, never does."""
        if upstream not in self.breakers or self._breaker_reports(upstream):
            return lambda: False
        return _open(self.breakers[upstream].circuit)

    def _fallback(self, name: str) -> StaticFallback | StaleFallback | UpstreamFallback:
        settings = self._config.policies["fallbacks"][name]
        assert isinstance(settings, fallbacks.Settings), "of its section"
        report = settings.mode == "report"
        if settings.stale is not None:
            # One memory for all upstreams that name the fallback.
            passed = {field for each in self._config.upstreams.values() for field in each.request_headers.pass_}
            memory = self._memories.setdefault(name, StoredResponses(settings.stale, self._tools.wall, passed))
            return StaleFallback(name, report, memory)
        if settings.upstream is not None:
            guards = self.guards(settings.upstream)
            ordered = [guards[kind.name] for kind in KINDS if kind.name in guards]
            return UpstreamFallback(name, report, self.upstreams[settings.upstream], ordered)
        return fallbacks.build(name, settings)


def _probe_by_health_checks(breaker: Breaker, tasks: Sequence[BackgroundTask], upstream: Upstream) -> None:
    for task in tasks:
        if isinstance(task, HealthChecker):
            task.check_with = BreakerProbe(breaker, task, upstream.endpoints).check


def _open(circuit: Callable[[], Circuit]) -> Callable[[], bool]:
    return lambda: circuit().state != CLOSED
