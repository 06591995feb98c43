"""The store as dictionaries in memory: the reference for tests, and a double of the embedded store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2b
from itertools import islice

from gateway.state.rules import circuit as circuit_rules
from gateway.state.rules import lockout as lockout_rules
from gateway.state.rules.circuit import Admitted, Circuit, Trip
from gateway.state.rules.gcra import NEVER, Take, Taken, decide, distinct, ticks
from gateway.state.rules.lockout import LOCK_REASONS, NOTHING, Attempt, Lock, Name, Record, Reserved, Written, name_of
from gateway.state.rules.monotonic import MonotonicWallClock
from gateway.state.rules.revocation import Revocation, added, named
from gateway.state.store import Stats, StoreCondition

_RECORD = 96  # bytes of a key, a number and their place in a dictionary, near enough for health


class MemoryStore:
    """``capacity`` is how many records it holds; a new key beyond that is refused (``full``)."""

    def __init__(self, capacity: int = 1_000_000) -> None:
        self._tats: dict[bytes, float] = {}
        self._attempts: dict[Name, tuple[Record, float]] = {}  # with when they die
        self._circuits: dict[bytes, Circuit] = {}
        self._waived: dict[Name, float] = {}
        self._revocations: dict[bytes, Revocation] = {}
        self._generation = 0
        self._clock = MonotonicWallClock()
        self._capacity = capacity
        self._refused_full = 0
        self._key = os.urandom(32)
        self.group_commit: AbstractContextManager[object] = nullcontext()
        """See ``Store.group_commit``."""

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``."""
        names = distinct([take.key for take in takes])
        answers, tats = decide(takes, [self._tats.get(name, NEVER) for name in names], ticks(now))
        writes = {name: tat for name, tat in zip(names, tats, strict=True) if tat is not None}
        if not self._room(len(writes.keys() - self._tats.keys()), now):
            return [Taken(False, 1.0, 0, 0.0, full=True) for _ in takes]
        self._tats.update(writes)
        return answers

    def _room(self, fresh: int, now: float) -> bool:
        if not fresh or self.stats().records + fresh <= self._capacity:
            return True
        self.sweep(now, self.stats().records)
        if self.stats().records + fresh <= self._capacity:
            return True
        self._refused_full += 1
        return False

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``Store.reserve``."""
        self._clock = self._clock.advanced(now)
        answers, writes = lockout_rules.reserve(attempts, self._stored, now + self._clock.ahead)
        if not self._room(len(writes.keys() - self._attempts.keys()), now):
            return [Reserved(False, 0.0, 0, full=True) for _ in attempts]
        self._write(writes)
        return lockout_rules.in_wall_time(answers, self._clock.ahead)

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``Store.settle``."""
        self._clock = self._clock.advanced(now)
        locking, writes = lockout_rules.settle(attempts, failed, self._stored, now + self._clock.ahead)
        self._write(writes)
        return [self._lock(name_of(attempt), self._stored(attempt)) for attempt in locking]

    def _stored(self, attempt: Attempt) -> Record:
        return self._attempts.get(name_of(attempt), (NOTHING, 0.0))[0]

    def _write(self, writes: Written) -> None:
        for name, (record, within) in writes.items():
            moment = lockout_rules.expiry(record, within)
            if moment:
                self._attempts[name] = record, moment
            else:
                self._attempts.pop(name, None)

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``Store.locks``."""
        self._clock = self._clock.advanced(now)
        moment = now + self._clock.ahead
        locked = ((name, record) for name, (record, _) in self._attempts.items() if record.until > moment)
        return [self._lock(*one) for one in islice(locked, limit)]

    def _lock(self, name: Name, record: Record) -> Lock:
        kind, key = name
        who = key.rpartition(b"\0")[2].decode() if kind == "address" else self.lock_name(kind, key)
        since, until = record.since - self._clock.ahead, record.until - self._clock.ahead
        return Lock(kind, who, since, until, record.failures, LOCK_REASONS[kind])

    def lock_name(self, kind: str, key: bytes) -> str:
        """See ``Store.lock_name``."""
        return blake2b(key, key=self._key, digest_size=16).hexdigest()

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``Store.unlock``."""
        self._clock = self._clock.advanced(now)
        record, _ = self._attempts.pop((kind, key), (NOTHING, 0.0))
        return record.until > now + self._clock.ahead

    def waive(self, kind: str, key: bytes, now: float) -> None:
        """See ``Store.waive``."""
        self._waived[kind, key] = now

    def waived_at(self, kind: str, key: bytes, now: float) -> float:
        """See ``Store.waived_at``."""
        return self._waived.get((kind, key), 0.0)

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``Store.revoke``."""
        return self.merge_revocations([Revocation(self.revocation_name(kind, key), now, until)], now)

    def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """See ``Store.merge_revocations``."""
        held = {one.name: one for one in self.revocations(now)}
        changed, room = added(held, news, now)
        if changed:
            self._revocations = held
            self._generation += 1
        return room

    def revocations(self, now: float) -> Sequence[Revocation]:
        """See ``Store.revocations``."""
        return [one for one in self._revocations.values() if one.until > now]

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """See ``Store.revocation_name``."""
        return blake2b(named(kind, key), key=self._key, digest_size=16).digest()

    def generation(self) -> int:
        """See ``Store.generation``."""
        return self._generation

    def admit(self, name: bytes, trip: Trip, now: float) -> Admitted:
        """See ``Store.admit``."""
        answer = circuit_rules.admit(self.circuit(name, now), trip, now)
        self._circuits[name] = answer.circuit
        return answer

    def record_outcome(
        self, name: bytes, trip: Trip, epoch: int, failed: bool | None, now: float
    ) -> tuple[Circuit, str]:
        """See ``Store.record_outcome``."""
        before = self.circuit(name, now)
        after = self._circuits[name] = circuit_rules.record_outcome(before, trip, epoch, failed, now)
        return after, before.state

    def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
        """See ``Store.force``."""
        before = self.circuit(name, now)
        after = self._circuits[name] = circuit_rules.force(before, state, now)
        return after, before.state

    def circuit(self, name: bytes, now: float) -> Circuit:
        """See ``Store.circuit``."""
        return circuit_rules.current(self._circuits.get(name), now)

    def sweep(self, now: float, budget: int) -> int:
        """See ``Store.sweep``. What was looked at moves to the end, so the next call goes on behind it."""
        moment, gone = ticks(now), 0
        self._clock = self._clock.advanced(now)
        # Each kind gets its share, or many records of one would keep those of the other for ever.
        share = -(-budget * len(self._attempts) // max(1, self.stats().records))
        seen = list(islice(self._tats.items(), budget - share))
        for name, tat in seen:
            del self._tats[name]
            if tat > moment:
                self._tats[name] = tat
            else:
                gone += 1
        for which, kept in list(islice(self._attempts.items(), share)):
            del self._attempts[which]
            if kept[1] > now + self._clock.ahead:
                self._attempts[which] = kept
            else:
                gone += 1
        return gone

    def steady(self, now: float) -> float:
        """See ``StoreMaintenance.steady``."""
        return now

    @property
    def condition(self) -> StoreCondition:
        """See ``StoreMaintenance.condition``."""
        return StoreCondition()

    def check(self) -> StoreCondition:
        """See ``StoreMaintenance.check``: there is no file that could fail."""
        return StoreCondition()

    def stats(self) -> Stats:
        """See ``Store.stats``."""
        records = len(self._tats) + len(self._attempts)
        return Stats(records, records * _RECORD, self._capacity * _RECORD, self._refused_full)

    def close(self) -> None:
        """See ``Store.close``."""
