"""Refusals from before there is a route: a page of an allowed origin can read them, and a 405 says what is taken there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.core.verdict import Reply
from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Response, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {limits: {header_bytes: 4KiB, per_address: {unrouted: 2/minute}}}
upstreams:
  api: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc, max_batch: 2}}
defaults: {cors: app, auth: public}
routes:
  - {name: closed, procedures: [a.closed], deny: closed}
  - {name: read, procedures: [a.read], methods: [GET], upstream: api}
  - {name: write, procedures: [a.write], methods: [POST], upstream: api, batch: deny}
  - {name: both, procedures: [a.both], upstream: api}
  - {name: item, paths: [/items/one], methods: [GET, PUT], upstream: api}
  - {name: items, paths: [/items/*], methods: [DELETE], upstream: api}
  - {name: small, paths: [/small], methods: [POST], upstream: api, body: small}
  - {name: asked, paths: [/asked], methods: [OPTIONS, GET], upstream: api}
  - {name: partner, paths: [/partner/*], methods: [POST], upstream: api, cors: partner}
"""
POLICIES = """\
cors:
  app: {origins: ["https://linguamate.app", "app://."], expose_headers: [x-request-id], credentials: true}
  partner: {origins: ["https://partner.example"]}
bodies: {small: {max: 2}}
"""
ORIGIN = "https://linguamate.app"


@contextlib.asynccontextmanager
async def serving(unrouted: str = "100000/second") -> AsyncIterator[Running]:
    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY.replace("URL", upstream.url).replace("2/minute", unrouted), policies=POLICIES) as gateway,
    ):
        yield gateway


async def asked(gateway: Running, line: str, *fields: str) -> Response:
    request = "".join(f"{one}\r\n" for one in (f"{line} HTTP/1.1", "host: gateway", *fields))
    async with wire(gateway.port) as client:
        return await client.ask(f"{request}\r\n".encode())


REFUSALS = {
    "no-route": ("GET /nothing", (), 404, "no_route"),
    "method": ("POST /items/one", ("content-length: 0",), 405, "method_not_allowed"),
    "unknown-method": ("PROPFIND /items/one", (), 405, "method_not_allowed"),
    "trace": ("TRACE /nothing", (), 404, "no_route"),
    "ambiguous": ("GET /items/a%2Fb", (), 400, "path_ambiguous"),
    "user": ("GET http://u@gateway/items", (), 400, "path_ambiguous"),
    "fragment": ("GET /items#x", (), 400, "path_ambiguous"),
    "authority": ("GET http://other/items", (), 400, "head_malformed"),
    "two-lengths": ("POST /small", ("content-length: 1", "transfer-encoding: chunked"), 400, "head_malformed"),
    "expectation": ("GET /items/one", ("expect: magic",), 417, "expectation_failed"),
    "head-that-was-read": ("GET /items/one", ("cookie: " + "c" * 4000,), 431, "headers_too_large"),
    "head-that-was-not": ("GET /items/one", ("cookie: " + "c" * 9000,), 431, "headers_too_large"),
    "too-many-fields": ("GET /items/one", tuple(f"x-{number}: 1" for number in range(130)), 431, "headers_too_large"),
    "control-in-a-field": ("GET /items/one", ("x: \x01",), 400, "head_malformed"),
    "content": ("POST /small", ("content-length: 3",), 413, "body_too_large"),
    "denied": ("POST /api/trpc/a.closed", ("content-length: 0",), 403, "route_denied"),
    "no-procedure": ("GET /api/trpc/a.nothing", (), 404, "no_route"),
    "batch-malformed": ("GET /api/trpc/a.read,?batch=1", (), 400, "batch_malformed"),
    "batch-too-large": ("GET /api/trpc/a.read,a.read,a.read?batch=1", (), 400, "batch_too_large"),
    "batch-refused": ("POST /api/trpc/a.write,a.write?batch=1", ("content-length: 0",), 400, "batch_refused"),
    "batch-of-methods": ("POST /api/trpc/a.write,a.read?batch=1", ("content-length: 0",), 405, "method_not_allowed"),
    "name-in-a-query": ("GET /api/trpc/a.read?batch%00=1", (), 400, "path_ambiguous"),
}


@pytest.mark.parametrize(("line", "fields", "status", "reason"), REFUSALS.values(), ids=REFUSALS)
async def test_an_allowed_page_reads_why(line: str, fields: tuple[str, ...], status: int, reason: str) -> None:
    async with serving() as gateway:
        for origin in (ORIGIN, "app://.", "HTTPS://Linguamate.app"):
            answer = await asked(gateway, line, f"origin: {origin}", *fields)
            assert (answer.status, gateway.seen.reasons[-1]) == (status, reason)
            assert answer[b"access-control-allow-origin"] == origin.encode()
            assert answer[b"access-control-allow-credentials"] == b"true"
            assert answer[b"access-control-expose-headers"] == b"x-request-id"
            assert b"origin" in answer[b"vary"].lower()
        other = await asked(gateway, line, "origin: https://evil.example", *fields)
        assert other.status in (status, 403)
        assert not [name for name, _ in other.fields if name.startswith(b"access-control-")]
        assert (await asked(gateway, line, *fields)).status == status


