"""A name of which a test says where it leads: a resolver double, and real servers on one port of several addresses."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from gateway.core.addresses import BOTH, Family
from tests.upstream_fixture import OK

HOST = "backend.example"


@dataclass
class Names:
    """A ``Lookup``. It gives ``addresses``, raises ``error`` where there is one, and waits for ever while it ``hangs``;
    ``asked`` counts the lookups of both families."""

    addresses: list[str]
    error: Exception | None = None
    hangs: bool = False
    asked: int = 0

    async def __call__(self, host: str, port: int, family: Family = BOTH) -> list[str]:
        assert host == HOST, host
        self.asked += family is BOTH
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.error is not None:
            raise self.error
        return list(self.addresses)


@dataclass
class Servers:
    """HTTP servers on ``port``, by address: how many connections each has, and how many requests each had."""

    port: int
    response: dict[str, bytes] = field(default_factory=dict)
    connections: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    running: dict[str, asyncio.Server] = field(default_factory=dict)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        """Serve at ``address``: 200, or what ``response`` has for it."""
        self.connections[address] = self.requests[address] = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections[address] += 1
            self.writers.add(writer)
            try:
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    self.requests[address] += 1
                    writer.write(self.response.get(address, OK))
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                self.connections[address] -= 1
                self.writers.discard(writer)
                writer.close()

        self.running[address] = await asyncio.start_server(serve, address, self.port, ssl=tls)

    def stop(self, address: str) -> None:
        """Take no more connections at ``address``; those that are open stay."""
        self.running.pop(address).close()


@contextlib.asynccontextmanager
async def servers(*addresses: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Servers]:
    """Servers on one free port of ``addresses``, and of those that are started later."""
    free = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    found = Servers(free.sockets[0].getsockname()[1])
    free.close()
    await free.wait_closed()
    try:
        for address in addresses:
            await found.start(address, tls)
        yield found
    finally:
        for address in list(found.running):
            found.stop(address)
        for writer in list(found.writers):
            writer.close()
        await asyncio.sleep(0)
