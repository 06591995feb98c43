"""Outlier ejection: an endpoint that fails its calls gets none for a while, whatever its health checks find."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from gateway.config.upstream_settings import EjectionSettings as Settings
from gateway.core.failure import CallFailure, named
from gateway.proxy.pool.endpoint import Endpoint

_COUNTED_BY_THE_POOL = frozenset({CallFailure.CONNECT, CallFailure.CONNECT_TIMEOUT})


class OutlierEjection:
    """Watches the calls to ``endpoints``. ``clock`` gives seconds. ``changed`` is called when an endpoint is ejected;
    ``on_event`` gets the name and the fields of an event."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        clock: Callable[[], float],
        changed: Callable[[], None],
        on_event: Callable[..., None],
    ) -> None:
        self._settings = settings
        self._count = named(settings.count)
        self._endpoints = endpoints
        self._clock = clock
        self._changed = changed
        self._on_event = on_event

    def record(self, endpoint: Endpoint, outcome: CallFailure | int) -> bool:
        """Count how a call ended: the status of its response, or how it failed. True when ``endpoint`` is ejected for it."""
        if endpoint.ejected_for:
            return False  # the call began before the ejection
        if outcome not in self._count:
            if isinstance(outcome, int):
                self._record_success(endpoint)
            return False
        if isinstance(outcome, int):
            endpoint.note_status(outcome)
        if outcome not in _COUNTED_BY_THE_POOL:
            endpoint.failures += 1
        if (endpoint.on_probation or endpoint.failures >= self._settings.failures) and self._may_eject(endpoint):
            self._eject(endpoint)
            return True
        return False

    def _record_success(self, endpoint: Endpoint) -> None:
        endpoint.failures = 0
        if endpoint.on_probation:
            endpoint.on_probation = False
            self._on_event("endpoint_back", endpoint=endpoint.label)

    def _may_eject(self, endpoint: Endpoint) -> bool:
        out = sum(1 for other in self._endpoints if other is not endpoint and not other.healthy)
        return out + 1 <= math.floor(self._settings.most * len(self._endpoints) + 1e-9)

    def _eject(self, endpoint: Endpoint) -> None:
        now = self._clock()
        if endpoint.ejections and now - endpoint.ejected_until > self._seconds(endpoint.ejections - 1):
            endpoint.ejections = 0  # it has been healthy for longer than the last ejection took
        seconds = self._seconds(endpoint.ejections)
        failures, why = endpoint.failures, endpoint.why
        self._on_event("endpoint_ejected", endpoint=endpoint.label, failures=failures, for_s=seconds, **why)
        endpoint.ejections += 1
        endpoint.ejected_until = now + seconds
        endpoint.failures = 0
        endpoint.on_probation = True
        self._changed()

    def _seconds(self, before: int) -> float:
        """How long an ejection takes after ``before`` others: each twice as long as the last."""
        return min(self._settings.max_eject_for, self._settings.eject_for * 2.0 ** min(before, 64))
