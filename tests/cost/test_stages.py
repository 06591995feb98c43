"""Each stage of each kind of policy, with each field, query, body and path that it reads made of each awkward text in turn."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from ipaddress import ip_network
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from gateway.core.exchange import Call, Exchange, WholeResponse
from gateway.core.path import Ambiguous, canonical
from gateway.core.query import canonical_query
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.fallback.stale import Stale, StoredResponses
from gateway.policy.kinds import KINDS, Kind
from gateway.policy.schema.settings import SchemaFiles
from gateway.state.memory.store import MemoryStore
from tests.cost.awkward import ALL, BODY, HEAD, filled, slow

SECRET = "a-test-secret-of-more-than-32-bytes!"

SCHEMA = b"""{
  "type": "object",
  "properties": {"email": {"format": "email"}, "p": {"type": "string"}, "x": {"items": {"type": "string"}}},
  "required": ["email"]
}"""

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "identity": [{}],
    "client": [{}],
    "response_headers": [{}],
    "in_flight": [{}],
    "cors": [
        {"origins": ["https://a.app", "https://*.a.app"], "credentials": True},
        {"origins": ["*"], "no_origin": "refuse"},
    ],
    "rate_limit": [
        {"limit": "1000000/second", "key": ["address"]},
        {"limit": "1000000/second", "key": ["network", "principal", "route", "header:x-device"]},
        {"limit": "1000000/second", "key": ["input:/email"]},
        {"limit": "1000000/second", "key": ["input:/a/0/b", "input:/email", "address"]},
    ],
    "auth": [{"kind": "jwt", "algorithms": ["HS256"], "secret": SECRET, "max_bytes": HEAD}],
    "body": [{"max": "64KiB", "types": ["application/json", "multipart/form-data", "audio/*"]}, {}],
    "upload": [{"parts": {"audio": {"types": ["audio/wav"], "max": "1MB"}, "language": {"max": 16}}}],
    "schema": [{"files": SchemaFiles("*.json", dict.fromkeys(("auth.login", "login", "login.query"), SCHEMA))}],
    "lockout": [
        {"account": "/email", "failures": 1000},
        {"account": "/email", "failures": 1000, "scope": "account+address", "address": None},
    ],
}
"""What policies of each kind are swept with. A new kind has its line here, or one below."""

OF_UPSTREAMS = {
    "concurrency": "reads nothing of a request: it counts calls",
    "breaker": "reads nothing of a request and the status of a response",
    "fallback": "has no stage: the last test of this file",
}
"""Kinds without a stage of their own, and why there is nothing to sweep or where it is done."""

# Where an awkward text stands in the value of a field, beside the whole of it.
AROUND = (
    ("", ""), ('application/json;,"', ""), ("application/json;", ","), ("https://", ".a.app"), ("Bearer ", ""),
    ("Bearer eyJ.", ".x"), ("audio/", ""), ("identity", ""), ("", ",10.0.0.1"), ("[", "]"), ("content-type,", ""),
)  # fmt: skip

BODIES = (
    ("", ""), ('{"json":{"email":"', '"}}'), ('{"json":{"email":"a@b.c","p":"', '"}}'), ('{"json":{"email":"a@b.c","', '":1}}'),
    ('{"json":{"email":"a@b.c","x":[', "1]}}"), ('{"json":{"email":"a@b.c","x":', "}}"), ('{"json":', "}"), ('{"email":', "}"),
    ("[", "]"), ('{"json":{"email":"a@b.c"},"meta":{"values":{"', '":["undefined"]}}}'), ('{"email":"a","n":1', "}"),
    ('{"email":"a","n":0.', "}"),
)  # fmt: skip


def numbered(form: str, size: int = BODY) -> bytes:
    """A body with as many different members as find room, made of ``form``, beside the account."""
    before, made, number = '{"json":{"email":"a@b.c"', [], 0
    left = size - len(before) - 2
    while left > 0:
        made.append(form.replace("#", f"{number:x}"))
        left -= len(made[-1].encode()) + 1
        number += 1
    return f"{before},{','.join(made[:-1])}}}}}".encode()


FORMS = ('"#":0', '" A#":0', '"\\u0000#":0', '"\u0315#":0', '"x#":{"#":1,"a":[]}', '"a#":"\\ud83d\\ude00"', '"#":1e300')
"""Members of which there are as many as find room; each has a name of its own."""


@cache
def bodies() -> list[bytes]:
    """Awkward bodies of the largest size, and some that have as many members as are read."""
    texts = [body for before, after in BODIES for body in filled(BODY, before, after)]
    return texts + [numbered(form, size) for form in FORMS for size in (4096, 8192, 16 * 1024, BODY)]


@cache
def queries() -> list[bytes]:
    """Awkward queries of the largest size, as they are when they have been read."""
    found = []
    for before in ("", "input=", "batch=1&input=", 'input={"json":', "a&" * 90):
        for value in filled(HEAD, before):
            with suppress(Ambiguous):
                found.append(canonical_query(canonical("/?" + quote(value, "&=+;%"))[1]).encode()[:HEAD])
    return found


def tools() -> Tools:
    return Tools(MemoryStore(), lambda: 1_800_000_000.0, (ip_network("10.0.0.0/8"),), requests_of_address=50)


def stages(kind: Kind) -> Iterator[Stage]:
    assert kind.build is not None
    for number, settings in enumerate(SETTINGS[kind.name]):
        policies = [(f"p{number}", kind.settings.model_validate(settings))] if kind.settings is not None else []
        stage = kind.build(policies, tools())
        if stage is not None:
            yield stage


class Recorded(dict[bytes, bytes]):
    """Fields of a request that note which of them were asked for."""

    def __init__(self, fields: dict[bytes, bytes]) -> None:
        super().__init__(fields)
        self.asked: set[bytes] = set()

    def get(self, key: bytes, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.asked.add(key)  # type: ignore[arg-type]  # fields have names of bytes
        return super().__contains__(key)


class LoginRoute(NamedTuple):
    name: str = "login"
    error_format: str = "superjson"
    named: Mapping[str, frozenset[str]] = MappingProxyType(
        {
            "rate_limits": frozenset(("p2", "p3")),
            "lockouts": frozenset(("p0", "p1")),
            "schemas": frozenset(("p0",)),
        }
    )


class Content:
    """The content of a request that has arrived."""

    length, limit, received, complete = None, None, 0, True


SEVERAL = {
    b"origin": b"https://a.app",
    b"content-type": b"application/json",
    b"access-control-request-method": b"POST",
    b"x-forwarded-for": b"192.0.2.1",
}


VARIANTS = (("POST", 1), ("POST", 0), ("OPTIONS", 0))
"""What else stages go by: the method, and calls or none."""


def request(
    variant: tuple[str, int],
    fields: dict[bytes, bytes],
    body: bytes | None = b'{"json":{"email":"a@b.c"}}',
    query: str = "",
) -> Exchange:
    method, calls = variant
    exchange = Exchange("GET" if query else method, "/", fields, "10.0.0.1", 0.0)
    exchange.route = LoginRoute()
    exchange.calls = [Call("auth.login", LoginRoute())] * calls
    exchange.stream = None if query else Content()  # type: ignore[assignment]  # as much of it as stages read
    exchange.body = None if query else body
    exchange.query = query
    exchange.path = f"/{query}"
    return exchange


def asked(stage: Stage, exchange: Exchange) -> None:
    """Take ``exchange`` through all hooks of ``stage``, as a route does. Raises ValueError for what a hook raises so."""
    hooks = stage.hooks
    if "on_request" in hooks:
        verdict = stage.on_request(exchange)
        if inspect.iscoroutine(verdict):
            verdict.close()
    if "on_response" in hooks:
        stage.on_response(exchange)
    if "on_response_whole" in hooks:
        exchange.sent = 1.0
        stage.on_response_whole(exchange, WholeResponse(200, (), b"{}"))
    if "on_done" in hooks:
        stage.on_done(exchange)


def fields_of(stage: Stage) -> set[bytes]:
    """The fields that ``stage`` reads of a request, whatever else is in it."""
    names: set[bytes] = set()
    for variant, present in product(VARIANTS, ({}, SEVERAL)):
        recorded = Recorded(present)
        asked(stage, request(variant, recorded))
        names |= recorded.asked
    return names


STAGES = [(kind.name, stage) for kind in KINDS if kind.build is not None for stage in stages(kind)]


def every_stage() -> Any:
    return pytest.mark.parametrize("stage", [stage for _, stage in STAGES], ids=[f"{name}-{i}" for i, (name, _) in enumerate(STAGES)])  # fmt: skip


def test_every_kind_is_swept() -> None:
    assert {kind.name for kind in KINDS if kind.build is not None} == SETTINGS.keys() == {name for name, _ in STAGES}
    assert {kind.name for kind in KINDS if kind.build is None} == OF_UPSTREAMS.keys()


@every_stage()
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_stage_takes_any_value_of_the_fields_that_it_reads(stage: Stage, variant: tuple[str, int]) -> None:
    found: list[str] = []
    for name in sorted(fields_of(stage)):

        def work(value: bytes, name: bytes = name) -> None:
            asked(stage, request(variant, {**SEVERAL, name: value}))

        found += slow(work, filled(HEAD, units=ALL))
        for before, after in AROUND:
            found += slow(work, filled(HEAD, before, after))
    assert found == []


@every_stage()
@pytest.mark.parametrize("variant", VARIANTS[:2], ids=str)
def test_a_stage_takes_any_body(stage: Stage, variant: tuple[str, int]) -> None:
    assert slow(lambda body: asked(stage, request(variant, SEVERAL, body)), bodies()) == []


@every_stage()
@pytest.mark.parametrize("variant", VARIANTS[:2], ids=str)
def test_a_stage_takes_any_query_and_any_path(stage: Stage, variant: tuple[str, int]) -> None:
    assert slow(lambda query: asked(stage, request(variant, SEVERAL, query=query.decode())), queries()) == []


def test_stored_responses_take_whatever_an_upstream_sends() -> None:
    stored = StoredResponses(Stale.model_validate({"for": 3600.0, "public": True}), lambda: 1.0)

    def work(name: bytes, value: bytes) -> None:
        exchange = Exchange("GET", "/", {b"accept": value[:HEAD]}, "", 0.0)
        stored.store(exchange, "tutor", "/a", 200, [(b"content-type", b"text/plain"), (name, value)], b"{}")
        stored.find(exchange, "tutor", "/a")

    for name in (b"vary", b"cache-control", b"content-type", b"set-cookie"):
        assert slow(partial(work, name), [*filled(BODY), *filled(BODY, "max-age=1,")]) == []
