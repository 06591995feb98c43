"""Upstreams at names, as their clients see it: an address that is dead or fails is left out, and the name goes on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.core.addresses import Resolver
from gateway.proxy.compile import upstreams
from tests.black_hole import black_hole
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Recorder, Running, running_gateway
from tests.named_upstream import HOST, Names, Servers, servers
from tests.upstream_fixture import wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{{url: "http://{host}:{port}"}}]
    timeouts: {{connect: 5s, response: 5s}}
{more}
routes:
  - {{name: a, paths: [/a], upstream: tutor, auth: public}}
"""
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
REQUEST = b"GET /a HTTP/1.1\r\nhost: gateway\r\n\r\n"


@contextlib.asynccontextmanager
async def gateway_before(found: Servers, names: Names, more: str = "", host: str = HOST) -> AsyncIterator[Running]:
    entry = ENTRY.format(host=host, port=found.port, more=more)
    async with running_gateway(entry, policies=POLICIES, events=Events(), resolver=Resolver(names)) as gateway:
        yield gateway


class Events(Recorder):
    """All events of an upstream."""

    def breaker_changed(self, upstream: str, before: str, state: str, failures: int) -> None: ...

    def locked(self, lockout: str, lock: object) -> None: ...


async def statuses(gateway: Running, many: int) -> list[int]:
    async with wire(gateway.port) as client:
        return [(await client.ask(REQUEST)).status for _ in range(many)]


MODES = ["", "    ejection: {}", "    resolve: 30s", "    retries: {}", "    hedge: {after: 1s}\n    ejection: {}"]


@pytest.mark.parametrize("more", MODES)
async def test_a_dead_ipv6_address_keeps_no_call_from_a_healthy_name(more: str) -> None:
    async with servers("127.0.0.1") as found:
        with black_hole("::1", found.port):
            async with gateway_before(found, Names(["::1", "127.0.0.1"]), more) as gateway:
                assert await statuses(gateway, 5) == [200] * 5
        assert found.requests["127.0.0.1"] == 5


async def test_what_is_ejected_is_the_address() -> None:
    async with servers("127.0.0.1", "127.0.0.2") as found:
        found.response["127.0.0.2"] = UNAVAILABLE
        async with gateway_before(found, Names(["127.0.0.2", "127.0.0.1"]), "    ejection: {failures: 2}") as gateway:
            await eventually(lambda: len(gateway.runtime.upstreams["tutor"].endpoints) == 2)
            await statuses(gateway, 60)
            bad, good = gateway.runtime.upstreams["tutor"].endpoints
            assert (bad.address, bad.healthy, good.healthy) == ("127.0.0.2", False, True)
            assert found.requests["127.0.0.2"] == 2
            assert await statuses(gateway, 10) == [200] * 10


async def test_a_single_name_of_which_no_address_is_healthy_is_asked_nevertheless() -> None:
    """As it was before each of its addresses could be ejected: the health path may be what is broken."""
    more = "    ejection: {}\n    health_check: {path: /a, interval: 20ms, unhealthy: 1, expect: [204]}"
    async with servers("127.0.0.1", "127.0.0.2") as found, contextlib.AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(gateway_before(found, Names(["127.0.0.2", "127.0.0.1"]), more))
        pool = gateway.runtime.upstreams["tutor"].pool
        await eventually(lambda: len(pool.endpoints) == 2 and not any(each.healthy for each in pool.endpoints))
        assert await statuses(gateway, 3) == [200] * 3


async def test_a_name_is_followed_without_being_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert upstreams.INTERVAL <= 5.0
    monkeypatch.setattr(upstreams, "INTERVAL", 0.1)
    names = Names(["127.0.0.2"])
    async with servers("127.0.0.1", "127.0.0.2") as found, gateway_before(found, names) as gateway:
        upstream = gateway.runtime.upstreams["tutor"]
        assert upstream.attempts is None, "a call to it takes the short way"
        assert await statuses(gateway, 3) == [200] * 3
        names.addresses = ["127.0.0.1"]
        await eventually(lambda: found.connections["127.0.0.2"] == 0)  # and nobody calls
        assert await statuses(gateway, 3) == [200] * 3
        assert found.requests == {"127.0.0.2": 3, "127.0.0.1": 3}
