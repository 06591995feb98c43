"""``gateway token``: an access token to try things with, on a development machine only."""

from __future__ import annotations

import json as jsonlib
import os
import time
from typing import Annotated

import typer

from gateway.demo.access_token import make_token
from gateway.demo.accounts import ADA_EMAIL, user_id


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
