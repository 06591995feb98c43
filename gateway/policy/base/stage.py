"""The base of every policy on the request path: a stage with up to five hooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.verdict import Refusal, Verdict

HOOKS = ("on_request", "on_response", "on_response_whole", "on_done", "on_lasting")

LastingCheck = Callable[[], Refusal | None]
"""Says whether a response may go on: None, or the refusal that ends it."""


class Stage:
    """One policy of a route. A hook that a subclass does not override is compiled out of the route and not called.

    ``on_request`` decides: None lets the request pass. A stage that has to wait returns an awaitable of the verdict. A
    future costs no task: the request goes on from its callback. A coroutine becomes a task, which begins only after the
    other requests of the iteration were decided. The future is cancelled when the client leaves, so its owner checks
    ``done()`` before it sets a result.
    ``on_response`` runs in reverse order over the stages entered, refusals included; it only adds ``FieldLines`` to
    ``exchange.response_headers``.
    ``on_response_whole`` sees the upstream's response before it is passed on, when all of it has arrived: a small one. A
    stage that ``collects`` sees every response, without a body where that is too large or breaks off; it may return an
    awaitable.
    ``on_done`` is synchronous and touches memory only. It runs exactly once for each stage entered, also when the client
    leaves: before a response that is written in one piece, after one that is streamed.
    ``on_lasting`` gives what is asked several times a second while a response is streamed, or a tunnel open. ``endless``: it
    has no end of its own, so it ends with what let it begin. A stage that only reports is not asked.
    """

    __slots__ = ()
    hooks: ClassVar[frozenset[str]] = frozenset()
    """Names of the hooks that the class does not only inherit from this one."""
    grouped = False
    """Whether several requests of one iteration of the event loop may share one transaction of the store for it."""
    removed: frozenset[bytes] = frozenset()
    """Fields of the upstream's response that are dropped."""
    collects = False
    """Whether small responses are collected for ``on_response_whole`` that would be passed on as they arrive. The upstream
    is asked for JSON then, without a condition, and neither for coded nor for partial content: a stage could not read it, and
    the client would choose the status (``proxy.flow.steering``)."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.hooks = frozenset(hook for hook in HOOKS if getattr(cls, hook) is not getattr(Stage, hook))

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_response(self, exchange: Exchange) -> None:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_response_whole(self, exchange: Exchange, response: WholeResponse) -> Awaitable[None] | None:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_done(self, exchange: Exchange) -> None:
        raise NotImplementedError  # compiled out where a stage has no such hook

    def on_lasting(self, exchange: Exchange, endless: bool) -> LastingCheck:
        raise NotImplementedError  # compiled out where a stage has no such hook
