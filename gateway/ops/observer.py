"""Who watches the data plane: every request to the figures and to the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.core.exchange import Exchange
from gateway.ops.log import Log
from gateway.ops.metrics import PUBLIC, Metrics
from gateway.ops.plain import rfc3339


class Watcher:
    """The Observer (``proxy.observer``) of one worker. Lives on its event loop; keeps no request."""

    def __init__(self, log: Log, metrics: Metrics, listener: str = PUBLIC) -> None:
        self._listener = listener
        self.in_flight = 0
        self.store_ok = True
        """Whether the state store answers that the configuration names."""
        self._log = log
        self._metrics = metrics

    def beside(self, listener: str) -> Watcher:
        """Who watches another listener of the same worker: the same figures and log, which name it."""
        return Watcher(self._log.beside(listener=listener), self._metrics, listener)

    def begin(self, exchange: Exchange) -> None:
        self.in_flight += 1

    def done(self, exchange: Exchange, elapsed: float) -> None:
        self.in_flight -= 1
        self._metrics.done(exchange, elapsed)
        self._log.access(exchange, elapsed)

    def event(self, name: str, **fields: object) -> None:
        self._metrics.event(name)
        self._log.event(name, **fields)

    def told(self, name: str, **fields: object) -> None:
        """An event of a policy or an upstream. Of a breaker ``name`` ends with the state it went to."""
        if name == "locked":
            self._metrics.locked(str(fields["lockout"]), str(fields["kind"]))
            until = fields["until"]
            self.event(name, **{**fields, "until": rfc3339(until) if isinstance(until, float) else until})
            return
        if not name.startswith("breaker_"):
            self.event(name, **fields)
            return
        state, upstream = name.removeprefix("breaker_"), str(fields.get("upstream"))
        self._metrics.breaker_changed(upstream, state)
        self._metrics.breaker_stands(upstream, state, False)
        self.event(name, **fields)

    def stands(self, upstream: str, state: str, forced: bool) -> None:
        """How a breaker stands, as seen once a second: another worker may have changed it."""
        self._metrics.breaker_stands(upstream, state, forced)

    def endpoints(self, upstream: str, listed: Iterable[Mapping[str, Any]]) -> None:
        """How the endpoints of an upstream stand, as health lists them; a name is well when all it leads to is."""
        healthy: dict[str, bool] = {}
        for endpoint in listed:
            address = endpoint["address"]
            healthy[address] = endpoint["healthy"] and healthy.get(address, True)
        self._metrics.endpoints_stand(upstream, healthy)

    def places(self, upstream: str, taken: int, waiting: int) -> None:
        """How many calls to an upstream are under way, and how many wait for a place."""
        self._metrics.places_stand(upstream, taken, waiting)

    def called(self, upstream: str, counted: Mapping[tuple[str, str], int], left: Mapping[str, int]) -> None:
        """What was done for an upstream beyond first attempts, and what is left of its budgets."""
        self._metrics.called(upstream, counted, left)

    def levels(self, connections: int) -> None:
        """What ``tick`` does, for a listener beside the public one."""
        self._metrics.levels(self._listener, self.in_flight, connections)

    def tick(self, connections: int) -> None:
        """Called a few times a second and before the process ends: bring the figures up to date."""
        self._metrics.flush(self.in_flight, connections, self._log.sink.dropped, self.store_ok)
