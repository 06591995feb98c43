"""Units of a hot limit ahead of time: a round trip per block instead of one per request.

A block is charged before it is used. What is out on lease stands beside the limit's record and does not run out with
time, and a worker tells with its next block, or soon after the end of the last, how many units it used and when that
was. So the limit as it is used is always below the limit as Redis has it: no window of time sees more than the limit
says, whatever the workers do or how they die. What it costs: while workers hold units, others may be refused too early,
by at most twice the units that all of them may hold and one block (``tests/state/redis/test_leases.py`` shows both).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.state.rules.gcra import NEVER, SECOND, Take, Taken, distinct, ticks

HOLD = 1.0
"""Seconds for which a worker uses its units; then it gives back what is left."""

KEYS = 10_000
"""Keys for which a worker may hold units; the one that was asked for first goes when there are more."""

_SHUT = 0.05  # seconds at most for which a refusal is not asked for again
_IDLE = 60.0  # seconds after which a key that nobody asks for is forgotten
_RETURNS = 1000  # leases given back in one turn


class Lease(NamedTuple):
    """What a worker holds: the name its units were lent under, how many, and how many of them it has used."""

    name: bytes = b""
    units: int = 0
    used: int = 0


class Lent(NamedTuple):
    """What a lender says. ``units`` on lease, -1 when not even the cost was free; how far the record is ``ahead`` of
    now, in ticks and after this; and the units that are ``out`` on lease to all workers."""

    units: int
    ahead: float
    out: int


class Lender(Protocol):
    """The shared store."""

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``."""
        ...

    async def lend(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        """Takes ``take.cost`` units and lends up to ``more`` for ``HOLD`` seconds; ``last`` is what becomes of the
        lease before. The new one is named by when it ends. Raises Unreachable."""
        ...


class _Answer(NamedTuple):
    """``taken``, and the name of the lease that the units are of, empty when they were paid for at once."""

    taken: Taken
    lease: bytes = b""


class _Held:
    """What a worker knows of one key: of its lease, asked for at ``since``, ``left`` units are left, and ``used`` have
    been taken since then, those ``paid`` for at once too. ``tat`` is a moment that the record's theoretical arrival
    time is not before; until ``shut`` it is not worth asking."""

    __slots__ = ("asking", "free", "lease", "left", "paid", "shut", "since", "take", "tat", "used", "wanted")

    def __init__(self, take: Take) -> None:
        self.take = take
        self.asking: asyncio.Future[Lent] | None = None
        self.wanted = 0
        self.lease = Lease()
        self.left = self.paid = self.used = self.free = 0
        self.since = self.tat = self.shut = NEVER

    def told(self) -> Lease:
        """The lease with what became of it."""
        return self.lease._replace(used=self.lease.units - self.left)

    def growth(self, now: float) -> int:
        """How many units this worker will use within the time of a lease, going by the last; at most twice as many."""
        passed = now - self.since
        if not 0.0 <= passed <= HOLD:
            return 0
        return min(2 * self.used, int(self.used * HOLD / passed) if passed else 2 * self.used)


class Leases:
    """The units that one worker holds of limits with ``Take.lease``. Belongs to one event loop."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._held: dict[bytes, _Held] = {}

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``. Raises Unreachable; does not wait for anything while the units at hand are enough."""
        if len(takes) == 1:
            return ((self._at_hand(takes[0], now) or await self._ask(takes[0], now)).taken,)
        distinct([take.key for take in takes])
        leased = [take for take in takes if take.lease]
        found = {take.key: answer for take in leased if (answer := self._at_hand(take, now))}
        missing = [take for take in leased if take.key not in found]
        try:
            asked = await asyncio.gather(*(self._ask(take, now) for take in missing)) if missing else ()
            found.update(zip([take.key for take in missing], asked, strict=True))
            good = all(answer.taken.ok for answer in found.values())
            others = [take if good else take._replace(cost=0) for take in takes if not take.lease]
            told = await self._lender.take(others, now) if others else ()
        except BaseException:
            self._undo(leased, found)
            raise
        found.update((take.key, _Answer(taken)) for take, taken in zip(others, told, strict=True))
        answers = [found[take.key].taken for take in takes]
        if not all(answer.ok for answer in answers):
            self._undo(leased, found)
        return answers

    def at_hand(self, take: Take, now: float) -> Taken | None:
        """The answer to a take that comes alone where it needs no round trip."""
        answer = self._at_hand(take, now)
        return answer.taken if answer is not None else None

    def _undo(self, leased: Sequence[Take], found: dict[bytes, _Answer]) -> None:
        """Puts back what another limit's refusal makes useless, while its lease lasts. Units paid for at once are lost:
        to use them later would be to use them unnoticed."""
        for take in leased:
            answer, held = found.get(take.key), self._held.get(take.key)
            if answer and held and answer.lease and answer.lease == held.lease.name and not held.asking:
                held.left += take.cost
                held.used -= take.cost

    def _at_hand(self, take: Take, now: float) -> _Answer | None:
        """The answer that needs no round trip: units that are here, or a limit known to be used up."""
        held = self._held.get(take.key)
        if held is None:
            return None
        unit, cost = take.period * SECOND // take.limit, take.cost
        if 0 < cost <= held.paid and now <= held.since:
            held.paid -= cost
        elif held.left >= cost and held.since <= now < held.since + HOLD:
            held.left -= cost
        else:
            until = max(held.tat + unit * (cost - take.burst), held.shut)
            over = until - ticks(now)
            if over > 0.0 and held.since <= now and cost <= take.burst:
                return _Answer(Taken(False, over / SECOND, 0, (over + unit * (take.burst - cost)) / SECOND))
            return None
        held.used += cost
        remaining = held.left + held.free
        taken = Taken(True, 0.0, remaining, max(0, take.burst - remaining) * unit / SECOND)
        return _Answer(taken, b"" if now <= held.since else held.lease.name)

    async def _ask(self, take: Take, now: float) -> _Answer:
        """The answer after a round trip, which all who ask for the key meanwhile share."""
        while True:
            held = self._held.get(take.key) or self._new(take)
            held.take = take
            held.wanted += take.cost
            if held.asking is None:
                held.asking = asyncio.ensure_future(self._lend(held, take, now))
                held.asking.add_done_callback(_looked_at)
            # Who leaves must not take the answer away from those who stay.
            lent = await asyncio.shield(held.asking)
            answer = self._at_hand(take, now)
            if answer is not None:
                return answer
            if lent.units < 0 or take.cost > take.burst:
                return _Answer(_refused(take, lent))

    async def _lend(self, held: _Held, take: Take, now: float) -> Lent:
        try:
            last, more = held.told(), max(held.wanted - take.cost, held.growth(now) if take.cost else 0)
            held.wanted = 0
            held.left = held.paid = 0  # on its way back
            lent = await self._lender.lend(take, min(take.lease, more), last, now)
        except BaseException:
            self._forget(held)  # Redis takes all of it for used, if it was lent at all
            raise
        finally:
            held.asking = None
        unit = take.period * SECOND // take.limit
        lease = max(0, lent.units)
        held.since, held.used, held.tat = now, 0, ticks(now) + lent.ahead
        held.free = max(0, int((unit * take.burst - lent.ahead) // unit) - lent.out)
        held.lease = Lease(b"%d" % ticks(now + HOLD), lease) if lease else Lease()
        held.left, held.paid = lease, take.cost if lent.units >= 0 else 0
        if lent.units < 0:
            # A limit that is used up gives a unit at a time; some of them at once are a round trip for all.
            held.shut = ticks(now) + min(_SHUT * SECOND, unit * take.lease / 4)
        return lent

    def _new(self, take: Take) -> _Held:
        if len(self._held) >= KEYS:
            self._forget(next(iter(self._held.values())))
        held = self._held[take.key] = _Held(take)
        return held

    def _forget(self, held: _Held) -> None:
        if self._held.get(held.take.key) is held:
            del self._held[held.take.key]

    async def give_back(self, now: float) -> None:
        """Gives back the units whose time is over, and forgets keys that nobody asks for. Raises Unreachable."""
        returns: list[asyncio.Future[Lent]] = []
        for held in list(self._held.values()):
            if held.asking is not None or held.since <= now < held.since + HOLD:
                continue
            if held.lease.units and len(returns) < _RETURNS:
                nothing = held.take._replace(cost=0)
                held.asking = asyncio.ensure_future(self._lend(held, nothing, now))
                held.asking.add_done_callback(_looked_at)
                returns.append(held.asking)
            elif not held.lease.units and not held.since <= now < held.since + _IDLE:
                self._forget(held)
        await asyncio.gather(*returns)

    def clear(self) -> None:
        """Forgets everything: Redis is not there to be asked, and takes what is out for used."""
        self._held.clear()


def _refused(take: Take, lent: Lent) -> Taken:
    unit = take.period * SECOND // take.limit
    remaining = max(0, int((unit * take.burst - lent.ahead) // unit) - lent.out)
    reset = (lent.ahead + lent.out * unit) / SECOND
    if take.cost > take.burst:
        return Taken(False, 0.0, remaining, reset)
    over = (lent.ahead + unit * (take.cost - take.burst)) / SECOND
    # What only others hold comes back, or is used up and then takes its time.
    return Taken(False, over if over > 0.0 else min(HOLD, over + lent.out * unit / SECOND), remaining, reset)


def _looked_at(asking: asyncio.Future[Lent]) -> None:
    if not asking.cancelled():
        asking.exception()
