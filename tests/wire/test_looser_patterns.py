"""The attack: a public pattern beside a guarded path, and spellings of that path which Express takes for it."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import Upstream, running_upstream, wire
from tests.wire.raw_client import reason_of

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  api: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}, paths: {case: ignored, slash: ignored}}
routes:
  - {name: login, procedures: [auth.login], upstream: api, auth: access-token}
  - {name: admin, paths: [/api/admin], upstream: api, auth: access-token}
  - {name: inside, paths: [/api/inside/*], deny: inside only}
  - {name: open, paths: [/api/*], upstream: api, auth: public}
"""
# What an Express application has under these paths: without case, with or without a slash at the end.
SECRET = re.compile(rb"/api/(?:admin/?|inside(?:/.*)?|trpc/auth\.login/?)", re.IGNORECASE).fullmatch

WAYS_ROUND = [
    "/api/admin/", "/api/ADMIN", "/api/Admin/", "/api/%41dmin", "/api/admin?x=1", "/api/ADMIN?x=1", "/api/admin%2F",
    "/api//admin", "/api/./admin", "/api/x/../admin", "/api/admin;x=1", "/api/admin/..;/admin", "/api/%2561dmin",
    "/api/admin%00", "/api/admin%20", "/api/admin.", "/api/admin.json", "/api/adm%C4%B1n", "/api\\admin", "/api/admin#x",
    "/api/INSIDE/x", "/api/inside", "/api/Inside/", "/api/inside.json", "/api/TRPC/auth.login", "/api/Trpc/auth.login/",
    "/API/admin", "http://gateway/api/ADMIN", "/api/trpc/auth.login/",
]  # fmt: skip


async def express(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        received = await upstream.read(reader)
        path = received.line.split(b" ")[1].partition(b"?")[0]
        body = b"secret" if SECRET(path) else b"public"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\n" + body)
        await writer.drain()


@pytest.mark.parametrize("target", WAYS_ROUND)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
async def test_no_spelling_leads_round_a_guard(method: str, target: str) -> None:
    async with (
        running_upstream(script=express) as upstream,
        running_gateway(ENTRY.replace("URL", upstream.url)) as gateway,
    ):
        async with wire(gateway.port) as client:
            request = f"{method} {target} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 0\r\n\r\n".encode()
            client.send(request)
            answer = await client.response(head_only=method == "HEAD")
        assert answer.status in (400, 401, 403, 404, 405), answer
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("/api/admin", 401, "token_missing"),
        ("/api/admin/", 400, "path_ambiguous"),
        ("/api/ADMIN", 400, "path_ambiguous"),
        ("/api/inside/x", 403, "route_denied"),
        ("/api/INSIDE/x", 400, "path_ambiguous"),
        ("/api/TRPC/auth.login", 400, "path_ambiguous"),
        ("/api/info", 200, ""),
        ("/api/Info/", 200, ""),
        ("/api/admin/x", 200, ""),
        ("/api/admins", 200, ""),
    ],
)
async def test_what_each_spelling_is_answered(target: str, status: int, reason: str) -> None:
    async with (
        running_upstream(script=express) as upstream,
        running_gateway(ENTRY.replace("URL", upstream.url)) as gateway,
    ):
        async with wire(gateway.port) as client:
            answer = await client.ask(f"GET {target} HTTP/1.1\r\nhost: gateway\r\n\r\n".encode())
        assert (answer.status, reason_of(answer)) == (status, reason)
        assert answer.body == b"public" or status != 200
