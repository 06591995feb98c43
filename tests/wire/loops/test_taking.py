"""Clients that take what they are sent slowly or not at all: each has its time, and what waits for all of them has a bound."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from gateway.core.exchange import Exchange
from gateway.policy.base.stage import Stage
from tests.data_plane_fixture import POLICIES_MORE
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.proxy.own_route import use_stages
from tests.upstream_fixture import Script, Upstream, running_upstream
from tests.wire.raw_client import head

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{header_bytes: 8KiB, per_address: {{unrouted: 9999/second}}, {limits}}}}}
upstreams:
  tutor:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 1s, response: 10s, body: 10s, idle: 4s}}
    concurrency: {{limit: 10, queue: 1, wait: 10s, per_client: 10}}
    breaker: once
routes:
  - {{name: files, paths: [/files/*], methods: [GET, HEAD], upstream: tutor, auth: public, body: any}}
breakers:
  once: {{failures: 1, recover_after: 60s}}
"""

WHOLE, STREAMED = 60_000, 3_000_000  # bytes of a response that is passed on in one piece, and of one that is streamed
ASK = head(b"GET /files/whole HTTP/1.1")
ASK_STREAM = head(b"GET /files/streamed HTTP/1.1")


async def respond(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An upstream whose responses are as large as their paths say."""
    while True:
        line = (await upstream.read(reader)).line
        if b"socket" in line:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n")
        elif b"quiet" in line:
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            await reader.read()
        elif b"chunked" in line:
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(30):
                writer.write(b"%x\r\n%b\r\n" % (100_000, b"x" * 100_000))
            writer.write(b"0\r\n\r\n")
        size = STREAMED if b"streamed" in line or b"socket" in line else WHOLE
        if b"socket" not in line:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        writer.write(b"x" * (0 if line.startswith(b"HEAD") else size))
        await writer.drain()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.server.SWEEP", 0.02)
    monkeypatch.setattr("gateway.proxy.server.send_clock.CLOSING", 0.2)


@contextlib.asynccontextmanager
async def serving(
    limits: str = "send_timeout: 250ms", tls: ssl.SSLContext | None = None, script: Script = respond
) -> AsyncIterator[Running]:
    policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
    async with running_upstream(script=script) as upstream:
        entry = ENTRY.format(url=upstream.url, limits=limits)
        async with running_gateway(entry, policies=policies, tls=tls) as gateway:
            yield gateway


@contextlib.asynccontextmanager
async def client(
    gateway: Running, tls: ssl.SSLContext | None = None, receive: int = 4096
) -> AsyncIterator[socket.socket]:
    """A client that reads nothing unless it is asked to, with ``receive`` bytes of room in its kernel."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    sock.settimeout(10)
    await asyncio.to_thread(sock.connect, ("127.0.0.1", gateway.port))
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock, do_handshake_on_connect=False)
        await asyncio.to_thread(sock.do_handshake)
    with contextlib.closing(sock):
        yield sock


async def all_ended(gateway: Running) -> None:
    await eventually(lambda: not gateway.server.connections and not gateway.server.dispatcher.in_flight)
    await eventually(lambda: not gateway.server.unsent)


REQUESTS = {
    "kept-alive": ASK * 4,
    "closing": ASK * 3 + head(b"GET /files/whole HTTP/1.1", b"host: gateway\r\nconnection: close\r\n"),
    "streamed": ASK_STREAM,
    "chunked": head(b"GET /files/chunked HTTP/1.1"),
    "http-1-0": head(b"GET /files/streamed HTTP/1.0"),
    "no-route": head(b"GET /nowhere HTTP/1.1") * 2000,
    "head": head(b"HEAD /files/whole HTTP/1.1") * 4000,
    "unreadable-behind": ASK * 3 + b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "body-behind": ASK * 3 + head(b"POST /nowhere HTTP/1.1", b"host: a\r\ncontent-length: 100\r\n"),
}


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
async def test_who_takes_nothing_is_ended_in_its_time(data: bytes, tls: ssl.SSLContext | None) -> None:
    async with serving(tls=tls) as gateway, client(gateway, tls) as sock:
        await asyncio.to_thread(_send_what_fits, sock, data)
        await eventually(lambda: gateway.server.unsent)
        await all_ended(gateway)
        assert gateway.server.ended["stalled"] == 1
        assert [name for name, _ in gateway.seen.events] == ["clients_stalled"]


def _send_what_fits(sock: socket.socket, data: bytes) -> None:
    """Send until nothing more is taken for a moment, however slowly it was taken before."""
    sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError, OSError):
        rest = memoryview(data)
        while rest:
            rest = rest[sock.send(rest) :]


async def test_ten_clients_that_read_nothing_hold_no_permit_and_say_nothing_about_the_upstream() -> None:
    async with serving() as gateway, contextlib.AsyncExitStack() as stack:
        permits = gateway.runtime.concurrency["tutor"]
        clients = [await stack.enter_async_context(client(gateway)) for _ in range(10)]
        for sock in clients:  # all at once, or the first has had its time before the last has asked
            sock.sendall(ASK_STREAM)
        await eventually(lambda: permits.taken == 10)
        await eventually(lambda: not permits.taken)
        await all_ended(gateway)
        for exchange in gateway.seen.exchanges:
            assert (exchange.reason, exchange.failure, exchange.status) == ("client_stalled", None, 200)
        assert gateway.runtime.breakers["tutor"].circuit().state == "closed"
        async with client(gateway, receive=1 << 20) as sock:
            sock.sendall(ASK)
            assert await asyncio.to_thread(_read, sock, WHOLE) > WHOLE


