"""Schemas as a client sees them: what passes arrives as it was sent, what is refused names its fields."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from yarl import URL

from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor: {endpoints: [{url: "${TUTOR}"}], trpc: {prefix: /api/trpc, aliases: {auth.signin: auth.login}}}
defaults: {auth: public, body: json, schema: inputs}
routes:
  - {name: login, procedures: [auth.login, lessons.get, auth.signout], upstream: tutor}
  - {name: tried, procedures: [chat.send], upstream: tutor, schema: tried}
  - {name: free, procedures: [free.call], upstream: tutor, schema: {none: "checked by the backend"}}
  - {name: logs, paths: [/logs, /more-logs], methods: [POST], upstream: tutor}
  - {name: list, paths: [/list], upstream: tutor}
  - {name: open, paths: [/open], upstream: tutor}
"""
POLICIES = """\
bodies: {json: {max: 64KiB, types: [application/json]}}
schemas:
  inputs: {files: "FOLDER/*.json"}
  tried: {files: "FOLDER/*.json", mode: report, until: 2099-01-01}
"""
LOGIN = {
    "type": "object",
    "properties": {
        "email": {"type": "string", "format": "email", "maxLength": 254},
        "password": {"type": "string", "minLength": 8},
        "at": {"type": "string", "format": "date-time"},
    },
    "required": ["email", "password"],
}
SCHEMAS: dict[str, Any] = {
    "auth.login": LOGIN,
    "auth.signout": {"type": "null"},
    "lessons.get": {"type": ["object", "null"], "properties": {"id": {"type": "string"}}},
    "chat.send": {"type": "object", "properties": {"text": {"maxLength": 3}}},
    "logs": {"type": "object", "properties": {"logs": {"type": "array", "items": {"type": "string"}}}},
    "list.query": {
        "properties": {"limit": {"type": "string", "pattern": "^[0-9]{1,3}$"}, "tag": {"type": ["string", "array"]}},
        "additionalProperties": False,
    },
}
GOOD = {"email": "ada@example.com", "password": "12345678"}
BAD = {"email": "hush", "password": "hush"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for name, schema in SCHEMAS.items():
        (folder / f"{name}.json").write_text(json.dumps(schema))
    return folder


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Running, Upstream]]:
    async with running_upstream() as upstream:
        policies = POLICIES.replace("FOLDER", str(folder))
        async with running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=policies) as gateway:
            yield gateway, upstream


