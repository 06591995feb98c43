"""Revoked tokens in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from gateway.state.rules.revocation import Revocation, added, named


class MemoryRevocations:
    """See ``RevocationStore``. ``key`` is that of the hashes by which revocations are held; ``rules.revocation`` bounds them."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._held: dict[bytes, Revocation] = {}
        self._generation = 0

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``RevocationStore.revoke``."""
        return self.merge_revocations([Revocation(self.revocation_name(kind, key), now, until)], now)

    def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """See ``RevocationStore.merge_revocations``."""
        held = {one.name: one for one in self.revocations(now)}
        changed, room = added(held, news, now)
        if changed:
            self._held = held
            self._generation += 1
        return room

    def revocations(self, now: float) -> Sequence[Revocation]:
        """See ``RevocationStore.revocations``."""
        return [one for one in self._held.values() if one.until > now]

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """See ``RevocationStore.revocation_name``."""
        return blake2b(named(kind, key), key=self._key, digest_size=16).digest()

    def generation(self) -> int:
        """See ``RevocationStore.generation``."""
        return self._generation
