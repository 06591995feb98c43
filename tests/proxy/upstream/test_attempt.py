"""One attempt at one endpoint: what is sent, and when it is sent once more."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.upstream.upstream import Upstream
from tests.proxy.upstream_calls import call, calling, exchange, responded, slug
from tests.upstream_fixture import OK, running_upstream
from tests.upstream_fixture import Upstream as Fake


async def test_a_head_carries_what_the_gateway_means_and_nothing_else():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        made = exchange(
            x_forwarded_for="6.6.6.6", cf_connecting_ip="6.6.6.6", x_user_id="1", x_drop="1", te="trailers",
            connection="close", authorization="Bearer mine", accept="*/*",
        )  # fmt: skip
        response = responded(await call(upstream, made))
        assert (response.status, response.take()) == (200, b"{}")
    (request,) = fake.requests
    assert request.line == b"GET /a HTTP/1.1"
    assert dict(request.fields) == {
        b"host": f"127.0.0.1:{fake.port}".encode(),
        b"x-forwarded-for": b"192.0.2.1",
        b"x-forwarded-proto": b"http",
        b"x-request-id": b"request-1",
        b"x-correlation-id": b"request-1",
        b"authorization": b"Bearer key",
        b"accept": b"*/*",
    }
    assert len(request.fields) == len(dict(request.fields))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_a_idle_connection_closed_under_an_idempotent_call_is_replaced_once(method):
    async with running_upstream() as fake, calling(fake.port) as upstream:
        await _leave_a_dead_connection(fake, upstream)
        response = responded(await call(upstream, exchange(method)))
        assert response.status == 200
        assert fake.connections == 2


async def test_a_post_reaches_the_upstream_at_most_once():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        await _leave_a_dead_connection(fake, upstream)
        assert slug(await call(upstream, exchange("POST"))) == "upstream_unreachable"
        assert [request.line.split()[0] for request in fake.requests].count(b"POST") <= 1


async def _leave_a_dead_connection(fake: Fake, upstream: Upstream) -> None:
    """One kept connection that the upstream closes on the next request's first byte."""
    served = fake.serve

    async def script(_: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(OK)
        fake.script = None
        await reader.readexactly(1)

    fake.script = script
    response = responded(await call(upstream))
    response.finish()
    assert served is not None and len(upstream.pool.endpoints[0].idle) == 1


async def test_a_fresh_connection_closed_without_a_response_is_broken_not_retried():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"
        assert fake.connections == 1
