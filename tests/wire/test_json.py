"""Bodies and inputs that two parsers could read differently, over real sockets: none reaches the upstream, and what passes
arrives byte for byte."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.json_documents import READ, REFUSED
from tests.upstream_fixture import Upstream, running_upstream

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR}"}]
    trpc: {prefix: /api/trpc, max_batch: 5, transformer: superjson}
  plain:
    endpoints: [{url: "${TUTOR}"}]
    trpc: {prefix: /plain, max_batch: 5, transformer: none}
defaults: {auth: public, body: json, schema: inputs}
routes:
  - {name: login, procedures: [auth.login], upstream: tutor, lockout: accounts}
  - {name: calls, procedures: [any.call, any.other], upstream: tutor}
  - {name: plain, procedures: [any.call], upstream: plain}
  - {name: hook, paths: [/hook], methods: [POST], upstream: tutor}
"""
LOCKOUTS = "lockouts: {accounts: {account: /email, failures: 100}}\nschemas: {inputs: {files: inputs/*.json}}\n"
JSON = {"content-type": "application/json"}


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Running, Upstream, ClientSession]]:
    inputs = folder / "policies" / "inputs"
    inputs.mkdir(parents=True)
    for name in ("auth.login", "any.call", "any.other", "hook"):
        (inputs / f"{name}.json").write_text("true")
    (folder / "policies" / "all.yaml").write_text(POLICIES + LOCKOUTS)
    (folder / "upstreams.yaml").write_text(ENTRY)
    async with (
        running_upstream() as upstream,
        running_gateway(folder / "upstreams.yaml", {"TUTOR": upstream.url}) as gateway,
        ClientSession() as session,
    ):
        yield gateway, upstream, session


def reason(problem: dict[str, Any]) -> str:
    """The reason in a refusal: of a path, of a call with superjson, or of one without."""
    if "error" in problem:
        problem = problem["error"].get("json", problem["error"])["data"]
    return str(problem["reason"])


async def test_nothing_that_two_parsers_read_differently_reaches_the_upstream(tmp_path: Path) -> None:
    async with serving(tmp_path) as (gateway, upstream, session):
        passed = []
        for kind, all_of in REFUSED.items():
            for content in all_of:
                if len(content) > 60_000:
                    continue  # too large for the body policy before anything is read
                sent = [
                    ("/hook", content),
                    ("/api/trpc/any.call", b'{"json":' + content + b"}"),
                    ("/plain/any.call", content),
                    ("/api/trpc/any.call,any.other?batch=1", b'{"1":{"json":' + content + b'},"0":{"json":1}}'),
                ]
                for path, body in sent:
                    if kind == "is empty" and b":" in body:
                        continue  # it is no JSON around nothing
                    async with session.post(gateway.url + path, data=body, headers=JSON) as response:
                        if (response.status, reason(await response.json())) != (400, "json_malformed"):
                            passed.append((path, body))
        assert passed == []
        assert upstream.requests == []


async def test_nor_by_the_query_of_a_get(tmp_path: Path) -> None:
    async with serving(tmp_path) as (gateway, upstream, session):
        for content in (
            '{"a":1,"\\u0061":2}',
            "NaN",
            "9007199254740993",
            '{"__proto__":1}',
            '"\\ud800"',
            "[" * 33 + "]" * 33,
        ):
            for path, text in (
                ("/api/trpc/any.call?input=", f'{{"json":{content}}}'),
                ("/plain/any.call?input=", content),
                ("/api/trpc/any.call,any.other?batch=1&input=", f'{{"0":{{"json":{content}}}}}'),
            ):
                async with session.get(gateway.url + path + quote(text)) as response:
                    assert (response.status, reason(await response.json())) == (400, "json_malformed"), (path, text)
        assert upstream.requests == []


async def test_what_passes_arrives_byte_for_byte(tmp_path: Path) -> None:
    async with serving(tmp_path) as (gateway, upstream, session):
        for content in READ:
            if len(content) > 60_000:
                continue
            batch = b' {"1" :{"json":' + content + b"}}"
            for path, body in (
                ("/hook", content),
                ("/plain/any.call", content),
                ("/api/trpc/any.call,any.other?batch=1", batch),
            ):
                async with session.post(gateway.url + path, data=body, headers=JSON) as response:
                    deep = body is batch and content.startswith(b"[" * 31)
                    assert response.status == (400 if deep else 200), (path, body)
                    if not deep:
                        assert upstream.requests[-1].body == body


async def test_it_arrives_byte_for_byte_however_it_was_cut(tmp_path: Path) -> None:
    content = b'{ "a" : "\\u00e9\\/" , "b" : 1.50 }\r\n'

    async def pieces() -> AsyncIterator[bytes]:
        for octet in content:
            yield bytes([octet])

    async with serving(tmp_path) as (gateway, upstream, session):
        async with session.post(f"{gateway.url}/hook", data=pieces(), headers=JSON) as response:
            assert response.status == 200
        assert upstream.requests[-1].body == content


async def test_a_lockout_reads_what_the_schema_has_read_and_stays_as_strict(tmp_path: Path) -> None:
    async with serving(tmp_path) as (gateway, upstream, session):
        for given, slug in (
            ({"json": {"email": "a@b.co", "Email": "x@y.co"}}, "body_malformed"),
            ({"json": {"email": "a@b.co", "e-mail": "x@y.co"}}, "body_malformed"),
            ({"json": {"email": "2026", "n": None}, "meta": {"values": {"email": ["Date"]}}}, "json_malformed"),
            ({"json": {"email": "a@b.co"}, "meta": {"values": {"email": ["URL"]}}}, "json_malformed"),
            ({"json": {"email": "a@b.co", "x": [1] * 2_600}}, "body_malformed"),
            ({}, "body_malformed"),
            ([{"json": {"email": "a@b.co"}}], "json_malformed"),
        ):
            async with session.post(f"{gateway.url}/api/trpc/auth.login", json=given) as response:
                assert (response.status, reason(await response.json())) == (400, slug), given
        assert upstream.requests == []
        honest = {"json": {"email": "a@b.co", "Name": 1, "x": None}, "meta": {"values": {"x": ["undefined"]}, "v": 1}}
        async with session.post(f"{gateway.url}/api/trpc/auth.login", json=honest) as response:
            assert response.status == 200
        async with session.post(f"{gateway.url}/hook", data=b'{"Name":1,"name":2}', headers=JSON) as response:
            assert response.status == 200  # honest members of a record: nobody looks for a name


@pytest.mark.parametrize("path", ["/api/trpc/any.call?batch=1", "/plain/any.call?batch=1"])
async def test_a_batch_is_an_object_of_the_inputs_of_its_calls(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as (gateway, upstream, session):
        for given in ([{"json": 1}], [], None, 1, "x", {"1": {"json": 1}}, {"00": {"json": 1}}, {"json": 1}):
            async with session.post(gateway.url + path, data=json.dumps(given), headers=JSON) as response:
                assert (response.status, reason(await response.json())) == (400, "json_malformed"), given
        assert upstream.requests == []
        async with session.post(gateway.url + path, json={"0": {"json": [1]}}) as response:
            assert response.status == 200
