"""Whole requests through the data plane of the shipped files, in this process: each place of them made of awkward texts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from time import thread_time, time
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from gateway.config.load import load
from gateway.config.model import Config, Route
from gateway.core import trpc
from gateway.ops.log import Log
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.observer import WorkerObserver
from gateway.ops.sink import Sink
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.arrival import ListenerLimits
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.pool import Pool, PoolMembership
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.server.server import Server
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.gcra import Take, Taken
from gateway.state.rules.lockout import Attempt, Reserved
from tests.cost.awkward import BODY, HEAD, MOST, filled
from tests.processor_time import AGAIN, slowdown, undisturbed

ENTRY = Path(__file__).parents[2] / "upstreams.yaml"
SECRET = "vY2n7QmZ-8sLr4Wd1xTgK0bHc6Jp9uAe3fXo5iNt"  # signs nothing outside the tests
ENVIRONMENT = {
    "JWT_SECRET": SECRET,
    "TOOLKIT_API_KEY": "mB4kQ9zR-2wXv7Lt0yGhD5sPn8Ec1aUj6oIf3rTq",
    "GATEWAY_OPS_TOKEN": "gT5cW8eN-1rZb6Kq9vFmS2xLj4Hd7oAu0iYp3nXs",
    "GATEWAY_STATE_KEY": "pL6dV1hM-9tCs3Gx8kRwJ5nBq0Zf2yEo7uAi4bTj",
}
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

FEW = (
    '"', "\\", '\\"', ",", ";", "=", "(", "%", "%41", "%C3%A9", "%22", "&", "+", "[", "{", "}", "/", ".", "/a", "/é", "/\ufdfa", ":", "@", "-",
    "_", " ", "a\t", "a", "A", "0", "\x80", "\u0315\u0300", "\ufdfa", "😀", "a,", "a=1&", 'a="b",', "1.1.1.1,", "eyJ", '{"a":',
    "{},", "\\ud83d\\ude00", "close,", "\0",
)  # fmt: skip
"""The texts that were dear before, and one of each kind beside them."""

FIELDS = (
    "content-type", "content-encoding", "authorization", "origin", "cookie", "accept", "x-forwarded-for", "connection",
    "user-agent", "x-request-id", "x-correlation-id", "te", "expect", "upgrade", "access-control-request-headers", "range",
    "trpc-accept", "x-session-id", "traceparent", "host", "content-length", "transfer-encoding", "x-user-id", "via",
)  # fmt: skip


class Endless(MemoryStore):
    """A store whose limits let everything pass: a sweep is more than any of them allows."""

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        return [Taken(True, 0.0, 9, 1.0) for _ in takes]

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        return [Reserved(True, 0.0, 9) for _ in attempts]


class Wire(asyncio.Transport):
    """A transport without a socket. ``out`` counts what was written; what stands for an upstream responds at once."""

    def __init__(self, respond: Callable[[bytes], None] | None = None) -> None:
        super().__init__()
        self.out = 0
        self.first = b""
        self.closed = False
        self._respond = respond

    def write(self, data: Any) -> None:
        self.out += len(data)
        self.first = self.first or bytes(data[:12])
        if self._respond is not None:
            self._respond(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Shipped:
    """The shipped files, served in this process to connections in memory; ``response`` is what every upstream sends."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.response = OK
        self._metrics, self._sink = WorkerMetrics(), Sink(os.open("/dev/null", os.O_WRONLY))
        observer = WorkerObserver(Log(self._sink, b"k" * 32), self._metrics)
        limits = config.listen.limits
        self.server = Server(
            ListenerLimits(
                limits.connections, limits.header_bytes, limits.header_timeout, limits.body_timeout, limits.keepalive
            ),
            observer,
        )
        self.runtime = Runtime(config, Tools(Endless()))
        self.server.swap(self.runtime)
        self._clients: list[ClientConnection] = []

    async def connect(self, pool: Pool, endpoint: Any, *_: Any, **__: Any) -> UpstreamConnection:
        """In place of ``Pool.connect``: a connection in memory to an upstream that responds once it was sent something."""
        connection = UpstreamConnection(PoolMembership(pool, endpoint), asyncio.get_running_loop())

        def respond(data: bytes) -> None:
            if data.startswith((b"GET ", b"POST ")):
                asyncio.get_running_loop().call_soon(connection.data_received, self.response)

        connection.connection_made(Wire(respond))
        pool.open.add(connection)
        return connection

    async def seconds(self, data: bytes) -> float:
        """The processor time from the first byte of a request to the first of its response, or to the end of its connection."""
        wire, client = Wire(), ClientConnection(self.server.dispatcher, self.server, "127.0.0.1")
        client.connection_made(wire)
        with undisturbed():
            began = thread_time()
            for start in range(0, len(data), BODY):
                if not wire.closed:
                    client.data_received(data[start : start + BODY])
            for _ in range(300):
                if wire.out or wire.closed:
                    break
                await asyncio.sleep(0)
            taken = thread_time() - began
        client.connection_lost(None)
        await asyncio.sleep(0)
        self._metrics.gather()
        return taken

    async def slow(self, requests: Iterator[bytes]) -> list[str]:
        """The requests that take more than ``MOST`` seconds each time."""
        found = []
        for data in requests:
            seconds = await self.seconds(data)
            if seconds > MOST:
                seconds = min([seconds, *[await self.seconds(data) for _ in range(AGAIN)]])
            if seconds > MOST and seconds > MOST * slowdown():
                found.append(f"{seconds * 1000:.1f} ms for {len(data)} bytes: {data[:200]!a}")
        return found


