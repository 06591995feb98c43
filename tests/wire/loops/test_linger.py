"""Refusals while content is still coming: whoever reads nothing before it has sent all reads why, and nobody holds more by that."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from time import thread_time

import pytest

from gateway.proxy.server import linger
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.processor_time import slowdown
from tests.upstream_fixture import running_upstream
from tests.wire.raw_tls import RawPlain, RawTls, raw_client

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{connections: 20, header_bytes: 8KiB, body_timeout: 300ms, {limits}}}}}
upstreams:
  tutor: {{endpoints: [{{url: "{url}"}}]}}
defaults: {{cors: app}}
routes:
  - {{name: open, paths: [/open], methods: [POST], upstream: tutor, auth: public, body: any}}
  - {{name: small, paths: [/small], methods: [POST], upstream: tutor, auth: public, body: json}}
  - {{name: signed-in, paths: [/signed-in], methods: [POST], upstream: tutor, auth: access-token, body: any}}
  - {{name: denied, paths: [/denied], methods: [POST], deny: "not here"}}
  - {{name: limited, paths: [/limited], methods: [POST], upstream: tutor, auth: public, body: any, rate_limits: [none]}}
"""
MORE = "  any: {max: 50MB}\nresponse_headers:\n"
SIZE = 10_000_000
PIECES, EVERY = 10, 0.06  # pieces of an upload, and seconds between them: longer in all than a client may be still
PIECE = b"-" * 50_000


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None, limits: str = "keepalive: 60s") -> AsyncIterator[Running]:
    policies = POLICIES.replace("response_headers:\n", MORE)
    policies = policies.replace("rate_limits:\n", "rate_limits:\n  none: {limit: 1/hour, key: [address]}\n")
    async with running_upstream() as upstream:
        entry = ENTRY.format(url=upstream.url, limits=limits)
        async with running_gateway(entry, policies=policies, tls=tls) as gateway:
            yield gateway


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "STILL", 0.3)
    monkeypatch.setattr("gateway.proxy.server.server.SWEEP", 0.02)
    monkeypatch.setattr("gateway.proxy.server.send_clock.CLOSING", 0.1)


def head(path: str, fields: str = "", chunked: bool = False, method: str = "POST") -> bytes:
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {SIZE}"
    lines = f"{method} {path} HTTP/1.1\r\nhost: a\r\n{framing}\r\n{fields}\r\n"
    return lines.encode()


JSON = "content-type: application/json\r\n"
REFUSED = {
    "413, declared": (head("/small", JSON), 413),
    "413, counted": (head("/small", JSON, chunked=True), 413),
    "401": (head("/signed-in"), 401),
    "415": (head("/small", "content-type: text/plain\r\n", chunked=True), 415),
    "404": (head("/nowhere"), 404),
    "405": (head("/open", method="PUT"), 405),
    "403, denied": (head("/denied"), 403),
    "403, origin": (head("/open", "origin: https://evil.example\r\n"), 403),
    "400, path": (head("/a//b"), 400),
    "400, head": (head("/open", "x : y\r\n"), 400),
    "431": (head("/open", f"x: {'y' * 9000}\r\n"), 431),
    "invited": (head("/signed-in", "expect: 100-continue\r\n"), 401),
    "http-1.0": (head("/signed-in").replace(b"HTTP/1.1", b"HTTP/1.0"), 401),
}


async def upload(client: RawTls | RawPlain, begun: bytes, pieces: int = PIECES) -> None:
    """Send ``begun`` and pieces of content, and read nothing meanwhile."""
    await client.send(begun)
    chunked = b"chunked" in begun
    for _ in range(pieces):
        await client.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        await asyncio.sleep(EVERY)


async def read_refusal(client: RawTls | RawPlain) -> bytes:
    async with asyncio.timeout(10):
        return await client.read_to_end()


@pytest.mark.parametrize(("begun", "status"), REFUSED.values(), ids=REFUSED)
async def test_who_uploads_before_it_reads_has_its_refusal(
    begun: bytes, status: int, tls: ssl.SSLContext | None
) -> None:
    async with serving(tls) as gateway:
        async with raw_client(gateway.port, tls is not None) as client:
            await upload(client, begun)
            got = await read_refusal(client)
        assert got.startswith(b"HTTP/1.1 %d " % status) and got.endswith(b"}")
        assert b"connection: close\r\n" in got
        await eventually(lambda: not gateway.server.connections)
        assert gateway.seen.events == []


async def test_more_than_its_limit_is_readable_too(tls: ssl.SSLContext | None) -> None:
    async with serving(tls) as gateway:
        for status in (200, 429):
            async with raw_client(gateway.port, tls is not None) as client:
                if status == 200:
                    await client.send(
                        b"POST /limited HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    )
                else:
                    await upload(client, head("/limited"))
                assert (await read_refusal(client)).startswith(b"HTTP/1.1 %d " % status)


async def test_content_that_is_malformed_is_refused_readably(tls: ssl.SSLContext | None) -> None:
    begun = head("/open", chunked=True)
    async with serving(tls) as gateway, raw_client(gateway.port, tls is not None) as client:
        await client.send(begun + b"5\r\nhello\r\n")
        await eventually(lambda: gateway.server.dispatcher.in_flight)
        await client.send(b"zz\r\n")
        for _ in range(PIECES):
            await client.send(PIECE)
            await asyncio.sleep(EVERY)
        got = await read_refusal(client)
        assert got.startswith(b"HTTP/1.1 400 ") and b"body_malformed" in got


async def test_who_was_too_slow_may_go_on_and_read_it(tls: ssl.SSLContext | None) -> None:
    async with serving(tls) as gateway, raw_client(gateway.port, tls is not None) as client:
        await client.send(head("/open") + b"-")
        await eventually(lambda: gateway.seen.reasons == ["body_timeout"])
        for _ in range(PIECES):
            await client.send(PIECE)
            await asyncio.sleep(EVERY)
        assert (await read_refusal(client)).startswith(b"HTTP/1.1 408 ")


async def test_what_was_pipelined_behind_the_last_response_destroys_none_of_it() -> None:
    """The response says ``close``, and more was under way already."""
    ask = b"POST /open HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    async with serving() as gateway, raw_client(gateway.port, False) as client:
        await client.send(ask + head("/open") + PIECE)
        for _ in range(PIECES):
            await client.send(PIECE)
            await asyncio.sleep(EVERY)
        got = await read_refusal(client)
        assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"{}")


