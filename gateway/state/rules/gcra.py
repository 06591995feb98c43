"""Rate limits by the generic cell rate algorithm (ATM Forum Traffic Management 4.0, virtual scheduling): pure, and shared
by the stores so that they cannot disagree.

A bucket is one number, the theoretical arrival time (TAT). How far the TAT lies ahead of now is how much of the
burst is used up. Times are whole quarters of a microsecond held in doubles: such numbers are exact up to 2^53, which
lasts until the year 2041, and a double is three times quicker here than an integer of that size. The spacing of a
limit is rounded down to a quarter of a microsecond, so 300/minute is exact and 7/minute is off by 3 parts in 10^8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SECOND = 4_000_000.0
NEVER = float("-inf")
"""The TAT of a key without a record."""


class Take(NamedTuple):
    """``cost`` units from the bucket of ``key``: ``limit`` units every ``period`` seconds, ``burst`` of them at once.

    ``key`` is any bytes; no store keeps it in clear. ``lease``: up to so many units may be taken ahead of time by a worker
    whose store is a round trip away (``state.redis.leases``); a store that answers at once has no use for it.
    """

    key: bytes
    cost: int
    limit: int
    period: float
    burst: int
    lease: int = 0


class Taken(NamedTuple):
    """The result of one take.

    ``ok``: this take conforms. Units are charged only when every take of the call conforms.
    ``retry_after``: seconds until this take would conform; 0.0 when it does, and 0.0 with ``ok`` false when it never
    will (``cost`` over ``burst``). ``remaining``: units left now. ``reset``: seconds until the bucket is full again.
    ``full``: the store has no room for a new record, so the take is refused (limits fail closed).
    """

    ok: bool
    retry_after: float
    remaining: int
    reset: float
    full: bool = False


# Workers read the same clock a few microseconds apart and an adjusted clock slews; only a TAT further ahead than this
# beyond its own burst can come from a clock that stepped back (or a burst made smaller) and is then pulled in.
STEP = SECOND


# The generated constructor of a named tuple takes a third of the time of a take; this one does without its call.
_new = tuple.__new__


def ticks(now: float) -> float:
    """Unix seconds as quarters of a microsecond, on the microsecond grid that the clock's double can carry."""
    return (now * 1e6 + 0.5) // 1.0 * 4.0


def distinct(names: list[bytes]) -> list[bytes]:
    """``names``; raises ValueError when two are the same, since their costs have to be one take to be decided together."""
    if len(set(names)) != len(names):
        raise ValueError("two takes of one call name the same key")
    return names


def decide_one(take: Take, tat: float, now: float) -> tuple[Taken, float | None]:
    """The result of a take that comes alone, and the TAT to write; None when there is nothing to write.

    ``tat`` and ``now`` are in ticks.
    """
    _, cost, limit, period, burst, _ = take
    interval = period * SECOND // limit
    tolerance = interval * burst
    ahead = tat - now
    mended = None
    if ahead < 0.0:
        ahead = 0.0
    elif ahead > tolerance + STEP:
        ahead = tolerance
        mended = now + ahead
    after = ahead + interval * cost
    if after <= tolerance:
        return _new(Taken, (True, 0.0, int((tolerance - after) / interval), after / SECOND, False)), now + after
    wait = 0.0 if cost > burst else (after - tolerance) / SECOND
    left = int((tolerance - ahead) / interval) if ahead < tolerance else 0
    return _new(Taken, (False, wait, left, ahead / SECOND, False)), mended


def decide(takes: Sequence[Take], tats: Sequence[float], now: float) -> tuple[Sequence[Taken], Sequence[float | None]]:
    """The results of ``takes`` and the TATs to write, None where there is nothing to write.

    ``tats`` are the records of the takes. Nothing is charged unless all takes conform; what is then written are only
    mended TATs.
    """
    decided = [decide_one(take, tat, now) for take, tat in zip(takes, tats, strict=True)]
    if not all(taken.ok for taken, _ in decided):
        # A take that conforms but is not charged is a take of nothing; its TAT is kept only when it was mended.
        for index, (taken, _) in enumerate(decided):
            if taken.ok:
                tat = tats[index]
                free, write = decide_one(takes[index]._replace(cost=0), tat, now)
                decided[index] = free, write if write is not None and write < tat else None
    return [taken for taken, _ in decided], [write for _, write in decided]
