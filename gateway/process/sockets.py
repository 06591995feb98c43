"""The listening sockets of the gateway, bound once and for the whole run."""

from __future__ import annotations

import contextlib
import socket

BACKLOG = 4096  # connections that wait while a worker is busy or replaced


def bind(host: str, port: int, count: int) -> list[socket.socket]:
    """``count`` sockets that share one address (SO_REUSEPORT), already listening; port 0 picks a free one.

    The supervisor keeps them open, so that connections which arrive while a worker is replaced wait for the next one.
    Raises OSError when the address is taken or not one of this machine.
    """
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
        0
    ]
    # SO_REUSEPORT would let a second gateway of the same user share the port with the first, unnoticed.
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
    made: list[socket.socket] = []
    with contextlib.ExitStack() as undo:
        for _ in range(count):
            sock = undo.enter_context(socket.socket(family, kind, proto))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
            address = (*address[:1], sock.getsockname()[1], *address[2:])
            made.append(sock)
        for sock in made:
            sock.listen(BACKLOG)
            sock.setblocking(False)
        undo.pop_all()
    return made


def url(scheme: str, host: str, port: int) -> str:
    """An address that a client on this machine can open."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"{scheme}://{name}:{port}"
