"""A compiled route: bound hooks in order, so that nothing is looked up while a request runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.verdict import Refusal, Reply, Verdict, refuse
from gateway.policy.base.report import Decide, reporting
from gateway.policy.base.stage import LastingCheck, Stage
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.response import OnInformational
from gateway.proxy.routing.guarded import GuardedPaths
from gateway.proxy.upstream.call import Progress, UpstreamCall

Hook = Callable[[Exchange], None]
RequestHooks = tuple[tuple[Decide, int], ...]
LastingHook = Callable[[Exchange, bool], LastingCheck]
WholeHook = Callable[[Exchange, WholeResponse], Awaitable[None] | None]
PassOn = Callable[[UpstreamConnection], Awaitable[None]]
"""Passes the response of an upstream on to the client."""


class RouteUpstream(Protocol):
    """The upstream that a route calls; ``proxy.upstream.upstream.Upstream`` says what the methods do."""

    @property
    def name(self) -> str: ...
    def start(self, call: UpstreamCall) -> Progress | Refusal: ...
    def take(self, call: UpstreamCall) -> UpstreamConnection | None: ...
    async def response(self, call: UpstreamCall) -> UpstreamConnection | Refusal: ...


class RouteFallback(Protocol):
    """What responds when a call to the upstream has failed; see ``proxy.flow.fallback.FallbackChain``."""

    async def respond(
        self,
        refusal: Refusal,
        exchange: Exchange,
        route: CompiledRoute,
        on_informational: OnInformational,
        pass_on: PassOn,
    ) -> Refusal | Reply | None: ...


class _NoUpstream:
    """The upstream of routes that have a fixed verdict: to call it is a bug."""

    name = ""

    def start(self, call: UpstreamCall) -> Progress | Refusal:
        raise RuntimeError("a route with a fixed verdict calls no upstream")

    def take(self, call: UpstreamCall) -> UpstreamConnection | None:
        raise RuntimeError("a route with a fixed verdict calls no upstream")

    async def response(self, call: UpstreamCall) -> UpstreamConnection | Refusal:
        raise RuntimeError("a route with a fixed verdict calls no upstream")


NO_UPSTREAM = _NoUpstream()


class Built(NamedTuple):
    """A stage, whether it only reports (``mode: report``), and the policy that it is for, such as ``cors.app``. ``kind`` is the
    name of its row in ``policy.kinds``, and ``policies`` are the names of all policies that it was built for."""

    stage: Stage
    report: bool = False
    policy: str = ""
    kind: str = ""
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRoute:
    """A compiled route.

    ``request_hooks[depth]`` are the hooks still to be asked when ``depth`` stages were entered, each with the depth at which
    its stage is entered. ``portions`` are those of them that come before the first limit, and that limit alone where it is
    taken in one transaction with the first limits of other requests (``Store.group_commit``).
    ``response_hooks[depth]`` and ``done_hooks[depth]`` are the hooks of the stages entered by then, last first.
    ``whole_hooks`` see a response that has arrived whole before it is passed on; ``collects`` says that one that is streamed
    is collected for them. ``lasting_hooks`` give what ends one that is streamed. ``upgrade`` is the protocol that its requests
    ask the upstream for, whose connection becomes a
    tunnel then. ``guarded`` is what its patterns take and stricter routes guard, None where there is nothing. ``prefixes`` are
    what its patterns name before their ``*``, and ``undivided`` those of them below which nothing else is named. ``fixed`` is
    the verdict of a route that has no upstream. ``policies`` are the names of its policies by
    section, which a batch over several routes unites; ``named`` has those of the kinds that count the calls of a batch one
    by one, those that only report apart (``policy.base.report.covered``). ``reports``: the route itself only reports.
    ``stages`` are what its hooks were bound from. ``internal`` is a route of the egress listener, whose only client is the backend. ``config`` is the short digest of the
    configuration that it is of, for the log.
    """

    name: str
    request_hooks: tuple[RequestHooks, ...]
    portions: tuple[RequestHooks, RequestHooks]
    response_hooks: tuple[tuple[Hook, ...], ...]
    done_hooks: tuple[tuple[Hook, ...], ...]
    depth: int
    error_format: str = "problem"
    whole_hooks: tuple[WholeHook, ...] = ()
    collects: bool = False
    lasting_hooks: tuple[LastingHook, ...] = ()
    removed: frozenset[bytes] = frozenset()
    fixed: Verdict = None
    upstream: RouteUpstream = NO_UPSTREAM
    fallback: RouteFallback | None = None
    rewrite: str = ""
    guarded: GuardedPaths | None = None
    prefixes: tuple[str, ...] = ()
    undivided: frozenset[str] = frozenset()
    upgrade: bytes = b""
    methods: frozenset[str] = frozenset()
    no_batch: bool = False
    reports: bool = False
    internal: bool = False
    config: str = ""
    policies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    preflight: CompiledRoute | None = None
    stages: tuple[Built, ...] = ()

    def target(self, exchange: Exchange) -> str:
        """The path to ask the upstream for."""
        return self.rewrite or exchange.path


def bind(name: str, stages: Sequence[Built]) -> CompiledRoute:
    """Bind the hooks of ``stages``. A hook that a stage does not have costs nothing."""
    request_hooks: list[tuple[Decide, int]] = []
    response_hooks: list[tuple[Hook, ...]] = [()]
    done_hooks: list[tuple[Hook, ...]] = [()]
    whole_hooks: list[WholeHook] = []
    lasting_hooks: list[LastingHook] = []
    collects = False
    removed: frozenset[bytes] = frozenset()
    limit: int | None = None
    for depth, (stage, report, policy, *_) in enumerate(stages, 1):
        hooks = stage.hooks
        if "on_request" in hooks:
            if limit is None and stage.grouped:
                limit = len(request_hooks)
            request_hooks.append((reporting(stage.on_request, policy) if report else stage.on_request, depth))
        if "on_response_whole" in hooks:
            whole_hooks.append(stage.on_response_whole)
            collects = collects or stage.collects
        if "on_lasting" in hooks and not report:
            lasting_hooks.append(stage.on_lasting)
        response_hooks.append(response_hooks[-1])
        if "on_response" in hooks:
            response_hooks[-1] = stage.on_response, *response_hooks[-1]
        done_hooks.append(done_hooks[-1])
        if "on_done" in hooks:
            done_hooks[-1] = stage.on_done, *done_hooks[-1]
        removed |= stage.removed
    limit = len(request_hooks) if limit is None else limit
    return CompiledRoute(
        name,
        tuple(_still_to_ask(tuple(request_hooks), len(stages))),
        (tuple(request_hooks[:limit]), tuple(request_hooks[limit : limit + 1])),
        tuple(response_hooks),
        tuple(done_hooks),
        len(stages),
        whole_hooks=tuple(whole_hooks),
        collects=collects,
        lasting_hooks=tuple(lasting_hooks),
        removed=removed,
        stages=tuple(stages),
    )


def _still_to_ask(hooks: RequestHooks, depth: int) -> Iterator[RequestHooks]:
    """For each number of stages that were entered, from none to ``depth``: those of ``hooks`` that come behind them."""
    asked = 0
    for entered in range(depth + 1):
        while asked < len(hooks) and hooks[asked][1] <= entered:
            asked += 1
        yield hooks[asked:]


def with_verdict(route: CompiledRoute, verdict: Refusal | Reply) -> CompiledRoute:
    """``route`` with ``verdict`` in place of an upstream, for requests that are refused before a route is found."""
    return replace(route, fixed=verdict)


def not_taken(slug: str, allowed: Sequence[str]) -> Refusal:
    """The refusal ``slug`` of a request that no route takes; a 405 names the methods that are ``allowed``, even where none is
    (RFC 9110 15.5.6)."""
    named = slug == "method_not_allowed"
    return refuse(slug, headers=((b"allow", ", ".join(allowed).encode()),) if named else ())
