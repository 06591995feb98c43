"""Calls made again: only what may be, within the budget and the time, and never once the client has got a part of a response."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.upstream_settings import RetrySettings
from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.retry import Retry, pause, retry_after
from gateway.proxy.upstream.upstream import Upstream
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, running_gateway
from tests.upstream_fixture import OK, Script, running_upstream, wire
from tests.upstream_fixture import Upstream as Fake

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\n%bcontent-length: 2\r\n\r\nno"
QUICK = {"backoff": 0.001, "max_backoff": 0.002}


@contextlib.asynccontextmanager
async def retrying(
    *ports: int,
    random: Callable[[], float] = lambda: 1.0,
    wall: Callable[[], float] = lambda: 0.0,
    response: float = 1.0,
    **chosen: object,
) -> AsyncIterator[Upstream]:
    pool = Pool(
        [Endpoint("127.0.0.1", port, None) for port in ports],
        max_connections=200, connect=1.0, response=response, silence=1.0, idle=4.0,
    )  # fmt: skip
    retries = RetrySettings.model_validate({**QUICK, **chosen})
    try:
        attempt = UpstreamAttempt("tutor", pool)
        yield Upstream(attempt, Attempts(attempt, Retry(retries, pool.loop.time, wall, random)))
    finally:
        for connection in list(pool.open):
            connection.close()
        await pool.close()


async def call(upstream: Upstream, method: str = "GET") -> UpstreamConnection | Refusal:
    exchange = Exchange(method, "/a", {b"host": b"gateway"}, "192.0.2.1", 0.0)
    exchange.id, exchange.path = "request-1", "/a"
    return await upstream.response(UpstreamCall(exchange, "/a", lambda status, pairs: None))


def status(response: UpstreamConnection | Refusal) -> int | str:
    return response.reason.slug if isinstance(response, Refusal) else response.status


def then_ok(*first: bytes) -> Script:
    """Says each of ``first`` to one request and closes; after that every request is answered well."""
    left = list(first)

    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await fake.read(reader)
            if left:
                writer.write(left.pop(0))
                return
            writer.write(OK)

    return script


@settings(deadline=None)
@given(st.integers(0, 4), st.floats(0.001, 10), st.floats(1, 10), st.floats(0, 1))
def test_a_pause_is_drawn_from_zero_to_a_bounded_span(retry, base, times, drawn):
    most = base * times
    assert 0 <= pause(retry, base, most, lambda: drawn) <= min(most, base * 2**retry)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"7", 7.0),
        (b"0", 0.0),
        (b"Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        (b"Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        (b"soon", 0.0),
        (b"-3", 0.0),
        (b"1.5", 0.0),
        (b"\xb2", 0.0),
        (b"", 0.0),
        (b"9" * 5000, 999_999_999_999.0),
        (b"Thu, 01 Jan 99999 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after([(b"retry-after", value)], lambda: 10.0) == seconds
    assert retry_after([(b"retry-after", b"2"), (b"retry-after", value)], lambda: 10.0) == max(2.0, seconds)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "bad", [b"", UNAVAILABLE % b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]
)
async def test_an_idempotent_call_that_failed_is_made_again(method, bad):
    async with running_upstream(script=then_ok(bad)) as fake:
        async with retrying(fake.port, on=["reset", "broken", 503]) as upstream:
            assert status(await call(upstream, method)) == 200
        assert len(fake.requests) == 2
        assert upstream.attempts is not None
        assert upstream.attempts.take_counts().total() == 1
        assert upstream.attempts.take_counts().total() == 0


@pytest.mark.parametrize("bad", [b"", UNAVAILABLE % b""])
async def test_a_post_that_was_sent_is_never_made_again(bad):
    async with running_upstream(script=then_ok(bad)) as fake:
        async with retrying(fake.port, on=["connect", "reset", "broken", 503]) as upstream:
            assert status(await call(upstream, "POST")) == (503 if bad else "upstream_broken")
        assert len(fake.requests) == 1


async def test_only_what_is_named_is_tried_again_and_no_more_often_than_named():
    async with running_upstream(script=then_ok(b"", b"", UNAVAILABLE % b"")) as fake:
        async with retrying(fake.port, on=["reset"], attempts=5) as upstream:
            assert status(await call(upstream)) == 503
        assert len(fake.requests) == 3
    async with running_upstream(script=then_ok(b"", b"", b"")) as fake:
        async with retrying(fake.port, attempts=3) as upstream:
            assert status(await call(upstream)) == "upstream_broken"
        assert len(fake.requests) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_was_never_sent_is_tried_again_whatever_its_method(method):
    """The upstream begins to listen during the pause, as one that is being restarted does."""
    fake = Fake()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = await asyncio.start_server(fake.serve, sock=sock, start_serving=False)
        starting: list[asyncio.Task[None]] = []

        def random() -> float:
            starting.append(asyncio.get_running_loop().create_task(server.start_serving()))
            return 1.0

        async with server, retrying(sock.getsockname()[1], random=random) as upstream:
            assert status(await call(upstream, method)) == 200
            assert len(starting) == 1


async def test_a_call_that_hangs_leaves_time_for_another_and_all_end_with_the_upstreams_timeout():
    async def hang(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with running_upstream(script=hang) as fake:
        often = {"on": ["timeout"], "attempt_timeout": 0.05, "attempts": 5}
        async with retrying(fake.port, response=0.25, **often) as upstream:
            began = asyncio.get_running_loop().time()
            assert status(await call(upstream)) == "upstream_timeout"
            assert asyncio.get_running_loop().time() - began < 0.6
        assert 2 <= len(fake.requests) <= 4
        async with retrying(fake.port, response=2, **often) as upstream:
            hung = asyncio.create_task(call(upstream))
            fake.arrived.clear()
            await fake.arrived.wait()
            fake.script = None
            assert status(await hung) == 200


async def test_retry_after_is_waited_for():
    """The upstream names a date 60 ms away; with it the pause, which is 1 ms without."""
    wait = b"retry-after: Thu, 01 Jan 1970 00:01:40 GMT\r\n"
    async with running_upstream(script=then_ok(UNAVAILABLE % wait)) as fake:
        async with retrying(fake.port, wall=lambda: 99.94) as upstream:
            began = asyncio.get_running_loop().time()
            assert status(await call(upstream)) == 200
            assert asyncio.get_running_loop().time() - began >= 0.055
        assert len(fake.requests) == 2


async def test_a_response_that_asks_to_wait_too_long_is_passed_on_at_once():
    async with running_upstream(script=then_ok(UNAVAILABLE % b"retry-after: 2\r\n")) as fake:
        async with retrying(fake.port, response=1.0) as upstream:
            response = await asyncio.wait_for(call(upstream), 0.5)
            assert isinstance(response, UpstreamConnection)
            assert (response.status, response.take()) == (503, b"no")
        assert len(fake.requests) == 1


async def test_a_failing_upstream_gets_no_more_than_its_calls_and_the_budget():
    async with running_upstream(UNAVAILABLE % b"") as fake:
        async with retrying(fake.port, budget=0.2, min_per_second=0) as upstream:
            responses = await asyncio.gather(*(call(upstream) for _ in range(60)))
            assert {status(response) for response in responses} == {503}
            assert 66 <= len(fake.requests) <= 72
            assert upstream.attempts is not None
            assert upstream.attempts.budgets_left() == {"retries": 0}
        async with retrying(fake.port, budget=0.0, min_per_second=0) as upstream:
            before = len(fake.requests)
            await call(upstream)
            assert len(fake.requests) == before + 1


async def test_nothing_is_sent_again_while_the_breaker_is_not_closed():
    async with running_upstream(script=then_ok(b"")) as fake:
        async with retrying(fake.port) as upstream:
            upstream.single_attempts_while(lambda: True)
            assert status(await call(upstream)) == "upstream_broken"
        assert len(fake.requests) == 1


async def test_a_client_that_leaves_during_the_pause_ends_the_call():
    paused = asyncio.Event()

    def random() -> float:
        paused.set()
        return 1.0

    async with running_upstream(script=then_ok(b"")) as fake:
        async with retrying(fake.port, random=random, backoff=0.5, max_backoff=0.5) as upstream:
            calling = asyncio.create_task(call(upstream))
            await paused.wait()
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
        assert len(fake.requests) == 1


ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 1s, response: 1s}}
    breaker: quick
    retries: {{attempts: 3, on: [connect, reset, broken, 503], backoff: 1ms, max_backoff: 2ms}}
routes:
  - {{name: files, paths: [/files/*], methods: [GET, PUT], upstream: tutor, auth: public, body: any}}
"""
MORE = POLICIES.replace("bodies:\n", "bodies:\n  any: {max: 50MB}\n") + (
    "breakers:\n  quick: {failures: 1, recover_after: 60s, count: [broken]}\n"
)


