"""A bound on the whole of a call: waiting for the response, and for its last byte."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.failure import CallFailure
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.deadline import Deadline
from gateway.proxy.upstream.upstream import Upstream
from tests.eventually import eventually
from tests.proxy.upstream_calls import call, calling, exchange, responded, slug
from tests.upstream_fixture import OK, running_upstream
from tests.upstream_fixture import Upstream as Fake


async def silent(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await fake.read(reader)
    await reader.read()


async def endless(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await fake.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
    await reader.read()


async def test_a_response_that_does_not_begin_in_time_is_a_timeout_of_the_whole_call():
    async with running_upstream(script=silent) as fake, calling(fake.port) as plain:
        upstream = Upstream(UpstreamAttempt("tutor", plain.pool), deadline=Deadline(0.05, plain.pool))
        made = exchange()
        assert slug(await call(upstream, made)) == "upstream_total_timeout"
        assert made.failure is CallFailure.TOTAL_TIMEOUT
        await eventually(lambda: not plain.pool.open)


async def test_a_response_that_does_not_end_in_time_is_ended():
    async with running_upstream(script=endless) as fake, calling(fake.port, silence=30.0) as plain:
        upstream = Upstream(UpstreamAttempt("tutor", plain.pool), deadline=Deadline(0.3, plain.pool))
        response = responded(await call(upstream))
        assert await response.read() == b"a"
        with pytest.raises(UpstreamError, match="too long in all") as raised:
            await response.read()
        assert raised.value.kind is CallFailure.TOTAL_TIMEOUT


async def test_a_response_in_time_is_passed_on():
    async with running_upstream(OK) as fake, calling(fake.port) as plain:
        upstream = Upstream(UpstreamAttempt("tutor", plain.pool), deadline=Deadline(5.0, plain.pool))
        assert responded(await call(upstream)).status == 200
