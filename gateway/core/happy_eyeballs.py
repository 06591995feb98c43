"""Connecting to one of several addresses: the next one is tried before the one before it has failed (RFC 8305).

A name whose first address swallows what is sent to it (an IPv6 route that leads nowhere) is reached by its next one after
a quarter of a second, and not after all the time that connecting may take.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from gateway.core.addresses import Resolver

DELAY = 0.25
"""Seconds until the next address is tried beside the one before it (RFC 8305 5, Connection Attempt Delay)."""

SHORTEST = 0.01
"""The shortest such delay, where many addresses share little time (RFC 8305 8)."""

AT_ONCE = 4
"""Attempts of one call that run side by side. The oldest is ended for a further one, so that no name, however many of its
addresses are dead, takes more descriptors than that for one connection."""

A = TypeVar("A")
T = TypeVar("T")
P = TypeVar("P", bound=asyncio.BaseProtocol)

Attempt = Callable[[A, Callable[[], None]], Coroutine[Any, Any, T]]
"""Connects to an address; calls the function once the address has taken the connection, before TLS."""


class Connected(NamedTuple, Generic[A, T]):
    """What an attempt at ``address`` gave. ``failures`` has the addresses that were tried before it and did not connect:
    with their error, or None where there was no answer yet."""

    value: T
    address: A
    failures: dict[A, Exception | None]


class NoneConnected(Exception, Generic[A]):
    """No address took the connection. ``failures`` as in ``Connected``; empty when there was no time to try one."""

    def __init__(self, failures: dict[A, Exception | None]) -> None:
        super().__init__(failures)
        self.failures = failures

    @property
    def late(self) -> bool:
        """Whether an address let it hang, so that more time might have helped."""
        return not self.failures or any(
            error is None or isinstance(error, TimeoutError) for error in self.failures.values()
        )

    @property
    def cause(self) -> OSError:
        """What one address that is tried alone would have raised: late, or why the first one did not connect."""
        causes = [error for error in self.failures.values() if isinstance(error, OSError)]
        return TimeoutError("connecting took too long") if self.late or not causes else causes[0]

    @property
    def sentence(self) -> str:
        """The first failure with a cause, for the log."""
        causes = [str(error) for error in self.failures.values() if error is not None and str(error)]
        return causes[0] if causes else "connecting took too long"


async def first_connected(
    addresses: Sequence[A],
    attempt: Attempt[A, T],
    until: float,
    drop: Callable[[T], None],
    room: Callable[[], bool] = lambda: True,
) -> Connected[A, T]:
    """The connection to the first of ``addresses`` that takes one by the loop's time ``until``.

    An attempt begins when the one before it has failed, when that has had ``DELAY`` or its share of the time if that is
    less; where it is in its TLS handshake, all of its share, so that a slow upstream is not asked for several handshakes
    in place of one. The others are ended, and a connection that came too late goes to ``drop``. While there is no ``room``
    for another attempt, the oldest ends for the next. Raises NoneConnected, and at once what is no OSError.
    """
    if len(addresses) == 1:
        return await _only(addresses[0], attempt, until)
    race = _Race(addresses, attempt, until, room)
    try:
        return await race.run()
    finally:
        race.end(drop)


async def _only(address: A, attempt: Attempt[A, T], until: float) -> Connected[A, T]:
    try:
        async with asyncio.timeout_at(until):
            return Connected(await attempt(address, _ignore), address, {})
    except OSError as error:
        raise NoneConnected({address: error}) from None


def _ignore() -> None:
    """Nothing follows from an only address's having taken the connection."""


