"""Connections of redis-py that try all addresses of a name (RFC 8305): its own take the first, and hang with that.

A name of a Redis, of a sentinel or of a node whose first address is dead would keep every replica on its own for as long as
the name has that address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from redis.asyncio.connection import AbstractConnection, Connection

from gateway.core.addresses import Resolver
from gateway.core.happy_eyeballs import NoneConnected, first_connected, open_transport

K = TypeVar("K", bound=AbstractConnection)
_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Dialled(Protocol):
    """What is used of a redis-py connection over TCP. The underscored names are its own."""

    socket_connect_timeout: float | None
    socket_keepalive: bool
    socket_keepalive_options: Mapping[int, int | bytes]
    _reader: asyncio.StreamReader | None
    _writer: asyncio.StreamWriter | None

    def _connection_arguments(self) -> Mapping[str, Any]: ...


def by_name(kind: type[K], resolver: Resolver) -> type[K]:
    """The class of connections that does all that ``kind`` does, and finds its server so. A unix socket is left as it is."""
    if not issubclass(kind, Connection):
        return kind

    async def connect(self: _Dialled) -> None:
        arguments = self._connection_arguments()
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await _open(
                resolver, arguments["host"], int(arguments["port"]), arguments.get("ssl"), self.socket_connect_timeout
            )
        try:
            _set_options(self, self._writer.get_extra_info("socket"))
        except (OSError, TypeError):
            self._writer.close()
            raise

    # redis-py has no other place for it: all logins, TLS and sentinels come to this method of its own.
    return type(f"{kind.__name__}ByName", (kind,), {"_connect": connect, "__module__": __name__})


def _set_options(connection: _Dialled, sock: socket.socket | None) -> None:
    """What redis-py sets too: without keep-alive a connection whose peer is gone is found out about only by its next use.
    Raises OSError, TypeError."""
    if sock is None:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if connection.socket_keepalive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in connection.socket_keepalive_options.items():
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def _open(resolver: Resolver, host: str, port: int, tls: Any, seconds: float | None) -> _Stream:
    """A connection to the first address of ``host`` that takes one. Raises OSError."""
    loop = asyncio.get_running_loop()
    addresses = await resolver.addresses(host, port)

    async def attempt(address: str, on_taken: Callable[[], None]) -> _Stream:
        reader = asyncio.StreamReader(loop=loop)
        make = partial(asyncio.StreamReaderProtocol, reader, loop=loop)
        transport, protocol = await open_transport(make, address, port, tls, host, on_taken)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)  # type: ignore[arg-type]  # as open_connection does

    try:
        until = loop.time() + (seconds or 3600.0)
        return (await first_connected(addresses, attempt, until, lambda stream: stream[1].close())).value
    except NoneConnected as error:
        raise error.cause from None
