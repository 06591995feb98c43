"""Requests behind one another on a connection: nothing behind a refusal that ends it may ever run."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest

from gateway.core.exchange import HEAD_START
from tests.eventually import eventually
from tests.upstream_fixture import Upstream
from tests.wire.raw_client import (
    BEHIND,
    CHUNKED,
    HOST,
    PROBE,
    check,
    connected,
    head,
    login,
    parsed,
    read_to_end,
    reason_of,
    send,
    send_and_read,
    serving,
    settle,
)

INFO = (b"GET /api/info HTTP/1.1", b"")
BEHIND_LINE = b"GET /files/behind HTTP/1.1"
BAD = b"BAD\x00\r\n\r\n"
WEBSOCKET = (
    b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"sec-websocket-version: 13\r\n"
)
H2C = b"upgrade: h2c\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
UPGRADES = {"websocket": WEBSOCKET, "h2c": H2C, "unknown": b"upgrade: foo/2\r\nconnection: upgrade\r\n"}


@pytest.mark.parametrize("first", ["/nowhere", "/a//b"])
async def test_a_refusal_of_what_was_asked_leaves_the_connection_in_step(first: str):
    data = head(f"GET {first} HTTP/1.1".encode()) + BEHIND
    refused = (404, "no_route") if first == "/nowhere" else (400, "path_ambiguous")
    await check(data, [refused, (200, "")], False, [(BEHIND_LINE, b"")])


@pytest.mark.parametrize("first", [BAD, head(fields=b"x: y\r\n"), head(b"BREW / HTTP/1.1"), head(fields=b"x : y\r\n")])
async def test_a_good_request_behind_a_malformed_one_never_runs(first: bytes):
    await check(first + BEHIND, [(400, "head_malformed")], True)


@pytest.mark.parametrize(
    "data",
    [
        head() + BAD,
        login(b"content-length: 2\r\n", b"{}XX\r\n\r\n"),
        login(b"content-length: 0\r\n", b"{}\r\n\r\n"),
        head(fields=HOST + b"content-length: 0\r\n") + b"0\r\n\r\n",
    ],
    ids=["second-request", "body-too-long", "body-of-none", "chunk-of-none"],
)
async def test_a_malformed_request_behind_a_good_one_is_refused(data: bytes):
    """The parser gives up a whole segment: a good request in the same one may not have run, but then it says so."""
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            before = len(upstream.requests)
            transcript = await send_and_read(gateway.port, data, drip, True)
            statuses = [response.status for response in transcript.responses]
            assert statuses == [200] * (len(upstream.requests) - before) + [400]
            assert reason_of(transcript.responses[-1]) == "head_malformed"
            assert transcript.responses[-1][b"connection"] == b"close"
        assert {one.line for one in upstream.requests} <= {INFO[0], b"POST /api/trpc/auth.login HTTP/1.1"}
        assert gateway.seen.events == []


@pytest.mark.parametrize("fields", [b"connection: close\r\n", b""], ids=["close", "http-1.0"])
async def test_nothing_runs_behind_a_request_that_is_the_last(fields: bytes):
    line = INFO[0] if fields else INFO[0].replace(b"1.1", b"1.0")
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, head(line, HOST + fields) + BEHIND, drip, True)
            assert [response.status for response in transcript.responses] in ([200], [400])
        assert BEHIND_LINE not in [one.line for one in upstream.requests]


async def test_nothing_runs_behind_a_body_that_was_refused():
    data = login(b"content-length: 70000\r\n", b"x" * 70_000) + BEHIND
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            with contextlib.closing(await connected(gateway.port)) as sock:
                await send(sock, data, drip)
                transcript = await read_to_end(sock)
            assert [(response.status, reason_of(response)) for response in transcript.responses] == [
                (413, "body_too_large")
            ]
        assert upstream.requests == []


async def test_nothing_runs_behind_a_body_that_was_not_waited_for():
    """A body that looks like a request is not one, though it was refused before it was read."""
    async with serving() as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as sock:
            smuggled = BEHIND.ljust(200)
            await send(sock, head(b"POST /nowhere HTTP/1.1", HOST + b"content-length: 200\r\n"))
            await send(sock, smuggled + BEHIND)
            transcript = await read_to_end(sock)
        assert [(response.status, reason_of(response)) for response in transcript.responses] == [(404, "no_route")]
        assert upstream.requests == []


@pytest.mark.parametrize("fields", UPGRADES.values(), ids=UPGRADES)
async def test_an_upgrade_is_not_offered_and_the_request_runs_as_plain_http(fields: bytes):
    """RFC 9110 7.8: a server may ignore Upgrade. No 101, no tunnel, no trace of it upstream."""
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, head(fields=HOST + fields), drip, False)
            assert [response.status for response in transcript.responses] in ([200], [200, 200])
        for received in upstream.requests:
            assert not {name for name, _ in received.fields} & {b"upgrade", b"connection", b"http2-settings"}


@pytest.mark.parametrize("fields", UPGRADES.values(), ids=UPGRADES)
async def test_bytes_behind_an_upgrade_are_requests_or_nothing(fields: bytes):
    """A body behind a declined upgrade must never be read as a request, in whichever segment it comes."""
    smuggled = b"GET /files/smuggled HTTP/1.1\r\nhost: gateway\r\n\r\n"
    upload = head(b"PUT /files/a HTTP/1.1", HOST + b"content-length: %d\r\n" % len(smuggled))
    async with serving() as (gateway, upstream):
        for data in (head(fields=HOST + fields) + upload, head(fields=HOST + fields), b""):
            with contextlib.closing(await connected(gateway.port)) as sock:
                await send(sock, data)
                await send(sock, smuggled if data.endswith(upload) else upload + smuggled)
                await send(sock, PROBE)
                transcript = await read_to_end(sock)
            assert all(response.status == 200 for response in transcript.responses)
        assert b"GET /files/smuggled HTTP/1.1" not in [one.line for one in upstream.requests]
        assert all(one.body == smuggled for one in upstream.requests if one.line.startswith(b"PUT"))


@pytest.mark.parametrize("fields", [b"content-length: 2\r\n", CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
async def test_an_upgrade_with_a_body_is_framed_by_its_body(upgrade: bytes, fields: bytes):
    body = b"{}" if b"length" in fields else b"2\r\n{}\r\n0\r\n\r\n"
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            transcript = await send_and_read(gateway.port, login(fields + upgrade, body), drip, fields == CHUNKED)
            assert transcript.responses[0].status == 200, drip
        logins = [one for one in upstream.requests if one.line.startswith(b"POST")]
        assert [one.body for one in logins] == [b"{}", b"{}"]


async def test_a_client_that_resets_has_left():
    """The call is given up; a client that only ends its side of the connection still waits: see ``loops.test_half_closed``."""

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with serving(script=script) as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as sock:
            await send(sock, head())
            await asyncio.wait_for(upstream.arrived.wait(), 5)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.wait_for(upstream.gone.wait(), 5)
        assert [exchange.status for exchange in gateway.seen.exchanges] == [0]
        assert gateway.seen.events == []


@pytest.mark.parametrize("sent", [head()[:-2], login(b"content-length: 9\r\n"), login(CHUNKED, b"5\r\n{}")])
@pytest.mark.parametrize("way", ["half", "close", "reset"])
async def test_a_client_that_leaves_in_the_middle_reaches_nobody(sent: bytes, way: str):
    async with serving() as (gateway, upstream):
        sock = await connected(gateway.port)
        await send(sock, sent)
        if way == "half":
            sock.shutdown(socket.SHUT_WR)
            await read_to_end(sock)
        elif way == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        await settle()
        assert upstream.requests == []
        assert gateway.seen.events == []
        assert gateway.seen.begun == len(gateway.seen.exchanges)
        assert [response.status for response in (await send_and_read(gateway.port, PROBE, False, True)).responses] == [
            200
        ]


async def test_a_streamed_upload_that_breaks_off_is_never_whole_upstream():
    big = b"x" * 200_000
    started = asyncio.Event()
    raw = bytearray()

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            raw.extend(data)
            started.set()

    for framing in (b"content-length: 300000\r\n", CHUNKED):
        raw.clear()
        started.clear()
        async with serving(script=script) as (gateway, upstream):
            with contextlib.closing(await connected(gateway.port)) as sock:
                data = big if b"length" in framing else b"%x\r\n%b\r\n" % (len(big), big)
                await send(sock, head(b"PUT /files/a HTTP/1.1", HOST + framing) + data)
                await asyncio.wait_for(started.wait(), 5)
                sock.shutdown(socket.SHUT_WR)
                await read_to_end(sock)
            await asyncio.wait_for(upstream.gone.wait(), 5)
            assert raw.count(b"HTTP/1.1") == 1
            assert not raw.endswith(b"0\r\n\r\n")
            assert gateway.seen.events == []


async def test_a_streamed_upload_with_a_bad_chunk_is_never_whole_upstream():
    raw = bytearray()

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            raw.extend(data)

    async with serving(script=script) as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as sock:
            long = b"%x\r\n%b\r\n" % (HEAD_START, b"-" * HEAD_START)
            await send(sock, head(b"PUT /files/a HTTP/1.1", HOST + CHUNKED) + long)
            await eventually(lambda: raw)
            await send(sock, b"zz\r\n" + BEHIND)
            transcript = await read_to_end(sock)
        await asyncio.wait_for(upstream.gone.wait(), 5)
        assert [response.status for response in transcript.responses] == [400]
        assert not raw.endswith(b"0\r\n\r\n")
        assert b"behind" not in raw
        assert gateway.seen.events == []


async def test_expect_in_any_case_is_answered_once_and_stops_here():
    async with serving() as (gateway, upstream):
        with contextlib.closing(await connected(gateway.port)) as sock:
            await send(sock, login(b"content-length: 2\r\nEXPECT: 100-Continue\r\nconnection: close\r\n", b""))
            informational = await asyncio.get_running_loop().sock_recv(sock, 4096)
            assert informational == b"HTTP/1.1 100 Continue\r\n\r\n"
            await send(sock, b"{}")
            responses = (await read_to_end(sock)).responses
        assert [response.status for response in responses] == [200]
        assert upstream.requests[0].all(b"expect") == []


async def test_many_requests_at_once_are_answered_in_their_order():
    """More than the server keeps waiting at once, the last one malformed."""
    async with serving() as (gateway, upstream):
        wanted = b"".join(head(b"GET /files/%d HTTP/1.1" % number) for number in range(200))
        with contextlib.closing(await connected(gateway.port)) as sock:
            await send(sock, wanted + PROBE)
            transcript = await read_to_end(sock)
        assert [response.status for response in transcript.responses] == [200] * 201
        lines = [one.line for one in upstream.requests]
        assert lines == [*(b"GET /files/%d HTTP/1.1" % number for number in range(200)), b"GET /files/probe HTTP/1.1"]
        assert parsed(transcript.raw)
