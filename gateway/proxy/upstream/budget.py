"""How many extra calls an upstream may get beyond those of its clients.

A retry or a hedge adds load to an upstream that may not be well. The budget keeps that to a share of the live traffic,
as Finagle's RetryBudget does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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
