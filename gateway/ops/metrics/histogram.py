"""The buckets of seconds, and what a worker counts in them."""

from __future__ import annotations

from bisect import bisect_left

# Seconds. From a response the gateway makes itself (under 1 ms) to the longest an upstream may take (15 s).
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)


class Observations:
    """How many values fell into each bucket, not added up; the last count is of those above all. ``total`` in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, values: list[float]) -> None:
        """Count ``values``, in seconds."""
        counts = self.counts
        for value in values:
            counts[bisect_left(BUCKETS, value)] += 1
        self.total += sum(values)
