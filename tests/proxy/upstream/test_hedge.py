"""Hedging over real sockets: the quicker of two endpoints responds, the other attempt is dropped, and few calls are made twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.upstream_settings import HedgeSettings as Settings
from gateway.config.upstream_settings import RetrySettings
from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.hedge import MIN_SAMPLES, Hedge
from gateway.proxy.upstream.retry import Retry
from gateway.proxy.upstream.upstream import Upstream
from tests.upstream_fixture import Upstream as Fake
from tests.upstream_fixture import running_upstream


def says(text: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text)


class Slow:
    """A script that answers each request when it is let."""

    def __init__(self, response: bytes = says(b"slow")) -> None:
        self.response = response
        self.go_on = asyncio.Event()

    async def __call__(self, fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        gone = asyncio.create_task(reader.read(1))
        waiting = asyncio.create_task(self.go_on.wait())
        await asyncio.wait((gone, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        gone.cancel()
        writer.write(self.response)


@contextlib.asynccontextmanager
async def hedging(*ports: int, after: float | str = 0.02, budget: float = 1.0) -> AsyncIterator[Upstream]:
    """The first of two endpoints is the one asked first."""
    pool = Pool(
        [Endpoint("127.0.0.1", port, None) for port in ports],
        connect=1,
        response=2,
        silence=1,
        idle=4,
        max_connections=200,
    )
    for endpoint in pool.endpoints[1:]:
        endpoint.in_flight = 1000
    attempt = UpstreamAttempt("tutor", pool)
    chosen = Settings.model_validate({"after": after, "budget": budget})
    try:
        yield Upstream(attempt, Attempts(attempt, hedge=Hedge(chosen, pool.loop.time)))
    finally:
        for connection in list(pool.open):
            connection.close()
        await pool.close()


def exchange(method: str = "GET") -> Exchange:
    made = Exchange(method, "/a", {b"host": b"gateway"}, "192.0.2.1", 0.0)
    made.id, made.path = "request-1", "/a"
    return made


async def call(upstream: Upstream, made: Exchange | None = None, hints: list[int] | None = None) -> bytes | int | str:
    """The body of a good response, the status of another, the slug of a refusal."""

    def interim(status: int, pairs: list[Pair]) -> None:
        if hints is not None:
            hints.append(status)

    response = await upstream.response(UpstreamCall(made or exchange(), "/a", interim))
    if isinstance(response, Refusal):
        return response.reason.slug
    assert isinstance(response, UpstreamConnection)
    body, status = response.take(), response.status
    response.finish()
    return body if status == 200 else status


def hedges(upstream: Upstream) -> dict[tuple[str, str], int]:
    assert upstream.attempts is not None
    return dict(upstream.attempts.take_counts())


async def test_the_quicker_endpoint_responds_and_the_other_is_dropped():
    async with running_upstream(script=Slow()) as slow, running_upstream(says(b"quick")) as quick:
        async with hedging(slow.port, quick.port) as upstream:
            made = exchange()
            assert await call(upstream, made) == b"quick"
            assert made.endpoint == upstream.endpoints[1].authority
            assert 0.02 <= made.upstream_time < 1
            await asyncio.wait_for(slow.gone.wait(), 5)
            assert hedges(upstream) == {("hedges", "won"): 1}
            assert [len(endpoint.idle) for endpoint in upstream.endpoints] == [0, 1]
            assert upstream.endpoints[0].in_flight == 0
        assert (len(slow.requests), len(quick.requests)) == (1, 1)


async def test_the_first_may_still_win():
    script = Slow()
    async with (
        running_upstream(script=script) as slow,
        running_upstream(script=Slow()) as slower,
        hedging(slow.port, slower.port) as upstream,
    ):
        made = exchange()
        calling = asyncio.create_task(call(upstream, made))
        await asyncio.wait_for(slower.arrived.wait(), 5)
        script.go_on.set()
        assert await calling == b"slow"
        assert made.endpoint == upstream.endpoints[0].authority
        await asyncio.wait_for(slower.gone.wait(), 5)
        assert hedges(upstream) == {("hedges", "lost"): 1}


async def test_a_quick_response_is_asked_for_once():
    async with running_upstream(says(b"quick")) as quick, running_upstream() as other:
        async with hedging(quick.port, other.port, after=1.0) as upstream:
            for _ in range(5):
                assert await call(upstream) == b"quick"
            assert hedges(upstream) == {}
        assert len(other.requests) == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_only_safe_calls_are_sent_twice(method):
    script = Slow()
    async with running_upstream(script=script) as slow, running_upstream() as other:
        async with hedging(slow.port, other.port, after=0.001) as upstream:
            calling = asyncio.create_task(call(upstream, exchange(method)))
            await asyncio.wait_for(slow.arrived.wait(), 5)
            await asyncio.wait((calling,), timeout=0.03)
            script.go_on.set()
            assert await calling == b"slow"
        assert len(other.requests) == 0


async def test_a_servers_trouble_waits_for_the_other_response():
    script = Slow(b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n")
    other_script = Slow(says(b"good"))
    async with (
        running_upstream(script=script) as ill,
        running_upstream(script=other_script) as well,
        hedging(ill.port, well.port) as upstream,
    ):
        calling = asyncio.create_task(call(upstream))
        await asyncio.wait_for(well.arrived.wait(), 5)
        script.go_on.set()
        await asyncio.wait_for(ill.gone.wait(), 5)
        other_script.go_on.set()
        assert await calling == b"good"


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n", b"", 503),
        (b"", b"HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n", 500),
        (b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n", 503),
        (b"", b"nonsense\r\n\r\n", "upstream_broken"),
    ],
)
async def test_when_neither_is_good_a_response_goes_before_an_error_and_the_first_before_the_second(
    first, second, outcome
):
    scripts = Slow(first), Slow(second)
    async with (
        running_upstream(script=scripts[0]) as one,
        running_upstream(script=scripts[1]) as other,
        hedging(one.port, other.port) as upstream,
    ):
        calling = asyncio.create_task(call(upstream))
        await asyncio.wait_for(other.arrived.wait(), 5)
        for script in scripts:
            script.go_on.set()
        assert await calling == outcome


async def test_a_client_that_leaves_ends_both():
    async with (
        running_upstream(script=Slow()) as one,
        running_upstream(script=Slow()) as other,
        hedging(one.port, other.port) as upstream,
    ):
        calling = asyncio.create_task(call(upstream))
        await asyncio.wait_for(other.arrived.wait(), 5)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await asyncio.wait_for(one.gone.wait(), 5)
        await asyncio.wait_for(other.gone.wait(), 5)
        assert [endpoint.in_flight for endpoint in upstream.endpoints] == [0, 1000]


async def test_no_more_calls_are_made_twice_than_the_budget_says():
    script = Slow()
    async with (
        running_upstream(script=script) as slow,
        running_upstream(says(b"quick")) as quick,
        hedging(slow.port, quick.port, after=0.005, budget=0.1) as upstream,
    ):
        calls = [asyncio.create_task(call(upstream)) for _ in range(40)]
        await asyncio.wait_for(quick.arrived.wait(), 5)
        await asyncio.wait(calls, timeout=0.05)
        script.go_on.set()
        responses = await asyncio.gather(*calls)
        assert 0 < len(quick.requests) <= 4
        assert responses.count(b"quick") <= 4
        assert set(responses) <= {b"quick", b"slow"}
        assert upstream.attempts is not None
        assert upstream.attempts.budgets_left() == {"hedges": 4 - len(quick.requests)}


@pytest.mark.parametrize("why", ["no other is healthy", "the breaker is not closed"])
async def test_there_is_no_second_call_when(why):
    script = Slow()
    async with running_upstream(script=script) as slow, running_upstream() as other:
        async with hedging(slow.port, other.port, after=0.001) as upstream:
            if why == "no other is healthy":
                upstream.endpoints[1].checked_healthy = False
                upstream.pool.balancer.changed()
            else:
                upstream.single_attempts_while(lambda: True)
            calling = asyncio.create_task(call(upstream))
            await asyncio.wait_for(slow.arrived.wait(), 5)
            await asyncio.wait((calling,), timeout=0.03)
            script.go_on.set()
            assert await calling == b"slow"
            assert hedges(upstream) == {}
        assert len(other.requests) == 0


async def test_hints_of_a_call_that_may_be_overtaken_are_kept_from_the_client():
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    async with (
        running_upstream(early + says(b"quick")) as quick,
        running_upstream() as other,
        hedging(quick.port, other.port, after=1.0) as upstream,
    ):
        hints: list[int] = []
        assert await call(upstream, hints=hints) == b"quick"
        assert hints == []


async def test_responses_are_never_mixed_however_close_they_come():
    """Both endpoints answer in any order within a few milliseconds; each response is whole, and from the endpoint that the record names."""
    random = Random(3)

    def script(name: bytes):
        async def answering(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await fake.read(reader)
                await asyncio.sleep(random.random() * 0.004)
                writer.write(says(name * 50))

        return answering

    async with (
        running_upstream(script=script(b"a")) as one,
        running_upstream(script=script(b"b")) as other,
        hedging(one.port, other.port, after=0.001) as upstream,
    ):
        upstream.endpoints[1].in_flight = 0
        names = {upstream.endpoints[0].authority: b"a" * 50, upstream.endpoints[1].authority: b"b" * 50}

        async def one_after_the_other() -> None:
            for _ in range(15):
                made = exchange()
                assert await call(upstream, made) == names[made.endpoint]

        await asyncio.gather(*(one_after_the_other() for _ in range(8)))
        found = hedges(upstream)
        assert found["hedges", "won"] > 0
        assert found["hedges", "lost"] > 0
        assert sum(endpoint.in_flight for endpoint in upstream.endpoints) == 0


async def test_only_the_first_attempt_of_a_call_is_hedged():
    async with (
        running_upstream(script=Slow()) as one,
        running_upstream(script=Slow()) as other,
        hedging(one.port, other.port, after=0.01) as plain,
    ):
        retries = RetrySettings.model_validate({"on": ["timeout"], "attempt_timeout": 0.05, "backoff": 0.001})
        clock = plain.pool.loop.time
        hedge = Hedge(Settings(after=0.01, budget=1.0), clock)
        attempt = UpstreamAttempt("tutor", plain.pool)
        upstream = Upstream(attempt, Attempts(attempt, Retry(retries, clock, lambda: 0.0, lambda: 1.0), None, hedge))
        assert await call(upstream) == "upstream_timeout"
        assert len(one.requests) + len(other.requests) == 3
        assert hedges(upstream) == {("hedges", "lost"): 1, ("retries", "timeout"): 1}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.001, 10), min_size=MIN_SAMPLES, max_size=150), st.integers(50, 99))
def test_a_quantile_lies_among_the_times_that_were_seen(times, percent):
    hedge = Hedge(Settings(after=f"p{percent}"), lambda: 0.0)
    for number, seconds in enumerate(times):
        assert number >= MIN_SAMPLES or hedge.after is None, "too few to tell"
        hedge.record(seconds)
    assert hedge.after is not None
    assert min(times) <= hedge.after <= max(times)


def test_a_quantile_follows_what_calls_take():
    hedge = Hedge(Settings(after="p90"), lambda: 0.0)
    for number in range(1000):
        hedge.record(number % 100 / 100)
    assert hedge.after == pytest.approx(0.9, abs=0.02)
    for _ in range(1000):
        hedge.record(5.0)
    assert hedge.after == 5.0
    fixed = Hedge(Settings(after=0.2), lambda: 0.0)
    fixed.record(9.0)
    assert fixed.after == 0.2
