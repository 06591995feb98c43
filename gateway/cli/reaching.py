"""Connections of the operators' commands: all addresses of a name are tried (RFC 8305), where ``http.client`` has each wait
for the one before it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl

from gateway.core.addresses import Resolver
from gateway.core.happy_eyeballs import open_socket_by_name


def http_connection(
    host: str, port: int, seconds: float, tls: ssl.SSLContext | None = None
) -> http.client.HTTPConnection:
    """A connection that is made when something is sent on it, within ``seconds``."""
    made = (
        http.client.HTTPConnection(host, port, timeout=seconds)
        if tls is None
        else http.client.HTTPSConnection(host, port, timeout=seconds, context=tls)
    )
    made._create_connection = _connect  # type: ignore[attr-defined]  # its own place for how a socket is made, TLS comes after
    return made


def _connect(address: tuple[str, int], timeout: float, source: object = None) -> socket.socket:
    """In place of ``socket.create_connection``. Raises OSError."""
    sock = asyncio.run(open_socket_by_name(Resolver(), *address, timeout))
    sock.settimeout(timeout)
    return sock
