"""``gateway clients``: who sends most requests and is refused most, and who has the calls that are under way."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from typing import Any

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import ask, expect
from gateway.cli.ops_options import OpsUrl, TokenFile, listener, reported
from gateway.cli.ops_table import print_table, shown

_COLUMNS = {
    "CLIENT": "client",
    "KIND": "kind",
    "REQUESTS": "requests",
    "TOO HIGH BY": "over",
    "REFUSED": "refusals",
}
PER_ADDRESS = "per_address.requests"
"""What stands in the place of an upstream where the requests of one address have a bound."""


def clients(
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Show the busiest clients of the last minute or two, and who has the calls to each upstream with a limit on them.

    A client is a hash: `gateway whois` finds whose. Exit code 0, or 2 without a gateway.
    """
    with reported("clients", json):
        body = expect(ask(listener(ops, token_file, config), "GET", "/v1/clients"))
        rows = list(body.get("clients", []))
    if json:
        typer.echo(jsonlib.dumps(body))
        return
    typer.echo(f"since {shown(body.get('since'))}" if rows else "no requests in the last minute or two")
    if rows:
        print_table(list(_COLUMNS), [[row.get(key) for key in _COLUMNS.values()] for row in rows])
    held = [cells for share in body.get("shares", []) for cells in _held(share)]
    if held:
        print_table(("LIMITED", "WORKER", "UNDER WAY", "WAITING", "CLIENT", "KIND", "CALLS"), held)


def _held(share: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """A row for each who has some of ``share``."""
    limited = share.get("upstream") or PER_ADDRESS
    under_way = f"{share['taken']} of {share['limit']}" if share.get("upstream") else f"{share['taken']}"
    for holder in share.get("holders", []):
        calls = holder["calls"] if share.get("upstream") else f"{holder['calls']} of {share['limit']}"
        yield limited, share["worker"], under_way, share["waiting"], holder["client"], holder["kind"], calls
