"""How the embedded store writes the records of attempts down, and finds those that are locked.

A record is named by one letter and the keyed hash: ``s`` while it only counts, ``t`` from its first lock to the end of
its quiet day, so that the locks can be told without reading what millions of strangers left behind. It begins with the
moment it dies, as all records do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from struct import Struct
from typing import Any, TypeVar

from gateway.state.rules import lockout as rules
from gateway.state.rules.gcra import ticks
from gateway.state.rules.lockout import LOCK_REASONS, NOTHING, Attempt, Lock, Name, Record, Reserved, Written, name_of
from gateway.state.rules.monotonic import MonotonicWallClock

COUNTED = b"s"
LOCKED = b"t"
WAIVED = b"v"
LETTERS = (COUNTED, LOCKED, WAIVED)
"""First bytes of the records that go by the steady clock."""

CLOCK = b"clock"  # before all records
_DAY = 86_400.0

_CLOCK = Struct("<dd")
_WAIVER = Struct("<dd")  # when it dies (ticks), when it was waived by the clock on the wall
_HEAD = Struct("<dHH")  # when it dies (ticks), how many failed, how many are flying
_LOCK = Struct("<HHBBddd")  # level, failures, kind, length of the clear name, since, until, calm
_MOMENTS = [Struct(f"<{count}d") for count in range(64)]  # most records hold one or two
_KINDS = tuple(LOCK_REASONS)
_LONGEST = 64  # bytes of an address in clear

HOLD = 256
"""Records looked at in one transaction: the other workers wait for it, some 100 microseconds."""

T = TypeVar("T")
Digest = Callable[[bytes], bytes]


def seen(txn: Any, now: float, keep: bool = True) -> MonotonicWallClock:
    """The steady clock of all workers after this one's said ``now``. ``keep``: written down, by the quarter of a second."""
    value = txn.get(CLOCK)
    before = MonotonicWallClock(*_CLOCK.unpack(value)) if value is not None else MonotonicWallClock()
    after = before.seen(now)
    if keep and (after.ahead != before.ahead or after.latest > before.latest + 0.25):
        txn.put(CLOCK, packed_clock(after))
    return after


def packed_clock(clock: MonotonicWallClock) -> bytes:
    """A clock as it is stored."""
    return _CLOCK.pack(*clock)


def clear_of(name: Name) -> bytes:
    """What operators may read of an address; empty for anybody else."""
    kind, key = name
    return key.rpartition(b"\0")[2][:_LONGEST] if kind == "address" else b""


def packed(name: Name, record: Record, dies: float) -> bytes:
    """A record as it is stored."""
    failed, flying = record.failed, record.flying
    head = _HEAD.pack(ticks(dies), len(failed), len(flying))
    if record.level:
        kind, _ = name
        clear = clear_of(name) if record.until else b""
        level = min(record.level, 0xFFFF)
        head += _LOCK.pack(
            level, record.failures, _KINDS.index(kind), len(clear), record.since, record.until, record.calm
        )
        head += clear
    moments = failed + flying
    return head + _shape(len(moments)).pack(*moments)


def unpacked(value: bytes, locked: bool) -> tuple[Record, str, str]:
    """The record, and the kind and clear name of one that was locked."""
    _, failed, flying = _HEAD.unpack_from(value)
    at = _HEAD.size
    lock: tuple[int, float, float, int, float] = (0, 0.0, 0.0, 0, 0.0)
    kind = clear = ""
    if locked:
        level, failures, number, length, since, until, calm = _LOCK.unpack_from(value, at)
        at += _LOCK.size
        kind, clear = _KINDS[number], bytes(value[at : at + length]).decode()
        at += length
        lock = level, since, until, failures, calm
    moments = _shape(failed + flying).unpack_from(value, at)
    return Record(moments[:failed], moments[failed:], *lock), kind, clear


def _shape(count: int) -> Struct:
    return _MOMENTS[count] if count < len(_MOMENTS) else Struct(f"<{count}d")


