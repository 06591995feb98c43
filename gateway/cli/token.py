"""``gateway token``: an access token to try things with, on a development machine only."""

from __future__ import annotations

import json as jsonlib
import os
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli.demo import hs256
from gateway.cli.demo.accounts import ADA_EMAIL, token_claims, user_id
from gateway.core.units import parse_duration

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


def token(
    sub: Annotated[str, typer.Option(help="Whose token: the user's id. The default is the demo's user Ada.")] = user_id(
        ADA_EMAIL
    ),
    expires: Annotated[str, typer.Option(help="How long it is good: 30s, 15m, 1h, 1d.")] = "15m",
    type: Annotated[str, typer.Option(help="Its type claim: access or refresh.")] = "access",
    json: Annotated[bool, typer.Option("--json", help="Print the token and its claims as JSON.")] = False,
) -> None:
    """Make a development token, signed with JWT_SECRET. Refuses when GATEWAY_ENV is production."""
    try:
        made, claims = make_token(os.environ, sub, expires, type, time.time())
    except ValueError as error:
        typer.echo(f"gateway token: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(jsonlib.dumps({"token": made, "claims": claims}) if json else made)
