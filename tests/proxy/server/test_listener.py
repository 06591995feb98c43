"""Clients that come together are taken together."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Any

import pytest

from gateway.proxy.server.listener import AT_ONCE, Listener
from tests.eventually import eventually


class Joined(asyncio.Protocol):
    """Counts the connections made."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).made += 1


def bound() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


async def test_a_crowd_is_taken_in_a_few_iterations_of_the_loop() -> None:
    class Crowd(Joined):
        pass

    sock = bound()
    listener = Listener(asyncio.get_running_loop(), sock, Crowd, None)
    crowd = [socket.create_connection(sock.getsockname()) for _ in range(2 * AT_ONCE)]  # the kernel takes their calls
    iterations = 0
    while Crowd.made < len(crowd):
        await asyncio.sleep(0)
        iterations += 1
        assert iterations < 50, Crowd.made
    for one in crowd:
        one.close()
    listener.close()


async def test_nobody_is_taken_after_the_end() -> None:
    sock = bound()
    where = sock.getsockname()
    listener = Listener(asyncio.get_running_loop(), sock, Joined, None)
    listener.close()
    listener.close()  # twice is once
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)


async def test_without_a_descriptor_left_it_waits_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.listener.PAUSE", 0.0)

    class Later(Joined):
        pass

    class Short(socket.socket):
        refused = 0

        def accept(self) -> Any:
            if self.refused < 3:
                self.refused += 1
                raise OSError(errno.EMFILE, "too many open files")
            return super().accept()

    sock = Short()
    sock.bind(("127.0.0.1", 0))
    listener = Listener(asyncio.get_running_loop(), sock, Later, None)
    with socket.create_connection(sock.getsockname()):
        await eventually(lambda: Later.made)
    assert sock.refused == 3
    listener.close()


async def test_a_handshake_that_fails_is_the_end_of_that_connection_only() -> None:
    sock = bound()
    listener = Listener(asyncio.get_running_loop(), sock, Joined, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1000)
    writer.close()
    listener.close()
