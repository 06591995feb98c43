"""``gateway check``: would the gateway start with these files, and which doors do they leave open? Each with its line."""

from __future__ import annotations

import json as jsonlib
import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from gateway.cli import findings as lines
from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, report_and_exit, show_warnings
from gateway.config.checks.coverage import coverage_of
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.config.reporting import Reporting, reporting
from gateway.config.stand_ins import StandIns
from gateway.config.worker_count import sentence
from gateway.process.descriptors import hard_limit, room
from gateway.process.preflight import preflight
from gateway.review.lint.finding import Finding, Severity
from gateway.review.lint.findings import findings


def check(
    config: ConfigPath = DEFAULT_PATH,
    env: Annotated[str, typer.Option("--env", help="Check as this environment, such as production.")] = "",
    placeholders: Annotated[
        bool, typer.Option("--placeholders", help="Fill in variables and files that are not here, as in CI.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Try neither addresses nor names nor the Redis.")] = False,
    explain: Annotated[
        str,
        typer.Option("--explain", metavar="ID", help="Say what a finding is about; `all`: the page of all of them."),
    ] = "",
    fail_on: Annotated[
        Severity | None,
        typer.Option(
            "--fail-on",
            help="End with exit code 1 for a finding of this severity or a worse one that nobody has accepted.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="The same for any finding and any warning.")] = False,
    shape: Annotated[
        Literal["text", "json", "sarif"], typer.Option("--format", help="For people, for programs, or for code hosts.")
    ] = "text",
    json: AsJson = False,
) -> None:
    """Check the configuration. Exit code 0 when the gateway would start with it, 2 with problems; a warning or a finding
    changes neither, unless --fail-on or --strict asks for 1.

    A note says when the descriptors of a process on this machine carry fewer connections than are written, how many
    workers ``auto`` is on it, and what only reports for how long. With --placeholders everything but the values that are missing
    is checked, and a note names them.
    """
    shape = "json" if json else shape
    if explain:
        lines.explain_and_exit(explain, shape == "json")
    if env and not re.fullmatch(r"[a-z][a-z0-9-]*", env):
        typer.echo("gateway check: --env takes one word in lower case, such as production", err=True)
        raise typer.Exit(2)
    filled = StandIns() if placeholders else None
    loaded = _loaded_or_exit(config, env, filled, shape)
    found_here = [] if offline or placeholders else list(preflight(loaded))
    refused = [each.problem for each in found_here if each.refuses]
    if refused:
        _report_and_exit(refused, shape)
    warned = (*loaded.warnings, *(each.problem for each in found_here))
    now = time.time()
    found = findings(loaded, now)
    if shape == "sarif":
        _show_sarif(found, warned)
    elif shape == "json":
        typer.echo(jsonlib.dumps(_as_dict(loaded, warned, found, filled, now)))
    else:
        _show(loaded, warned, found, filled, now)
    if (strict and (warned or lines.fails(found, Severity.LOW))) or (fail_on and lines.fails(found, fail_on)):
        raise typer.Exit(1)


def _loaded_or_exit(path: Path, environment: str, filled: StandIns | None, shape: str) -> Config:
    loaded = load(path, os.environ, environment=environment, stand_ins=filled)
    if isinstance(loaded, Config):
        return loaded
    _report_and_exit(loaded, shape)


def _report_and_exit(problems: Sequence[Problem], shape: str) -> NoReturn:
    if shape == "sarif":
        _show_sarif((), (), problems)
        raise typer.Exit(2)
    report_and_exit(list(problems), shape == "json")


def _show_sarif(found: Sequence[Finding], warned: Sequence[Problem], problems: Sequence[Problem] = ()) -> None:
    from gateway.process.build import build
    from gateway.review.lint.log import as_sarif

    typer.echo(jsonlib.dumps(as_sarif(build().version, found, warned, problems), indent=1))


def _counts(loaded: Config) -> dict[str, int]:
    return {
        "routes": len(loaded.routes),
        "procedures": sum(len(route.procedures) for route in loaded.routes),
        "policies": sum(len(policies) for policies in loaded.policies.values()),
    }


def _notes(loaded: Config, filled: StandIns | None, now: float) -> list[str]:
    carried = room(loaded, hard_limit())
    notes = [] if carried.enough else [f"{carried.sentence()} (ulimit -Hn)"]
    workers = sentence(loaded.listen.workers)
    notes += [workers] if workers else []
    notes += [f"only reports: {one}{_days_left(one, now)}" for one in reporting(loaded, now)]
    if filled is not None and filled.names:
        notes.append(f"filled in, and so not checked: {', '.join(filled.names)}")
    return notes


def _days_left(one: Reporting, now: float) -> str:
    if one.until is None:
        return ""
    days = (one.until - datetime.fromtimestamp(now, UTC).date()).days
    return ", the last day of it" if days == 0 else f", {days} day{'s' if days > 1 else ''} left"


def _as_dict(
    loaded: Config, warned: Sequence[Problem], found: Sequence[Finding], filled: StandIns | None, now: float
) -> dict[str, Any]:
    covered = coverage_of(loaded)
    return {
        "ok": True,
        "environment": loaded.environment,
        **_counts(loaded),
        "digest": loaded.digest,
        "files": [str(path) for path in loaded.files],
        "coverage": covered and covered.as_dict(),
        "warnings": [warning.as_dict() for warning in warned],
        "findings": [one.as_dict() for one in found],
        "notes": _notes(loaded, filled, now),
        "placeholders": filled.names if filled else [],
    }


def _show(
    loaded: Config, warned: Sequence[Problem], found: Sequence[Finding], filled: StandIns | None, now: float
) -> None:
    show_warnings(warned)
    lines.show(found)
    counted = ", ".join(f"{count} {name}" for name, count in _counts(loaded).items())
    typer.echo(f"ok: {counted}, environment {loaded.environment}, digest {loaded.digest[:12]}")
    covered = coverage_of(loaded)
    if covered is not None:
        typer.echo(f"schemas: {covered}")
    if summed := lines.summary(found):
        typer.echo(summed)
    for note in _notes(loaded, filled, now):
        typer.echo(f"note: {note}")
