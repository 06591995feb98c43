"""Active health checks: a GET to each endpoint's health path at intervals; only healthy endpoints get calls."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable

from gateway.config.upstream_settings import HealthCheckSettings
from gateway.core.failure import BY_STATUS, CallFailure
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import Pool
from gateway.proxy.pool.response import ignore_informational


class HealthChecker:
    """Checks the endpoints of ``pool``, also those that join it later.

    ``on_event`` gets the name and the fields of an event when an endpoint changes. ``random`` gives numbers from 0.0 to
    1.0 for the pauses, so that workers do not check in step.
    """

    def __init__(
        self,
        pool: Pool,
        settings: HealthCheckSettings,
        on_event: Callable[..., None],
        random: Callable[[], float] = random.random,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._on_event = on_event
        self._random = random
        self._tasks: dict[Endpoint, asyncio.Task[None]] = {}
        self.check_with: Callable[[Endpoint], Awaitable[bool | None]] = self.check
        """Makes a check: ``check``, or a function around it that hands the result on."""

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
        """Begin checking those that ``joined``, and end the checks of those that ``left``."""
        for endpoint in left:
            task = self._tasks.pop(endpoint, None)
            if task is not None:
                task.cancel()
        for endpoint in joined:
            self._tasks[endpoint] = asyncio.create_task(self._watch(endpoint))

    def pause(self) -> float:
        """Seconds until the next check of an endpoint: the interval, more or less by up to ``jitter`` of it."""
        settings = self._settings
        return settings.interval * (1 + settings.jitter * (2 * self._random() - 1))

    async def _watch(self, endpoint: Endpoint) -> None:
        in_a_row = 0  # checks whose result differs from the endpoint's state
        responded = False
        while True:
            healthy = await self.check_with(endpoint)
            if healthy is not None:
                responded |= healthy or (endpoint.cause is not None and endpoint.cause.failure == BY_STATUS)
                endpoint.never_responded = not responded
                in_a_row = in_a_row + 1 if healthy is not endpoint.checked_healthy else 0
                if healthy and endpoint.checked_healthy:
                    endpoint.failures = 0
                elif in_a_row >= (self._settings.healthy if healthy else self._settings.unhealthy):
                    self._change(endpoint, healthy, in_a_row)
                    in_a_row = 0
            await asyncio.sleep(self.pause())

    def _change(self, endpoint: Endpoint, healthy: bool, checks: int) -> None:
        """Note that so many ``checks`` in a row have found ``endpoint`` to be other than before."""
        endpoint.checked_healthy = healthy
        endpoint.failures = 0 if healthy else endpoint.failures
        self._pool.balancer.changed()
        if healthy:
            self._on_event("endpoint_healthy", endpoint=endpoint.label)
        else:
            self._on_event("endpoint_unhealthy", endpoint=endpoint.label, failures=checks, **endpoint.why)

    async def check(self, endpoint: Endpoint) -> bool | None:
        """Make one GET on a connection of its own: whether the response has an expected status. ``endpoint.cause`` says why
        not.

        None when no connection could be made because the gateway itself has as many as it may have.
        """
        settings = self._settings
        until = self._pool.loop.time() + settings.timeout
        try:
            connection = await self._pool.connect(endpoint, until, alone=True)
        except UpstreamError as error:
            if error.kind is CallFailure.BUSY:
                return None
            endpoint.note_failure(error)
            return False
        try:
            host = settings.host or endpoint.authority
            head = f"GET {settings.path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode()
            connection.send(head, False, until, ignore_informational)
            await connection.head()
            if any(low <= connection.status <= high for low, high in settings.expect):
                return True
            endpoint.note_status(connection.status, connection.owner.address)
            return False
        except UpstreamError as error:
            endpoint.note_failure(error, connection.owner.address)
            return False
        finally:
            connection.close()
