"""A listener that drains: who is answered, and how each connection ends."""

from __future__ import annotations

import asyncio

from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.proxy.requests import get
from tests.upstream_fixture import OK, Upstream, wire


async def test_draining_finishes_what_runs_and_ends_idle_connections():
    release = asyncio.Event()

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await reader.read()

    async with (
        serving(script=script) as (gateway, upstream),
        wire(gateway.port) as busy,
        wire(gateway.port) as idle,
    ):
        busy.send(get("/api/info"))
        await asyncio.wait_for(upstream.arrived.wait(), 5)
        drain = asyncio.ensure_future(gateway.server.drain(5))
        assert await idle.ended()
        release.set()
        answer = await busy.response()
        assert (answer.status, answer[b"connection"]) == (200, b"close"), "though it began before the drain"
        assert await busy.ended()
        await drain


async def test_in_a_drain_a_kept_connection_has_time_for_one_more_request():
    async with serving() as (gateway, _), wire(gateway.port) as used, wire(gateway.port) as idle:
        for client in (used, idle):
            assert (await client.ask(get("/api/info"))).status == 200
        began = asyncio.get_running_loop().time()
        drain = asyncio.ensure_future(gateway.server.drain(5.0, idle=0.3))
        await asyncio.sleep(0.1)
        assert not drain.done()
        answer = await used.ask(get("/api/info"))
        assert (answer.status, answer[b"connection"]) == (200, b"close")
        assert await used.ended()
        assert await idle.ended()
        assert 0.3 <= asyncio.get_running_loop().time() - began < 2.0
        await drain
        assert [name for name, _ in gateway.seen.events] == []


async def test_in_a_drain_pipelined_requests_are_all_answered_and_the_last_one_closes():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get("/api/info"))).status == 200
        drain = asyncio.ensure_future(gateway.server.drain(5.0, idle=1.0))
        await asyncio.sleep(0)
        client.send(get("/api/info") * 4)
        assert [b"connection" in await client.response() for _ in range(4)] == [False, False, False, True]
        assert await client.ended()
        await drain


async def test_bytes_behind_the_last_response_do_not_reset_it():
    """A close with bytes unread is a reset, which may overtake what was sent (RFC 9112 9.6)."""
    release = asyncio.Event()

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await release.wait()
        writer.write(OK)
        await reader.read()

    async with serving(script=script) as (gateway, upstream), wire(gateway.port) as client:
        client.send(get("/api/info"))
        await asyncio.wait_for(upstream.arrived.wait(), 5)
        drain = asyncio.ensure_future(gateway.server.drain(5.0))
        await asyncio.sleep(0)
        client.send(get("/api/info")[:30])
        release.set()
        answer = await client.response()
        assert (answer.status, answer[b"connection"]) == (200, b"close")
        client.send(get("/api/info"))
        assert await client.reader.read() == b""
        await client.close()
        await drain


async def test_a_head_that_is_arriving_is_waited_for_in_a_drain():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        client.send(get("/api/info")[:9])
        await eventually(lambda: gateway.server.clients and not next(iter(gateway.server.clients)).silent_since)
        drain = asyncio.ensure_future(gateway.server.drain(5.0))
        await asyncio.sleep(0.1)
        client.send(get("/api/info")[9:])
        assert (await client.response()).status == 200
        await drain
