"""``gateway health``: how a running gateway is, and why it is not well."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import ask
from gateway.cli.ops_options import OpsUrl, TokenFile, listener, reported
from gateway.cli.ops_table import failure, print_table, shown

SERVING = ("ok", "degraded")
_STYLES = {"degraded": "yellow", "down": "red"}


def health(
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Show the health over all workers. Exit code 0 when it serves (ok, degraded), 1 when not, 2 without a gateway."""
    with reported("health", json):
        response = ask(listener(ops, token_file, config), "GET", "/health")
        status = response.body.get("status")
        if response.status not in (200, 503) or not isinstance(status, str):
            raise ValueError(f"refused with {response.status}: {response.title}")
    if json:
        typer.echo(jsonlib.dumps(response.body))
    else:
        _print(response.body)
    if status not in SERVING:
        raise typer.Exit(1)


def _print(body: dict[str, Any]) -> None:
    upstreams = {name: _object(one) for name, one in _object(body.get("upstreams")).items()}
    typer.echo(shown(body["status"]))
    for reason in _list(body.get("reasons")):
        typer.echo(f"  {shown(reason)}")
    for line in _failures(upstreams):
        typer.echo(f"  {line}")
    build, config, workers, cpus = (_object(body.get(key)) for key in ("build", "config", "workers", "cpus"))
    facts = [
        f"version {shown(build.get('version'))} {shown(build.get('revision'))[:12]}",
        f"environment {shown(body.get('environment'))}",
        f"digest {shown(config.get('digest'))[:12]}",
        f"loaded {shown(config.get('loaded_at'))}",
        f"workers {shown(workers.get('ready'))} of {shown(workers.get('wanted'))}",
    ]
    if cpus:  # an older gateway does not say
        facts.append(f"processors {shown(cpus.get('usable'))}")
    typer.echo("  ".join(facts))
    for problem in _list(_object(config.get("refused")).get("problems")):
        typer.echo(f"  refused: {shown(problem)}")
    if upstreams:
        rows = [_upstream(name, one) for name, one in upstreams.items()]
        headings = ("UPSTREAM", "STATUS", "BREAKER", "ENDPOINTS", "IN FLIGHT")
        print_table(headings, rows, (_STYLES.get(str(one.get("status")), "") for one in upstreams.values()))
    keys = [
        (policy, key.get("key"), key.get("verified"), key.get("last_verified_at"), _can_go(position, key))
        for policy, listed in _object(body.get("token_keys")).items()
        for position, key in enumerate(map(_object, _list(listed)))
    ]
    if keys:
        print_table(("AUTH", "KEY", "TOKENS VERIFIED", "LAST", "CAN GO"), keys)


def _failures(upstreams: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Of each endpoint that is not healthy, and of each circuit that is not closed, where and how it failed last."""
    for name, one in upstreams.items():
        for each in map(_object, _list(one.get("endpoints"))):
            if not each.get("healthy") and each.get("last_failure"):
                yield f"{shown(name)}, endpoint {shown(each.get('address'))}: {failure(each['last_failure'])}"
        breaker = _object(one.get("breaker"))
        if breaker.get("state") != "closed" and breaker.get("last_failure"):
            yield f"{shown(name)}, breaker {shown(breaker.get('state'))}: {failure(breaker['last_failure'])}"


def _upstream(name: str, one: dict[str, Any]) -> tuple[object, ...]:
    endpoints = [_object(each) for each in _list(one.get("endpoints"))]
    healthy = sum(1 for each in endpoints if each.get("healthy"))
    in_flight = sum(each["in_flight"] for each in endpoints if isinstance(each.get("in_flight"), int))
    state = _object(one.get("breaker")).get("state")
    unreachable = sum(len(_list(each.get("unreachable"))) for each in endpoints)
    addresses = f", {unreachable} address{'es' * (unreachable > 1)} unreachable" if unreachable else ""
    return name, one.get("status"), state, f"{healthy} of {len(endpoints)} healthy{addresses}", str(in_flight)


def _can_go(position: int, key: dict[str, Any]) -> object:
    """For a key behind the first one: whether, or else when. Until a token was seen nobody knows."""
    if position == 0:
        return "signs" if key.get("verified") else None
    if key.get("can_go"):
        return "yes"
    return f"at {shown(key['can_go_at'])}, if it verifies no more" if key.get("can_go_at") else "not known yet"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
