"""``gateway routes``: each route with the defaults filled in."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Sequence
from typing import Any

import typer
from rich.table import Table

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, console, load_or_exit
from gateway.config.model import Config, Route
from gateway.config.reporting import reporting_on
from gateway.config.routes import described
from gateway.policy.kinds import ROUTE_KINDS, SECTIONS


def describe(route: Route, digest: str, reporting: Sequence[str] = ()) -> dict[str, Any]:
    """One route as JSON for programs; ``at`` is where it is written, ``digest`` that of the whole configuration."""
    return {**described(route, reporting), "at": str(route.position), "digest": digest}


def routes(config: ConfigPath = DEFAULT_PATH, json: AsJson = False) -> None:
    """Show the routes in the order in which they are tried, with their policies."""
    loaded = load_or_exit(config, json)
    if json:
        rows = [describe(route, loaded.digest, reporting_on(route, loaded, time.time())) for route in loaded.routes]
        typer.echo(jsonlib.dumps(rows))
        return
    console().print(_table(loaded, time.time()))


def _table(config: Config, now: float) -> Table:
    found = config.routes
    table = Table(box=None, pad_edge=False, header_style="bold")
    only = {route.name: [f"reports only: {one}" for one in reporting_on(route, config, now)] for route in found}
    extra = any(_own(route) or only[route.name] for route in found)
    for heading in ("ROUTE", "MATCHES", "METHODS", "AUTH", "LIMITS", "BODY", *(["ALSO"] if extra else []), "GOES TO"):
        table.add_column(heading, overflow="fold")
    for route in found:
        auth = " ".join(route.policies["auth"]) or "public"
        table.add_row(
            route.name if route.listener == "public" else f"{route.name}\n({route.listener})",
            "\n".join(route.procedures + route.paths),
            " ".join(route.methods),
            "-" if route.deny else auth,
            "\n".join(route.policies["rate_limits"]) or "-",
            "-" if route.deny else " ".join(route.policies["bodies"]) or "any",
            *(["\n".join([*_own(route), *only[route.name]]) or "-"] if extra else []),
            _goes_to(route),
            style="red" if route.deny else "yellow" if auth == "public" else None,
        )
    return table


def _own(route: Route) -> list[str]:
    """The policies that a route cannot have from ``defaults``, each with its key, and why it goes without others."""
    kinds = (kind for kind in ROUTE_KINDS if not kind.inherited)
    named = [f"{kind.route_key} {name}" for kind in kinds for name in route.policies[kind.section]]
    return [*named, *(f"{SECTIONS[section].route_key} none: {why}" for section, why in route.waivers.items())]


def _goes_to(route: Route) -> str:
    if route.deny:
        return f"denied: {route.deny}"
    alone = "\ntravels alone" if route.batch == "deny" else ""
    return f"{route.upstream}{' ' + route.rewrite if route.rewrite else ''}{alone}"
