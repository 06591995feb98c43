"""``gateway whois``: whose a hash of the log is, and what the gateway holds against somebody."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath
from gateway.cli.ops_client import OpsListener, ask, expect, user_name
from gateway.cli.ops_options import By, OpsUrl, TokenFile, listener, reported
from gateway.cli.ops_table import print_table, shown
from gateway.ops.api.order import LONGEST

NAMES_AT_ONCE = 100  # of one request, whose body has a bound, and so many characters of them all:
CHARACTERS_AT_ONCE = 8_000

Hash = Annotated[str, typer.Option("--hash", help="A hash from the log (12 digits) or the list of locks (32).")]
Among = Annotated[str, typer.Option(help="With --hash: a file of names, one a line, that it may be of; - for input.")]


def whois(
    account: Annotated[str, typer.Option(help="The account as it signs in, such as a@b.c.")] = "",
    subject: Annotated[str, typer.Option(help="The claim sub of the tokens.")] = "",
    session: Annotated[str, typer.Option(help="The claim sid of the tokens.")] = "",
    address: Annotated[str, typer.Option(help="The client's address.")] = "",
    hashed: Hash = "",
    among: Among = "",
    by: By = "",
    ops: OpsUrl = "",
    token_file: TokenFile = "",
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Show under which hashes somebody is in the log, and their locks, revocations and limits; or whose a --hash is.

    Exit code 0, 1 when none of the names has the hash, 2 with a wrong input or without a gateway.
    """
    named = {"account": account, "subject": subject, "session": session, "address": address}
    order: dict[str, Any] = {key: value for key, value in {**named, "by": by or user_name()}.items() if value}
    with reported("whois", json):
        if bool(hashed) == any(named.values()) or bool(hashed) != bool(among):
            raise ValueError(
                "name an --account, --subject, --session or --address, or a --hash and names with --among FILE"
            )
        gateway = listener(ops, token_file, config)
        if hashed:
            found = {"hash": hashed, "names": _names_of(gateway, hashed, among, str(order.get("by", "")))}
        else:
            found = expect(ask(gateway, "POST", "/v1/whois", order))
    if json:
        typer.echo(jsonlib.dumps(found))
    elif hashed:
        typer.echo("\n".join(map(shown, found["names"])) or "none of the names has this hash")
    else:
        _print(found)
    if hashed and not found["names"]:
        raise typer.Exit(1)


def _names_of(gateway: OpsListener, hashed: str, among: str, by: str) -> list[str]:
    """The names in the file ``among`` that have the hash. The gateway compares: the key of the hashes stays there."""
    found: list[str] = []
    for names in _batches(among):
        order = {"hash": hashed, "names": names, **({"by": by} if by else {})}
        found += expect(ask(gateway, "POST", "/v1/whois", order)).get("names", [])
    return found


def _batches(among: str) -> Iterator[list[str]]:
    try:
        file = sys.stdin if among == "-" else open(among, encoding="utf-8-sig")  # noqa: SIM115  # closed below
    except OSError as error:
        raise ValueError(f"--among {among} cannot be read: {error.strerror}") from None
    with file:
        batch: list[str] = []
        for line in file:
            name = line.strip()
            if 0 < len(name) <= LONGEST:  # nobody is named by more
                batch.append(name)
            if len(batch) == NAMES_AT_ONCE or sum(map(len, batch)) > CHARACTERS_AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch


def _print(found: dict[str, Any]) -> None:
    for kind, name in found["log"].items():
        field = "principal" if kind == "subject" else kind
        typer.echo(f"in the log  {field} {shown(name)}")
    if found.get("client"):
        typer.echo(f"in gateway clients  {shown(found['client'])}")
    locks = [
        (row["lockout"], row["kind"], row["who"], row["locked"], row.get("until"), row.get("failures"))
        for row in found["locks"]
    ]
    if locks:
        print_table(("LOCKOUT", "KIND", "WHO", "LOCKED", "UNTIL", "FAILURES"), locks, _red(row[3] for row in locks))
    for row in found["revocations"]:
        typer.echo(f"revoked  {shown(row['kind'])} since {shown(row['since'])} until {shown(row['until'])}")
    limits = [
        (row["limit"], ", ".join(row["key"]), f"{row['remaining']} of {row['burst']}", f"{row['full_in_s']:g}")
        for row in found["limits"]
    ]
    if limits:
        used_up = _red(row["remaining"] < 1 for row in found["limits"])
        print_table(("LIMIT", "COUNTED BY", "LEFT", "FULL IN S"), limits, used_up)


def _red(marked: Iterator[bool]) -> list[str]:
    return ["red" if one else "" for one in marked]
