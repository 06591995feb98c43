"""The observer of the data plane in a worker: every request goes to the metrics and to the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.failure import Cause
from gateway.core.shortage import Shortage
from gateway.ops.log import Log
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.plain import rfc3339
from gateway.ops.shortages import Shortages
from gateway.state.rules.lockout import Lock


class WorkerObserver:
    """The ``Observer`` (``proxy.observer``) of a worker. Lives on its event loop; keeps no request. ``shortages`` has what
    the gateway has run out of, on all listeners."""

    def __init__(self, log: Log, metrics: WorkerMetrics, shortages: Shortages | None = None) -> None:
        self.shortages = Shortages() if shortages is None else shortages
        self._log = log
        self._metrics = metrics

    def for_listener(self, listener: str) -> WorkerObserver:
        """The observer of a listener whose log lines name it, with the same metrics."""
        return WorkerObserver(self._log.bind(listener=listener), self._metrics, self.shortages)

    def begin(self, exchange: Exchange) -> None:
        """Nothing is counted before the end: the server knows how many requests are in flight."""

    def done(self, exchange: Exchange, elapsed: float) -> None:
        self._metrics.done(exchange, elapsed)
        self._log.access(exchange, elapsed)

    def event(self, name: str, **fields: object) -> None:
        self._metrics.event(name)
        self._log.event(name, **fields)

    def breaker_changed(
        self, upstream: str, before: str, state: str, failures: int, cause: Cause | None = None
    ) -> None:
        """See ``policy.base.tools.OperatorEvents``. The event is named after the new state, as in ``breaker_open``."""
        self._metrics.breaker_changed(upstream, state)
        self._metrics.breaker(upstream, state, False)
        why = {} if cause is None else cause.fields
        self.event(f"breaker_{state}", upstream=upstream, before=before, failures=failures, **why)

    def locked(self, lockout: str, lock: Lock) -> None:
        """See ``policy.base.tools.OperatorEvents``. ``who`` is what ``GET /v1/lockouts`` lists: an account's keyed hash."""
        self._metrics.locked(lockout, lock.kind)
        until = rfc3339(lock.until)
        self.event("locked", lockout=lockout, kind=lock.kind, who=lock.who, until=until, reason=lock.reason)

    def shortage(self, kind: Shortage, where: str) -> None:
        """See ``proxy.observer.Observer``. Each is counted; the log has one line in a while."""
        self._metrics.shortage(kind)
        times = self.shortages.note(kind, where)
        if times:
            self.event("shortage", kind=kind, where=where, times=times)

    def endpoints(self, upstream: str, listed: Iterable[Mapping[str, Any]]) -> None:
        """The endpoints of an upstream, as health lists them. A name is healthy when all addresses behind it are."""
        healthy: dict[str, bool] = {}
        for endpoint in listed:
            address = endpoint["address"]
            healthy[address] = endpoint["healthy"] and healthy.get(address, True)
        self._metrics.endpoints(upstream, healthy)

    @property
    def lines_dropped(self) -> int:
        """Log lines that were dropped since the process began."""
        return self._log.sink.dropped
