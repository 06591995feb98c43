"""``gateway reload``: have a running gateway read its files anew, and learn at once what is wrong with them."""

from __future__ import annotations

import json as jsonlib

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import RELOADING, ask, expect, user_name
from gateway.cli.ops_options import By, OpsUrl, TokenFile, listener, reported
from gateway.ops.plain import clean

_REFUSED = 409


def reload(
    by: By = "",
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Serve what the files say now. Exit code 0 when it does, 1 when the files are refused, 2 without a gateway.

    The files are those of the gateway, on its host. A refused reload changes nothing.
    """
    who = by or user_name()
    with reported("reload", json):
        response = ask(listener(ops, token_file, config), "POST", "/v1/reload", {"by": who} if who else {}, RELOADING)
        result = response.body if response.status == _REFUSED else expect(response)
    done = result.get("reloaded") is True
    if json:
        typer.echo(jsonlib.dumps(result))
    elif done:
        typer.echo(f"reloaded: digest {clean(str(result.get('digest', '')))[:12]}")
    else:
        for problem in result.get("problems", []):
            typer.echo(clean(str(problem), 1024), err=True)
        typer.echo("refused: what ran before goes on", err=True)
    if not json and result.get("needs_restart"):
        typer.echo(f"only a restart brings into force: {clean(', '.join(map(str, result['needs_restart'])))}")
    if not done:
        raise typer.Exit(1)
