"""Active health checks: each endpoint is asked for its health path now and then; what fails is asked last."""

from __future__ import annotations

import asyncio
import contextlib
import random

from gateway.config.model import HealthCheck
from gateway.proxy.connection import Connection, UpstreamError
from gateway.proxy.pool import Endpoint, Pool

FALL = 3  # failures in a row until an endpoint counts as unhealthy


class Checker:
    """Checks the endpoints of one pool. ``interval`` is in seconds, spread by a tenth so that workers do not march in step."""

    def __init__(self, pool: Pool, settings: HealthCheck) -> None:
        self._pool = pool
        self._path = settings.path
        self._interval = settings.interval
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin checking, in the running loop."""
        self._tasks = [asyncio.create_task(self._watch(endpoint)) for endpoint in self._pool.endpoints]

    async def stop(self) -> None:
        """End all checks and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self, endpoint: Endpoint) -> None:
        failed = 0
        while True:
            failed = 0 if await self.check(endpoint) else failed + 1
            if failed == 0:
                endpoint.healthy = True
                endpoint.failures = 0
            elif failed >= FALL:
                endpoint.healthy = False
            await asyncio.sleep(self._interval * random.uniform(0.9, 1.1))

    async def check(self, endpoint: Endpoint) -> bool:
        """One GET on a connection of its own. Healthy is any answer below 500."""
        try:
            connection: Connection = await self._pool.fresh(endpoint)
        except UpstreamError:
            return False
        try:
            head = f"GET {self._path} HTTP/1.1\r\nhost: {endpoint.authority}\r\nconnection: close\r\n\r\n".encode()
            deadline = self._pool.loop.time() + self._pool.response_timeout
            connection.send(head, False, deadline, lambda status, pairs: None, False)
            await connection.head()
            return connection.status < 500
        except UpstreamError:
            return False
        finally:
            connection.close()
