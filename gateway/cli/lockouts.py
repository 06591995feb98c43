"""``gateway lockouts``: who is locked, since when, until when, and why."""

from __future__ import annotations

import json as jsonlib

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import ask, expect
from gateway.cli.ops_options import OpsUrl, TokenFile, listener, reported
from gateway.cli.ops_table import print_table

_COLUMNS = {
    "KIND": "kind",
    "WHO": "who",
    "SINCE": "since",
    "UNTIL": "until",
    "FAILURES": "failures",
    "REASON": "reason",
}


def lockouts(
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Show the locks that hold. An account is a hash: `gateway whois` finds whose. Exit code 0, or 2 without a gateway."""
    with reported("lockouts", json):
        body = expect(ask(listener(ops, token_file, config), "GET", "/v1/lockouts"))
        rows = list(body.get("lockouts", []))
    if json:
        typer.echo(jsonlib.dumps(body))
    elif not rows:
        typer.echo("nobody is locked")
    else:
        print_table(list(_COLUMNS), [[row.get(key) for key in _COLUMNS.values()] for row in rows])
