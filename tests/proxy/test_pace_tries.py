"""What tries an upstream that may be ill: whole requests, which no client holds up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.policy.base import candidates
from tests.eventually import eventually
from tests.held_backend import HeldBackend
from tests.proxy.pacing import KIB, MORE_POLICIES, Pace, opened, pace, upload_head
from tests.upstream_fixture import OK, Upstream, running_upstream


async def test_a_stalled_upload_is_no_probe() -> None:
    async with (
        running_upstream() as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await opened(here, fake)
        await here.begin(stack, upload_head() + b"-" * 200 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 6)
        assert (await here.honest()).status == 200
        assert here.state == "closed"


async def test_an_upstream_that_gets_nothing_but_uploads_is_tried_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "SETTLED", 0.01)
    async with (
        running_upstream() as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await opened(here, fake)
        await here.stall(stack, 8, upload_head() + b"-" * 200 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 13)
        await asyncio.sleep(0.02)
        (client,) = await here.stall(stack, 1, upload_head() + b"-" * 100 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 14)
        client.send(b"-" * 300 * KIB)
        assert ((await client.response()).status, here.state) == (200, "closed")


async def long_response(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """More than fits on the way to a client that takes nothing."""
    while True:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 30000000\r\n\r\n" + b"-" * 30_000_000)
        await writer.drain()


async def test_a_client_that_takes_nothing_holds_up_no_try() -> None:
    async with (
        running_upstream() as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await opened(here, fake)
        fake.script = long_response
        here.gateway.runtime.upstreams["stt"].endpoints[0].idle[0].close()
        await here.begin(stack, b"GET /stt HTTP/1.1\r\nhost: a\r\n\r\n")
        await eventually(lambda: here.state == "closed")


async def test_a_client_that_leaves_and_comes_again_does_not_keep_a_circuit_half_open() -> None:
    held = HeldBackend()
    await held.start()
    async with pace("    breaker: external", held.url) as here, contextlib.AsyncExitStack() as stack:
        here.gateway.runtime.upstreams["stt"].pool.response_timeout = 10.0
        here.gateway.store.force(b"stt", "open", here.now)
        here.gateway.store.force(b"stt", "", here.now)
        waiting = b"GET /api/wait/x HTTP/1.1\r\nhost: a\r\n\r\n"
        for number in range(3):
            client = await here.begin(stack, waiting)
            await eventually(lambda number=number: held.waiting == number + 1)
            client.reset()
            await eventually(lambda: not here.gateway.server.clients)
        assert here.state == "half_open"
        held.release.set()
        await eventually(lambda: here.state == "closed")
        await eventually(lambda: len(here.gateway.seen.exchanges) == 3)
        assert (here.gateway.server.dispatcher.in_flight, here.gateway.seen.events) == (0, [])
    await held.stop()


async def test_an_endpoint_that_comes_back_is_tried_by_a_whole_request() -> None:
    more = "    ejection: {failures: 2, eject_for: 100ms, most: 50%}"
    bad = OK.replace(b"200 OK", b"503 Oh")
    async with (
        running_upstream(bad) as one,
        running_upstream() as other,
        pace(more, one.url, other.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        endpoint = here.gateway.runtime.upstreams["stt"].endpoints[0]
        while not endpoint.ejected_for:
            await here.honest()
        await eventually(lambda: endpoint.healthy)
        one.response = OK
        before = other.connections
        await here.stall(stack, 12, upload_head() + b"-" * 100 * KIB)
        await eventually(lambda: other.connections >= before + 7)
        assert (endpoint.on_probation, endpoint.in_flight) == (True, 0)
        while endpoint.on_probation:
            assert (await here.honest()).status == 200


async def test_an_endpoint_that_gets_nothing_but_uploads_comes_back_too() -> None:
    more = "    ejection: {failures: 2, eject_for: 100ms, most: 50%}"
    bad = OK.replace(b"200 OK", b"503 Oh")
    async with running_upstream(bad) as one, running_upstream() as other, pace(more, one.url, other.url) as here:
        endpoint = here.gateway.runtime.upstreams["stt"].endpoints[0]
        while not endpoint.ejected_for:
            await here.honest()
        await eventually(lambda: endpoint.healthy)
        one.response = OK
        while endpoint.on_probation:
            async with contextlib.AsyncExitStack() as stack:
                client = await here.begin(stack, upload_head() + b"-" * 100 * KIB)
                client.send(b"-" * 300 * KIB)
                assert (await client.response()).status == 200


@contextlib.asynccontextmanager
async def falling_back(fake: Upstream) -> AsyncIterator[Pace]:
    """A gateway whose first upstream is gone, and whose fallback is ``fake``, which may be tried now."""
    more = f'    fallback: to-other\n  other:\n    endpoints: [{{url: "{fake.url}"}}]\n    breaker: external\n'
    policies = MORE_POLICIES + "fallbacks:\n  to-other: {upstream: other}\n"
    async with pace(more, "http://127.0.0.1:1", policies=policies) as here:
        here.gateway.store.force(b"other", "open", here.now)
        here.gateway.store.force(b"other", "", here.now)
        yield here


async def test_a_client_that_takes_nothing_holds_up_no_try_of_a_fallback_either() -> None:
    async with (
        running_upstream(script=long_response) as fake,
        falling_back(fake) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await here.begin(stack, b"GET /stt HTTP/1.1\r\nhost: a\r\n\r\n")
        await eventually(lambda: here.gateway.store.circuit(b"other", here.now).state == "closed")


async def test_a_stalled_upload_is_no_probe_of_a_fallback_either() -> None:
    async with running_upstream() as fake, falling_back(fake) as here, contextlib.AsyncExitStack() as stack:
        await here.stall(stack, 3, upload_head() + b"-" * 100 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 3)
        assert (await here.honest()).status == 200
        assert here.gateway.store.circuit(b"other", here.now).state == "closed"
