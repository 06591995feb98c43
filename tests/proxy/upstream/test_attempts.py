"""Several endpoints behind one upstream, over real sockets: what a client gets while some or all of them are down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.config.upstream_settings import EjectionSettings
from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.outlier import OutlierEjection
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.upstream import Upstream
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Response, running_upstream, wire
from tests.upstream_fixture import Upstream as Fake

GET = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def entry(*endpoints: str, more: str = "", head: str = "") -> str:
    listed = "".join(f"      - {{{endpoint}}}\n" for endpoint in endpoints)
    return (
        f"version: 1\n{head}include: [policies/*.yaml]\nupstreams:\n  tutor:\n    endpoints:\n{listed}"
        f"    timeouts: {{connect: 1s, response: 1s}}\n{more}"
        "routes:\n  - {name: a, paths: [/a], methods: [GET, POST], upstream: tutor, auth: public, body: json}\n"
    )


async def ask(gateway: Running, data: bytes = GET) -> Response:
    async with wire(gateway.port) as client:
        return await client.ask(data)


@contextlib.asynccontextmanager
async def calling(*ports: int, connect: float = 1.0, **ejection: Any) -> AsyncIterator[Upstream]:
    pool = Pool(
        [Endpoint("127.0.0.1", port, None) for port in ports],
        max_connections=50,
        connect=connect,
        response=1,
        silence=1,
        idle=4,
    )
    attempt, watching = UpstreamAttempt("tutor", pool), None
    if ejection:
        settings = EjectionSettings.model_validate(ejection)
        watching = OutlierEjection(
            settings, pool.endpoints, pool.loop.time, pool.balancer.changed, lambda name, **fields: None
        )
    try:
        yield Upstream(attempt, Attempts(attempt, None, watching) if watching is not None else None)
    finally:
        for connection in list(pool.open):
            connection.close()
        await pool.close()


async def call(upstream: Upstream, method: str = "GET") -> int | str:
    exchange = Exchange(method, "/a", {b"host": b"gateway"}, "192.0.2.1", 0.0)
    exchange.id, exchange.path = "request-1", "/a"
    response = await upstream.response(UpstreamCall(exchange, "/a", lambda status, pairs: None))
    if isinstance(response, Refusal):
        return response.reason.slug
    assert isinstance(response, UpstreamConnection)
    response.finish()
    return response.status


async def dead_port() -> int:
    async with running_upstream() as dead:
        return dead.port


async def test_an_upstream_with_one_endpoint_and_nothing_more_is_asked_directly():
    async with running_upstream() as fake, running_gateway(entry(f'url: "{fake.url}"'), policies=POLICIES) as gateway:
        runtime = gateway.runtime
        upstream = runtime.upstreams["tutor"]
        assert upstream.attempts is None


async def test_every_call_is_answered_while_one_endpoint_is_down():
    async with running_upstream() as fake:
        written = entry(f'url: "http://127.0.0.1:{await dead_port()}", weight: 100', f'url: "{fake.url}"')
        async with running_gateway(written, policies=POLICIES) as gateway:
            assert {(await ask(gateway, data)).status for data in [GET, POST] * 10} == {200}
        assert len(fake.requests) == 20


async def test_the_own_region_and_the_lowest_priority_get_the_calls():
    async with running_upstream() as near, running_upstream() as far, running_upstream() as spare:
        endpoints = (
            f'url: "{far.url}", weight: 100, region: us',
            f'url: "{near.url}", region: eu',
            f'url: "{spare.url}", region: eu, priority: 1, weight: 100',
        )
        written = entry(*endpoints, head="region: ${GATEWAY_REGION:-}\n")
        async with running_gateway(written, {"GATEWAY_REGION": "eu"}, policies=POLICIES) as gateway:
            for _ in range(10):
                await ask(gateway)
        assert (len(near.requests), len(far.requests), len(spare.requests)) == (10, 0, 0)


async def test_all_endpoints_down_is_one_response_at_once_and_asks_none_of_them():
    ill = b"HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n"
    async with running_upstream(ill) as one, running_upstream(ill) as other:
        check = "    health_check: {path: /health, interval: 1h, unhealthy: 1}\n"
        written = entry(f'url: "{one.url}"', f'url: "{other.url}"', more=check)
        async with running_gateway(written, policies=POLICIES) as gateway:
            runtime = gateway.runtime
            await eventually(lambda: not any(endpoint.healthy for endpoint in runtime.upstreams["tutor"].endpoints))
            for data in (GET, POST):
                response = await ask(gateway, data)
                assert (response.status, json.loads(response.body)["reason"]) == (503, "no_healthy_endpoint")
                assert response[b"retry-after"] == b"3600"
            assert len(one.requests) == len(other.requests) == 1
            runtime.upstreams["tutor"].endpoints[0].checked_healthy = True
            runtime.upstreams["tutor"].pool.balancer.changed()
            assert (await ask(gateway)).status == 500
        assert len(one.requests) == 2


async def test_a_fallback_stands_in_when_all_are_down():
    more = "    health_check: {path: /health, interval: 1h, unhealthy: 1}\n    fallback: mock\n"
    endpoints = [f'url: "http://127.0.0.1:{await dead_port()}"' for _ in range(2)]
    policies = POLICIES + "fallbacks:\n  mock: {json: {mock: true}}\n"
    async with running_gateway(entry(*endpoints, more=more), policies=policies) as gateway:
        runtime = gateway.runtime
        await eventually(lambda: not any(endpoint.healthy for endpoint in runtime.upstreams["tutor"].endpoints))
        response = await ask(gateway)
        assert (response.status, response.body, response[b"x-gateway-fallback"]) == (200, b'{"mock":true}', b"mock")
        assert gateway.seen.reasons == ["no_healthy_endpoint"]


async def test_where_all_refuse_each_is_asked_once_and_the_client_is_refused():
    async with calling(*[await dead_port() for _ in range(4)]) as upstream:
        assert await asyncio.wait_for(call(upstream, "POST"), 2) == "upstream_unreachable"
        assert [endpoint.failures for endpoint in upstream.endpoints] == [1, 1, 1, 1]


async def test_a_connection_that_ends_before_it_is_used_counts_as_none():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        pool = upstream.pool
        create = pool.loop.create_connection

        async def late(*arguments: Any, **more: Any) -> Any:
            transport, connection = await create(*arguments, **more)
            transport.abort()
            await asyncio.wait_for(fake.gone.wait(), 5)
            return transport, connection

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(pool.loop, "create_connection", late)
            assert await call(upstream, "POST") == "upstream_unreachable"
        assert pool.open == set()


async def test_no_request_fails_when_an_endpoint_dies_under_load():
    """400 queries by 20 clients; one of two endpoints is torn down in the middle, its calls under way cut."""
    more = "    retries: {attempts: 3, on: [connect, reset], budget: 100%}\n    ejection: {failures: 2}\n"
    async with contextlib.AsyncExitStack() as stack:
        stays = await stack.enter_async_context(running_upstream())
        dying = contextlib.AsyncExitStack()
        dies = await dying.enter_async_context(running_upstream())
        written = entry(f'url: "{stays.url}"', f'url: "{dies.url}"', more=more)
        gateway = await stack.enter_async_context(running_gateway(written, policies=POLICIES))
        asked = 0

        async def client() -> None:
            nonlocal asked
            async with wire(gateway.port) as connection:
                for _ in range(20):
                    asked += 1
                    if asked == 200:
                        await dying.aclose()
                    response = await connection.ask(GET)
                    assert (response.status, response.whole) == (200, True)

        await asyncio.gather(*(client() for _ in range(20)))
        assert len(dies.requests) > 20


async def test_no_more_than_two_endpoints_are_waited_for():
    """A listener whose queue is full lets connections hang, as a host that is gone does."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(full.getsockname())
        async with calling(*[full.getsockname()[1]] * 5, connect=0.1) as upstream:
            began = asyncio.get_running_loop().time()
            assert await call(upstream) == "upstream_connect_timeout"
            assert 0.15 < asyncio.get_running_loop().time() - began < 0.4


