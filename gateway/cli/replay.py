"""``gateway replay LOG --old A --new B``: which requests of a log another configuration would refuse, and which it would let
pass."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, NoReturn

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, console, show
from gateway.cli.log_files import LogError, LogFiles
from gateway.cli.replay_report import as_json, print_report
from gateway.cli.sides import LoadedSide, SideError, read_side
from gateway.review.replay.replay import Line, Replay

_MOST_SAMPLES = 1000
_AT_ONCE = 2000  # lines between two looks at how far it is

Logs = Annotated[list[str], typer.Argument(metavar="LOG...", help="Files of the log, also .gz; - is standard input.")]
Old = Annotated[str, typer.Option("--old", metavar="A", help="A file, a folder or a git revision: what decided.")]
New = Annotated[str, typer.Option("--new", metavar="B", help="The same: what would decide.")]
Samples = Annotated[
    int, typer.Option("--sample", min=0, max=_MOST_SAMPLES, help="Requests to show of each kind of change.")
]


def replay(
    logs: Logs, old: Old, new: New, json: AsJson = False, sample: Samples = 3, config: ConfigPath = DEFAULT_PATH
) -> None:
    """Judge the requests of a log by two configurations, by the time of the log. No upstream is called.

    Exit code 0 when all fare alike, 1 when some would be refused, pass or go elsewhere, or that cannot be known, 2 when the input
    is wrong.
    """
    try:
        sides = read_side(old, config), read_side(new, config)
        with LogFiles(logs) as files:
            found = _replayed(files, sides, sample)
    except (SideError, LogError) as error:
        _refuse(error, json)
    if not found.tally.requests:
        _refuse(LogError(_without_requests(found)), json)
    if json:
        typer.echo(jsonlib.dumps(as_json(found, files, sides)))
    else:
        print_report(found, files, sides)
    raise typer.Exit(1 if found.tally.changed or found.tally.undecided else 0)


def _replayed(files: LogFiles, sides: tuple[LoadedSide, LoadedSide], samples: int) -> Replay:
    made = Replay(sides[0].config, sides[1].config, samples)
    out = console(stderr=True)
    lines = files.lines()
    if not out.is_terminal:
        made.read(lines)
    else:
        from rich.progress import Progress

        with Progress(console=out, transient=True) as progress:
            task = progress.add_task("Replaying", total=files.size)
            for some in _some(lines):
                made.read(some)
                progress.update(task, completed=files.done)
    made.end()
    return made


def _some(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while some := list(islice(lines, _AT_ONCE)):
        yield some


def _without_requests(found: Replay) -> str:
    unreadable = found.tally.unreadable.total()
    if unreadable:
        why = found.tally.unreadable.most_common(1)[0][0]
        return f"the log has no request of the gateway: of {unreadable} lines that cannot be read, most: {why}"
    return "the log has no request of the gateway"


def _refuse(error: SideError | LogError, as_json: bool) -> NoReturn:
    problems = error.problems if isinstance(error, SideError) else []
    if as_json:
        listed = [problem.as_dict() for problem in problems] or [{"sentence": str(error)}]
        typer.echo(jsonlib.dumps({"ok": False, "problems": listed}))
    elif problems:
        show(problems, f"{error.args[0]}")
    else:
        typer.echo(f"gateway replay: {error}", err=True)
    raise typer.Exit(2)
