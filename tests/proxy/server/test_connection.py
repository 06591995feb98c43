"""One connection of a client: whose requests wait for whom, and how it ends."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Awaitable
from typing import Any

from gateway.core.exchange import Exchange
from gateway.policy.base.stage import Stage
from gateway.proxy.server.connection import ClientConnection
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.own_route import use_stages
from tests.proxy.requests import get, post
from tests.upstream_fixture import wire

ANY = "/files/a"


def only(gateway: Running) -> ClientConnection:
    """The only connection of a client."""
    (found,) = gateway.server.clients
    return found


async def test_a_fault_after_the_response_ends_the_connection_and_no_other() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # which reports the task that ended
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as (gateway, _):
        observer: Any = gateway.server.dispatcher.observer
        whole = observer.done

        def broken(*seen: object) -> None:
            raise RuntimeError("the observer is broken")

        async with wire(gateway.port) as client:
            observer.done = broken
            assert (await client.ask(get("/files/a"))).body == b"ok"
            async with asyncio.timeout(2):
                assert await client.reader.read() == b""
        observer.done = whole
        async with wire(gateway.port) as client:
            assert (await client.ask(get("/files/a"))).body == b"ok"


class Faulty(Stage):
    """A stage that waits for ever, and has a fault when it is left."""

    def on_request(self, exchange: Exchange) -> Awaitable[None]:
        return asyncio.get_running_loop().create_future()

    def on_done(self, exchange: Exchange) -> None:
        raise ZeroDivisionError


async def test_a_client_that_leaves_is_counted_no_longer_whatever_its_request_raises() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # which reports what was raised
    async with serving() as (gateway, _), wire(gateway.port) as client:
        use_stages(gateway, [Faulty()])
        client.send(get(ANY))
        await eventually(lambda: gateway.server.dispatcher.in_flight)
        client.reset()
        await eventually(lambda: not gateway.server.dispatcher.in_flight)
        assert not gateway.server.clients


async def test_a_whole_body_that_is_not_read_does_not_pause_the_client():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = only(gateway)
        held.data_received(post("/nowhere", b"x" * 150_000))  # in one piece: it is whole when it is refused
        assert (await client.response()).status == 404
        assert held.transport is not None and held.transport.is_reading()
        assert (await client.ask(get(ANY))).status == 200


async def test_a_client_that_takes_no_responses_gets_no_more():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = only(gateway)
        held.pause_writing()
        for _ in range(3):
            held.data_received(get(ANY))
        await asyncio.sleep(0)
        assert gateway.seen.begun == 1 and len(held.parser.pipelined) == 3
        held.resume_writing()
        assert [(await client.response()).status for _ in range(3)] == [200] * 3


async def test_a_request_that_was_read_has_its_response_though_the_gateway_drains():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        only(gateway).data_received(get(ANY))
        await gateway.server.drain(2.0)
        assert (await client.response()).status == 200
        assert len(upstream.requests) == 2


async def test_an_idle_connection_ends_in_two_steps_and_never_under_a_request_that_is_here():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = only(gateway)
        assert held.silent_since == held.idle_since > 0.0
        client.send(get(ANY))
        select.select([held.transport.get_extra_info("socket").fileno()], [], [], 5)
        held.end_idle()  # as a sweep does that comes before the bytes are read
        assert (await client.response()).status == 200
        assert held.silent_since
        held.end_idle()
        assert held.silent_since == 0.0
        assert await client.reader.read() == b"", "and no reset"
        client.send(get(ANY))  # too late, and the client knows it: there was no response before the end
        await eventually(lambda: not gateway.server.clients)
        assert len(upstream.requests) == 2


async def test_a_connection_is_not_silent_while_anything_of_a_request_is_here():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        await eventually(lambda: gateway.server.clients and only(gateway).silent_since)
        held = only(gateway)
        assert held.silent_since == held.parser.head_since, "a new one waits for its first"
        client.send(get(ANY)[:7])
        await eventually(lambda: not held.silent_since)
        client.send(get(ANY)[7:])
        assert (await client.response()).status == 200
        assert held.silent_since
