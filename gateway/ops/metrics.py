"""The figures: what prometheus reads, over all processes of a gateway (this file is prometheus-client's door).

Every process writes to memory-mapped files in one directory, and whoever is asked adds the files up. A file belongs to
a worker's place ("0", "1", ...), not to a process id: a replaced worker counts on in the file of the one before, so
counters neither fall back nor gather files over restarts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.values import MultiProcessValue

from gateway.core.exchange import Exchange
from gateway.ops.tally import BUCKETS, Count, Series, Tally

CONTENT_TYPE = CONTENT_TYPE_LATEST
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it from the environment

ROOM = 1024 * 1024  # bytes that must be free before more is written: a process writes some 300 KiB in all

PUBLIC = "public"  # the listener of the clients
NO_ROUTE = "unmatched"  # the route label of what matched no route, as the data plane names it


def use_files(place: str) -> None:
    """Keep this process's figures in files named ``place``. To be called before any ``Metrics`` is made."""
    values.ValueClass = MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]  # the library has no types


def forget_place(directory: Path, place: str) -> None:
    """Take the gauges of a worker that is gone out of the sums; its counters stay."""
    mark_process_dead(place, str(directory))  # type: ignore[no-untyped-call]  # the library has no types


def has_room(folder: Path) -> bool:
    """Whether the disk takes some more figures."""
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize > ROOM


