"""The door to the commands: ``gateway COMMAND``.

Exit codes: 0 good, 1 the answer is no, 2 the input is wrong.
"""

from __future__ import annotations

import gc
import importlib
import json as jsonlib
import sys
from typing import Annotated

import typer

from gateway.process.build import build as read_build

# Each command is one function in one file, or a group of them. Only the file of the command that is asked for is loaded, so that
# `gateway check` does not wait for the code of a server.
COMMANDS = {
    "run": "gateway.cli.run:run",
    "check": "gateway.cli.check:check",
    "diff": "gateway.cli.diff:diff",
    "routes": "gateway.cli.routes:routes",
    "explain": "gateway.cli.explain:explain",
    "test": "gateway.cli.test:test",
    "schema": "gateway.cli.schema:schema",
    "inputs": "gateway.cli.inputs:inputs",
    "token": "gateway.cli.token:token",
    "unlock": "gateway.cli.unlock:unlock",
    "revoke": "gateway.cli.revoke:revoke",
    "health": "gateway.cli.health:health",
    "breakers": "gateway.cli.breakers:breakers",
    "lockouts": "gateway.cli.lockouts:lockouts",
    "clients": "gateway.cli.clients:clients",
    "whois": "gateway.cli.whois:whois",
    "reload": "gateway.cli.reload:reload",
    "replay": "gateway.cli.replay:replay",
    "demo": "gateway.cli.demo:demo",
}


def build(names: list[str]) -> typer.Typer:
    """The command line with the commands ``names``."""
    app = typer.Typer(
        name="gateway",
        help="An API gateway in front of the tutor backend. Exit codes: 0 good, 1 the answer is no, 2 the input is wrong.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # they print local variables, and a local variable may hold a secret
    )
    app.callback(invoke_without_command=True)(_root)  # without it a single command would lose its name
    for name in names:
        module, _, function = COMMANDS[name].partition(":")
        found = getattr(importlib.import_module(module), function)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and its revision, and end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="With --version: print JSON for programs.")] = False,
) -> None:
    """An API gateway in front of the tutor backend."""
    if version:
        found = read_build()
        shown = {"version": found.version, "revision": found.revision or None}
        typer.echo(jsonlib.dumps(shown) if json else f"gateway {found}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def _built_to_stay(names: list[str]) -> typer.Typer:
    """``build`` for the whole life of this process: the collector of garbage does not look through code and settings that stay
    to the end, which took a quarter of the time of a short command."""
    gc.disable()
    try:
        return build(names)
    finally:
        gc.freeze()
        gc.enable()


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code. Without ``arguments`` they are those of the process."""
    words = sys.argv[1:] if arguments is None else arguments
    chosen = [words[0]] if words and words[0] in COMMANDS else [] if "--version" in words[:2] else list(COMMANDS)
    try:
        app = build(chosen) if arguments is not None else _built_to_stay(chosen)
        app(words, prog_name="gateway")
    except BrokenPipeError:
        sys.exit(0)  # the reader, such as `head`, had enough
    except OSError as error:
        # Commands report expected failures themselves; this is a full disk or a taken port.
        print(f"gateway: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
