"""Lockouts in Redis: what each verb asks of ``lockouts.lua``, and how its replies are read.

All records of attempts share one hash tag, so that a Redis Cluster keeps them on one server and a script reaches all of
a call: sign-ins are few, and locking needs to be exact. No name is stored but as a keyed hash, except the address that
is locked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

from gateway.state.redis.pipeline import Pipeline, Script, Word, finite, understood
from gateway.state.rules.lockout import LOCK_REASONS, Attempt, Lock, Reserved

_PREFIX = b"gw1:{a}:"
_BOOKS = (_PREFIX + b"ours", _PREFIX + b"locks", _PREFIX + b"unlocks", _PREFIX + b"version")
_VERDICTS = {True: b"failed", False: b"passed", None: b"none"}
_SCRIPT = Script("lockouts")


MOST_UNLOCKS = 10_000
"""Unlocks of the last day that a snapshot has, the newest (``lockouts.lua``)."""


class KnownLock(NamedTuple):
    """A lock with all that it takes to set it again on a server that has lost it."""

    member: str
    level: int
    since: float
    until: float
    failures: int
    forget_at: float

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


class RedisLockouts:
    """``digest`` hashes names under the key of all replicas. Every verb may raise Unreachable."""

    def __init__(self, pipeline: Pipeline, digest: Callable[[bytes], bytes]) -> None:
        self._pipeline = pipeline
        self._digest = digest

    def name_of(self, kind: str, key: bytes) -> str:
        """Kind and hash: what ``LockSnapshot`` goes by."""
        return f"{kind}:{self._digest(kind.encode() + bytes(1) + key).decode()}"

    def _member(self, kind: str, key: bytes) -> bytes:
        name = self.name_of(kind, key).encode()
        return name + b":" + key.rpartition(b"\0")[2][:64] if kind == "address" else name

    def _words(self, attempts: Sequence[Attempt]) -> tuple[list[bytes], list[Word]]:
        """The keys of a call, and its attempts as arguments of the script."""
        indices: dict[bytes, int] = {}
        words: list[Word] = []
        for attempt in attempts:
            name = _PREFIX + self.name_of(attempt.kind, attempt.key).encode()
            index = indices.setdefault(name, len(indices) + 1)
            member = self._member(attempt.kind, attempt.key)
            spans = [_exact(span) for span in attempt.lock_for]
            words += (index, attempt.failures, _exact(attempt.within), member, len(spans), *spans)
        return [*_BOOKS, *indices], words

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``LockoutStore.reserve``."""
        keys, words = self._words(attempts)
        reply = await self._pipeline.run(_SCRIPT, keys, [b"reserve", _exact(now), *words])
        rows = cast("list[tuple[int, bytes, int]]", reply)
        return understood(lambda: [_reserved(*row) for _, row in zip(attempts, rows, strict=True)])

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``LockoutStore.settle``."""
        keys, words = self._words(attempts)
        reply = await self._pipeline.run(_SCRIPT, keys, [b"settle", _exact(now), _VERDICTS[failed], *words])
        rows = cast("list[tuple[bytes, bytes, bytes, int]]", reply)
        return understood(
            lambda: [_known(member, 0, since, until, failures, 0).lock() for member, since, until, failures in rows]
        )

    async def replay(self, attempts: Sequence[Attempt], failed: bool, moment: float, now: float) -> None:
        """Records a verdict of ``moment``, when Redis was away. What was unlocked since stays unlocked."""
        keys, words = self._words(attempts)
        head: list[Word] = [b"replay", _exact(now), _VERDICTS[failed], _exact(moment)]
        await self._pipeline.run(_SCRIPT, keys, [*head, *words])

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``LockoutStore.unlock``."""
        keys = [*_BOOKS, _PREFIX + self.name_of(kind, key).encode()]
        return bool(await self._pipeline.run(_SCRIPT, keys, [b"unlock", _exact(now), self._member(kind, key)]))

    async def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``LockoutStore.locks``."""
        return [known.lock() for known in (await self.snapshot(LockSnapshot(), now, limit)).held.values()]

    async def snapshot(self, before: LockSnapshot, now: float, limit: int) -> LockSnapshot:
        """What to know while Redis is away; ``before`` itself when nothing has changed since."""
        reply = await self._pipeline.run(_SCRIPT, _BOOKS, [b"locks", _exact(now), _PREFIX, limit, before.version])
        return understood(lambda: _snapshot(before, cast("list[bytes]", reply), limit))

    async def restore(self, held: Sequence[KnownLock], now: float) -> None:
        """Sets the locks again that a server does not know; from then on it counts as ours."""
        keys = [*_BOOKS, *(_PREFIX + one.name.encode() for one in held)]
        words: list[Word] = []
        for index, one in enumerate(held, 1):
            words += (index, one.member, one.level, _exact(one.since), _exact(one.until), one.failures)
            words.append(_exact(one.forget_at))
        await self._pipeline.run(_SCRIPT, keys, [b"restore", _exact(now), *words])


def _exact(number: float) -> str:
    return repr(float(number))


def _reserved(ok: int, until: bytes, left: int) -> Reserved:
    return Reserved(bool(ok), finite(until), int(left))


def _known(member: bytes, level: int, since: bytes, until: bytes, failures: int, forget_at: bytes | int) -> KnownLock:
    return KnownLock(member.decode(), int(level), finite(since), finite(until), int(failures), finite(forget_at))


def _snapshot(before: LockSnapshot, reply: list[bytes], limit: int) -> LockSnapshot:
    version, *news = reply
    if not news:
        return before
    rows, unlocks = cast("tuple[list[tuple[bytes, int, bytes, bytes, int, bytes]], list[bytes]]", news)
    if len(rows) > limit or len(unlocks) > 2 * MOST_UNLOCKS:
        raise ValueError("more than was asked for")
    known = [_known(*row) for row in rows]
    unlocked = {name.decode(): finite(when) for name, when in zip(unlocks[::2], unlocks[1::2], strict=True)}
    return LockSnapshot(version.decode(), {one.name: one for one in known}, unlocked)
