"""The clock of the operators' listener, where aiohttp has none: for a head that does not come, and a response not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

WAIT = 20.0  # seconds without a request; aiohttp closes a kept connection after 15
REQUEST = 30.0  # seconds for a request, its body and its response included
LONGER = {"/v1/reload": 65.0, "/v1/diff": 65.0}
"""Seconds for requests of single paths. A reload has 10 s to read the files and 20 s to compare them, and gives each worker 10 s
to build what they say and 10 s to serve it."""
TICK = 1.0  # seconds between two looks


class ConnectionClock:
    """Ends connections that wait for a request, or have one, for too long. A byte now and then renews nothing."""

    def __init__(self, wait: float = WAIT, request: float = REQUEST, longer: Mapping[str, float] = LONGER) -> None:
        self._wait = wait
        self._request = request
        self._since: dict[asyncio.Transport, float] = {}
        self._longer = longer
        self._busy: dict[asyncio.Transport, float] = {}  # those with a request, and the seconds that it may take
        self._timer: asyncio.TimerHandle | None = None

    @property
    def middleware(self) -> Middleware:
        """To be the first one, so that it sees every request from its head to its end."""

        @web.middleware
        async def timed(request: web.Request, handler: Handler) -> web.StreamResponse:
            transport = request.transport
            if transport is None:  # the client has left
                return await handler(request)
            loop = asyncio.get_running_loop()
            self._since[transport] = loop.time()
            self._busy[transport] = self._longer.get(request.path, self._request)
            try:
                response = await handler(request)
                await response.prepare(request)
                await response.write_eof()  # which waits while the client takes less than it is sent
                return response
            finally:
                self._busy.pop(transport, None)
                self._since[transport] = loop.time()

        return timed

    def start(self, server: web.Server) -> None:
        """Look at the connections of ``server`` until ``stop``."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        open_ones = [each.transport for each in server.connections if each.transport is not None]
        self._since = {transport: self._since.get(transport, now) for transport in open_ones}
        for transport, since in self._since.items():
            if now - since > self._busy.get(transport, self._wait):
                transport.abort()
        self._timer = loop.call_later(TICK, self.start, server)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