async def ask(
    gateway: Running, target: str, body: object = None, kind: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {} if data is None else {"content-type": kind}
    async with ClientSession() as session:
        method = session.get if data is None else session.post
        async with method(URL(gateway.url + target, encoded=True), data=data, headers=headers) as response:
            return response.status, await response.json(content_type=None)


def data_of(body: dict[str, Any]) -> dict[str, Any]:
    error = body["error"]["json"]
    assert error["code"] == -32600
    data: dict[str, Any] = error["data"]
    assert (data["code"], data["httpStatus"]) == ("BAD_REQUEST", 400)
    return data


async def test_a_form_gets_what_the_backend_itself_would_send(folder: Path) -> None:
    async with running(folder) as (gateway, upstream):
        status, body = await ask(gateway, "/api/trpc/auth.login", {"json": BAD})
        assert status == 400
        data = data_of(body)
        assert data["reason"] == "schema_refused"
        assert data["zodError"] == {
            "formErrors": [],
            "fieldErrors": {
                "email": ["Enter a valid email address."],
                "password": ["Must be at least 8 characters long."],
            },
        }
        assert {(issue["call"], *issue["path"], issue["code"], issue["expected"]) for issue in data["issues"]} == {
            (0, "email", "invalid_format", "email"),
            (0, "password", "too_small", ">=8"),
        }
        assert upstream.requests == []
        exchange = gateway.seen.exchanges[-1]
        assert (exchange.status, exchange.reason) == (400, "schema_refused")
        assert exchange.detail == "inputs: auth.login: email invalid_format, password too_small"
        assert "hush" not in json.dumps(body) + exchange.detail


async def test_the_log_says_of_each_call_of_a_batch_which_fields_were_wrong_and_how(folder: Path) -> None:
    async with running(folder) as (gateway, _):
        inputs = {"0": {"json": BAD}, "1": {"json": {"id": 7}}, "2": {"json": {"hush": [1]}}, "3": {"json": GOOD}}
        inputs["4"] = {"json": {"email": "ada@example.com"}}
        calls = "auth.login,lessons.get,auth.signout,auth.login,auth.login"
        assert (await ask(gateway, f"/api/trpc/{calls}?batch=1", inputs))[0] == 400
        assert gateway.seen.exchanges[-1].detail == (
            "inputs: auth.login: email invalid_format, password too_small, password missing; lessons.get: id invalid_type; "
            "auth.signout: (whole) invalid_type"
        )


async def test_what_passes_is_sent_on_as_it_came(folder: Path) -> None:
    async with running(folder) as (gateway, upstream):
        sent = b'{ "json" : {"password":"12345678", "email":"\\u0061da@example.com"} }'
        assert (await ask(gateway, "/api/trpc/auth.signin", sent))[0] == 200
        query = "?input=" + quote('{"json": {"id": "a b"}}')
        assert (await ask(gateway, f"/api/trpc/lessons.get{query}"))[0] == 200
        assert upstream.requests[0].body == sent
        assert upstream.requests[1].line == b"GET /api/trpc/lessons.get%b HTTP/1.1" % query.encode()


@pytest.mark.parametrize(
    ("calls", "inputs", "refused"),
    [
        ("auth.login,auth.login", {"0": {"json": GOOD}, "1": {"json": GOOD}}, None),
        ("auth.login,auth.login", {"0": {"json": GOOD}, "1": {"json": BAD}}, [1, 1]),
        ("auth.login,auth.login", {"0": {"json": GOOD}}, [1]),
        (
            "auth.login,auth.signout",
            {"0": {"json": GOOD}, "1": {"json": None, "meta": {"values": ["undefined"]}}},
            None,
        ),
        ("auth.signout,auth.signin", {"1": {"json": BAD}}, [1, 1]),
        ("auth.login,chat.send", {"0": {"json": GOOD}, "1": {"json": {"text": "long"}}}, None),
        ("auth.login,chat.send", {"0": {"json": BAD}, "1": {"json": {"text": "long"}}}, [0, 0]),
        ("auth.login,free.call", {"0": {"json": GOOD}, "1": {"json": 5}}, None),
        ("auth.signout", {}, None),
        ("auth.login", {}, [0]),
    ],
)
async def test_each_call_of_a_batch_is_judged_by_its_route(
    folder: Path, calls: str, inputs: dict[str, Any], refused: list[int] | None
) -> None:
    async with running(folder) as (gateway, upstream):
        status, body = await ask(gateway, f"/api/trpc/{calls}?batch=1", inputs)
        if refused is None:
            assert (status, len(upstream.requests)) == (200, 1)
        else:
            assert status == 400
            assert [issue["call"] for issue in data_of(body)["issues"]] == refused
        reported = [refusal.reason.slug for refusal in gateway.seen.exchanges[-1].reported]
        assert reported == (["schema_refused"] if "chat.send" in calls and refused is None else [])


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/api/trpc/auth.login", {"json": GOOD, "meta": {"values": {"email": ["Date"]}}}),
        ("/api/trpc/auth.login", {"json": GOOD, "meta": {"values": {"email": ["set"]}}}),
        ("/api/trpc/auth.login", {"json": GOOD, "meta": {"referentialEqualities": {"email": ["password"]}}}),
        ("/api/trpc/auth.login", b'{"json":{"email":"a@b.co","email":"c@d.co","password":"12345678"}}'),
        ("/api/trpc/auth.login", b'{"json":{"__proto__":{"email":"a@b.co"},"password":"12345678"}}'),
        ("/api/trpc/auth.login", b'{"json":{"email":"\\ud800@b.co","password":"12345678"}}'),
        ("/api/trpc/auth.login?input=%7B%7D", {"json": GOOD}),
        ("/logs", b'{"logs":["' + b"[" * 10 + b'"],"deep":' + b"[" * 33 + b"]" * 33 + b"}"),
    ],
)
async def test_what_has_two_readings_is_malformed(folder: Path, target: str, body: object) -> None:
    async with running(folder) as (gateway, upstream):
        assert (await ask(gateway, target, body))[0] == 400
        assert gateway.seen.reasons == ["json_malformed"]
        assert upstream.requests == []


