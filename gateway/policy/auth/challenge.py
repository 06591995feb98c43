"""Refusals of the ``auth`` policy, each with the challenge that RFC 6750 section 3 asks for."""

from __future__ import annotations

from functools import lru_cache

from gateway.core.verdict import Refusal, refuse

_CHALLENGE = b'Bearer realm="api"'
_INVALID = _CHALLENGE + b', error="invalid_token", error_description='
_INSUFFICIENT = _CHALLENGE + b', error="insufficient_scope"'


def _refuse(slug: str, challenge: bytes, detail: str = "") -> Refusal:
    return refuse(slug, detail, headers=((b"www-authenticate", challenge),))


MISSING = _refuse("token_missing", _CHALLENGE)
"""No credentials: a challenge without an error code (section 3.1)."""

OTHER_SCHEME = _refuse("token_invalid", _CHALLENGE, "not one bearer token")
"""Credentials of another scheme: no error code either."""

MALFORMED = _refuse("token_invalid", _INVALID + b'"malformed"', "not one bearer token")


@lru_cache(maxsize=64)
def invalid(detail: str, description: bytes = b'"not valid"') -> Refusal:
    """A token that is not valid. ``description`` is a quoted string for the client, ``detail`` is for the log.

    Remembered, so that a flood of bad tokens costs no more than a look-up each.
    """
    return _refuse("token_invalid", _INVALID + description, detail)


FORGED = invalid("InvalidSignatureError")
"""A signature that is not of the key that was tried. Verifiers return this very object."""


def expired(seconds: float) -> Refusal:
    """A token whose time was over ``seconds`` ago."""
    return _refuse("token_expired", _INVALID + b'"expired"', f"{seconds:.0f} s ago")


def revoked(kind: str) -> Refusal:
    """A token of a revoked ``subject`` or ``session``."""
    return _refuse("token_revoked", _INVALID + b'"revoked"', kind)


def claim_refused(name: str) -> Refusal:
    """A valid token whose claim ``name`` is missing or has another value than the required one."""
    return _refuse("claim_refused", _INSUFFICIENT, name)


def scope_missing(required: tuple[str, ...], missing: set[str]) -> Refusal:
    """A valid token without the scopes ``missing``."""
    scope = b', scope="%b"' % " ".join(required).encode()
    return _refuse("scope_missing", _INSUFFICIENT + scope, " ".join(sorted(missing)))
