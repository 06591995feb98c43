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
from gateway.config.problem import Problem
from gateway.ops.plain import clean
from gateway.policy.schema.compare import Schema
from gateway.review.inputs import ADDED, REMOVED, Change, NoSchemaError, Side, Verdict, names

LARGEST = 1024 * 1024
"""Bytes of one schema file, at most."""

_SHOWN = 400  # characters of an example on a terminal; --json has all of it
_STYLES = {Verdict.TIGHTER: "green", Verdict.ADDED: "green"}

inputs = typer.Typer(no_args_is_help=True, help="The schemas of what procedures and routes take.")

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
    found: dict[str, Change] = {}
    out = console(stderr=True)
    with Comparison() as comparison:
        for name in track(names(old, new), "Comparing", console=out, transient=True, disable=not out.is_terminal):
            if name in old and name in new:
                try:
                    found[name] = comparison.of(old[name], new[name])
                except NoSchemaError as error:
                    file = (after if error.new else before) / name
                    problems.append(Problem(clean(str(file)), 1, 1, "", error.sentence))
            else:
                found[name] = ADDED if name in new else REMOVED
    if problems:
        _refuse(problems, json)
    differing = {name: one for name, one in found.items() if one.verdict != Verdict.SAME}
    if json:
        typer.echo(jsonlib.dumps(_as_json(found, differing)))
    else:
        _print(found, differing)
    raise typer.Exit(1 if differing else 0)


def _folder(path: Path, problems: list[Problem]) -> Mapping[str, Schema]:
    """The schemas of a folder by the names of their files. What cannot be read is added to ``problems``."""
    try:
        files = sorted(each for each in path.iterdir() if each.name.endswith(".json"))
    except OSError as error:
        problems.append(Problem(clean(str(path)), 1, 1, "", f"is no folder that can be read: {error.strerror}"))
        return {}
    if not files:
        hint = "name the folder that holds the files, such as policies/inputs"
        problems.append(Problem(clean(str(path)), 1, 1, "", "holds no schema file (NAME.json)", hint))
    found: dict[str, Schema] = {}
    for file in files:
        try:
            found[file.name] = _schema(file)
        except (OSError, ValueError) as error:
            sentence = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            problems.append(Problem(clean(str(file)), 1, 1, "", sentence))
    return found


def _schema(file: Path) -> Schema:
    """Raises OSError, and ValueError for what is no schema."""
    with file.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"has more than {LARGEST} bytes")
    try:
        value = jsonlib.loads(data.decode(), object_pairs_hook=_members)
    except RecursionError:
        raise ValueError("is nested too deep") from None
    if not isinstance(value, dict | bool):
        raise ValueError("is no schema: that is an object, or true or false")
    return value


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("has a member twice in one object")
    return members


def _refuse(problems: list[Problem], as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(jsonlib.dumps({"ok": False, "problems": [problem.as_dict() for problem in problems]}))
    else:
        show(problems, "nothing was compared")
    raise typer.Exit(2)


def _label(file: str) -> str:
    """What a file is about: the procedure or route, or the query of a route."""
    name = file.removesuffix(".json")
    return f"query of {name.removesuffix('.query')}" if name.endswith(".query") else name


def _as_json(found: Mapping[str, Change], differing: Mapping[str, Change]) -> dict[str, object]:
    def side(one: Side) -> dict[str, object]:
        return {"held": one.held, "example": jsonlib.loads(one.example) if one.example else None}

    return {
        "ok": not differing,
        "loosens": any(one.loosens for one in differing.values()),
        "compared": len(found),
        "differences": [
            {
                "input": _label(name),
                "file": name,
                "verdict": one.verdict,
                "loosens": one.loosens,
                "gained": side(one.gained),
                "lost": side(one.lost),
                "sentence": one.sentence,
            }
            for name, one in differing.items()
        ],
    }


def _print(found: Mapping[str, Change], differing: Mapping[str, Change]) -> None:
    out = console()
    for name, one in differing.items():
        style = _STYLES.get(one.verdict, "red")
        sentence = f"  {clean(one.sentence)}" if one.sentence else ""
        out.print(Text.assemble((f"{one.verdict:<8}", style), clean(_label(name)), sentence), soft_wrap=True)
        for side, about in ((one.gained, "B admits, A refuses"), (one.lost, "A admits, B refuses")):
            if side.example:
                out.print(Text(f"         {about}: {clean(side.example, _SHOWN)}"), soft_wrap=True)
            elif side.held == "unknown" and not one.sentence:
                out.print(Text(f"         {about}: perhaps, it could not be decided"), soft_wrap=True)
            elif side.held == "yes":
                out.print(Text(f"         {about}: something, of which no example was found"), soft_wrap=True)
    counts = {verdict: sum(one.verdict == verdict for one in found.values()) for verdict in Verdict}
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    note = " (unknown counts as looser)" if counts[Verdict.UNKNOWN] else ""
    out.print(Text(f"{len(found)} compared: {counted}{note}"), soft_wrap=True)
