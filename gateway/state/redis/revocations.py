"""The verbs about revocations over Redis: how they get from one replica to the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from gateway.state.redis.pipeline import Script
from gateway.state.rules.revocation import MOST, Revocation, named

_KEYS = (b"gw1:{v}:since", b"gw1:{v}:until", b"gw1:{v}:version")
_HANDFUL = 500  # revocations in one script, which holds up all others
_SCRIPT = Script("revocations")


class SharedRevocations:
    """What ``RedisStore`` inherits; it gives the wire and the hash. Every verb may raise ``Unreachable``."""

    def _run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> asyncio.Future[Any]:
        raise NotImplementedError  # pragma: no cover  # the store has it

    def _digest(self, of: bytes) -> bytes:
        raise NotImplementedError  # pragma: no cover  # the store has it

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """See ``Store.revocation_name``: the same as that of an embedded store with the same secret."""
        return bytes.fromhex(self._digest(named(kind, key)).decode())

    async def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``Store.revoke``."""
        return await self.merge_revocations([Revocation(self.revocation_name(kind, key), now, until)], now)

    async def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """See ``Store.merge_revocations``."""
        room = True
        for start in range(0, len(news), _HANDFUL):
            words: list[Any] = [b"note", repr(now), MOST, os.urandom(8).hex()]
            for one in news[start : start + _HANDFUL]:
                if one.until > now:
                    words += (one.name.hex(), repr(float(one.since)), repr(float(one.until)))
            room = bool(await self._run(_SCRIPT, _KEYS, words)) and room
        return room

    async def revocations(self, now: float) -> Sequence[Revocation]:
        """See ``Store.revocations``."""
        found = await self.revocations_since("?", now)
        return found[1] if found is not None else ()

    async def revocations_since(self, version: str, now: float) -> tuple[str, Sequence[Revocation]] | None:
        """The version and all revocations, None when ``version`` is still the one."""
        said, *lists = await self._run(_SCRIPT, _KEYS, [b"list", repr(now), version])
        if not lists:
            return None
        sinces, untils = (dict(zip(one[::2], one[1::2], strict=True)) for one in lists)
        held = [
            Revocation(bytes.fromhex(name.decode()), float(sinces[name]), float(until))
            for name, until in untils.items()
            if name in sinces
        ]
        return said.decode(), held
