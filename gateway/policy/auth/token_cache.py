"""Verified tokens that need not be verified again, by a fingerprint. The tokens themselves are not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class VerifiedToken(NamedTuple):
    """``until`` is the end of its validity in Unix seconds, ``subject`` its ``sub``."""

    until: float
    subject: str
    claims: dict[str, Any]


class TokenCache:
    """Up to ``size`` tokens in two generations: a full ``newer`` one becomes ``older``, and a token that is used again
    moves up. So the least recently used half goes first.

    A hit costs one look-up in ``newer``, which is public for that; an order of last use would cost work for each request.
    """

    __slots__ = ("_half", "_off", "newer", "older")

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._off = size < 2
        self.newer: dict[bytes, VerifiedToken] = {}
        self.older: dict[bytes, VerifiedToken] = {}

    def take(self, fingerprint: bytes, wall: Callable[[], float]) -> VerifiedToken | None:
        """Removes the token from both generations. Returns that of the older one while it is valid: ``add`` moves it up.
        A token in the newer generation is not returned, since the caller has looked there. ``wall`` gives Unix seconds."""
        self.newer.pop(fingerprint, None)
        token = self.older.pop(fingerprint, None)
        return token if token is not None and wall() < token.until else None

    def add(self, fingerprint: bytes, token: VerifiedToken) -> None:
        """Keeps ``token`` in the newer generation."""
        if len(self.newer) >= self._half:
            self.age()
        if not self._off:
            self.newer[fingerprint] = token

    def age(self) -> None:
        """Makes the newer generation the older one, so that each of its tokens goes through ``take`` before it counts."""
        self.newer, self.older = {}, self.newer

    def __len__(self) -> int:
        return len(self.newer) + len(self.older)

    def __iter__(self) -> Iterator[VerifiedToken]:
        yield from self.newer.values()
        yield from self.older.values()
