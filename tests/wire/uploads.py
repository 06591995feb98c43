"""Uploads in pieces, and an upstream that responds before it has them, for tests of what becomes of both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator

from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Script, Upstream, Wire, running_upstream

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 1s, response: {patience}, body: {patience}, idle: 4s}}
    breaker: once
routes:
  - {{name: files, paths: [/files/*], methods: [POST, PUT], upstream: tutor, auth: public, body: any}}
"""
MORE = """\
breakers:
  once: {failures: 1, recover_after: 60s}
"""
SIZE = 200_000
PIECES = 20
PIECE = b"-" * (SIZE // PIECES)

STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
FIRST = STREAM + b"8\r\n8 bytes!\r\n"
LAST = b"0\r\n\r\n"
SMALL = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n8 bytes!"
TOLD_10 = b"HTTP/1.0 200 OK\r\n\r\n8 bytes!"


@contextlib.asynccontextmanager
async def serving(
    script: Script, patience: str = "2s", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Running, Upstream]]:
    policies = POLICIES.replace("response_headers:\n", "  any: {max: 50MB}\nresponse_headers:\n") + MORE
    async with running_upstream(script=script) as upstream:
        entry = ENTRY.format(url=upstream.url, patience=patience)
        async with running_gateway(entry, policies=policies, tls=tls) as gateway:
            yield gateway, upstream


@contextlib.asynccontextmanager
async def client_of(gateway: Running) -> AsyncIterator[Wire]:
    client = Wire(*await asyncio.open_connection("127.0.0.1", gateway.port))
    try:
        yield client
    finally:
        client.writer.transport.abort()


def reset(client: Wire) -> None:
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()


def upload_head(chunked: bool, version: str = "1.1", path: str = "/files/a") -> bytes:
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {SIZE}"
    return f"POST {path} HTTP/{version}\r\nhost: a\r\n{framing}\r\n\r\n".encode()


def framed(piece: bytes, chunked: bool) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece


async def send_slowly(client: Wire, chunked: bool, head: bytes | None = None) -> None:
    """Send an upload in pieces, with time between them for everybody to see each."""
    client.send(head or upload_head(chunked))
    for _ in range(PIECES):
        client.send(framed(PIECE, chunked))
        await asyncio.sleep(0.005)
    if chunked:
        client.send(LAST)


async def content(reader: asyncio.StreamReader, chunked: bool) -> AsyncIterator[bytes]:
    """The pieces of an upload as an upstream reads them."""
    if not chunked:
        left = SIZE
        while left:
            piece = await reader.read(min(left, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece
        return
    while size := int(await reader.readline(), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readline()


class Early:
    """An upstream that says ``first`` when it has the head, reads all, and says ``last``; ``got`` bytes for each upload."""

    def __init__(self, first: bytes, last: bytes, closes: bool = False) -> None:
        self.first, self.last, self.closes = first, last, closes
        self.got: list[int] = []

    async def __call__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self.first)
            self.got.append(0)
            if b"content-length: 2\r\n" in head:
                await reader.readexactly(2)
            else:
                async for piece in content(reader, b"chunked" in head):
                    self.got[-1] += len(piece)
            writer.write(self.last)
            if self.closes:
                return