async def test_a_streamed_body_is_sent_once():
    async with running_upstream(script=then_ok(UNAVAILABLE % b"")) as fake:
        async with running_gateway(ENTRY.format(url=fake.url), policies=MORE) as gateway, wire(gateway.port) as client:
            head = b"PUT /files/a HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n"
            client.send(head + b"x" * 100_000)
            await eventually(lambda: fake.connections)
            client.send(b"x" * 100_000)
            assert (await client.response()).status == 503
        assert len(fake.requests) == 1


async def test_nothing_is_sent_again_once_the_client_has_got_something():
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    async with running_upstream(script=then_ok(early, cut)) as fake:
        async with running_gateway(ENTRY.format(url=fake.url), policies=MORE) as gateway, wire(gateway.port) as client:
            assert (await client.ask(b"GET /files/a HTTP/1.1\r\nhost: a\r\n\r\n")).status == 103
            assert (await client.response()).status == 502
        assert len(fake.requests) == 1
    async with running_upstream(script=then_ok(cut)) as fake:
        async with running_gateway(ENTRY.format(url=fake.url), policies=MORE) as gateway, wire(gateway.port) as client:
            response = await client.ask(b"GET /files/a HTTP/1.1\r\nhost: a\r\n\r\n")
            assert (response.status, response.whole) == (200, False)
        assert len(fake.requests) == 1


async def test_a_probe_is_one_call_and_a_request_is_one_finding():
    now = 1_767_268_800.0
    get = b"GET /files/a HTTP/1.1\r\nhost: a\r\n\r\n"
    async with contextlib.AsyncExitStack() as stack:
        fake = await stack.enter_async_context(running_upstream(script=then_ok(*[b""] * 4)))
        gateway = await stack.enter_async_context(
            running_gateway(ENTRY.format(url=fake.url), policies=MORE, wall=lambda: now)
        )
        async with wire(gateway.port) as client:
            assert (await client.ask(get)).status == 502
            assert len(fake.requests) == 3
            assert (await client.ask(get)).status == 503
            now += 60
            assert (await client.ask(get)).status == 502
            assert len(fake.requests) == 4, "the one probe is not repeated"
            now += 60
            assert (await client.ask(get)).status == 200
