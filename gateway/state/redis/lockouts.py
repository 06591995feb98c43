"""The verbs about attempts over Redis: what each asks of ``lockouts.lua``, and how its words are read.

All records of attempts share one hash tag, so that a Redis Cluster keeps them on one server and a script reaches all of
a call: sign-ins are few, and locking needs to be exact. No name is stored but as a keyed hash, except the address that
is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.state.redis.pipeline import Script
from gateway.state.rules.lockout import LOCK_REASONS, Attempt, Lock, Reserved

_PREFIX = b"gw1:{a}:"
_OWN = (_PREFIX + b"ours", _PREFIX + b"locks", _PREFIX + b"unlocks", _PREFIX + b"version")
_VERDICTS = {True: b"failed", False: b"passed", None: b"none"}


_ATTEMPTS = Script("lockouts")


class KnownLock(NamedTuple):
    """A lock as it is kept in mind: what it takes to set it again."""

    member: str
    level: int
    since: float
    until: float
    failures: int
    calm: float

    @property
    def name(self) -> str:
        """Kind and hash."""
        return ":".join(self.member.split(":", 2)[:2])

    def lock(self) -> Lock:
        """The lock as operators see it."""
        kind, digest, *clear = self.member.split(":", 2)
        return Lock(kind, clear[0] if clear else digest, self.since, self.until, self.failures, LOCK_REASONS[kind])


class LockSnapshot(NamedTuple):
    """All locks by name, and when which name was unlocked in the last day."""

    version: str = ""
    held: Mapping[str, KnownLock] = {}
    unlocked: Mapping[str, float] = {}


class SharedAttempts:
    """What ``RedisStore`` inherits; it gives the wire and the hash. Every verb may raise ``Unreachable``."""

    def _run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> asyncio.Future[Any]:
        raise NotImplementedError  # pragma: no cover  # the store has it

    def _digest(self, of: bytes) -> bytes:
        raise NotImplementedError  # pragma: no cover  # the store has it

    def name_of(self, kind: str, key: bytes) -> str:
        """Kind and hash: what ``LockSnapshot`` goes by."""
        return f"{kind}:{self._digest(kind.encode() + bytes(1) + key).decode()}"

    def _member(self, kind: str, key: bytes) -> bytes:
        name = self.name_of(kind, key).encode()
        return name + b":" + key.rpartition(b"\0")[2][:64] if kind == "address" else name

    def _told(self, attempts: Sequence[Attempt]) -> tuple[list[bytes], list[Any]]:
        """The keys of a call and its attempts in the words of the script."""
        places: dict[bytes, int] = {}
        words: list[Any] = []
        for attempt in attempts:
            name = _PREFIX + self.name_of(attempt.kind, attempt.key).encode()
            place = places.setdefault(name, len(places) + 1)
            member = self._member(attempt.kind, attempt.key)
            spans = [_exact(span) for span in attempt.lock_for]
            words += (place, attempt.failures, _exact(attempt.within), member, len(spans), *spans)
        return [*_OWN, *places], words

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``Store.reserve``."""
        keys, words = self._told(attempts)
        answers = await self._run(_ATTEMPTS, keys, [b"reserve", _exact(now), *words])
        return [Reserved(bool(ok), float(until), left) for ok, until, left in answers]

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``Store.settle``."""
        keys, words = self._told(attempts)
        made = await self._run(_ATTEMPTS, keys, [b"settle", _exact(now), _VERDICTS[failed], *words])
        return [
            KnownLock(member.decode(), 0, float(since), float(until), failures, 0.0).lock()
            for member, since, until, failures in made
        ]

    async def replay(self, attempts: Sequence[Attempt], failed: bool, moment: float, now: float) -> None:
        """Tell of a verdict of ``moment``, when Redis was away. What was unlocked since stays unlocked."""
        keys, words = self._told(attempts)
        await self._run(_ATTEMPTS, keys, [b"replay", _exact(now), _VERDICTS[failed], _exact(moment), *words])

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``Store.unlock``."""
        keys = [*_OWN, _PREFIX + self.name_of(kind, key).encode()]
        return bool(await self._run(_ATTEMPTS, keys, [b"unlock", _exact(now), self._member(kind, key)]))

    async def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``Store.locks``."""
        return [held.lock() for held in (await self.known(LockSnapshot(), now, limit)).held.values()]

    async def known(self, before: LockSnapshot, now: float, limit: int) -> LockSnapshot:
        """What to keep in mind for the time without Redis; ``before`` itself when nothing has changed."""
        words = [b"locks", _exact(now), _PREFIX, limit, before.version]
        version, *news = await self._run(_ATTEMPTS, _OWN, words)
        if not news:
            return before
        held, unlocks = news
        listed = [
            KnownLock(member.decode(), level, float(since), float(until), failures, float(calm))
            for member, level, since, until, failures, calm in held
        ]
        waived = {name.decode(): float(when) for name, when in zip(unlocks[::2], unlocks[1::2], strict=True)}
        return LockSnapshot(version.decode(), {one.name: one for one in listed}, waived)

    async def restore(self, held: Sequence[KnownLock], now: float) -> None:
        """Set the locks again that a server does not know; from then on it counts as ours."""
        keys = [*_OWN, *(_PREFIX + one.name.encode() for one in held)]
        words: list[Any] = []
        for place, one in enumerate(held, 1):
            words += (place, one.member, one.level, _exact(one.since), _exact(one.until), one.failures)
            words.append(_exact(one.calm))
        await self._run(_ATTEMPTS, keys, [b"restore", _exact(now), *words])


def _exact(number: float) -> str:
    return repr(float(number))
