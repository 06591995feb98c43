"""``gateway unlock``: lift the lock of an account or an address, at once and on every worker."""

from __future__ import annotations

import getpass
import http.client
import json as jsonlib
from typing import Annotated, Any

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, load_or_exit
from gateway.config.model import Ops

TIMEOUT = 10.0  # seconds

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a listener on all addresses is found on this host


def ask(ops: Ops, order: dict[str, str], path: str = "/v1/unlock", done: str = "unlocked") -> dict[str, Any]:
    """The result of ``order`` at the operators' listener: whether it is ``done``. Raises ValueError with a sentence."""
    headers = {"content-type": "application/json"}
    if ops.token:
        headers["authorization"] = f"Bearer {ops.token.reveal()}"
    host = _ANY.get(ops.host, ops.host)
    connection = http.client.HTTPConnection(host, ops.port, timeout=TIMEOUT)
    try:
        connection.request("POST", path, jsonlib.dumps(order), headers)
        response = connection.getresponse()
        result = jsonlib.loads(response.read(64 * 1024))
        if response.status == 200:
            return {done: result[done] is True}
        raise ValueError(f"refused with {response.status}: {result.get('title', '')}")
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(f"no gateway answers on {host}:{ops.port}: {error}") from error
    except (KeyError, TypeError, AttributeError, jsonlib.JSONDecodeError) as error:
        raise ValueError(f"what answers on {host}:{ops.port} is no gateway") from error
    finally:
        connection.close()


def whoami() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a numbered user of a container has no name
        return ""


def unlock(
    account: Annotated[str, typer.Option(help="The account as it signs in, such as a@b.c.")] = "",
    address: Annotated[str, typer.Option(help="The client's address, such as 192.0.2.1.")] = "",
    by: Annotated[str, typer.Option(help="Who asks, for the log. The default is the user of this shell.")] = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Lift a lock. Exit code 0 when it was locked, 1 when not, 2 with a wrong input or without a gateway."""
    named = {"account": account, "address": address, "by": by or whoami()}
    order = {key: value for key, value in named.items() if value}
    if not account and not address:
        typer.echo("gateway unlock: name an --account or an --address, or both for an account at one address", err=True)
        raise typer.Exit(2)
    try:
        result = ask(load_or_exit(config, json).ops, order)
    except ValueError as error:
        typer.echo(f"gateway unlock: {error}", err=True)
        raise typer.Exit(2) from None
    what = " at ".join(filter(None, (account, address)))
    typer.echo(jsonlib.dumps(result) if json else f"{what} {'is unlocked' if result['unlocked'] else 'was not locked'}")
    if not result["unlocked"]:
        raise typer.Exit(1)
