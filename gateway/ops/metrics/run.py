"""The metrics of a run: the reports of its workers put together, and what only the supervisor knows.

This file is the door to prometheus-client, which writes the text format; it counts nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from gateway.ops.metrics import families
from gateway.ops.metrics.families import Counter, Gauge, Histogram, MetricsReport
from gateway.ops.metrics.histogram import BUCKETS

CONTENT_TYPE = CONTENT_TYPE_LATEST

_BOUNDS = [*(str(bound) for bound in BUCKETS), "+Inf"]
_KEPT = [family for family in families.WORKER if isinstance(family, Gauge) and family.kept]
_OVER: dict[str, Callable[[list[float]], float]] = {"sum": sum, "min": min, "max": max}

Labels = tuple[str, ...]


class Totals:
    """The counters and histograms of several reports, added up."""

    def __init__(self) -> None:
        self.counters: dict[str, dict[Labels, float]] = {}
        self.histograms: dict[str, dict[Labels, tuple[list[int], float]]] = {}

    def add(self, report: MetricsReport) -> None:
        """Add what one worker has counted since it began."""
        for name, rows in report["counters"].items():
            counted = self.counters.setdefault(name, {})
            for labels, value in rows:
                key = tuple(labels)
                counted[key] = counted.get(key, 0) + value
        for name, observed in report["histograms"].items():
            buckets = self.histograms.setdefault(name, {})
            for labels, counts, total in observed:
                key = tuple(labels)
                before, sum_before = buckets.get(key, ([0] * len(counts), 0.0))
                buckets[key] = ([a + b for a, b in zip(before, counts, strict=True)], sum_before + total)


class RunMetrics(Collector):
    """What ``/metrics`` exposes, over all workers.

    A worker is known by its number, not by its process: what an ended one has counted stays, so that counters never go
    back when it is replaced. A worker that is killed takes along what it counted since its last report.
    """

    def __init__(self) -> None:
        self._ended = Totals()
        self._kept: dict[str, dict[Labels, float]] = {family.name: {} for family in _KEPT}
        self._latest: dict[int, MetricsReport] = {}
        self._ready = 0
        self._missing = 0
        self._restarts = 0
        self._reloads = {"good": 0, "bad": 0}
        self._attempts: dict[Labels, float] = {}
        self._refused = False
        self._pending = 0

    def reported(self, worker: int, report: MetricsReport) -> None:
        """Take the latest report of a worker, in place of the one before."""
        self._latest[worker] = report

    def ended(self, worker: int) -> None:
        """The process of a worker has ended: its counters stay, its levels go, but for those that are kept."""
        report = self._latest.get(worker)
        if report is not None:
            for family in _KEPT:
                self._kept[family.name] = dict(self._levels(family))
            del self._latest[worker]
            self._ended.add(report)

    def workers(self, ready: int, wanted: int) -> None:
        """Set how many workers take requests, of how many."""
        self._ready, self._missing = ready, max(0, wanted - ready)

    def restarted(self) -> None:
        """Count a worker that is replaced."""
        self._restarts += 1

    def shortage(self, kind: str) -> None:
        """Count that the supervisor has run out of ``kind``."""
        counted = self._ended.counters.setdefault(families.SHORTAGES.name, {})
        counted[(kind,)] = counted.get((kind,), 0) + 1

    def attempted(self, trigger: str, outcome: str) -> None:
        """Count a reload by what asked for it and what it came to."""
        self._attempts[trigger, outcome] = self._attempts.get((trigger, outcome), 0) + 1

    def reloaded(self, good: bool, pending: int = 0) -> None:
        """Count a reload of the configuration, and whether it was served. ``pending``: settings that wait for a restart."""
        self._reloads["good" if good else "bad"] += 1
        self._refused, self._pending = not good, pending

    def counted(self, family: Counter) -> dict[Labels, float]:
        """What all workers have counted for ``family``, by its labels."""
        found = dict(self._ended.counters.get(family.name, {}))
        for report in self._latest.values():
            for labels, value in report["counters"].get(family.name, ()):
                key = tuple(labels)
                found[key] = found.get(key, 0) + value
        return found

    def levels(self, family: Gauge) -> dict[Labels, float]:
        """The level of ``family`` over all workers, by its labels."""
        return dict(self._levels(family))

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format (``CONTENT_TYPE``)."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        yield _gauge(families.UP, [((), 1)])
        yield _gauge(families.WORKERS, [(("ready",), self._ready), (("missing",), self._missing)])
        yield _counter(families.WORKER_RESTARTS, [((), self._restarts)])
        yield _counter(families.CONFIG_RELOADS, [((result,), times) for result, times in self._reloads.items()])
        if self._attempts:
            yield _counter(families.CONFIG_RELOAD_ATTEMPTS, self._attempts.items())
        yield _gauge(families.CONFIG_REFUSED, [((), self._refused)])
        yield _gauge(families.CONFIG_NEEDS_RESTART, [((), self._pending)])
        totals = deepcopy(self._ended)
        for report in self._latest.values():
            totals.add(report)
        for family in families.WORKER:
            if isinstance(family, Counter):
                counted = totals.counters.get(family.name)
                if counted:
                    yield _counter(family, counted.items())
            elif isinstance(family, Histogram):
                observed = totals.histograms.get(family.name)
                if observed:
                    yield _histogram(family, observed.items())
            else:
                levels = self._levels(family)
                if levels:
                    yield _gauge(family, levels)

    def _levels(self, family: Gauge) -> list[tuple[Labels, float]]:
        """One value for each set of labels, over the workers that live and what is kept of others."""
        values = {labels: [value] for labels, value in self._kept.get(family.name, {}).items()}
        for report in self._latest.values():
            for labels, value in report["gauges"].get(family.name, ()):
                values.setdefault(tuple(labels), []).append(value)
        return [(labels, _OVER[family.over](each)) for labels, each in values.items()]


def _counter(family: Counter, rows: Iterable[tuple[Labels, float]]) -> Metric:
    made = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in rows:
        made.add_metric(labels, value)
    return made


def _gauge(family: Gauge, rows: Iterable[tuple[Labels, float]]) -> Metric:
    made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in rows:
        made.add_metric(labels, value)
    return made


def _histogram(family: Histogram, rows: Iterable[tuple[Labels, tuple[Sequence[int], float]]]) -> Metric:
    made = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, (counts, total) in rows:
        # the text format's buckets each hold all that are no greater
        made.add_metric(labels, list(zip(_BOUNDS, map(float, accumulate(counts)), strict=True)), total)
    return made
