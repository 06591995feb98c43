"""Lockouts in LMDB.

A record is under the letter ``COUNTED`` while it only counts, and under ``LOCKED`` from its first lock to the end of its
quiet day, so that the locks are found without reading what millions of strangers left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from struct import Struct
from typing import TypeVar

from gateway.state.lmdb.capacity import HOLD, Capacity
from gateway.state.lmdb.clock import Transaction
from gateway.state.lmdb.file import StateFile
from gateway.state.lmdb.lockout_record import clear_of, packed, unpacked
from gateway.state.lmdb.names import COUNTED, LOCKED, WAIVED
from gateway.state.rules import lockout as rules
from gateway.state.rules.gcra import ticks
from gateway.state.rules.lockout import LOCK_REASONS, NOTHING, Attempt, Lock, Name, Record, Reserved, Written, name_of

_WAIVED_FOR = 86_400.0  # seconds
_WAIVER = Struct("<dd")  # expiry (ticks), when it was waived

T = TypeVar("T")
Digest = Callable[[bytes], bytes]


class LockoutLedger:
    """The records of attempts inside one write transaction ``txn``, at ``now`` by the wall clock, which the monotonic one
    is ``ahead`` of."""

    def __init__(self, txn: Transaction, digest: Digest, now: float, ahead: float) -> None:
        self._txn = txn
        self._digest = digest
        self._ahead = ahead
        self._now = now + ahead
        self._stored: dict[Name, tuple[bytes, bytes]] = {}  # hash, and the letter it was found under if any
        self.fresh = 0
        """Records found missing that the last ``reserve`` is about to add."""

    def _hash(self, kind: str, key: bytes) -> bytes:
        return self._digest(kind.encode() + b"\0" + key)

    def _read(self, attempt: Attempt) -> Record:
        name = name_of(attempt)
        digest = self._hash(*name)
        for letter in (LOCKED, COUNTED):  # a lock that was taken over from a broken file is believed first
            value = self._txn.get(letter + digest)
            if value is not None:
                self._stored[name] = digest, letter
                return unpacked(value, letter == LOCKED)[0]
        self._stored[name] = digest, b""
        return NOTHING

    def reserve(self, attempts: Sequence[Attempt]) -> tuple[Sequence[Reserved], Written]:
        """The results, and what is still to be written."""
        results, writes = rules.reserve(attempts, self._read, self._now)
        self.fresh = sum(not self._stored[name][1] for name in writes)
        return rules.in_wall_time(results, self._ahead), writes

    def settle(self, attempts: Sequence[Attempt], failed: bool | None) -> list[Lock]:
        """The locks that the verdict has set."""
        locking, writes = rules.settle(attempts, failed, self._read, self._now)
        self.write(writes)
        return [
            self._lock(self._hash(*name), writes[name][0], name[0], clear_of(name).decode())
            for name in map(name_of, locking)
        ]

    def _lock(self, digest: bytes, record: Record, kind: str, clear: str) -> Lock:
        since, until = record.since - self._ahead, record.until - self._ahead
        return Lock(kind, clear or digest.hex(), since, until, record.failures, LOCK_REASONS[kind])

    def write(self, writes: Written) -> None:
        """Writes records that were read before in this transaction."""
        txn = self._txn
        for name, (record, within) in writes.items():
            digest, before = self._stored[name]
            expiry = rules.expiry(record, within)
            letter = b"" if not expiry else LOCKED if record.level else COUNTED
            if before and before != letter:
                txn.delete(before + digest)
            if letter:
                txn.put(letter + digest, packed(name, record, expiry))

    def forget(self, kind: str, key: bytes) -> bool:
        """Removes a record. Returns whether it was locked."""
        digest = self._hash(kind, key)
        value = self._txn.get(LOCKED + digest)
        self._txn.delete(COUNTED + digest)
        self._txn.delete(LOCKED + digest)
        return value is not None and self._is_locked(unpacked(value, True)[0])

    def _is_locked(self, record: Record) -> bool:
        return record.until > self._now

    def waive(self, kind: str, key: bytes) -> None:
        """See ``LockoutStore.waive``."""
        waiver = _WAIVER.pack(ticks(self._now + _WAIVED_FOR), self._now)
        self._txn.put(WAIVED + self._hash(kind, key), waiver)

    def waived_at(self, kind: str, key: bytes) -> float:
        """See ``LockoutStore.waived_at``."""
        value = self._txn.get(WAIVED + self._hash(kind, key))
        return 0.0 if value is None else _WAIVER.unpack(value)[1] - self._ahead

    def locks(self, start: bytes, look: int) -> tuple[list[Lock], bytes]:
        """The locks among up to ``look`` records from ``start`` on, and where to go on (empty at the end)."""
        found = []
        cursor = self._txn.cursor()
        cursor.set_range(start or LOCKED)
        for _ in range(look):
            name = bytes(cursor.key())
            if name[:1] != LOCKED:
                break
            record, kind, clear = unpacked(cursor.value(), True)
            if self._is_locked(record):
                found.append(self._lock(name[1:], record, kind, clear))
            cursor.next()
        following = bytes(cursor.key())
        cursor.close()
        return found, following if following[:1] == LOCKED else b""


class LmdbLockouts:
    """See ``LockoutStore``."""

    def __init__(self, file: StateFile, capacity: Capacity) -> None:
        self._file = file
        self._capacity = capacity

    def _in_ledger(self, work: Callable[[LockoutLedger], T], now: float) -> T | None:
        """What ``work`` gives in a transaction of its own; None when there is no room."""
        file = self._file
        return self._capacity.write(lambda txn: work(LockoutLedger(txn, file.digest, now, file.clock.ahead(txn, now))))

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``LockoutStore.reserve``."""
        results = self._reserve(attempts, now)
        if results is None:
            self._capacity.make_room(now)
            results = self._reserve(attempts, now)
        if results is None:
            self._capacity.refused_full += 1
            return [Reserved(False, 0.0, 0, full=True) for _ in attempts]
        return results

    def _reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved] | None:
        def work(ledger: LockoutLedger) -> tuple[Sequence[Reserved] | None, int]:
            results, writes = ledger.reserve(attempts)
            if ledger.fresh and self._capacity.tight:
                return None, 0
            ledger.write(writes)
            return results, ledger.fresh

        results, fresh = self._in_ledger(work, now) or (None, 0)
        if fresh:
            self._capacity.added(fresh, now)
        return results

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``LockoutStore.settle``. Where there is no room for the verdict the attempts stay spent."""
        for _ in range(2):
            locks = self._in_ledger(lambda ledger: ledger.settle(attempts, failed), now)
            if locks is not None:
                return locks
            self._capacity.sweep(now, HOLD)
        self._capacity.refused_full += 1
        return ()

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``LockoutStore.locks``. Holds the other workers up for 100 microseconds at a time."""
        found: list[Lock] = []
        position = b""
        while len(found) < limit:
            some, position = self._in_ledger(partial(LockoutLedger.locks, start=position, look=HOLD), now) or ([], b"")
            found += some
            if not position:
                break
        return found[:limit]

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``LockoutStore.unlock``."""
        return bool(self._in_ledger(lambda ledger: ledger.forget(kind, key), now))

    def lock_name(self, kind: str, key: bytes) -> str:
        """See ``LockoutStore.lock_name``."""
        return self._file.digest(kind.encode() + b"\0" + key).hex()

    def waive(self, kind: str, key: bytes, now: float) -> None:
        """See ``LockoutStore.waive``."""
        self._in_ledger(lambda ledger: ledger.waive(kind, key), now)

    def waived_at(self, kind: str, key: bytes, now: float) -> float:
        """See ``LockoutStore.waived_at``."""
        return self._in_ledger(lambda ledger: ledger.waived_at(kind, key), now) or 0.0