# What is refused before the Origin behind it has been read.
EARLY = {
    "target": (f"GET /items/{'t' * 9000} HTTP/1.1", (), 414, "target_too_long"),
    "longest-target": (f"GET /items/{'t' * 60000} HTTP/1.1", (), 414, "target_too_long"),
    "field": ("GET /items/one HTTP/1.1", ("cookie: " + "c" * 9000,), 431, "headers_too_large"),
    "fields": ("GET /items/one HTTP/1.1", tuple(f"x-{number}: 1" for number in range(130)), 431, "headers_too_large"),
    "line": ("GET /items/o ne HTTP/1.1", (), 400, "head_malformed"),
    "version": ("GET /items/one HTTP/1.", (), 400, "head_malformed"),
    "broken-field": ("GET /items/one HTTP/1.1", ("x y: 1",), 400, "head_malformed"),
}


@pytest.mark.parametrize(("line", "fields", "status", "reason"), EARLY.values(), ids=EARLY)
@pytest.mark.parametrize("pause", [False, True])
async def test_an_origin_behind_what_is_refused_counts(
    line: str, fields: tuple[str, ...], status: int, reason: str, pause: bool
) -> None:
    async with serving() as gateway:
        for origin, granted in ((ORIGIN, ORIGIN.encode()), ("https://evil.example", None)):
            head = "\r\n".join([line, *fields, "host: gateway", f"origin: {origin}", "\r\n"]).encode()
            async with wire(gateway.port) as client:
                if pause and len(head) > 9000:
                    client.send(head[:-40])
                    await asyncio.sleep(0.05)
                    head = head[-40:]
                client.send(head)
                answer = await client.response()
            assert (answer.status, gateway.seen.reasons[-1]) == (status, reason)
            assert dict(answer.fields).get(b"access-control-allow-origin") == granted


async def test_who_sends_no_more_of_a_head_that_is_too_long_is_refused_without_the_rest() -> None:
    async with serving() as gateway:
        async with wire(gateway.port) as client:
            client.send(b"GET /items/" + b"t" * 9000)
            answer = await client.response()
        assert (answer.status, gateway.seen.reasons) == (414, ["target_too_long"])
        async with wire(gateway.port) as client:
            client.send(b"GET /items/" + b"t" * 9000)
            client.writer.write_eof()
            answer = await client.response()
        assert (answer.status, gateway.seen.reasons) == (414, ["target_too_long"] * 2)
        async with wire(gateway.port) as client:
            client.send(b"GET /items/" + b"t" * 9000)
        assert (await asked(gateway, "GET /nothing")).status == 404


async def test_a_route_of_its_own_policy_is_readable_by_its_own_origins() -> None:
    async with serving() as gateway:
        answer = await asked(gateway, "GET /partner/x", "origin: https://partner.example")
        assert (answer.status, answer[b"allow"]) == (405, b"POST")
        assert answer[b"access-control-allow-origin"] == b"https://partner.example"
        assert (await asked(gateway, "GET /partner/x", f"origin: {ORIGIN}")).status == 403


async def test_too_many_refusals_are_readable_too() -> None:
    async with serving("2/minute") as gateway:
        answers = [await asked(gateway, "GET /nothing", f"origin: {ORIGIN}") for _ in range(4)]
        assert answers[-1].status == 429
        assert answers[-1][b"access-control-allow-origin"] == ORIGIN.encode()


@pytest.mark.parametrize(
    ("line", "allow"),
    [
        ("POST /items/one", b"DELETE, GET, HEAD, PUT"),
        ("PATCH /items/one", b"DELETE, GET, HEAD, PUT"),
        ("GET /items/two", b"DELETE"),
        ("OPTIONS /items/two", b"DELETE"),
        ("PROPFIND /items/two", b"DELETE"),
        ("TRACE /items/one", b"DELETE, GET, HEAD, PUT"),
        ("POST /asked", b"GET, HEAD, OPTIONS"),
        ("POST /api/trpc/a.read", b"GET"),
        ("HEAD /api/trpc/a.read", b"GET"),
        ("PUT /api/trpc/a.both", b"GET, POST"),
        ("POST /api/trpc/a.both,a.read?batch=1", b"GET"),
        ("POST /api/trpc/a.write,a.read?batch=1", b""),
        ("CONNECT gateway:80", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ],
)
async def test_a_405_names_what_is_taken_there_and_that_is_taken(line: str, allow: bytes) -> None:
    async with serving() as gateway:
        async with wire(gateway.port) as client:
            client.send(f"{line} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 0\r\n\r\n".encode())
            answer = await client.response(head_only=line.startswith("HEAD"))
        assert (answer.status, answer[b"allow"]) == (405, allow)
        path = line.split(" ")[1]
        if path.startswith("/") and "batch" not in path:
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                async with wire(gateway.port) as client:
                    client.send(f"{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 0\r\n\r\n".encode())
                    taken = await client.response(head_only=method == "HEAD")
                assert (taken.status != 405) == (method.encode() in allow.split(b", ")), method


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE"])
async def test_health_names_what_it_takes(method: str) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(
            ENTRY.replace("URL", upstream.url),
            policies=POLICIES,
            health=lambda path: Reply(200) if path == "/health" else None,
        ) as gateway,
    ):
        answer = await asked(gateway, f"{method} /health", "content-length: 0")
        assert (answer.status, answer[b"allow"]) == (405, b"GET, HEAD")
