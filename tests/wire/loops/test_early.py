"""Responses that begin before their request has been sent: the upload goes on until the response is complete (RFC 9112 9.3)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from gateway.core.exchange import Exchange, WholeResponse
from gateway.policy.base.stage import Stage
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.own_route import use_stages
from tests.upstream_fixture import Upstream, Wire
from tests.wire.uploads import (
    FIRST,
    LAST,
    PIECE,
    PIECES,
    SIZE,
    SMALL,
    STREAM,
    TOLD_10,
    Early,
    client_of,
    content,
    framed,
    send_slowly,
    serving,
    upload_head,
)

RESPONSES = {
    "streamed": (FIRST, LAST, False),
    "of a known length": (SMALL, b"and more", False),
    "as long as its connection": (TOLD_10, b"", True),
    "hints before": (b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n" + FIRST, LAST, False),
    "a refusal that reads on": (FIRST.replace(b"200 OK", b"422 No"), LAST, False),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(("first", "last", "closes"), RESPONSES.values(), ids=RESPONSES)
async def test_the_whole_upload_arrives_though_the_response_has_begun(
    first: bytes, last: bytes, closes: bool, chunked: bool
) -> None:
    early = Early(first, last, closes)
    async with serving(early) as (gateway, upstream):
        for _ in range(2):
            async with client_of(gateway) as client:
                sending = asyncio.create_task(send_slowly(client, chunked))
                response = await client.response()
                if response.status == 103:
                    response = await client.response()
                await sending
                assert response.whole and response.body.startswith(b"8 bytes!")
                assert response.status == (422 if b"422" in first else 200)
        assert early.got == [SIZE, SIZE]
        assert upstream.connections == (2 if closes else 1), "the kept connection is in step"
        assert gateway.seen.reasons == ["", ""]
        assert [exchange.bytes_in for exchange in gateway.seen.exchanges] == [SIZE, SIZE]


async def test_a_response_reaches_the_client_while_it_uploads() -> None:
    """Piece by piece: what is echoed comes before the rest is sent."""

    async def echo(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM)
        async for piece in content(reader, b"chunked" in head):
            writer.write(framed(piece, True))
        writer.write(LAST)
        await reader.read()

    for chunked in (False, True):
        async with serving(echo) as (gateway, _), client_of(gateway) as client:
            client.send(upload_head(chunked) + framed(PIECE, chunked) * 8)
            await client.reader.readuntil(b"\r\n\r\n")
            echoed = 0
            for sent in range(8, PIECES + 1):
                while echoed < sent * len(PIECE):
                    size = int(await client.reader.readline(), 16)
                    echoed += len((await client.reader.readexactly(size + 2))[:-2])
                if sent < PIECES:
                    client.send(framed(PIECE, chunked))
            if chunked:
                client.send(LAST)
            assert await client.reader.readuntil(LAST) == LAST
            await eventually(lambda gateway=gateway: gateway.seen.reasons == [""])


async def test_a_client_of_http_1_0_has_both_too() -> None:
    early = Early(FIRST, LAST)
    async with serving(early) as (gateway, _), client_of(gateway) as client:
        sending = asyncio.create_task(send_slowly(client, False, upload_head(False, "1.0")))
        raw = await client.reader.read()
        await sending
        assert raw.startswith(b"HTTP/1.1 200 OK\r\n") and raw.endswith(b"\r\n\r\n8 bytes!")
        assert early.got == [SIZE]


@contextlib.asynccontextmanager
async def closing_upstream() -> AsyncIterator[tuple[Running, socket.socket]]:
    """A gateway, and the listening socket of its upstream."""

    async def never(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("another upstream is asked")

    with socket.create_server(("127.0.0.1", 0)) as raw:
        raw.setblocking(False)
        async with serving(never) as (gateway, _):
            gateway.runtime.upstreams["tutor"].endpoints[0].port = raw.getsockname()[1]
            yield gateway, raw


async def refuse_and_close(raw: socket.socket, response: bytes, read: int) -> None:
    loop = asyncio.get_running_loop()
    sock, _ = await loop.sock_accept(raw)
    with sock:
        got = b""
        while len(got) < read:
            got += await loop.sock_recv(sock, 1000)
        await loop.sock_sendall(sock, response)


REFUSED = b"HTTP/1.1 413 No\r\ncontent-length: 8\r\nconnection: close\r\n\r\ntoo much"


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["at once", "in pieces"])
async def test_a_refusal_by_an_upstream_that_closes_with_bytes_unread_is_passed_on(chunked: bool, pause: float) -> None:
    """Its kernel resets the connection: what it had said is read before that is noticed, whatever is sent to it meanwhile."""
    async with closing_upstream() as (gateway, raw):
        for _ in range(20):
            closing = asyncio.create_task(refuse_and_close(raw, REFUSED, 30_000))
            async with client_of(gateway) as client:
                client.send(upload_head(chunked))
                for _ in range(PIECES):
                    client.send(framed(PIECE, chunked))
                    if pause:
                        await asyncio.sleep(pause / 10)
                if chunked:
                    client.send(LAST)
                response = await client.response()
                assert (response.status, response.body, response.whole) == (413, b"too much", True)
            await closing
        assert gateway.seen.reasons == [""] * 20


async def test_what_a_failed_connection_had_said_is_read() -> None:
    """The response and the reset are there before the loop looks again, and a write finds the reset first."""
    loop = asyncio.get_running_loop()
    async with closing_upstream() as (gateway, raw), client_of(gateway) as client:
        tutor = gateway.runtime.upstreams["tutor"]
        client.send(upload_head(False) + PIECE * 8)
        sock, _ = await loop.sock_accept(raw)
        await loop.sock_recv(sock, 10)
        await eventually(lambda: all(one.awaiting_content for one in tutor.pool.open) and tutor.pool.open)
        (connection,) = tutor.pool.open
        sock.send(REFUSED)
        sock.close()
        for _ in range(3):  # in one iteration of the loop: nothing is read in between
            connection.transport.write(PIECE)
        assert (await client.response()).status == 413


async def test_a_response_that_is_complete_before_the_upload_ends_both_connections() -> None:
    """The rest has nowhere to go: upstream and client each have a connection less, and the client its response."""

    async def refuse(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno")
        await reader.read(1)
        await reader.read()  # it would keep the connection

    async with serving(refuse) as (gateway, upstream), client_of(gateway) as client:
        client.send(upload_head(False) + PIECE * 10)
        response = await client.response()
        assert (response.status, response.body, response[b"connection"]) == (403, b"no", b"close")
        await eventually(upstream.gone.is_set)
        pool = gateway.runtime.upstreams["tutor"].pool
        await eventually(lambda: not pool.open and pool.endpoints[0].in_flight == 0)
        assert gateway.seen.reasons == [""]


class Reading(Stage):
    """A stage that reads responses, as a lockout does."""

    collects = True

    def __init__(self) -> None:
        self.read: list[tuple[int, bytes | None]] = []

    def on_response_whole(self, exchange: Exchange, response: WholeResponse) -> None:
        self.read.append((response.status, response.body))


async def test_a_stage_that_reads_responses_sees_the_whole_one_and_the_upstream_the_whole_upload() -> None:
    for first, last in ((FIRST, LAST), (SMALL, b"and more")):
        early, stage = Early(first, last), Reading()
        async with serving(early) as (gateway, _), client_of(gateway) as client:
            use_stages(gateway, [stage])
            await send_slowly(client, True)
            response = await client.response()
            assert response.whole and stage.read == [(200, response.body)]
            assert early.got == [SIZE]


async def test_a_client_over_tls_has_its_early_response(certificate: ssl.SSLContext) -> None:
    early = Early(FIRST, LAST)
    async with serving(early, tls=certificate) as (gateway, _):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = Wire(*await asyncio.open_connection("127.0.0.1", gateway.port, ssl=context))
        sending = asyncio.create_task(send_slowly(client, False))
        assert (await client.response()).body == b"8 bytes!"
        await sending
        client.writer.transport.abort()
        assert early.got == [SIZE]
