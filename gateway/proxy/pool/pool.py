"""The connections to one upstream: the choice of endpoint and connection, and the clock that ends slow calls."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Collection

from gateway.core.addresses import Resolver
from gateway.core.failure import CallFailure
from gateway.core.response_fields import ResponseFields
from gateway.proxy.pool.balancer import Balancer
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.connector import Connector, OnAddress, OnShortage
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import NotSent
from gateway.proxy.pool.phase import BODY, DONE, IDLE
from gateway.proxy.pool.timeouts import ResponseTimeouts
from gateway.proxy.wire.write_batch import WriteBatch

TICK = 0.1  # seconds between looks at the deadlines; every timeout is exact to this


class PoolMembership:
    """What binds a connection to its pool and endpoint (``ConnectionOwner``)."""

    __slots__ = ("address", "endpoint", "pool", "removed", "write_batch")

    def __init__(self, pool: Pool, endpoint: Endpoint, address: str = "") -> None:
        self.pool = pool
        self.write_batch = pool.write_batch
        self.endpoint = endpoint
        self.address = address
        self.removed = endpoint.removed

    def release(self, connection: UpstreamConnection) -> None:
        """See ``ConnectionOwner``. A connection to an endpoint or an address that was removed is closed."""
        if self.pool.closed or self.removed:
            connection.close()
            return
        connection.idle_since = self.pool.loop.time()
        self.endpoint.idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """See ``ConnectionOwner``."""
        self.pool.open.discard(connection)
        self.pool.timeouts.forget(connection)
        with contextlib.suppress(ValueError):
            self.endpoint.idle.remove(connection)


class Pool:
    """Connections to the endpoints of one upstream.

    ``connect``, ``response``, ``silence`` (between bytes of a response's body) and ``idle`` are in seconds;
    ``max_connections`` may be open at once. ``balancer`` chooses among ``endpoints`` by the loop's time. ``on_shortage``
    gets what the gateway has run out of when that is why there is no connection, and where. ``resolver`` looks names up;
    ``on_address`` gets the changes that ``endpoint.unreachable`` goes through. ``always``: a call gets an endpoint even when
    none is healthy. ``via`` is added to the field of that name of each response.
    """

    def __init__(
        self,
        endpoints: list[Endpoint],
        *,
        connect: float,
        response: float,
        silence: float,
        idle: float,
        max_connections: int,
        balancer: Balancer | None = None,
        on_shortage: OnShortage = lambda kind, where: None,
        resolver: Resolver | None = None,
        on_address: OnAddress = lambda label, address, why: None,
        always: bool = False,
        via: bytes = b"",
    ) -> None:
        self.endpoints = endpoints
        self.response_timeout = response
        self.silence = silence
        self.timeouts = ResponseTimeouts(silence)
        self.idle_timeout = idle
        self.max_connections = max_connections
        self.open: set[UpstreamConnection] = set()
        self.closed = False
        self.loop = asyncio.get_running_loop()
        self.balancer = balancer or Balancer(endpoints, random.random, self.loop.time)
        for endpoint in endpoints:
            endpoint.clock = self.loop.time
        self.write_batch = WriteBatch(self.loop)
        self.on_shortage = on_shortage
        self.resolver = resolver or Resolver()
        self.always = always
        self._first_fields = ResponseFields.of((), via)
        self.connector = Connector(
            self.made, self._full, self.balancer.changed, connect, self.resolver, on_shortage, on_address
        )
        self._ticker: asyncio.TimerHandle | None = None

    def replace_endpoints(self, endpoints: list[Endpoint], left: list[Endpoint]) -> None:
        """Use ``endpoints`` from now on. Calls to those that ``left`` end by themselves, their connections with them."""
        for endpoint in left:
            endpoint.removed = True
            self.retire(endpoint, ())
        for endpoint in endpoints:
            endpoint.clock = self.loop.time
        self.endpoints[:] = endpoints  # in place: the balancer and ejection have the same list
        self.balancer.changed()

    def retire(self, endpoint: Endpoint, addresses: Collection[str]) -> None:
        """Close the connections of ``endpoint`` to other addresses than these; those with a call under way after it."""
        for connection in list(self.open):
            owner = connection.owner
            if isinstance(owner, PoolMembership) and owner.endpoint is endpoint and owner.address not in addresses:
                owner.removed = True
                if connection in endpoint.idle:
                    connection.close()

    def choose(self, tried: Collection[Endpoint]) -> Endpoint | None:
        """The endpoint for a call that has ``tried`` some, None when no other is healthy. An only one is never refused."""
        if len(self.endpoints) == 1:
            return None if tried else self.endpoints[0]
        chosen = self.balancer.choose(tried)
        return self.endpoints[0] if chosen is None and self.always and not tried else chosen

    def take_idle(self, endpoint: Endpoint) -> UpstreamConnection | None:
        """An idle connection that is young enough for the upstream not to be closing it just now, out of the pool."""
        idle = endpoint.idle
        while idle:
            connection = idle.pop()
            transport = connection.transport
            if (
                transport is not None
                and not transport.is_closing()
                and self.loop.time() - connection.idle_since < self.idle_timeout
            ):
                return connection
            connection.close()
        return None

    async def connect(
        self, endpoint: Endpoint, until: float = math.inf, tried: Collection[Endpoint] = (), *, alone: bool = False
    ) -> UpstreamConnection:
        """A new connection, by the loop's time ``until`` if that is sooner than the timeout. Raises NotSent.

        Where ``endpoint`` is one of several addresses of a name, another one that was not ``tried`` may get it, unless it
        is to be this one ``alone``: the connection's owner has the endpoint.
        """
        if self._full() and not self._close_oldest_idle():
            raise NotSent(CallFailure.BUSY, f"{self.max_connections} connections are open")
        connection = await self.connector.connect(endpoint, until, tried, alone)
        self.open.add(connection)
        if self._ticker is None:
            self._ticker = self.loop.call_later(TICK, self._tick)
        return connection

    def _full(self) -> bool:
        return len(self.open) + self.connector.opening >= self.max_connections

    def made(self, endpoint: Endpoint, address: str) -> UpstreamConnection:
        """The protocol of a new connection to ``address`` of ``endpoint``."""
        connection = UpstreamConnection(PoolMembership(self, endpoint, address), self.loop)
        connection.fields = self._first_fields
        return connection

    def _close_oldest_idle(self) -> bool:
        """Make room by closing the connection that has been idle for longest at the first endpoint that has any."""
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
            if connection.phase not in (IDLE, DONE):
                self._end_if_late(connection, now)
        self._ticker = self.loop.call_later(TICK, self._tick) if self.open else None

    def _end_if_late(self, connection: UpstreamConnection, now: float) -> None:
        """End the call on ``connection`` if it takes too long."""
        in_body = connection.phase is BODY
        if self.timeouts.overdue(connection, now):
            connection.fail(CallFailure.TOTAL_TIMEOUT, "the call took too long in all")
        elif connection.paused:
            return
        elif connection.awaiting_content:
            self.timeouts.restart(connection, now)
        elif connection.deadline == 0.0:
            connection.deadline = now + self.silence
        elif now >= connection.deadline and not in_body:
            connection.fail(CallFailure.TIMEOUT, "no response in time")
        elif in_body and (now >= connection.deadline or self.timeouts.silent(connection, now)):
            connection.fail(CallFailure.STALLED, "the response stalled")

    async def close(self) -> None:
        """Close idle connections; calls in flight end by themselves, and their connections with them."""
        self.closed = True
        for endpoint in self.endpoints:
            for connection in endpoint.idle[:]:
                connection.close()
        if self._ticker is not None and not self.open:
            self._ticker.cancel()
            self._ticker = None  # the next connection starts it again
