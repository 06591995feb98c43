"""Hedging: a safe call that takes longer than usual is sent to a second endpoint too, and the first good answer counts.

It trades a few more calls for a shorter tail (J. Dean and L. A. Barroso, The Tail at Scale, Communications of the ACM
56(2), 2013). The budget keeps "a few" true also when everything is slow at once, which is when hedging helps nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.config.calling import Hedge as Settings
from gateway.core.reason import Refusal
from gateway.proxy.connection import Connection
from gateway.proxy.retry import Budget

Runner = asyncio.Task[Connection | Refusal]
Attempt = Callable[[], Coroutine[Any, Any, Connection | Refusal]]

KEPT = 512  # times that a quantile is taken of
LEAST = 50  # fewer say nothing about a quantile
FRESH = 32  # times until it is reckoned anew

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110 9.2.1. Two DELETE calls side by side end as one would, but one of them is answered 404."""


class Hedge:
    """When to send the second call of one upstream. ``clock`` in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.budget = Budget(settings.budget, 0, clock)
        self._quantile = settings.quantile
        self._after: float | None = settings.after if isinstance(settings.after, float) else None
        self._times: deque[float] = deque(maxlen=KEPT)
        self._new = 0

    @property
    def after(self) -> float | None:
        """Seconds after which a call is sent a second time; None while too few calls were seen to tell."""
        return self._after

    def took(self, seconds: float) -> None:
        """An answer's head came after so long."""
        if self._quantile is None:
            return
        self._times.append(seconds)
        self._new += 1
        if self._new >= FRESH and len(self._times) >= LEAST:
            self._new = 0
            ordered = sorted(self._times)
            self._after = ordered[min(int(len(ordered) * self._quantile), len(ordered) - 1)]


async def race(attempt: Attempt, after: float, another: Callable[[], bool]) -> tuple[Runner, bool | None]:
    """Make ``attempt``, and once more if it is not done ``after`` seconds and ``another`` allows it then.

    The first good answer is the one: what comes of the other attempt is dropped and its connection closed. Where neither
    is good, it is an answer rather than an error, and the first attempt's rather than the second's. Given back is the
    attempt that won, which is done, and whether it is the second, None when there was none.
    """
    first = asyncio.create_task(attempt())
    runners = [first]
    winner: Runner | None = None
    try:
        await asyncio.wait((first,), timeout=after)
        if not first.done() and another():
            runners.append(asyncio.create_task(attempt()))
        running = set(runners)
        while running and winner is None:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            winner = next((runner for runner in runners if _good(runner)), None)
        if winner is None:
            winner = next((runner for runner in runners if _answered(runner)), first)
        return winner, winner is not first if len(runners) > 1 else None
    finally:
        for runner in runners:
            if runner is not winner:
                _drop(runner)


def _answered(runner: Runner) -> bool:
    return runner.done() and runner.exception() is None and isinstance(runner.result(), Connection)


def _good(runner: Runner) -> bool:
    """Whether it brought an answer that is not the server's own trouble."""
    if not _answered(runner):
        return False
    answer = runner.result()
    return isinstance(answer, Connection) and answer.status < 500


def _drop(runner: Runner) -> None:
    """End an attempt that lost, whatever it is at; its connection closes, so that nothing of its answer is ever read."""
    if not runner.cancel() and runner.exception() is None:
        answer = runner.result()
        if isinstance(answer, Connection):
            answer.close()
