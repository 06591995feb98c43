"""The upstream is suspect: what it says is passed on whole or not at all, and one client's trouble stays his own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import Phase, UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.upstream import Upstream
from tests.upstream_fixture import OK, running_upstream
from tests.upstream_fixture import Upstream as Fake


@contextlib.asynccontextmanager
async def calling(*ports: int, **timeouts: float) -> AsyncIterator[Upstream]:
    times = {"connect": 1.0, "response": 1.0, "silence": 1.0, "idle": 4.0, **timeouts}
    pool = Pool([Endpoint("127.0.0.1", port, None) for port in ports], most=10, **times)
    try:
        yield Upstream("tutor", pool, [(b"authorization", b"Bearer key")], [b"x-drop"])
    finally:
        for connection in list(pool.open):
            connection.close()
        await pool.close()


def exchange(method: str = "GET", **fields: str) -> Exchange:
    raw = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    made = Exchange(method, "/a", {b"host": b"gateway", **raw}, "192.0.2.1", 0.0)
    made.id, made.path = "request-1", "/a"
    return made


async def call(upstream: Upstream, made: Exchange | None = None) -> UpstreamConnection | Refusal:
    interims: list[tuple[int, list[Pair]]] = []
    return await upstream.call(made or exchange(), "/a", lambda status, pairs: interims.append((status, pairs)))


def slug(answer: UpstreamConnection | Refusal) -> str:
    assert isinstance(answer, Refusal), "an answer was taken for whole"
    return answer.reason.slug


async def test_a_head_carries_what_the_gateway_means_and_nothing_else():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        made = exchange(
            x_forwarded_for="6.6.6.6", cf_connecting_ip="6.6.6.6", x_user_id="1", x_drop="1", te="trailers",
            connection="close", authorization="Bearer mine", accept="*/*",
        )  # fmt: skip
        answer = await call(upstream, made)
        assert isinstance(answer, UpstreamConnection)
        assert (answer.status, answer.take()) == (200, b"{}")
    (request,) = fake.requests
    assert request.line == b"GET /a HTTP/1.1"
    assert dict(request.fields) == {
        b"host": f"127.0.0.1:{fake.port}".encode(),
        b"x-forwarded-for": b"192.0.2.1",
        b"x-forwarded-proto": b"http",
        b"x-request-id": b"request-1",
        b"x-correlation-id": b"request-1",
        b"authorization": b"Bearer key",
        b"accept": b"*/*",
    }
    assert len(request.fields) == len(dict(request.fields))


async def test_what_nobody_took_of_an_answer_is_not_in_the_next_one():
    answers = iter((b"somebody else's", b"mine"))

    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in answers:
            await fake.read(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        discarded = await call(upstream)
        assert isinstance(discarded, UpstreamConnection)
        discarded.finish()
        assert (discarded.phase, discarded.waiting) == (Phase.IDLE, 0)
        answer = await call(upstream)
        assert answer is discarded
        assert answer.take() == b"mine"


async def test_a_kept_connection_is_used_again():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        for _ in range(3):
            answer = await call(upstream)
            assert isinstance(answer, UpstreamConnection)
            answer.finish()
    assert (fake.connections, len(fake.requests)) == (1, 3)


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


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_a_badly_framed_answer_is_refused_and_its_connection_dropped(answer):
    async with running_upstream(answer) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"
        assert upstream.pool.endpoints[0].idle == []
        await asyncio.wait_for(fake.gone.wait(), 5)


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"more than was announced"])
async def test_a_connection_that_said_more_than_its_answer_is_never_used_again(extra):
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
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        answer.finish()
        fake.idle.set()  # type: ignore[attr-defined]  # of this test alone
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.pool.endpoints[0].idle == []


async def test_an_answer_cut_in_its_body_is_broken():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"


async def test_a_streamed_answer_that_is_cut_never_looks_whole():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        assert await answer.read() == b"half"
        with pytest.raises(UpstreamError, match="in the middle"):
            await answer.read()
        answer.finish()


async def test_an_answer_framed_by_its_end_is_whole_at_the_end():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        body = b""
        while piece := await answer.read() if answer.streaming else answer.take():
            body += piece
        assert body == b"all of it"
        answer.finish()
        assert upstream.pool.endpoints[0].idle == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_a_kept_connection_closed_under_an_idempotent_call_is_replaced_once(method):
    async with running_upstream() as fake, calling(fake.port) as upstream:
        await _leave_a_dead_connection(fake, upstream)
        answer = await call(upstream, exchange(method))
        assert isinstance(answer, UpstreamConnection)
        assert answer.status == 200
        assert fake.connections == 2


async def test_a_post_reaches_the_upstream_at_most_once():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        await _leave_a_dead_connection(fake, upstream)
        assert slug(await call(upstream, exchange("POST"))) == "upstream_unreachable"
        assert [request.line.split()[0] for request in fake.requests].count(b"POST") <= 1


async def _leave_a_dead_connection(fake: Fake, upstream: Upstream) -> None:
    """One kept connection that the upstream closes on the next request's first byte."""
    served = fake.serve

    async def script(_: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(OK)
        fake.script = None
        await reader.readexactly(1)

    fake.script = script
    answer = await call(upstream)
    assert isinstance(answer, UpstreamConnection)
    answer.finish()
    assert served is not None and len(upstream.pool.endpoints[0].idle) == 1


async def test_a_fresh_connection_closed_without_an_answer_is_broken_not_retried():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"
        assert fake.connections == 1


async def test_nobody_listening_is_unreachable_and_another_endpoint_is_asked():
    async with running_upstream() as fake:
        async with running_upstream() as dead:
            pass
        async with calling(dead.port) as upstream:
            assert slug(await call(upstream)) == "upstream_unreachable"
        async with calling(dead.port, fake.port) as upstream:
            answer = await call(upstream, exchange("POST"))
            assert isinstance(answer, UpstreamConnection)
            assert answer.status == 200


async def test_a_name_that_does_not_resolve_is_unreachable():
    pool = Pool([Endpoint("nowhere.invalid", 80, None)], connect=5, response=1, silence=1, idle=1, most=1)
    assert slug(await call(Upstream("tutor", pool))) == "upstream_unreachable"


async def test_silence_is_a_timeout():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with running_upstream(script=script) as fake, calling(fake.port, response=0.05) as upstream:
        assert slug(await call(upstream)) == "upstream_timeout"
        await asyncio.wait_for(fake.gone.wait(), 5)


async def test_a_stalled_stream_is_a_timeout():
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()

    async with running_upstream(script=script) as fake, calling(fake.port, silence=0.05) as upstream:
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        assert await answer.read() == b"a"
        with pytest.raises(UpstreamError, match="stalled"):
            await answer.read()


async def test_interim_answers_come_before_the_final_one():
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"
    seen: list[tuple[int, list[Pair]]] = []
    async with (
        running_upstream(interim + b"HTTP/1.1 100 Continue\r\n\r\n" + OK) as fake,
        calling(fake.port) as upstream,
    ):
        answer = await upstream.call(exchange(), "/a", lambda status, pairs: seen.append((status, pairs)))
        assert isinstance(answer, UpstreamConnection)
        assert (answer.status, answer.take()) == (200, b"{}")
    assert seen == [(103, [(b"link", b"</a>; rel=preload")]), (100, [])]


async def test_head_204_and_304_have_no_body_and_keep_the_connection():
    answers = [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n"),
        ("GET", OK),
    ]
    async with running_upstream() as fake, calling(fake.port) as upstream:
        for method, fake.answer in answers:
            answer = await call(upstream, exchange(method))
            assert isinstance(answer, UpstreamConnection)
            assert answer.phase is Phase.DONE
            answer.finish()
    assert fake.connections == 1


async def test_a_body_after_head_ends_the_connection():
    async with running_upstream(OK) as fake, calling(fake.port) as upstream:
        await call(upstream, exchange("HEAD"))
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.pool.endpoints[0].idle == []


async def test_trailers_of_one_answer_never_become_fields_of_the_next():
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\nx-last: 2\r\n\r\n"
    async with running_upstream(chunked) as fake, calling(fake.port) as upstream:
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        while await answer.read():
            pass
        assert answer.trailers == [(b"x-sum", b"1"), (b"x-last", b"2")]
        answer.finish()
        fake.answer = OK
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        assert answer.fields.pairs == [(b"content-type", b"application/json")]


async def test_a_full_pool_says_busy():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        upstream.pool.most = 1
        first = await call(upstream)
        assert isinstance(first, UpstreamConnection)
        assert slug(await call(upstream)) == "upstream_busy"
        first.finish()
        assert isinstance(await call(upstream), UpstreamConnection)


async def test_an_idle_connection_ends_before_the_upstream_ends_it():
    async with running_upstream() as fake, calling(fake.port, idle=0.05) as upstream:
        answer = await call(upstream)
        assert isinstance(answer, UpstreamConnection)
        answer.finish()
        await asyncio.wait_for(fake.gone.wait(), 5)
