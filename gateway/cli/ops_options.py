"""Shared by the commands of operators: which gateway they are for, its token, and the output of what went wrong."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.load import show
from gateway.cli.stderr import write_line
from gateway.config.checks.production import is_private_host
from gateway.config.ops_settings import load_ops
from gateway.config.problem import Problem
from gateway.core.secret import Secret
from gateway.ops.plain import clean

if TYPE_CHECKING:  # it loads clients of HTTP and TLS, and not every command with these options asks a gateway
    from gateway.cli.ops_client import OpsListener

LONGEST_TOKEN = 4096  # bytes

TOKEN_VARIABLE = "GATEWAY_OPS_TOKEN"  # the name of a variable, no secret

OpsUrl = Annotated[
    str,
    typer.Option(
        "--ops",
        envvar="GATEWAY_OPS_URL",
        help="The operators' listener, such as http://127.0.0.1:9090. No file of the configuration is read then.",
    ),
]
TokenFile = Annotated[
    str,
    typer.Option(
        envvar="GATEWAY_OPS_TOKEN_FILE",
        help="A file with the operators' token, - for standard input. Or set GATEWAY_OPS_TOKEN.",
    ),
]
By = Annotated[str, typer.Option(help="Who asks, for the log. The default is the user of this shell.")]


class OpsUnknown(ValueError):
    """The files do not say which listener: their ``problems``."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("the files do not say which operators' listener: name it with --ops URL --token-file FILE")
        self.problems = problems


def listener(ops: str, token_file: str, config: Path, env: Mapping[str, str] = os.environ) -> OpsListener:
    """The listener at ``ops``, or else that of the entry file ``config``. The token is that of ``token_file``, or of the
    environment with ``ops``, or of ``config``. Raises ValueError with a sentence that repeats no token, and OpsUnknown."""
    from gateway.cli.ops_client import OpsListener, listener_at

    token = read_token(token_file) if token_file else None
    if ops:
        found = listener_at(ops, token or _checked(env.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE))
        if found.token and not found.tls and not is_private_host(found.host):
            write_line(
                f"warning: the token goes to {clean(found.host)} in clear: write https://, or use a tunnel (ssh -L)"
            )
        return found
    loaded = load_ops(config, env)
    if isinstance(loaded, list):
        raise OpsUnknown(loaded)
    if not loaded.port:
        raise ValueError("ops.port is 0, so only the run knows which one it has: name it with --ops URL")
    own = loaded.token.reveal() if loaded.token and token is None else ""
    return replace(OpsListener.of(loaded), token=token or _checked(own, "ops.token"))


def read_token(name: str) -> Secret:
    """The token in the file ``name``, one line end stripped. Raises ValueError, which never repeats what is in it."""
    try:
        if name == "-":
            octets = sys.stdin.buffer.read(LONGEST_TOKEN + 1)
        else:
            with open(name, "rb") as file:
                octets = file.read(LONGEST_TOKEN + 1)
    except OSError as error:
        raise ValueError(f"--token-file {name} cannot be read: {error.strerror}") from None
    token = _checked(octets.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1"), f"--token-file {name}")
    if token is None:
        raise ValueError(f"--token-file {name} is empty")
    return token


def _checked(token: str, where: str) -> Secret | None:
    """``token``, None where it is empty. Raises ValueError for one that no field can carry: http.client would quote it."""
    if len(token) > LONGEST_TOKEN:
        raise ValueError(f"{where} is no token: it is longer than {LONGEST_TOKEN} bytes")
    if any(not "!" <= letter <= "~" for letter in token):
        hint = "a blank, a line end inside, a byte order mark or a letter outside ASCII"
        raise ValueError(f"{where} holds what no token has: {hint}")
    return Secret(token) if token else None


@contextmanager
def reported(command: str, as_json: bool) -> Iterator[None]:
    """End the process with exit code 2 and a sentence where the block raises ValueError."""
    try:
        yield
    except ValueError as error:
        problems = error.problems if isinstance(error, OpsUnknown) else []
        if as_json:
            listed = {"problems": [problem.as_dict() for problem in problems]} if problems else {}
            typer.echo(jsonlib.dumps({"ok": False, "error": str(error), **listed}))
        else:
            if problems:
                show(problems, "the operators' listener is not known")
            typer.echo(f"gateway {command}: {error}", err=True)
        raise typer.Exit(2) from None
