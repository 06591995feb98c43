"""Connections to endpoints as they are made: which addresses are tried, and what is remembered of those that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from gateway.config.upstream_settings import is_name
from gateway.core.addresses import Resolver
from gateway.core.failure import CallFailure
from gateway.core.happy_eyeballs import DELAY, Attempt, NoneConnected, first_connected, open_transport
from gateway.core.shortage import Shortage, shortage_of
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import NotSent
from gateway.proxy.pool.own_shortage import own_shortage
from gateway.proxy.pool.peer import Peer, peers_of_address, peers_of_name

OnShortage = Callable[[Shortage, str], None]
"""Gets what the gateway has run out of, and where."""

OnAddress = Callable[[str, str, str], None]
"""Gets an endpoint's label, an address of its name, and why that is unreachable; no reason when it is reachable again."""

_CLOSED = "closed as soon as it was made"


class Connector:
    """Makes the connections of a pool. ``make`` gives the protocol of a connection to an address of an endpoint.

    ``full`` says whether the pool has as many connections as it may have, those that are ``opening`` among them;
    ``changed`` is called when addresses have become reachable or unreachable, ``on_address`` for each of them. ``timeout``
    is in seconds.
    """

    def __init__(
        self,
        make: Callable[[Endpoint, str], UpstreamConnection],
        full: Callable[[], bool],
        changed: Callable[[], None],
        timeout: float,
        resolver: Resolver,
        on_shortage: OnShortage,
        on_address: OnAddress,
    ) -> None:
        self.opening = 0
        self._make = make
        self._full = full
        self._changed = changed
        self._timeout = timeout
        self._resolver = resolver
        self._on_shortage = on_shortage
        self._on_address = on_address
        self._loop = asyncio.get_running_loop()

    async def connect(
        self, endpoint: Endpoint, until: float, tried: Collection[Endpoint], alone: bool
    ) -> UpstreamConnection:
        """See ``Pool.connect``. Raises NotSent."""
        until = min(until, self._loop.time() + self._timeout)
        self.opening += 1
        try:
            async with asyncio.timeout_at(until):  # for the lookup; the attempts end by themselves at that time
                peers = await self._peers(endpoint, tried, alone)
            connection, peer, failures = await first_connected(
                peers, self._attempt(), until, UpstreamConnection.close, lambda: not self._full()
            )
        except NoneConnected as error:
            raise await self._none_connected(error) from None
        except TimeoutError:
            endpoint.failures += 1
            raise NotSent(CallFailure.CONNECT_TIMEOUT, "looking the name up took too long") from None
        except (OSError, MemoryError, RuntimeError, UnicodeError) as error:
            raise await self._not_connected(endpoint, error) from None
        finally:
            self.opening -= 1
        if failures or peer.endpoint.unreachable:
            self._note(peer, failures)
        if connection.transport is None:
            peer.endpoint.failures += 1
            raise NotSent(CallFailure.CONNECT, _CLOSED)
        return connection

    async def _peers(self, endpoint: Endpoint, tried: Collection[Endpoint], alone: bool) -> list[Peer]:
        """Where a connection to ``endpoint`` may lead. Raises what a lookup raises."""
        if endpoint.address:
            return [Peer(endpoint, endpoint.address)] if alone else peers_of_address(endpoint, tried)
        if not is_name(endpoint.host):
            return [Peer(endpoint, endpoint.host)]
        return peers_of_name(endpoint, await self._resolver.addresses(endpoint.host, endpoint.port))

    def _attempt(self) -> Attempt[Peer, UpstreamConnection]:
        """Makes the attempts of one call. Those beside its first one count as connections too while they last."""
        running = 0

        async def attempt(peer: Peer, on_taken: Callable[[], None]) -> UpstreamConnection:
            nonlocal running
            more = 1 if running else 0
            running += 1
            self.opening += more
            try:
                return await self._open(peer, on_taken)
            finally:
                running -= 1
                self.opening -= more

        return attempt

    async def _open(self, peer: Peer, on_taken: Callable[[], None]) -> UpstreamConnection:
        endpoint, address = peer
        _, connection = await open_transport(
            lambda: self._make(endpoint, address), address, endpoint.port, endpoint.tls, endpoint.host, on_taken
        )
        if connection.transport is None:
            raise ConnectionResetError(_CLOSED)
        return connection

    def _note(self, winner: Peer, failures: Mapping[Peer, Exception | None]) -> None:
        """Remember which addresses of a name take connections, so that the next call does not wait for those that do not.
        What only the gateway has run out of says nothing about them."""
        for peer, error in failures.items():
            endpoint, address = peer
            if error is not None and shortage_of(error) not in (None, Shortage.PORTS):
                continue
            if winner.endpoint is not endpoint:
                endpoint.failures += 1
            if address not in endpoint.unreachable:
                endpoint.unreachable.add(address)
                self._on_address(endpoint.label, address, str(error or "no answer in time")[:200])
        if winner.address in winner.endpoint.unreachable:
            winner.endpoint.unreachable.discard(winner.address)
            self._on_address(winner.endpoint.label, winner.address, "")
        self._changed()

    async def retry_unreachable(self, endpoints: Iterable[Endpoint]) -> None:
        """Find out which unreachable addresses of ``endpoints`` take connections again: no call is spent on that."""
        peers = [Peer(endpoint, address) for endpoint in endpoints for address in endpoint.unreachable]
        await asyncio.gather(*map(self._retry, peers))

    async def _retry(self, peer: Peer) -> None:
        if self._full():
            return
        self.opening += 1
        try:
            # No longer than a call waits before it tries the next address: a slower one would only go out again.
            async with asyncio.timeout(DELAY if peer.endpoint.tls is None else self._timeout / 2):
                connection = await self._open(peer, lambda: None)
        except (OSError, MemoryError, RuntimeError):
            return
        finally:
            self.opening -= 1
        connection.close()
        self._note(peer, {})

    async def _none_connected(self, failed: NoneConnected[Peer]) -> NotSent:
        """What it means to the call that no address took the connection. Only where the gateway has what it needs is it
        the endpoint's failure: refused, no route, certificate not trusted."""
        for peer, error in failed.failures.items():
            short = await own_shortage(error, peer.address, peer.endpoint.port) if error is not None else None
            if short is not None:
                return self._short(peer.endpoint, short)
        for endpoint in {peer.endpoint for peer in failed.failures}:
            endpoint.failures += 1
        if failed.late:
            return NotSent(CallFailure.CONNECT_TIMEOUT, "connecting took too long")
        return NotSent(CallFailure.CONNECT, failed.sentence[:200])

    async def _not_connected(self, endpoint: Endpoint, error: Exception) -> NotSent:
        """What ``error`` means to the call: the name cannot be looked up, or the gateway lacks something. Raises ``error``
        when it is a bug."""
        short = await own_shortage(error, endpoint.address or endpoint.host, endpoint.port)
        if short is not None:
            return self._short(endpoint, short)
        if not isinstance(error, OSError | UnicodeError):
            raise error
        endpoint.failures += 1
        return NotSent(CallFailure.CONNECT, str(error)[:200])

    def _short(self, endpoint: Endpoint, short: Shortage) -> NotSent:
        self._on_shortage(short, f"connecting to {endpoint.label}")
        return NotSent(CallFailure.BUSY, f"the gateway is out of {short}")
