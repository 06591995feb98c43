"""Responses that are passed on as they arrive: whose fault their end is, and how the gateway ends one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.response_fields import ResponseFields
from gateway.demo.hs256 import sign
from gateway.proxy.flow.lasting import LastingResponses
from gateway.proxy.flow.stream import stream_response
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.pool.errors import UpstreamError
from tests.eventually import eventually
from tests.gateway_fixture import SECRET, Running, running_gateway
from tests.upstream_fixture import Upstream, Wire, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor: {endpoints: [{url: "${TUTOR}"}], breaker: quick}
breakers:
  quick: {failures: 1}
routes:
  - {name: private, paths: [/private], upstream: tutor, auth: access-token}
  - {name: open, paths: [/open], upstream: tutor, auth: public}
  - {name: noted, paths: [/noted], upstream: tutor, auth: noted}
"""
POLICIES = """\
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", leeway: 5s}
  noted: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", mode: report}
"""
NOW = 1_700_000_000
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
EVENTS = b"text/event-stream; charset=utf-8"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class Stream:
    """A response that is being streamed to ``client``; ``say`` has the upstream send more of it."""

    gateway: Running
    upstream: Upstream
    client: Wire
    say: Callable[[bytes], None]
    now: list[float]

    async def head(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.client.reader.readuntil(b"\r\n\r\n")

    async def chunk(self) -> bytes:
        """The content of the next chunk, empty at the end."""
        async with asyncio.timeout(5):
            size = int(await self.client.reader.readline(), 16)
            return (await self.client.reader.readexactly(size + 2))[:-2]

    async def cut(self) -> bool:
        """Whether the connection ends without another byte."""
        return await self.client.ended()

    @property
    def reasons(self) -> list[str]:
        return self.gateway.seen.reasons


@asynccontextmanager
async def streaming(
    path: str = "/private", kind: bytes = EVENTS, version: bytes = b"1.1", head: bytes = CHUNKED
) -> AsyncIterator[Stream]:
    """A stream for the subject ada, whose token is good for 60 seconds of a clock that is moved by hand."""
    writers: list[asyncio.StreamWriter] = []
    now = [float(NOW)]

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(head % kind if b"%b" in head else head)
        writers.append(writer)
        await reader.read()

    token = sign({"sub": "ada", "sid": "s1", "iat": NOW - 10, "exp": NOW + 60}, SECRET)
    async with (
        running_upstream(script=script) as upstream,
        running_gateway(ENTRY, {"TUTOR": upstream.url}, policies=POLICIES, wall=lambda: now[0]) as gateway,
        wire(gateway.port) as client,
    ):
        ask = f"GET {path} HTTP/{version.decode()}\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n"
        client.send(ask.encode())
        await eventually(lambda: writers)
        yield Stream(gateway, upstream, client, writers[0].write, now)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.flow.lasting.LOOK", 0.01)


async def test_each_event_is_passed_on_at_once() -> None:
    async with streaming() as stream:
        assert b"200 OK" in await stream.head()
        for number in range(3):
            stream.say(chunk(b"data: %d\n\n" % number))
            assert await stream.chunk() == b"data: %d\n\n" % number
        stream.say(b"0\r\n\r\n")
        assert await stream.chunk() == b""
        await eventually(lambda: stream.reasons == [""])


async def test_an_event_stream_ends_with_its_token_and_the_leeway_also_while_it_is_quiet() -> None:
    async with streaming() as stream:
        await stream.head()
        stream.say(chunk(b"data: 1\n\n"))
        assert await stream.chunk() == b"data: 1\n\n"
        stream.now[0] = NOW + 64.9
        stream.say(chunk(b"data: 2\n\n"))
        assert await stream.chunk() == b"data: 2\n\n"
        await asyncio.sleep(0.05)
        assert stream.reasons == []
        stream.now[0] = NOW + 65
        assert await stream.chunk() == b"", "the end of a response that is complete"
        await eventually(lambda: stream.reasons == ["token_expired"])
        await asyncio.wait_for(stream.upstream.gone.wait(), 5)
        (exchange,) = stream.gateway.seen.exchanges
        assert (exchange.status, exchange.failure, exchange.bytes_out) == (200, None, 18)
        stream.client.send(b"GET /none HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await stream.client.response()).status == 404, "the connection goes on"


@pytest.mark.parametrize(("kind", "key"), [("subject", b"ada"), ("session", b"s1")])
async def test_a_revocation_ends_a_stream_at_once_and_that_of_another_does_not(kind: str, key: bytes) -> None:
    async with streaming() as stream:
        await stream.head()
        stream.gateway.store.revoke(kind, b"bob", NOW + 900, NOW)
        await asyncio.sleep(0.05)
        stream.say(chunk(b": ping\n"))
        assert await stream.chunk() == b": ping\n"
        stream.gateway.store.revoke(kind, key, NOW + 900, NOW)
        assert await stream.chunk() == b""
        await eventually(lambda: stream.reasons == ["token_revoked"])


async def test_a_stream_is_ended_behind_the_event_that_is_under_way() -> None:
    async with streaming() as stream:
        await stream.head()
        stream.say(chunk(b"data: 1\n\ndata: half"))
        assert await stream.chunk() == b"data: 1\n\ndata: half"
        stream.now[0] = NOW + 65
        await asyncio.sleep(0.05)
        assert stream.reasons == []
        stream.say(chunk(b" and\n"))
        assert await stream.chunk() == b" and\n"
        stream.say(chunk(b"data: whole\n\ndata: never"))
        assert await stream.chunk() == b"data: whole\n\n"
        assert await stream.chunk() == b""
        await eventually(lambda: stream.reasons == ["token_expired"])


async def test_an_event_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.flow.stream.EVENT_END", 0.1)
    async with streaming() as stream:
        await stream.head()
        stream.say(chunk(b"data: half"))
        assert await stream.chunk() == b"data: half"
        stream.now[0] = NOW + 65
        assert await stream.cut()
        await eventually(lambda: stream.reasons == ["token_expired"])
        (breaker,) = stream.gateway.runtime.breakers.values()
        assert breaker.circuit().failures == 0, "it says nothing about the upstream"


@pytest.mark.parametrize("kind", [EVENTS, b"application/octet-stream"])
async def test_who_does_not_take_what_it_is_sent_is_cut_off_when_its_token_is_revoked(
    monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    """Its last bytes would wait for it as long as ``listen.limits.send_timeout``."""
    monkeypatch.setattr("gateway.proxy.flow.stream.EVENT_END", 0.1)
    async with streaming(kind=kind) as stream:
        await stream.head()
        stream.client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket, which can
        (connection,) = stream.gateway.server.clients
        while not connection.writing_paused:
            stream.say(chunk(b"data: %b\n\n" % (b"x" * 60_000)))
            await asyncio.sleep(0)
        stream.gateway.store.revoke("subject", b"ada", NOW + 900, NOW)
        await eventually(lambda: not stream.gateway.server.clients)
        await eventually(lambda: stream.reasons == ["token_revoked"])
        await asyncio.wait_for(stream.upstream.gone.wait(), 5)


async def test_a_stream_in_a_coding_has_no_events_to_end_between() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n"
    async with streaming(head=head) as stream:
        await stream.head()
        stream.say(b"\x1f\x8b\n\n")
        assert await stream.chunk() == b"\x1f\x8b\n\n"
        stream.now[0] = NOW + 65
        assert await stream.cut(), "half a gzip must not look whole"
        await eventually(lambda: stream.reasons == ["token_expired"])


async def test_a_stream_to_http_1_0_ends_with_its_connection() -> None:
    async with streaming(version=b"1.0") as stream:
        await stream.head()
        stream.say(chunk(b"data: 1\n\n"))
        assert await stream.client.reader.readexactly(9) == b"data: 1\n\n"
        stream.now[0] = NOW + 65
        async with asyncio.timeout(5):
            assert await stream.client.reader.read() == b"", "and no reset"


async def test_an_event_stream_of_a_length_is_cut_since_it_cannot_look_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 500000\r\n\r\n"
    async with streaming(head=head) as stream:
        stream.say(b"data: 1\n\n")
        await stream.head()
        stream.now[0] = NOW + 65
        await eventually(lambda: stream.reasons == ["token_expired"])
        with pytest.raises(ConnectionResetError):
            await stream.client.reader.read()


@pytest.mark.parametrize("kind", [b"application/jsonl", b"application/octet-stream", b"text/event-streams"])
async def test_what_ends_by_itself_outlives_its_token_and_not_its_revocation(kind: bytes) -> None:
    async with streaming(kind=kind) as stream:
        stream.say(chunk(b"1\n"))
        await stream.head()
        assert await stream.chunk() == b"1\n"
        stream.now[0] = NOW + 900
        await asyncio.sleep(0.05)
        stream.say(chunk(b"2\n"))
        assert await stream.chunk() == b"2\n"
        stream.gateway.store.revoke("subject", b"ada", NOW + 1800, NOW + 900)
        assert await stream.cut(), "without an end, so that it does not look whole"
        await eventually(lambda: stream.reasons == ["token_revoked"])


@pytest.mark.parametrize("path", ["/open", "/noted"])
async def test_where_no_token_is_asked_for_none_ends_a_stream(path: str) -> None:
    async with streaming(path) as stream:
        await stream.head()
        stream.now[0] = NOW + 900
        stream.gateway.store.revoke("subject", b"ada", NOW + 1800, NOW + 900)
        await asyncio.sleep(0.05)
        stream.say(chunk(b"data: 1\n\n"))
        assert await stream.chunk() == b"data: 1\n\n"


async def test_a_store_that_fails_ends_no_stream_and_hides_no_end_of_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise OSError("no store")

    async with streaming() as stream:
        await stream.head()
        monkeypatch.setattr("gateway.state.rules.revocation.RevocationTable.changed", broken)
        await eventually(lambda: "bug" in [name for name, _ in stream.gateway.seen.events])
        stream.say(chunk(b"data: 1\n\n"))
        assert await stream.chunk() == b"data: 1\n\n"
        stream.now[0] = NOW + 65
        assert await stream.chunk() == b""


async def test_a_drain_lets_a_stream_go_on_and_ends_it_between_two_events() -> None:
    async with streaming("/open") as stream:
        await stream.head()
        drain = asyncio.ensure_future(stream.gateway.server.drain(0.4))
        await asyncio.sleep(0.05)
        stream.say(chunk(b"data: 1\n\ndata: 2"))
        assert await stream.chunk() == b"data: 1\n\ndata: 2"
        await asyncio.sleep(0.3)
        stream.say(chunk(b"\n\ndata: 3"))
        assert await stream.chunk() == b"\n\n"
        assert await stream.chunk() == b""
        await drain
        assert stream.reasons == ["draining"]
        assert "drain_cut" not in [name for name, _ in stream.gateway.seen.events]


async def test_where_somebody_waits_for_the_end_streams_are_ended_first() -> None:
    async with streaming("/open") as stream:
        await stream.head()
        drain = asyncio.ensure_future(stream.gateway.server.drain(3600.0, streams=0.1))
        assert await stream.chunk() == b""
        await stream.client.close()
        await asyncio.wait_for(drain, 5)
        assert stream.reasons == ["draining"]


class OutOfTime:
    """A response whose call took too long in all, of which some pieces are here."""

    length = None
    fields = ResponseFields.of([])
    trailers: tuple[()] = ()

    def __init__(self, error: UpstreamError | None) -> None:
        self.error = error
        self._pieces = [b"a", b"b"]

    async def read(self) -> bytes:
        if self._pieces:
            return self._pieces.pop()
        assert self.error is not None
        raise self.error

    def finish(self) -> None: ...


class SlowClient:
    """A client that takes what it is sent when the time of the call is over."""

    def __init__(self, response: OutOfTime, error: UpstreamError | None) -> None:
        self._response = response
        self._error = error

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        self._response.error = self._response.error or self._error

    def reset(self) -> None: ...


@pytest.mark.parametrize("while_the_client_was_waited_for", [True, False])
async def test_the_end_of_all_time_is_the_client_s_only_where_it_comes_while_it_is_waited_for(
    while_the_client_was_waited_for: bool,
) -> None:
    error = UpstreamError(CallFailure.TOTAL_TIMEOUT, "the call took too long in all")
    response = OutOfTime(None if while_the_client_was_waited_for else error)
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.status = 200
    writer = ResponseWriter(SlowClient(response, error), http10=False, keep_alive=True)
    route = SimpleNamespace(removed=frozenset(), lasting_hooks=())
    lasting = LastingResponses(asyncio.get_running_loop(), lambda error: None)
    await stream_response(cast(Any, response), b"", exchange, cast(Any, route), writer, lasting)
    assert exchange.reason == "upstream_total_timeout"
    assert exchange.failure is (None if while_the_client_was_waited_for else CallFailure.TOTAL_TIMEOUT)
