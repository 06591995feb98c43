"""The shipped files in an editor: each is wired to its JSON Schema, which completes, explains and checks while somebody types."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.policy.kinds import SECTIONS
from tests.editors.language_server import ROOT, LanguageServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICIES = sorted(path.name for path in (ROOT / "policies").glob("*.yaml"))
TESTS = sorted(path.name for path in (ROOT / "policies" / "tests").glob("*.yaml"))
SCHEMAS = {
    "upstreams.yaml": "policies/editor/upstreams.json",
    **{f"policies/{name}": f"editor/{Path(name).stem}.json" for name in POLICIES},
    **{f"policies/tests/{name}": "../editor/tests.json" for name in TESTS},
}
NUMBERS = count()
WIRED = "# yaml-language-server: $schema="


class Typed(NamedTuple):
    """A text with the cursor in it, written as ``|``."""

    file: str
    text: str


KEYS = [
    (Typed("upstreams.yaml", "lis|"), "listen", "The public listener"),
    (Typed("upstreams.yaml", "listen:\n  wor|"), "workers", "Processes that share the port"),
    (Typed("upstreams.yaml", "routes:\n  - name: a\n    lock|"), "lockout", "Counts wrong guesses"),
    (Typed("upstreams.yaml", "upstreams:\n  a:\n    timeouts:\n      res|"), "response", "to the head of the response"),
    (Typed("policies/auth.yaml", "auth:\n  a:\n    lee|"), "leeway", "clocks of the two machines"),
    (Typed("policies/bodies.yaml", "bodies:\n  a:\n    query:\n      par|"), "parameters", "at most"),
    (Typed("policies/lockouts.yaml", "lockouts:\n  a:\n    every|"), "everywhere", "over many addresses"),
    (Typed("policies/uploads.yaml", "uploads:\n  a:\n    parts:\n      b:\n        req|"), "required", "is refused"),
    (Typed("policies/tests/new.yaml", "tests:\n  - name: a\n    exp|"), "expect", "has to come of the last"),
    (Typed("policies/tests/new.yaml", "tests:\n  - name: a\n    request:\n      cla|"), "claims", "a token"),
    (Typed("policies/tests/new.yaml", "tests:\n  - name: a\n    steps:\n      - aft|"), "after", "the clock moves"),
]
WRITTEN = [
    (Typed("upstreams.yaml", "listen:\n  |workers: 2"), "Processes that share the port"),
    (Typed("upstreams.yaml", "routes:\n  - name: a\n    |lockout: accounts"), "Counts wrong guesses"),
    (Typed("policies/rate_limits.yaml", "rate_limits:\n  a: {|limit: 5/minute}"), "The lasting rate"),
    (Typed("policies/cors.yaml", "cors:\n  a: {|credentials: true}"), "Whether browsers send cookies"),
    (Typed("policies/tests/new.yaml", "tests:\n  - |repeat: 6"), "How many times"),
    (Typed("policies/tests/new.yaml", "tests:\n  - expect: {verdict: |rate_limited}"), "Too many requests. Try again"),
]
VALUES = [
    (Typed("upstreams.yaml", "routes:\n  - name: a\n    batch: |"), ["allow", "deny"]),
    (Typed("policies/cors.yaml", "cors:\n  a:\n    no_origin: |"), ["allow", "refuse"]),
    (Typed("policies/rate_limits.yaml", "rate_limits:\n  a:\n    mode: |"), ["enforce", "report"]),
    (Typed("policies/breakers.yaml", "breakers:\n  a:\n    count:\n      - |"), ["connect", "timeout", "broken"]),
    (Typed("policies/tests/new.yaml", "tests:\n  - expect:\n      verdict: |"), ["pass", "rate_limited"]),
    (Typed("policies/tests/new.yaml", "tests:\n  - upstream:\n      fails: |"), ["connect", "stalled"]),
]
MISTAKES = [
    ("upstreams.yaml", "version: 1\nrouts: []\n", 2, "Property routs is not allowed."),
    ("upstreams.yaml", "version: 1\nroutes:\n  - {name: a, batch: yes}\n", 3, '"allow", "deny"'),
    ("policies/rate_limits.yaml", "rate_limits:\n  a: {limit: 5/fortnight, key: [address]}\n", 2, "pattern"),
    ("policies/cors.yaml", "cors:\n  a: {origins: [], no_orign: allow}\n", 2, "Property no_orign is not allowed."),
    ("policies/auth.yaml", "auth:\n  a: {algorithms: [HS256]}\n", 2, 'Missing property "kind".'),
    ("policies/tests/new.yaml", "tests:\n  - {name: a, expect: {verdict: rate_limitd}}\n", 2, '"rate_limited"'),
    ("policies/tests/new.yaml", "tests:\n  - {name: a, requests: {}}\n", 2, "Property requests is not allowed."),
]


def wired(file: str, text: str) -> str:
    return f"{WIRED}{SCHEMAS.get(file, '../editor/tests.json')}\n{text}"


def beside(file: str) -> str:
    """A file in the folder of ``file`` that was not opened yet."""
    return str(Path(file).with_name(f"typed-{next(NUMBERS)}.yaml"))


async def cursor(server: LanguageServer, typed: Typed, what: str) -> Any:
    """What the server says to ``what`` where the cursor is."""
    text, name = wired(typed.file, typed.text), beside(typed.file)
    before = text.partition("|")[0]
    server.open(name, text.replace("|", ""))
    return await server.at(what, name, before.count("\n"), len(before) - before.rfind("\n") - 1)


async def messages(server: LanguageServer, file: str, text: str) -> list[tuple[int, str]]:
    """Line and sentence of what the server finds wrong with ``text`` in the folder of ``file``."""
    async with asyncio.timeout(30):
        found = await server.open(beside(file), text)
    return [(one["range"]["start"]["line"] + 1, one["message"]) for one in found]


async def test_every_file_is_here() -> None:
    assert set(POLICIES) == {f"{section}.yaml" for section in SECTIONS}


@pytest.mark.parametrize("file", SCHEMAS)
async def test_a_shipped_file_is_wired_by_its_first_line(file: str, server: LanguageServer) -> None:
    text = (ROOT / file).read_text()
    assert text.startswith(f"{WIRED}{SCHEMAS[file]}\n")
    good, bad = await asyncio.gather(messages(server, file, text), messages(server, file, f"{text}nonsense: 1\n"))
    assert good == []
    assert bad == [(text.count("\n") + 1, "Property nonsense is not allowed.")]


@pytest.mark.parametrize(("typed", "key", "text"), KEYS, ids=lambda value: getattr(value, "file", value))
async def test_a_key_is_completed_with_its_text(typed: Typed, key: str, text: str, server: LanguageServer) -> None:
    offered = {item["label"]: item for item in (await cursor(server, typed, "completion"))["items"]}
    assert key in offered and text in str(offered[key]["documentation"])


@pytest.mark.parametrize(("typed", "text"), WRITTEN, ids=lambda value: getattr(value, "file", ""))
async def test_what_is_written_is_explained(typed: Typed, text: str, server: LanguageServer) -> None:
    assert text in (await cursor(server, typed, "hover"))["contents"]["value"]


@pytest.mark.parametrize(("typed", "values"), VALUES, ids=lambda value: getattr(value, "file", ""))
async def test_a_value_is_completed(typed: Typed, values: list[str], server: LanguageServer) -> None:
    offered = [item["label"] for item in (await cursor(server, typed, "completion"))["items"]]
    assert [value for value in values if value not in offered] == []


async def test_a_verdict_is_explained(server: LanguageServer) -> None:
    typed = Typed("policies/tests/new.yaml", "tests:\n  - expect:\n      verdict: |")
    offered = {item["label"]: item for item in (await cursor(server, typed, "completion"))["items"]}
    assert "Too many requests. Try again" in str(offered["rate_limited"]["documentation"])


@pytest.mark.parametrize(("file", "text", "line", "sentence"), MISTAKES)
async def test_a_mistake_is_marked_while_typing(
    file: str, text: str, line: int, sentence: str, server: LanguageServer
) -> None:
    found = await messages(server, file, wired(file, text))
    assert [where for where, message in found if sentence in message] == [line + 1], found
