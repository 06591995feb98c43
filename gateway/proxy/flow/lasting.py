"""Responses that last, and what ends them: the stages that let them begin are asked again while they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.stage import LastingCheck
from gateway.proxy.routing.route import CompiledRoute

LOOK = 0.25  # seconds between two looks at all of them
SLICE = 32  # looked at in one iteration of the loop
MOST_OLD = 16
"""Runtimes before the one that is served that responses may still run on. What lasts longer is ended, or a client that keeps one
response for each reload would keep all that was ever loaded in memory."""


class _Watched:
    """One response. ``end`` ends it as it may end; ``drains``: also before a drain cuts what is left. ``number`` is of the runtime
    that was served when it began."""

    __slots__ = ("checks", "drains", "end", "number")

    def __init__(self, checks: list[LastingCheck], end: Callable[[Refusal], None], drains: bool, number: int) -> None:
        self.number = number
        self.checks = checks
        self.end = end
        self.drains = drains


class LastingResponses:
    """The responses of one listener that are being streamed, and its tunnels. ``on_error`` gets what a check raises: the
    response goes on, and is asked about again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_error: Callable[[Exception], None]) -> None:
        self._loop = loop
        self._on_error = on_error
        self._watched: dict[_Watched, None] = {}
        self._timer: asyncio.Handle | None = None
        self._number = 0  # of the runtime that is served

    @contextmanager
    def watched(
        self,
        exchange: Exchange,
        route: CompiledRoute,
        end: Callable[[Refusal], None],
        endless: bool,
        drains: bool = False,
    ) -> Iterator[None]:
        """Watch a response for as long as the context lasts. ``end`` is called once with the refusal that ends it, and notes
        it in ``exchange`` or has it noted."""
        checks = [hook(exchange, endless) for hook in route.lasting_hooks]
        one = _Watched(checks, end, drains, self._number)
        self._watched[one] = None
        if self._timer is None and (checks or drains):
            self._timer = self._loop.call_later(LOOK, self._begin_look)
        try:
            yield
        finally:
            self._watched.pop(one, None)

    def end_streams(self, refusal: Refusal) -> None:
        """End those that are ended before a drain cuts what is left."""
        for one in [one for one in self._watched if one.drains]:
            self._end(one, refusal)

    def swapped(self, refusal: Refusal) -> None:
        """Another runtime is served from now on: end what runs on one that is too old."""
        self._number += 1
        for one in [one for one in self._watched if self._number - one.number > MOST_OLD]:
            self._end(one, refusal)

    def _begin_look(self) -> None:
        self._look(iter(list(self._watched)))

    def _look(self, left: Iterator[_Watched]) -> None:
        for _ in range(SLICE):
            one = next(left, None)
            if one is None:
                # Without one that lasts there is no clock.
                self._timer = self._loop.call_later(LOOK, self._begin_look) if self._watched else None
                return
            if one in self._watched:
                self._check(one)
        self._timer = self._loop.call_soon(self._look, left)

    def _check(self, one: _Watched) -> None:
        try:
            refusal = next(filter(None, (check() for check in one.checks)), None)
        except Exception as error:  # the store fails, which says nothing about the token
            self._on_error(error)
            return
        if refusal is not None:
            self._end(one, refusal)

    def _end(self, one: _Watched, refusal: Refusal) -> None:
        self._watched.pop(one, None)
        one.end(refusal)
