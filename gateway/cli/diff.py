"""``gateway diff OLD [NEW]``: which requests a change lets through that were refused before, and what else it does."""

from __future__ import annotations

import contextlib
import json as jsonlib
import sys
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.cli.comparison import Comparison
from gateway.cli.diff_markdown import markdown
from gateway.cli.diff_running import running_review
from gateway.cli.diff_text import print_review
from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, console, show
from gateway.cli.ops_options import OpsUrl, TokenFile, listener, reported
from gateway.cli.sides import LoadedSide, SideError, entry_of, read_side, working_side
from gateway.process.build import build
from gateway.review.diff.as_json import as_json
from gateway.review.diff.as_sarif import as_sarif
from gateway.review.diff.change import Change
from gateway.review.diff.diff import differences
from gateway.review.diff.references import with_references
from gateway.review.diff.renames import rename_notes
from gateway.review.diff.review import Locate, Review, listeners, reviewed
from gateway.review.diff.route_words import route_words


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JSON = "json"


Old = Annotated[str, typer.Argument(metavar="OLD", help="A file, a folder, or a git revision: main, HEAD~1, v1:PATH.")]
New = Annotated[str, typer.Argument(metavar="[NEW]", help="The same; the working files when it is left out.")]


def diff(
    old: Old = "",
    new: New = "",
    running: Annotated[
        bool, typer.Option("--running", help="Compare the files of a running gateway with what it has loaded.")
    ] = False,
    placeholders: Annotated[
        bool,
        typer.Option(
            "--placeholders",
            help="Name the variables and files that are stood in for: no value of them is read at all.",
        ),
    ] = False,
    format: Annotated[Format, typer.Option(help="How to write it: markdown is for a pull request.")] = Format.TEXT,
    config: ConfigPath = DEFAULT_PATH,
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    json: AsJson = False,
) -> None:
    """Say what a change of the files does, by effect: first what lets more through, each with a request that shows it.

    Exit code 0 when nothing loosens that nobody has acknowledged, 1 when something does, 2 with a wrong input. Both sides are
    read as they are written, without the environment: a reference is its default, or stands for itself where it has none.
    """
    chosen = Format.JSON if json else format
    if json and format not in (Format.TEXT, Format.JSON):
        _refuse("--json or --format, not both", chosen)
    if running:
        if old or new or placeholders:
            _refuse("--running compares the files of the gateway itself: name neither OLD nor NEW", chosen)
        with reported("diff", chosen is Format.JSON):
            review = running_review(listener(ops, token_file, config), time.time())
        _write(review, chosen, str, str)
    else:
        if not old:
            _refuse("name what to compare the files with, such as main, or --running", chosen)
        before, after = _sides(old, new, config, chosen)
        review = _review(before, after, placeholders)
        _write(review, chosen, before.at_root, after.at_root)
    raise typer.Exit(1 if review.is_open else 0)


def _sides(old: str, new: str, config: Path, chosen: Format) -> tuple[LoadedSide, LoadedSide]:
    """Both sides. What is wrong with either ends the process, with exit code 2."""
    entry = entry_of(new) or entry_of(old) or config
    sides: list[LoadedSide] = []
    errors: list[SideError] = []
    for read in (
        partial(read_side, old, entry),
        partial(read_side, new, entry) if new else partial(working_side, config),
    ):
        try:
            sides.append(read())
        except SideError as error:
            errors.append(error)
    if errors:
        _refuse_sides(errors, chosen)
    return sides[0], sides[1]


def _review(old: LoadedSide, new: LoadedSide, placeholders: bool) -> Review:
    with _busy(), Comparison() as comparison:
        changes: Sequence[Change] = differences(old.config, new.config, compare_schemas=comparison.of)
    changes = with_references(changes, old.config, new.config, {**old.stand_ins, **new.stand_ins})
    found, notes = reviewed(changes, new.config.acknowledgements, time.time(), old.at, new.at)
    if placeholders:
        names = ", ".join(dict.fromkeys((*old.stand_ins.values(), *new.stand_ins.values())))
        notes = (
            *notes,
            f"compared by their names, not by what is in them: {names}"
            if names
            else "no reference is without a default",
        )
    public, egress = listeners(new.config.listen)
    return Review(
        old=old.name,
        new=new.name,
        changes=found,
        notes=(*rename_notes(old.config, new.config), *notes),
        public=public,
        egress=egress,
        sides=f"Compared: {old.in_words} with {new.in_words}.",
        edited=new.edited(old),
        route_words=route_words(old.config, new.config),
    )


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Show on a terminal that something is under way."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status("Comparing"):
        yield


def _write(review: Review, chosen: Format, old: Locate, new: Locate) -> None:
    match chosen:
        case Format.JSON:
            typer.echo(jsonlib.dumps(as_json(review)))
        case Format.SARIF:
            typer.echo(jsonlib.dumps(as_sarif(review, build().version, old, new)))
        case Format.MARKDOWN:
            typer.echo(markdown(review, time.time()), nl=False)
        case Format.TEXT:
            print_review(review)


def _refuse(sentence: str, chosen: Format) -> NoReturn:
    if chosen is Format.JSON:
        typer.echo(jsonlib.dumps({"ok": False, "error": sentence}))
    typer.echo(f"gateway diff: {sentence}", err=True)
    raise typer.Exit(2)


def _refuse_sides(errors: Sequence[SideError], chosen: Format) -> NoReturn:
    """Say what is wrong with the sides, each by its name."""
    if chosen is Format.JSON:
        problems = [{"side": error.name, **problem.as_dict()} for error in errors for problem in error.problems]
        typer.echo(jsonlib.dumps({"ok": False, "error": "; ".join(map(str, errors)), "problems": problems}))
    for error in errors:
        typer.echo(f"gateway diff: {error}", err=True)
        if error.problems and chosen is not Format.JSON:
            show(error.problems, f"nothing was compared with {error.name}")
    raise typer.Exit(2)
