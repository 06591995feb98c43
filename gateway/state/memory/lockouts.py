"""Lockouts in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import islice

from gateway.state.memory.capacity import ExpiringRecords, MemoryCapacity
from gateway.state.rules import lockout as rules
from gateway.state.rules.lockout import LOCK_REASONS, NOTHING, Attempt, Lock, Name, Record, Reserved, Written, name_of
from gateway.state.rules.monotonic import MonotonicWallClock

WAIVED_FOR = 86_400.0  # seconds


class MemoryLockouts:
    """See ``LockoutStore``. ``key`` is that of the hashes under which locks are listed."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._clock = MonotonicWallClock()
        self._has_room: Callable[[int, float], bool] = lambda fresh, now: True
        self.records: ExpiringRecords[Name, tuple[Record, float]] = ExpiringRecords(self._is_over)
        """Each with the moment at which it dies, by the clock that does not run backwards."""
        self.waivers: ExpiringRecords[Name, float] = ExpiringRecords(lambda waived, now: waived + WAIVED_FOR <= now)

    def bound(self, capacity: MemoryCapacity) -> None:
        """Take records of new keys only while ``capacity`` has room."""
        self._has_room = capacity.has_room

    def _at(self, now: float) -> float:
        """The moment of the clock that does not run backwards."""
        self._clock = self._clock.advanced(now)
        return now + self._clock.ahead

    def _is_over(self, record: tuple[Record, float], now: float) -> bool:
        return record[1] <= self._at(now)

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``LockoutStore.reserve``."""
        results, writes = rules.reserve(attempts, self._stored, self._at(now))
        if not self._has_room(self.records.fresh(set(writes)), now):
            return [Reserved(False, 0.0, 0, full=True) for _ in attempts]
        self._write(writes)
        return rules.in_wall_time(results, self._clock.ahead)

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``LockoutStore.settle``."""
        locking, writes = rules.settle(attempts, failed, self._stored, self._at(now))
        self._write(writes)
        return [self._lock(name_of(attempt), self._stored(attempt)) for attempt in locking]

    def _stored(self, attempt: Attempt) -> Record:
        return self.records.held.get(name_of(attempt), (NOTHING, 0.0))[0]

    def _write(self, writes: Written) -> None:
        held = self.records.held
        for name, (record, within) in writes.items():
            expiry = rules.expiry(record, within)
            if expiry:
                held[name] = record, expiry
            else:
                held.pop(name, None)

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``LockoutStore.locks``."""
        moment = self._at(now)
        locked = ((name, record) for name, (record, _) in self.records.held.items() if record.until > moment)
        return [self._lock(*one) for one in islice(locked, limit)]

    def _lock(self, name: Name, record: Record) -> Lock:
        kind, key = name
        who = key.rpartition(b"\0")[2].decode() if kind == "address" else self.lock_name(kind, key)
        since, until = record.since - self._clock.ahead, record.until - self._clock.ahead
        return Lock(kind, who, since, until, record.failures, LOCK_REASONS[kind])

    def lock_name(self, kind: str, key: bytes) -> str:
        """See ``LockoutStore.lock_name``."""
        return blake2b(kind.encode() + b"\0" + key, key=self._key, digest_size=16).hexdigest()

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``LockoutStore.unlock``."""
        record, _ = self.records.held.pop((kind, key), (NOTHING, 0.0))
        return record.until > self._at(now)

    def waive(self, kind: str, key: bytes, now: float) -> None:
        """See ``LockoutStore.waive``. Operators waive, so a full store takes it too."""
        self.waivers.held[kind, key] = now

    def waived_at(self, kind: str, key: bytes, now: float) -> float:
        """See ``LockoutStore.waived_at``."""
        waived = self.waivers.held.get((kind, key), 0.0)
        return waived if now < waived + WAIVED_FOR else 0.0
