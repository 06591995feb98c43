"""The operators' listener of a run: the application on its socket, with a clock and a bound on its connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.app import application
from gateway.ops.api.bounded import bounded
from gateway.ops.api.clock import REQUEST, ConnectionClock
from gateway.proxy.wire.tcp import bound_sending


@contextlib.asynccontextmanager
async def operations(admin: Admin, sock: socket.socket) -> AsyncIterator[None]:
    """Serve the operations over ``admin`` on ``sock``, which is bound, for as long as the context lasts."""
    clock = ConnectionClock()
    runner = web.AppRunner(
        application(admin, clock.middleware), access_log=None, shutdown_timeout=1.0, keepalive_timeout=15.0
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        assert runner.server is not None, "set up"
        bound_sending(sock, 2 * REQUEST)
        server = await asyncio.get_running_loop().create_server(bounded(runner.server), sock=sock)
        stack.callback(server.close)
        clock.start(runner.server)
        stack.callback(clock.stop)
        yield
