"""The operators' listener of a run, on a real socket."""

from __future__ import annotations

import socket
from typing import Any

from aiohttp import ClientSession

from gateway.process.operations import operations
from tests.ops.api.fake_admin import BEARER, FakeAdmin


async def test_it_serves_while_the_context_lasts_and_is_gone_behind_it() -> None:
    admin: Any = FakeAdmin()
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    url = f"http://127.0.0.1:{port}/health"
    async with operations(admin, sock), ClientSession() as http, http.get(url, headers=BEARER) as response:
        assert response.status == 200
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
