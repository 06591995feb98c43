"""A route that asks for another protocol gets a tunnel after 101, over real sockets; no other route does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.failure import CallFailure
from gateway.core.field_lines import FieldLines
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.stage import LastingCheck, Stage
from gateway.proxy.flow.tunnel import TunnelEnd
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.server.connection import ClientConnection
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.own_route import use_stages
from tests.proxy.requests import get
from tests.upstream_fixture import Upstream, Wire, wire

ASK = get("/talk", "connection: upgrade", "upgrade: chat", "sec-websocket-key: a2V5")
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\nx-powered-by: y\r\nx-key: 1\r\n\r\n"
)


class Slot(Stage):
    """A stage that counts the requests which it has let in and not let out."""

    def __init__(self) -> None:
        self.taken = 0

    def on_request(self, exchange: Exchange) -> None:
        self.taken += 1

    def on_done(self, exchange: Exchange) -> None:
        self.taken -= 1


async def echo(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Grants the switch, greets in the same piece, and sends back what it is sent until "bye"."""
    await fake.read(reader)
    writer.write(SWITCHING + b"hello ")
    while (data := await reader.read(65536)) and data != b"bye":
        writer.write(data)
        await writer.drain()


@dataclass
class Talk:
    gateway: Running
    upstream: Upstream
    client: Wire
    slot: Slot
    connection: ClientConnection

    @property
    def in_flight(self) -> int:
        return self.gateway.server.dispatcher.in_flight

    async def read(self, count: int) -> bytes:
        async with asyncio.timeout(5):
            return await self.client.reader.readexactly(count)


@contextlib.asynccontextmanager
async def talk() -> AsyncIterator[Talk]:
    """A client and an upstream that have switched protocols, and have said hello."""
    async with serving(script=echo, response="200ms") as (gateway, upstream), wire(gateway.port) as client:
        slot = Slot()
        use_stages(gateway, [slot], upgrade=b"chat")
        client.send(ASK)
        answer = await client.response()
        assert (answer.status, answer[b"upgrade"], answer[b"connection"]) == (101, b"chat", b"upgrade")
        assert (b"x-powered-by" in answer, answer[b"x-key"]) == (False, b"1")
        assert upstream.requests[0].all(b"upgrade") == [b"chat"]
        assert upstream.requests[0].all(b"connection") == [b"upgrade"]
        (connection,) = gateway.server.clients
        here = Talk(gateway, upstream, client, slot, connection)
        assert await here.read(6) == b"hello "
        yield here


async def over(here: Talk) -> None:
    """Until nothing of the tunnel is left."""
    await eventually(lambda: not here.in_flight and not here.gateway.server.clients)
    await asyncio.wait_for(here.upstream.gone.wait(), 5)
    assert here.slot.taken == 0
    (exchange,) = here.gateway.seen.exchanges
    assert (exchange.status, exchange.reason) == (101, "")
    pool = here.gateway.runtime.upstreams["tutor"].pool
    assert (len(pool.open), pool.endpoints[0].in_flight, pool.endpoints[0].idle) == (0, 0, [])


async def test_bytes_pass_both_ways_out_of_parser_pool_and_sweep() -> None:
    async with talk() as here:
        here.client.send(b"GET / HTTP/1.1\r\n\r\n")  # which no parser looks at any more
        assert await here.read(18) == b"GET / HTTP/1.1\r\n\r\n"
        pool = here.gateway.runtime.upstreams["tutor"].pool
        assert len(pool.open) == 0 and pool.endpoints[0].idle == []
        assert (here.connection.parser.head_since, here.connection.idle_since, here.connection.idle) == (
            0.0,
            0.0,
            False,
        )
        assert (here.in_flight, here.slot.taken) == (1, 1)
        large = bytes(range(256)) * 8000
        here.client.send(large)
        assert await here.read(len(large)) == large
        here.client.send(b"bye")
        assert await here.client.ended()
        await over(here)
        (exchange,) = here.gateway.seen.exchanges
        assert (exchange.bytes_in, exchange.bytes_out) == (18 + len(large) + 3, 6 + 18 + len(large))


async def test_a_client_that_leaves_ends_the_tunnel() -> None:
    async with talk() as here:
        await here.client.close()
        await over(here)


async def test_a_drain_waits_for_a_tunnel_and_cuts_it_at_its_end() -> None:
    async with talk() as here:
        drain = asyncio.ensure_future(here.gateway.server.drain(0.2))
        here.client.send(b"still")
        assert await here.read(5) == b"still"
        assert not drain.done()
        await drain
        assert await here.client.ended()
        assert "drain_cut" in [name for name, _ in here.gateway.seen.events]
        await over(here)


