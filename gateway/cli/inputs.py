"""``gateway inputs diff A B``: where two folders of input schemas differ in what they admit."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.progress import track
from rich.text import Text

from gateway.cli.comparison import Comparison
from gateway.cli.load import AsJson, console, show
from gateway.config.file_bytes import read_bytes
from gateway.config.problem import Problem
from gateway.ops.plain import clean
from gateway.policy.schema import document
from gateway.policy.schema.compare import Exists, JsonSchema
from gateway.policy.schema.files import read_files
from gateway.policy.schema.settings import QUERY, SUFFIX, SchemaFiles, Settings
from gateway.review.inputs import ADDED, REMOVED, Direction, SchemaChange, Side, names

_SHOWN = 400  # characters of an example on a terminal; --json has all of it
_STYLES = {Direction.TIGHTER: "green", Direction.ADDED: "green"}

inputs = typer.Typer(no_args_is_help=True)

Before = Annotated[Path, typer.Argument(metavar="A", help="The folder of schema files as it was.")]
After = Annotated[Path, typer.Argument(metavar="B", help="The folder as it is to be.")]


@inputs.callback()
def _group() -> None:
    """The schemas of what procedures and routes take."""


@inputs.command()
def diff(before: Before, after: After, json: AsJson = False) -> None:
    """Say where two folders of schema files differ in what they admit, each with an input that shows it.

    Exit code 0 when both admit the same, 1 when not. What cannot be decided is unknown, and counts as looser.
    """
    problems: list[Problem] = []
    old, new = (_folder(path, problems) for path in (before, after))
    if problems:
        _refuse(problems, json)
    found: dict[str, SchemaChange] = {}
    out = console(stderr=True)
    with Comparison() as comparison:
        for name in track(names(old, new), "Comparing", console=out, transient=True, disable=not out.is_terminal):
            if name in old and name in new:
                found[name] = comparison.of(old[name], new[name])
            else:
                found[name] = ADDED if name in new else REMOVED
    differing = {name: one for name, one in found.items() if one.direction != Direction.SAME}
    if json:
        typer.echo(jsonlib.dumps(_as_json(found, differing)))
    else:
        _print(found, differing)
    raise typer.Exit(1 if differing else 0)


def _folder(path: Path, problems: list[Problem]) -> Mapping[str, JsonSchema]:
    """The schemas of a folder by the names of their files, without ``.json``. What is wrong is added to ``problems``."""
    if not path.is_dir():
        problems.append(Problem(clean(str(path)), 1, 1, "", "is no folder"))
        return {}
    settings, flaws = read_files(Settings(files=SchemaFiles("*.json")), path, read_bytes)
    for flaw in flaws:
        if not flaw.warning:
            file, hint = flaw.file or str(path), flaw.hint if flaw.file else "name the folder that holds NAME.json"
            problems.append(Problem(clean(file), flaw.line or 1, flaw.column or 1, "", clean(flaw.sentence), hint))
    if problems:
        return {}
    read = {name: document.read(octets)[1] for name, octets in settings.files.contents.items()}
    return {name: schema for name, schema in read.items() if isinstance(schema, dict | bool)}


def _refuse(problems: list[Problem], as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(jsonlib.dumps({"ok": False, "problems": [problem.as_dict() for problem in problems]}))
    else:
        show(problems, "nothing was compared")
    raise typer.Exit(2)


def _label(name: str) -> str:
    """What a file is about: the procedure or route, or the query of a route."""
    return f"query of {name.removesuffix(QUERY)}" if name.endswith(QUERY) else name


def _as_json(found: Mapping[str, SchemaChange], differing: Mapping[str, SchemaChange]) -> dict[str, object]:
    def side(one: Side) -> dict[str, object]:
        return {"exists": one.exists, "example": jsonlib.loads(one.example) if one.example else None}

    return {
        "ok": not differing,
        "loosens": any(one.loosens for one in differing.values()),
        "compared": len(found),
        "differences": [
            {
                "input": _label(name),
                "file": f"{name}{SUFFIX}",
                "verdict": one.direction,
                "loosens": one.loosens,
                "gained": side(one.gained),
                "lost": side(one.lost),
                "sentence": one.sentence,
            }
            for name, one in differing.items()
        ],
    }


def _print(found: Mapping[str, SchemaChange], differing: Mapping[str, SchemaChange]) -> None:
    out = console()
    for name, one in differing.items():
        style = _STYLES.get(one.direction, "red")
        sentence = f"  {clean(one.sentence)}" if one.sentence else ""
        out.print(Text.assemble((f"{one.direction:<8}", style), clean(_label(name)), sentence), soft_wrap=True)
        for side, about in ((one.gained, "B admits, A refuses"), (one.lost, "A admits, B refuses")):
            if side.example:
                out.print(Text(f"         {about}: {clean(side.example, _SHOWN)}"), soft_wrap=True)
            elif side.exists == Exists.UNKNOWN and not one.sentence:
                out.print(Text(f"         {about}: perhaps, it could not be decided"), soft_wrap=True)
            elif side.exists == Exists.YES:
                out.print(Text(f"         {about}: something, of which no example was found"), soft_wrap=True)
    counts = {direction: sum(one.direction == direction for one in found.values()) for direction in Direction}
    counted = ", ".join(f"{count} {direction}" for direction, count in counts.items() if count)
    note = " (unknown counts as looser)" if counts[Direction.UNKNOWN] else ""
    out.print(Text(f"{len(found)} compared: {counted}{note}"), soft_wrap=True)