@pytest.fixture
async def shipped(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shipped]:
    config = load(ENTRY, ENVIRONMENT)
    assert isinstance(config, Config)
    served = Shipped(config)
    monkeypatch.setattr(Pool, "connect", lambda pool, *args, **named: served.connect(pool, *args, **named))
    yield served
    await served.server.drain(0.0)
    await served.runtime.close()


def token() -> str:
    now = int(time())
    return jwt.encode({"sub": "ada", "sid": "s", "type": "access", "iat": now, "exp": now + 900}, SECRET, "HS256")


TOKEN = token()


def shape(route: Route) -> tuple[object, ...]:
    """What decides which stages a request of ``route`` goes through."""
    limits = tuple(name for name in route.policies.get("rate_limits", ()) if name.endswith("account"))
    others = tuple((section, names) for section, names in sorted(route.policies.items()) if section != "rate_limits")
    return others, limits, route.upstream, route.deny is not None, bool(route.procedures), route.methods


def shapes() -> list[Route]:
    """One shipped route of each shape."""
    config = load(ENTRY, ENVIRONMENT)
    assert isinstance(config, Config)
    return list({shape(route): route for route in config.routes if route.listener == "public"}.values())


SHAPES = shapes()


def head(route: Route, fields: bytes = b"", query: bytes = b"", path: bytes = b"") -> bytes:
    method = "POST" if "POST" in route.methods else "GET"
    where = path or (f"/api/trpc/{route.procedures[0]}" if route.procedures else route.paths[0]).encode()
    names = {line.partition(b":")[0] for line in fields.split(b"\r\n")}
    usual = {b"host": b"gateway", b"authorization": b"Bearer " + TOKEN.encode(), b"content-type": b"application/json"}
    lines = b"".join(b"%b: %b\r\n" % pair for pair in usual.items() if pair[0] not in names)
    return b"%b %b%b HTTP/1.1\r\n%b%b" % (method.encode(), where, b"?" + query if query else b"", lines, fields)


def with_body(route: Route, body: bytes, fields: bytes = b"") -> bytes:
    return head(route, b"content-length: %d\r\n%b" % (len(body), fields)) + b"\r\n" + body


BODIES = (
    ("", ""), ('{"json":{"email":"', '"}}'), ('{"json":{"email":"a@b.c","p":"', '"}}'), ('{"json":{"email":"a@b.c","', '":1}}'),
    ('{"json":{"email":"a@b.c","x":[', "1]}}"), ('{"json":{"email":"a@b.c","x":', "}}"),
)  # fmt: skip


def awkward_requests(route: Route) -> Iterator[bytes]:
    """Requests of ``route`` whose path, query, body or media type is awkward."""
    room = HEAD - 1200
    for value in filled(room, units=FEW):
        yield head(route, path=b"/api/trpc/" + value) + b"\r\n"
        yield head(route, path=("/api/" + quote(value))[:room].encode()) + b"\r\n"
    for before in ("", "batch=1&input=", "input=%7B%22json%22%3A"):
        for value in filled(room, before, units=FEW):
            yield head(route, query=value) + b"\r\n"
            yield head(route, query=quote(value, "&=+;%")[:room].encode()) + b"\r\n"
    for before in ("", 'application/json;,"', "application/json; a="):
        for value in filled(room, before, units=FEW):
            yield head(route, b"content-length: 2\r\ncontent-type: %b\r\n" % value) + b"\r\n{}"
    for before, after in BODIES:
        for body in filled(BODY, before, after, FEW):
            yield with_body(route, body)


@pytest.mark.parametrize("route", SHAPES, ids=lambda route: route.name)
async def test_an_awkward_request_of_any_shipped_route_takes_no_longer_than_it_may(shipped: Shipped, route: Route):
    assert await shipped.slow(awkward_requests(route)) == []


