"""Passive ejection: an endpoint that fails its calls gets none for a while, whatever its health path says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from gateway.config.upstream_settings import EjectionSettings as Settings
from gateway.proxy.pool.endpoint import Endpoint


class OutlierEjection:
    """Watches the calls to ``endpoints``. ``clock`` in seconds; ``changed`` is called when one goes or proves itself,
    ``on_event`` gets an event's name and fields."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        clock: Callable[[], float],
        changed: Callable[[], None],
        on_event: Callable[..., None],
    ) -> None:
        self._settings = settings
        self._count = frozenset(settings.count)
        self._endpoints = endpoints
        self._clock = clock
        self._changed = changed
        self._on_event = on_event

    def record(self, endpoint: Endpoint, outcome: str | int) -> bool:
        """How a call ended: the status of its answer, or how it failed. True when ``endpoint`` is ejected for it."""
        if endpoint.ejected_for:
            return False  # a call from before says nothing new
        if outcome not in self._count:
            if isinstance(outcome, int):
                self._good(endpoint)
            return False
        if outcome != "connect":  # the pool has counted that one
            endpoint.failures += 1
        if (endpoint.on_probation or endpoint.failures >= self._settings.failures) and self._may_go(endpoint):
            self._eject(endpoint)
            return True
        return False

    def _good(self, endpoint: Endpoint) -> None:
        endpoint.failures = 0
        if endpoint.on_probation:
            endpoint.on_probation = False
            self._on_event("endpoint_back", endpoint=endpoint.label)

    def _may_go(self, endpoint: Endpoint) -> bool:
        out = sum(1 for other in self._endpoints if other is not endpoint and not other.healthy)
        return out + 1 <= math.floor(self._settings.most * len(self._endpoints) + 1e-9)

    def _eject(self, endpoint: Endpoint) -> None:
        now = self._clock()
        if endpoint.ejections and now - endpoint.ejected_until > self._span(endpoint.ejections - 1):
            endpoint.ejections = 0  # it has been well for longer than it was out the last time
        span = self._span(endpoint.ejections)
        self._on_event("endpoint_ejected", endpoint=endpoint.label, failures=endpoint.failures, for_s=span)
        endpoint.ejections += 1
        endpoint.ejected_until = now + span
        endpoint.failures = 0
        endpoint.on_probation = True
        self._changed()

    def _span(self, before: int) -> float:
        """Seconds of an ejection after ``before`` others: each twice as long as the last."""
        return min(self._settings.max_eject_for, self._settings.eject_for * 2.0 ** min(before, 64))
