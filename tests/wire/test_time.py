"""Clients that are slow, idle or many: each is bounded, and none makes the others wait."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from dataclasses import replace

import pytest

from tests.eventually import eventually
from tests.upstream_fixture import Upstream
from tests.wire.raw_client import (
    CHUNKED,
    PROBE,
    connected,
    head,
    login,
    read_to_end,
    reason_of,
    send,
    send_and_read,
    serving,
)

ALIVE = head()


async def silent(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An upstream that does not respond."""
    await upstream.read(reader)
    await reader.read()


async def _drip(sock: socket.socket, data: bytes, pause: float) -> None:
    with contextlib.suppress(ConnectionError):
        for byte in data:
            await asyncio.get_running_loop().sock_sendall(sock, bytes((byte,)))
            await asyncio.sleep(pause)


HEADS = {
    "nothing": b"",
    "half-a-line": b"GET /api",
    "endless-fields": b"GET /api/info HTTP/1.1\r\n" + b"x: y\r\n" * 60,
    "empty-lines": b"\r\n" * 200,
}


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS)
async def test_a_head_that_drips_is_ended_in_its_time_whatever_still_comes(data: bytes):
    async with serving(limits="header_timeout: 200ms, keepalive: 5s") as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as sock:
            dripping = asyncio.ensure_future(_drip(sock, data, 0.01))
            transcript = await read_to_end(sock)
            dripping.cancel()
        assert [(response.status, reason_of(response)) for response in transcript.responses] == [(408, "head_timeout")]
        assert transcript.responses[0][b"connection"] == b"close"
        assert upstream.requests == []


async def test_the_second_head_of_a_connection_has_its_time_too():
    async with serving(limits="header_timeout: 200ms, keepalive: 5s") as (gateway, _):
        with contextlib.closing(await connected(gateway.port)) as sock:
            await send(sock, ALIVE)
            dripping = asyncio.ensure_future(_drip(sock, b"GET /api/info HTTP/1.1\r\n" + b"x: y\r\n" * 60, 0.01))
            transcript = await read_to_end(sock)
            dripping.cancel()
        assert [response.status for response in transcript.responses] == [200, 408]


BODIES = {
    "length-drips": (b"content-length: 1000\r\n", b" " * 1000),
    "length-stalls": (b"content-length: 1000\r\n", b"{"),
    "chunks-drip": (CHUNKED, b"1\r\n{\r\n" * 200),
    "size-drips": (CHUNKED, b"0" * 1000),
    "extension-drips": (CHUNKED, b"2;" + b"a" * 1000),
    "trailers-drip": (CHUNKED, b"0\r\n" + b"x: y\r\n" * 200),
}


@pytest.mark.parametrize(("fields", "body"), BODIES.values(), ids=BODIES)
async def test_a_body_that_drips_or_stalls_is_ended_in_its_time(fields: bytes, body: bytes):
    async with serving(limits="body_timeout: 200ms") as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as sock:
            await send(sock, login(fields, b""))
            dripping = asyncio.ensure_future(_drip(sock, body, 0.01))
            transcript = await read_to_end(sock)
            dripping.cancel()
        assert [(response.status, reason_of(response)) for response in transcript.responses] == [(408, "body_timeout")]
        assert upstream.requests == []
        assert gateway.seen.events == []


async def test_a_kept_connection_is_ended_after_its_rest_without_a_word():
    async with serving(limits="keepalive: 200ms") as (gateway, _):
        with contextlib.closing(await connected(gateway.port)) as sock:
            await send(sock, ALIVE)
            transcript = await read_to_end(sock)
        assert [response.status for response in transcript.responses] == [200]
        assert b"connection" not in transcript.responses[0]


async def _quickest(port: int) -> float:
    """How many seconds the quickest of ten requests takes, each on a connection of its own."""
    loop, seconds = asyncio.get_running_loop(), []
    for _ in range(10):
        started = loop.time()
        responses = (await send_and_read(port, PROBE, False, True)).responses
        seconds.append(loop.time() - started)
        assert [response.status for response in responses] == [200]
    return min(seconds)


async def test_a_thousand_idle_connections_keep_nobody_waiting_and_end():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    loop = asyncio.get_running_loop()
    async with serving(limits="connections: 2000, keepalive: 60s, header_timeout: 60s") as (gateway, _):
        alone = await _quickest(gateway.port)
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(contextlib.closing(await connected(gateway.port))) for _ in range(1000)]
            for sock in idle[::2]:  # half of them have been used before
                await loop.sock_sendall(sock, ALIVE)
                assert (await loop.sock_recv(sock, 4096)).startswith(b"HTTP/1.1 200")
            await eventually(lambda: gateway.server.connections == 1000)
            assert await _quickest(gateway.port) < 10 * alone
            # A machine under load may have taken any time until here. From now on the waits are short.
            shorter = replace(gateway.server.dispatcher.limits, keepalive=0.2, header_timeout=0.2)
            gateway.server.limit(shorter)
            for sock in idle:
                await read_to_end(sock)
            await eventually(lambda: gateway.server.connections == 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_one_connection_too_many_is_refused_and_the_next_may_come_once_one_has_left():
    async with serving(script=silent, limits="connections: 3") as (gateway, upstream):
        with contextlib.ExitStack() as stack:
            busy = [stack.enter_context(contextlib.closing(await connected(gateway.port))) for _ in range(3)]
            for sock in busy:
                await send(sock, ALIVE)
            await eventually(lambda: len(upstream.requests) == 3)
            transcript = await send_and_read(gateway.port, b"", False, True)
            assert [(response.status, reason_of(response)) for response in transcript.responses] == [
                (503, "too_many_connections")
            ]
            assert transcript.responses[0][b"retry-after"] == b"1"
            assert gateway.server.connections == 3
            busy.pop().close()
            await eventually(lambda: gateway.server.connections == 2)
            upstream.script = None
            assert [
                response.status for response in (await send_and_read(gateway.port, PROBE, False, True)).responses
            ] == [200]


async def test_one_connection_too_many_can_read_so_though_it_has_sent_a_request():
    """RFC 9112 9.6: closing with the request unread resets the connection, and the reset may overtake the response."""
    async with serving(script=silent, limits="connections: 1") as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as busy:
            await send(busy, ALIVE)
            await eventually(lambda: upstream.requests)
            sock = socket.socket()
            with contextlib.closing(sock):
                # In one go, before the loop of this test runs: the request is there when the connection is accepted.
                sock.connect(("127.0.0.1", gateway.port))
                sock.send(login(b"content-length: 2\r\n"))
                sock.setblocking(False)
                transcript = await read_to_end(sock)
            assert [(response.status, reason_of(response)) for response in transcript.responses] == [
                (503, "too_many_connections")
            ]
            assert not transcript.reset
        assert len(upstream.requests) == 1
