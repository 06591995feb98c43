"""What a request finds when it arrives: a record of its own, and the route that it runs under."""

from __future__ import annotations

import json

import pytest

from gateway.core.verdict import Reply
from tests.data_plane_fixture import serving
from tests.proxy.requests import get, post
from tests.upstream_fixture import wire


@pytest.mark.parametrize(("method", "status"), [(b"GET", 200), (b"HEAD", 200), (b"POST", 405)])
async def test_a_health_path_is_answered_here_before_any_route(method: bytes, status: int) -> None:
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        gateway.server.dispatcher.health = lambda path: Reply(200, (), b"{}") if path == "/health" else None
        client.send(get("/health").replace(b"GET", method, 1))
        assert (await client.response(head_only=method == b"HEAD")).status == status
        assert (await client.ask(get("/api/info"))).status == 200
        assert [received.line.split()[1] for received in upstream.requests] == [b"/api/info"]


async def test_without_a_runtime_there_is_nothing_to_route_to_yet() -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        gateway.server.dispatcher.runtime = None
        response = await client.ask(get("/api/info"))
        gateway.server.dispatcher.runtime = gateway.runtime
        assert (response.status, json.loads(response.body)["reason"]) == (503, "draining")


@pytest.mark.parametrize(
    ("request_bytes", "kept"),
    [
        (get("/files/a"), True),
        (get("/files/a", "connection: close"), False),
        (get("/files/a", "connection: upgrade", "upgrade: websocket"), False),
        (post("/files/a", b"{}"), True),
        (b"POST /files/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"GET /files/a HTTP/1.0\r\nhost: a\r\n\r\n", False),
    ],
)
async def test_a_connection_ends_behind_what_is_open_to_two_readings(request_bytes: bytes, kept: bool) -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        response = await client.ask(request_bytes)
        assert (response.status, b"connection" not in response) == (200, kept)


async def test_requests_that_arrive_while_the_gateway_drains_are_the_last_of_their_connection() -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert b"connection" not in await client.ask(get("/files/a"))
        gateway.server.dispatcher.draining = True
        assert (await client.ask(get("/files/a")))[b"connection"] == b"close"
