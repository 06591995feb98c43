"""``gateway routes``: what each route ends up with once the defaults are filled in."""

from __future__ import annotations

import json as jsonlib
from typing import Any

import typer
from rich.table import Table

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, console, load_or_exit
from gateway.config.model import Route


def describe(route: Route) -> dict[str, Any]:
    """One route as JSON for programs; ``at`` is where it is written."""
    return {
        "name": route.name,
        "listener": route.listener,
        "procedures": list(route.procedures),
        "paths": list(route.paths),
        "methods": list(route.methods),
        "auth": route.auth,
        "cors": route.cors,
        "rate_limits": list(route.rate_limits),
        "body": route.body,
        "response_headers": route.response_headers,
        "batch": route.batch,
        "upstream": route.upstream,
        "rewrite": route.rewrite,
        "deny": route.deny,
        "at": str(route.position),
    }


def routes(config: ConfigPath = DEFAULT_PATH, json: AsJson = False) -> None:
    """Show the routes in the order in which they are tried, with their policies."""
    loaded = load_or_exit(config, json)
    if json:
        typer.echo(jsonlib.dumps([describe(route) for route in loaded.routes]))
        return
    console().print(_table(loaded.routes))


def _table(found: tuple[Route, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("ROUTE", "MATCHES", "METHODS", "AUTH", "LIMITS", "BODY", "GOES TO"):
        table.add_column(heading, overflow="fold")
    for route in found:
        table.add_row(
            route.name if route.listener == "public" else f"{route.name}\n({route.listener})",
            "\n".join(route.procedures + route.paths),
            " ".join(route.methods),
            "-" if route.deny else route.auth,
            "\n".join(route.rate_limits) or "-",
            "-" if route.deny else route.body or "any",
            _goes_to(route),
            style="red" if route.deny else "yellow" if route.auth == "public" else None,
        )
    return table


def _goes_to(route: Route) -> str:
    if route.deny:
        return f"denied: {route.deny}"
    alone = "\ntravels alone" if route.batch == "deny" else ""
    return f"{route.upstream}{' ' + route.rewrite if route.rewrite else ''}{alone}"