class Leaving(Stage):
    """Remembers what each request looked like when it was left."""

    def __init__(self) -> None:
        self.left: list[tuple[str, object]] = []

    def on_done(self, exchange: Exchange) -> None:
        self.left.append((exchange.reason, exchange.failure))


async def test_to_stages_a_client_that_takes_nothing_has_left() -> None:
    """A reason would give a wrong guess at a password back to its account (``policy.lockout``)."""
    async with serving() as gateway, client(gateway) as sock:
        stage = Leaving()
        use_stages(gateway, [stage])
        sock.sendall(ASK_STREAM)
        await eventually(lambda: gateway.server.unsent)
        await all_ended(gateway)
        assert stage.left == [("", None)]
        assert gateway.seen.reasons == ["client_stalled"]


def _read(sock: socket.socket, size: int, piece: int = 65536) -> int:
    """Bytes read until there are ``size``, or no more come."""
    sock.settimeout(10)
    found = 0
    with contextlib.suppress(OSError):
        while found < size and (data := sock.recv(piece)):
            found += len(data)
    return found


async def test_two_hundred_untaken_responses_are_freed() -> None:
    async with serving("send_timeout: 1s, keepalive: 60s") as gateway, contextlib.AsyncExitStack() as stack:
        for _ in range(200):
            sock = await stack.enter_async_context(client(gateway))
            sock.sendall(ASK * 3)
            await asyncio.sleep(0)
        await eventually(lambda: gateway.server.unsent > 200 * WHOLE)
        await all_ended(gateway)


async def test_a_tunnel_whose_client_takes_nothing_is_ended(tls: ssl.SSLContext | None) -> None:
    async with serving(tls=tls) as gateway:
        use_stages(gateway, [], upgrade=b"chat")
        async with client(gateway, tls) as sock:
            sock.sendall(head(b"GET /files/socket HTTP/1.1", b"host: a\r\nconnection: upgrade\r\nupgrade: chat\r\n"))
            await eventually(lambda: gateway.server.unsent)
            await all_ended(gateway)
            assert gateway.seen.reasons == ["client_stalled"]


async def test_who_drips_one_byte_now_and_then_is_ended_too(tls: ssl.SSLContext | None) -> None:
    async with serving(tls=tls) as gateway, client(gateway, tls) as sock:
        sock.sendall(ASK_STREAM)
        dripping = asyncio.create_task(_drip(sock, 0.05))
        await eventually(lambda: gateway.server.unsent)
        await all_ended(gateway)
        dripping.cancel()
        assert gateway.server.ended["stalled"] == 1


async def _drip(sock: socket.socket, pause: float) -> None:
    sock.setblocking(False)
    while True:
        with contextlib.suppress(OSError):
            sock.recv(1)
        await asyncio.sleep(pause)


async def test_a_slow_client_that_takes_more_than_the_least_rate_has_all(tls: ssl.SSLContext | None) -> None:
    async with serving("send_timeout: 300ms", tls) as gateway, client(gateway, tls, receive=16384) as sock:
        sock.sendall(head(b"GET /files/whole HTTP/1.1") * 6)
        found = 0
        sock.settimeout(5)
        while found < 6 * WHOLE:
            data = await asyncio.to_thread(sock.recv, 8192)
            assert data, found
            found += len(data)
            await asyncio.sleep(0.02)  # seconds; in all it takes twice as long as may pass without taking anything
        assert not gateway.server.ended


async def test_a_stream_in_which_nothing_comes_is_not_the_clients_fault(tls: ssl.SSLContext | None) -> None:
    async with serving("send_timeout: 200ms", tls) as gateway, client(gateway, tls) as sock:
        sock.sendall(head(b"GET /files/quiet HTTP/1.1"))
        await eventually(lambda: gateway.server.dispatcher.in_flight)
        await asyncio.sleep(0.6)
        assert gateway.server.connections == 1 and not gateway.server.ended


async def test_who_does_not_answer_close_notify_is_not_waited_for(certificate: ssl.SSLContext) -> None:
    async with serving(tls=certificate) as gateway, client(gateway, certificate, receive=1 << 20) as sock:
        sock.sendall(head(b"GET /files/whole HTTP/1.1", b"host: gateway\r\nconnection: close\r\n"))
        await eventually(lambda: gateway.seen.exchanges)
        await all_ended(gateway)
        assert not gateway.server.ended


async def test_a_drain_ends_in_its_time_whatever_is_not_taken(tls: ssl.SSLContext | None) -> None:
    async with serving("send_timeout: 60s", tls) as gateway, contextlib.AsyncExitStack() as stack:
        for data in (ASK * 4, ASK_STREAM):
            sock = await stack.enter_async_context(client(gateway, tls))
            sock.sendall(data)
        await eventually(lambda: gateway.server.unsent)
        loop = asyncio.get_running_loop()
        started = loop.time()
        await gateway.server.drain(0.5)
        assert loop.time() - started < 3.0
        await eventually(lambda: not gateway.server.connections)


async def test_over_the_bound_of_all_those_go_first_that_have_taken_least() -> None:
    async with (
        serving("send_timeout: 60s, unsent: 1MiB, keepalive: 60s") as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        good = await stack.enter_async_context(client(gateway, receive=1 << 20))
        for _ in range(60):
            (await stack.enter_async_context(client(gateway))).sendall(ASK * 3)
            await asyncio.sleep(0)
        await eventually(lambda: gateway.server.ended["unsent"])
        await eventually(lambda: gateway.server.unsent <= 1024 * 1024)
        assert gateway.server.connections > 5, "as many stay as the bound has room for"
        good.sendall(ASK)
        assert await asyncio.to_thread(_read, good, WHOLE) > WHOLE
        assert "unsent_over" in [name for name, _ in gateway.seen.events]
