"""What a policy is to the request path: a stage with up to three hooks."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.verdict import Verdict


class Stage:
    """Base of all stages. A hook that is not overridden is compiled out of the route, not called.

    ``on_request`` decides: None lets the request pass. What has to wait gives an ``asyncio.Future`` of the verdict, from
    which the request goes on without a task, or is a coroutine, which becomes a task and begins only after other requests
    have been asked. The future is cancelled when the client leaves; who holds it looks at ``done`` before setting it.
    ``on_response`` runs in reverse over the stages entered, refusals included, and only adds ``Lines`` to
    ``exchange.response_headers``. ``on_answer`` reads the upstream's answer before it is passed on: ``exchange.status``
    and, when it is not too large, ``exchange.answer``; it may be a coroutine. ``on_done`` is synchronous, touches memory
    only, and runs exactly once per entered stage even when the client hangs up: before an answer that leaves in one piece,
    after one that is streamed.
    """

    __slots__ = ()
    grouped = False
    """Several requests of one iteration of the event loop may take it in one transaction of the store."""
    removed: frozenset[bytes] = frozenset()
    """Fields of the upstream's response that are dropped."""

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_response(self, exchange: Exchange) -> None:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_answer(self, exchange: Exchange) -> Awaitable[None] | None:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_done(self, exchange: Exchange) -> None:
        raise NotImplementedError  # compiled out where a stage has no such hook


def hook(stage: Stage, name: str) -> Any:
    """The stage's own hook ``name``, or None when it only inherits the base's."""
    return None if getattr(type(stage), name) is getattr(Stage, name) else getattr(stage, name)
