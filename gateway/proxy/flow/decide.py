"""The one loop in which the stages of a route decide on a request, and the one in which they are left again."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Reply, Verdict
from gateway.proxy.routing.route import CompiledRoute

BEFORE_LIMIT, LIMIT = 0, 1  # portions of a route: the stages before its first limit, and that


class Undecided(Protocol):
    """A request on which stages decide. ``depth`` is how many of them were entered and not left. ``verdict`` is None while
    it may pass, and an awaitable while a stage has to be waited for."""

    exchange: Exchange
    route: CompiledRoute
    depth: int
    verdict: Verdict | Awaitable[Verdict]


Deciding = TypeVar("Deciding", bound=Undecided)


def decide(portion: int | None, request: Deciding) -> Deciding:
    """Ask the stages of ``request`` in one portion of its route (None: all that are left) until one has a verdict, or
    something to be waited for."""
    if request.verdict is None:
        route = request.route
        exchange = request.exchange
        hooks = route.request_hooks[request.depth] if portion is None else route.portions[portion]
        for hook, request.depth in hooks:  # the attribute, and the object stays
            found = hook(exchange)
            if found is not None:
                request.verdict = found
                break
    return request


async def settle(request: Undecided) -> Verdict:
    """Ask all stages that are left, waiting for those that have to wait; the verdict, None when the request passes."""
    while True:
        verdict = decide(None, request).verdict
        if verdict is None:
            request.depth = request.route.depth
            return request.route.fixed
        if isinstance(verdict, (Refusal, Reply)):
            return verdict
        request.verdict = await verdict


def leave(request: Undecided) -> None:
    """Run the done hooks of the stages entered, the last one first, each once however often this is called."""
    depth, request.depth = request.depth, 0
    for done in request.route.done_hooks[depth]:
        done(request.exchange)


class Decision:
    """A decision that stands by itself: on a call to another upstream, on a head that cannot be read."""

    __slots__ = ("depth", "exchange", "route", "verdict")

    def __init__(self, exchange: Exchange, route: CompiledRoute) -> None:
        self.exchange = exchange
        self.route = route
        self.depth = 0
        self.verdict: Verdict | Awaitable[Verdict] = None
