"""When a call that came to nothing is made again: only where it is safe, within a budget, and after a pause.

A retry adds load to an upstream that has just shown that it is not well. The budget keeps that to a share of the live
traffic, as Finagle's RetryBudget does; the pause is drawn from the whole of a growing span ("full jitter": M. Brooker,
Exponential Backoff And Jitter, AWS Architecture Blog, 2015), so that those who failed together do not return together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime

from gateway.config.calling import Retries
from gateway.core.exchange import Pair
from gateway.proxy.connection import UpstreamError
from gateway.proxy.pool import Unsent

WINDOW = 10  # seconds that a budget looks back

Clock = Callable[[], float]


class Budget:
    """How many extra calls one worker may make: at no moment more than ``share`` of the calls of the last ten seconds
    and ``per_second`` times ten together. Ten counters of a second each, whatever the traffic. ``clock`` in seconds."""

    __slots__ = ("_called", "_calls", "_clock", "_end", "_floor", "_share", "_spendings", "_spent")

    def __init__(self, share: float, per_second: float, clock: Clock) -> None:
        self._share = share
        self._floor = per_second * WINDOW
        self._clock = clock
        self._end = math.floor(clock()) + 1  # of the second that is counted in now
        self._calls = [0] * WINDOW
        self._spendings = [0] * WINDOW
        self._called = 0
        self._spent = 0

    def call(self, now: float) -> None:
        """A client's call at ``now`` of the clock: what the share is taken of."""
        if now >= self._end:
            self._forget(now)
        self._calls[-1] += 1
        self._called += 1

    def spend(self) -> bool:
        """Take one extra call out of the budget, if it still holds one."""
        if self.left < 1:
            return False
        self._spendings[-1] += 1
        self._spent += 1
        return True

    @property
    def left(self) -> int:
        """Extra calls that could be made now."""
        now = self._clock()
        if now >= self._end:
            self._forget(now)
        return max(0, math.floor(self._share * self._called + self._floor + 1e-9) - self._spent)

    def _forget(self, now: float) -> None:
        """Make room for the second of ``now``, the last in the row, and let go of those that are over ten back."""
        end = math.floor(now) + 1
        over = min(end - self._end, WINDOW)
        self._called -= sum(self._calls[:over])
        self._spent -= sum(self._spendings[:over])
        self._calls = self._calls[over:] + [0] * over
        self._spendings = self._spendings[over:] + [0] * over
        self._end = end


def pause(retry: int, base: float, most: float, random: Callable[[], float]) -> float:
    """Seconds to wait before the ``retry``-th retry, counted from 0. ``random`` gives numbers from 0.0 to 1.0."""
    span: float = min(most, base * 2.0**retry)
    return span * random()


def retry_after(pairs: Iterable[Pair], wall: Clock) -> float:
    """Seconds that an answer asks to wait (RFC 9110 10.2.3), the longest if it says so twice; 0.0 when it does not."""
    return max((_seconds(value, wall) for name, value in pairs if name == b"retry-after"), default=0.0)


def _seconds(value: bytes, wall: Clock) -> float:
    text = value.decode("latin-1")
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall())
    except (ValueError, OverflowError):
        return 0.0  # says nothing that could be understood


def failure(error: UpstreamError) -> str:
    """What a failed call is called in ``on`` and ``count``; empty for the gateway's own limits."""
    if isinstance(error, Unsent):
        return "connect" if error.slug != "upstream_busy" else ""
    if error.slug in ("upstream_timeout", "upstream_stalled"):
        return "timeout"
    return "reset" if error.untouched else "broken"


class Retry:
    """The retries of one upstream. ``on`` are the failures and statuses that are tried again at all."""

    def __init__(self, settings: Retries, clock: Clock, wall: Clock, random: Callable[[], float]) -> None:
        self.budget = Budget(settings.budget, settings.min_per_second, clock)
        self.on = frozenset(settings.on)
        self.attempt_timeout = settings.attempt_timeout
        self._settings = settings
        self._wall = wall
        self._random = random

    def pause(self, made: int, left: float, pairs: Iterable[Pair] = ()) -> float | None:
        """Seconds until the next attempt, None when there is to be none. ``made`` attempts failed; ``left`` seconds
        remain for the whole call; ``pairs`` are the fields of the answer that was not good. Spends from the budget."""
        settings = self._settings
        if made >= settings.attempts:
            return None
        seconds = max(
            pause(made - 1, settings.backoff, settings.max_backoff, self._random), retry_after(pairs, self._wall)
        )
        if seconds >= left or not self.budget.spend():
            return None
        return seconds
