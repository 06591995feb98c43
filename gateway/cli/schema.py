"""``gateway schema``: JSON Schemas of the files, for editors that complete and check while typing."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.load import AsJson
from gateway.config.load import shipped_kinds
from gateway.config.problem import nearest
from gateway.config.schema import schema_of_file, schemas
from gateway.review.policy_tests.language import WrittenFile

Kind = Annotated[str | None, typer.Argument(help="upstreams, tests, or a kind of policy; all names when left out.")]
Folder = Annotated[Path | None, typer.Option("--write", help="Write every schema to a file in this folder.")]


def schema(kind: Kind = None, write: Folder = None, json: AsJson = False) -> None:
    """Print the JSON Schema of the entry file (upstreams), of a policies file, or of a file with policy tests (tests)."""
    found = {**schemas(shipped_kinds()), "tests": schema_of_file(WrittenFile, "Tests of the policies.")}
    if kind is not None and kind not in found:
        typer.echo(f"gateway schema: there is no kind {kind}; {nearest(kind, found)}", err=True)
        raise typer.Exit(2)
    chosen = {kind: found[kind]} if kind else found
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for name, content in chosen.items():
            (write / f"{name}.json").write_text(jsonlib.dumps(content, indent=2) + "\n", encoding="utf-8")
        typer.echo(jsonlib.dumps(sorted(chosen)) if json else f"wrote {len(chosen)} schemas to {write}")
    elif kind:
        typer.echo(jsonlib.dumps(found[kind], indent=None if json else 2))
    else:
        typer.echo(jsonlib.dumps(found) if json else "\n".join(found))
