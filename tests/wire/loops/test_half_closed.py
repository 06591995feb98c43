"""Clients that end their side behind a complete request: it is served, and where they still listen they have their responses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator

import pytest

from gateway.proxy.server import half_closed
from tests.data_plane_fixture import POLICIES_MORE
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream
from tests.wire.raw_tls import raw_client

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{per_address: {{connections: 3}}}}}}
upstreams:
  tutor:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 1s, response: {response}, body: 60s, idle: 4s}}
    concurrency: {{limit: 3, queue: 0}}
routes:
  - {{name: files, paths: [/files/*], methods: [GET, POST], upstream: tutor, auth: public, body: any}}
"""
GET = b"GET /files/a HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST /files/a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
LARGE = b"POST /files/a HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n" + b"-" * 200_000
CHUNKED = b"POST /files/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
OLD = b"GET /files/a HTTP/1.0\r\nhost: a\r\n\r\n"
SENT = {
    "GET": (GET, 1),
    "POST": (POST, 1),
    "a large POST": (LARGE, 1),
    "chunks": (CHUNKED, 1),
    "HTTP/1.0": (OLD, 1),
    "pipelined": (GET + POST + GET + CHUNKED, 4),
    "more than are read ahead": (GET * 30, 30),
    "pipelined, the last one cut": (POST + GET + POST[:-1], 2),
    "pipelined, the last one without its head": (POST + GET + b"GET /files/", 2),
}


