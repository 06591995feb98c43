"""A bound on the connections of the operators' listener: the one that was opened first makes room for the next.

So the supervisor keeps its descriptors for replacing workers, and whoever holds connections open keeps no operator out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

MOST = 256
"""Connections of an operators' listener: some people, a scraper and an orchestrator have a handful."""


def bounded(server: web.Server, most: int = MOST) -> Callable[[], asyncio.Protocol]:
    """Makes the protocol of a new connection to ``server``, which has ``most`` of them."""

    def make() -> asyncio.Protocol:
        transports = [each.transport for each in server.connections]
        open_ones = [each for each in transports if each is not None and not each.is_closing()]
        for transport in open_ones[: max(0, len(open_ones) - most + 1)]:
            transport.abort()
        return server()

    return make
