"""What each stage of a route says of one request: the bound hooks that serve, each with a note beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import NamedTuple

from gateway.core.exchange import Exchange
from gateway.core.issue import pointer
from gateway.core.verdict import Refusal, Reply, Verdict
from gateway.policy.base.report import Decide
from gateway.policy.rate_limit.rate_limit import RateLimit
from gateway.proxy.flow.arrival import Served
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.routing.route import NO_UPSTREAM, Built, CompiledRoute, RequestHooks, RouteUpstream
from gateway.proxy.upstream.call import Progress, UpstreamCall
from gateway.review.dry_run.clock import DryClock

REMEMBERED = 1024
"""Routes that are kept with their notes; requests that no route takes make new ones."""

Where = Callable[[str, str], str]
"""Gives ``file:line`` for the name of a kind and of one of its policies."""

PASS = "pass"
NOT_REACHED = "not reached"


class TracedStage(NamedTuple):
    """One stage of a route, or one limit of a stage that takes several. ``policy`` is its name within the section of its kind,
    empty for what every route has, and ``where`` is ``file:line``, empty where nothing is written. ``verdict`` is ``pass``, the
    slug of its refusal, ``report: SLUG`` where it only reports, or ``not reached``; ``detail`` is what the log says beside it."""

    kind: str
    policy: str
    where: str
    verdict: str
    detail: str = ""


class _Noted(NamedTuple):
    """What one hook has decided; ``limits`` are the names of those that refuse."""

    verdict: str = "pass"
    detail: str = ""
    limits: frozenset[str] = frozenset()


class Trace:
    """Notes of one request at a time. ``canonical`` is what was ``routed``: method, path and query; ``route`` the one it ran
    under."""

    def __init__(self, clock: DryClock, where: Where = lambda kind, policy: "") -> None:
        """``where`` gives ``file:line`` of a policy."""
        self._clock = clock
        self._where = where
        self._traced: dict[CompiledRoute, CompiledRoute] = {}
        self.begin()

    def begin(self) -> None:
        """Forget the last request."""
        self.canonical = ("", "", "")
        self.routed = False
        self.route: CompiledRoute | None = None
        self._verdicts: dict[int, _Noted] = {}
        self._ended = False

    @property
    def upstream(self) -> str:
        """The name of the upstream that the route calls."""
        return "" if self.route is None else self.route.upstream.name

    def of(self, route: CompiledRoute) -> CompiledRoute:
        """``route`` with a note beside each hook."""
        traced = self._traced.get(route)
        if traced is None:
            if len(self._traced) >= REMEMBERED:
                self._traced.clear()
            traced = self._traced[route] = self._made(route)
        return traced

    def _made(self, route: CompiledRoute) -> CompiledRoute:
        first = [(self._noted(route, hook, depth), depth) for hook, depth in route.request_hooks[0]]
        by_depth = {depth: (hook, depth) for hook, depth in first}

        def noted(hooks: RequestHooks) -> RequestHooks:
            return tuple(by_depth[depth] for _, depth in hooks)

        early, limit = route.portions
        upstream = route.upstream
        return replace(
            route,
            request_hooks=tuple(map(noted, route.request_hooks)),
            portions=(noted(early), noted(limit)),
            preflight=None if route.preflight is None else self.of(route.preflight),
            upstream=upstream if upstream is NO_UPSTREAM else _TimedUpstream(upstream, self._clock),
        )

    def _noted(self, route: CompiledRoute, hook: Decide, depth: int) -> Decide:
        def decided(exchange: Exchange) -> Verdict | Awaitable[Verdict]:
            self.route = route
            before = len(exchange.reported)
            verdict = hook(exchange)
            if verdict is None or isinstance(verdict, (Refusal, Reply)):
                self._note(depth, exchange, before, verdict)
            elif isinstance(verdict, asyncio.Future):
                verdict.add_done_callback(lambda done: self._note_done(depth, exchange, before, done))
            else:
                return later(exchange, before, verdict)
            return verdict

        async def later(exchange: Exchange, before: int, waiting: Awaitable[Verdict]) -> Verdict:
            verdict = await waiting
            self._note(depth, exchange, before, verdict)
            return verdict

        return decided

    def _note_done(self, depth: int, exchange: Exchange, before: int, done: asyncio.Future[Verdict]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._note(depth, exchange, before, done.result())

    def _note(self, depth: int, exchange: Exchange, before: int, verdict: Verdict) -> None:
        self._ended = self._ended or verdict is not None
        if isinstance(verdict, Refusal):
            self._verdicts[depth] = _Noted(verdict.reason.slug, _detail(verdict), _limits(verdict))
        elif isinstance(verdict, Reply):
            self._verdicts[depth] = _Noted(PASS, f"responds with {verdict.status} itself")
        elif len(exchange.reported) > before:
            would = exchange.reported[-1]
            self._verdicts[depth] = _Noted(f"report: {would.reason.slug}", _detail(would), _limits(would))
        else:
            self._verdicts[depth] = _Noted()

    @property
    def stages(self) -> tuple[TracedStage, ...]:
        """What the stages of the last request's route have decided, in their order."""
        route = self.route
        if route is None:
            return ()
        # A stage without a hook of its own is entered with the next one that has one, or when all of them pass.
        reached = max(self._verdicts, default=0) if self._ended else route.depth
        found: list[TracedStage] = []
        for depth, stage in enumerate(route.stages, 1):
            noted = self._verdicts.get(depth) or (_Noted() if depth <= reached else _NOT_REACHED)
            for policy in _policies(stage):
                here = noted if not noted.limits or policy in noted.limits else _NOT_CHARGED
                found.append(
                    TracedStage(stage.kind, policy, self._where(stage.kind, policy), here.verdict, here.detail)
                )
        return tuple(found)


