"""``gateway reload``: have a running gateway read its files anew, and learn at once what is wrong with them."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import RELOADING, ask, expect, user_name
from gateway.cli.ops_options import By, OpsUrl, TokenFile, listener, reported
from gateway.ops.plain import clean

_REFUSED = 409


def reload(
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(
            help="The id of a loosening that may come into force, as the refusal lists it. Several times for several."
        ),
    ] = None,
    by: By = "",
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Serve what the files say now. Exit code 0 when it does, 1 when the files are refused, 2 without a gateway.

    The files are those of the gateway, on its host. A refused reload changes nothing. What lets more through than before is
    refused until its id is acknowledged, here or in the files.
    """
    who = by or user_name()
    order: dict[str, Any] = {"by": who} if who else {}
    if acknowledge:
        order["acknowledge"] = acknowledge
    with reported("reload", json):
        response = ask(listener(ops, token_file, config), "POST", "/v1/reload", order, RELOADING)
        result = response.body if response.status == _REFUSED else expect(response)
    done = result.get("reloaded") is True
    if json:
        typer.echo(jsonlib.dumps(result))
    elif done:
        typer.echo(f"reloaded: digest {clean(str(result.get('digest', '')))[:12]}")
    else:
        loosenings = [one for one in result.get("loosenings", []) if isinstance(one, dict)]
        for line in _listed(loosenings) or [str(problem) for problem in result.get("problems", [])]:
            typer.echo(clean(line, 1024), err=True)
        typer.echo("refused: what ran before goes on", err=True)
    if not json and result.get("needs_restart"):
        typer.echo(f"only a restart brings into force: {clean(', '.join(map(str, result['needs_restart'])))}")
    if not done:
        raise typer.Exit(1)


def _listed(loosenings: list[dict[str, Any]]) -> list[str]:
    """The loosenings that keep the files from being served, and how to acknowledge them."""
    lines = []
    for one in loosenings:
        routes = ", ".join(map(str, one.get("routes", []))) or "no route alone"
        where = one.get("where", {}).get("new") or one.get("where", {}).get("old") or "-"
        setting = one.get("setting") or "the configuration"
        change = f"{one.get('before') or 'nothing'} -> {one.get('after') or 'nothing'}"
        lines += [f"{where}  loosens {setting} ({routes}): {change}", f"    {one.get('why', '')}"]
        lines.append(f"    to let it: --acknowledge {one.get('id', '')}")
    return lines
