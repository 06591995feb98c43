"""The operators' listener waits for nobody for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import web

from gateway.cli.ops_client import RELOADING
from gateway.ops.api.clock import LONGER, ConnectionClock
from tests.eventually import eventually


@contextlib.asynccontextmanager
async def listening(
    wait: float, request: float, longer: Mapping[str, float] = LONGER
) -> AsyncIterator[tuple[tuple[str, int], web.Server]]:
    """A server with the clock, one long response and one that never comes."""
    clock = ConnectionClock(wait, request, longer)

    async def long(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 20_000_000)

    async def slow(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text="done")

    app = web.Application(middlewares=[clock.middleware])
    app.router.add_get("/long", long)
    app.router.add_post("/slow", slow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, keepalive_timeout=60.0)
    await runner.setup()
    assert runner.server is not None
    site = web.SockSite(runner, sock := socket.create_server(("127.0.0.1", 0)))
    await site.start()
    clock.start(runner.server)
    address = sock.getsockname()
    try:
        yield address, runner.server
    finally:
        clock.stop()
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ops.api.clock.TICK", 0.02)


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        for byte in data:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0.02)


WAITING = {
    "nothing": b"",
    "drips": b"GET /long HTTP/1.1\r\n" + b"x: y\r\n" * 100,
    "body-drips": b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n" + b"x" * 900,
}


@pytest.mark.parametrize("data", WAITING.values(), ids=WAITING)
async def test_a_request_that_does_not_come_is_waited_for_shortly(data: bytes) -> None:
    async with listening(0.3, 1.2) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        dripping = asyncio.create_task(drip(writer, data))
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        dripping.cancel()
        writer.close()


async def test_a_response_that_is_not_taken_is_cut_off() -> None:
    async with listening(60.0, 0.3) as (address, server):
        with socket.create_connection(address) as sock:
            sock.sendall(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n")
            await eventually(lambda: server.requests_count)
            await eventually(lambda: not server.connections)


async def test_a_request_in_time_is_served_and_its_connection_kept() -> None:
    async with listening(0.5, 0.5) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(4):
            writer.write(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx")
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.2)
        writer.close()


async def test_a_path_may_have_more_time_than_others() -> None:
    async with listening(60.0, 0.1, {"/slow": 30.0}) as (address, server):
        with socket.create_connection(address) as sock:
            sock.sendall(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n")
            await eventually(lambda: server.requests_count)
            await asyncio.sleep(0.3)
            assert server.connections
    assert LONGER["/v1/reload"] > RELOADING  # who orders one has its outcome, or has stopped waiting
