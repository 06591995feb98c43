"""A budget of extra calls to an upstream, beyond those that clients make.

A retry or a hedge adds load to an upstream that may be failing. The budget keeps that load to a share of the live
traffic, as Finagle's RetryBudget does. A client whose calls fail on purpose cannot spend it for everybody: it has the same
share of its own calls, and a part of what does not depend on traffic.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from gateway.policy.base.shares import ClientKey

WINDOW = 10  # seconds whose calls a budget counts

HANDFUL = 4
"""Extra calls that each client may have beyond its share, as long as there are some: as many as one call may need."""

Clock = Callable[[], float]


class Budget:
    """The extra calls of one worker: at no moment more than ``share`` of the calls of the last ten seconds plus ten times
    ``per_second``. It has a counter for each of the ten seconds, whatever the traffic. ``clock`` gives seconds."""

    __slots__ = (
        "_called",
        "_calls",
        "_clients",
        "_clock",
        "_end",
        "_floor",
        "_share",
        "_spenders",
        "_spendings",
        "_spent",
    )

    def __init__(self, share: float, per_second: float, clock: Clock) -> None:
        self._share = share
        self._floor = per_second * WINDOW
        self._clock = clock
        self._end = math.floor(clock()) + 1  # of the current second
        self._calls = [0] * WINDOW
        self._spendings = [0] * WINDOW
        self._clients: list[Counter[ClientKey]] = [Counter() for _ in range(WINDOW)]  # whose calls they were
        self._spenders: list[Counter[ClientKey]] = [Counter() for _ in range(WINDOW)]
        self._called = 0
        self._spent = 0

    def call(self, now: float, client: ClientKey = None) -> None:
        """Count a call of ``client`` at ``now`` of the clock, of which extra calls are a share."""
        if now >= self._end:
            self._forget(now)
        self._calls[-1] += 1
        self._clients[-1][client] += 1
        self._called += 1

    def spend(self, client: ClientKey = None) -> bool:
        """Take one extra call out of the budget, for a call of ``client``; False when none is left for that."""
        left = self.left
        if left < 1 or (client is not None and self._has_its_share(client, left)):
            return False
        self._spenders[-1][client] += 1
        self._spendings[-1] += 1
        self._spent += 1
        return True

    def _has_its_share(self, client: ClientKey, left: int) -> bool:
        spent = sum(second[client] for second in self._spenders)
        called = sum(second[client] for second in self._clients)
        return spent >= self._share * called + max(HANDFUL, min(left, self._floor))

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
        self._clients = self._clients[over:] + [Counter() for _ in range(over)]
        self._spenders = self._spenders[over:] + [Counter() for _ in range(over)]
        self._end = end
