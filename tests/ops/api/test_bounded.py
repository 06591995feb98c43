"""The operators' listener has a bound on its connections, and whoever holds them keeps no operator out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from gateway.ops.api.app import application
from gateway.ops.api.bounded import bounded
from tests.eventually import eventually
from tests.ops.api.fake_admin import FakeAdmin

MOST = 8


class Listening:
    def __init__(self, server: web.Server, address: tuple[str, int]) -> None:
        self.server = server
        self.address = address

    @property
    def connections(self) -> int:
        return len(self.server.connections)


@pytest.fixture
async def listening(admin: FakeAdmin) -> AsyncIterator[Listening]:
    runner = web.AppRunner(application(admin), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    assert runner.server is not None
    sock = socket.create_server(("127.0.0.1", 0))
    made = await asyncio.get_running_loop().create_server(bounded(runner.server, MOST), sock=sock)
    yield Listening(runner.server, sock.getsockname())
    made.close()
    await runner.cleanup()


async def test_idle_connections_keep_no_operator_out(listening: Listening) -> None:
    held = [await asyncio.open_connection(*listening.address) for _ in range(10 * MOST)]
    await eventually(lambda: listening.connections <= MOST)
    async with (
        ClientSession() as http,
        http.get("http://{}:{}/health".format(*listening.address)) as response,
    ):
        assert response.status == 401, "it has no token, and it has a response"
    assert listening.connections <= MOST
    async with asyncio.timeout(5):
        assert await held[0][0].read() == b"", "the one that was opened first made room"
    for _, writer in held:
        writer.close()


async def test_below_the_bound_none_is_ended(listening: Listening) -> None:
    held = [await asyncio.open_connection(*listening.address) for _ in range(MOST)]
    await eventually(lambda: listening.connections == MOST)
    assert not any(reader.at_eof() for reader, _ in held)
    for _, writer in held:
        writer.close()
    await eventually(lambda: listening.connections == 0)
