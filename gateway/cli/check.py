"""``gateway check``: would the gateway start with these files? Every problem at once, each with its line."""

from __future__ import annotations

import json as jsonlib
import re
from typing import Annotated

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, load_or_exit, report_and_exit, show_warnings
from gateway.config.checks.coverage import coverage_of
from gateway.config.stand_ins import StandIns
from gateway.config.worker_count import sentence
from gateway.process.descriptors import hard_limit, room
from gateway.process.preflight import preflight


def check(
    config: ConfigPath = DEFAULT_PATH,
    env: Annotated[str, typer.Option("--env", help="Check as this environment, such as production.")] = "",
    placeholders: Annotated[
        bool, typer.Option("--placeholders", help="Fill in variables and files that are not here, as in CI.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Try neither addresses nor names nor the Redis.")] = False,
    json: AsJson = False,
) -> None:
    """Check the configuration. Exit code 0 when the gateway would start with it, 2 with problems; a warning changes neither.

    A note says when the descriptors of a process on this machine carry fewer connections than are written, and how many
    workers ``auto`` is on it. With --placeholders everything but the values that are missing is checked, and a note names them.
    """
    if env and not re.fullmatch(r"[a-z][a-z0-9-]*", env):
        typer.echo("gateway check: --env takes one word in lower case, such as production", err=True)
        raise typer.Exit(2)
    filled = StandIns() if placeholders else None
    loaded = load_or_exit(config, json, env, filled)
    found_here = [] if offline or placeholders else list(preflight(loaded))
    refused = [each.problem for each in found_here if each.refuses]
    if refused:
        report_and_exit(refused, json)
    warned = (*loaded.warnings, *(each.problem for each in found_here))
    counts = {
        "routes": len(loaded.routes),
        "procedures": sum(len(route.procedures) for route in loaded.routes),
        "policies": sum(len(policies) for policies in loaded.policies.values()),
    }
    covered = coverage_of(loaded)
    found = room(loaded, hard_limit())
    notes = [] if found.enough else [f"{found.sentence()} (ulimit -Hn)"]
    workers = sentence(loaded.listen.workers)
    notes += [workers] if workers else []
    if filled is not None and filled.names:
        notes.append(f"filled in, and so not checked: {', '.join(filled.names)}")
    if json:
        files = [str(path) for path in loaded.files]
        about = {"ok": True, "environment": loaded.environment, **counts, "digest": loaded.digest, "files": files}
        warnings = [warning.as_dict() for warning in warned]
        typer.echo(
            jsonlib.dumps(
                {
                    **about,
                    "coverage": covered and covered.as_dict(),
                    "warnings": warnings,
                    "notes": notes,
                    "placeholders": filled.names if filled else [],
                }
            )
        )
        return
    show_warnings(warned)
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    typer.echo(f"ok: {counted}, environment {loaded.environment}, digest {loaded.digest[:12]}")
    if covered is not None:
        typer.echo(f"schemas: {covered}")
    for note in notes:
        typer.echo(f"note: {note}")