async def test_an_endpoint_that_fails_gets_no_more_calls_and_proves_itself_with_one():
    async def reset(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)

    async with (
        running_upstream() as good,
        running_upstream(script=reset) as bad,
        calling(good.port, bad.port, failures=3, eject_for=60) as upstream,
    ):
        pool = upstream.pool
        responses = [await call(upstream) for _ in range(60)]
        assert len(bad.requests) == responses.count("upstream_broken") == 3
        assert responses.count(200) == 57
        failing = pool.endpoints[1]
        assert 59 < failing.ejected_for <= 60
        assert upstream.attempts is not None
        assert upstream.attempts.take_counts() == {("ejections", failing.label): 1}
        bad.script = None
        failing.ejected_until = 0.001  # its time is over
        pool.balancer.changed()
        for _ in range(30):
            await call(upstream)
        assert not failing.on_probation
        assert len(bad.requests) > 4


async def test_an_only_endpoint_is_always_tried():
    async with running_upstream() as fake:
        check = "    health_check: {path: /health, interval: 1h, unhealthy: 1, expect: [204]}\n"
        async with running_gateway(entry(f'url: "{fake.url}"', more=check), policies=POLICIES) as gateway:
            runtime = gateway.runtime
            await eventually(lambda: not runtime.upstreams["tutor"].endpoints[0].healthy)
            assert (await ask(gateway)).status == 200