class Token(Stage):
    """A stage whose token is good until a test takes it back."""

    refusal: Refusal | None = None

    def on_lasting(self, exchange: Exchange, endless: bool) -> LastingCheck:
        assert endless
        return lambda: self.refusal


@pytest.mark.parametrize("stalled", [False, True])
async def test_a_tunnel_ends_with_the_token_that_opened_it(monkeypatch: pytest.MonkeyPatch, stalled: bool) -> None:
    """Also for a client that does not take what waits for it."""
    monkeypatch.setattr("gateway.proxy.flow.lasting.LOOK", 0.01)
    async with serving(script=flood if stalled else echo) as (gateway, upstream), wire(gateway.port) as client:
        token = Token()
        use_stages(gateway, [token], upgrade=b"chat")
        client.send(ASK)
        assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
        (connection,) = gateway.server.clients
        if stalled:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket, which can
            transport = connection.transport
            assert transport is not None
            await eventually(transport.get_write_buffer_size)
        await asyncio.sleep(0.05)
        assert gateway.server.dispatcher.in_flight == 1
        token.refusal = refuse("token_revoked")
        await eventually(lambda: not gateway.server.clients and not gateway.server.dispatcher.in_flight)
        (exchange,) = gateway.seen.exchanges
        assert (exchange.status, exchange.reason) == (101, "token_revoked")
        await asyncio.wait_for(upstream.gone.wait(), 5)


async def test_an_upstream_that_does_not_switch_has_its_response_passed_on() -> None:
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        use_stages(gateway, [], upgrade=b"chat")
        answer = await client.ask(ASK)
        assert (answer.status, answer.body, answer[b"connection"]) == (200, b"{}", b"close")
        assert upstream.requests[0].all(b"upgrade") == [b"chat"]


class Named(Slot):
    """A slot that adds a field to each response, and notes how the call to the upstream failed."""

    failure: CallFailure | None = None

    def on_response(self, exchange: Exchange) -> None:
        exchange.response_headers.append(FieldLines.of(((b"x-named", b"1"),)))

    def on_response_whole(self, exchange: Exchange, response: WholeResponse) -> None:
        """The connection of the upstream is closed just before the tunnel would take it."""
        for connection in self.open:
            connection.close()

    def on_done(self, exchange: Exchange) -> None:
        super().on_done(exchange)
        self.failure = exchange.failure

    open: set[UpstreamConnection]


async def test_an_upstream_that_leaves_as_it_switches_has_failed_and_the_response_has_each_field_once() -> None:
    async with serving(script=echo) as (gateway, _), wire(gateway.port) as client:
        slot = Named()
        slot.open = gateway.runtime.upstreams["tutor"].pool.open
        use_stages(gateway, [slot], upgrade=b"chat")
        answer = await client.ask(ASK)
        assert (answer.status, answer[b"x-named"]) == (502, b"1")
        assert gateway.seen.reasons == ["upstream_broken"]
        assert (slot.taken, slot.failure) == (0, CallFailure.BROKEN)


async def flood(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Grants the switch, and sends as much as is taken from there on."""
    await fake.read(reader)
    writer.write(SWITCHING)
    while True:
        writer.write(b"x" * 100_000)
        await writer.drain()


async def test_no_more_is_read_from_an_upstream_than_a_slow_client_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    paused = asyncio.Event()
    pause_writing = TunnelEnd.pause_writing

    def pausing(end: TunnelEnd) -> None:
        pause_writing(end)
        paused.set()

    monkeypatch.setattr(TunnelEnd, "pause_writing", pausing)
    async with serving(script=flood) as (gateway, _), wire(gateway.port) as client:
        use_stages(gateway, [], upgrade=b"chat")
        (connection,) = await eventually(lambda: gateway.server.clients)
        transport = connection.transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        transport.set_write_buffer_limits(high=0)  # so that the 101 itself, and what came with it, waits for the client
        client.send(ASK)
        for _ in range(20):
            await asyncio.wait_for(paused.wait(), 5)
            assert transport.get_write_buffer_size() < 1_000_000
            paused.clear()
            async with asyncio.timeout(5):
                await client.reader.readexactly(1_000_000)


async def test_a_switch_that_nobody_asked_for_is_no_response() -> None:
    async with serving(script=echo) as (gateway, upstream), wire(gateway.port) as client:
        use_stages(gateway, [])
        assert (await client.ask(ASK)).status == 502
        assert upstream.requests[0].all(b"upgrade") == []
        assert gateway.seen.reasons == ["upstream_broken"]
        assert not gateway.runtime.upstreams["tutor"].pool.open
