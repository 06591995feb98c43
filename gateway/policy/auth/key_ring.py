"""The keys that a policy verifies tokens with, and how many tokens each of them has verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge
from gateway.policy.auth.claims import numeric_date
from gateway.policy.auth.token_cache import VerifiedToken

HINTS = 16
"""Headers of genuine tokens that are remembered with their key: an issuer has one for each of its keys."""


class TokenVerifier(Protocol):
    """Reads tokens that only the holder of a key can have made."""

    def verify(self, token: bytes) -> bytes | Refusal:
        """The payload of ``token``, which is three parts of base64url characters, or the refusal of an invalid one.

        Raises ValueError or RecursionError for a header under a good signature that is no JSON.
        """
        ...


class KeyUse(NamedTuple):
    """What one key has verified: how many tokens, and when the last one (Unix seconds, 0 for never)."""

    verified: int = 0
    last: float = 0.0


class KeyRing:
    """A ``TokenVerifier`` over those of a few keys, in the order in which they are written.

    A token is first tried with the key that has verified the last one with the same header, letter by letter: an issuer
    writes the key's ``kid`` there, and all of its tokens have one header otherwise. A header says no more than where to
    begin: some issuers keep one ``kid`` over all changes, and a token of the other key must not be refused for that. So
    a wrong signature costs as many verifications as there are keys.
    """

    __slots__ = ("_hints", "_used", "_uses", "_verifiers", "lifetime", "verify")

    def __init__(self, verifiers: Sequence[TokenVerifier]) -> None:
        self._verifiers = tuple(verifiers)
        self._hints: dict[bytes, int] = {}
        self._used = 0
        self._uses = [KeyUse() for _ in verifiers]
        self.lifetime = 0.0
        """The longest time from the issue of a token to its end, in seconds."""
        self.verify: Callable[[bytes], bytes | Refusal] = (
            self._verify_with_each if len(verifiers) > 1 else verifiers[0].verify
        )
        """See ``TokenVerifier``. With one key it is that of the key, so that a token costs nothing for there being more."""

    def _verify_with_each(self, token: bytes) -> bytes | Refusal:
        verifiers = self._verifiers
        header = token.partition(b".")[0]
        first = self._hints.get(header, 0)
        for index in (first, *(each for each in range(len(verifiers)) if each != first)):
            payload = verifiers[index].verify(token)
            if payload is not challenge.FORGED:
                self._used = index
                if index != first and not isinstance(payload, Refusal):
                    self._remember(header, index)
                return payload
        return challenge.FORGED

    def _remember(self, header: bytes, index: int) -> None:
        # Only genuine tokens come here, so nobody else can fill it.
        if len(self._hints) >= HINTS:
            self._hints.clear()
        self._hints[header] = index

    def note(self, token: VerifiedToken, now: float) -> None:
        """Count ``token``, whose signature was the last that was verified, for its key. ``now`` in Unix seconds."""
        self._uses[self._used] = KeyUse(self._uses[self._used].verified + 1, now)
        issued = numeric_date(token.claims.get("iat"))
        self.lifetime = max(self.lifetime, token.until - (now if issued is None else issued))

    def take_uses(self) -> list[KeyUse]:
        """What each key has verified since the last time, in the order in which they are written."""
        taken, self._uses = self._uses, [KeyUse() for _ in self._uses]
        return taken
