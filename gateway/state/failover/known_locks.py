"""The locks of all replicas as one gateway knows them, so that they hold while Redis is away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.state.failover.locks_file import read, write
from gateway.state.redis.lockouts import MOST_UNLOCKS, KnownLock, LockSnapshot
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from gateway.state.rules.monotonic import MonotonicWallClock
from gateway.state.store import LockoutStore


class KnownLocks:
    """``name_of`` gives the name of a kind and key in a snapshot, ``local`` is the store of this host, ``file`` keeps the
    locks for the next process."""

    def __init__(self, name_of: Callable[[str, bytes], str], local: LockoutStore, file: Path | None) -> None:
        self.snapshot = LockSnapshot()
        self._name_of = name_of
        self._local = local
        self._file = file
        self._clock = MonotonicWallClock()
        self._pulled = False
        self._to_unlock: dict[str, None] = {}  # unlocked elsewhere and still in the local store, which goes by keys

    def load(self) -> None:
        """Knows what the file has."""
        if self._file is not None:
            self.snapshot = read(self._file)

    def replace(self, snapshot: LockSnapshot) -> None:
        """Knows ``snapshot``, newly pulled from Redis."""
        before = self.snapshot.unlocked
        if self._pulled:  # earlier unlocks were carried out by the processes before this one
            self._to_unlock |= {name: None for name, when in snapshot.unlocked.items() if before.get(name, 0.0) < when}
            for name in list(self._to_unlock)[:-MOST_UNLOCKS]:  # most are never asked for again
                del self._to_unlock[name]
        self.snapshot, self._pulled = snapshot, True
        if self._file is not None:
            write(self._file, snapshot)

    def unlock(self, name: str, now: float) -> None:
        """Records an unlock that Redis does not know of yet."""
        self.snapshot = self.snapshot._replace(unlocked={**self.snapshot.unlocked, name: now})

    def is_locked(self, name: str, now: float) -> bool:
        """Whether a lock on ``name`` lasts still, unlocked or not."""
        known = self.snapshot.held.get(name)
        return known is not None and known.until > now

    def not_unlocked(self) -> list[KnownLock]:
        """The locks that were not unlocked since they were set."""
        _, held, unlocked = self.snapshot
        return [one for one in held.values() if unlocked.get(one.name, 0.0) < one.since]

    def locks(self, now: float, limit: int, ahead: float = 0.0) -> Sequence[Lock]:
        """See ``LockoutStore.locks``: those that are known from Redis, and those of this host. ``ahead``: as in
        ``applied``."""
        held = [one.lock() for one in self.not_unlocked() if one.until > now + ahead]
        known = [lock._replace(since=lock.since - ahead, until=lock.until - ahead) for lock in held]
        seen = {(lock.kind, round(lock.since, 3)) for lock in known}
        here = [lock for lock in self._local.locks(now, limit) if (lock.kind, round(lock.since, 3)) not in seen]
        return (known + here)[:limit]

    def unlock_locally(self, attempts: Sequence[Attempt], now: float) -> None:
        """Unlocks in the local store those keys of ``attempts`` that were unlocked elsewhere."""
        if self._to_unlock:
            for attempt in attempts:
                name = self._name_of(attempt.kind, attempt.key)
                if name in self._to_unlock:
                    del self._to_unlock[name]
                    self._local.unlock(attempt.kind, attempt.key, now)

    def applied(self, attempt: Attempt, here: Reserved, now: float, ahead: float = 0.0) -> Reserved:
        """The result of ``attempt`` without Redis, given that of this host: a lock known from Redis holds. The monotonic clock
        of the host, in which Redis has its locks, is ``ahead`` seconds of ``now``."""
        known = self.snapshot.held.get(self._name_of(attempt.kind, attempt.key))
        self._clock = self._clock.advanced(now + ahead)
        if known is None or known.until <= now + ahead + self._clock.ahead:
            return here
        # An operator's order reaches every worker of the host by the store they share.
        unlocked = self.snapshot.unlocked.get(known.name, 0.0)
        unlocked = max(unlocked, self._local.waived_at(attempt.kind, attempt.key, now) + ahead)
        return here if unlocked >= known.since else Reserved(False, max(known.until - ahead, here.locked_until), 0)
