"""Tokens as the demo tutor makes them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from gateway.core.units import parse_duration
from gateway.demo import hs256
from gateway.demo.accounts import token_claims

_SECRET_LENGTH = 32
_LONGEST = 366 * 86_400.0  # seconds; a longer-lived token is a mistake in the unit


def make_token(env: Mapping[str, str], sub: str, expires: str, kind: str, now: float) -> tuple[str, dict[str, Any]]:
    """A token as the tutor would make it, and its claims. ``now`` in unix seconds.

    Raises ValueError with a sentence when the environment forbids it or an argument is no good.
    """
    if env.get("GATEWAY_ENV", "").strip().lower() == "production":
        raise ValueError("GATEWAY_ENV is production. Tokens for production come from signing in, never from here.")
    secret = env.get("JWT_SECRET", "")
    if len(secret) < _SECRET_LENGTH:
        problem = f"has {len(secret)} characters" if secret else "is not set"
        raise ValueError(
            f"JWT_SECRET {problem}. It needs the secret of the gateway, at least {_SECRET_LENGTH} characters."
        )
    try:
        seconds = parse_duration(expires)
    except ValueError as error:
        raise ValueError(f"--expires {expires!r} {error}") from None
    if not 1 <= seconds <= _LONGEST:
        raise ValueError(f"--expires {expires!r} is out of range: 1s to 366d.")
    if not sub or not kind:
        raise ValueError("--sub and --type must not be empty.")
    claims = token_claims(sub, kind, int(seconds), now, secrets.token_hex(16))
    return hs256.sign(claims, secret), claims
