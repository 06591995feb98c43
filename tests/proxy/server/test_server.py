"""Requests all the way through: what reaches the upstream, and what the client gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable

import pytest

from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.server.server import Server
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import SECRET
from tests.proxy.requests import get, post
from tests.upstream_fixture import OK, Upstream, wire


async def test_a_request_passes_and_its_response_comes_back_whole():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        answer = await client.ask(get("/api/info?a=1"))
        assert (answer.status, answer.body) == (200, b"{}")
        assert answer[b"content-type"] == b"application/json"
        assert answer[b"vary"] == b"Origin"
        assert answer[b"x-content-type-options"] == b"nosniff"
        assert b"server" not in answer
        assert upstream.requests[0].line == b"GET /api/info?a=1 HTTP/1.1"
        assert upstream.requests[0].all(b"x-api-key") == [b"key"]
        assert gateway.seen.exchanges[0].route.name == "info"


async def test_one_connection_carries_many_requests_pipelined_or_not():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        client.send(get("/api/info") * 20)
        for _ in range(20):
            assert (await client.response()).status == 200
        assert len(upstream.requests) == 20
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("request_bytes", "status", "reason"),
    [
        (get("/nowhere"), 404, "no_route"),
        (get("/api/x/../info"), 400, "path_ambiguous"),
        (get("/api//info"), 400, "path_ambiguous"),
        (get("/api/trpc/lessons"), 404, "no_route"),
        (get("/api/trpc/auth.unknown"), 404, "no_route"),
        (post("/api/info", b"{}"), 405, "method_not_allowed"),
        (get("/api/trpc/chat.getHistory"), 401, "token_missing"),
        (get("/api/trpc/lessons.a,chat.b?batch=1"), 401, "token_missing"),
        (get("/api/trpc/lessons.a,?batch=1"), 400, "batch_malformed"),
        (get("/api/trpc/lessons.a,auth.unknown?batch=1"), 400, "batch_malformed"),
        (get("/api/trpc/lessons.a,lessons.b,lessons.c,lessons.d,lessons.e,lessons.f?batch=1"), 400, "batch_too_large"),
        (get("/api/trpc/lessons.a,auth.alone?batch=1"), 400, "batch_refused"),
        (get("/api/trpc/lessons.a,auth.resetPassword?batch=1"), 403, "route_denied"),
        (post("/api/trpc/auth.resetPassword", b"{}"), 403, "route_denied"),
        (get("/api/info", "origin: https://evil.example"), 403, "origin_refused"),
        (post("/api/trpc/auth.login", b"x" * 70_000), 413, "body_too_large"),
        (post("/api/trpc/auth.login", b"{}", "content-encoding: gzip"), 415, "media_type_refused"),
        (get("/api/info", "expect: magic"), 417, "expectation_failed"),
    ],
)
async def test_each_refusal_has_its_name_and_never_touches_the_upstream(request_bytes, status, reason):
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        answer = await client.ask(request_bytes)
        body = json.loads(answer.body)
        if b"/trpc/" in request_bytes:
            data = body["error"]["json"]["data"]
            assert (data["httpStatus"], data["path"]) == (status, None)
            body = data
        else:
            assert answer[b"content-type"] == b"application/problem+json"
            assert body["status"] == status
        assert (answer.status, body["reason"]) == (status, reason)
        assert body["request_id"] == answer[b"x-request-id"].decode()
        assert answer[b"date"].endswith(b"GMT")
        assert b"Origin" in answer[b"vary"] or b"expect" in request_bytes or reason == "path_ambiguous"
        assert upstream.requests == []
        assert gateway.seen.reasons == [reason]


async def test_a_batch_of_one_that_must_travel_alone_passes():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(post("/api/trpc/auth.alone?batch=1", b"{}"))).status == 200
        assert (await client.ask(post("/api/trpc/auth.signin?batch=1", b"{}"))).status == 200
        assert upstream.requests[1].line == b"POST /api/trpc/auth.login?batch=1 HTTP/1.1"
        assert upstream.requests[1].body == b"{}"


async def test_a_rewrite_changes_the_path_the_upstream_sees():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(post("/speech", b"sound"))).status == 200
        assert upstream.requests[0].line == b"POST /stt/transcribe/ HTTP/1.1"


async def test_a_preflight_is_answered_here_and_routed_by_the_method_it_asks_for():
    ask = ("origin: https://linguamate.app", "access-control-request-method: POST")
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        answer = await client.ask(get("/api/trpc/auth.login", *ask).replace(b"GET", b"OPTIONS", 1))
        assert (answer.status, answer[b"access-control-allow-origin"]) == (204, b"https://linguamate.app")
        refused = await client.ask(get("/bare", *ask).replace(b"GET", b"OPTIONS", 1).replace(b"POST", b"GET"))
        assert (refused.status, refused.body) == (204, b"")
        assert not [name for name, _ in refused.fields if name.startswith(b"access-control-")]
        assert gateway.seen.reasons[-1] == "preflight_refused"
        assert upstream.requests == []


async def test_an_allowed_origin_can_read_a_refusal_and_the_upstreams_own_cors_is_dropped():
    noisy = (
        b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: true\r\naccess-control-allow-credentials: true\r\n"
        b"vary: trpc-accept, Origin\r\nserver: hono\r\nx-powered-by: y\r\ncontent-length: 2\r\n\r\n{}"
    )
    origin = "origin: https://www.linguamate.app"
    async with serving(noisy) as (gateway, _), wire(gateway.port) as client:
        refused = await client.ask(get("/api/trpc/chat.getHistory", origin))
        assert (refused.status, refused[b"access-control-allow-origin"]) == (401, b"https://www.linguamate.app")
        assert refused[b"www-authenticate"].startswith(b"Bearer")
        passed = await client.ask(get("/api/info", origin))
        assert passed[b"access-control-allow-origin"] == b"https://www.linguamate.app"
        assert passed[b"vary"] == b"trpc-accept, Origin"
        assert b"server" not in passed
        assert b"x-powered-by" not in passed


async def test_large_and_chunked_responses_stream():
    big = b"x" * 1_000_000
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        upstream.response = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + big
        assert (await client.ask(get("/files/a"))).body == big
        upstream.response = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"
        assert (await client.ask(get("/files/a"))).body == b"hello"
        assert upstream.connections == 1


async def test_an_http_1_0_client_gets_no_chunks():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        upstream.response = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        answer = await client.ask(b"GET /files/a HTTP/1.0\r\nhost: gateway\r\n\r\n")
        assert (answer.body, answer[b"connection"]) == (b"hello", b"close")


@pytest.mark.parametrize("framing", [b"content-length: 300000", b"transfer-encoding: chunked"])
async def test_an_upload_streams_and_arrives_whole(framing):
    body = bytes(range(256)) * 1172 + b"x" * 0
    body = body[:300000]
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        client.send(b"PUT /files/a HTTP/1.1\r\nhost: gateway\r\n" + framing + b"\r\n\r\n")
        for start in range(0, len(body), 50_000):
            piece = body[start : start + 50_000]
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece) if b"chunked" in framing else piece)
            await client.writer.drain()
        if b"chunked" in framing:
            client.send(b"0\r\n\r\n")
        assert (await client.response()).status == 200
        assert upstream.requests[0].body == body


async def test_a_streamed_body_over_its_limit_is_cut_off_and_the_upstream_sees_no_whole_request():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        client.send(b"POST /api/trpc/auth.login HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n")
        client.send(b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(5):
            client.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        assert (await client.response()).status == 413
        assert upstream.requests == []


async def test_expect_is_answered_only_when_the_body_is_wanted():
    head = "POST /api/trpc/auth.login HTTP/1.1\r\nhost: g\r\ncontent-type: %s\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        client.send((head % "application/json").encode())
        assert (await client.response()).status == 100
        client.send(b"{}")
        assert (await client.response()).status == 200
        assert upstream.requests[0].all(b"expect") == []
        client.send((head % "text/html").encode())
        refused = await client.response()
        assert (refused.status, refused[b"connection"]) == (415, b"close")
        assert await client.ended()


async def test_a_client_that_leaves_cancels_its_call():
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with serving(script=script) as (gateway, upstream):
        async with wire(gateway.port) as client:
            client.send(get("/api/info"))
            await asyncio.wait_for(upstream.arrived.wait(), 5)
            client.reset()
        await asyncio.wait_for(upstream.gone.wait(), 5)
        assert gateway.seen.exchanges[0].status == 0


async def test_a_broken_stream_cuts_the_client():
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")

    async with serving(script=script) as (gateway, _):
        for request in (get("/files/a"), b"GET /files/a HTTP/1.0\r\nhost: g\r\n\r\n"):
            async with wire(gateway.port) as client:
                client.send(request)
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    answer = await client.response()
                    if not answer.whole:
                        raise ConnectionResetError
        assert gateway.seen.reasons == ["upstream_broken", "upstream_broken"]


async def test_an_upstream_that_is_gone_slow_or_broken_is_named():
    async def silent(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with serving(b"garbage\r\n\r\n") as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get("/api/info"))).status == 502
    async with serving(script=silent, response="100ms") as (gateway, _), wire(gateway.port) as client:
        answer = await client.ask(get("/api/trpc/lessons.a"))
        assert (answer.status, json.loads(answer.body)["error"]["json"]["data"]["code"]) == (504, "GATEWAY_TIMEOUT")


async def test_a_slow_head_is_ended():
    async with serving(header_timeout="100ms") as (gateway, _), wire(gateway.port) as client:
        client.send(b"GET /api/info HTTP/1.1\r\nhost: ")
        assert (await client.response()).status == 408
        assert await client.ended()
        assert gateway.seen.reasons == ["head_timeout"]


async def test_a_stalled_body_is_ended():
    async with serving(body_timeout="100ms") as (gateway, upstream), wire(gateway.port) as client:
        client.send(post("/api/trpc/auth.login", b"{}")[:-1])
        answer = await client.response()
        assert (answer.status, answer[b"connection"]) == (408, b"close")
        assert upstream.requests == []


async def test_a_bug_has_the_plainest_response_and_is_logged_by_its_line_only():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        gateway.runtime.routes = None
        answer = await client.ask(get(f"/api/info?{SECRET}"))
        assert (answer.status, json.loads(answer.body)["reason"]) == (500, "internal_error")
        ((name, fields),) = gateway.seen.events
        assert name == "bug"
        assert SECRET not in str(fields)


async def test_a_request_in_flight_finishes_on_the_runtime_that_it_began_with():
    answering = asyncio.Event()

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await fake.read(reader)
            await answering.wait()
            writer.write(OK)

    async with serving(script=script) as (gateway, upstream), wire(gateway.port) as client:
        client.send(get("/api/info"))
        await upstream.arrived.wait()
        before, after = gateway.runtime, Runtime(gateway.config, Tools(gateway.store))
        gateway.server.swap(after)
        await before.close()
        answering.set()
        assert (await client.response()).status == 200
        old, new = (runtime.upstreams["tutor"].pool for runtime in (before, after))
        await eventually(lambda: not old.open)  # closed: the pool takes nothing back
        assert (await client.ask(get("/api/info"))).status == 200
        assert (upstream.connections, len(new.open), len(new.endpoints[0].idle)) == (2, 1, 1)
        await after.close()


async def test_a_sweep_of_many_connections_leaves_the_loop_to_others_in_between(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.proxy.server.server.SLICE", 2)
    monkeypatch.setattr("gateway.proxy.server.server.SWEEP", 0.05)
    looked: list[int] = []
    end_late = Server._end_late

    def counted(self: Server, clients: Iterable[ClientConnection]) -> None:
        clients = list(clients)
        looked.append(len(clients))
        end_late(self, clients)

    monkeypatch.setattr(Server, "_end_late", counted)
    async with serving(header_timeout="100ms") as (gateway, _), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(wire(gateway.port)) for _ in range(7)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\n")
        responses = await asyncio.gather(*(client.response() for client in clients))
        assert [response.status for response in responses] == [408] * 7, "each is ended in its time all the same"
        assert max(looked) <= 2
