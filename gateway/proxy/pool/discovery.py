"""Names of endpoints, looked up again and again: each address is an endpoint, and one that is no longer named is drained.

The system's resolver tells no lifetimes, so the interval is what counts for one. A lookup runs in a thread of the loop's
own, at most one for each name; whatever it does, requests go on to the addresses that are known.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable

from gateway.config.upstream_settings import is_name
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool

Lookup = Callable[[str, int], Awaitable[list[str]]]

TIMEOUT = 5.0  # seconds until a lookup counts as failed; a name server is asked twice in that time
MOST = 64  # addresses taken of one name, so that an absurd answer costs no more than that


async def system(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver knows. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class DnsDiscovery:
    """Keeps the endpoints of ``pool`` at what their names lead to. ``interval`` is in seconds.

    ``on_change`` is told who joined and who left; ``on_event`` gets an event's name and fields; ``draw`` gives numbers from 0.0
    to 1.0 that spread the lookups of several workers.
    """

    def __init__(
        self,
        pool: Pool,
        interval: float,
        on_change: Callable[[list[Endpoint], list[Endpoint]], None],
        on_event: Callable[..., None],
        lookup: Lookup = system,
        draw: Callable[[], float] = random.random,
        timeout: float = TIMEOUT,
    ) -> None:
        self._pool = pool
        self._interval = interval
        self._on_change = on_change
        self._on_event = on_event
        self._lookup = lookup
        self._draw = draw
        self._timeout = timeout
        # By endpoint as it is written what stands for it now; before the first lookup that is itself.
        self._now: dict[Endpoint, list[Endpoint]] = {written: [written] for written in pool.endpoints}
        self._under_way: dict[Endpoint, asyncio.Future[list[str]]] = {}
        self._failing: set[Endpoint] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def written(self) -> list[Endpoint]:
        """The endpoints with a name, as they stand in the configuration."""
        return [endpoint for endpoint in self._now if is_name(endpoint.host)]

    def start(self) -> None:
        """Begin looking up, in the running loop."""
        self._tasks = [asyncio.create_task(self._watch(written)) for written in self.written]

    async def stop(self) -> None:
        """End all lookups; a thread that still waits for a name server ends by itself."""
        for looking in self._under_way.values():
            looking.cancel()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self, written: Endpoint) -> None:
        while True:
            await self.look(written)
            await asyncio.sleep(self._interval * (0.9 + 0.2 * self._draw()))

    async def look(self, written: Endpoint) -> None:
        """Look one name up and take over what it leads to; keep what is known when that fails."""
        looking = self._under_way.get(written)
        if looking is None:
            looking = asyncio.ensure_future(self._lookup(written.host, written.port))
            self._under_way[written] = looking
        await asyncio.wait((looking,), timeout=self._timeout)
        if not looking.done():
            self._failed(written, "no answer in time")
            return
        del self._under_way[written]
        try:
            addresses = list(dict.fromkeys(looking.result()))[:MOST]
        except (OSError, ValueError) as error:  # UnicodeError, which is a ValueError: a name that cannot be one
            self._failed(written, str(error)[:200])
            return
        if not addresses:
            self._failed(written, "no addresses")
            return
        if written in self._failing:
            self._failing.discard(written)
            self._on_event("resolve_well", host=written.host)
        self._take(written, addresses)

    def _failed(self, written: Endpoint, why: str) -> None:
        if written not in self._failing:
            self._failing.add(written)
            self._on_event("resolve_failed", host=written.host, error=why)

    def _take(self, written: Endpoint, addresses: list[str]) -> None:
        before = self._now[written]
        known = {endpoint.address: endpoint for endpoint in before}
        after = [known.get(address) or written.at(address) for address in addresses]
        joined = [endpoint for endpoint in after if endpoint.address not in known]
        left = [endpoint for endpoint in before if endpoint not in after]
        if not joined and not left:
            return
        self._now[written] = after
        self._pool.replace_endpoints([endpoint for each in self._now.values() for endpoint in each], left)
        self._on_change(joined, left)
        self._on_event("resolved", host=written.host, addresses=sorted(addresses))
