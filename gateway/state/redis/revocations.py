"""Revocations in Redis: how they get from one replica to the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import cast

from gateway.state.redis.pipeline import Pipeline, Script, Word, finite, understood
from gateway.state.rules.revocation import MOST, Revocation, named

UNKNOWN = "?"
"""A version that no server has."""

_KEYS = (b"gw1:{v}:since", b"gw1:{v}:until", b"gw1:{v}:version")
_AT_ONCE = 500  # revocations in one script, which holds up all others
_SCRIPT = Script("revocations")


class RedisRevocations:
    """``digest`` hashes names under the key of all replicas. Every verb may raise Unreachable."""

    def __init__(self, pipeline: Pipeline, digest: Callable[[bytes], bytes]) -> None:
        self._pipeline = pipeline
        self._digest = digest

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """See ``RevocationStore.revocation_name``: the same as that of an embedded store with the same secret."""
        return bytes.fromhex(self._digest(named(kind, key)).decode())

    async def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``RevocationStore.revoke``."""
        return await self.merge_revocations([Revocation(self.revocation_name(kind, key), now, until)], now)

    async def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """See ``RevocationStore.merge_revocations``."""
        room = True
        for start in range(0, len(news), _AT_ONCE):
            words: list[Word] = [b"merge", repr(now), MOST, os.urandom(8).hex()]
            for one in news[start : start + _AT_ONCE]:
                if one.until > now:
                    words += (one.name.hex(), repr(float(one.since)), repr(float(one.until)))
            room = bool(await self._pipeline.run(_SCRIPT, _KEYS, words)) and room
        return room

    async def revocations(self, now: float) -> Sequence[Revocation]:
        """See ``RevocationStore.revocations``."""
        found = await self.revocations_since(UNKNOWN, now)
        return found[1] if found is not None else ()

    async def revocations_since(self, version: str, now: float) -> tuple[str, Sequence[Revocation]] | None:
        """The version and all revocations; None when ``version`` is still the one."""
        reply = await self._pipeline.run(_SCRIPT, _KEYS, [b"list", repr(now), version])
        return understood(lambda: _listed(cast("list[bytes]", reply)))


def _listed(reply: list[bytes]) -> tuple[str, Sequence[Revocation]] | None:
    latest, *lists = reply
    if not lists:
        return None
    sinces, untils = (dict(zip(one[::2], one[1::2], strict=True)) for one in cast("list[list[bytes]]", lists))
    if len(untils) > MOST:
        raise ValueError("more than there may be")
    held = [
        Revocation(bytes.fromhex(name.decode()), finite(sinces[name]), finite(until))
        for name, until in untils.items()
        if name in sinces
    ]
    return latest.decode(), held
