"""Ends that come at the wrong moment: of a client, of the gateway, of a request that takes others with it."""

from __future__ import annotations

import asyncio

from gateway.proxy.flow.flow import Flow
from gateway.proxy.server.connection import ClientConnection
from tests.data_plane_fixture import serving
from tests.gateway_fixture import Running
from tests.proxy.requests import get, post
from tests.upstream_fixture import wire

ANY = "/files/a"


def connection(gateway: Running) -> ClientConnection:
    (found,) = gateway.server.clients
    return found


async def quiet(gateway: Running) -> None:
    async with asyncio.timeout(5):
        while gateway.server.in_flight:
            await asyncio.sleep(0.002)


async def test_a_client_that_leaves_before_its_task_has_begun_is_over_all_the_same():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        turn = gateway.server.arrived

        def forward(passage: Flow) -> None:
            passage.forward()  # there is no kept connection: this becomes a task
            passage.abandon()

        turn._phases = (*turn._phases[:-1], forward)
        client.send(get(ANY))
        async with asyncio.timeout(5):
            while not gateway.seen.begun:
                await asyncio.sleep(0.002)
        await quiet(gateway)
        assert len(gateway.seen.exchanges) == 1


async def test_a_whole_body_that_nobody_read_holds_nobody_up():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = connection(gateway)
        held.data_received(post("/nowhere", b"x" * 150_000))  # in one piece: it is whole when it is refused
        assert (await client.answer()).status == 404
        assert held._held == 0
        assert (await client.ask(get(ANY))).status == 200


async def test_a_request_that_was_read_is_answered_though_the_gateway_drains():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        connection(gateway).data_received(get(ANY))
        await gateway.server.drain(2.0)
        assert (await client.answer()).status == 200
        assert len(upstream.requests) == 2


async def test_who_takes_no_answers_gets_no_more():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held = connection(gateway)
        held.pause_writing()
        for _ in range(3):
            held.data_received(get(ANY))
        await asyncio.sleep(0)
        assert gateway.seen.begun == 1 and len(held.ahead) == 3
        held.resume_writing()
        assert [(await client.answer()).status for _ in range(3)] == [200] * 3


async def test_a_connection_that_is_being_closed_is_not_used_again():
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        runtime = gateway.runtime
        pool = runtime.upstreams["tutor"].pool
        (kept,) = pool.endpoints[0].idle
        turn = gateway.server.arrived
        forward = turn._phases[-1]

        def forward_later(passage: Flow) -> object:
            kept.transport.abort()  # which the loop tells only in its next turn
            return forward(passage)

        turn._phases = (*turn._phases[:-1], forward_later)
        connection(gateway).data_received(post(ANY, b"{}"))
        assert (await client.answer()).status == 200
        assert upstream.connections == 2


async def test_a_fault_in_ending_one_request_leaves_the_others_of_its_turn_alone():
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    async with serving() as (gateway, _), wire(gateway.port) as broken, wire(gateway.port) as whole:
        for client in (broken, whole):
            assert (await client.ask(get(ANY))).status == 200
        turn, observer = gateway.server.arrived, gateway.server.observer
        forward, done = turn._phases[-1], observer.done

        def failing(passage: Flow) -> object:
            if passage.exchange.path == "/files/broken":
                raise ZeroDivisionError
            return forward(passage)

        def choosy(exchange: object, elapsed: float) -> None:
            done(exchange, elapsed)  # type: ignore[arg-type]  # an exchange
            if getattr(exchange, "path", "") == "/files/broken":
                raise LookupError

        turn._phases = (*turn._phases[:-1], failing)
        observer.done = choosy  # type: ignore[method-assign]  # a watcher that breaks
        connections = sorted(gateway.server.clients, key=lambda one: one.rested)
        connections[0].data_received(get("/files/broken"))
        connections[1].data_received(get("/files/whole"))
        assert (await broken.answer()).status == 500
        assert (await whole.answer()).status == 200
        await quiet(gateway)
        assert [type(error) for error in told] == [LookupError]
