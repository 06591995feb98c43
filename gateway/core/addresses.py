"""The addresses of a name: looked up once for all who ask, bounded, in the order in which they are to be tried."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from itertools import zip_longest
from typing import TypeVar

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a name for a port. Raises OSError, and ValueError for what can be no name."""

MAX_ADDRESSES = 64
"""Addresses taken of one name, so that an absurd response costs no more than that."""

RESOLUTION_DELAY = 0.05
"""Seconds that a connection waits for a lookup where addresses are known from before (RFC 8305 3)."""

NAMES = 256
"""Names whose last addresses are kept. Names come from the configuration, so this is never reached by requests."""

T = TypeVar("T")


async def system_lookup(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver knows, in its order (RFC 6724). Raises OSError."""
    entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in entries]


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_ipv6(address: str) -> bool:
    """Whether an IP address is of version 6."""
    return ":" in address


def alternating(items: Iterable[T], key: Callable[[T], bool]) -> list[T]:
    """``items`` so that those with and without ``key`` alternate, beginning with the first item's (RFC 8305 4)."""
    rows: dict[bool, list[T]] = {}
    for item in items:
        rows.setdefault(key(item), []).append(item)
    return [item for pair in zip_longest(*rows.values(), fillvalue=None) for item in pair if item is not None]


def in_order(addresses: Sequence[str]) -> list[str]:
    """Each address once, the families alternating, and no more than ``MAX_ADDRESSES`` of them.

    They alternate before the rest is cut off: a name with 64 addresses of one family keeps those of the other.
    """
    return alternating(list(dict.fromkeys(addresses)), is_ipv6)[:MAX_ADDRESSES]


class Resolver:
    """Looks names up for connections: one lookup of a name at a time, whoever asks, and the last good one is kept.

    A lookup runs in a thread of the loop, and one that a name server leaves hanging takes its thread along. So their
    number is that of the names, not that of the requests. Belongs to one event loop.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._running: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        self._began: dict[tuple[str, int], float] = {}
        self._known: dict[tuple[str, int], list[str]] = {}

    async def look_up(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` as they are now, in order. Raises OSError, ValueError, MemoryError, RuntimeError."""
        return await asyncio.shield(self._begin((host, port)))

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` for a connection: as they are now, or the last known where the lookup fails or takes
        longer than ``RESOLUTION_DELAY``. Raises as ``look_up`` where none are known."""
        if is_address(host):
            return [host]
        name = (host, port)
        known = self._known.get(name)
        if known is None:
            return await self.look_up(host, port)
        loop = asyncio.get_running_loop()
        hangs = name in self._running and loop.time() - self._began[name] >= RESOLUTION_DELAY
        lookup = self._begin(name)
        if not hangs:  # one that others have waited for in vain is not waited for again
            with suppress(OSError, ValueError, MemoryError, RuntimeError):
                async with asyncio.timeout(RESOLUTION_DELAY):
                    return await asyncio.shield(lookup)
        return known

    def _begin(self, name: tuple[str, int]) -> asyncio.Future[list[str]]:
        running = self._running.get(name)
        if running is None:
            running = self._running[name] = asyncio.ensure_future(self._look_up(name))
            self._began[name] = asyncio.get_running_loop().time()
            running.add_done_callback(lambda done: self._end(name, done))
        return running

    async def _look_up(self, name: tuple[str, int]) -> list[str]:
        found = in_order(await self._lookup(*name))
        if not found:
            raise OSError("no addresses")
        if len(self._known) >= NAMES:
            self._known.pop(next(iter(self._known)))
        self._known[name] = found
        return found

    def _end(self, name: tuple[str, int], done: asyncio.Future[list[str]]) -> None:
        del self._running[name], self._began[name]
        if not done.cancelled():
            done.exception()  # retrieved, should nobody await it any more
