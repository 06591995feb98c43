"""Tokens of a dry run: a policy judges their claims as it judges those of its issuer, whose keys nobody here has."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

from gateway.core.verdict import Refusal
from gateway.policy.auth.auth import Settings
from gateway.policy.auth.key_ring import TokenVerifier

LIFETIME = 300.0
"""Seconds for which a token holds whose claims do not say it."""

SUBJECT = "dry-run"


def completed(claims: Mapping[str, object], settings: Settings, now: float) -> dict[str, object]:
    """``claims`` with what ``settings`` ask of a token beside them, where they do not say it. ``now`` is in Unix seconds."""
    filled: dict[str, object] = {"sub": SUBJECT, "iat": int(now), "exp": int(now + LIFETIME), **settings.require}
    if settings.issuer is not None:
        filled["iss"] = settings.issuer
    if settings.audience is not None:
        filled["aud"] = settings.audience
    if settings.scopes:
        filled["scope"] = " ".join(settings.scopes)
    return {**filled, **claims}


class DryTokens:
    """A ``TokenVerifier`` that takes the tokens that it made, and leaves all others to ``real``. ``key`` lives as long as the
    dry run, in this process alone."""

    def __init__(self, real: TokenVerifier, key: bytes) -> None:
        self._real = real
        self._key = key

    def verify(self, token: bytes) -> bytes | Refusal:
        """See ``TokenVerifier``."""
        signed, _, signature = token.rpartition(b".")
        if hmac.compare_digest(signature, _signature(signed, self._key)):
            payload = signed.partition(b".")[2]
            return _unpacked(payload)
        return self._real.verify(token)


def token_of(claims: Mapping[str, object], key: bytes) -> bytes:
    """A token that ``DryTokens`` of ``key`` take. Raises ValueError and TypeError for claims that are no JSON."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = b".".join(_packed(json.dumps(part, allow_nan=False).encode()) for part in parts)
    return signed + b"." + _signature(signed, key)


def _signature(signed: bytes, key: bytes) -> bytes:
    return _packed(hmac.digest(key, signed, sha256))


def _packed(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")


def _unpacked(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
