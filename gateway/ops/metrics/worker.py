"""The metrics of one worker: plain numbers in memory, which travel to the supervisor with its status report.

A worker loads no metrics library and writes no file. Its report has everything since the worker began, so that a report
which is lost costs nothing once the next one arrives.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.core.exchange import Exchange
from gateway.ops.clients import BusiestClients
from gateway.ops.metrics import families
from gateway.ops.metrics.families import Counter, Gauge, MetricsReport
from gateway.ops.metrics.histogram import Observations

SLICE = 256
"""Values counted, or series looked at, before other work has a chance: some 50 us. 6,000 of them, a quarter of a second at full
load, took 1 ms."""

NO_ROUTE = "unmatched"  # the route label of what matched no route, as the data plane names it

MOST_OF_ROUTE = 100
"""Statuses and reasons of one route that are counted apart: twice what there is of both. An upstream that makes up
statuses would otherwise hold its worker up for 30 ms a second, and the supervisor for 100."""

MOST_SERIES = 50_000
"""Routes, statuses and reasons that are counted apart. An upstream may send any status, and each would cost memory and a
place in every report; of further ones only the class is counted (RFC 9110 15): 451 as 400."""

_STATES = {"closed": 0, "half_open": 1, "open": 2}
_BEYOND_FIRST = {"retries": families.RETRIES, "hedges": families.HEDGES, "ejections": families.EJECTIONS}


class RequestSeries:
    """Requests of one route, status and reason. ``durations`` and ``upstream_durations`` are in seconds and not yet
    counted; ``requests`` are."""

    __slots__ = ("clients", "durations", "observations", "requests", "upstream_durations", "upstream_observations")

    def __init__(self, observations: Observations, upstream_observations: Observations) -> None:
        self.requests = 0
        self.durations: list[float] = []
        self.clients: list[str] = []  # of the requests whose durations these are
        self.upstream_durations: list[float] = []
        self.observations = observations
        self.upstream_observations = upstream_observations

    def count(self, most: int) -> int:
        """Count up to ``most`` of what has gathered, in a row, so that no request pays for it with cold caches; how many."""
        durations, upstream_durations = self.durations[:most], self.upstream_durations[:most]
        self.requests += len(durations)
        self.observations.add(durations)
        self.upstream_observations.add(upstream_durations)
        del self.durations[:most], self.upstream_durations[:most], self.clients[:most]
        return len(durations) + len(upstream_durations)


class WorkerMetrics:
    """Counts on the event loop of its worker. Labels are route names, statuses, reasons and names from the
    configuration, all few."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.clients = BusiestClients(wall)
        self._series: dict[tuple[str, int, str], RequestSeries] = {}
        self._of_route: collections.Counter[str] = collections.Counter()
        self._observations: dict[str, tuple[Observations, Observations]] = {}
        self._counters: dict[str, dict[tuple[str, ...], int]] = {
            family.name: {} for family in families.WORKER if isinstance(family, Counter)
        }
        self._gauges: dict[str, dict[tuple[str, ...], float]] = {
            family.name: {} for family in families.WORKER if isinstance(family, Gauge)
        }
        self.listener(families.LISTENER_PUBLIC, 0, 0)  # reported from the beginning
        self.state_store(True)

    def done(self, exchange: Exchange, elapsed: float) -> None:
        """Count one request that has ended, ``elapsed`` seconds after its head."""
        name = exchange.route.name or NO_ROUTE
        reason = exchange.reason
        key = (name, exchange.status, reason)
        series = self._series.get(key)
        if series is None:
            series = self._new_series(key)
        series.durations.append(elapsed)
        series.clients.append(exchange.principal or exchange.client)
        if exchange.endpoint:
            series.upstream_durations.append(exchange.upstream_time)
        if (reason or exchange.reported) and (
            exchange.refused_by or exchange.reported or exchange.fallback or reason == "upstream_resting"
        ):
            self._refused(exchange, name)

    def _refused(self, exchange: Exchange, route: str) -> None:
        """Count why a request was refused, or would have been."""
        if exchange.reason == "upstream_resting":
            self._add(families.BREAKER_REJECTED, exchange.detail)
        if exchange.fallback:
            self._add(families.FALLBACKS, route, exchange.fallback, exchange.reason)
        for refusal in exchange.reported:
            self._add(families.REPORTED, route, refusal.reason.slug)
            for policy in refusal.refused_by:
                self._add(families.WOULD_REFUSE, route, policy, refusal.reason.slug)
        for limit in exchange.refused_by:
            self._add(families.LIMITED, *limit)

    def _new_series(self, key: tuple[str, int, str]) -> RequestSeries:
        name, status, reason = key
        if len(self._series) >= MOST_SERIES or self._of_route[name] >= MOST_OF_ROUTE:
            key = (name, status // 100 * 100, reason)
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = RequestSeries(*self._observations_of(name))
            self._of_route[name] += 1
        return found

    def _observations_of(self, route: str) -> tuple[Observations, Observations]:
        found = self._observations.get(route)
        if found is None:
            found = self._observations[route] = (Observations(), Observations())
        return found

    def _add(self, family: Counter, *labels: str, times: int = 1) -> None:
        counted = self._counters[family.name]
        counted[labels] = counted.get(labels, 0) + times

    def _set(self, family: Gauge, value: float, *labels: str) -> None:
        self._gauges[family.name][labels] = value

    def event(self, name: str) -> None:
        """Count an event. ``name`` comes from the code, never from a client."""
        self._add(families.EVENTS, name)

    def shortage(self, kind: str) -> None:
        """Count that the gateway has run out of ``kind``."""
        self._add(families.SHORTAGES, kind)

    def connections_limit(self, name: str, connections: int) -> None:
        """Set how many connections a listener may have."""
        self._set(families.CONNECTIONS_LIMIT, connections, name)

    def locked(self, lockout: str, kind: str) -> None:
        """Count a lock that was set."""
        self._add(families.LOCKS, lockout, kind)

    def breaker_changed(self, upstream: str, state: str) -> None:
        """Count a change of a breaker's state."""
        self._add(families.BREAKER_TRANSITIONS, upstream, state)

    def breaker(self, upstream: str, state: str, forced: bool) -> None:
        """Set the state of a breaker, and whether an operator holds it there."""
        self._set(families.BREAKER_STATE, _STATES[state], upstream)
        self._set(families.BREAKER_FORCED, forced, upstream)

    def calls(self, upstream: str, counted: Mapping[tuple[str, str], int], left: Mapping[str, int]) -> None:
        """Add the retries, hedges and ejections since the last time, and set what is ``left`` of each budget."""
        for (what, why), times in counted.items():
            self._add(_BEYOND_FIRST[what], upstream, why, times=times)
        for budget, calls in left.items():
            self._set(families.BUDGET_LEFT, calls, upstream, budget)

    def concurrency(self, upstream: str, taken: int, waiting: int) -> None:
        """Set how many calls to an upstream run, and how many wait."""
        self._set(families.UPSTREAM_CALLS, taken, upstream, "taken")
        self._set(families.UPSTREAM_CALLS, waiting, upstream, "waiting")

    def endpoints(self, upstream: str, healthy: Mapping[str, bool]) -> None:
        """Set for each endpoint whether this worker sends it calls."""
        for endpoint, is_healthy in healthy.items():
            self._set(families.ENDPOINT_HEALTHY, is_healthy, upstream, endpoint)

    def token_key(self, policy: str, key: str, verified: int, last: float) -> None:
        """Add the tokens that a key has verified since the last time, the last of them at ``last`` (Unix seconds)."""
        self._add(families.TOKENS_VERIFIED, policy, key, times=verified)
        if verified:
            self._set(families.TOKEN_KEY_LAST, last, policy, key)

    def token_lifetime(self, policy: str, seconds: float) -> None:
        """Set the longest life of a token that was seen, unless a longer one was seen before."""
        known = self._gauges[families.TOKEN_LIFETIME.name].get((policy,), 0.0)
        self._set(families.TOKEN_LIFETIME, max(known, seconds), policy)

    def listener(self, name: str, in_flight: int, connections: int) -> None:
        """Set the requests in progress and the open connections of a listener."""
        self._set(families.IN_FLIGHT, in_flight, name)
        self._set(families.CONNECTIONS, connections, name)

    def taking(self, listener: str, ended: Mapping[str, int], unsent: int) -> None:
        """Set how many connections a listener has ended since the process began, by why, and what waits for its clients."""
        for why, connections in ended.items():
            self._counters[families.CONNECTIONS_ENDED.name][listener, why] = connections
        self._set(families.UNSENT, unsent, listener)

    def state_store(self, works: bool) -> None:
        """Set whether the configured state store works."""
        self._set(families.STATE_OK, works)

    def lines_dropped(self, lines: int) -> None:
        """Set how many log lines were dropped since the process began."""
        self._counters[families.LOG_LINES_DROPPED.name][()] = lines

    def gather(self) -> Iterator[None]:
        """Count the requests since the last time, some 50 us of work before each yield. To be done a few times a second, so
        that little gathers."""
        left = SLICE
        for (_, _, reason), series in list(self._series.items()):
            while series.durations or series.upstream_durations:
                self.clients.add(series.clients[:SLICE], reason != "")
                left -= series.count(SLICE)
                if left <= 0:
                    left = SLICE
                    yield
            left -= 1
            if left <= 0:
                left = SLICE
                yield

    def report(self) -> MetricsReport:
        """Everything since the worker began."""
        for _ in self.gather():
            pass
        counters: dict[str, list[tuple[Sequence[str], float]]] = {
            name: list(rows.items()) for name, rows in self._counters.items() if rows
        }
        counters[families.REQUESTS.name] = [
            ((route, str(status), reason), series.requests) for (route, status, reason), series in self._series.items()
        ]
        pairs = self._observations.items()
        return {
            "counters": counters,
            "gauges": {name: list(rows.items()) for name, rows in self._gauges.items() if rows},
            "histograms": {
                families.REQUEST_SECONDS.name: [_row(route, requests) for route, (requests, _) in pairs],
                families.UPSTREAM_SECONDS.name: [
                    _row(route, calls) for route, (_, calls) in pairs if any(calls.counts)
                ],
            },
        }


def _row(route: str, seen: Observations) -> tuple[tuple[str], list[int], float]:
    return (route,), seen.counts, seen.total
