"""The upstream is suspect: what it sends is passed on whole or not at all, and nothing of it reaches the next call."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.failure import CallFailure
from gateway.core.fields import Pair
from gateway.core.response_fields import ResponseFields
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.phase import Phase
from gateway.proxy.pool.response import ignore_informational
from gateway.proxy.upstream.upstream import Upstream
from tests.eventually import eventually
from tests.proxy.upstream_calls import call, calling, exchange, responded, slug
from tests.upstream_fixture import OK, running_upstream
from tests.upstream_fixture import Upstream as Fake


async def test_what_nobody_took_of_a_response_is_not_in_the_next_one():
    responses = iter((b"somebody else's", b"mine"))

    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in responses:
            await fake.read(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        discarded = responded(await call(upstream))
        discarded.finish()
        assert (discarded.phase, discarded.buffered) == (Phase.IDLE, 0)
        response = await call(upstream)
        assert response is discarded
        assert response.take() == b"mine"


BROKEN = {
    "garbage": b"nonsense\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunked": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    "status 99": b"HTTP/1.1 099 No\r\ncontent-length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 No\r\ncontent-length: 0\r\n\r\n",
    "unasked switch": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "bad chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nab",
    "space before colon": b"HTTP/1.1 200 OK\r\nname : value\r\ncontent-length: 0\r\n\r\n",
    "bare newline": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 0\r\n\r\n",
    "obs-fold": b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000,
}


@pytest.mark.parametrize("response", BROKEN.values(), ids=BROKEN.keys())
async def test_a_badly_framed_response_is_refused_and_its_connection_dropped(response):
    async with running_upstream(response) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"
        assert upstream.pool.endpoints[0].idle == []
        await asyncio.wait_for(fake.gone.wait(), 5)


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"more than was announced"])
async def test_a_connection_that_said_more_than_its_response_is_never_used_again(extra):
    async with running_upstream(OK + extra) as fake, calling(fake.port) as upstream:
        await call(upstream)
        assert upstream.pool.endpoints[0].idle == []
        await asyncio.wait_for(fake.gone.wait(), 5)


async def test_bytes_on_an_idle_connection_end_it():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(OK)
        await asyncio.wait_for(fake.idle.wait(), 5)  # type: ignore[attr-defined]  # set just below
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        assert await reader.read() == b""

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        fake.idle = asyncio.Event()  # type: ignore[attr-defined]  # of this test alone
        response = responded(await call(upstream))
        response.finish()
        fake.idle.set()  # type: ignore[attr-defined]  # of this test alone
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.pool.endpoints[0].idle == []


async def test_a_response_cut_in_its_body_is_broken():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"


async def test_a_streamed_response_that_is_cut_never_looks_whole():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        response = responded(await call(upstream))
        assert await response.read() == b"half"
        with pytest.raises(UpstreamError, match="in the middle"):
            await response.read()
        response.finish()


async def test_a_cut_response_is_not_whole_whatever_its_fields_were_replaced_with():
    """A fallback replaces the fields of another upstream's response before it is passed on."""

    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await going_on.wait()

    going_on = asyncio.Event()
    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        response = responded(await call(upstream))
        response.fields = ResponseFields.of([(b"cache-control", b"no-store")])
        going_on.set()
        assert await response.read() == b"half"
        with pytest.raises(UpstreamError, match="in the middle"):
            await response.read()


async def test_a_response_framed_by_its_end_is_whole_at_the_end():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        response = responded(await call(upstream))
        body = b""
        while piece := await response.read() if response.streaming else response.take():
            body += piece
        assert body == b"all of it"
        response.finish()
        assert upstream.pool.endpoints[0].idle == []


async def test_interim_responses_come_before_the_final_one():
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"
    seen: list[tuple[int, list[Pair]]] = []
    async with (
        running_upstream(interim + b"HTTP/1.1 100 Continue\r\n\r\n" + OK) as fake,
        calling(fake.port) as upstream,
    ):
        response = responded(await call(upstream, exchange(), lambda status, pairs: seen.append((status, pairs))))
        assert (response.status, response.take()) == (200, b"{}")
    assert seen == [(103, [(b"link", b"</a>; rel=preload")]), (100, [])]


async def test_head_204_and_304_have_no_body_and_keep_the_connection():
    responses = [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n"),
        ("GET", OK),
    ]
    async with running_upstream() as fake, calling(fake.port) as upstream:
        for method, fake.response in responses:
            response = responded(await call(upstream, exchange(method)))
            assert response.phase is Phase.DONE
            response.finish()
    assert fake.connections == 1


