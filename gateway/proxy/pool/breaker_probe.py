"""Health checks as a breaker's tries: no user's request is spent on finding out whether an upstream is back, and one that
nobody calls is found out about too."""

from __future__ import annotations

from gateway.policy.breaker.breaker import Breaker
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.health_check import HealthChecker


class BreakerProbe:
    """Makes the checks of ``checker`` and gives their results to ``breaker`` too, when it is time for a try."""

    def __init__(self, breaker: Breaker, checker: HealthChecker, endpoints: list[Endpoint]) -> None:
        self._breaker = breaker
        self._check = checker.check
        self._endpoints = endpoints

    async def check(self, endpoint: Endpoint) -> bool | None:
        """See ``HealthChecker.check``. While another endpoint is healthy, a bad check says nothing about the upstream."""
        epoch = self._breaker.probe()
        if epoch is None:
            return await self._check(endpoint)
        healthy = None
        try:
            healthy = await self._check(endpoint)
        finally:
            others = any(other.checked_healthy for other in self._endpoints if other is not endpoint)
            failed = None if healthy is None or (not healthy and others) else not healthy
            self._breaker.probed(epoch, failed, endpoint.cause)
        return healthy
