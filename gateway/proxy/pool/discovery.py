"""Discovery by DNS: names of endpoints are looked up at intervals, and connections follow the addresses that they have.

Each address is an endpoint of its own where that is wanted; else the name stays one, and only its connections to an address
that is gone end. The system's resolver gives no lifetimes (TTL), so the interval takes their place. A lookup runs in a thread
of the loop's own, at most one for each name. Whatever it does, requests go on to the addresses that are known.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

from gateway.config.upstream_settings import is_name
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.own_shortage import own_shortage
from gateway.proxy.pool.pool import Pool

OnChange = Callable[[list[Endpoint], list[Endpoint]], None]
"""Gets the endpoints that joined and those that left."""

TIMEOUT = 5.0  # seconds until a lookup counts as failed; a name server is asked twice in that time

INTERVAL = 5.0
"""Seconds from one lookup to the next where the configuration says nothing."""


class DnsDiscovery:
    """Keeps the endpoints of ``pool`` at the addresses of their names, looked up every ``interval`` seconds.

    ``apart``: each address is an endpoint. ``on_event`` gets the name and the fields of an event. ``random`` gives numbers from 0.0 to 1.0 that spread the lookups
    of several workers. ``timeout`` is in seconds.
    """

    def __init__(
        self,
        pool: Pool,
        interval: float,
        on_event: Callable[..., None],
        on_change: OnChange | None = None,
        random: Callable[[], float] = random.random,
        timeout: float = TIMEOUT,
        apart: bool = True,
    ) -> None:
        self._pool = pool
        self._interval = interval
        self._on_event = on_event
        self._on_change = on_change
        self._random = random
        self._timeout = timeout
        self._apart = apart
        # Configured endpoint -> the endpoints in its place. Before the first lookup that is itself.
        self._resolved: dict[Endpoint, list[Endpoint]] = {configured: [configured] for configured in pool.endpoints}
        self._known: dict[Endpoint, list[str]] = {}
        self._failing: set[Endpoint] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def named(self) -> list[Endpoint]:
        """The endpoints of the configuration whose host is a name."""
        return [endpoint for endpoint in self._resolved if is_name(endpoint.host)]

    def start(self) -> None:
        """Begin the lookups, in the running loop."""
        self._tasks = [asyncio.create_task(self._watch(configured)) for configured in self.named]

    async def stop(self) -> None:
        """End all lookups; a thread that still waits for a name server ends by itself."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self, configured: Endpoint) -> None:
        while True:
            await self.look_up(configured)
            await self._pool.connector.retry_unreachable(self._resolved[configured])
            await asyncio.sleep(self._interval * (0.9 + 0.2 * self._random()))

    async def look_up(self, configured: Endpoint) -> None:
        """Look one name up and use its addresses; keep those that are known when the lookup fails."""
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._pool.resolver.look_up(configured.host, configured.port)
        except TimeoutError:
            self._failed(configured, "no answer in time")
            return
        except (OSError, MemoryError, RuntimeError) as error:
            short = await own_shortage(error, configured.host, configured.port)
            if short is not None:  # nothing is wrong with the name
                self._pool.on_shortage(short, f"looking up {configured.host}")
                return
            self._failed(configured, str(error)[:200])
            return
        except ValueError as error:  # UnicodeError: a name that cannot be one
            self._failed(configured, str(error)[:200])
            return
        if configured in self._failing:
            self._failing.discard(configured)
            self._on_event("resolve_well", host=configured.host)
        if self._apart:
            self._divide(configured, addresses)
        else:
            self._follow(configured, addresses)

    def _failed(self, configured: Endpoint, cause: str) -> None:
        if configured not in self._failing:
            self._failing.add(configured)
            self._on_event("resolve_failed", host=configured.host, error=cause)

    def _follow(self, name: Endpoint, addresses: list[str]) -> None:
        """Leave what ``name`` no longer leads to. A connection that is made looks its address up itself."""
        name.unreachable.intersection_update(addresses)
        self._pool.retire(name, addresses)
        before, self._known[name] = self._known.get(name), addresses
        if before is None or set(before) != set(addresses):
            self._on_event("resolved", host=name.host, addresses=sorted(addresses))

    def _divide(self, configured: Endpoint, addresses: list[str]) -> None:
        """Make each address an endpoint, keeping those that are known."""
        before = self._resolved[configured]
        known = {endpoint.address: endpoint for endpoint in before}
        after = [known.get(address) or configured.at(address) for address in addresses]
        joined = [endpoint for endpoint in after if endpoint.address not in known]
        left = [endpoint for endpoint in before if endpoint not in after]
        if not joined and not left:
            return
        for endpoint in (*after, *left):
            endpoint.siblings = after if endpoint in after else []
        self._resolved[configured] = after
        self._pool.replace_endpoints([endpoint for each in self._resolved.values() for endpoint in each], left)
        if self._on_change is not None:
            self._on_change(joined, left)
        self._on_event("resolved", host=configured.host, addresses=sorted(addresses))
