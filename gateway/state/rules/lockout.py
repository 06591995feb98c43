"""Lockouts, the twin of ``state/redis/scripts/lockouts.lua``: what becomes of attempts at something that can be guessed.

Pure functions from record to record, shared by the stores so that they cannot disagree; the script says the same in Lua,
and ``tests/state/test_store_lockouts.py`` holds both to one contract.

A record holds the moments of the failures that still count and of the reservations whose verdict is not known yet.
Both are used up alike, so that attempts sent at once get no more tries than attempts one after the other. Moments are
Unix seconds of a monotonic clock (``state.rules.monotonic``). Every moment counts for exactly ``within`` seconds: there
are no windows that begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

QUIET = 86_400.0
"""Seconds without a failure after which a lock is forgotten, so that the next one is again a first one."""

Name = tuple[str, bytes]
"""Kind and key: the name of a record."""


class Attempt(NamedTuple):
    """One try at something that can be guessed, counted under ``key``.

    ``kind`` is ``account``, ``address``, ``pair`` or ``network`` (an account as tried from one address, or from one network). ``failures`` failed attempts
    within ``within`` seconds lock the key for ``lock_for`` seconds: the first lock for the first of them, further ones
    for the following, the last of them from then on. ``key`` is any bytes; no store keeps it in clear, except what
    follows the last NUL in the key of an address that is locked, so that operators can see which it is.
    """

    key: bytes
    kind: str
    failures: int
    within: float
    lock_for: tuple[float, ...]


class Reserved(NamedTuple):
    """The result of one attempt.

    ``ok``: nothing speaks against this attempt. Attempts are reserved only when all of a call are ok.
    ``locked_until``: Unix seconds, 0.0 when the key is not locked; not ok and not locked means that as many attempts
    as may fail are pending. ``left``: attempts left after this one. ``full``: the store has no room for a new record, so
    the attempt is refused (lockouts fail closed).
    """

    ok: bool
    locked_until: float
    left: int
    full: bool = False


class Lock(NamedTuple):
    """A key that is locked now. ``who`` is the keyed hash in hex, of an address the address itself; ``since`` and
    ``until`` are Unix seconds; ``failures`` is how many set it."""

    kind: str
    who: str
    since: float
    until: float
    failures: int
    reason: str


LOCK_REASONS = {
    "account": "failed attempts on one account",
    "address": "failed attempts from one address",
    "pair": "failed attempts on one account from one address",
    "network": "failed attempts on one account from one network",
}
"""Why a key of each kind is locked."""


class Record(NamedTuple):
    """``failed`` and ``pending`` are moments, oldest first. ``level`` counts the locks since the last quiet day; the
    last lock was set at ``since`` by ``failures``, ends at ``until`` and is forgotten at ``forget_at``."""

    failed: tuple[float, ...] = ()
    pending: tuple[float, ...] = ()
    level: int = 0
    since: float = 0.0
    until: float = 0.0
    failures: int = 0
    forget_at: float = 0.0


NOTHING = Record()

Stored = Callable[[Attempt], Record]
"""The record of an attempt as it is stored."""

Written = dict[Name, tuple[Record, float]]
"""New records with the ``within`` for which they are kept."""


def name_of(attempt: Attempt) -> Name:
    """The name of the record of ``attempt``."""
    return attempt.kind, attempt.key


def current(record: Record, attempt: Attempt, now: float) -> Record:
    """``record`` without what has expired."""
    if record is NOTHING:
        return record
    oldest = now - attempt.within
    failed = tuple([moment for moment in record.failed if moment > oldest])
    pending = tuple([moment for moment in record.pending if moment > oldest])
    level, since, until, failures, forget_at = record[2:]
    if level and forget_at <= now:
        level, since, until, failures, forget_at = 0, 0.0, 0.0, 0, 0.0
    return Record(failed, pending, level, since, until, failures, forget_at)


def expiry(record: Record, within: float) -> float:
    """When nothing of ``record`` counts any more; 0.0 for an empty record."""
    last = max(record.failed[-1:] + record.pending[-1:], default=0.0)
    return max(last + within if last else 0.0, record.forget_at if record.level else 0.0)


def reserve(attempts: Sequence[Attempt], stored: Stored, now: float) -> tuple[Sequence[Reserved], Written]:
    """The results of ``attempts`` and the records to write.

    A key may come several times, as the calls of a batch do; each takes an attempt of its own. When one attempt cannot
    be reserved none is, and nothing is written.
    """
    before: dict[Name, Record] = {}
    after: Written = {}
    results: list[Reserved] = []
    for attempt in attempts:
        name = name_of(attempt)
        if name not in before:
            before[name] = record = current(stored(attempt), attempt, now)
        else:
            record = after[name][0] if name in after else before[name]
        left = _left(record, attempt)
        if record.until > now:
            results.append(Reserved(False, record.until, 0))
        elif left <= 0:
            results.append(Reserved(False, 0.0, 0))
        else:
            results.append(Reserved(True, 0.0, left - 1))
            after[name] = record._replace(pending=(*record.pending, now)), attempt.within
    if all(result.ok for result in results):
        return results, after
    return [_not_reserved(result, attempt, before) for result, attempt in zip(results, attempts, strict=True)], {}


def in_wall_time(results: Sequence[Reserved], ahead: float) -> Sequence[Reserved]:
    """``results`` by the wall clock, which is ``ahead`` seconds behind the monotonic one."""
    if not ahead:
        return results
    return [one._replace(locked_until=one.locked_until - ahead) if one.locked_until else one for one in results]


def _left(record: Record, attempt: Attempt) -> int:
    return attempt.failures - len(record.failed) - len(record.pending)


def _not_reserved(result: Reserved, attempt: Attempt, before: Mapping[Name, Record]) -> Reserved:
    """The result of an attempt that could have been reserved, but for the others."""
    if not result.ok:
        return result
    return Reserved(True, 0.0, _left(before[name_of(attempt)], attempt))


def settle(
    attempts: Sequence[Attempt], failed: bool | None, stored: Stored, now: float
) -> tuple[Sequence[Attempt], Written]:
    """Those of ``attempts`` that set a lock, and the records to write after the verdict: see ``LockoutStore.settle``."""
    after: Written = {}
    locking: list[Attempt] = []
    for attempt in attempts:
        name = name_of(attempt)
        record = after[name][0] if name in after else current(stored(attempt), attempt, now)
        # The newest goes: what a worker that died left behind must not be kept young by the attempts after it.
        record = record._replace(pending=record.pending[:-1])
        if failed:
            level, record = record.level, _failed(record, attempt, now)
            if record.level > level:
                locking.append(attempt)
        elif failed is False and attempt.kind != "address":
            record = record._replace(failed=())
        after[name] = record, attempt.within
    return locking, after


def _failed(record: Record, attempt: Attempt, now: float) -> Record:
    failed = (*record.failed, now)
    forget_at = max(record.until, now) + QUIET if record.level else 0.0
    if len(failed) < attempt.failures:
        return record._replace(failed=failed, forget_at=forget_at)
    until = now + attempt.lock_for[min(record.level, len(attempt.lock_for) - 1)]
    return Record((), record.pending, record.level + 1, now, until, len(failed), until + QUIET)
