"""What stands in for a public key that is not here, so that a policy can be looked at without it: no token fits it."""

from __future__ import annotations

from secrets import token_hex

from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge

_MARK = f"stand-in {token_hex(16)} "
"""Of this process: no file can have it, so nothing that is served has a key that is none."""


def stand_in_key(name: str) -> str:
    """What stands in for the key of that ``name``: the same for one name, and another for each."""
    return _MARK + name


def is_stand_in(key: bytes) -> bool:
    """Whether ``key`` stands in for one."""
    return key.startswith(_MARK.encode())


class NoKey:
    """A ``TokenVerifier`` in place of the key that is not here."""

    def verify(self, token: bytes) -> bytes | Refusal:
        """See ``TokenVerifier``: no signature is of a key that nobody has."""
        return challenge.FORGED
