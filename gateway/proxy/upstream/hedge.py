"""Hedging: a safe call that takes longer than usual is sent to a second endpoint too, and the first good response wins.

It trades a few more calls for a shorter tail (J. Dean and L. A. Barroso, The Tail at Scale, Communications of the ACM
56(2), 2013). The budget keeps "a few" true also when everything is slow at once, which is when hedging helps nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.config.upstream_settings import HedgeSettings as Settings
from gateway.proxy.upstream.budget import Budget

SAMPLES = 512  # latest times that the quantile is taken of
MIN_SAMPLES = 50  # fewer give no quantile
RECOMPUTE_EVERY = 32  # new times


class Hedge:
    """When to make the second attempt of a call to one upstream. ``clock`` gives seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.budget = Budget(settings.budget, 0, clock)
        self._quantile = settings.quantile
        self._after: float | None = settings.after if isinstance(settings.after, float) else None
        self._times: deque[float] = deque(maxlen=SAMPLES)
        self._new = 0

    @property
    def after(self) -> float | None:
        """Seconds after which the second attempt is made; None while there are too few times for a quantile."""
        return self._after

    def record(self, seconds: float) -> None:
        """Count a call whose response began after ``seconds``."""
        if self._quantile is None:
            return
        self._times.append(seconds)
        self._new += 1
        if self._new >= RECOMPUTE_EVERY and len(self._times) >= MIN_SAMPLES:
            self._new = 0
            ordered = sorted(self._times)
            self._after = ordered[min(int(len(ordered) * self._quantile), len(ordered) - 1)]
