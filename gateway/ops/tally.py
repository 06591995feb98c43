"""What a worker counts between two flushes: plain numbers, so that a request never meets a file.

The children they end in are prometheus-client's (``ops.metrics`` makes them); here they are only added to.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

# Seconds. From an answer the gateway gives by itself (under 1 ms) to the longest an upstream may take (15 s).
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)


class Tally:
    """Observations of one histogram child between two flushes; the child is made with the first of them."""

    __slots__ = ("_child", "_histogram", "_route", "counts", "total")

    def __init__(self, histogram: Any, route: str) -> None:
        self._histogram = histogram
        self._route = route
        self._child: Any = None
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, values: list[float]) -> None:
        counts = self.counts
        for value in values:
            counts[bisect_left(BUCKETS, value)] += 1
        self.total += sum(values)

    def flush(self) -> None:
        if not any(self.counts):
            return
        child = self._child
        if child is None:
            child = self._child = self._histogram.labels(self._route)
        # observe() takes one value at a time and three locks each; what it would have added up is added at once.
        for bucket, count in zip(child._buckets, self.counts, strict=True):
            if count:
                bucket.inc(count)
        child._sum.inc(self.total)
        self.counts = [0] * len(self.counts)
        self.total = 0.0


class Count:
    """Increments of one counter child between two flushes; the child is made with the first of them."""

    __slots__ = ("_child", "_counter", "_labels", "pending")

    def __init__(self, counter: Any, *labels: str) -> None:
        self._counter = counter
        self._labels = labels
        self._child: Any = None
        self.pending = 0

    def flush(self) -> None:
        if not self.pending:
            return
        if self._child is None:
            self._child = self._counter.labels(*self._labels)
        self._child.inc(self.pending)
        self.pending = 0


class Series:
    """Requests of one route, status and reason. ``took`` and ``waited`` are their seconds that are not counted yet."""

    __slots__ = ("requests", "seconds", "took", "upstream", "waited")

    def __init__(self, requests: Count, seconds: Tally, upstream: Tally) -> None:
        self.requests = requests
        self.seconds = seconds
        self.upstream = upstream
        self.took: list[float] = []
        self.waited: list[float] = []

    def count(self) -> None:
        """Count what has gathered: all of it in a row, so that no request pays for it with cold caches."""
        if not self.took:
            return
        self.requests.pending += len(self.took)
        self.seconds.add(self.took)
        self.upstream.add(self.waited)
        self.took = []
        self.waited = []
