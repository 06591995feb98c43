"""Health checks as a breaker's tries, so that no user's request is spent on finding out whether an upstream is back."""

from __future__ import annotations

from gateway.policy.breaker import Breaker
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.health_check import HealthChecker


class BreakerProbe:
    """Stands in for ``checker.check``: the same check, whose finding is told to ``breaker`` too when it wants a try."""

    def __init__(self, breaker: Breaker, checker: HealthChecker, endpoints: list[Endpoint]) -> None:
        self._breaker = breaker
        self._check = checker.check
        self._endpoints = endpoints

    async def check(self, endpoint: Endpoint) -> bool | None:
        """See ``HealthChecker.check``. While another endpoint is well, a bad check of this one says nothing about the upstream."""
        turn = self._breaker.probe()
        if turn is None:
            return await self._check(endpoint)
        found = None
        try:
            found = await self._check(endpoint)
        finally:
            others = any(other.checked_healthy for other in self._endpoints if other is not endpoint)
            self._breaker.probed(turn, None if found is None or (not found and others) else not found)
        return found
