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
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable

from gateway.policy.auth.claims import InvalidToken

_STANDARD = bytes.maketrans(b"-_", b"+/")  # base64url (RFC 4648 section 5) to the alphabet that C code reads
_URL = bytes.maketrans(b"+/", b"-_")

# Digest and characters of a signature (RFC 7518 section 3.2), and what pads them to whole groups of base64.
_ALGORITHMS = {"HS256": ("sha256", 43, b"="), "HS384": ("sha384", 64, b""), "HS512": ("sha512", 86, b"==")}


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

    def verify(self, token: bytes) -> bytes:
        """The payload of ``token``, three parts of base64url characters (RFC 7515 section 5.2).

        Raises InvalidToken; also ValueError or RecursionError when the header under a good signature is no JSON.
        """
        signed, _, signature = token.rpartition(b".")
        algorithm = self._by_length.get(len(signature))
        if algorithm is None:
            raise InvalidToken("a signature of no allowed algorithm")
        name, prepared, padding = algorithm
        mac = prepared.copy()
        mac.update(signed)
        if not hmac.compare_digest(a2b_base64(signature.translate(_STANDARD) + padding), mac.digest()):
            raise InvalidToken("InvalidSignatureError")
        head, _, payload = signed.partition(b".")
        _check_header(json.loads(_decode(head)), name)
        _decode(signature)
        return _decode(payload)


def _check_header(header: object, algorithm: str) -> None:
    """Raises InvalidToken for a header that is not that of a token signed with ``algorithm``."""
    if not isinstance(header, dict) or not isinstance(header.get("kid", ""), str):
        raise InvalidToken("a header that is none")
    if header.get("alg") != algorithm:
        raise InvalidToken("a signature of another algorithm than its header says")
    if "crit" in header or "b64" in header:
        raise InvalidToken("an extension")  # RFC 7515 section 4.1.11, RFC 7797: none is understood here


def _decode(part: bytes) -> bytes:
    """One part of a token decoded. Raises InvalidToken for all spellings but one: others would make two tokens of one."""
    octets = a2b_base64(part.translate(_STANDARD) + b"=" * (-len(part) % 4))
    if b2a_base64(octets, newline=False).rstrip(b"=").translate(_URL) != part:
        raise InvalidToken("base64url in another spelling")
    return octets
