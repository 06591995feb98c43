"""What becomes of attempts, shared by the stores so that they cannot disagree: pure functions from record to record.

A record holds the moments of the failures that still count and of the reservations whose verdict is not known yet.
Both are used up alike, so that attempts sent at once get no more tries than attempts one after the other. Moments are
Unix seconds of a steady clock (``state.rules.monotonic``). Every moment counts for exactly ``within`` seconds: there are no windows that begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

QUIET = 86_400.0
"""Seconds without a failure after which a lock is forgotten, so that the next one is again a first one."""

Name = tuple[str, bytes]
"""Kind and key: what a record is found under."""


class Attempt(NamedTuple):
    """One try at something that can be guessed, counted under ``key``.

    ``kind`` is ``account``, ``address`` or ``pair`` (an account as tried from one address). ``failures`` failed attempts
    within ``within`` seconds lock the key for ``lock_for`` seconds: the first lock for the first of them, further ones
    for the following, the last of them from then on. ``key`` is any bytes; no store keeps it in clear, except what
    follows the last NUL in the key of an address that is locked, so that operators can see who is.
    """

    key: bytes
    kind: str
    failures: int
    within: float
    lock_for: tuple[float, ...]


class Reserved(NamedTuple):
    """The answer to one attempt.

    ``ok``: nothing speaks against this attempt. Attempts are reserved only when all of a call are ok.
    ``locked_until``: Unix seconds, 0.0 when the key is not locked; not ok and not locked means that as many attempts
    as may fail are on their way. ``left``: attempts left after this one. ``full``: the store has no room for a new
    record, so the attempt is refused (lockouts fail closed).
    """

    ok: bool
    locked_until: float
    left: int
    full: bool = False


class Lock(NamedTuple):
    """A key that is locked now. ``who`` is the keyed hash in hex, of an address the address itself; ``since`` and
    ``until`` are Unix seconds; ``failures`` is how many earned it."""

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
}
"""Why a key of each kind is locked."""


class Record(NamedTuple):
    """``failed`` and ``flying`` are moments, oldest first. ``level`` counts the locks since the last quiet day; the
    last lock was set at ``since``, ends at ``until`` and was earned by ``failures``; ``calm`` ends the quiet day."""

    failed: tuple[float, ...] = ()
    flying: tuple[float, ...] = ()
    level: int = 0
    since: float = 0.0
    until: float = 0.0
    failures: int = 0
    calm: float = 0.0


NOTHING = Record()


def name_of(attempt: Attempt) -> Name:
    """What the record of ``attempt`` is found under."""
    return attempt.kind, attempt.key


def current(record: Record, attempt: Attempt, now: float) -> Record:
    """``record`` without what has run out."""
    if record is NOTHING:
        return record
    oldest = now - attempt.within
    failed = tuple([moment for moment in record.failed if moment > oldest])
    flying = tuple([moment for moment in record.flying if moment > oldest])
    level, since, until, failures, calm = record[2:]
    if level and calm <= now:
        level, since, until, failures, calm = 0, 0.0, 0.0, 0, 0.0
    return Record(failed, flying, level, since, until, failures, calm)


def dies(record: Record, within: float) -> float:
    """When nothing of ``record`` counts any more; 0.0 for a record that says nothing."""
    last = max(record.failed[-1:] + record.flying[-1:], default=0.0)
    return max(last + within if last else 0.0, record.calm if record.level else 0.0)


Found = Callable[[Attempt], Record]
Written = dict[Name, tuple[Record, float]]
"""New records with the ``within`` they are kept for."""


def reserve(attempts: Sequence[Attempt], found: Found, now: float) -> tuple[Sequence[Reserved], Written]:
    """The answers to ``attempts`` and the records to write. ``found`` gives the record of an attempt as it is stored.

    A key may come several times, as the calls of a batch do; each takes an attempt of its own. When one attempt cannot
    be reserved none is, and nothing is written.
    """
    before: dict[Name, Record] = {}
    after: Written = {}
    answers: list[Reserved] = []
    for attempt in attempts:
        name = name_of(attempt)
        if name not in before:
            before[name] = record = current(found(attempt), attempt, now)
        else:
            record = after[name][0] if name in after else before[name]
        left = attempt.failures - len(record.failed) - len(record.flying)
        if record.until > now:
            answers.append(Reserved(False, record.until, 0))
        elif left <= 0:
            answers.append(Reserved(False, 0.0, 0))
        else:
            answers.append(Reserved(True, 0.0, left - 1))
            after[name] = record._replace(flying=(*record.flying, now)), attempt.within
    if all(answer.ok for answer in answers):
        return answers, after
    return [_untaken(answer, attempt, before) for answer, attempt in zip(answers, attempts, strict=True)], {}


def told(answers: Sequence[Reserved], ahead: float) -> Sequence[Reserved]:
    """``answers`` by the clock on the wall, which the steady one is ``ahead`` of."""
    if not ahead:
        return answers
    return [one._replace(locked_until=one.locked_until - ahead) if one.locked_until else one for one in answers]


def _untaken(answer: Reserved, attempt: Attempt, before: Mapping[Name, Record]) -> Reserved:
    """The answer to an attempt that could have been reserved, but for the others."""
    if not answer.ok:
        return answer
    record = before[name_of(attempt)]
    return Reserved(True, 0.0, attempt.failures - len(record.failed) - len(record.flying))


def settle(
    attempts: Sequence[Attempt], failed: bool | None, found: Found, now: float
) -> tuple[Sequence[Attempt], Written]:
    """Those of ``attempts`` that set a lock, and the records to write after the verdict: see ``Store.settle``."""
    after: Written = {}
    locking: list[Attempt] = []
    for attempt in attempts:
        name = name_of(attempt)
        record = after[name][0] if name in after else current(found(attempt), attempt, now)
        # The newest goes: what a worker that died left behind must not be kept young by the attempts after it.
        record = record._replace(flying=record.flying[:-1])
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
    calm = max(record.until, now) + QUIET if record.level else 0.0
    if len(failed) < attempt.failures:
        return record._replace(failed=failed, calm=calm)
    until = now + attempt.lock_for[min(record.level, len(attempt.lock_for) - 1)]
    return Record((), record.flying, record.level + 1, now, until, len(failed), until + QUIET)
