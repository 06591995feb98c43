"""The findings of ``gateway check`` on a terminal: one a line, how many there are, and what one of them is about."""

from __future__ import annotations

import json as jsonlib
from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

import typer

from gateway.cli.stderr import lossy
from gateway.ops.plain import clean
from gateway.review.lint import page
from gateway.review.lint.finding import Finding, Severity
from gateway.review.lint.findings import ALL_RULES
from gateway.review.lint.table import close_to

ALL = "all"
_LONGEST = 2000  # characters of a line
_COLOURS = {Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: "cyan"}


def show(found: Sequence[Finding]) -> None:
    """Prints the findings that nobody answers for on stderr, one a line: severity, file:line, path, id and sentence, hint."""
    with lossy():
        for one in found:
            if one.accepted is None:
                parts = (one.where, one.path, f"{one.id}: {one.sentence}", one.hint)
                line = "  ".join(clean(part, _LONGEST) for part in parts)
                typer.echo(f"{typer.style(one.severity, _COLOURS[one.severity])}  {line}", err=True)


def summary(found: Sequence[Finding]) -> str:
    """How many there are of each severity, and how many are accepted; empty where there is none at all."""
    counts = Counter(one.severity for one in found if one.accepted is None)
    parts = [f"{counts[severity]} {severity}" for severity in Severity if counts[severity]]
    accepted = sum(one.accepted is not None for one in found)
    parts += [f"{accepted} accepted"] if accepted else []
    more = "; what one is about: gateway check --explain ID" if counts else ""
    return f"findings: {', '.join(parts)}{more}" if parts else ""


def fails(found: Sequence[Finding], on: Severity) -> bool:
    """Whether there is one of the severity ``on`` or a worse one that nobody answers for."""
    return any(one.accepted is None and one.severity.rank <= on.rank for one in found)


def explain_and_exit(name: str, as_json: bool) -> NoReturn:
    """Print what the finding ``name`` is about, or ``all`` of them as the page of the documentation, and end the process:
    with exit code 2 for a name of none."""
    rules = [rule for rule in ALL_RULES if name in (ALL, rule.id)]
    if not rules:
        close = close_to(name)
        meant = f"did you mean {' or '.join(close)}?" if close else "gateway check --explain all shows all of them"
        sentence = f"there is no finding {clean(name)}: {meant}"
        if as_json:
            typer.echo(jsonlib.dumps({"ok": False, "error": sentence, "close": close}))
        typer.echo(f"gateway check: {sentence}", err=True)
        raise typer.Exit(2)
    if as_json:
        shown = [page.as_dict(rule) for rule in rules]
        typer.echo(jsonlib.dumps(shown if name == ALL else shown[0]))
    else:
        typer.echo(page.as_markdown(rules) if name == ALL else page.as_text(rules[0]), nl=False)
    raise typer.Exit(0)
