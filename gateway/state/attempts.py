"""What becomes of attempts, shared by the stores so that they cannot disagree: pure functions from record to record.

A record holds the moments of the failures that still count and of the reservations whose verdict is not known yet.
Both are used up alike, so that attempts sent at once get no more tries than attempts one after the other. Moments are
Unix seconds. Every moment counts for exactly ``within`` seconds: there are no windows that begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gateway.state.verbs import Attempt, Reserved

QUIET = 86_400.0
"""Seconds without a failure after which a lock is forgotten, so that the next one is again a first one."""

# Workers read clocks a little apart; only a moment further ahead than this can come from a clock that stepped back.
STEP = 1.0

Name = tuple[str, bytes]
"""Kind and key: what a record is found under."""


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
    """``record`` without what has run out, and with what a clock that stepped back left in the future pulled in."""
    if record is NOTHING:
        return record
    oldest = now - attempt.within
    failed = tuple([_present(moment, now) for moment in record.failed if moment > oldest])
    flying = tuple([_present(moment, now) for moment in record.flying if moment > oldest])
    level, since, until, failures, calm = record[2:]
    if level:
        if since > now + STEP:
            since, until, calm = now, now + (until - since), now + (calm - since)
        if calm <= now:
            level, since, until, failures, calm = 0, 0.0, 0.0, 0, 0.0
    return Record(failed, flying, level, since, until, failures, calm)


def _present(moment: float, now: float) -> float:
    return now if moment > now + STEP else moment


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
    be reserved none is, and what is then written are only records with mended moments.
    """
    before: dict[Name, Record] = {}
    after: Written = {}
    answers: list[Reserved] = []
    mended: Written = {}
    for attempt in attempts:
        name = name_of(attempt)
        if name not in before:
            stored = found(attempt)
            before[name] = record = current(stored, attempt, now)
            if record is not NOTHING and max((*stored.failed, *stored.flying, stored.since), default=0.0) > now + STEP:
                mended[name] = record, attempt.within
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
    return [_untaken(answer, attempt, before) for answer, attempt in zip(answers, attempts, strict=True)], mended


def _untaken(answer: Reserved, attempt: Attempt, before: Mapping[Name, Record]) -> Reserved:
    """The answer to an attempt that could have been reserved, but for the others."""
    if not answer.ok:
        return answer
    record = before[name_of(attempt)]
    return Reserved(True, 0.0, attempt.failures - len(record.failed) - len(record.flying))


def settle(attempts: Sequence[Attempt], failed: bool | None, found: Found, now: float) -> Written:
    """The records to write after the verdict on ``attempts``: see ``Store.settle``."""
    after: Written = {}
    for attempt in attempts:
        name = name_of(attempt)
        record = after[name][0] if name in after else current(found(attempt), attempt, now)
        # The newest goes: what a worker that died left behind must not be kept young by the attempts after it.
        record = record._replace(flying=record.flying[:-1])
        if failed:
            record = _failed(record, attempt, now)
        elif failed is False and attempt.kind != "address":
            record = record._replace(failed=())
        after[name] = record, attempt.within
    return after


def _failed(record: Record, attempt: Attempt, now: float) -> Record:
    failed = (*record.failed, now)
    calm = max(record.until, now) + QUIET if record.level else 0.0
    if len(failed) < attempt.failures:
        return record._replace(failed=failed, calm=calm)
    until = now + attempt.lock_for[min(record.level, len(attempt.lock_for) - 1)]
    return Record((), record.flying, record.level + 1, now, until, len(failed), until + QUIET)
