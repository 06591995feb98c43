"""Shared by every command that reads the configuration: its options, and the output of problems."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway.cli.stderr import lossy
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.config.stand_ins import StandIns

if TYPE_CHECKING:  # it takes longer to load than the rest of a command, and most commands paint nothing
    from rich.console import Console

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The entry file.", envvar="GATEWAY_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

DEFAULT_PATH = Path("upstreams.yaml")
WIDE = 200  # columns when the output is no terminal: a program that reads lines needs them unfolded


def console(stderr: bool = False) -> Console:
    """A console that neither folds the lines of a pipe nor guesses markup in what people wrote."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDE
    return made


def load_or_exit(path: Path, as_json: bool, environment: str = "", stand_ins: StandIns | None = None) -> Config:
    """The configuration; with problems they are printed and the process ends with exit code 2. ``environment`` and
    ``stand_ins`` are those of ``config.load.load``."""
    loaded = load(path, os.environ, environment=environment, stand_ins=stand_ins)
    if isinstance(loaded, Config):
        return loaded
    report_and_exit(loaded, as_json)


def report_and_exit(problems: list[Problem], as_json: bool) -> NoReturn:
    """Print why the gateway would not start, and end the process with exit code 2."""
    if as_json:
        typer.echo(json.dumps({"ok": False, "problems": [problem.as_dict() for problem in problems]}))
    else:
        show(problems)
    raise typer.Exit(2)


def show(problems: list[Problem], verdict: str = "the gateway would not start") -> None:
    """Prints problems one a line, as ``file:line:column  path  sentence  hint``, how many there are, and the ``verdict``."""
    count = len(problems)
    with lossy():
        out = console(stderr=True)
        _print(problems, "", out)
        out.print(f"{count} problem{'s' if count > 1 else ''}: {verdict}")


def show_warnings(warnings: Sequence[Problem]) -> None:
    """Prints warnings one a line, as ``warning  file:line:column  path  sentence  hint``."""
    if not warnings:
        return  # and rich is not loaded
    with lossy():
        _print(warnings, "warning", console(stderr=True))


def _print(problems: Sequence[Problem], label: str, out: Console) -> None:
    from rich.text import Text

    for problem in problems:
        spot = f"{problem.file}:{problem.line}:{problem.column}"
        parts = [
            Text(label, "yellow"),
            Text(spot, "cyan"),
            Text(problem.path, "bold"),
            Text(problem.sentence, "red"),
            Text(problem.hint, "green"),
        ]
        out.print(Text("  ").join(part for part in parts if part.plain), soft_wrap=True)
