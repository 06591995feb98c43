"""How many connections a listener has, in all and of one address, and which one makes room for another.

They count from accept to their very end: in their handshake, while they wait for a request, while a refused client may still
read why. At a limit the one that has waited longest for a request makes room, so that clients which hold connections and
send nothing keep nobody else out.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

LOOK = 0.5  # seconds between two looks through all connections that find few: each one accepted would need one


class Counted(Protocol):
    """A connection. ``address`` is the key of the address that it counts for, empty when it counts for none.
    ``waiting_since`` is the loop's time since when it waits for a request, 0.0 while it has one."""

    @property
    def address(self) -> bytes: ...
    @property
    def waiting_since(self) -> float: ...

    def make_room(self) -> None:
        """End at once, so that another connection has room."""


Connection = TypeVar("Connection", bound=Counted)


class _Group(Generic[Connection]):
    """Connections under one limit."""

    __slots__ = ("_found_many", "_looked", "_waiting", "connections")

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._waiting: list[tuple[float, Connection]] = []  # as of the last look, the longest last
        self._looked = float("-inf")
        self._found_many = False  # the last look paid for itself: half of all can be ended before the next one

    def longest_waiting(self, now: float) -> Connection | None:
        """The connection that has waited longest for a request; None when none waits that was seen at the last look."""
        found = self._next()
        if found is None and (self._found_many or now - self._looked >= LOOK):
            self._looked = now
            waiting = [(connection.waiting_since, connection) for connection in self.connections]
            self._waiting = sorted((one for one in waiting if one[0]), key=lambda one: -one[0])
            self._found_many = 2 * len(self._waiting) >= len(self.connections)
            found = self._next()
        return found

    def _next(self) -> Connection | None:
        while self._waiting:
            since, connection = self._waiting.pop()
            if connection in self.connections and connection.waiting_since == since:
                return connection
        return None


class ConnectionCount(Generic[Connection]):
    """Counts the connections of one listener."""

    def __init__(self) -> None:
        self._all: _Group[Connection] = _Group()
        self._by_address: dict[bytes, _Group[Connection]] = {}

    @property
    def connections(self) -> set[Connection]:
        """All that are open."""
        return self._all.connections

    @property
    def addresses(self) -> int:
        """Addresses that connections count for."""
        return len(self._by_address)

    def of_address(self, address: bytes) -> int:
        """The connections that count for ``address``."""
        group = self._by_address.get(address)
        return 0 if group is None else len(group.connections)

    def make_room(self, address: bytes, most: int, most_of_address: int | None, now: float) -> bool:
        """Whether there is room for one more connection of ``address``, perhaps since another one was ended for it."""
        group = self._by_address.get(address)
        if group is not None and most_of_address is not None and not self._within(group, most_of_address, now):
            return False
        return self._within(self._all, most, now)

    def _within(self, group: _Group[Connection], most: int, now: float) -> bool:
        if len(group.connections) < most:
            return True
        return self._end(group, now) and len(group.connections) < most

    def end_longest_waiting(self, now: float) -> bool:
        """End the connection that has waited longest for a request; whether there was one."""
        return self._end(self._all, now)

    def _end(self, group: _Group[Connection], now: float) -> bool:
        connection = group.longest_waiting(now)
        if connection is None:
            return False
        self.remove(connection)
        connection.make_room()
        return True

    def add(self, connection: Connection) -> None:
        """Count ``connection``."""
        self._all.connections.add(connection)
        if connection.address:
            self._by_address.setdefault(connection.address, _Group()).connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """Count ``connection`` no longer. To be called at its end, whichever way it ends; twice is once."""
        self._all.connections.discard(connection)
        group = self._by_address.get(connection.address)
        if group is not None:
            group.connections.discard(connection)
            if not group.connections:
                del self._by_address[connection.address]
