"""Whether the signature of an HS* token fits, asked over the raw bytes before anything in the token is read.

Who cannot sign does not reach a parser, and costs the gateway a hash and a comparison. What fits is read here as pyjwt
would read it: that library brings cryptography, 9 MiB of each worker that HS* tokens do without. A property test holds
that no verdict differs from its own.
"""

from __future__ import annotations

import hmac
import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable

from gateway.policy.auth.claims import Unfit

_STANDARD = bytes.maketrans(b"-_", b"+/")  # base64url (RFC 4648 section 5) to the alphabet that C code reads
_URL = bytes.maketrans(b"+/", b"-_")

# Characters of a signature (RFC 7518 section 3.2), and what completes them to whole groups of base64.
_KINDS = {"HS256": ("sha256", 43, b"="), "HS384": ("sha384", 64, b""), "HS512": ("sha512", 86, b"==")}


class Signatures:
    """Checks signatures under ``secret``. The length of a signature tells its algorithm: each of HS* has one of its own,
    so the token's header need not be asked, and a long one is not tried for a short one."""

    __slots__ = ("_kinds",)

    def __init__(self, algorithms: Iterable[str], secret: bytes) -> None:
        # With the key already in it (RFC 2104 section 4): half of a short message's work.
        self._kinds = {
            length: (name, hmac.new(secret, digestmod=digest), end)
            for name, (digest, length, end) in ((name, _KINDS[name]) for name in algorithms)
        }

    def fit(self, signed: bytes, signature: bytes) -> bool | None:
        """Whether ``signature``, which has base64url's characters only, is that of ``signed``; None when no allowed
        algorithm makes one of its length."""
        kind = self._kinds.get(len(signature))
        if kind is None:
            return None
        made = kind[1].copy()
        made.update(signed)
        return hmac.compare_digest(a2b_base64(signature.translate(_STANDARD) + kind[2]), made.digest())

    def payload(self, token: bytes) -> bytes:
        """What ``token`` says: three parts in base64url, whose signature fits (RFC 7515 section 5.2). Raises Unfit, or
        ValueError or RecursionError when its header is no JSON."""
        head, payload, signature = token.split(b".")
        name, _, _ = self._kinds[len(signature)]
        header = json.loads(_octets(head))
        if not isinstance(header, dict) or not isinstance(header.get("kid", ""), str):
            raise Unfit("a header that is none")
        if header.get("alg") != name:
            raise Unfit("a signature of another algorithm than its header says")
        if "crit" in header or "b64" in header:
            raise Unfit("an extension")  # RFC 7515 section 4.1.11, RFC 7797: none is understood here
        _octets(signature)
        return _octets(payload)


def _octets(part: bytes) -> bytes:
    """One part of a token decoded. Raises Unfit for any spelling but the one: others would make two tokens of one."""
    octets = a2b_base64(part.translate(_STANDARD) + b"=" * (-len(part) % 4))
    if b2a_base64(octets, newline=False).rstrip(b"=").translate(_URL) != part:
        raise Unfit("base64url in another spelling")
    return octets
