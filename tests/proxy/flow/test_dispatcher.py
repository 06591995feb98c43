"""Ends that come at the wrong moment: of a client, of the gateway, of a request that takes others with it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.core.shortage import Shortage
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
        await eventually(lambda: not gateway.server.dispatcher.in_flight)
        assert len(gateway.seen.exchanges) == 1


async def test_without_memory_a_request_is_refused_as_busy_and_that_is_no_bug():
    class Greedy:
        def find(self, *_: object) -> None:
            raise MemoryError

    async with serving() as (gateway, _), wire(gateway.port) as client:
        gateway.runtime.routes = Greedy()
        response = await client.ask(get(ANY))
        assert (response.status, json.loads(response.body)["reason"]) == (503, "upstream_busy")
        ((kind, where),) = gateway.seen.shortages
        assert (kind, where.startswith("serving a request, test_dispatcher.py:")) == (Shortage.MEMORY, True)
        assert gateway.seen.events == []


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
        await eventually(lambda: not gateway.server.dispatcher.in_flight)
        assert [type(error) for error in reported] == [LookupError]
