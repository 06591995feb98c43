"""The ends of a connection: how it is closed where more may come, and what is left of it when it is handed over."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.proxy.server.connection import ClientConnection
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.requests import get
from tests.upstream_fixture import wire

ANY = "/files/a"
CLOSING = b"POST /files/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def only(gateway: Running) -> ClientConnection:
    """The only connection of a client."""
    (found,) = gateway.server.clients
    return found


async def test_a_connection_that_is_in_step_is_closed_at_once_and_another_when_its_client_has_ended():
    async with serving() as (gateway, _):
        async with wire(gateway.port) as client:
            assert (await client.ask(CLOSING)).status == 200
            await eventually(lambda: not gateway.server.connections)
        async with wire(gateway.port) as client:
            client.send(CLOSING + get(ANY))
            assert (await client.response()).status == 200
            assert await client.ended(), "nothing more is written"
            assert gateway.server.connections == 1
            client.send(b"more")
        await eventually(lambda: not gateway.server.connections)
        assert gateway.seen.begun == 2, "one each, and none of what came behind"


async def test_a_client_that_keeps_an_idle_connection_open_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.proxy.server.ends.IN_STEP", 0.1)
    monkeypatch.setattr("gateway.proxy.server.linger.STILL", 3600.0)
    monkeypatch.setattr("gateway.proxy.server.linger.MOST_SECONDS", 3600.0)
    async with serving() as (gateway, _):
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(client, get(ANY))
            assert await asyncio.get_running_loop().sock_recv(client, 65536)
            await eventually(lambda: only(gateway).idle_since)
            await asyncio.wait_for(gateway.server.drain(3600.0), 5)


async def test_what_is_half_closed_is_not_waited_for():
    async with serving() as (gateway, _), wire(gateway.port) as client:
        client.send(get(ANY) + b"GET /files/cut")
        client.writer.write_eof()
        assert (await client.response())[b"connection"] == b"close"
        await eventually(lambda: not gateway.server.connections)


@pytest.mark.parametrize("ending", [ClientConnection.abort, ClientConnection.make_room, ClientConnection.force_close])
async def test_a_connection_that_was_ended_here_counts_no_longer(ending: object):
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        ending(only(gateway))  # type: ignore[operator]  # one of those above
        assert await client.ended()
        await eventually(lambda: not gateway.server.connections)


async def test_a_connection_is_handed_over_with_its_transport_and_reads_nothing_more():
    class Taking(asyncio.Protocol):
        def __init__(self) -> None:
            self.taken = b""

        def data_received(self, data: bytes) -> None:
            self.taken += data

    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get(ANY))).status == 200
        held, taking = only(gateway), Taking()
        transport = held.detach(taking)
        client.send(get(ANY))
        await eventually(lambda: taking.taken == get(ANY))
        assert gateway.seen.begun == 1
        transport.close()
        held.connection_lost(None)
        with pytest.raises(ConnectionResetError):
            held.detach(taking)
