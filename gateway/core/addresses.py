"""The addresses of a name: looked up once for all who ask, bounded, in the order in which they are to be tried."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from itertools import zip_longest
from typing import Any, TypeVar

Family = socket.AddressFamily
BOTH = socket.AF_UNSPEC

Lookup = Callable[[str, int, Family], Awaitable[list[str]]]
"""Gives the addresses of a name for a port, those of one family or of ``BOTH``. Raises OSError, and ValueError for what can
be no name."""

MAX_ADDRESSES = 64
"""Addresses taken of one name, so that an absurd response costs no more than that."""

RESOLUTION_DELAY = 0.05
"""Seconds that a connection waits for a lookup where addresses are known from before (RFC 8305 3)."""

APART = 0.25
"""Seconds that the first lookup of a name may take until its families are looked up apart too (``Resolver``)."""

LOOKUPS = 3
"""Lookups of one name that may run at once: of both families, and of each."""

NAMES = 256
"""Names whose last addresses are kept. Names come from the configuration, so this is never reached by requests."""

T = TypeVar("T")


async def system_lookup(host: str, port: int, family: Family = BOTH) -> list[str]:
    """The addresses that the system's resolver knows, in its order (RFC 6724). Raises OSError."""
    entries = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [_with_scope(entry[4]) for entry in entries]


def _with_scope(address: tuple[Any, ...]) -> str:
    """The IP address of a socket address, with the interface that a link-local one needs (RFC 4007 11)."""
    scope = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])


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


_Name = tuple[str, int]


class Resolver:
    """Looks names up for connections: one lookup of a name at a time, whoever asks, and the last good one is kept.

    A lookup runs in a thread of the loop, and one that a name server leaves hanging takes its thread along. So their
    number goes by that of the names (``LOOKUPS``), not that of the requests. Belongs to one event loop.

    Some name servers never answer for one of the families, and some networks lose one of two questions that are asked at
    once: then the system's resolver says nothing for 5 s and more, whatever it has found for the other family. So while
    nothing is known of a name, each family is looked up by itself too, and the first that is there is enough.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._running: dict[tuple[_Name, Family], asyncio.Future[list[str]]] = {}
        self._began: dict[_Name, float] = {}
        self._known: dict[_Name, list[str]] = {}

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
            return await self._first(name)
        hangs = name in self._began and asyncio.get_running_loop().time() - self._began[name] >= RESOLUTION_DELAY
        lookup = self._begin(name)
        if not hangs:  # one that others have waited for in vain is not waited for again
            with suppress(OSError, ValueError, MemoryError, RuntimeError):
                async with asyncio.timeout(RESOLUTION_DELAY):
                    return await asyncio.shield(lookup)
        return known

    async def _first(self, name: _Name) -> list[str]:
        """As ``look_up`` for a name of which nothing is known. What is found for one family counts only until there is more."""
        whole = self._begin(name)
        lookups = {whole}
        await asyncio.wait(lookups, timeout=APART)
        if not whole.done() and name not in self._known:  # others who waited as long may have found one meanwhile
            lookups |= {self._begin(name, family) for family in (socket.AF_INET6, socket.AF_INET)}
        while not whole.done() and name not in self._known:
            _, lookups = await asyncio.wait(lookups, return_when=asyncio.FIRST_COMPLETED)
        return whole.result() if whole.done() else self._known[name]

    def _begin(self, name: _Name, family: Family = BOTH) -> asyncio.Future[list[str]]:
        key = (name, family)
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(self._look_up(name, family))
            if family is BOTH:
                self._began[name] = asyncio.get_running_loop().time()
            running.add_done_callback(lambda done: self._end(name, family, done))
        return running

    async def _look_up(self, name: _Name, family: Family) -> list[str]:
        found = in_order(await self._lookup(*name, family))
        if not found:
            raise OSError("no addresses")
        if family is BOTH or name not in self._known:
            if len(self._known) >= NAMES:
                self._known.pop(next(iter(self._known)))
            self._known[name] = found
        return found

    def _end(self, name: _Name, family: Family, done: asyncio.Future[list[str]]) -> None:
        del self._running[name, family]
        if family is BOTH:
            del self._began[name]
        if not done.cancelled():
            done.exception()  # retrieved, should nobody await it any more
