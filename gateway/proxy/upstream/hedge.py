"""Hedging: a safe call that takes longer than usual is sent to a second endpoint too, and the first good answer counts.

It trades a few more calls for a shorter tail (J. Dean and L. A. Barroso, The Tail at Scale, Communications of the ACM
56(2), 2013). The budget keeps "a few" true also when everything is slow at once, which is when hedging helps nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.config.upstream_settings import HedgeSettings as Settings
from gateway.proxy.upstream.budget import Budget

KEPT = 512  # times that a quantile is taken of
LEAST = 50  # fewer say nothing about a quantile
FRESH = 32  # times until it is reckoned anew


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
