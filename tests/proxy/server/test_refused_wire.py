"""A client that is one too many can read why, or leaves without, and nobody waits for it."""

from __future__ import annotations

import socket

from gateway.proxy.server.refused_wire import RefusedWire


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