async def slow(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Responds when everything that a client does at once has been done."""
    while True:
        await upstream.read(reader)
        await asyncio.sleep(0.03)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


async def silent(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await upstream.read(reader)
    await reader.read()


@contextlib.asynccontextmanager
async def serving(
    script: object, tls: ssl.SSLContext | None = None, response: str = "5s"
) -> AsyncIterator[tuple[Running, Upstream]]:
    policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
    async with running_upstream(script=script) as upstream:  # type: ignore[arg-type]  # one of those above
        entry = ENTRY.format(url=upstream.url, response=response)
        async with running_gateway(entry, policies=policies, tls=tls) as gateway:
            yield gateway, upstream


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.half_closed.LOOK", 0.02)
    monkeypatch.setattr("gateway.proxy.server.send_clock.CLOSING", 0.1)


async def nothing_held(gateway: Running) -> None:
    """Until nothing is in flight, no permit is taken and no connection is left."""
    await eventually(lambda: not gateway.server.dispatcher.in_flight and not gateway.server.connections)
    assert gateway.runtime.concurrency["tutor"].taken == 0


@pytest.mark.parametrize(("sent", "count"), SENT.values(), ids=SENT)
async def test_who_ends_its_side_has_all_its_responses(sent: bytes, count: int, tls: ssl.SSLContext | None) -> None:
    async with serving(slow, tls) as (gateway, upstream):
        async with raw_client(gateway.port, tls is not None) as client:
            await client.send(sent)
            await client.close_notify()
            async with asyncio.timeout(10):
                got = await client.read_to_end()
        assert got.count(b"HTTP/1.1 200 OK\r\n") == count == len(upstream.requests)
        assert got.endswith(b"\r\n\r\nok")
        assert got.lower().count(b"connection: close\r\n") == 1, "the last one says so (RFC 9112 9.6)"
        await nothing_held(gateway)
        assert gateway.seen.reasons == [""] * count and gateway.seen.events == []


async def test_the_end_may_come_at_any_time(tls: ssl.SSLContext | None) -> None:
    """With the request, while it is served, when its response is here, and in the middle of a long one."""
    async with serving(slow, tls) as (gateway, upstream):
        for wait in (0.0, 0.01, 0.02, 0.03, 0.04, 0.1):
            async with raw_client(gateway.port, tls is not None) as client:
                await client.send(POST)
                await asyncio.sleep(wait)
                await client.close_notify()
                async with asyncio.timeout(10):
                    assert (await client.read_to_end()).endswith(b"\r\n\r\nok")
        assert len(upstream.requests) == 6
        await nothing_held(gateway)


@pytest.mark.parametrize("way", ["close", "notify", "both"])
@pytest.mark.parametrize("sent", [GET, POST, CHUNKED, LARGE], ids=["GET", "POST", "chunks", "large"])
async def test_who_closes_behind_a_complete_request_has_it_served(
    sent: bytes, way: str, tls: ssl.SSLContext | None
) -> None:
    """All reach the upstream, which nobody interrupts, and nothing is held when they are over."""
    async with serving(slow, tls) as (gateway, upstream):
        for _ in range(3):
            async with raw_client(gateway.port, tls is not None) as client:
                await client.send(sent)
                if way != "close":
                    await client.close_notify()
                if way == "both":
                    await asyncio.sleep(0.01)
        await eventually(lambda: len(upstream.requests) == 3)
        await nothing_held(gateway)
        assert upstream.gone.is_set() is False, "no call was interrupted"
        assert gateway.seen.events == []


async def test_a_reset_ends_the_interest_also_behind_the_end_of_input(tls: ssl.SSLContext | None) -> None:
    async with serving(silent, tls, "60s") as (gateway, upstream):
        for ended in (False, True):
            upstream.gone.clear()
            async with raw_client(gateway.port, tls is not None) as client:
                await client.send(POST)
                await eventually(lambda: gateway.runtime.concurrency["tutor"].taken == 1)
                if ended:
                    await client.close_notify()
                    await asyncio.sleep(0.05)
                    assert gateway.runtime.concurrency["tutor"].taken == 1
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await asyncio.wait_for(upstream.gone.wait(), 5)
            await nothing_held(gateway)


@pytest.mark.parametrize(
    "sent", [POST[:-1], POST[:20], CHUNKED[:-2], LARGE[:-1]], ids=["body", "head", "chunks", "large"]
)
async def test_the_end_in_the_middle_of_a_request_abandons_it(sent: bytes, tls: ssl.SSLContext | None) -> None:
    async with serving(slow, tls) as (gateway, upstream):
        async with raw_client(gateway.port, tls is not None) as client:
            await client.send(sent)
            await asyncio.sleep(0.02)
            await client.close_notify()
            async with asyncio.timeout(5):
                assert await client.read_to_end() == b""
            await nothing_held(gateway)
        assert upstream.requests == []


async def test_the_timeouts_of_the_call_are_the_clock_of_who_may_be_gone(tls: ssl.SSLContext | None) -> None:
    async with serving(silent, tls, "300ms") as (gateway, upstream):
        for _ in range(3):
            async with raw_client(gateway.port, tls is not None) as client:
                await client.send(POST)
        await eventually(lambda: len(upstream.requests) == 3)
        await nothing_held(gateway)
        assert set(gateway.seen.reasons) <= {"upstream_timeout", ""}


async def test_a_silent_stream_has_a_clock_and_one_that_goes_on_has_none(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None
) -> None:
    monkeypatch.setattr(half_closed, "SILENT", 0.3)

    async def stream(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upstream.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(10):
            writer.write(b"5\r\nevent\r\n")
            await asyncio.sleep(0.06)
        await reader.read()

    async with serving(stream, tls) as (gateway, upstream), raw_client(gateway.port, tls is not None) as client:
        await client.send(GET)
        await client.close_notify()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                got = await client.read_to_end()
        assert got.count(b"event") == 10, "it was silent for longer in all, but never at once"
        await asyncio.wait_for(upstream.gone.wait(), 5)
        await nothing_held(gateway)


async def test_no_tunnel_is_made_for_who_sends_nothing_more(tls: ssl.SSLContext | None) -> None:
    asked = b"GET /files/a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    async with serving(slow, tls) as (gateway, _), raw_client(gateway.port, tls is not None) as client:
        await client.send(asked)
        await client.close_notify()
        async with asyncio.timeout(5):
            assert b" 101 " not in await client.read_to_end()
        await nothing_held(gateway)


async def test_a_drain_waits_for_who_still_listens(tls: ssl.SSLContext | None) -> None:
    async with serving(slow, tls) as (gateway, _), raw_client(gateway.port, tls is not None) as client:
        await client.send(GET)
        await client.close_notify()
        await eventually(lambda: gateway.server.dispatcher.in_flight)
        await gateway.server.drain(5.0)
        async with asyncio.timeout(5):
            assert (await client.read_to_end()).endswith(b"ok")


async def test_who_is_gone_counts_for_its_address_until_its_call_is_over(tls: ssl.SSLContext | None) -> None:
    """Three of one address may be connected. To leave makes room for no more calls than to stay; a drain ends them."""
    async with serving(silent, tls, "60s") as (gateway, upstream):
        for _ in range(3):
            async with raw_client(gateway.port, tls is not None) as client:
                await client.send(POST)
        await eventually(lambda: len(upstream.requests) == 3)
        for _ in range(3):
            await asyncio.sleep(0.03)
            assert gateway.server.connections == gateway.server.dispatcher.in_flight == 3
            with contextlib.suppress(ConnectionError, ssl.SSLError):  # in the handshake
                async with raw_client(gateway.port, tls is not None) as client:
                    await client.send(POST)
        assert gateway.server.ended["too_many"] == 3 and len(upstream.requests) == 3
        await gateway.server.drain(0.1)
        await nothing_held(gateway)


async def test_a_drain_waits_for_the_call_of_who_is_gone(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None
) -> None:
    monkeypatch.setattr("gateway.proxy.server.server._LAST_WORDS", 0.0)
    async with serving(slow, tls) as (gateway, upstream):
        async with raw_client(gateway.port, tls is not None) as client:
            await client.send(POST)
        await eventually(lambda: gateway.server.dispatcher.in_flight)
        await gateway.server.drain(5.0)
        assert gateway.seen.reasons == [""] and not upstream.gone.is_set()
        await nothing_held(gateway)
