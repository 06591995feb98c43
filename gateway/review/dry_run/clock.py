"""Time that is moved by hand, and an event loop that lives by it: nothing waits for the real one."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

MOST_STEPS = 1_000_000
"""Callbacks in one run of the loop: more than any request has, and the end of one that goes round for ever."""


class DryClock:
    """``wall`` gives Unix seconds from ``at`` on, ``elapsed`` the seconds that have passed since."""

    def __init__(self, at: float) -> None:
        self._at = at
        self.elapsed = 0.0

    def wall(self) -> float:
        """Unix seconds."""
        return self._at + self.elapsed

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass. Raises ValueError for fewer than none: time does not run backwards."""
        if not seconds >= 0.0:
            raise ValueError("time does not run backwards")
        self.elapsed += seconds


class _Callback(asyncio.TimerHandle):
    """A callback of ``DryLoop``, at ``when`` of its time."""

    __slots__ = ("_call", "_given", "_in", "_is_over")

    def __init__(
        self, when: float, call: Callable[..., object], given: tuple[Any, ...], loop: DryLoop, context: Context | None
    ) -> None:
        super().__init__(when, call, given, loop, context)
        self._call = call
        self._given = given
        self._in = context or copy_context()
        self._is_over = False

    def cancel(self) -> None:
        self._is_over = True

    def cancelled(self) -> bool:
        return self._is_over

    def run(self) -> None:
        """Call it, unless it was cancelled."""
        if not self._is_over:
            self._in.run(self._call, *self._given)


class DryLoop(asyncio.AbstractEventLoop):
    """An event loop without sockets, signals and threads, whose time is that of ``clock``. When everything waits for a timer,
    time passes until the next one. It runs inside another loop too, which then waits for it."""

    def __init__(self, clock: DryClock) -> None:
        self._clock = clock
        self._ready: deque[_Callback] = deque()
        self._timers: list[tuple[float, int, _Callback]] = []
        self._order = count()
        self._errors: list[BaseException] = []

    # asyncio.AbstractEventLoop, as far as a request goes

    def time(self) -> float:
        return self._clock.elapsed + 1000.0  # zero means "not set" in many places

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # newer versions of the base take more
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_soon(  # type: ignore[override]  # the base knows its arguments more exactly
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        made = _Callback(0.0, callback, args, self, context)
        self._ready.append(made)
        return made

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        made = _Callback(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), made))
        return made

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._errors.append(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))

    # running it

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the running loop of this thread while the context lasts, in place of another one."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Run callbacks until ``is_over`` and nothing else is due; must be the running loop. Raises what nobody caught, and
        RuntimeError when there is nothing left to wait for."""
        for _ in range(MOST_STEPS):
            if self._ready:
                self._ready.popleft().run()
            elif is_over():
                break
            else:
                self._pass_time()
        else:
            raise RuntimeError("a request goes round for ever")
        if self._errors:
            errors, self._errors = self._errors, []
            raise errors[0]

    def _pass_time(self) -> None:
        """Let time pass until the next timer, and make its callbacks due."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise RuntimeError("a request waits for nothing")
        self._clock.advance(max(0.0, timers[0][0] - self.time()))
        self._fire()

    def catch_up(self) -> None:
        """Run what is due by now: time was moved from outside."""
        self._fire()
        while self._ready:
            self._ready.popleft().run()

    def _fire(self) -> None:
        now, timers = self.time(), self._timers
        while timers and timers[0][0] <= now:
            self._ready.append(heapq.heappop(timers)[2])


def dry_loop(clock: DryClock) -> DryLoop:
    """A loop that lives by ``clock``."""
    return DryLoop(clock)  # type: ignore[abstract]  # a request asks for nothing else of a loop
