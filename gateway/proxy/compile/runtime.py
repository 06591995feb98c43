"""One compiled configuration: its routes, its upstreams and their background tasks. A reload builds a new one beside it."""

from __future__ import annotations

from itertools import chain

from gateway.config.model import Config
from gateway.config.reporting import in_force
from gateway.core.pattern import compile_paths
from gateway.core.via import Via
from gateway.policy.auth.auth import Jwt
from gateway.policy.base.tools import Tools
from gateway.policy.in_flight import InFlight
from gateway.proxy.compile.resilience import Resilience
from gateway.proxy.compile.routes import RouteCompiler
from gateway.proxy.compile.stages import StageBuilder
from gateway.proxy.compile.upstreams import assemble, background_tasks
from gateway.proxy.routing.egress import EgressRuntime
from gateway.proxy.routing.table import RouteTable


class Runtime:
    """Everything that requests run on. Frozen, except for what its pools and policies remember.

    Must be built in the event loop that will serve it.
    """

    def __init__(self, config: Config, tools: Tools) -> None:
        config = in_force(config, tools.wall())
        self.config = config
        self.group = tools.store.group_commit
        upstreams = config.upstreams
        most = config.listen.limits.header_bytes
        via = Via(config.listen.via, tools.instance)
        self.upstreams = {name: assemble(name, of, config.region, tools, most, via) for name, of in upstreams.items()}
        self.background = {name: background_tasks(self.upstreams[name], of, tools) for name, of in upstreams.items()}
        self.attempts = {name: each.attempts for name, each in self.upstreams.items() if each.attempts is not None}
        resilience = Resilience(config, self.upstreams, self.background, tools)
        self.breakers = resilience.breakers
        self.concurrency = resilience.concurrency
        stages = StageBuilder(config.policies, tools)
        compiler = RouteCompiler(config, stages, resilience)
        self.digest = compiler.digest
        self.unrouted = compiler.unrouted
        compiled = [(route, compiler.route(route)) for route in config.routes]
        self.compiled = [each for _, each in compiled]
        public, egress = (
            compile_paths([(path, each) for route, each in compiled if route.listener == name for path in route.paths])
            for name in ("public", "egress")
        )
        mounts = [compiler.mount(name, of.trpc, compiled) for name, of in upstreams.items() if of.trpc is not None]
        mounts.sort(key=lambda mount: -len(mount.prefix))  # the longest that matches takes the request
        self.routes = RouteTable(mounts, public, compiler.merge, compiler.refusal, compiler.unrouted)
        self.egress = EgressRuntime(egress, self.group, self.digest)
        in_flight = stages.of_kind("in_flight")
        self.in_flight = in_flight if isinstance(in_flight, InFlight) else None
        self.key_rings = {
            name: stage.ring
            for name, stage in stages.of_section("auth").items()
            if isinstance(stage, Jwt) and stage.ring is not None
        }

    def start(self) -> None:
        """Begin the health checks and the lookup of names."""
        for task in chain.from_iterable(self.background.values()):
            task.start()

    async def close(self) -> None:
        """Stop the background tasks and close idle connections; requests in flight end on their own."""
        for task in chain.from_iterable(self.background.values()):
            await task.stop()
        for upstream in self.upstreams.values():
            await upstream.pool.close()
