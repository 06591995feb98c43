"""An upstream that begins a response and never ends it."""

from __future__ import annotations

import asyncio

from tests.upstream_fixture import Script, Upstream

SENT = 64 * 1024 * 1024
"""Bytes that an endless sender sends at most, so that a gateway without bounds fails the test and not the machine."""


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
ENDLESS = {
    "reason phrase": (b"HTTP/1.1 200 ", b"O" * 4096),
    "field name": (b"HTTP/1.1 200 OK\r\n", b"n" * 4096),
    "field value": (b"HTTP/1.1 200 OK\r\na: ", b"v" * 4096),
    "fields": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 700),
    "empty fields": (b"HTTP/1.1 200 OK\r\n", b"a:\r\n" * 1000),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    "103 with fields": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100),
    "trailers": (CHUNKED + b"0\r\n", b"x-t: v\r\n" * 600),
    "one trailer's value": (CHUNKED + b"0\r\nx-t: ", b"v" * 4096),
    "one trailer's name": (CHUNKED + b"0\r\n", b"n" * 4096),
    "chunk extension": (CHUNKED + b"1;", b"e" * 4096),
    "chunk extension's value": (CHUNKED + b'1;a="', b"e" * 4096),
    "zeros of a chunk's size": (CHUNKED, b"0" * 4096),
    "trailers at once with the head": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
        b"a: b\r\n" * 700,
    ),
}


def endless(begin: bytes, more: bytes) -> Script:
    """An upstream that begins a response and goes on until nobody reads any more."""

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(begin)
        for _ in range(0, SENT, 16 * len(more)):
            writer.write(more * 16)
            await writer.drain()

    return script
