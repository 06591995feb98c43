"""Crowds of connections: each counts from accept to its very end, however it ends, and none keeps others out."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator

import pytest

from tests.data_plane_fixture import POLICIES_MORE
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream
from tests.wire.raw_client import head

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{trusted_proxies: [{proxies}], limits: {{header_bytes: 8KiB, {limits}}}}}
upstreams:
  tutor: {{endpoints: [{{url: "{url}"}}]}}
routes:
  - {{name: files, paths: [/files/*], methods: [GET, POST], upstream: tutor, auth: public, body: any}}
"""
ASK = head(b"GET /files/a HTTP/1.1")
LIMIT = 20


@contextlib.asynccontextmanager
async def serving(
    limits: str, tls: ssl.SSLContext | None = None, proxies: str = ""
) -> AsyncIterator[tuple[Running, Upstream]]:
    policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
    async with running_upstream() as upstream:
        entry = ENTRY.format(url=upstream.url, limits=limits, proxies=proxies)
        async with running_gateway(entry, policies=policies, tls=tls) as gateway:
            yield gateway, upstream


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.server.SWEEP", 0.02)
    monkeypatch.setattr("gateway.proxy.server.linger.STILL", 0.1)
    monkeypatch.setattr("gateway.proxy.server.send_clock.CLOSING", 0.1)


async def held(stack: contextlib.ExitStack, gateway: Running, address: str = "127.0.0.1") -> socket.socket:
    """A connection from ``address`` that does nothing."""
    sock = stack.enter_context(socket.socket())
    sock.setblocking(False)
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", gateway.port))
    return sock


def is_open(sock: socket.socket) -> bool:
    """Whether the gateway has neither closed nor reset the connection."""
    try:
        return sock.recv(65536) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


async def served(gateway: Running, tls: ssl.SSLContext | None, address: str = "127.0.0.1") -> bytes:
    """The status line that a client who comes now gets, empty when it is closed."""
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=context, local_addr=(address, 0))
        writer.write(ASK)
        async with asyncio.timeout(10):
            line = await reader.readline()
        writer.transport.abort()
        return line
    except (ConnectionError, ssl.SSLError):
        return b""


async def test_connections_that_send_nothing_are_counted_bounded_and_keep_nobody_out(
    tls: ssl.SSLContext | None,
) -> None:
    """Over TLS each of them is in its handshake."""
    async with serving(f"connections: {LIMIT}", tls) as (gateway, _):
        with contextlib.ExitStack() as stack:
            crowd = [await held(stack, gateway) for _ in range(10 * LIMIT)]
            await eventually(lambda: gateway.server.connections == LIMIT)
            await eventually(lambda: sum(is_open(sock) for sock in crowd) == LIMIT)
            assert is_open(crowd[-1]) and not is_open(crowd[0]), "the longest idle went first"
            assert (await served(gateway, tls)).startswith(b"HTTP/1.1 200")
            assert gateway.server.ended["made_room"] >= 9 * LIMIT
        await eventually(lambda: not gateway.server.connections)


async def test_a_handshake_that_drips_ends_in_its_time(certificate: ssl.SSLContext) -> None:
    async with serving("connections: 50, header_timeout: 300ms", certificate) as (gateway, _):
        with contextlib.ExitStack() as stack:
            sock = await held(stack, gateway)
            await eventually(lambda: gateway.server.connections == 1)
            hello = b"\x16\x03\x01\x02\x00" + b"\x01\x00\x01\xfc" + b"\x03" * 400
            for byte in hello:
                with contextlib.suppress(OSError):
                    sock.send(bytes((byte,)))
                await asyncio.sleep(0.005)
                if not gateway.server.connections:
                    break
            assert not gateway.server.connections


async def test_one_address_has_its_limit_and_others_are_served(tls: ssl.SSLContext | None) -> None:
    async with serving("connections: 50, per_address: {connections: 5}", tls) as (gateway, _):
        with contextlib.ExitStack() as stack:
            crowd = [await held(stack, gateway, "127.0.0.2") for _ in range(40)]
            await eventually(lambda: gateway.server.connections == 5)
            await eventually(lambda: sum(is_open(sock) for sock in crowd) == 5)
            others = [await held(stack, gateway) for _ in range(4)]
            await eventually(lambda: gateway.server.connections == 9)
            assert (await served(gateway, tls, "127.0.0.3")).startswith(b"HTTP/1.1 200")
            assert all(is_open(sock) for sock in others), "they make no room for another address"
        await eventually(lambda: not gateway.server.connections)
        assert gateway.server.count.addresses == 0


async def test_a_trusted_proxy_may_have_any_number() -> None:
    limits = "connections: 50, per_address: {connections: 5}"
    async with serving(limits, proxies="127.0.0.2/32") as (gateway, _):
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                await held(stack, gateway, "127.0.0.2")
            await eventually(lambda: gateway.server.connections == 20)
            assert gateway.server.count.addresses == 0


