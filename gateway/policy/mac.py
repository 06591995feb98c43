"""Whether the signature of an HS* token fits, asked over the raw bytes before anything in the token is read.

Who cannot sign does not reach a parser, and costs the gateway a hash and a comparison. What fits is verified once more
by the library that reads the token, so this can refuse but never admit.
"""

from __future__ import annotations

import hmac
from binascii import a2b_base64
from collections.abc import Iterable

_STANDARD = bytes.maketrans(b"-_", b"+/")  # base64url (RFC 4648 section 5) to the alphabet that C code reads

# Characters of a signature (RFC 7518 section 3.2), and what completes them to whole groups of base64.
_KINDS = {"HS256": ("sha256", 43, b"="), "HS384": ("sha384", 64, b""), "HS512": ("sha512", 86, b"==")}


class Signatures:
    """Checks signatures under ``secret``. The length of a signature tells its algorithm: each of HS* has one of its own,
    so the token's header need not be asked, and a long one is not tried for a short one."""

    __slots__ = ("_kinds",)

    def __init__(self, algorithms: Iterable[str], secret: bytes) -> None:
        # With the key already in it (RFC 2104 section 4): half of a short message's work.
        self._kinds = {
            length: (hmac.new(secret, digestmod=digest), end)
            for digest, length, end in (_KINDS[name] for name in algorithms)
        }

    def possible(self, signature: bytes) -> bool:
        """Whether ``signature``, in base64url, is as long as one of the allowed algorithms makes it."""
        return len(signature) in self._kinds

    def fit(self, signed: bytes, signature: bytes) -> bool:
        """Whether ``signature``, a possible one of base64url's characters only, is that of ``signed``."""
        keyed, end = self._kinds[len(signature)]
        made = keyed.copy()
        made.update(signed)
        return hmac.compare_digest(a2b_base64(signature.translate(_STANDARD) + end), made.digest())