class Ledger:
    """The records of attempts inside one write transaction ``txn`` of LMDB."""

    def __init__(self, txn: Any, digest: Digest, now: float) -> None:
        self._txn = txn
        self._digest = digest
        self.ahead = seen(txn, now).ahead
        """Seconds that the steady clock is ahead of the wall's."""
        self.now = now + self.ahead
        self._stored: dict[Name, tuple[bytes, bytes]] = {}  # hash, and the letter it was found under if any
        self.fresh = 0
        """Records found missing that the last ``reserve`` is about to add."""

    def _hash(self, kind: str, key: bytes) -> bytes:
        return self._digest(kind.encode() + b"\0" + key)

    def found(self, attempt: Attempt) -> Record:
        name = name_of(attempt)
        digest = self._hash(*name)
        for letter in (COUNTED, LOCKED):
            value = self._txn.get(letter + digest)
            if value is not None:
                self._stored[name] = digest, letter
                return unpacked(value, letter == LOCKED)[0]
        self._stored[name] = digest, b""
        return NOTHING

    def reserve(self, attempts: Sequence[Attempt]) -> tuple[Sequence[Reserved], Written]:
        """The answers, and what is still to be written."""
        answers, writes = rules.reserve(attempts, self.found, self.now)
        self.fresh = sum(not self._stored[name][1] for name in writes)
        return rules.told(answers, self.ahead), writes

    def settle(self, attempts: Sequence[Attempt], failed: bool | None) -> list[Lock]:
        """The locks that the verdict has set."""
        locking, writes = rules.settle(attempts, failed, self.found, self.now)
        self.write(writes)
        return [self._lock(self._hash(*name_of(one)), *self._clear(one, writes)) for one in locking]

    @staticmethod
    def _clear(attempt: Attempt, writes: Written) -> tuple[Record, str, str]:
        name = name_of(attempt)
        return writes[name][0], attempt.kind, clear_of(name).decode()

    def _lock(self, digest: bytes, record: Record, kind: str, clear: str) -> Lock:
        since, until = record.since - self.ahead, record.until - self.ahead
        return Lock(kind, clear or digest.hex(), since, until, record.failures, LOCK_REASONS[kind])

    def write(self, writes: Written) -> None:
        """Writes records that were found before in this transaction."""
        txn = self._txn
        for name, (record, within) in writes.items():
            digest, before = self._stored[name]
            dies = rules.dies(record, within)
            letter = b"" if not dies else LOCKED if record.level else COUNTED
            if before and before != letter:
                txn.delete(before + digest)
            if letter:
                txn.put(letter + digest, packed(name, record, dies))

    def forget(self, kind: str, key: bytes) -> Record:
        """Removes a record and gives what it was."""
        digest = self._hash(kind, key)
        value = self._txn.get(LOCKED + digest)
        record = unpacked(value, True)[0] if value is not None else NOTHING
        self._txn.delete(COUNTED + digest)
        self._txn.delete(LOCKED + digest)
        return record

    def locked(self, record: Record) -> bool:
        return record.until > self.now

    def waive(self, kind: str, key: bytes) -> None:
        moment = self.now - self.ahead
        self._txn.put(WAIVED + self._hash(kind, key), _WAIVER.pack(ticks(self.now + _DAY), moment))

    def waived_at(self, kind: str, key: bytes) -> float:
        value = self._txn.get(WAIVED + self._hash(kind, key))
        return 0.0 if value is None else float(_WAIVER.unpack(value)[1])

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
            if self.locked(record):
                found.append(self._lock(name[1:], record, kind, clear))
            cursor.next()
        following = bytes(cursor.key())
        cursor.close()
        return found, following if following[:1] == LOCKED else b""


class AttemptsStore:
    """The verbs about attempts, over what the store that inherits them gives: transactions, and room by its rule."""

    _tight: bool
    _refused_full: int

    def _work(self, work: Callable[[Ledger], T | None], now: float) -> tuple[T | None, int]:
        raise NotImplementedError  # the store has it

    def _grown(self, fresh: int, now: float) -> None:
        raise NotImplementedError  # the store has it

    def _look(self) -> None:
        raise NotImplementedError  # the store has it

    def sweep(self, now: float, budget: int) -> int:
        """See ``Store.sweep``."""
        raise NotImplementedError  # the store has it

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``Store.reserve``. A full store degrades as for ``take``."""
        answers = self._reserved(attempts, now)
        if answers is None:
            self.sweep(now, HOLD)
            self._look()
            answers = self._reserved(attempts, now)
        if answers is None:
            self._refused_full += 1
            return [Reserved(False, 0.0, 0, full=True) for _ in attempts]
        return answers

    def _reserved(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved] | None:
        def work(ledger: Ledger) -> Sequence[Reserved] | None:
            answers, writes = ledger.reserve(attempts)
            if ledger.fresh and self._tight:
                return None
            ledger.write(writes)
            return answers

        answers, fresh = self._work(work, now)
        if fresh and answers is not None:
            self._grown(fresh, now)
        return answers

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``Store.settle``. Where there is no room for the verdict the attempts stay spent."""
        for _ in range(2):
            locks, _ = self._work(lambda ledger: ledger.settle(attempts, failed), now)
            if locks is not None:
                return locks
            self.sweep(now, HOLD)
        self._refused_full += 1
        return ()

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``Store.locks``. Holds the other workers up for 100 microseconds at a time."""
        found: list[Lock] = []
        position = b""
        while len(found) < limit:
            some, _ = self._work(partial(Ledger.locks, start=position, look=HOLD), now)
            found += some[0] if some else []
            position = some[1] if some else b""
            if not position:
                break
        return found[:limit]

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``Store.unlock``."""
        locked, _ = self._work(lambda ledger: ledger.locked(ledger.forget(kind, key)), now)
        return bool(locked)

    def waive(self, kind: str, key: bytes, now: float) -> None:
        """See ``Store.waive``."""
        self._work(lambda ledger: ledger.waive(kind, key), now)

    def waived_at(self, kind: str, key: bytes, now: float) -> float:
        """See ``Store.waived_at``."""
        return self._work(lambda ledger: ledger.waived_at(kind, key), now)[0] or 0.0