class _Race(Generic[A, T]):
    """The attempts of one call, oldest first."""

    def __init__(self, addresses: Sequence[A], attempt: Attempt[A, T], until: float, room: Callable[[], bool]) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = deque(addresses)
        self._attempt = attempt
        self._until = until
        self._room = room
        self._running: dict[asyncio.Task[T], A] = {}
        self._ended: list[asyncio.Task[T]] = []
        self._taken: set[A] = set()  # they have taken the connection, and TLS follows
        self._failures: dict[A, Exception | None] = {}
        self._newest: A | None = None
        self._won: asyncio.Task[T] | None = None
        self._next = self._share_ends = self._loop.time()

    async def run(self) -> Connected[A, T]:
        while (now := self._loop.time()) < self._until:
            if self._left and (not self._running or now >= self._next):
                if self._newest in self._taken and self._running and now < self._share_ends:
                    self._next = self._share_ends
                else:
                    self._begin(now)
            if not self._running:
                break
            wait = min(self._until, self._next if self._left else self._until) - now
            done, _ = await asyncio.wait(self._running, timeout=max(0.0, wait), return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in self._running if task in done]:
                address = self._running[task]
                error = task.exception()
                if error is None:
                    self._won = task
                    return Connected(task.result(), address, self._failures | dict.fromkeys(self._before(task)))
                del self._running[task]
                if not isinstance(error, OSError):
                    raise error
                self._failures[address] = error
                if address == self._newest:
                    self._next = now
        raise NoneConnected(self._failures | dict.fromkeys(self._running.values()))

    def _begin(self, now: float) -> None:
        """Try the next address."""
        if self._running and (len(self._running) >= AT_ONCE or not self._room()):
            oldest = next(iter(self._running))
            self._failures[self._running.pop(oldest)] = None
            self._ended.append(oldest)
            oldest.cancel()
        share = (self._until - now) / len(self._left)
        self._newest = address = self._left.popleft()
        self._next = now + max(SHORTEST, min(DELAY, share))
        self._share_ends = now + share
        task = self._loop.create_task(self._attempt(address, partial(self._taken.add, address)))
        self._running[task] = address

    def _before(self, winner: asyncio.Task[T]) -> list[A]:
        """The addresses that were tried before that of ``winner``, have had their delay and are still waited for."""
        tasks = list(self._running)
        return [self._running[task] for task in tasks[: tasks.index(winner)]]

    def end(self, drop: Callable[[T], None]) -> None:
        """End what still runs."""
        for task in (*self._running, *self._ended):
            if task is not self._won:
                task.cancel()
                task.add_done_callback(partial(_dropped, drop))


def _dropped(drop: Callable[[T], None], task: asyncio.Task[T]) -> None:
    if not task.cancelled() and task.exception() is None:
        drop(task.result())


async def open_transport(
    factory: Callable[[], P],
    address: str,
    port: int,
    tls: ssl.SSLContext | None,
    name: str,
    on_taken: Callable[[], None],
) -> tuple[asyncio.BaseTransport, P]:
    """A connection to one IP address, encrypted with ``tls`` for the certificate of ``name``. Raises OSError."""
    loop = asyncio.get_running_loop()
    if tls is None:
        return await loop.create_connection(factory, address, port)
    sock = await open_socket(address, port, on_taken)
    try:
        return await loop.create_connection(factory, sock=sock, ssl=tls, server_hostname=name)
    except BaseException:
        sock.close()
        raise


async def open_socket_by_name(resolver: Resolver, host: str, port: int, seconds: float) -> socket.socket:
    """A connected socket to the first address of ``host`` that takes a connection. Raises OSError."""
    until = asyncio.get_running_loop().time() + seconds
    async with asyncio.timeout_at(until):
        addresses = await resolver.addresses(host, port)
    try:
        connected = await first_connected(
            addresses, lambda address, on_taken: open_socket(address, port, on_taken), until, socket.socket.close
        )
    except NoneConnected as error:
        raise error.cause from None
    return connected.value


async def open_socket(address: str, port: int, on_taken: Callable[[], None] = _ignore) -> socket.socket:
    """A connected socket to one IP address, not blocking. Raises OSError."""
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    family, kind, proto, _, target = found[0]
    sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, proto)
    try:
        await asyncio.get_running_loop().sock_connect(sock, target)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    on_taken()
    return sock