def awkward_fields(route: Route) -> Iterator[bytes]:
    room = HEAD - 1200
    for name in FIELDS:
        for value in filled(room, units=FEW):
            yield head(route, b"%b: %b\r\n" % (name.encode(), value)) + b"\r\n"
    for value in filled(room, units=FEW):
        yield head(route, value + b": a\r\n") + b"\r\n"
        yield value[:room] + b" /api HTTP/1.1\r\nhost: a\r\n\r\n"
        yield b"GET " + value[:room] + b" HTTP/1.1\r\nhost: a\r\n\r\n"
        yield (
            b"OPTIONS /api/trpc/auth.login HTTP/1.1\r\nhost: a\r\norigin: https://linguamate.app\r\naccess-control-request-method: POST\r\naccess-control-request-headers: %b\r\n\r\n"
            % value
        )
    for line in (
        b"a:\r\n",
        b"connection: close\r\n",
        b"cookie: a\r\n",
        b"accept: a\r\n",
        b"x-forwarded-for: 1.1.1.1\r\n",
    ):
        for count in (100, 127, room // len(line)):
            yield head(route, line * count) + b"\r\n"


@pytest.mark.parametrize("name", ["login", "chat-history", "reset-password", "info", "app-logs"])
async def test_awkward_fields_take_no_longer_than_they_may(shipped: Shipped, name: str):
    (route,) = [route for route in shipped.config.routes if route.name == name]
    assert await shipped.slow(awkward_fields(route)) == []


async def test_chunks_of_any_kind_take_no_longer_than_they_may(shipped: Shipped):
    (login,) = [route for route in shipped.config.routes if route.name == "login"]
    start = head(login, b"transfer-encoding: chunked\r\n") + b"\r\n"
    kinds = {
        b"one byte each": b"1\r\na\r\n" * BODY,
        b"as small as may be": b"20\r\n%b\r\n" % (b"a" * 32) * (BODY // 32),
        b"one chunk": b"%x\r\n%b\r\n" % (BODY, b"a" * BODY),
        b"extensions": b"1;a=b;c\r\na\r\n" * (BODY // 8),
        b"one extension": b"1;" + b"a" * (BODY - 100) + b"\r\na\r\n",
        b"quoted extension": b'1;a="' + b'\\"' * (BODY // 2 - 100) + b'"\r\na\r\n',
        b"trailers": b"1\r\na\r\n0\r\n" + b"a:\r\n" * (BODY // 4),
    }
    assert await shipped.slow(start + chunks + b"0\r\n\r\n" for chunks in kinds.values()) == []


async def test_pipelined_requests_are_taken_a_few_at_a_time(shipped: Shipped):
    assert await shipped.slow(iter([b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n" * 2000])) == []


RESPONSES = (
    "vary", "cache-control", "connection", "content-type", "set-cookie", "retry-after", "etag", "link", "server", "trailer",
    "keep-alive", "www-authenticate", "x-a", "transfer-encoding", "content-length", "date", "access-control-allow-origin",
)  # fmt: skip


@pytest.mark.parametrize("name", ["login", "info", "ai-text", "transcribe"])
async def test_whatever_an_upstream_sends_is_read_as_quickly(shipped: Shipped, name: str):
    (route,) = [route for route in shipped.config.routes if route.name == name]
    request = with_body(route, b'{"json":{"email":"a@b.c"}}') if "POST" in route.methods else head(route) + b"\r\n"
    found: list[str] = []
    room = BODY - 300
    heads = [b"%b: %b\r\n" % (field.encode(), value) for field in RESPONSES for value in filled(room, units=FEW)]
    heads += [value + b": a\r\n" for value in filled(room, units=FEW)]
    heads += [
        line * count for line in (b"vary: a\r\n", b"connection: a\r\n", b"set-cookie: a=b\r\n") for count in (200, 999)
    ]
    for lines in heads:
        for status in (b"200 OK", b"401 No"):
            shipped.response = b"HTTP/1.1 %b\r\n%bcontent-length: 2\r\n\r\n{}" % (status, lines)
            found += [f"{one}, {lines[:40]!a}" for one in await shipped.slow(iter([request]))]
    assert found == []


LARGE = [route for route in SHAPES if route.name in ("pronunciation", "ai-image-edit", "transcribe", "app-logs")]


@pytest.mark.parametrize("route", LARGE, ids=lambda route: route.name)
async def test_no_stage_of_a_shipped_route_reads_what_may_be_large(
    shipped: Shipped, route: Route, monkeypatch: pytest.MonkeyPatch
):
    (policy,) = route.policies["bodies"]
    assert shipped.config.policies["bodies"][policy].max > BODY
    read: list[str] = []
    monkeypatch.setattr(trpc, "read", read.append)
    body = b'{"json":{"audio":"' + b"a" * 200_000 + b'"}}'
    once, twice = [with_body(route, body + b" " * size) for size in (0, len(body))]
    ratio = min([await shipped.seconds(twice) / await shipped.seconds(once) for _ in range(5)])
    assert (read, ratio < 3) == ([], True)
