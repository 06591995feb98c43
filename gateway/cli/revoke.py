"""``gateway revoke``: end the tokens of a subject or a session, at once and on every worker."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, load_or_exit
from gateway.cli.ops_client import send_order, user_name


def revoke(
    subject: Annotated[str, typer.Option(help="The claim sub of the tokens, exactly as it stands there.")] = "",
    session: Annotated[str, typer.Option(help="The claim sid of the tokens.")] = "",
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 15m; at most 30d, the default.")] = "",
    by: Annotated[str, typer.Option(help="Who asks, for the log. The default is the user of this shell.")] = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Refuse tokens issued until now; a new sign-in works. Exit code 0 when done, 2 with a wrong input or without a gateway."""
    named = {"subject": subject, "session": session, "for": lasting, "by": by or user_name()}
    order = {key: value for key, value in named.items() if value}
    if bool(subject) == bool(session):
        typer.echo("gateway revoke: name a --subject or a --session", err=True)
        raise typer.Exit(2)
    try:
        result = send_order(load_or_exit(config, json).ops, "/v1/revoke", order, "revoked")
    except ValueError as error:
        typer.echo(f"gateway revoke: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(jsonlib.dumps(result) if json else f"the tokens of {subject or session} are revoked")
