"""The clock of what clients take: nothing for too long, or too little, ends the connection, as does too much that waits.

Whatever state a connection is in, its bytes wait in the same buffers: with a response on its way, between two requests, while
it closes, while a refused client lingers, in a tunnel. So the clock looks at the buffers from time to time, and no request
pays for it. It stands still while nothing waits: a stream in which an upstream is silent is not the client's fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

from gateway.proxy.wire.tcp import UNSENT_MOST, send_state

SLICE = 400
"""Work in one go, some 150 us: a connection counts 1, and ``MEASURE`` more where the kernel has to be asked about it."""
MEASURE = 12
LEAST_RATE = 4 * 1024  # bytes a second; a phone on GPRS takes 5 KB
CLOSING = 2.0  # seconds for the close_notify of a client that has taken all (RFC 8446 6.1)


class Recipient(Protocol):
    """A connection, as the clock sees it. ``held`` are bytes of a response that wait behind those of the transport.
    ``idle_since`` is the loop's time since when it has no request, 0.0 while it has one."""

    transport: asyncio.Transport | None
    secure: bool
    idle_since: float

    @property
    def held(self) -> int: ...
    @property
    def unused(self) -> bool:
        """Whether nothing was ever sent."""


Connection = TypeVar("Connection", bound=Recipient)


class _Waiting(NamedTuple):
    """What a connection had taken at ``moment``, ``unsent`` bytes that waited then, and the seconds that are left to it."""

    moment: float
    taken: int
    unsent: int
    left: float


class Overdue(NamedTuple, Generic[Connection]):
    """Connections to be ended: those that are ``stalled``, those that are ``over`` the bound of all together, and those that
    are ``closed`` but for the client's close_notify."""

    stalled: list[Connection]
    over: list[Connection]
    closed: list[Connection]


class SendClock(Generic[Connection]):
    """Looks at the connections of one listener. ``unsent`` are the bytes that waited for all of them at the last look."""

    def __init__(self) -> None:
        self.unsent = 0
        self._waiting: dict[Connection, _Waiting] = {}
        self._closing: dict[Connection, float] = {}
        self._looked = float("-inf")

    def look(self, connections: Iterable[Connection], now: float, timeout: float, most: int) -> Overdue[Connection]:
        """The connections that are overdue at the loop's time ``now``.

        Each has ``timeout`` seconds in which bytes wait for it, and gets one back for every ``LEAST_RATE`` bytes that it
        takes. ``most`` bytes may wait for all together: beyond that those go first that have the least time left.
        """
        looking = self.look_in_slices(connections, now, timeout, most)
        while True:
            try:
                next(looking)
            except StopIteration as end:
                overdue: Overdue[Connection] = end.value
                return overdue

    def look_in_slices(
        self, connections: Iterable[Connection], now: float, timeout: float, most: int
    ) -> Generator[None, None, Overdue[Connection]]:
        """``look``, which yields after each ``SLICE`` of work."""
        before, waiting_by = self._waiting, dict[Connection, _Waiting]()
        closing, closing_by = self._closing, dict[Connection, float]()
        closed: list[Connection] = []
        left_of_slice = SLICE
        for connection in connections:
            transport = connection.transport
            left_of_slice -= 1
            if transport is not None and not self._is_quiet(connection, transport, before):
                left_of_slice -= MEASURE
                found = _measure(connection, transport, now)
                if found is not None:
                    last = before.get(connection)
                    left = timeout
                    if last is not None:
                        gained = max(0, found.taken - last.taken) / LEAST_RATE
                        left = min(timeout, last.left - (now - last.moment) + gained)
                    waiting_by[connection] = found._replace(left=left)
                elif transport.is_closing():
                    since = closing_by[connection] = closing.get(connection, now)
                    if now - since >= CLOSING:
                        closed.append(connection)
            if left_of_slice <= 0:
                left_of_slice = SLICE
                yield
        self._looked, self._waiting, self._closing = now, waiting_by, closing_by
        stalled = [connection for connection, waiting in waiting_by.items() if waiting.left <= 0.0]
        self.unsent = sum(waiting.unsent for waiting in waiting_by.values())
        return Overdue(stalled, self._beyond(most), closed)

    def _is_quiet(
        self, connection: Connection, transport: asyncio.Transport, before: dict[Connection, _Waiting]
    ) -> bool:
        """Whether nothing can wait: nothing was sent since a look at which nothing waited."""
        if connection in before or transport.is_closing():
            return False
        return 0.0 < connection.idle_since < self._looked or connection.unused

    def _beyond(self, most: int) -> list[Connection]:
        """Those that have to go so that no more than ``most`` bytes wait for the rest."""
        total, found = self.unsent, []
        if total > most:
            for connection, waiting in sorted(self._waiting.items(), key=lambda one: (one[1].left, -one[1].unsent)):
                if total <= most:
                    break
                total -= waiting.unsent
                if waiting.left > 0.0:  # the others are stalled
                    found.append(connection)
        return found


def _measure(connection: Recipient, transport: asyncio.Transport, now: float) -> _Waiting | None:
    """What waits for ``connection``, None when nothing does."""
    buffered = transport.get_write_buffer_size()
    state = send_state(transport.get_extra_info("socket"))
    if state is None:
        return _Waiting(now, -buffered, buffered + connection.held, 0.0) if buffered else None
    if not buffered and not state.waiting:
        return None
    unsent = buffered + state.unsent + connection.held
    if connection.secure and state.unsent:
        unsent += UNSENT_MOST  # the transport below TLS, of which nothing is seen, holds as much before it pauses
    return _Waiting(now, state.taken, unsent, 0.0)
