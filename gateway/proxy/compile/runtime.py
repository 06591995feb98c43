"""One compiled configuration: its routes, its upstreams and their background tasks. A reload builds a new one beside it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Config
from gateway.config.reporting import in_force
from gateway.core.pattern import compile_paths
from gateway.policy.auth.auth import Jwt
from gateway.policy.base.same import same
from gateway.policy.base.tools import Tools
from gateway.policy.in_flight import InFlight
from gateway.proxy.compile.resilience import Resilience
from gateway.proxy.compile.routes import RouteCompiler
from gateway.proxy.compile.running import RunningUpstream, ingredients
from gateway.proxy.compile.stages import StageBuilder
from gateway.proxy.routing.egress import EgressRuntime
from gateway.proxy.routing.table import RouteTable


class Runtime:
    """Everything that requests run on. Frozen, except for what its pools and policies remember.

    What would be made as it is in the runtime ``before`` is taken over from it: upstreams with their connections and their
    health, and stages with what they remember. Nothing of that is changed until ``start``, so a runtime that is built and never
    started leaves the one before as it was. Must be built in the event loop that will serve it.
    """

    def __init__(self, config: Config, tools: Tools, before: Runtime | None = None) -> None:
        config = in_force(config, tools.wall())
        self.config = config
        self.group = tools.store.group_commit
        self._running = dict(self._upstreams(config, tools, before))
        self.upstreams = {name: one.upstream for name, one in self._running.items()}
        self.background = {name: one.background for name, one in self._running.items()}
        self.attempts = {name: each.attempts for name, each in self.upstreams.items() if each.attempts is not None}
        resilience = Resilience(
            config, self.upstreams, self.background, tools, before._resilience if before is not None else None
        )
        self.breakers = resilience.breakers
        self.concurrency = resilience.concurrency
        stages = StageBuilder(config.policies, tools, before._stages if before is not None else None)
        self._resilience: Resilience = resilience
        self._stages: StageBuilder = stages
        compiler = RouteCompiler(config, stages, resilience)
        self.digest = compiler.digest
        self.unrouted = compiler.unrouted
        compiled = [(route, compiler.route(route)) for route in config.routes]
        self.compiled = [each for _, each in compiled]
        public, egress = (
            compile_paths([(path, each) for route, each in compiled if route.listener == name for path in route.paths])
            for name in ("public", "egress")
        )
        mounts = [
            compiler.mount(name, of.trpc, compiled) for name, of in config.upstreams.items() if of.trpc is not None
        ]
        mounts.sort(key=lambda mount: -len(mount.prefix))  # the longest that matches takes the request
        self.routes = RouteTable(mounts, public, compiler.merge, compiler.refusal, compiler.unrouted)
        self.egress = EgressRuntime(egress, self.group, self.digest)
        in_flight = stages.of_kind("in_flight")
        self.in_flight = in_flight if isinstance(in_flight, InFlight) else None
        self.auth = {name: stage for name, stage in stages.of_section("auth").items() if isinstance(stage, Jwt)}
        self.key_rings = {name: stage.ring for name, stage in self.auth.items() if stage.ring is not None}

        if before is None:
            resilience.connect()
        resilience.forget_before()
        stages.forget_before()

    def _upstreams(self, config: Config, tools: Tools, before: Runtime | None) -> Iterator[tuple[str, RunningUpstream]]:
        known = before._running if before is not None else {}
        region, most, via = config.region, config.listen.limits.header_bytes, config.listen.via
        for name, settings in config.upstreams.items():
            made_of = ingredients(settings, region, most, via, tools)
            one = known.get(name)
            if one is None or not same(one.made_of, made_of):
                one = RunningUpstream(name, settings, made_of, tools)
            yield name, one

    def start(self) -> None:
        """Begin the health checks and the lookup of names, and have what was taken over follow this configuration."""
        self._resilience.connect()
        for one in self._running.values():
            one.start()

    async def close(self, successor: Runtime | None = None) -> None:
        """Stop the background tasks and close idle connections, but for those that ``successor`` has taken over; requests in
        flight end on their own."""
        kept = successor._running if successor is not None else {}
        for name, one in self._running.items():
            if kept.get(name) is not one:
                await one.close()
