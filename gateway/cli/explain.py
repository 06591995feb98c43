"""``gateway explain``: what would happen to a request, and why."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from gateway.cli.explanation import lines
from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, load_or_exit
from gateway.cli.ops_options import OpsUrl, TokenFile, reported
from gateway.config.by_reference import Guesses
from gateway.config.model import Config
from gateway.ops.plain import clean
from gateway.review.dry_run.request import ADDRESS, DryRequest
from gateway.review.dry_run.trace import PASS
from gateway.review.explain.explain import explain as explained
from gateway.review.explain.log_lines import line_of
from gateway.review.explain.order import field_of, framed, moment, typed
from gateway.review.explain.recorded import Recorded

EXPLAINING = 30.0  # seconds that a running gateway may take
MOST_BODY = 64 * 1024 * 1024
"""Bytes of a request's body that are read."""

Method = Annotated[str, typer.Argument(help="The method, such as POST.")]
Target = Annotated[str, typer.Argument(help="The target, such as /api/trpc/auth.login?batch=1.")]
Fields = Annotated[
    list[str] | None, typer.Option("--header", "-H", help="A field, such as 'origin: https://a.example'.")
]
Body = Annotated[str, typer.Option("--data", "-d", help="The body, @FILE for that of a file, @- for input.")]
Claims = Annotated[str, typer.Option("--claims", help='Claims of a genuine token as JSON, such as {"sub": "u1"}.')]
Address = Annotated[str, typer.Option("--address", help="The address that the client connects from.")]
At = Annotated[str, typer.Option("--at", help="The time, RFC 3339 or Unix seconds; now unless given.")]
ListenerName = Annotated[str, typer.Option("--listener", help="public or egress.")]
Placeholders = Annotated[bool, typer.Option("--placeholders", help="Fill in variables and files that are not here.")]
RequestId = Annotated[
    str, typer.Option("--request-id", help="A request that was refused, from the log or a running gateway.")
]
LogFile = Annotated[
    str, typer.Option("--log", help="With --request-id: the log, - for input; else the gateway is asked.")
]


def explain(
    method: Method = "",
    target: Target = "",
    header: Fields = None,
    data: Body = "",
    claims: Claims = "",
    address: Address = ADDRESS,
    at: At = "",
    listener: ListenerName = "public",
    request_id: RequestId = "",
    log: LogFile = "",
    placeholders: Placeholders = False,
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Show the route of a request, what each of its stages decides, and the response. Exit code 0 when it passes, 1 when it is refused, 2 with a wrong input.

    The files are compiled as `gateway run` does it, with an empty store: no limit is spent, nothing is written or connected to.
    With --request-id it is a request that was refused, from a --log or from the running gateway.
    """
    with reported("explain", json):
        if bool(request_id) == bool(method):
            raise ValueError("name a METHOD and a TARGET, or a --request-id")
        if request_id:
            found = _refused(request_id, log, placeholders, ops, token_file, config, json)
        else:
            order = _order(method, target, header or [], data, claims, address, listener)
            found = _explained(order, moment(at, time.time()), placeholders, config, json)
    typer.echo(jsonlib.dumps(found) if json else "\n".join(lines(found)))
    if found["verdict"] != PASS:
        raise typer.Exit(1)


def _order(
    method: str, target: str, header: list[str], data: str, claims: str, address: str, listener: str
) -> DryRequest:
    fields = tuple(field_of(text) for text in header)
    body = _body(data)
    if listener not in ("public", "egress"):
        raise ValueError("--listener is public or egress")
    return DryRequest(
        method,
        target,
        typed(fields, body),
        framed(fields, body),
        address,
        _claims(claims),
        cast(Literal["public", "egress"], listener),
    )


def _body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode("utf-8", "surrogateescape")
    try:
        if data == "@-":
            octets = sys.stdin.buffer.read(MOST_BODY + 1)
        else:
            with open(data[1:], "rb") as file:
                octets = file.read(MOST_BODY + 1)
    except OSError as error:
        raise ValueError(f"--data {data} cannot be read: {error.strerror}") from None
    if len(octets) > MOST_BODY:
        raise ValueError(f"--data {data} is larger than {MOST_BODY // 2**20} MiB")
    return octets


def _claims(text: str) -> dict[str, object] | None:
    if not text:
        return None
    try:
        found = jsonlib.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError('--claims must be a JSON object, such as {"sub": "u1"}')
    return found


def _explained(request: DryRequest, at: float, placeholders: bool, config: Path, json: bool) -> dict[str, Any]:
    filled = Guesses() if placeholders else None
    found = explained(_loaded(config, json, filled), request, at).as_dict()
    if filled is not None and filled.names:
        found["notes"].append(f"filled in: {', '.join(filled.names)}")
    return found


def _loaded(config: Path, json: bool, filled: Guesses | None) -> Config:
    loaded = load_or_exit(config, json, "", filled)
    if filled is not None and filled.unfit:
        raise ValueError(f"nothing can stand in for {', '.join(map(clean, filled.unfit))}: set it")
    return loaded


def _refused(
    request_id: str, log: str, placeholders: bool, ops: str, token_file: str, config: Path, json: bool
) -> dict[str, Any]:
    """The refusal of that id: from the ``log``, with the files as they are, or from the running gateway, with its own."""
    if not log:
        from gateway.cli.ops_client import ask, expect  # which takes longer to load than an explanation to make
        from gateway.cli.ops_options import listener as listener_of

        return expect(
            ask(listener_of(ops, token_file, config), "POST", "/v1/explain", {"request_id": request_id}, EXPLAINING)
        )
    line = _line(log, request_id)
    loaded = _loaded(config, json, Guesses() if placeholders else None)
    return Recorded(loaded, time.time()).explanation(line).as_dict()


def _line(log: str, request_id: str) -> dict[str, Any]:
    try:
        file = sys.stdin.buffer if log == "-" else open(log, "rb")  # noqa: SIM115  # closed below
        with file:
            found = line_of(file, request_id)
    except OSError as error:
        raise ValueError(f"--log {log} cannot be read: {error.strerror}") from None
    if found is None:
        raise ValueError(f"no request of the id {clean(request_id)} is in {log}")
    return found
