"""Looking at a client that has ended its side: a reset, and a stream that is silent for too long, end it."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from gateway.proxy.server import half_closed
from gateway.proxy.server.half_closed import HalfClosedWatch
from tests.eventually import eventually


class Client:
    """A connection that counts how often it was ended."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.streamed_bytes: int | None = None
        self.ended = 0

    def abort(self) -> None:
        self.ended += 1
        if self.transport is not None:
            self.transport.abort()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_closed, "LOOK", 0.01)
    monkeypatch.setattr(half_closed, "SILENT", 0.1)
    monkeypatch.setattr(half_closed, "WAITING", 0.4)


async def connected() -> tuple[Client, socket.socket]:
    """A client on a real connection, and its side of that."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    client = Client()
    client.transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=accepted)
    client.transport.pause_reading()
    return client, other


async def test_a_reset_is_noticed_though_nothing_is_read():
    client, other = await connected()
    HalfClosedWatch(asyncio.get_running_loop(), client)
    other.shutdown(socket.SHUT_WR)
    await asyncio.sleep(0.05)
    assert not client.ended
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    await eventually(lambda: client.ended == 1)


async def test_a_stream_lasts_as_long_as_it_goes_on():
    client, other = await connected()
    with other:
        HalfClosedWatch(asyncio.get_running_loop(), client)
        for sent in range(20):
            client.streamed_bytes = sent
            await asyncio.sleep(0.02)
        assert not client.ended
        await eventually(lambda: client.ended == 1)


async def test_what_never_responds_ends_too():
    client, other = await connected()
    with other:
        began = asyncio.get_running_loop().time()
        HalfClosedWatch(asyncio.get_running_loop(), client)
        await eventually(lambda: client.ended == 1)
        assert asyncio.get_running_loop().time() - began >= 0.4


async def test_a_connection_that_is_over_is_looked_at_no_more():
    client, other = await connected()
    with other:
        HalfClosedWatch(asyncio.get_running_loop(), client).cancel()
        gone = Client()
        HalfClosedWatch(asyncio.get_running_loop(), gone)
        await asyncio.sleep(0.6)
        assert (client.ended, gone.ended) == (0, 0)
        client.abort()