async def test_a_date_passes_where_the_schema_has_one(folder: Path) -> None:
    async with running(folder) as (gateway, _):
        value = {**GOOD, "at": "2026-01-01T00:00:00.000Z"}
        sent = {"json": value, "meta": {"values": {"at": ["Date"]}}}
        assert (await ask(gateway, "/api/trpc/auth.login", sent))[0] == 200
        sent["json"]["at"] = "2026"
        assert (await ask(gateway, "/api/trpc/auth.login", sent))[0] == 400


@pytest.mark.parametrize("path", ["/logs", "/more-logs"])
async def test_a_body_is_refused_with_pointers(folder: Path, path: str) -> None:
    async with running(folder) as (gateway, upstream):
        assert (await ask(gateway, path, {"logs": ["a"]}))[0] == 200
        status, body = await ask(gateway, path, {"logs": ["a", 5]})
        assert (status, body["status"], body["reason"]) == (422, 422, "schema_refused")
        assert body["errors"] == [{"pointer": "/logs/1", "detail": "Must be a text."}]
        assert (await ask(gateway, path, b""))[0] == 422  # judged as null
        assert (await ask(gateway, path, {"logs": []}, "application/x-www-form-urlencoded"))[0] == 415
        assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("query", "status", "errors"),
    [
        ("", 200, None),
        ("?limit=10&tag=a&tag=b", 200, None),
        ("?li%6Dit=1%30", 200, None),
        ("?limit=ten", 422, [{"parameter": "limit", "detail": "Is not written as it should be."}]),
        ("?limit=1&limit=2", 422, [{"parameter": "limit", "detail": "Must be a text."}]),
        ("?hush=1", 422, [{"detail": "Has a field that is not known."}]),
        ("?limit=1&LIMIT=2", 400, None),
        ("?limit=%zz", 400, None),
    ],
)
async def test_a_query_is_judged_where_there_is_a_schema(folder: Path, query: str, status: int, errors: object) -> None:
    async with running(folder) as (gateway, upstream):
        found, body = await ask(gateway, f"/list{query}")
        assert (found, body.get("errors")) == (status, errors)
        if status == 200:
            assert upstream.requests[0].line == f"GET /list{query} HTTP/1.1".encode()


async def test_a_query_without_a_schema_is_sent_on_as_it_came(folder: Path) -> None:
    async with running(folder) as (gateway, upstream):
        query = "?b=%zz&a=1;2&&A[]=%c3%a9&a=+"
        assert (await ask(gateway, f"/open{query}"))[0] == 200
        assert upstream.requests[0].line == f"GET /open{query} HTTP/1.1".encode()


async def test_a_policy_that_reports_lets_pass_and_notes(folder: Path) -> None:
    async with running(folder) as (gateway, upstream):
        assert (await ask(gateway, "/api/trpc/chat.send", {"json": {"text": "long"}}))[0] == 200
        assert (await ask(gateway, "/api/trpc/chat.send", b"{"))[0] == 200
        noted = [exchange.reported[0] for exchange in gateway.seen.exchanges]
        assert [(refusal.reason.slug, refusal.detail) for refusal in noted] == [
            ("schema_refused", "tried: chat.send: text too_big"),
            ("json_malformed", "tried: the content is no JSON: line 1, column 2"),
        ]
        assert len(upstream.requests) == 2