async def test_a_client_sees_the_end_of_its_response_while_it_uploads() -> None:
    """It need not know its length: nothing more is written, and that is told at once."""
    async with serving() as gateway, raw_client(gateway.port, False) as client:
        await client.send(head("/signed-in") + PIECE)
        assert (await read_refusal(client)).startswith(b"HTTP/1.1 401 ")
        assert gateway.server.connections == 1, "and what it still sends is taken"
        await client.close_notify()
        await eventually(lambda: not gateway.server.connections)


async def until_reset(client: RawTls | RawPlain, piece: bytes, pause: float) -> int:
    """Send until the gateway takes no more; the bytes sent."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            while True:
                await client.send(piece)
                sent += len(piece)
                await asyncio.sleep(pause)
    return sent


async def test_no_client_may_go_on_for_ever(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None) -> None:
    monkeypatch.setattr(linger, "MOST_SECONDS", 0.5)
    async with serving(tls) as gateway, raw_client(gateway.port, tls is not None) as client:
        began = asyncio.get_running_loop().time()
        await client.send(head("/signed-in"))
        await until_reset(client, b"-", 0.02)
        assert asyncio.get_running_loop().time() - began < 5.0
        await eventually(lambda: not gateway.server.connections)


async def test_no_client_may_send_without_end(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None) -> None:
    monkeypatch.setattr(linger, "MOST_BYTES", 1_000_000)
    async with serving(tls) as gateway, raw_client(gateway.port, tls is not None) as client:
        await client.send(head("/nowhere"))
        await until_reset(client, PIECE, 0.001)
        await eventually(lambda: not gateway.server.connections)


async def test_who_sends_nothing_more_is_not_waited_for_long(tls: ssl.SSLContext | None) -> None:
    async with serving(tls) as gateway, raw_client(gateway.port, tls is not None) as client:
        await client.send(head("/signed-in"))
        await eventually(lambda: gateway.seen.reasons)
        await eventually(lambda: not gateway.server.connections)


async def test_who_lingers_counts_and_makes_room(tls: ssl.SSLContext | None) -> None:
    """Twenty may be connected: those that were refused go first, and nobody else has to wait."""
    async with serving(tls) as gateway, contextlib.AsyncExitStack() as stack:
        opening = (stack.enter_async_context(raw_client(gateway.port, tls is not None)) for _ in range(20))
        clients = await asyncio.gather(*opening)
        # all at once, or the first has lingered long enough before the last has asked
        await asyncio.gather(*(client.send(head("/signed-in") + PIECE) for client in clients))
        await eventually(lambda: len(gateway.seen.reasons) == 20)
        assert gateway.server.connections == 20
        async with raw_client(gateway.port, tls is not None) as another:
            await another.send(b"POST /open HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            assert (await read_refusal(another)).startswith(b"HTTP/1.1 200 ")
        assert gateway.server.ended["made_room"] >= 1


MIB = 1024 * 1024
DROPPED = 32  # MiB
COST = {"plain": 0.001, "tls": 0.005}  # seconds of processor for each, three to five times what was measured


def _upload_all(port: int, tls: bool) -> bytes:
    """Send a request that is refused and ``DROPPED`` MiB of content, then read the begin of its response."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 20) as raw, context.wrap_socket(raw) if tls else raw as sock:
        sock.sendall(head("/signed-in").replace(str(SIZE).encode(), str(DROPPED * MIB).encode()))
        for _ in range(DROPPED):
            sock.sendall(b"-" * MIB)
        return sock.recv(12)


async def test_what_is_dropped_costs_little_processor_time(tls: ssl.SSLContext | None) -> None:
    """The thread of the loop is measured, which is not the client's."""
    bound = DROPPED * COST["plain" if tls is None else "tls"]
    taken = float("inf")
    async with serving(tls) as gateway:
        for _ in range(5):
            began = thread_time()
            assert await asyncio.to_thread(_upload_all, gateway.port, tls is not None) == b"HTTP/1.1 401"
            taken = min(taken, thread_time() - began)
            if taken <= bound:
                break
    assert taken <= bound * slowdown()


async def test_the_keepalive_of_idle_connections_is_no_bound_of_it() -> None:
    async with serving(limits="keepalive: 100ms") as gateway, raw_client(gateway.port, False) as client:
        await upload(client, head("/signed-in"))
        assert (await read_refusal(client)).startswith(b"HTTP/1.1 401 ")


async def test_a_drain_ends_in_its_time() -> None:
    async with serving() as gateway, raw_client(gateway.port, False) as client:
        sending = asyncio.create_task(until_reset(client, b"-" * 1000, 0.01))
        await client.send(head("/signed-in"))
        await eventually(lambda: gateway.seen.reasons)
        began = asyncio.get_running_loop().time()
        await gateway.server.drain(0.5)
        assert asyncio.get_running_loop().time() - began < 2.0
        await sending
