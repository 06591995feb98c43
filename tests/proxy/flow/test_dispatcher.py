"""Ends that come at the wrong moment: of a client, of the gateway, of a request that takes others with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.upstream.call import LATER, UpstreamCall
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.requests import get, post
from tests.upstream_fixture import wire

ANY = "/files/a"


def connection(gateway: Running) -> ClientConnection:
    (found,) = gateway.server.clients
    return found


async def quiet(gateway: Running) -> None:
    async with asyncio.timeout(5):
        while gateway.server.dispatcher.in_flight:
            await asyncio.sleep(0.002)


async def test_a_client_that_leaves_before_its_task_has_begun_is_over_all_the_same(monkeypatch: pytest.MonkeyPatch):
    async with serving() as (gateway, _), wire(gateway.port) as client:
        dispatcher = gateway.server.dispatcher

        def start(_: UpstreamCall) -> object:
            """There is no kept connection, so this becomes a task: the client leaves just before its first step."""
            dispatcher.loop.call_soon(dispatcher.client_left, connection(gateway).flow)
            return LATER

        monkeypatch.setattr(gateway.runtime.upstreams["tutor"], "start", start)
        client.send(get(ANY))
        await eventually(lambda: gateway.seen.begun)
        await quiet(gateway)
        assert len(gateway.seen.exchanges) == 1


async def test_a_whole_body_that_nobody_read_holds_nobody_up():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = connection(gateway)
        held.data_received(post("/nowhere", b"x" * 150_000))  # in one piece: it is whole when it is refused
        assert (await client.response()).status == 404
        assert held.transport is not None and held.transport.is_reading()
        assert (await client.ask(get(ANY))).status == 200


async def test_a_request_that_was_read_is_answered_though_the_gateway_drains():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        connection(gateway).data_received(get(ANY))
        await gateway.server.drain(2.0)
        assert (await client.response()).status == 200
        assert len(upstream.requests) == 2


async def test_who_takes_no_answers_gets_no_more():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = connection(gateway)
        held.pause_writing()
        for _ in range(3):
            held.data_received(get(ANY))
        await asyncio.sleep(0)
        assert gateway.seen.begun == 1 and len(held.parser.pipelined) == 3
        held.resume_writing()
        assert [(await client.response()).status for _ in range(3)] == [200] * 3


async def test_a_connection_that_is_being_closed_is_not_used_again(monkeypatch: pytest.MonkeyPatch):
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        runtime = gateway.runtime
        pool = runtime.upstreams["tutor"].pool
        (kept,) = pool.endpoints[0].idle
        called = gateway.runtime.upstreams["tutor"]
        start = called.start

        def start_later(call: UpstreamCall) -> Any:
            kept.transport.abort()  # which the loop reports only in its next iteration
            return start(call)

        monkeypatch.setattr(called, "start", start_later)
        connection(gateway).data_received(post(ANY, b"{}"))
        assert (await client.response()).status == 200
        assert upstream.connections == 2


async def test_a_fault_in_ending_one_request_leaves_the_others_of_its_iteration_alone(monkeypatch: pytest.MonkeyPatch):
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with serving() as (gateway, _), wire(gateway.port) as broken, wire(gateway.port) as whole:
        for client in (broken, whole):
            assert (await client.ask(get(ANY))).status == 200
        upstream, observer = gateway.runtime.upstreams["tutor"], gateway.server.dispatcher.observer
        start, done = upstream.start, observer.done

        def failing(call: UpstreamCall) -> Any:
            if call.exchange.path == "/files/broken":
                raise ZeroDivisionError
            return start(call)

        def choosy(exchange: object, elapsed: float) -> None:
            done(exchange, elapsed)  # type: ignore[arg-type]  # an exchange
            if getattr(exchange, "path", "") == "/files/broken":
                raise LookupError

        monkeypatch.setattr(upstream, "start", failing)
        monkeypatch.setattr(observer, "done", choosy)
        connections = sorted(gateway.server.clients, key=lambda one: one.idle_since)
        connections[0].data_received(get("/files/broken"))
        connections[1].data_received(get("/files/whole"))
        assert (await broken.response()).status == 500
        assert (await whole.response()).status == 200
        await quiet(gateway)
        assert [type(error) for error in reported] == [LookupError]
