"""The connections to one upstream: which endpoint, which connection, and the clock that ends what takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Callable, Collection

from gateway.core.fields import Pair
from gateway.proxy.pool.balancer import Balancer
from gateway.proxy.pool.connection import Phase, UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.timeouts import ResponseTimeouts
from gateway.proxy.wire.write_batch import WriteBatch

TICK = 0.1  # seconds between looks at the deadlines; every timeout is exact to this

_LATE = "upstream_timeout", "no answer in time"

OnInformational = Callable[[int, list[Pair]], None]


class NotSent(UpstreamError):
    """A call that failed before anything of it was sent. ``waited``: it had to wait for a connection in vain."""

    def __init__(self, slug: str, detail: str, *, waited: bool = False) -> None:
        super().__init__(slug, detail, untouched=True)
        self.waited = waited


class _Owner:
    """Binds a connection to its endpoint."""

    __slots__ = ("endpoint", "pool", "write_batch")

    def __init__(self, pool: Pool, endpoint: Endpoint) -> None:
        self.pool = pool
        self.write_batch = pool.write_batch
        self.endpoint = endpoint

    def released(self, connection: UpstreamConnection) -> None:
        if self.pool.closed or self.endpoint.removed:
            connection.close()
            return
        connection.idle_since = self.pool.loop.time()
        self.endpoint.idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        self.pool.open.discard(connection)
        self.pool.timeouts.forget(connection)
        with contextlib.suppress(ValueError):
            self.endpoint.idle.remove(connection)


class Pool:
    """Connections to the endpoints of one upstream.

    ``connect``, ``response``, ``silence`` (between bytes of an answer's body) and ``idle`` are in seconds; ``most``
    bounds the connections open at once. ``balancer`` makes the choice with ``endpoints`` and the loop's time.
    """

    def __init__(
        self,
        endpoints: list[Endpoint],
        *,
        connect: float,
        response: float,
        silence: float,
        idle: float,
        most: int,
        balancer: Balancer | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.connect_timeout = connect
        self.response_timeout = response
        self.silence = silence
        self.timeouts = ResponseTimeouts(silence)
        self.idle_timeout = idle
        self.most = most
        self.open: set[UpstreamConnection] = set()
        self.opening = 0
        self.closed = False
        self.loop = asyncio.get_running_loop()
        self.balancer = balancer or Balancer(endpoints, random.random, self.loop.time)
        for endpoint in endpoints:
            endpoint.clock = self.loop.time
        self.write_batch = WriteBatch(self.loop)
        self._ticker: asyncio.TimerHandle | None = None

    def replace_endpoints(self, endpoints: list[Endpoint], left: list[Endpoint]) -> None:
        """Have ``endpoints`` from now on. Calls to those that ``left`` end by themselves, their connections with them."""
        for endpoint in left:
            endpoint.removed = True
            for connection in endpoint.idle[:]:
                connection.close()
        for endpoint in endpoints:
            endpoint.clock = self.loop.time
        self.endpoints[:] = endpoints  # in place: others look at the same list
        self.balancer.changed()

    def choose(self, tried: Collection[Endpoint]) -> Endpoint | None:
        """The endpoint for a call that has ``tried`` some, None when no other is healthy. An only one is never refused."""
        if len(self.endpoints) == 1:
            return None if tried else self.endpoints[0]
        return self.balancer.choose(tried)

    def take_idle(self, endpoint: Endpoint) -> UpstreamConnection | None:
        """A kept connection that is young enough for the upstream not to be closing it just now."""
        idle = endpoint.idle
        while idle:
            connection = idle.pop()
            transport = connection.transport
            young = self.loop.time() - connection.idle_since < self.idle_timeout
            if young and transport is not None and not transport.is_closing():
                return connection
            connection.close()
        return None

    async def connect(self, endpoint: Endpoint, until: float = math.inf) -> UpstreamConnection:
        """A new connection, by the loop's time ``until`` if that is sooner than the timeout. Raises Unsent."""
        if len(self.open) + self.opening >= self.most and not self._reap():
            raise NotSent("upstream_busy", f"{self.most} connections are open")
        self.opening += 1
        try:
            async with asyncio.timeout(min(self.connect_timeout, until - self.loop.time())):
                _, connection = await self.loop.create_connection(
                    lambda: UpstreamConnection(_Owner(self, endpoint), self.loop),
                    endpoint.address or endpoint.host,
                    endpoint.port,
                    ssl=endpoint.tls,
                    server_hostname=endpoint.host if endpoint.tls else None,
                )
        except TimeoutError:
            endpoint.failures += 1
            raise NotSent("upstream_connect_timeout", "connecting took too long", waited=True) from None
        except OSError as error:  # refused, no route, name not found, certificate not trusted
            endpoint.failures += 1
            raise NotSent("upstream_unreachable", str(error)[:200]) from None
        finally:
            self.opening -= 1
        if connection.transport is None:
            endpoint.failures += 1
            raise NotSent("upstream_unreachable", "closed as soon as it was made")
        self.open.add(connection)
        if self._ticker is None:
            self._ticker = self.loop.call_later(TICK, self._tick)
        return connection

    def _reap(self) -> bool:
        """Make room by closing a connection that idles at another endpoint."""
        for endpoint in self.endpoints:
            if endpoint.idle:
                connection = endpoint.idle.pop(0)
                self.open.discard(connection)
                connection.close()
                return True
        return False

    def _tick(self) -> None:
        now = self.loop.time()
        for endpoint in self.endpoints:
            while endpoint.idle and now - endpoint.idle[0].idle_since >= self.idle_timeout:
                endpoint.idle.pop(0).close()
        for connection in list(self.open):
            if connection.phase is not Phase.IDLE and connection.phase is not Phase.DONE:
                self._look(connection, now)
        self._ticker = self.loop.call_later(TICK, self._tick) if self.open else None

    def _look(self, connection: UpstreamConnection, now: float) -> None:
        """End the call on ``connection`` if it takes too long."""
        body = connection.phase is Phase.BODY
        if self.timeouts.overdue(connection, now):
            connection.expire("upstream_total_timeout", "the call took too long in all")
        elif connection.stalled_by_client:
            return
        elif connection.deadline == 0.0:
            connection.deadline = now + self.silence
        elif now >= connection.deadline:
            connection.expire(*(("upstream_stalled", "the answer stalled") if body else _LATE))
        elif body and self.timeouts.silent(connection, now):
            connection.expire("upstream_stalled", "the answer stalled")

    async def close(self) -> None:
        """Close what idles; calls in flight end by themselves and are not kept."""
        self.closed = True
        for endpoint in self.endpoints:
            for connection in endpoint.idle[:]:
                connection.close()
        if self._ticker is not None and not self.open:
            self._ticker.cancel()
            self._ticker = None  # whoever still calls winds it up again
