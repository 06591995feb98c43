"""Verifies HS* tokens. The signature is checked over the raw bytes before anything in the token is read.

So a client without the secret reaches no parser, and costs the gateway a hash and a comparison. A token with a good
signature is read here by the same rules as pyjwt reads it, and not by pyjwt: that library loads cryptography, 9 MiB of
each worker. Without cryptography (its import can be made to fail) it loads 1.6 MiB, but takes 31 us for what takes 10 us
here, and a later reload that brings public-key algorithms would find it crippled. A property test holds that no result
differs from pyjwt's own.
"""

from __future__ import annotations

import hmac
import json
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable

from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge

_STANDARD = bytes.maketrans(b"-_", b"+/")  # base64url (RFC 4648 section 5) to the alphabet that C code reads
_URL = bytes.maketrans(b"+/", b"-_")

# Digest and characters of a signature (RFC 7518 section 3.2), and what pads them to whole groups of base64.
_ALGORITHMS = {"HS256": ("sha256", 43, b"="), "HS384": ("sha384", 64, b""), "HS512": ("sha512", 86, b"==")}


_OTHER_ALGORITHM = challenge.invalid("a signature of no allowed algorithm")
_NO_HEADER = challenge.invalid("a header that is none")
_LYING_HEADER = challenge.invalid("a signature of another algorithm than its header says")
_EXTENSION = challenge.invalid("an extension")
_OTHER_SPELLING = challenge.invalid("base64url in another spelling")


_PLAIN = re.compile(rb"(?!ssh-|ecdsa-)[A-Za-z0-9+/=_.~-]+").fullmatch


def is_plain_secret(key: bytes) -> bool:
    """Whether ``key`` is certainly no public key, certificate or JWK by mistake: PEM has blanks in it, DER control characters, JSON
    brackets. So nearly every secret is known to be one without loading pyjwt, which takes a command 60 ms; of others it decides."""
    return _PLAIN(key) is not None


class MacVerifier:
    """Verifies tokens under ``secret``. Each of HS* has signatures of its own length, so the length selects the
    algorithm: the token's header decides nothing, and a long signature is not tried as a short one."""

    __slots__ = ("_by_length",)

    def __init__(self, algorithms: Iterable[str], secret: bytes) -> None:
        # With the key already in it (RFC 2104 section 4): half of a short message's work.
        self._by_length = {
            length: (name, hmac.new(secret, digestmod=digest), padding)
            for name, (digest, length, padding) in ((name, _ALGORITHMS[name]) for name in algorithms)
        }

    def verify(self, token: bytes) -> bytes | Refusal:
        """See ``TokenVerifier`` (RFC 7515 section 5.2)."""
        signed, _, signature = token.rpartition(b".")
        algorithm = self._by_length.get(len(signature))
        if algorithm is None:
            return _OTHER_ALGORITHM
        name, prepared, padding = algorithm
        mac = prepared.copy()
        mac.update(signed)
        if not hmac.compare_digest(a2b_base64(signature.translate(_STANDARD) + padding), mac.digest()):
            return challenge.FORGED
        parts = _decode(token)
        return _OTHER_SPELLING if parts is None else _check_header(json.loads(parts[0]), name) or parts[1]


def _check_header(header: object, algorithm: str) -> Refusal | None:
    """The refusal of a header that is not that of a token signed with ``algorithm``."""
    if not isinstance(header, dict) or not isinstance(header.get("kid", ""), str):
        return _NO_HEADER
    if header.get("alg") != algorithm:
        return _LYING_HEADER
    if "crit" in header or "b64" in header:
        return _EXTENSION  # RFC 7515 section 4.1.11, RFC 7797: none is understood here
    return None


def _decode(token: bytes) -> list[bytes] | None:
    """The parts of a token decoded. None for all spellings of a part but one: others would make two tokens of one."""
    decoded = []
    for part in token.split(b"."):
        octets = a2b_base64(part.translate(_STANDARD) + b"=" * (-len(part) % 4))
        if b2a_base64(octets, newline=False).rstrip(b"=").translate(_URL) != part:
            return None
        decoded.append(octets)
    return decoded
