"""Revoked tokens: which subjects and sessions, and how a worker keeps them at hand.

A revocation refuses the tokens that were issued before its moment, until no such token can be alive. The embedded store
holds those of the host; a request finds out whether any were added by reading a counter in shared memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

MOST = 10_000
"""Revocations held at once. One more is refused: letting an old one go would let its tokens back in."""

KINDS = ("subject", "session")


class Revocation(NamedTuple):
    """``name`` is the keyed hash of kind and key, 16 bytes. Tokens issued before ``since`` are refused up to ``until``;
    both are Unix seconds."""

    name: bytes
    since: float
    until: float


def named(kind: str, key: bytes) -> bytes:
    """What is hashed for a name."""
    return b"revoked\0" + kind.encode() + b"\0" + key


def merged(held: Revocation | None, new: Revocation) -> Revocation:
    """Both of one name as one: the later moment and the later end."""
    if held is None:
        return new
    return Revocation(new.name, max(held.since, new.since), max(held.until, new.until))


def added(held: dict[bytes, Revocation], news: Iterable[Revocation], now: float) -> tuple[Collection[Revocation], bool]:
    """Adds to ``held`` what has not expired and finds room. Returns those that this has changed, and whether all found
    room."""
    changed, room = {}, True
    for one in news:
        before = held.get(one.name)
        after = merged(before, one)
        if one.until <= now or after == before:
            continue
        if before is None and len(held) >= MOST:
            room = False
            continue
        held[one.name] = changed[one.name] = after
    return changed.values(), room


class RevocationSource(Protocol):
    """What ``RevocationTable`` needs of a store."""

    def generation(self) -> int:
        """Another number after every change of the revocations."""
        ...

    def revocations(self, now: float) -> Iterable[Revocation]:
        """All that hold at ``now``."""
        ...

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """The name under which the store holds a revocation."""
        ...


class RevocationTable:
    """The revocations of ``source``, read anew only when its generation is another. ``table`` has them by name as of the
    last reading and is empty most of the time; ``seen`` is the generation of that reading."""

    def __init__(self, source: RevocationSource) -> None:
        self._source = source
        self._generation = source.generation
        self.seen = -1
        self.table: Mapping[bytes, Revocation] = {}

    def changed(self, wall: Callable[[], float]) -> bool:
        """Whether there was a change since the last call, which is then read. ``wall`` gives Unix seconds. Raises what the
        store raises."""
        generation = self._generation()
        if generation == self.seen:
            return False
        # The number from before the reading: what is added meanwhile is read next time.
        self.table = {one.name: one for one in self._source.revocations(wall())}
        self.seen = generation
        return True

    def name(self, kind: str, key: bytes) -> bytes:
        """See ``RevocationSource.revocation_name``."""
        return self._source.revocation_name(kind, key)
