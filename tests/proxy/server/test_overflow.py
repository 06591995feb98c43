"""Health has a response while every connection of the limit serves a request; everything else is refused within a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from gateway.ops.health.health import Health, Serving
from gateway.ops.health.store import StoreStatus
from gateway.proxy.server.overflow import EACH_SWEEP, MOST, OF_ADDRESS
from tests.eventually import eventually
from tests.gateway_fixture import Running, running_gateway
from tests.proxy.requests import get
from tests.upstream_fixture import Upstream, Wire, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{connections: 4}}}}
upstreams: {{tutor: {{endpoints: [{{url: "http://127.0.0.1:{port}"}}]}}}}
defaults: {{cors: app}}
routes: [{{name: info, paths: [/api/info], upstream: tutor, auth: public}}]
"""


async def silent(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await fake.read(reader)
    await reader.read()


@pytest.fixture
async def busy() -> AsyncIterator[Running]:
    """A gateway whose four connections all wait for the upstream."""
    health = Health("1")
    health.serving = Serving("d1gest", 0.0, StoreStatus("embedded"))
    async with (
        running_upstream(script=silent) as fake,
        running_gateway(ENTRY.format(port=fake.port), health=health.public) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(4):
            (await stack.enter_async_context(wire(gateway.port))).send(get("/api/info"))
        await eventually(lambda: len(fake.requests) == 4)
        yield gateway


@contextlib.asynccontextmanager
async def connected(gateway: Running, count: int) -> AsyncIterator[list[Wire]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(wire(gateway.port)) for _ in range(count)]


async def test_health_has_a_response_and_nothing_else_has(busy: Running) -> None:
    for path, status in (("/health", 200), ("/health/live", 200), ("/health/ready", 200), ("/api/info", 503)):
        async with wire(busy.port) as client:
            response = await client.ask(get(path))
            assert response.status == status
            if status == 503:
                assert json.loads(response.body)["reason"] == "too_many_connections"
    assert busy.server.connections == 4


async def test_a_page_of_an_allowed_origin_reads_that_there_are_too_many(busy: Running) -> None:
    async with wire(busy.port) as client:
        response = await client.ask(get("/api/info", "origin: https://linguamate.app"))
        assert (response.status, response[b"access-control-allow-origin"]) == (503, b"https://linguamate.app")
    async with wire(busy.port) as client:
        response = await client.ask(get("/api/info", "origin: https://evil.example"))
        assert response.status == 403 and b"access-control-allow-origin" not in response


async def test_clients_that_connect_and_say_nothing_keep_health_from_nobody(busy: Running) -> None:
    async with connected(busy, 3 * MOST):
        async with wire(busy.port) as client:
            assert (await client.ask(get("/health/live"))).status == 200
        assert busy.server._overflow is not None
        assert len(busy.server._overflow.count.connections) <= MOST


async def test_an_address_that_connects_without_end_keeps_health_from_no_other(
    busy: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    overflow = busy.server._overflow
    assert overflow is not None
    monkeypatch.setattr(overflow, "sweep", lambda: None)
    for number in range(2):
        for _ in range(EACH_SWEEP):
            _, writer = await asyncio.open_connection("127.0.0.1", busy.port, local_addr=(f"127.0.0.{number + 2}", 0))
            writer.close()
    async with wire(busy.port) as client:
        assert (await client.ask(get("/health/live"))).status == 200
    assert overflow._left == EACH_SWEEP - 2 * OF_ADDRESS - 1


async def ended(client: Wire) -> None:
    with contextlib.suppress(ConnectionError):
        await client.reader.read()


async def test_a_flood_beyond_the_limit_is_ended_and_not_held(busy: Running) -> None:
    async with connected(busy, 3 * EACH_SWEEP) as crowd:
        assert busy.server._overflow is not None
        assert len(busy.server._overflow.count.connections) <= MOST
        async with asyncio.timeout(5):
            await asyncio.gather(*(ended(client) for client in crowd))
        assert busy.server.connections == 4


async def test_a_connection_that_says_nothing_is_refused_within_seconds(busy: Running) -> None:
    async with wire(busy.port) as client:
        response = await client.response()
        assert (response.status, json.loads(response.body)["reason"]) == (503, "too_many_connections")
    async with wire(busy.port) as client:
        assert (await client.ask(get("/health/live"))).status == 200
        async with asyncio.timeout(5):
            assert await client.reader.read() == b"", "an idle connection beyond the limit does not stay"
    assert busy.server._overflow is not None
    await eventually(lambda: not busy.server._overflow.count.connections)
