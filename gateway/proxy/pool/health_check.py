"""Active health checks: each endpoint is asked for its health path now and then, and gets calls only while it is well."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable

from gateway.config.upstream_settings import HealthCheckSettings
from gateway.core.failure import CallFailure
from gateway.proxy.pool.connection import ignore_informational
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import Pool


def _untold(name: str, **fields: object) -> None:
    """Takes events where nobody watches."""


class HealthChecker:
    """Checks the endpoints of one pool, those too that join it later.

    ``draw`` gives numbers from 0.0 to 1.0 for the pauses, so that workers do not march in step; ``on_event`` gets an
    event's name and fields when an endpoint changes.
    """

    def __init__(
        self,
        pool: Pool,
        settings: HealthCheckSettings,
        draw: Callable[[], float] = random.random,
        on_event: Callable[..., None] = _untold,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._draw = draw
        self._on_event = on_event
        self._tasks: dict[Endpoint, asyncio.Task[None]] = {}
        self.check_with: Callable[[Endpoint], Awaitable[bool | None]] = self.check
        """What a check goes through: ``check``, or what tells its finding to others besides."""

    def start(self) -> None:
        """Begin checking, in the running loop."""
        self.endpoints_changed(self._pool.endpoints, ())

    async def stop(self) -> None:
        """End all checks and wait until they have ended."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def endpoints_changed(self, joined: Iterable[Endpoint], left: Iterable[Endpoint]) -> None:
        """Check those that ``joined`` too, and those that ``left`` no more."""
        for endpoint in left:
            task = self._tasks.pop(endpoint, None)
            if task is not None:
                task.cancel()
        for endpoint in joined:
            self._tasks[endpoint] = asyncio.create_task(self._watch(endpoint))

    def pause(self) -> float:
        """Seconds until the next check of an endpoint: the interval, more or less by up to ``jitter`` of it."""
        settings = self._settings
        return settings.interval * (1 + settings.jitter * (2 * self._draw() - 1))

    async def _watch(self, endpoint: Endpoint) -> None:
        row = 0  # checks in a row that say otherwise than what is held true
        while True:
            found = await self.check_with(endpoint)
            if found is not None:
                row = row + 1 if found is not endpoint.checked_healthy else 0
                if found and endpoint.checked_healthy:
                    endpoint.failures = 0
                elif row >= (self._settings.healthy if found else self._settings.unhealthy):
                    row = 0
                    self._turn(endpoint, found)
            await asyncio.sleep(self.pause())

    def _turn(self, endpoint: Endpoint, well: bool) -> None:
        endpoint.checked_healthy = well
        endpoint.failures = 0 if well else endpoint.failures
        self._pool.balancer.changed()
        self._on_event("endpoint_healthy" if well else "endpoint_unhealthy", endpoint=endpoint.label)

    async def check(self, endpoint: Endpoint) -> bool | None:
        """One GET on a connection of its own: whether the answer is one that was expected. None when it could not be
        made because the gateway itself is full."""
        settings = self._settings
        until = self._pool.loop.time() + settings.timeout
        try:
            connection = await self._pool.connect(endpoint, until)
        except UpstreamError as error:
            return None if error.kind is CallFailure.BUSY else False
        try:
            host = settings.host or endpoint.authority
            head = f"GET {settings.path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode()
            connection.send(head, False, until, ignore_informational)
            await connection.head()
            return any(low <= connection.status <= high for low, high in settings.expect)
        except UpstreamError:
            return False
        finally:
            connection.close()
