"""The verbs over a dictionary: the reference for tests, and a store for one process that need not outlive it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from gateway.state.gcra import NEVER, distinct, settle, ticks
from gateway.state.verbs import Stats, Take, Taken

_RECORD = 96  # bytes of a key, a number and their place in a dictionary, near enough for health


class MemoryStore:
    """``capacity`` is how many records it holds; a new key beyond that is refused (``Taken.full``)."""

    def __init__(self, capacity: int = 1_000_000) -> None:
        self._tats: dict[bytes, float] = {}
        self._capacity = capacity
        self._refused_full = 0

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``."""
        names = distinct([take.key for take in takes])
        answers, tats = settle(takes, [self._tats.get(name, NEVER) for name in names], ticks(now))
        writes = {name: tat for name, tat in zip(names, tats, strict=True) if tat is not None}
        fresh = len(writes.keys() - self._tats.keys())
        if fresh and len(self._tats) + fresh > self._capacity:
            self.sweep(now, len(self._tats))
            if len(self._tats) + fresh > self._capacity:
                self._refused_full += 1
                return [Taken(False, 1.0, 0, 0.0, full=True) for _ in takes]
        self._tats.update(writes)
        return answers

    def sweep(self, now: float, budget: int) -> int:
        """See ``Store.sweep``. What was looked at moves to the end, so the next call goes on behind it."""
        moment = ticks(now)
        seen = list(islice(self._tats.items(), budget))
        gone = 0
        for name, tat in seen:
            del self._tats[name]
            if tat > moment:
                self._tats[name] = tat
            else:
                gone += 1
        return gone

    def stats(self) -> Stats:
        """See ``Store.stats``."""
        records = len(self._tats)
        return Stats(records, records * _RECORD, self._capacity * _RECORD, self._refused_full)

    def close(self) -> None:
        """See ``Store.close``."""
