"""``gateway revoke``: end the tokens of a subject or a session, at once and on every worker."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import send_order, user_name
from gateway.cli.ops_options import By, OpsUrl, TokenFile, listener, reported


def revoke(
    subject: Annotated[str, typer.Option(help="The claim sub of the tokens, exactly as it stands there.")] = "",
    session: Annotated[str, typer.Option(help="The claim sid of the tokens.")] = "",
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 15m; at most 30d, the default.")] = "",
    by: By = "",
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Refuse tokens issued until now; a new sign-in works. Exit code 0 when done, 2 with a wrong input or without a gateway."""
    named = {"subject": subject, "session": session, "for": lasting, "by": by or user_name()}
    order = {key: value for key, value in named.items() if value}
    with reported("revoke", json):
        if bool(subject) == bool(session):
            raise ValueError("name a --subject or a --session")
        result = send_order(listener(ops, token_file, config), "/v1/revoke", order, "revoked")
    typer.echo(jsonlib.dumps(result) if json else f"the tokens of {subject or session} are revoked")