async def test_requests_in_flight_of_one_address_have_their_limit_behind_a_proxy_too() -> None:
    async def silent(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upstream.read(reader)
        await reader.read()

    limits = "connections: 50, per_address: {requests: 3}"
    async with serving(limits, proxies="127.0.0.2/32") as (gateway, upstream):
        upstream.script = silent
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            for client in ("192.0.2.1", "192.0.2.2"):
                ask = head(b"GET /files/a HTTP/1.1", b"host: a\r\nx-forwarded-for: %b\r\n" % client.encode())
                for _ in range(3):
                    await loop.sock_sendall(await held(stack, gateway, "127.0.0.2"), ask)
            await eventually(lambda: len(upstream.requests) == 6)
            sock = await held(stack, gateway, "127.0.0.2")
            await loop.sock_sendall(sock, ask)
            assert (await loop.sock_recv(sock, 65536)).startswith(b"HTTP/1.1 429")
            assert gateway.seen.reasons == ["rate_limited"]
        await eventually(lambda: not gateway.server.dispatcher.in_flight)


ENDS = ("close", "reset", "half", "garbage", "request", "last", "pipelined", "body", "head", "big")
SENDS = {
    "half": b"GET /fi",
    "garbage": b"\x00\xff\r\n\r\n" * 3,
    "request": ASK,
    "last": head(b"GET /files/a HTTP/1.1", b"host: a\r\nconnection: close\r\n"),
    "pipelined": ASK * 5,
    "body": head(b"POST /nowhere HTTP/1.1", b"host: a\r\ncontent-length: 10\r\n") + b"x",
    "head": head(b"GET /files/a HTTP/1.1", b"host: a\r\nhost: b\r\n"),
    "big": b"GET /" + b"x" * 9000,
}


async def test_counts_return_to_nothing_whichever_way_connections_end(tls: ssl.SSLContext | None) -> None:
    rng = random.Random(20261128)
    async with serving(f"connections: {LIMIT}, per_address: {{connections: 7}}, send_timeout: 1s", tls) as (gateway, _):
        with contextlib.ExitStack() as stack:
            for step in range(150):
                sock = await held(stack, gateway, f"127.0.0.{rng.randrange(2, 6)}")
                end = rng.choice(ENDS)
                with contextlib.suppress(OSError):
                    if end == "reset":
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    sock.send(SENDS.get(end, b""))
                if rng.random() < 0.7:
                    sock.close()
                if step % 10 == 0:
                    await asyncio.sleep(0.005)
                assert gateway.server.connections <= LIMIT
                assert gateway.server.count.addresses <= 4
        await eventually(lambda: not gateway.server.connections)
        assert gateway.server.count.addresses == 0
        await eventually(lambda: not gateway.server.dispatcher.in_flight)


async def test_a_request_counts_for_its_address_also_when_its_client_has_reset_the_connection() -> None:
    """The system knows no peer of such a socket any more: the requests of all who do so would count for one nobody."""
    async with serving("per_address: {connections: 10}") as (gateway, _):
        for number in range(3):  # all before the loop runs again, and accepts
            with socket.create_connection(
                ("127.0.0.1", gateway.port), source_address=(f"127.0.0.{number + 2}", 0)
            ) as one:
                one.sendall(ASK)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await eventually(lambda: len(gateway.seen.exchanges) == 3)
        assert {one.client for one in gateway.seen.exchanges} == {f"127.0.0.{number + 2}" for number in range(3)}


HANDSHAKES = "per_address: {connections: 10, unrouted: 1/minute}"


async def closed_at_once(port: int, source: str) -> bool:
    """Whether a connection from ``source`` is closed before anything was sent on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        async with asyncio.timeout(0.3):
            return await reader.read(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()


async def test_an_address_begins_only_so_many_handshakes(tls: ssl.SSLContext | None) -> None:
    """Each costs the gateway ten times what it costs the client, who may leave at once and send the same again."""
    async with serving(HANDSHAKES, tls) as (gateway, _):
        for _ in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, local_addr=("127.0.0.2", 0))
            writer.close()
        await eventually(lambda: not gateway.server.connections)
        assert await closed_at_once(gateway.port, "127.0.0.2") is (tls is not None)
        assert not await closed_at_once(gateway.port, "127.0.0.3")
        assert gateway.server.ended["too_many"] == (1 if tls else 0)


async def test_a_trusted_proxy_begins_any_number_of_handshakes(certificate: ssl.SSLContext) -> None:
    async with serving(HANDSHAKES, certificate, proxies="127.0.0.2") as (gateway, _):
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, local_addr=("127.0.0.2", 0))
            writer.close()
        assert not await closed_at_once(gateway.port, "127.0.0.2")