class TracedRouting:
    """A runtime whose routes are traced (``flow.arrival.Served``)."""

    def __init__(self, served: Served, trace: Trace) -> None:
        self._served = served
        self._trace = trace
        self.unrouted = trace.of(served.unrouted)

    @property
    def routes(self) -> TracedRouting:
        """Itself."""
        return self

    @property
    def group(self) -> AbstractContextManager[object]:
        """That of the runtime."""
        return self._served.group

    def find(self, exchange: Exchange, method: str) -> CompiledRoute:
        """See ``proxy.routing.table.RouteTable.find``."""
        path = exchange.path
        found = self._served.routes.find(exchange, method)
        self._trace.routed = True
        self._trace.canonical = exchange.method, exchange.path if exchange.calls else path, exchange.query
        return self._trace.of(found)


class _TimedUpstream:
    """``upstream``, the times of whose responses are those of the dry run's clock: stages go by them."""

    def __init__(self, upstream: RouteUpstream, clock: DryClock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._began = 0.0

    @property
    def name(self) -> str:
        return self._upstream.name

    def start(self, call: UpstreamCall) -> Progress | Refusal:
        self._began = self._clock.elapsed
        return self._upstream.start(call)

    def take(self, call: UpstreamCall) -> UpstreamConnection | None:
        response = self._upstream.take(call)
        call.exchange.upstream_time = self._clock.elapsed - self._began
        return response

    async def response(self, call: UpstreamCall) -> UpstreamConnection | Refusal:
        self._began = self._clock.elapsed
        response = await self._upstream.response(call)
        call.exchange.upstream_time = self._clock.elapsed - self._began
        return response


_NOT_REACHED = _Noted(NOT_REACHED)
_NOT_CHARGED = _Noted(PASS, "not charged, since another limit refuses")


def _policies(stage: Built) -> tuple[str, ...]:
    return stage.stage.names if isinstance(stage.stage, RateLimit) else stage.policies or ("",)


def _limits(refusal: Refusal) -> frozenset[str]:
    return frozenset(name for _, name, _ in refusal.limits)


def _detail(refusal: Refusal) -> str:
    issues = refusal.details.issues if refusal.details is not None else ()
    return refusal.detail or "; ".join(f"{pointer(issue.path)} {issue.message}".strip() for issue in issues)
