"""What is over is gone at once: cycles wait for the collector, and memory goes up and down by megabytes meanwhile."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.proxy.flow.flow import Flow
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.server.connection import ClientConnection
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.requests import get, post
from tests.upstream_fixture import OK, wire

ANY = "/files/a"
LAST = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)


@pytest.fixture
def uncollected() -> Any:
    gc.collect()
    gc.freeze()  # what fixtures of other tests hold is not of this one
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def left(kind: type) -> list[object]:
    return [found for found in gc.get_objects() if isinstance(found, kind)]


async def quiet(gateway: Running) -> None:
    """Until nothing is in flight and every client is gone."""
    await eventually(lambda: not gateway.server.dispatcher.in_flight and not gateway.server.clients)
    gateway.seen.exchanges.clear()
    for _ in range(3):
        await asyncio.sleep(0)


async def test_an_upstream_that_closes_leaves_nothing_to_the_collector(uncollected: None):
    async with serving(LAST) as (gateway, _):
        async with wire(gateway.port) as client:
            for _ in range(5):
                assert (await client.ask(get(ANY))).status == 200
                assert (await client.ask(post(ANY, b"x"))).status == 200
        await quiet(gateway)
        assert (left(UpstreamConnection), left(Flow), left(Exchange), left(ClientConnection)) == ([], [], [], [])


async def test_a_connection_that_waits_in_the_pool_remembers_no_request(uncollected: None):
    async with serving() as (gateway, _):
        async with wire(gateway.port) as client:
            assert (await client.ask(get(ANY))).status == 200
            assert (await client.ask(get(ANY))).status == 200
        await quiet(gateway)
        assert len(left(UpstreamConnection)) == 1
        assert (left(Flow), left(Exchange)) == ([], [])
