"""Units of a hot limit ahead of time: a round trip per block instead of one per request.

A block is charged before it is used. What is out on lease stands beside the limit's record and does not run out with
time, and a worker reports with its next block, or soon after the end of the last, how many units it used and when that
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
"""Keys for which a worker may hold units; the one that was borrowed first goes when there are more."""

_SHUT = 0.05  # seconds at most for which a refused limit is not asked again
_IDLE = 60.0  # seconds after which a key that no request asks for is forgotten
_RETURNS = 1000  # leases given back at once


class Lease(NamedTuple):
    """What a worker holds: the name its units were lent under, how many, and how many of them it has used."""

    name: bytes = b""
    units: int = 0
    used: int = 0


class Lent(NamedTuple):
    """The result of a loan. ``units`` on lease, -1 when not even the cost was free; how far the record is ``ahead`` of
    now, in ticks and after this; and the units that are ``out`` on lease to all workers."""

    units: int
    ahead: float
    out: int


class Lender(Protocol):
    """What ``Leases`` needs of the remote store."""

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``RemoteLimitStore.take``. Raises Unreachable."""
        ...

    async def lend(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        """Takes ``take.cost`` units and lends up to ``more`` for ``HOLD`` seconds; ``last`` is what became of the lease
        before. The new one is named by when it ends. Raises Unreachable."""
        ...


class _Result(NamedTuple):
    """``taken``, and the name of the lease that the units are of, empty when they were paid for at once."""

    taken: Taken
    lease: bytes = b""


class _Holding:
    """What a worker knows of one key: of its lease, asked for at ``since``, ``left`` units are left, and ``used`` have
    been taken since then, those ``paid`` for at once too. ``tat`` is a moment that the record's theoretical arrival
    time is not before; until ``shut`` another loan is not worth asking for."""

    __slots__ = ("free", "lease", "left", "loan", "paid", "shut", "since", "take", "tat", "used", "wanted")

    def __init__(self, take: Take) -> None:
        self.take = take
        self.loan: asyncio.Future[Lent] | None = None  # under way
        self.wanted = 0
        self.lease = Lease()
        self.left = self.paid = self.used = self.free = 0
        self.since = self.tat = self.shut = NEVER

    def spent(self) -> Lease:
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
        self._holdings: dict[bytes, _Holding] = {}

    def __len__(self) -> int:
        """For how many keys there is anything to know."""
        return len(self._holdings)

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``RemoteLimitStore.take``. Raises Unreachable; waits for nothing while the units at hand are enough."""
        if len(takes) == 1:
            return ((self._at_hand(takes[0], now) or await self._borrow(takes[0], now)).taken,)
        return await self._take_several(takes, now)

    async def _take_several(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        distinct([take.key for take in takes])
        leased = [take for take in takes if take.lease]
        results = {take.key: result for take in leased if (result := self._at_hand(take, now))}
        missing = [take for take in leased if take.key not in results]
        try:
            borrowed = await asyncio.gather(*(self._borrow(take, now) for take in missing)) if missing else ()
            results.update(zip([take.key for take in missing], borrowed, strict=True))
            good = all(result.taken.ok for result in results.values())
            others = [take if good else take._replace(cost=0) for take in takes if not take.lease]
            unleased = await self._lender.take(others, now) if others else ()
        except BaseException:
            self._undo(leased, results)
            raise
        results.update((take.key, _Result(one)) for take, one in zip(others, unleased, strict=True))
        taken = [results[take.key].taken for take in takes]
        if not all(one.ok for one in taken):
            self._undo(leased, results)
        return taken

    def at_hand(self, take: Take, now: float) -> Taken | None:
        """The result of a take that comes alone where it needs no round trip."""
        result = self._at_hand(take, now)
        return result.taken if result is not None else None

    def _undo(self, leased: Sequence[Take], results: dict[bytes, _Result]) -> None:
        """Puts back what another limit's refusal makes useless, while its lease lasts. Units paid for at once are lost:
        to use them later would be to use them unnoticed."""
        for take in leased:
            result, holding = results.get(take.key), self._holdings.get(take.key)
            if result and holding and result.lease and result.lease == holding.lease.name and not holding.loan:
                holding.left += take.cost
                holding.used -= take.cost

    def _at_hand(self, take: Take, now: float) -> _Result | None:
        """The result that needs no round trip: units that are here, or a limit known to be used up."""
        holding = self._holdings.get(take.key)
        if holding is None:
            return None
        unit, cost = _unit(take), take.cost
        if 0 < cost <= holding.paid and now <= holding.since:
            holding.paid -= cost
        elif holding.left >= cost and holding.since <= now < holding.since + HOLD:
            holding.left -= cost
        else:
            until = max(holding.tat + unit * (cost - take.burst), holding.shut)
            over = until - ticks(now)
            if over > 0.0 and holding.since <= now and cost <= take.burst:
                return _Result(Taken(False, over / SECOND, 0, (over + unit * (take.burst - cost)) / SECOND))
            return None
        holding.used += cost
        remaining = holding.left + holding.free
        taken = Taken(True, 0.0, remaining, max(0, take.burst - remaining) * unit / SECOND)
        return _Result(taken, b"" if now <= holding.since else holding.lease.name)

    async def _borrow(self, take: Take, now: float) -> _Result:
        """The result after a round trip, which all takes of the key meanwhile share."""
        while True:
            holding = self._holdings.get(take.key) or self._new(take)
            holding.take = take
            holding.wanted += take.cost
            if holding.loan is None:
                holding.loan = asyncio.ensure_future(self._lend(holding, take, now))
                holding.loan.add_done_callback(_retrieve)
            # A client that leaves must not take the result away from those that stay.
            lent = await asyncio.shield(holding.loan)
            result = self._at_hand(take, now)
            if result is not None:
                return result
            if take.cost > take.burst or (lent.units < 0 and _over(take, lent) + lent.out * _unit(take) > 0.0):
                return _Result(_refused(take, lent))
            # Refused was another one that costs more, or others have used up what came: this one asks by itself.

    async def _lend(self, holding: _Holding, take: Take, now: float) -> Lent:
        try:
            last, more = holding.spent(), max(holding.wanted - take.cost, holding.growth(now) if take.cost else 0)
            holding.wanted = 0
            holding.left = holding.paid = 0  # on its way back
            lent = await self._lender.lend(take, min(take.lease, more), last, now)
        except BaseException:
            self._forget(holding)  # Redis takes all of it for used, if it was lent at all
            raise
        finally:
            holding.loan = None
        unit = _unit(take)
        lease = max(0, lent.units)
        holding.since, holding.used, holding.tat = now, 0, ticks(now) + lent.ahead
        holding.free = _free(take, lent)
        holding.lease = Lease(b"%d" % ticks(now + HOLD), lease) if lease else Lease()
        holding.left, holding.paid = lease, take.cost if lent.units >= 0 else 0
        if lent.units < 0:
            # A limit that is used up gives a unit at a time; some of them at once are a round trip for all.
            holding.shut = ticks(now) + min(_SHUT * SECOND, unit * take.lease / 4)
        return lent

    def _new(self, take: Take) -> _Holding:
        if len(self._holdings) >= KEYS:
            self._forget(next(iter(self._holdings.values())))
        holding = self._holdings[take.key] = _Holding(take)
        return holding

    def _forget(self, holding: _Holding) -> None:
        if self._holdings.get(holding.take.key) is holding:
            del self._holdings[holding.take.key]

    async def give_back(self, now: float) -> None:
        """Gives back the units whose time is over, and forgets keys that no request asks for. Raises Unreachable."""
        returns: list[asyncio.Future[Lent]] = []
        for holding in list(self._holdings.values()):
            if holding.loan is not None or holding.since <= now < holding.since + HOLD:
                continue
            if holding.lease.units and len(returns) < _RETURNS:
                nothing = holding.take._replace(cost=0)
                holding.loan = asyncio.ensure_future(self._lend(holding, nothing, now))
                holding.loan.add_done_callback(_retrieve)
                returns.append(holding.loan)
            elif not holding.lease.units and not holding.since <= now < holding.since + _IDLE:
                self._forget(holding)
        await asyncio.gather(*returns)

    def clear(self) -> None:
        """Forgets everything: Redis is away, and takes what is out for used."""
        self._holdings.clear()


def _unit(take: Take) -> float:
    return take.period * SECOND // take.limit


def _over(take: Take, lent: Lent) -> float:
    """Ticks until the cost fits the record, leases aside; not positive when it fits now."""
    return lent.ahead + _unit(take) * (take.cost - take.burst)


def _free(take: Take, lent: Lent) -> int:
    unit = _unit(take)
    return max(0, int((unit * take.burst - lent.ahead) // unit) - lent.out)


def _refused(take: Take, lent: Lent) -> Taken:
    unit = _unit(take)
    remaining = _free(take, lent)
    reset = (lent.ahead + lent.out * unit) / SECOND
    if take.cost > take.burst:
        return Taken(False, 0.0, remaining, reset)
    over = _over(take, lent) / SECOND
    # What only others hold comes back, or is used up and then takes its time.
    return Taken(False, over if over > 0.0 else min(HOLD, over + lent.out * unit / SECOND), remaining, reset)


def _retrieve(loan: asyncio.Future[Lent]) -> None:
    """Looks at the exception of a loan that no request awaits any more."""
    if not loan.cancelled():
        loan.exception()
