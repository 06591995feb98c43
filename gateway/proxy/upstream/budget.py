"""A budget of extra calls to an upstream, beyond those that clients make.

A retry or a hedge adds load to an upstream that may be failing. The budget keeps that load to a share of the live
traffic, as Finagle's RetryBudget does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

WINDOW = 10  # seconds whose calls a budget counts

Clock = Callable[[], float]


class Budget:
    """The extra calls of one worker: at no moment more than ``share`` of the calls of the last ten seconds plus ten times
    ``per_second``. It has a counter for each of the ten seconds, whatever the traffic. ``clock`` gives seconds."""

    __slots__ = ("_called", "_calls", "_clock", "_end", "_floor", "_share", "_spendings", "_spent")

    def __init__(self, share: float, per_second: float, clock: Clock) -> None:
        self._share = share
        self._floor = per_second * WINDOW
        self._clock = clock
        self._end = math.floor(clock()) + 1  # of the current second
        self._calls = [0] * WINDOW
        self._spendings = [0] * WINDOW
        self._called = 0
        self._spent = 0

    def call(self, now: float) -> None:
        """Count a client's call at ``now`` of the clock, of which extra calls are a share."""
        if now >= self._end:
            self._forget(now)
        self._calls[-1] += 1
        self._called += 1

    def spend(self) -> bool:
        """Take one extra call out of the budget; False when none is left."""
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
        """Begin the second of ``now``, and drop the seconds that are more than ten back."""
        end = math.floor(now) + 1
        over = min(end - self._end, WINDOW)
        self._called -= sum(self._calls[:over])
        self._spent -= sum(self._spendings[:over])
        self._calls = self._calls[over:] + [0] * over
        self._spendings = self._spendings[over:] + [0] * over
        self._end = end
