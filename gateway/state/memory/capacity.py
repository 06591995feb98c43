"""How many records the parts of a store in memory hold together, and how expired ones go."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Generic, Protocol, TypeVar

from gateway.state.store import Stats

RECORD_BYTES = 200
"""Memory that a record takes, near enough for health."""

AGAIN = 1.0
"""Seconds from a sweep for want of room to the next one: it looks at every record."""

Name = TypeVar("Name")
Value = TypeVar("Value")


class ExpiringRecords(Generic[Name, Value]):
    """The records of one part by their names. ``is_over`` says of a record whether it means nothing any more at a moment."""

    def __init__(self, is_over: Callable[[Value, float], bool]) -> None:
        self.held: dict[Name, Value] = {}
        self._is_over = is_over

    def __len__(self) -> int:
        return len(self.held)

    def fresh(self, names: set[Name]) -> int:
        """How many of ``names`` are not held."""
        held = self.held
        return sum(name not in held for name in names)  # ``names - held.keys()`` would go through all that is held

    def sweep(self, now: float, budget: int) -> int:
        """See ``StoreMaintenance.sweep``. What was looked at moves to the end, so that the next call goes on behind it."""
        gone = 0
        for name, value in list(islice(self.held.items(), budget)):
            del self.held[name]
            if self._is_over(value, now):
                gone += 1
            else:
                self.held[name] = value
        return gone


class Swept(Protocol):
    """Records of any kind."""

    def __len__(self) -> int: ...
    def sweep(self, now: float, budget: int) -> int: ...


class MemoryCapacity:
    """Room for ``most`` records in all ``parts`` together. Like a file that is full, it takes no new key when there is
    none: failing open would let anybody who can fill the store switch the limits of sign-in off."""

    def __init__(self, most: int, *parts: Swept) -> None:
        self._most = most
        self._parts = parts
        self._swept = -AGAIN
        self.refused_full = 0
        """Calls refused for want of room."""

    def has_room(self, fresh: int, now: float) -> bool:
        """Whether ``fresh`` more records find room, for which expired ones are swept; counts a refusal."""
        if not fresh or len(self) + fresh <= self._most:
            return True
        if not self._swept <= now < self._swept + AGAIN:
            self._swept = now
            self.sweep(now, len(self))
            if len(self) + fresh <= self._most:
                return True
        self.refused_full += 1
        return False

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def sweep(self, now: float, budget: int) -> int:
        """See ``StoreMaintenance.sweep``. Each part has its share, or many records of one would keep those of another."""
        whole = max(1, len(self))
        return sum(part.sweep(now, -(-budget * len(part) // whole)) for part in self._parts)

    def stats(self) -> Stats:
        """See ``StoreMaintenance.stats``."""
        return Stats(len(self), len(self) * RECORD_BYTES, self._most * RECORD_BYTES, self.refused_full)
