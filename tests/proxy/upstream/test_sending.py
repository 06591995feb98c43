"""Content on its way to an upstream, beside the response that may have begun: when it ends, and whose fault that is."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.exchange import HEAD_START, Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.body import RequestBody
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.upstream.upload import Upload
from gateway.proxy.upstream.upstream import Upstream
from tests.eventually import eventually
from tests.proxy.upstream_calls import call, calling, exchange, responded, slug
from tests.upstream_fixture import Upstream as Fake
from tests.upstream_fixture import running_upstream

BEGUN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"


class Source:
    """A connection that is never paused."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def write(self, data: bytes) -> None: ...


async def early(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begins to respond when the head is here, and ends when the request does."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(BEGUN)
        while b"chunked" in head and int(size := await reader.readline(), 16):
            await reader.readexactly(int(size, 16) + 2)
        await reader.readline()
        writer.write(b"0\r\n\r\n")


class Content(RequestBody):
    """Content whose reading a test can break."""


def uploading() -> tuple[Content, Exchange]:
    made = exchange("POST")
    body = Content(Source())
    body.declare(None, 10.0, False)
    body.feed(b"-" * HEAD_START)
    made.stream = body
    return body, made


async def begun(upstream: Upstream, made: Exchange) -> tuple[UpstreamConnection, Upload]:
    """The connection with a response that has begun, and the upload beside it."""
    response = responded(await call(upstream, made))
    assert await response.read() == b"a"
    upload = made.stream
    assert isinstance(upload, Upload)
    return response, upload


async def test_what_is_sent_behind_the_head_of_the_response_arrives_and_keeps_the_connection():
    async with running_upstream(script=early) as fake, calling(fake.port) as upstream:
        for _ in range(2):
            body, made = uploading()
            response, upload = await begun(upstream, made)
            assert upload.late, "until the content is here the outcome says nothing"
            body.feed(b"more")
            body.end()
            assert await response.read() == b""
            assert (response.sending, response.content, upload.late) == (False, None, False)
            response.finish()
        assert fake.connections == 1


async def test_a_call_that_is_over_sends_no_more():
    async with running_upstream(script=early) as fake, calling(fake.port) as upstream:
        body, made = uploading()
        response, _ = await begun(upstream, made)
        sender = response.content
        response.finish()
        await eventually(lambda: sender.done())
        assert sender.cancelled() and response.closed and not upstream.pool.open
        body.feed(b"late")


@pytest.mark.parametrize("begun_before", [False, True], ids=["before", "behind"])
async def test_content_that_is_refused_ends_the_call_by_that_name(begun_before: bool):
    async def silent(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    refusal = refuse("body_malformed", "in the middle", close=True)
    async with running_upstream(script=early if begun_before else silent) as fake, calling(fake.port) as upstream:
        body, made = uploading()
        if not begun_before:
            calls = asyncio.ensure_future(call(upstream, made))
            await eventually(lambda: any(one.awaiting_content for one in upstream.pool.open))
            body.end(refusal)
            assert slug(await calls) == "body_malformed"
        else:
            response, _ = await begun(upstream, made)
            body.end(refusal)
            with pytest.raises(Exception, match="in the middle"):
                await response.read()
        assert made.failure is None
        await eventually(lambda: not upstream.pool.open)


async def test_a_bug_while_content_is_read_ends_the_call_and_is_reported():
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))
    async with running_upstream(script=early) as fake, calling(fake.port) as upstream:
        body, made = uploading()

        async def broken() -> bytes | Refusal:
            raise ZeroDivisionError

        body.read = broken  # type: ignore[method-assign]  # an instance of a class without slots
        assert slug(await call(upstream, made)) == "internal_error"
        await eventually(lambda: reported)
        assert isinstance(reported[0], ZeroDivisionError)
        await eventually(lambda: not upstream.pool.open)
