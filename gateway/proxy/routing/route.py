"""What a route has become once compiled: bound hooks in order, and nothing left to look up on the request path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal, Reply, Verdict
from gateway.policy.base.stage import Stage, hook
from gateway.policy.kinds import Choice, Decide, reporting
from gateway.policy.rate_limit.rate_limit import RateLimit

Hook = Callable[[Exchange], None]
Reader = Callable[[Exchange], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRoute:
    """A compiled route.

    ``deciders`` are pairs of hook and depth. ``ahead`` of them come before the first limit that is taken together with
    those of other requests (``Store.together``), and ``metered`` says that there is one. ``responders[depth]`` and
    ``finishers[depth]`` are the hooks of the stages entered by then, last first. ``readers`` see the answer's body before
    it is passed on. ``terminal`` is the verdict that stands in for an upstream.
    """

    name: str
    deciders: tuple[tuple[Decide, int], ...]
    responders: tuple[tuple[Hook, ...], ...]
    finishers: tuple[tuple[Hook, ...], ...]
    depth: int
    ahead: int
    metered: bool = False
    shape: str = "problem"
    readers: tuple[Reader, ...] = ()
    removed: frozenset[bytes] = frozenset()
    terminal: Verdict = None
    upstream: Any = None
    fallback: Any = None  # proxy.flow.fallback.StandIn, which needs this file
    rewrite: str = ""
    methods: frozenset[str] = frozenset()
    alone: bool = False
    limit_names: frozenset[str] = frozenset()
    lockout_names: frozenset[str] = frozenset()
    choice: Choice = field(default_factory=Choice)
    preflight: CompiledRoute | None = None

    def target(self, exchange: Exchange) -> str:
        """The canonical path to ask the upstream for."""
        return self.rewrite or exchange.path


def plan(name: str, stages: Sequence[tuple[Stage, bool]], **more: Any) -> CompiledRoute:
    """Bind the hooks of ``stages`` (each with whether it only reports); a hook a stage does not have costs nothing."""
    deciders: list[tuple[Decide, int]] = []
    responders: list[tuple[Hook, ...]] = [()]
    finishers: list[tuple[Hook, ...]] = [()]
    readers: list[Reader] = []
    removed: frozenset[bytes] = frozenset()
    ahead: int | None = None
    for depth, (stage, report) in enumerate(stages, 1):
        decide, respond, done = (hook(stage, which) for which in ("on_request", "on_response", "on_done"))
        read = hook(stage, "on_answer")
        if read is not None:
            readers.append(read)
        if decide is not None:
            if ahead is None and isinstance(stage, RateLimit):
                ahead = len(deciders)
            deciders.append((reporting(decide) if report else decide, depth))
        responders.append((respond, *responders[-1]) if respond is not None else responders[-1])
        finishers.append((done, *finishers[-1]) if done is not None else finishers[-1])
        removed |= getattr(stage, "removed", frozenset())
    return CompiledRoute(
        name,
        tuple(deciders),
        tuple(responders),
        tuple(finishers),
        len(stages),
        len(deciders) if ahead is None else ahead,
        ahead is not None,
        readers=tuple(readers),
        removed=removed,
        **more,
    )


def ending(bare: CompiledRoute, verdict: Refusal | Reply) -> CompiledRoute:
    """``bare`` with nothing but the verdict, for what is refused before there is a route."""
    return replace(bare, terminal=verdict)
