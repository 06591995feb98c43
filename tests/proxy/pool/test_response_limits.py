"""An upstream that sends without end: each thing that it may send has a bound, in bytes of a worker's memory."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from gateway.config.upstream_settings import HealthCheckSettings
from gateway.core.response_fields import MOST_FIELDS
from gateway.core.verdict import Refusal
from gateway.proxy.pool import response_limits as limits
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.pool.response_limits import TrailerFields
from gateway.proxy.upstream.upstream import Upstream
from tests.endless_upstream import ENDLESS, endless
from tests.processor_time import slowdown, undisturbed
from tests.proxy.upstream_calls import call, calling, responded, slug
from tests.upstream_fixture import running_upstream

TWO_BYTES = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"2\r\nab\r\n" * 600

BOUND = 4 * 1024 * 1024
"""Bytes of memory that one call may take for what is not content."""


async def outcome(upstream: Upstream) -> str:
    """The slug by which a call fails, wherever in its response that is."""
    response = await call(upstream)
    if isinstance(response, Refusal):
        return slug(response)
    try:
        while await response.read():
            pass
    except UpstreamError as error:
        return error.kind.slug
    finally:
        response.finish()
    return "none"


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ENDLESS)
async def test_what_has_no_end_is_broken_within_a_bound_of_memory(kind: str, traced: None) -> None:
    fake_script = endless(*ENDLESS[kind])
    async with running_upstream(script=fake_script) as fake, calling(fake.port) as upstream:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        assert await outcome(upstream) == "upstream_broken"
        _, peak = tracemalloc.get_traced_memory()
        assert peak - before < BOUND, f"{(peak - before) >> 10} KiB"
        assert upstream.pool.endpoints[0].idle == []
        await asyncio.wait_for(fake.gone.wait(), 5)


async def test_pieces_of_two_bytes_that_nobody_takes_cost_little_more_than_their_bytes(traced: None) -> None:
    fake_script = endless(*TWO_BYTES)
    async with running_upstream(script=fake_script) as fake, calling(fake.port) as upstream:
        before, _ = tracemalloc.get_traced_memory()
        response = responded(await call(upstream))
        async with asyncio.timeout(10):
            while not response.paused:
                await asyncio.sleep(0.001)
        held, _ = tracemalloc.get_traced_memory()
        # One reading at most beyond the bound, and not the 32 of libuv: all others wait for each.
        assert 2 * limits.PARTS < response.buffered < limits.HIGH_WATER / 2
        assert held - before < limits.HIGH_WATER, f"{(held - before) >> 10} KiB"
        assert len(await response.read()) > 2 * limits.PARTS
        assert not response.paused, "and so on"
        async with asyncio.timeout(10):
            assert await response.read()
        response.finish()


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_health_check_ends_with_it_too(kind: str) -> None:
    fake_script = endless(*ENDLESS[kind])
    settings = HealthCheckSettings.model_validate({"path": "/health", "timeout": "5s"})
    async with running_upstream(script=fake_script) as fake, calling(fake.port) as upstream:
        checker = HealthChecker(upstream.pool, settings, lambda *_, **__: None)
        healthy = await checker.check(upstream.pool.endpoints[0])
        # A check looks at the head only; what follows it is read no further.
        assert b"chunked" in ENDLESS[kind][0] or healthy is False
        await asyncio.wait_for(fake.gone.wait(), 5)


async def test_an_endless_stream_of_content_is_none_of_this() -> None:
    """Events of a few bytes, each with an extension: no sum over the whole response may end them."""
    events = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", (b"2;x=y\r\nab\r\n" + b"1\r\nc\r\n") * 40
    fake_script = endless(*events)
    async with running_upstream(script=fake_script) as fake, calling(fake.port) as upstream:
        response, taken = responded(await call(upstream)), 0
        while taken < 4 * limits.FRAMING_BYTES:
            taken += len(await response.read())
        response.finish()


@pytest.mark.parametrize("informational", [1, 3])
async def test_content_that_comes_with_a_1xx_response_is_no_part_of_its_head(informational: int) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * informational
    content = b"x" * 4 * limits.HEAD_BYTES
    async with (
        running_upstream(hints + b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content) + content) as fake,
        calling(fake.port) as upstream,
    ):
        for _ in range(2):
            response, taken = responded(await call(upstream)), b""
            while piece := await response.read():
                taken += piece
            assert taken == content
            response.finish()
        assert fake.connections == 1


async def test_as_many_fields_and_trailers_as_may_be_pass() -> None:
    fields = b"".join(b"a%d: b\r\n" % number for number in range(MOST_FIELDS - 2))
    trailers = b"".join(b"t%d: b\r\n" % number for number in range(MOST_FIELDS))
    whole = b"HTTP/1.1 200 OK\r\ndate: x\r\ntransfer-encoding: chunked\r\n%b\r\n1\r\na\r\n0\r\n%b\r\n" % (
        fields,
        trailers,
    )
    async with running_upstream(whole) as fake, calling(fake.port) as upstream:
        response = responded(await call(upstream))
        while await response.read():
            pass
        assert (len(response.fields.pairs), len(response.trailers)) == (MOST_FIELDS - 1, MOST_FIELDS)
    more = whole.replace(b"a0: b", b"a0: b\r\nmore: b\r\nmore: c")
    async with running_upstream(more) as fake, calling(fake.port) as upstream:
        assert slug(await call(upstream)) == "upstream_broken"


async def test_a_head_that_comes_in_one_piece_has_the_same_bound() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: %b\r\n\r\n"
    async with running_upstream(head % b"a") as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        fake.response = head % (b"a" * 100_000)
        assert slug(await call(upstream)) == "upstream_broken", "read by what differs from the response before"


async def test_an_informational_response_counts_for_more_than_its_bytes() -> None:
    """Each is parsed and passed on by itself, however short it is."""
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    most = 60
    async with running_upstream(b"HTTP/1.1 103 \r\n\r\n" * most + whole) as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        fake.response = b"HTTP/1.1 103 \r\n\r\n" * (most + 4) + whole
        assert slug(await call(upstream)) == "upstream_broken"


def test_trailers_are_counted_as_they_come() -> None:
    trailers = TrailerFields()
    trailers.append((b"a", b"b" * (limits.FRAMING_BYTES - limits.FIELD_BYTES - 1)))
    with pytest.raises(ValueError, match="trailers"):
        trailers.append((b"a", b""))
    assert len(trailers) == 1


async def test_reading_to_a_bound_costs_no_more_than_what_was_read() -> None:
    """The refusal must not be dearer than a response of that size: some milliseconds of processor time."""
    for kind in ENDLESS:
        fake_script = endless(*ENDLESS[kind])
        async with running_upstream(script=fake_script) as fake, calling(fake.port) as upstream:
            with undisturbed():
                began = time.process_time()
                assert await outcome(upstream) == "upstream_broken"
                taken = time.process_time() - began
            assert taken < 0.25 * slowdown(), kind
