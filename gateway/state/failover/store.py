"""Redis with the embedded store behind it: requests go on when Redis does not.

One reply that is late or wrong opens the circuit (``link``): from then on the embedded store answers at once, while Redis
is tried in the background. For that time every gateway knows which keys are locked, from memory and from a file for its
next process (``known_locks``), and it counts all attempts in the embedded store as well. Redis is brought up to what
happened while it was away before it is believed again (``reconcile``), so an outage unlocks no key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gateway.state.failover.known_locks import KnownLocks
from gateway.state.failover.link import Link
from gateway.state.failover.reconcile import Reconciler
from gateway.state.redis.leases import Leases
from gateway.state.redis.limits import resolve_taken
from gateway.state.redis.pipeline import Unreachable, unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.rules.gcra import Take, Taken
from gateway.state.rules.lockout import Attempt, Lock, Reserved, in_wall_time
from gateway.state.store import Store

OnTaken = Callable[[Sequence[Taken]], None]


class FailoverStore:
    """``remote`` while it answers, else ``local``. ``on_change`` is called with (up, why) at every change; ``locks_file``
    keeps the locks of the other replicas. ``steady`` gives a moment of the wall clock by the monotonic clock of the host,
    in which Redis has its locks, so that setting the wall clock back or ahead changes none. Belongs to one event loop;
    ``start`` it before the verbs of requests; those of operators start it themselves."""

    def __init__(
        self,
        remote: RedisStore,
        local: Store,
        on_change: Callable[[bool, str], None] = lambda up, why: None,
        locks_file: Path | None = None,
        wall: Callable[[], float] = time.time,
        steady: Callable[[float], float] = lambda now: now,
    ) -> None:
        self._remote = remote
        self._local = local
        self._wall = wall
        self._steady = steady
        self._on_change = on_change
        self.leases = Leases(remote)
        self.known = KnownLocks(remote.name_of, local, locks_file)
        self._reconciler = Reconciler(remote, local, self.known, wall, steady)
        self.link = Link(self._reconciler.recover, self._pull, self._on_link)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def up(self) -> bool:
        """Whether Redis is in use."""
        return self.link.up

    @property
    def why(self) -> str:
        """Why it is not."""
        return self.link.why

    async def start(self) -> None:
        """Connects if that works within some two seconds, and goes on trying in the background."""
        self.known.load()
        await self.link.start()

    async def close(self) -> None:
        """Gives the connections back. The embedded store stays open: its maker closes it."""
        await self.link.close()
        await self._remote.close()

    async def _pull(self) -> None:
        await self._reconciler.pull()
        await self.leases.give_back(self._wall())

    def _on_link(self, up: bool, why: str) -> None:
        if not up:
            self.leases.clear()
        self._on_change(up, why)

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``RemoteLimitStore.take``."""
        taken: asyncio.Future[Sequence[Taken]] = asyncio.get_running_loop().create_future()
        here = self.begin_take(takes, now, partial(resolve_taken, taken))
        return await taken if here is None else here

    def begin_take(self, takes: Sequence[Take], now: float, on_taken: OnTaken) -> Sequence[Taken] | None:
        """See ``RemoteLimitStore.begin_take``."""
        here = self._local.take(takes, now)  # so that an outage begins with what this host has used up
        if not self.link.up:
            return here
        for take in takes:
            if take.lease:
                return self._begin_leased(takes, now, on_taken, here)
        self._remote.begin_take(takes, now, partial(self._on_taken, on_taken, here))
        return None

    def _on_taken(self, on_taken: OnTaken, here: Sequence[Taken], taken: Sequence[Taken] | Unreachable) -> None:
        if isinstance(taken, Unreachable):
            self.link.mark_down(taken)
            taken = here
        on_taken(taken)

    def _begin_leased(
        self, takes: Sequence[Take], now: float, on_taken: OnTaken, here: Sequence[Taken]
    ) -> Sequence[Taken] | None:
        if len(takes) == 1:
            taken = self.leases.at_hand(takes[0], now)
            if taken is not None:
                return (taken,)
        task = asyncio.get_running_loop().create_task(self._take_leased(takes, now, on_taken, here))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def _take_leased(self, takes: Sequence[Take], now: float, on_taken: OnTaken, here: Sequence[Taken]) -> None:
        try:
            taken = await self.leases.take(takes, now)
        except BaseException as error:  # the caller waits for a callback, whatever went wrong
            self._on_taken(on_taken, here, unreachable(error))
            if not isinstance(error, Exception):
                raise
            return
        self._on_taken(on_taken, here, taken)

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``LockoutStore.reserve``."""
        steady = self._steady(now)
        self.known.unlock_locally(attempts, now)
        here = self._local.reserve(attempts, now)
        results: Sequence[Reserved] | None = None
        if self.link.up:
            try:
                results = in_wall_time(await self._remote.reserve(attempts, steady), steady - now)
            except Unreachable as error:
                self.link.mark_down(error)
        if results is None:
            results = [self.known.applied(*pair, now, steady - now) for pair in zip(attempts, here, strict=True)]
        if all(result.ok for result in here) and not all(result.ok for result in results):
            self._local.settle(attempts, None, now)
        return results

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``LockoutStore.settle``."""
        here = self._local.settle(attempts, failed, now)
        if self.link.up:
            try:
                steady = self._steady(now)
                return _in_wall_time(await self._remote.settle(attempts, failed, steady), steady - now)
            except Unreachable as error:
                self.link.mark_down(error)
        if failed is not None:
            self._reconciler.record_verdict(attempts, failed, self._steady(now))
        return here

    async def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``LockoutStore.locks``. Without Redis those that this gateway knows of."""
        await self._started()
        steady = self._steady(now)
        if self.link.up:
            try:
                return _in_wall_time(await self._remote.locks(steady, limit), steady - now)
            except Unreachable as error:
                self.link.mark_down(error)
        return self.known.locks(now, limit, steady - now)

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``LockoutStore.unlock``. Without Redis it holds on this host at once, elsewhere when Redis is back."""
        await self._started()
        steady = self._steady(now)
        was = self._local.unlock(kind, key, now) or self.known.is_locked(self._remote.name_of(kind, key), steady)
        self._local.waive(kind, key, now)
        if self.link.up:
            try:
                return await self._remote.unlock(kind, key, steady)
            except Unreachable as error:
                self.link.mark_down(error)
        self._reconciler.record_unlock(kind, key, steady)
        return was

    def lock_name(self, kind: str, key: bytes) -> str:
        """See ``LockoutStore.lock_name``."""
        return self._remote.name_of(kind, key).partition(":")[2]

    async def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``RevocationStore.revoke``. Without Redis it holds on this host at once, elsewhere when Redis is back."""
        done = self._local.revoke(kind, key, until, now)
        await self._started()
        if done and self.link.up:
            try:
                return await self._remote.revoke(kind, key, until, now)
            except Unreachable as error:
                self.link.mark_down(error)
        return done

    async def _started(self) -> None:
        if not self.link.started:
            await self.start()


def _in_wall_time(locks: Sequence[Lock], ahead: float) -> Sequence[Lock]:
    """``locks`` by the wall clock, which is ``ahead`` seconds behind the monotonic one."""
    return [lock._replace(since=lock.since - ahead, until=lock.until - ahead) for lock in locks]
