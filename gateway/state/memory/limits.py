"""Rate limits in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.state.memory.capacity import ExpiringRecords, MemoryCapacity
from gateway.state.rules.gcra import NEVER, Take, Taken, decide, distinct, ticks


class MemoryLimits:
    """See ``LimitStore``. ``takes`` has for each key when its burst is whole again, in ticks."""

    def __init__(self, takes: ExpiringRecords[bytes, float], capacity: MemoryCapacity) -> None:
        self._takes = takes
        self._capacity = capacity

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``LimitStore.take``."""
        held = self._takes.held
        names = distinct([take.key for take in takes])
        results, tats = decide(takes, [held.get(name, NEVER) for name in names], ticks(now))
        writes = {name: tat for name, tat in zip(names, tats, strict=True) if tat is not None}
        if not self._capacity.has_room(self._takes.fresh(set(writes)), now):
            return [Taken(False, 1.0, 0, 0.0, full=True) for _ in takes]
        held.update(writes)
        return results


def is_whole(tat: float, now: float) -> bool:
    """Whether a burst is whole again at ``now``, so that its record means nothing."""
    return tat <= ticks(now)
