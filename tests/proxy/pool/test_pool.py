"""Which connection a call gets, and when one is closed or refused."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.upstream import Upstream
from tests.proxy.upstream_calls import call, calling, exchange, responded, slug
from tests.upstream_fixture import Upstream as Fake
from tests.upstream_fixture import running_upstream


async def test_a_idle_connection_is_used_again():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        for _ in range(3):
            response = responded(await call(upstream))
            response.finish()
    assert (fake.connections, len(fake.requests)) == (1, 3)


async def test_nobody_listening_is_unreachable_and_another_endpoint_is_asked():
    async with running_upstream() as fake:
        async with running_upstream() as dead:
            pass
        async with calling(dead.port) as upstream:
            assert slug(await call(upstream)) == "upstream_unreachable"
        async with calling(dead.port, fake.port) as upstream:
            response = responded(await call(upstream, exchange("POST")))
            assert response.status == 200


async def test_a_name_that_does_not_resolve_is_unreachable():
    pool = Pool([Endpoint("nowhere.invalid", 80, None)], connect=5, response=1, silence=1, idle=1, max_connections=1)
    assert slug(await call(Upstream(UpstreamAttempt("tutor", pool)))) == "upstream_unreachable"


async def test_silence_is_a_timeout():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with running_upstream(script=script) as fake, calling(fake.port, response=0.05) as upstream:
        assert slug(await call(upstream)) == "upstream_timeout"
        await asyncio.wait_for(fake.gone.wait(), 5)


async def test_a_stalled_stream_is_a_timeout():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()

    async with running_upstream(script=script) as fake, calling(fake.port, silence=0.05) as upstream:
        response = responded(await call(upstream))
        assert await response.read() == b"a"
        with pytest.raises(UpstreamError, match="stalled"):
            await response.read()


async def test_a_full_pool_says_busy():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        upstream.pool.max_connections = 1
        first = responded(await call(upstream))
        assert slug(await call(upstream)) == "upstream_busy"
        first.finish()
        assert responded(await call(upstream)).status == 200


async def test_an_idle_connection_ends_before_the_upstream_ends_it():
    async with running_upstream() as fake, calling(fake.port, idle=0.05) as upstream:
        response = responded(await call(upstream))
        response.finish()
        await asyncio.wait_for(fake.gone.wait(), 5)