def exposition(directory: Path) -> bytes:
    """The figures of all processes in the text format. Raises OSError when ``directory`` is gone."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]  # the library has no types
    except ValueError as error:
        raise FileNotFoundError(str(directory)) from error
    return generate_latest(registry)


class Metrics:
    """The figures of one worker, gathered in plain numbers and handed to prometheus-client by ``flush``.

    Counting straight into its memory-mapped values costs 9 us a request, gathering 1 us, and a request never meets a
    file. Children are looked up once; labels are route names, statuses and reasons, all few. While ``room`` says that
    there is none on the disk, gathering goes on: a mapped file that cannot grow ends the process (SIGBUS).
    """

    def __init__(self, registry: CollectorRegistry | None = None, room: Callable[[], bool] = lambda: True) -> None:
        registry = registry or CollectorRegistry()
        self._room = room
        self._requests = Counter(
            "gateway_requests_total",
            "Requests that are over, answered or not (status 0).",
            ("route", "status", "reason"),
            registry=registry,
        )
        self._seconds = Histogram(
            "gateway_request_seconds",
            "From the request's head to the end of its answer.",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._upstream = Histogram(
            "gateway_upstream_seconds",
            "From sending a request on to the head of its answer.",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._reported = Counter(
            "gateway_reported_total",
            "Requests that policies in report mode let pass and would have refused.",
            ("route", "reason"),
            registry=registry,
        )
        self._resting(registry)
        self._calling(registry)
        self._events = Counter("gateway_events_total", "Events in the log, by name.", ("event",), registry=registry)
        levels: dict[str, Any] = {"labelnames": ("listener",), "multiprocess_mode": "livesum", "registry": registry}
        text = "Requests that are being worked on, as of at most a second ago."
        self._in_flight = Gauge("gateway_requests_in_flight", text, **levels)
        text = "Connections to a listener that are open, as of at most a second ago."
        self._connections = Gauge("gateway_connections", text, **levels)
        for gauge in (self._in_flight, self._connections):
            gauge.labels(PUBLIC)  # there from the beginning, at 0
        self._store = Gauge(
            "gateway_state_ok",
            "1 while the state store answers that is configured, 0 while the embedded one stands in or it fails.",
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._dropped = Counter(
            "gateway_log_lines_dropped_total",
            "Log lines that nobody took: a slow or absent reader, a full disk.",
            registry=registry,
        )
        self._kinds: dict[tuple[str, int, str], Series] = {}
        self._others: dict[tuple[object, ...], Count] = {}  # whatever is rare
        self._tallies: dict[str, tuple[Tally, Tally]] = {}
        self._dropped_before = 0

    def _resting(self, registry: CollectorRegistry) -> None:
        """The figures of breakers, fallbacks and lockouts."""
        self._locked = Counter(
            "gateway_locks_total",
            "Locks that were set, by lockout and by what was locked: account, address or pair.",
            ("lockout", "kind"),
            registry=registry,
        )
        self._fallbacks = Counter(
            "gateway_fallbacks_total",
            "Answers that stood in for an upstream's, by why.",
            ("route", "fallback", "reason"),
            registry=registry,
        )
        self._transitions = Counter(
            "gateway_breaker_transitions_total",
            "Changes of a breaker, by the state it went to.",
            ("upstream", "state"),
            registry=registry,
        )
        self._breaker = Gauge(
            "gateway_breaker_state",
            "How a breaker stands, as of at most a second ago: 0 closed, 1 half open, 2 open.",
            ("upstream",),
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._forced = Gauge(
            "gateway_breaker_forced",
            "1 while an operator holds a breaker in its state, as of at most a second ago.",
            ("upstream",),
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._rejected = Counter(
            "gateway_breaker_rejected_total",
            "Calls that a breaker kept from an upstream, those that got a fallback too.",
            ("upstream",),
            registry=registry,
        )

    def _calling(self, registry: CollectorRegistry) -> None:
        """The figures of calls to upstreams beyond the first attempt."""
        self._extra = {
            "retries": Counter(
                "gateway_retries_total", "Calls made again, by what had failed.", ("upstream", "why"), registry=registry
            ),
            "hedges": Counter(
                "gateway_hedges_total",
                "Calls sent to a second endpoint too, by whether its answer was the one used.",
                ("upstream", "result"),
                registry=registry,
            ),
            "ejections": Counter(
                "gateway_ejections_total", "Endpoints left out.", ("upstream", "endpoint"), registry=registry
            ),
        }
        self._budget = Gauge(
            "gateway_budget_left",
            "Extra calls that all workers together could make now, as of at most a second ago.",
            ("upstream", "budget"),
            multiprocess_mode="livesum",
            registry=registry,
        )

        self._places = Gauge(
            "gateway_upstream_calls",
            "Calls to an upstream with a limit on calls at once, by whether they are under way or wait.",
            ("upstream", "state"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._endpoints = Gauge(
            "gateway_endpoint_healthy",
            "Whether an endpoint may get calls, in every worker, as of at most a second ago.",
            ("upstream", "endpoint"),
            multiprocess_mode="livemin",
            registry=registry,
        )

    def done(self, exchange: Exchange, elapsed: float) -> None:
        """Count one finished request that took ``elapsed`` seconds."""
        route = exchange.route
        name = NO_ROUTE if route is None else route.name
        key = (name, exchange.status, exchange.reason)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._kind(*key)
        kind.took.append(elapsed)
        if exchange.endpoint:
            kind.waited.append(exchange.upstream_time)
        if exchange.reason == "upstream_resting":
            self._other(self._rejected, exchange.detail).pending += 1
        if exchange.fallback:
            self._other(self._fallbacks, name, exchange.fallback, exchange.reason).pending += 1
        if exchange.reported:
            for slug in exchange.reported:
                self._other(self._reported, name, slug).pending += 1

    def _kind(self, route: str, status: int, reason: str) -> Series:
        tallies = self._tallies.get(route)
        if tallies is None:
            tallies = self._tallies[route] = (Tally(self._seconds, route), Tally(self._upstream, route))
        return Series(Count(self._requests, route, str(status), reason), *tallies)

    def _other(self, counter: Counter, *labels: str) -> Count:
        key = (counter, *labels)
        found = self._others.get(key)
        if found is None:
            found = self._others[key] = Count(counter, *labels)
        return found

    def event(self, name: str) -> None:
        """Count an event. ``name`` comes from the code, never from a client."""
        self._other(self._events, name).pending += 1

    def locked(self, lockout: str, kind: str) -> None:
        """Count a lock that was set."""
        self._other(self._locked, lockout, kind).pending += 1

    def breaker_changed(self, upstream: str, state: str) -> None:
        """Count a change of a breaker."""
        self._other(self._transitions, upstream, state).pending += 1

    def breaker_stands(self, upstream: str, state: str, forced: bool) -> None:
        """Tell how a breaker stands now, and whether an operator holds it there."""
        if self._room():
            self._forced.labels(upstream).set(forced)
            self._breaker.labels(upstream).set({"closed": 0, "half_open": 1, "open": 2}[state])

    def called(self, upstream: str, counted: Mapping[tuple[str, str], int], left: Mapping[str, int]) -> None:
        """Add what was done beyond first attempts since the last time, and tell what is ``left`` of each budget."""
        for (figure, why), times in counted.items():
            self._other(self._extra[figure], upstream, why).pending += times
        if self._room():
            for budget, calls in left.items():
                self._budget.labels(upstream, budget).set(calls)

    def places_stand(self, upstream: str, taken: int, waiting: int) -> None:
        """Tell how many calls to an upstream are under way, and how many wait for a place."""
        if self._room():
            self._places.labels(upstream, "taken").set(taken)
            self._places.labels(upstream, "waiting").set(waiting)

    def endpoints_stand(self, upstream: str, healthy: Mapping[str, bool]) -> None:
        """Tell of each endpoint whether it may get calls."""
        if self._room():
            for endpoint, well in healthy.items():
                self._endpoints.labels(upstream, endpoint).set(well)

    def levels(self, listener: str, in_flight: int, connections: int) -> None:
        """Tell what is going on at a listener now."""
        if self._room():
            self._stand(listener, in_flight, connections)

    def _stand(self, listener: str, in_flight: int, connections: int) -> None:
        self._in_flight.labels(listener).set(in_flight)
        self._connections.labels(listener).set(connections)

    def flush(self, in_flight: int, connections: int, dropped: int, store_ok: bool = True) -> None:
        """Hand on what was gathered, and the levels as they are now; ``dropped`` lines since the process began.

        Called a few times a second and before the process ends.
        """
        for kind in self._kinds.values():
            kind.count()
        if not self._room():
            return
        for kind in self._kinds.values():
            if kind.requests.pending:
                kind.requests.flush()
                kind.seconds.flush()
                kind.upstream.flush()
        for count in self._others.values():
            count.flush()
        self._stand(PUBLIC, in_flight, connections)
        self._store.set(store_ok)
        if dropped > self._dropped_before:
            self._dropped.inc(dropped - self._dropped_before)
            self._dropped_before = dropped


class Overseer:
    """The figures only the supervisor knows."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._up = Gauge("gateway_up", "1 while the gateway runs.", multiprocess_mode="livemax", registry=registry)
        self._workers = Gauge(
            "gateway_workers",
            "Worker processes by whether they take requests.",
            ("state",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._restarts = Counter("gateway_worker_restarts_total", "Workers that were replaced.", registry=registry)
        self._reloads = Counter(
            "gateway_config_reloads_total", "Reloads of the configuration.", ("result",), registry=registry
        )
        self._up.set(1)
        for result in ("good", "bad"):
            self._reloads.labels(result)

    def workers(self, ready: int, wanted: int) -> None:
        self._workers.labels("ready").set(ready)
        self._workers.labels("missing").set(max(0, wanted - ready))

    def restarted(self) -> None:
        self._restarts.inc()

    def reloaded(self, good: bool) -> None:
        self._reloads.labels("good" if good else "bad").inc()
