"""Rate limits in Redis: one script over all keys of a call (``take.lua``), and units lent to workers (``lease.lua``)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import TypeAlias, cast

from gateway.state.redis.leases import HOLD, Lease, Lent
from gateway.state.redis.pipeline import Command, Pipeline, Reply, Script, Unreachable, Word, finite, unreachable
from gateway.state.rules.gcra import NEVER, SECOND, Take, Taken, decide, decide_one, distinct, ticks

_TAKE = Script("take")
_REFUND = Script("refund")
_LEASE = Script("lease")
_REMEMBERED = 8192  # takes whose words are not made anew

OnTaken: TypeAlias = Callable[[Sequence[Taken] | Unreachable], None]


class RedisLimits:
    """``digest`` hashes names under the key of all replicas. ``apart``: the keys of one call may live on different servers,
    as in a cluster. Every verb may raise Unreachable."""

    def __init__(self, pipeline: Pipeline, digest: Callable[[bytes], bytes], apart: bool) -> None:
        self._pipeline = pipeline
        self._digest = digest
        self._apart = apart
        self._words = lru_cache(maxsize=_REMEMBERED)(self._words_of)
        self._worker = os.urandom(8)  # which worker the leases are of
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``RemoteLimitStore.take``."""
        taken: asyncio.Future[Sequence[Taken]] = asyncio.get_running_loop().create_future()
        self.begin_take(takes, now, partial(resolve_taken, taken))
        return await taken

    def begin_take(self, takes: Sequence[Take], now: float, on_taken: OnTaken) -> None:
        """``take`` without a coroutine: ``on_taken`` is called once, with the results or with why there are none.

        In a cluster the keys of one call may live on different servers, where no script reaches them all: then each is
        taken by its own script, still in one round trip, and what was charged is given back when another refused.
        """
        moment = ticks(now)
        words: tuple[Word, ...]
        if self._apart:
            names = distinct([self._name(take) for take in takes])
            task = asyncio.get_running_loop().create_task(self._take_apart(takes, names, moment, on_taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif len(takes) == 1:
            name, cost, burst = self._words(takes[0])
            words = (1, name, b"%d" % moment, cost, burst)
            self._pipeline.call(Command(_TAKE, words, partial(_on_one, takes[0], moment, on_taken)))
        else:
            names = distinct([self._name(take) for take in takes])
            prices = [word for take in takes for word in self._words(take)[1:]]
            words = (len(names), *names, b"%d" % moment, *prices)
            self._pipeline.call(Command(_TAKE, words, partial(_on_all, takes, moment, on_taken)))

    def _name(self, take: Take) -> bytes:
        return b"gw1:r:" + self._digest(take.key)

    def _words_of(self, take: Take) -> tuple[bytes, bytes, bytes]:
        """The name of the record, and the cost and the burst in ticks."""
        interval = _interval(take)
        return self._name(take), b"%d" % (interval * take.cost), b"%d" % (interval * take.burst)

    async def _take_apart(self, takes: Sequence[Take], names: list[bytes], moment: float, on_taken: OnTaken) -> None:
        calls = [
            self._pipeline.run(_TAKE, [name], [b"%d" % moment, *self._words(take)[1:]])
            for take, name in zip(takes, names, strict=True)
        ]
        try:
            tats = [_tats(reply)[0] for reply in await asyncio.gather(*calls)]
        except BaseException as error:  # the caller waits for a callback, whatever went wrong
            on_taken(unreachable(error))
            if not isinstance(error, Exception):
                raise
            return
        charged = [
            (name, b"%d" % (_interval(take) * take.cost))
            for take, name, tat in zip(takes, names, tats, strict=True)
            if decide_one(take, tat, moment)[0].ok
        ]
        if 0 < len(charged) < len(takes):
            refunds = [self._pipeline.run(_REFUND, [name], [b"%d" % moment, price]) for name, price in charged]
            # When this fails the units stay charged: too little gets through then, never too much.
            with contextlib.suppress(Unreachable):
                await asyncio.gather(*refunds)
        on_taken(decide(takes, tats, moment)[0])

    async def lend(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        """See ``leases.Lender.lend``."""
        name = self._name(take)
        unit = _interval(take)
        words = [b"%d" % word for word in (ticks(now), unit, unit * take.burst)]
        words += [self._worker, last.name, b"%d" % last.used, b"%d" % take.cost, b"%d" % more]
        words.append(b"%d" % ticks(now + HOLD))
        # Its braces put the second key where a cluster keeps the first.
        call: Awaitable[Reply] = self._pipeline.run(_LEASE, [name, b"gw1:l:{%b}" % name], words)
        units, ahead, out = cast("tuple[int, bytes, int]", await call)
        return Lent(units, float(ahead), out)

    def close(self) -> None:
        """Ends what is under way."""
        for task in tuple(self._tasks):
            task.cancel()


def resolve_taken(future: asyncio.Future[Sequence[Taken]], taken: Sequence[Taken] | Unreachable) -> None:
    """A callback for a caller that awaits ``future``; nothing happens when it was cancelled."""
    if future.done():
        return
    if isinstance(taken, Unreachable):
        future.set_exception(taken)
        future.exception()  # retrieved, should the caller not await it any more
    else:
        future.set_result(taken)


def _on_one(take: Take, moment: float, on_taken: OnTaken, reply: Reply) -> None:
    taken: Sequence[Taken] | Unreachable
    try:
        taken = (decide_one(take, _tats(reply)[0], moment)[0],)
    except (IndexError, TypeError, ValueError):
        taken = _no_result(reply)
    on_taken(taken)


def _on_all(takes: Sequence[Take], moment: float, on_taken: OnTaken, reply: Reply) -> None:
    taken: Sequence[Taken] | Unreachable
    try:
        taken = decide(takes, _tats(reply), moment)[0]
    except (TypeError, ValueError):
        taken = _no_result(reply)
    on_taken(taken)


def _no_result(reply: Reply) -> Unreachable:
    return unreachable(reply if isinstance(reply, Exception) else ValueError("that is no answer to what was asked"))


def _tats(reply: Reply) -> list[float]:
    """The theoretical arrival times in a reply. Raises TypeError and ValueError when it is something else."""
    if not isinstance(reply, list):
        raise TypeError("no list")
    return [NEVER if tat is None else finite(cast("bytes", tat)) for tat in reply]


def _interval(take: Take) -> float:
    return take.period * SECOND // take.limit
