"""The door to the commands: ``gateway COMMAND``.

Exit codes: 0 good, 1 the answer is no, 2 the input is wrong.
"""

from __future__ import annotations

import importlib
import sys

import typer

# Each command is one function in one file. Only the file of the command that is asked for is loaded, so that
# `gateway check` does not wait for the code of a server.
COMMANDS = {
    "run": "gateway.cli.run:run",
    "check": "gateway.cli.check:check",
    "routes": "gateway.cli.routes:routes",
    "schema": "gateway.cli.schema:schema",
    "token": "gateway.cli.token:token",
    "unlock": "gateway.cli.unlock:unlock",
    "revoke": "gateway.cli.revoke:revoke",
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
    app.callback()(_root)  # without it a single command would lose its name
    for name in names:
        module, _, function = COMMANDS[name].partition(":")
        app.command(name)(getattr(importlib.import_module(module), function))
    return app


def _root() -> None:
    """An API gateway in front of the tutor backend."""


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    chosen = [words[0]] if words and words[0] in COMMANDS else list(COMMANDS)
    try:
        build(chosen)(words, prog_name="gateway")
    except BrokenPipeError:
        sys.exit(0)  # the reader, such as `head`, had enough
    except OSError as error:
        # Commands report expected failures themselves; this is a full disk or a taken port.
        print(f"gateway: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
