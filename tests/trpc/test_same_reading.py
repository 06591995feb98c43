"""Whatever passes the gateway, the backend's own parsers read as the same procedures, the same input and the same parts.

Requests are changed at the places where parsers differ and go through a whole gateway without sockets. What it sends upstream
is read by llhttp, URL, @trpc/server and superjson in one Node process. Some go the whole way over sockets as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from gateway.core.exchange import Exchange
from gateway.core.superjson import Input
from gateway.policy.base.pointer import MISSING
from tests.fuzz.gateways import ENTRY, FILES, POLICIES
from tests.fuzz.in_process import in_process
from tests.fuzz.near_calls import PROCEDURES, some_call, some_file, some_json
from tests.trpc.peer import ABSENT, Date, readings, value_of

TRIED = 4000


class Passed(NamedTuple):
    """A request that passed: what the client sent, what the upstream got, and what the gateway has read of it."""

    by_client: bytes
    upstream: bytes
    exchange: Exchange

    def inputs(self) -> list[Input]:
        """What the schemas have judged."""
        found: list[Input] = list(self.exchange.checked)  # type: ignore[arg-type]  # a sequence of them
        return found


def passed(some: Callable[[Random], bytes], seed: int, tried: int = TRIED) -> list[Passed]:
    chance, found = Random(seed), []
    with in_process(ENTRY, POLICIES, FILES) as gateway:
        for _ in range(tried):
            by_client = some(chance)
            outcome = gateway.ask(by_client)
            assert outcome.events == [], by_client
            assert len(outcome.sent) <= 1 and not outcome.partial, by_client
            found += [Passed(by_client, upstream, outcome.exchanges[0]) for upstream in outcome.sent]
    return found


def agree(ours: object, theirs: object, date: bool = False) -> bool:
    """Whether a value that a schema has judged is what a procedure gets; ``date``: as a Date of that text."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        there = {name: value for name, value in theirs.items() if value is not ABSENT}
        return ours.keys() == there.keys() and all(agree(ours[name], there[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if isinstance(theirs, Date):
        return date and isinstance(ours, str) and theirs.text is not None
    if ours is MISSING or theirs is ABSENT:
        return ours is MISSING and theirs is ABSENT
    if isinstance(ours, bool) or isinstance(theirs, bool) or not isinstance(ours, int | float):
        return type(ours) is type(theirs) and ours == theirs
    return ours == theirs


def taken_out(value: Any, path: tuple[str, ...]) -> Any:
    """What is at ``path`` of ``value``, which gets null in its place."""
    *above, last = path
    for name in above:
        value = value[int(name) if isinstance(value, list) else name]
    key = int(last) if isinstance(value, list) else last
    found, value[key] = value[key], None
    return found


def same_input(ours: Input, theirs: Any) -> bool:
    """Whether a procedure gets ``theirs`` where the schema has judged ``ours``, each Date at the place of its text."""
    for path in ours.dates:
        if not agree(taken_out(ours.value, path), taken_out(theirs, path), date=True):
            return False
    return agree(ours.value, theirs)


def refused_unread(one: Passed, batch: bool) -> int:
    """The status with which @trpc/server refuses a call before it reads any of it, 0 where it does not."""
    fields = one.exchange.fields
    kind = fields.get(b"content-type", b"").lower().partition(b";")[0].strip()
    if one.exchange.method == "GET" and kind in (b"multipart/form-data", b"application/octet-stream"):
        return 405
    lines = b"application/jsonl"
    accepts = [part.strip() for part in fields.get(b"accept", b"").split(b",")]
    return 400 if not batch and (fields.get(b"trpc-accept") == lines or lines in accepts) else 0


def differs(one: Passed, there: dict[str, Any]) -> str:
    """How the backend reads a request otherwise than the gateway, empty when it does not."""
    if there["error"]:
        return f"it refuses: {there['error']}"
    path = one.upstream.split(b" ", 2)[1].partition(b"?")[0].decode()
    if unquote_to_bytes(there["pathname"]) != unquote_to_bytes(path):
        return "it takes another path"
    names = [call.procedure for call in one.exchange.calls]
    found = there["trpc"]
    if found is None:
        return "it is no call there" if names else ""
    if not found["ran"] and found["status"] == refused_unread(one, found["batch"]):
        return ""
    if [name for name, _ in found["calls"]] != names:
        return f"it calls {[name for name, _ in found['calls']]}"
    if sorted(map(str, found["ran"])) != sorted(map(str, found["calls"])):
        return f"it runs {found['ran']}"
    values = [value_of(shown) for _, shown in found["calls"]]
    return "" if all(map(same_input, one.inputs(), values)) else "it reads another input"


def differences(found: list[Passed]) -> list[str]:
    there = readings(PROCEDURES, [one.upstream for one in found])
    judged = [(one, differs(one, reading), reading) for one, reading in zip(found, there, strict=True)]
    return [f"{how}\n  {one.by_client!r}\n  {one.upstream!r}\n  {reading}" for one, how, reading in judged if how]


def test_the_backend_reads_the_calls_that_the_gateway_has_judged(packages: None) -> None:
    found = passed(some_call, 14)
    assert TRIED / 8 < len(found) < TRIED * 3 / 4  # both are tried: what passes and what is refused
    assert differences(found) == []


def test_the_backend_reads_the_json_that_the_gateway_has_judged(packages: None) -> None:
    found = passed(some_json, 15, TRIED // 4)
    assert TRIED / 32 < len(found) < TRIED * 3 / 16
    assert differences(found) == []
    there = readings(PROCEDURES, [one.upstream for one in found])
    judged = [(one.inputs()[0], value_of(reading["json"])) for one, reading in zip(found, there, strict=True)]
    assert [pair for pair in judged if not same_input(*pair)] == []


# What upstreams are said to overlook: case, a slash at the end, and what is cut off or decoded once more.
CLOSED = re.compile(r"/files/(?:secret(?:[/;?#%\s\0]|$)|key/?$)", re.IGNORECASE).match


def test_the_backend_takes_the_path_that_the_gateway_has_matched(packages: None) -> None:
    found = passed(some_file, 16, TRIED // 2)
    assert TRIED / 16 < len(found) < TRIED * 3 / 8
    assert differences(found) == []
    for one, reading in zip(found, readings(PROCEDURES, [one.upstream for one in found]), strict=True):
        path = unquote(reading["pathname"])
        assert path.startswith(("/files/", "/open/")) and not CLOSED(path) and not CLOSED(unquote(path)), one
