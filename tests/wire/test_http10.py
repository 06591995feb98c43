"""Clients of HTTP/1.0: what stays open says so, and what they cannot read is not sent (RFC 9112 9.3, RFC 9110 15.2)."""

from __future__ import annotations

import asyncio

import pytest

from tests.eventually import eventually
from tests.upstream_fixture import Script, Upstream, wire
from tests.wire.raw_client import reason_of, serving, settle

KEPT = b"connection: keep-alive\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
LARGE = b"x" * 300_000


def get(fields: bytes = b"", path: bytes = b"/api/info", method: bytes = b"GET") -> bytes:
    return b"%b %b HTTP/1.0\r\n%b\r\n" % (method, path, fields)


def fields_of(head: bytes) -> dict[bytes, bytes]:
    lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:] if line]
    assert len({name for name, _, _ in lines}) == len(lines), head
    return {name: value for name, _, value in lines}


async def read_as_bench(
    reader: asyncio.StreamReader, begun: asyncio.Event | None = None
) -> tuple[dict[bytes, bytes], bytes]:
    """A response as ``ab -k`` reads it: only where it says keep-alive its length counts, otherwise the connection's end.

    ``begun`` is set when its head is here.
    """
    async with asyncio.timeout(5):
        fields = fields_of(await reader.readuntil(b"\r\n\r\n"))
        if begun is not None:
            begun.set()
        assert b"transfer-encoding" not in fields
        if fields.get(b"connection") == b"keep-alive":
            return fields, await reader.readexactly(int(fields[b"content-length"]))
        return fields, await reader.read()


@pytest.mark.parametrize("host", [b"", b"host: gateway\r\n"])
@pytest.mark.parametrize("spelling", [KEPT, b"Connection: Keep-Alive\r\n", b"Connection: KEEP-ALIVE, x\r\n"])
async def test_a_kept_connection_says_so_and_serves_many(host: bytes, spelling: bytes) -> None:
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        for number in range(20):
            # the upstream's response, refusals of a route and of none, and the body of a POST
            sent, status = [
                (get(host + spelling), b"200"),
                (get(host + spelling, b"/nowhere"), b"404"),
                (get(host + spelling, b"/api/trpc/chat.x"), b"401"),
                (get(host + spelling + b"content-length: 2\r\n", b"/files/a", b"POST") + b"ab", b"200"),
            ][number % 4]
            client.send(sent)
            fields, body = await read_as_bench(client.reader)
            assert fields[b"connection"] == b"keep-alive" and b"date" in fields
            assert body == b"{}" if status == b"200" else body.startswith(b"{")
        assert len(upstream.requests) == 10 and upstream.connections == 1


CLOSED = [
    b"",
    b"connection: close\r\n",
    b"keep-alive: 5\r\n",
    b"host: gateway\r\n",
    b"connection: close, keep-alive\r\n",  # RFC 9112 9.3: close is looked for first
    b"connection: Keep-Alive, CLOSE\r\n",
    KEPT + b"connection: close\r\n",
    b"proxy-connection: keep-alive\r\n",  # that of another connection, when a proxy of HTTP/1.0 passes it (RFC 9112 C.2.2)
]


@pytest.mark.parametrize("fields", CLOSED)
async def test_any_other_connection_is_closed_and_says_so(fields: bytes) -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        client.send(get(fields))
        found, body = await read_as_bench(client.reader)
        assert (found[b"connection"], body) == (b"close", b"{}")


async def test_http11_is_kept_without_a_word() -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        for fields in (b"", KEPT):
            response = await client.ask(b"GET /api/info HTTP/1.1\r\nhost: gateway\r\n" + fields + b"\r\n")
            assert response.status == 200 and b"connection" not in response


def in_pieces(begun: asyncio.Event) -> Script:
    """Responses of each framing; chunks go on when ``begun`` is set."""

    async def script(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            received = await upstream.read(reader)
            writer.write(HINTS)
            if b"close" in received.line:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + LARGE)
                writer.close()
                return
            if b"length" in received.line:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(LARGE) + LARGE)
                continue
            writer.write(CHUNKED + b"2\r\nab\r\n")
            await begun.wait()
            writer.write(b"1\r\nc\r\n0\r\nx-sum: 1\r\n\r\n")

    return script


@pytest.mark.parametrize("kept", [b"", KEPT])
async def test_chunks_and_informational_responses_are_not_for_http10(kept: bytes) -> None:
    begun = asyncio.Event()
    async with serving(script=in_pieces(begun)) as (gateway, _):
        for path, body, stays in (
            (b"/files/chunks", b"abc", False),
            (b"/files/close", LARGE, False),
            (b"/files/length", LARGE, True),
        ):
            async with wire(gateway.port) as client:
                client.send(get(kept, path))
                fields, got = await read_as_bench(client.reader, begun)
                assert got == body
                assert fields[b"connection"] == (b"keep-alive" if kept and stays else b"close")
                if kept and stays:
                    assert not client.reader.at_eof()


async def test_chunks_from_http10_are_refused_and_100_is_not_sent() -> None:
    async with serving() as (gateway, upstream):
        async with wire(gateway.port) as client:
            response = await client.ask(
                get(KEPT + b"transfer-encoding: chunked\r\n", b"/files/a", b"POST") + b"0\r\n\r\n"
            )
            assert (response.status, reason_of(response), response[b"connection"]) == (400, "head_malformed", b"close")
        async with wire(gateway.port) as client:
            client.send(get(KEPT + b"expect: 100-continue\r\ncontent-length: 2\r\n", b"/files/a", b"POST"))
            await eventually(lambda: gateway.seen.begun == 2)
            await settle()
            client.send(b"ab")
            fields, body = await read_as_bench(client.reader)
            assert (fields[b"connection"], body) == (b"keep-alive", b"{}")
    assert [request.body for request in upstream.requests] == [b"ab"]


async def test_head_is_kept_with_the_length_of_what_get_would_have() -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        for _ in range(2):
            client.send(get(KEPT, b"/nowhere", b"HEAD"))
            async with asyncio.timeout(5):
                fields = fields_of(await client.reader.readuntil(b"\r\n\r\n"))
            assert fields[b"connection"] == b"keep-alive" and int(fields[b"content-length"]) > 0
