"""Uploads that do not end although their response has begun: each side has its own clock, and only who stood still is blamed."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from gateway.proxy.upstream import upload
from tests.eventually import eventually
from tests.upstream_fixture import Upstream
from tests.wire.uploads import (
    FIRST,
    LAST,
    PIECE,
    SIZE,
    SMALL,
    Early,
    client_of,
    content,
    framed,
    reset,
    send_slowly,
    serving,
    upload_head,
)


async def test_an_upstream_that_stops_reading_in_the_middle_of_its_response_has_stalled() -> None:
    async def stop(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FIRST)
        await asyncio.sleep(60)

    async with serving(stop, "300ms") as (gateway, _), client_of(gateway) as client:
        sock = client.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000_000)
        client.send(f"POST /files/a HTTP/1.1\r\nhost: a\r\ncontent-length: {40_000_000}\r\n\r\n".encode())
        client.send(b"-" * 40_000_000)
        assert not (await client.response()).whole
        await eventually(lambda: gateway.seen.reasons == ["upstream_stalled"])
        assert gateway.runtime.breakers["tutor"].circuit().state == "open"


async def test_a_client_that_stops_in_the_middle_of_its_upload_is_to_blame_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The upstream waits for the rest, and may be silent for longer than its own clocks allow."""
    monkeypatch.setattr(upload, "STILL", 0.6)
    for first in (FIRST, SMALL):
        async with serving(Early(first, LAST), "200ms") as (gateway, _), client_of(gateway) as client:
            client.send(upload_head(False) + PIECE * 10)
            if first is FIRST:
                assert not (await client.response()).whole
            else:
                assert (await client.response()).status == 408
            await eventually(lambda gateway=gateway: gateway.seen.reasons == ["body_timeout"])
            pool = gateway.runtime.upstreams["tutor"].pool
            await eventually(lambda pool=pool: not pool.open and pool.endpoints[0].in_flight == 0)
            assert gateway.runtime.breakers["tutor"].circuit().failures == 0


@pytest.mark.parametrize("first", [FIRST, SMALL], ids=["streamed", "of a known length"])
async def test_a_slow_upload_beside_a_silent_response_is_no_stall(first: bytes) -> None:
    early = Early(first, LAST if first is FIRST else b"and more")
    async with serving(early, "200ms") as (gateway, _), client_of(gateway) as client:
        client.send(upload_head(False) + PIECE * 10)
        for _ in range(10):
            await asyncio.sleep(0.06)
            client.send(PIECE)
        assert (await client.response()).whole
        assert (early.got, gateway.seen.reasons) == ([SIZE], [""])


async def test_an_upstream_that_is_silent_behind_a_whole_upload_has_begun_well() -> None:
    async def stall(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FIRST)
        await reader.readexactly(SIZE)
        await asyncio.sleep(60)

    async with serving(stall, "300ms") as (gateway, _), client_of(gateway) as client:
        await send_slowly(client, False)
        assert not (await client.response()).whole
        await eventually(lambda: gateway.seen.reasons == ["stream_quiet"])
        assert gateway.runtime.breakers["tutor"].circuit().failures == 0


@pytest.mark.parametrize("malformed", [b"zz\r\n", b"5\r\nab"], ids=["malformed", "left"])
async def test_an_upload_that_ends_badly_never_looks_whole_to_the_upstream(malformed: bytes) -> None:
    whole: list[bool] = []

    async def script(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FIRST)
        try:
            async for _ in content(reader, True):
                pass
            whole.append(True)
        except (ValueError, asyncio.IncompleteReadError, ConnectionError):
            whole.append(False)

    async with serving(script) as (gateway, _), client_of(gateway) as client:
        client.send(upload_head(True) + framed(PIECE, True) * 8)
        await client.reader.readuntil(b"8 bytes!")
        client.send(malformed)
        if malformed == b"5\r\nab":
            await asyncio.sleep(0.01)
            reset(client)
        await eventually(lambda: whole == [False])
        await eventually(lambda: not gateway.server.dispatcher.in_flight)
        assert gateway.runtime.breakers["tutor"].circuit().failures == 0


async def test_a_body_that_grows_too_large_beside_its_response_is_ended_by_name() -> None:
    async with serving(Early(FIRST, LAST)) as (gateway, _), client_of(gateway) as client:
        client.send(upload_head(True))
        with contextlib.suppress(ConnectionError):
            for _ in range(60):
                client.send(framed(b"-" * 1_000_000, True))
                await client.writer.drain()
        await eventually(lambda: gateway.seen.reasons == ["body_too_large"])
        assert gateway.runtime.breakers["tutor"].circuit().failures == 0
