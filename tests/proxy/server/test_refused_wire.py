"""A client that is one too many can read why, or leaves without, and nobody waits for it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.proxy.server.refused_wire import MOST, RefusedSockets, RefusedWire
from tests.eventually import eventually


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    accepted.setblocking(False)
    client.settimeout(5)
    return accepted, client


async def test_what_is_written_arrives_though_a_request_was_sent() -> None:
    accepted, client = pair()
    with accepted, client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wire = RefusedWire(accepted)
        wire.write(b"HTTP/1.1 503 Busy\r\n\r\n")
        await wire.drain()
        wire.reset()
        accepted.close()
        assert client.recv(100) == b"HTTP/1.1 503 Busy\r\n\r\n"
        assert client.recv(100) == b""


def test_a_client_that_has_left_raises_nothing() -> None:
    accepted, client = pair()
    with accepted:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        RefusedWire(accepted).write(b"x")


def refused(loop: asyncio.AbstractEventLoop, sockets: RefusedSockets) -> socket.socket:
    """The client of a connection that was refused."""
    accepted, client = pair()
    client.setblocking(False)
    RefusedWire(accepted).write(b"HTTP/1.1 503 Busy\r\n\r\n")
    sockets.close_later(accepted)
    return client


async def test_a_client_may_go_on_and_read_why_when_it_has_sent_all() -> None:
    loop = asyncio.get_running_loop()
    sockets = RefusedSockets(loop)
    with refused(loop, sockets) as client:
        for _ in range(20):
            await loop.sock_sendall(client, b"-" * 50_000)
            await asyncio.sleep(0.005)
        assert await loop.sock_recv(client, 100) == b"HTTP/1.1 503 Busy\r\n\r\n"
    await eventually(lambda: not len(sockets))


async def test_few_of_them_are_held_and_none_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.linger.STILL", 0.2)
    loop = asyncio.get_running_loop()
    sockets = RefusedSockets(loop)
    clients = [refused(loop, sockets) for _ in range(MOST + 5)]
    assert len(sockets) == MOST
    await eventually(lambda: not len(sockets))
    more = refused(loop, sockets)
    sockets.close()
    assert not len(sockets)
    for client in (*clients, more):
        client.close()
