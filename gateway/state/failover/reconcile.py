"""How a host and Redis come to know the same: locks, verdicts and unlocks of an outage, and revocations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.state.failover.known_locks import KnownLocks
from gateway.state.redis.revocations import UNKNOWN
from gateway.state.redis.store import RedisStore
from gateway.state.rules.lockout import Attempt
from gateway.state.rules.revocation import merged
from gateway.state.store import RevocationStore

KEPT = 2000
"""Locks that a gateway knows; more than that at once is an attack on many accounts, of which the rest is not known."""

_JOURNAL = 100_000  # verdicts and unlocks kept during an outage; the oldest go first
_AT_ONCE = 200  # locks set in one script, which holds up all others


class _Entry(NamedTuple):
    """What happened at ``moment``: a verdict on ``attempts``, or with none the unlocking of ``kind`` and ``key``."""

    moment: float
    attempts: Sequence[Attempt] = ()
    failed: bool = False
    kind: str = ""
    key: bytes = b""


class Reconciler:
    """Between ``remote`` and the revocations of ``local``; ``known`` are the locks that this gateway knows. ``wall`` in
    Unix seconds; ``steady`` as for ``FailoverStore``. Moments of verdicts and unlocks are of the steady clock."""

    def __init__(
        self,
        remote: RedisStore,
        local: RevocationStore,
        known: KnownLocks,
        wall: Callable[[], float],
        steady: Callable[[float], float] = lambda now: now,
    ) -> None:
        self._remote = remote
        self._local = local
        self._known = known
        self._wall = wall
        self._lock_time: Callable[[], float] = lambda: steady(wall())
        self._version = UNKNOWN  # of Redis's revocations that this host has
        self._journal: deque[_Entry] = deque(maxlen=_JOURNAL)

    def record_verdict(self, attempts: Sequence[Attempt], failed: bool, now: float) -> None:
        """Keeps a verdict for when Redis is back."""
        self._journal.append(_Entry(now, attempts, failed))

    def record_unlock(self, kind: str, key: bytes, now: float) -> None:
        """Keeps an unlock for when Redis is back."""
        self._known.unlock(self._remote.name_of(kind, key), now)
        self._journal.append(_Entry(now, kind=kind, key=key))

    async def pull(self) -> None:
        """Takes over what the other replicas have done. Raises Unreachable."""
        await self._pull_locks()
        await self._sync_revocations()

    async def recover(self) -> None:
        """Brings Redis up to what is known here, and takes over what it has. Raises Unreachable."""
        await self._remote.ping()
        now, locks = self._lock_time(), self._known.not_unlocked()
        for start in range(0, max(1, len(locks)), _AT_ONCE):
            await self._remote.restore(locks[start : start + _AT_ONCE], now)
        while self._journal:
            await self._replay(self._journal[0])
            self._journal.popleft()
        # Versions from before mean nothing to a server that began anew.
        self._known.snapshot = self._known.snapshot._replace(version="")
        self._version = UNKNOWN
        await self.pull()

    async def _replay(self, entry: _Entry) -> None:
        if entry.attempts:
            await self._remote.replay(entry.attempts, entry.failed, entry.moment, self._lock_time())
        else:
            await self._remote.unlock(entry.kind, entry.key, entry.moment)

    async def _pull_locks(self) -> None:
        before = self._known.snapshot
        snapshot = await self._remote.snapshot(before, self._lock_time(), KEPT)
        if snapshot is not before:
            self._known.replace(snapshot)

    async def _sync_revocations(self) -> None:
        now = self._wall()
        found = await self._remote.revocations_since(self._version, now)
        if found is None:
            return
        version, theirs = found
        self._local.merge_revocations(theirs, now)
        known = {one.name: one for one in theirs}
        missing = [
            one for one in self._local.revocations(now) if merged(known.get(one.name), one) != known.get(one.name)
        ]
        await self._remote.merge_revocations(missing, now)
        self._version = version
