"""``gateway breakers``: the circuits of upstreams, and holding one open or closed."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import ask, expect, user_name
from gateway.cli.ops_options import By, OpsUrl, TokenFile, listener, reported
from gateway.cli.ops_table import failure, print_table

_STYLES = {"open": "red", "half_open": "yellow"}
_COLUMNS = {
    "UPSTREAM": "upstream",
    "BREAKER": "breaker",
    "STATE": "state",
    "HELD": "forced",
    "FAILURES": "failures",
    "OPENED": "opened_at",
    "RETRY IN S": "retry_in_s",
    "LAST FAILURE": "last_failure",
}


def breakers(
    hold_open: Annotated[str, typer.Option("--open", metavar="UPSTREAM", help="Hold its circuit open: no calls.")] = "",
    close: Annotated[str, typer.Option("--close", metavar="UPSTREAM", help="Hold its circuit closed: all calls.")] = "",
    auto: Annotated[str, typer.Option("--auto", metavar="UPSTREAM", help="Hand its circuit back.")] = "",
    by: By = "",
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Show the circuits, or hold one in a state. Exit code 0 when done, 2 with a wrong input or without a gateway."""
    orders = [(word, name) for word, name in (("open", hold_open), ("close", close), ("auto", auto)) if name]
    with reported("breakers", json):
        if len(orders) > 1:
            raise ValueError("one order at a time: --open, --close or --auto")
        gateway = listener(ops, token_file, config)
        if orders:
            ((word, upstream),) = orders
            who = by or user_name()
            path = f"/v1/breakers/{quote(upstream, safe='')}/{word}"
            body = expect(ask(gateway, "POST", path, {"by": who} if who else {}))
            rows = [body]
        else:
            body = expect(ask(gateway, "GET", "/v1/breakers"))
            rows = list(body.get("breakers", []))
    if json:
        typer.echo(jsonlib.dumps(body))
    elif not rows:
        typer.echo("no upstream has a breaker")
    else:
        cells = [[_cell(row, key) for key in _COLUMNS.values()] for row in rows]
        print_table(list(_COLUMNS), cells, (_STYLES.get(row.get("state", ""), "") for row in rows))


def _cell(row: dict[str, Any], key: str) -> object:
    if key == "retry_in_s" and row.get("due"):
        return "due"
    return failure(row.get(key)) if key == "last_failure" else row.get(key)