async def test_a_body_after_head_ends_the_connection():
    async with running_upstream(OK) as fake, calling(fake.port) as upstream:
        await call(upstream, exchange("HEAD"))
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.pool.endpoints[0].idle == []


async def test_trailers_of_one_response_never_become_fields_of_the_next():
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\nx-last: 2\r\n\r\n"
    async with running_upstream(chunked) as fake, calling(fake.port) as upstream:
        response = responded(await call(upstream))
        while await response.read():
            pass
        assert response.trailers == [(b"x-sum", b"1"), (b"x-last", b"2")]
        response.finish()
        fake.response = OK
        response = responded(await call(upstream))
        assert [name for name, _ in response.fields.pairs] == [b"content-type", b"date"]


class Taking(asyncio.Protocol):
    """A protocol that a connection is handed over to."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def test_a_connection_that_is_handed_over_leaves_the_pool_and_the_parser():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nold\r\n")
        assert await reader.readexactly(4) == b"ping"
        writer.write(b"anything but HTTP")
        await reader.read()

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        connection, taking = responded(await call(upstream)), Taking()
        transport = connection.transport
        assert connection.detach(taking)[1] == b"old"
        assert (upstream.pool.open, upstream.pool.endpoints[0].idle, connection.transport) == (set(), [], None)
        transport.write(b"ping")
        await eventually(lambda: bytes(taking.received) == b"anything but HTTP")
        connection.close()
        connection.finish()
        await upstream.pool.close()
        assert not transport.is_closing(), "it is no longer the pool's to close"
        transport.abort()
        await asyncio.wait_for(taking.lost.wait(), 5)


async def test_a_closed_connection_cannot_be_handed_over():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        connection = responded(await call(upstream))
        connection.close()
        with pytest.raises(ConnectionResetError):
            connection.detach(Taking())


SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
UPGRADE = b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


async def switching(upstream: Upstream) -> UpstreamConnection:
    """A connection on which a request for another protocol is sent."""
    pool = upstream.pool
    connection = await pool.connect(pool.endpoints[0])
    connection.send(UPGRADE, False, pool.loop.time() + 5, ignore_informational)
    connection.expect_switch()
    return connection


async def test_a_switch_of_protocols_that_was_asked_for_is_handed_over_with_its_first_bytes():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(SWITCHED + b"first")
        assert await reader.readexactly(4) == b"ping"
        writer.write(b"pong")
        await reader.read()

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        connection, taking = await switching(upstream), Taking()
        await connection.head()
        assert (connection.status, connection.fields.pairs) == (101, [])
        transport = connection.transport
        assert connection.detach(taking)[1] == b"first"
        transport.write(b"ping")
        await eventually(lambda: bytes(taking.received) == b"pong")
        transport.abort()
        await asyncio.wait_for(taking.lost.wait(), 5)


@pytest.mark.parametrize(
    "response",
    [SWITCHED.replace(b"upgrade: websocket\r\n", b""), SWITCHED.replace(b"connection: upgrade\r\n", b"")],
    ids=["no upgrade field", "not named by Connection"],
)
async def test_a_switch_to_no_protocol_is_refused(response: bytes):
    async with running_upstream(response) as fake, calling(fake.port) as upstream:
        connection = await switching(upstream)
        with pytest.raises(UpstreamError, match="101") as raised:
            await connection.head()
        assert raised.value.kind is CallFailure.BROKEN


async def test_a_connection_that_switched_never_goes_back_to_the_pool():
    async with running_upstream(SWITCHED) as fake, calling(fake.port) as upstream:
        connection = await switching(upstream)
        await connection.head()
        connection.finish()
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.pool.endpoints[0].idle == []


async def test_a_server_that_declines_the_switch_responds_as_ever_and_cannot_switch_later():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        connection = await switching(upstream)
        await connection.head()
        assert (connection.status, connection.take()) == (200, b"{}")
        connection.finish()
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.pool.endpoints[0].idle == [], "the next call would take 101 for a response"


@pytest.mark.parametrize("early", [OK, b"HTTP/1.1 2", b"\0"], ids=["a whole response", "a part of one", "a byte"])
async def test_what_comes_on_an_idle_connection_ends_it_and_is_no_response_to_the_next_call(early: bytes):
    async with running_upstream() as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        (idle,) = upstream.pool.endpoints[0].idle
        idle.data_received(early)
        assert idle.closed
        responded(await call(upstream)).finish()
        assert upstream.pool.endpoints[0].idle != [idle]
        await eventually(lambda: fake.connections == 2)
