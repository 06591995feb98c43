"""Redis with the embedded store behind it: requests go on when Redis does not.

One answer that is late or wrong opens the circuit: from then on the embedded store answers at once, while Redis is
tried in the background. For that time every gateway keeps in mind which keys are locked, in memory and in a file for
its next process, and counts all attempts in the embedded store as well. What happened while Redis was away is told to
it before it is believed again, so an outage unlocks nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gateway.state.failover.locks_file import read, write
from gateway.state.redis.leases import Leases
from gateway.state.redis.lockouts import LockSnapshot
from gateway.state.redis.pipeline import Unreachable, resolve, unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take, Taken
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from gateway.state.rules.monotonic import MonotonicWallClock
from gateway.state.rules.revocation import merged
from gateway.state.store import Store

KEPT = 2000
"""Locks kept in mind; more than that at once is an attack on many accounts, of which the rest is not."""

_PULL = 1.0  # seconds between two looks at the locks of the other replicas
_FIRST, _LAST = 0.1, 2.0  # seconds between two tries to get back; doubled from the first to the last
_STEADY = 10.0  # seconds of good answers after which the next outage is a new one
_JOURNAL = 100_000  # verdicts remembered during an outage; the oldest go first
_HANDFUL = 200  # locks set in one script, which holds up all others


class _Happened(NamedTuple):
    """A verdict on ``attempts``, or with none the unlocking of ``kind`` and ``key``."""

    moment: float
    attempts: Sequence[Attempt] = ()
    failed: bool = False
    kind: str = ""
    key: bytes = b""


class FailoverStore:
    """``shared`` while it answers, else ``local``. ``changed`` is told (up, why) at every change; ``locks_file`` is the
    file for the locks of the other replicas. Belongs to one event loop; ``start`` it before the verbs of requests; those of
    operators start it themselves."""

    def __init__(
        self,
        shared: RedisStore,
        local: Store,
        changed: Callable[[bool, str], None] = lambda up, why: None,
        locks_file: Path | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.up = False
        self.why = "not connected yet"
        self._shared = shared
        self._leases = Leases(shared)
        self._local = local
        self._changed = changed
        self._locks_file = locks_file
        self._wall = wall
        self._known = LockSnapshot()
        self._learned = False
        self._revoked = "?"  # the version of Redis's revocations that this host has; no server's
        self._clock = MonotonicWallClock()
        self._waived: dict[str, float] = {}  # unlocks the embedded store has not been told of: it takes keys
        self._journal: deque[_Happened] = deque(maxlen=_JOURNAL)
        self._gone = asyncio.Event()
        self._pause = _FIRST
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect if that works within some two seconds, and see to it from then on."""
        if self._locks_file is not None:
            self._known = read(self._locks_file)
        try:
            await self._return()
        except Unreachable as error:
            self.why = str(error)
            self._changed(False, self.why)
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Gives the connections back. The embedded store stays open: it belongs to whoever made it."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._shared.close()

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``."""
        answer: asyncio.Future[Sequence[Taken]] = asyncio.get_running_loop().create_future()
        here = self.begin_take(takes, now, partial(resolve, answer))
        return await answer if here is None else here

    def begin_take(
        self, takes: Sequence[Take], now: float, told: Callable[[Sequence[Taken]], None]
    ) -> Sequence[Taken] | None:
        """See ``RemoteLimitStore.begin_take``."""
        here = self._local.take(takes, now)  # so that an outage begins with what this host has used up
        if not self.up:
            return here
        for take in takes:
            if take.lease:
                return self._ask_leases(takes, now, told, here)
        self._shared.begin_take(takes, now, partial(self._heard, told, here))
        return None

    def _heard(
        self,
        told: Callable[[Sequence[Taken]], None],
        here: Sequence[Taken],
        answers: Sequence[Taken] | Unreachable,
    ) -> None:
        if isinstance(answers, Unreachable):
            self._lose(answers)
            answers = here
        told(answers)

    def _ask_leases(
        self, takes: Sequence[Take], now: float, told: Callable[[Sequence[Taken]], None], here: Sequence[Taken]
    ) -> Sequence[Taken] | None:
        if len(takes) == 1:
            taken = self._leases.at_hand(takes[0], now)
            if taken is not None:
                return (taken,)
        task = asyncio.get_running_loop().create_task(self._ask_lender(takes, now, told, here))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return None

    async def _ask_lender(
        self, takes: Sequence[Take], now: float, told: Callable[[Sequence[Taken]], None], here: Sequence[Taken]
    ) -> None:
        try:
            answers = await self._leases.take(takes, now)
        except BaseException as error:  # who asked waits for a word, whatever went wrong
            self._heard(told, here, unreachable(error))
            if not isinstance(error, Exception):
                raise
            return
        self._heard(told, here, answers)

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``Store.reserve``."""
        self._tell_local(attempts, now)
        here = self._local.reserve(attempts, now)
        answers: Sequence[Reserved] | None = None
        if self.up:
            try:
                answers = await self._shared.reserve(attempts, now)
            except Unreachable as error:
                self._lose(error)
        if answers is None:
            answers = [self._held(*pair, now) for pair in zip(attempts, here, strict=True)]
        if all(answer.ok for answer in here) and not all(answer.ok for answer in answers):
            self._local.settle(attempts, None, now)
        return answers

    def _held(self, attempt: Attempt, here: Reserved, now: float) -> Reserved:
        """The answer without Redis: a lock known from it holds."""
        held = self._known.held.get(self._shared.name_of(attempt.kind, attempt.key))
        self._clock = self._clock.advanced(now)
        if held is None or held.until <= now + self._clock.ahead:
            return here
        # An operator's order reaches every worker of the host by the store they share.
        waived = max(self._known.unlocked.get(held.name, 0.0), self._local.waived_at(attempt.kind, attempt.key, now))
        return here if waived >= held.since else Reserved(False, max(held.until, here.locked_until), 0)

    def _tell_local(self, attempts: Sequence[Attempt], now: float) -> None:
        if self._waived:
            for attempt in attempts:
                if self._waived.pop(self._shared.name_of(attempt.kind, attempt.key), None) is not None:
                    self._local.unlock(attempt.kind, attempt.key, now)

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``Store.settle``."""
        here = self._local.settle(attempts, failed, now)
        if self.up:
            try:
                return await self._shared.settle(attempts, failed, now)
            except Unreachable as error:
                self._lose(error)
        if failed is not None:
            self._journal.append(_Happened(now, attempts, failed))
        return here

    async def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``Store.locks``. Without Redis those that this gateway knows of."""
        if self._task is None:
            await self.start()
        if self.up:
            try:
                return await self._shared.locks(now, limit)
            except Unreachable as error:
                self._lose(error)
        known, waived = self._known.held.values(), self._known.unlocked
        held = [one.lock() for one in known if one.until > now and waived.get(one.name, 0.0) < one.since]
        seen = {(lock.kind, lock.since) for lock in held}
        here = [lock for lock in self._local.locks(now, limit) if (lock.kind, lock.since) not in seen]
        return (held + here)[:limit]

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``Store.unlock``. Without Redis it holds on this host at once, elsewhere when Redis is back."""
        if self._task is None:
            await self.start()
        name = self._shared.name_of(kind, key)
        held = self._known.held.get(name)
        was = self._local.unlock(kind, key, now) or (held is not None and held.until > now)
        self._local.waive(kind, key, now)
        if self.up:
            try:
                return await self._shared.unlock(kind, key, now)
            except Unreachable as error:
                self._lose(error)
        self._known = self._known._replace(unlocked={**self._known.unlocked, name: now})
        self._journal.append(_Happened(now, kind=kind, key=key))
        return was

    async def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``Store.revoke``. Without Redis it holds on this host at once, elsewhere when Redis is back."""
        done = self._local.revoke(kind, key, until, now)
        if self._task is None:
            await self.start()
        if done and self.up:
            try:
                return await self._shared.revoke(kind, key, until, now)
            except Unreachable as error:
                self._lose(error)
        return done

    async def _agree(self) -> None:
        """Bring the revocations of this host and of Redis together. Raises Unreachable."""
        now = self._wall()
        found = await self._shared.revocations_since(self._revoked, now)
        if found is None:
            return
        version, theirs = found
        self._local.merge_revocations(theirs, now)
        known = {one.name: one for one in theirs}
        missing = [
            one for one in self._local.revocations(now) if merged(known.get(one.name), one) != known.get(one.name)
        ]
        await self._shared.merge_revocations(missing, now)
        self._revoked = version

    def _lose(self, error: Unreachable) -> None:
        self.why = str(error)
        if self.up:
            self.up = False
            self._leases.clear()
            self._gone.set()
            self._changed(False, self.why)

    async def _watch(self) -> None:
        while not self._closed:  # redis-py may take a cancellation for an error of the connection
            try:
                if self.up:
                    await self._look()
                else:
                    # Not all replicas at the same moment: a Redis that has just started should not be stormed.
                    await asyncio.sleep(self._pause * (0.75 + os.urandom(1)[0] / 512))
                    self._pause = min(2 * self._pause, _LAST)
                    await self._return()
            except Unreachable as error:
                self._lose(error)
            except Exception as error:  # whatever ails the connection, trying goes on
                self._lose(Unreachable(f"{type(error).__name__}: {error}"))

    async def _look(self) -> None:
        """Learn about locks until Redis is lost; raises Unreachable when this is how it shows."""
        steady = asyncio.get_running_loop().time() + _STEADY
        self._gone.clear()
        while self.up:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _PULL)
                return
            if asyncio.get_running_loop().time() > steady:
                self._pause = _FIRST
            await self._learn()
            await self._agree()
            await self._leases.give_back(self._wall())

    async def _learn(self) -> None:
        now = self._wall()
        before = self._known
        known = await self._shared.known(before, now, KEPT)
        if known is before:
            return
        if self._learned:  # what was unlocked before this process began, the store was told by those before it
            self._waived |= {
                name: when for name, when in known.unlocked.items() if before.unlocked.get(name, 0.0) < when
            }
        self._known, self._learned = known, True
        if self._locks_file is not None:
            write(self._locks_file, known)

    async def _return(self) -> None:
        """Bring Redis up to what is known here, then believe it again. Raises Unreachable."""
        await self._shared.ping()
        now, known = self._wall(), self._known
        held = [one for one in known.held.values() if known.unlocked.get(one.name, 0.0) < one.since]
        for start in range(0, max(1, len(held)), _HANDFUL):
            await self._shared.restore(held[start : start + _HANDFUL], now)
        while self._journal:
            await self._replay(self._journal[0])
            self._journal.popleft()
        self._known = known._replace(version="")  # numbers of before mean nothing to a server that began anew
        await self._learn()
        self._revoked = "?"
        await self._agree()
        self.up = True
        self.why = ""
        self._changed(True, "")

    async def _replay(self, happened: _Happened) -> None:
        if happened.attempts:
            await self._shared.replay(happened.attempts, happened.failed, happened.moment, self._wall())
        else:
            await self._shared.unlock(happened.kind, happened.key, happened.moment)
