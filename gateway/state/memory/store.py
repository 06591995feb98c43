"""A store of one process in its memory: for what is only tried out, and leaves nothing behind."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

from gateway.state.memory.capacity import ExpiringRecords, MemoryCapacity
from gateway.state.memory.circuits import MemoryCircuits
from gateway.state.memory.limits import MemoryLimits, is_whole
from gateway.state.memory.lockouts import MemoryLockouts
from gateway.state.memory.revocations import MemoryRevocations
from gateway.state.store import Stats, StoreCondition

MOST = 1_000_000
"""Records that it holds, some 200 MB."""


class MemoryStore(MemoryLimits, MemoryLockouts, MemoryCircuits, MemoryRevocations):
    """See ``Store``. ``capacity`` is how many records it holds; a new key beyond that is refused (``full``). ``key`` is that
    of its hashes, a random one unless given."""

    def __init__(self, capacity: int = MOST, key: bytes = b"") -> None:
        key = key[:64] or os.urandom(32)
        takes: ExpiringRecords[bytes, float] = ExpiringRecords(is_whole)
        MemoryLockouts.__init__(self, key)
        self._room = MemoryCapacity(capacity, takes, self.records, self.waivers)
        self.bound(self._room)
        MemoryLimits.__init__(self, takes, self._room)
        MemoryCircuits.__init__(self)
        MemoryRevocations.__init__(self, key)
        self.group_commit: AbstractContextManager[object] = nullcontext()

    def sweep(self, now: float, budget: int) -> int:
        """See ``StoreMaintenance.sweep``."""
        return self._room.sweep(now, budget)

    def stats(self) -> Stats:
        """See ``StoreMaintenance.stats``."""
        return self._room.stats()

    def steady(self, now: float) -> float:
        """See ``StoreMaintenance.steady``."""
        return now

    @property
    def condition(self) -> StoreCondition:
        """See ``StoreMaintenance.condition``: there is no file that could fail."""
        return StoreCondition()

    def check(self) -> StoreCondition:
        """See ``StoreMaintenance.check``."""
        return StoreCondition()

    def close(self) -> None:
        """See ``StoreMaintenance.close``."""
