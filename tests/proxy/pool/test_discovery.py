"""Names that are looked up again: each address an endpoint, old ones drained, and nothing lost when a lookup fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from gateway.core.addresses import BOTH, MAX_ADDRESSES, Family, Lookup, Resolver
from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.discovery import DnsDiscovery
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.upstream import Upstream
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, running_gateway
from tests.upstream_fixture import OK, running_upstream, wire
from tests.upstream_fixture import Upstream as Fake


class Looked:
    """An upstream whose name leads where a test says."""

    def __init__(self, host: str, port: int, lookup: Lookup, **more: Any) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.moves: list[tuple[int, int]] = []
        self.written = Endpoint(host, port, None, weight=3, priority=2, region="eu")
        self.pool = Pool(
            [self.written],
            connect=1,
            response=5,
            silence=1,
            idle=4,
            max_connections=10,
            resolver=Resolver(lookup),
        )
        attempt = UpstreamAttempt("tutor", self.pool)
        self.upstream = Upstream(attempt, Attempts(attempt))
        self.names = DnsDiscovery(
            self.pool,
            30,
            lambda name, **fields: self.events.append((name, fields)),
            lambda joined, left: self.moves.append((len(joined), len(left))),
            lambda: 0.5,
            **more,
        )

    async def look(self) -> list[str]:
        await self.names.look_up(self.written)
        return [endpoint.address for endpoint in self.pool.endpoints]

    async def call(self) -> UpstreamConnection:
        exchange = Exchange("GET", "/a", {b"host": b"gateway"}, "192.0.2.1", 0.0)
        exchange.id, exchange.path = "request-1", "/a"
        response = await self.upstream.response(UpstreamCall(exchange, "/a", lambda status, pairs: None))
        assert not isinstance(response, Refusal), response.detail
        return response


def saying(*responses: list[str] | Exception) -> Lookup:
    """Gives one response after the other, the last for ever."""
    left = list(responses)

    async def lookup(host: str, port: int, family: Family = BOTH) -> list[str]:
        assert host == "backend.example"
        response = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(response, Exception):
            raise response
        return response

    return lookup


async def test_each_address_is_an_endpoint_that_is_what_was_written():
    here = Looked("backend.example", 80, saying(["192.0.2.1", "192.0.2.2", "192.0.2.1"]))
    assert await here.look() == ["192.0.2.1", "192.0.2.2"]
    for endpoint in here.pool.endpoints:
        assert (endpoint.host, endpoint.port, endpoint.authority) == ("backend.example", 80, "backend.example")
        assert (endpoint.weight, endpoint.priority, endpoint.region) == (3, 2, "eu")
        assert endpoint.clock == here.pool.loop.time
    assert here.written.removed
    assert here.moves == [(2, 1)]
    assert here.events == [("resolved", {"host": "backend.example", "addresses": ["192.0.2.1", "192.0.2.2"]})]


async def test_what_stays_keeps_what_is_known_of_it():
    here = Looked(
        "backend.example",
        80,
        saying(["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.3"], ["192.0.2.3", "192.0.2.2"]),
    )
    await here.look()
    first, second = here.pool.endpoints
    listed = here.pool.endpoints
    assert await here.look() == ["192.0.2.2", "192.0.2.3"]
    assert here.pool.endpoints is listed, "whoever looks at the list sees the change"
    assert listed[0] is second
    assert (first.removed, second.removed) == (True, False)
    await here.look()
    assert here.moves == [(2, 1), (1, 1)], "another order is no change"


@pytest.mark.parametrize("trouble", [OSError("no such name"), UnicodeError("label too long"), []])
async def test_a_failed_lookup_keeps_the_last_known(trouble):
    lookup = saying(["192.0.2.1"], trouble, trouble, ["192.0.2.1"])
    here = Looked("backend.example", 80, lookup)
    await here.look()
    for _ in range(3):
        assert await here.look() == ["192.0.2.1"]
    names = [name for name, _ in here.events]
    assert names == ["resolved", "resolve_failed", "resolve_well"], "once, however often it fails"


async def test_a_name_that_never_resolved_is_still_what_was_written():
    here = Looked("backend.example", 80, saying(OSError("no such name")))
    assert await here.look() == [""]
    assert here.pool.endpoints == [here.written]


async def test_a_lookup_that_hangs_costs_a_bounded_time_and_is_not_begun_twice():
    begun = 0
    response: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    async def lookup(host: str, port: int, family: Family = BOTH) -> list[str]:
        nonlocal begun
        begun += 1
        return await response

    here = Looked("backend.example", 80, lookup, timeout=0.01)
    for _ in range(3):
        assert await asyncio.wait_for(here.look(), 1) == [""]
    assert begun == 1
    assert [name for name, _ in here.events] == ["resolve_failed"]
    response.set_result(["192.0.2.1"])
    assert await here.look() == ["192.0.2.1"]
    await here.look()
    assert begun == 2


async def test_an_absurd_response_is_cut():
    here = Looked("backend.example", 80, saying([f"192.0.2.{number}" for number in range(200)]))
    assert len(await here.look()) == MAX_ADDRESSES


@contextlib.asynccontextmanager
async def two_addresses() -> AsyncIterator[tuple[Fake, Fake]]:
    """One port on two addresses of loopback."""
    other = Fake()
    async with running_upstream() as first:

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
            return other.serve(reader, writer)

        server = await asyncio.start_server(accept, "127.0.0.2", first.port)
        try:
            yield first, other
        finally:
            server.close()


async def test_all_addresses_get_calls_and_one_that_goes_is_drained():
    arrived = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        arrived.set()
        await go_on.wait()
        writer.write(OK)
        assert await reader.read() == b"", "the connection is not kept"

    async with two_addresses() as (first, second):
        here = Looked("backend.example", first.port, saying(["127.0.0.1", "127.0.0.2"], ["127.0.0.2"]))
        await here.look()
        for _ in range(20):
            (await here.call()).finish()
        assert min(len(first.requests), len(second.requests)) > 0
        assert first.requests[0].all(b"host") == [f"backend.example:{first.port}".encode()]
        leaving = here.pool.endpoints[0]
        kept = leaving.idle.pop()  # aside, so that the next call makes a connection
        first.script = slow
        here.pool.endpoints[1].in_flight = 100  # of two, so the next call goes to the first
        calling = asyncio.create_task(here.call())
        await asyncio.wait_for(arrived.wait(), 5)
        here.pool.endpoints[1].in_flight = 0
        leaving.idle.append(kept)
        before = len(first.requests)
        assert await here.look() == ["127.0.0.2"]
        for _ in range(5):
            (await here.call()).finish()
        go_on.set()
        response = await calling
        assert response.status == 200
        response.finish()
        await asyncio.wait_for(first.gone.wait(), 5)
        assert {connection.owner.endpoint for connection in here.pool.open} == {here.pool.endpoints[0]}
        assert len(first.requests) == before
        await here.pool.close()


ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{{url: "http://localhost:{port}"}}]
    timeouts: {{connect: 1s, response: 1s}}
    resolve: 1h
    health_check: {{path: /health, interval: 1h}}
routes:
  - {{name: a, paths: [/a], upstream: tutor, auth: public}}
"""


async def test_a_gateway_looks_up_the_names_it_was_given_and_checks_what_it_found():
    async with running_upstream() as fake:
        async with running_gateway(ENTRY.format(port=fake.port), policies=POLICIES) as gateway:
            runtime = gateway.runtime
            endpoints = runtime.upstreams["tutor"].endpoints
            await eventually(lambda: endpoints[0].address and fake.requests)
            async with wire(gateway.port) as client:
                assert (await client.ask(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")).status == 200
        assert fake.requests[0].line == b"GET /health HTTP/1.1"
        assert fake.requests[-1].all(b"host") == [f"localhost:{fake.port}".encode()]
