"""``gateway unlock``: lift the lock of an account or an address, at once and on every worker."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import send_order, user_name
from gateway.cli.ops_options import By, OpsUrl, TokenFile, listener, reported


def unlock(
    account: Annotated[str, typer.Option(help="The account as it signs in, such as a@b.c.")] = "",
    address: Annotated[str, typer.Option(help="The client's address, such as 192.0.2.1.")] = "",
    by: By = "",
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Lift a lock. Exit code 0 when it was locked, 1 when not, 2 with a wrong input or without a gateway."""
    named = {"account": account, "address": address, "by": by or user_name()}
    order = {key: value for key, value in named.items() if value}
    with reported("unlock", json):
        if not account and not address:
            raise ValueError("name an --account or an --address, or both for an account at one address")
        result = send_order(listener(ops, token_file, config), "/v1/unlock", order, "unlocked")
    what = " at ".join(filter(None, (account, address)))
    typer.echo(jsonlib.dumps(result) if json else f"{what} {'is unlocked' if result['unlocked'] else 'was not locked'}")
    if not result["unlocked"]:
        raise typer.Exit(1)
