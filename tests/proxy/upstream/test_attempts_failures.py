"""Every way in which a call fails is one kind, to retries, to outlier ejection and to the breaker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from gateway.config.upstream_settings import RetrySettings
from gateway.core.failure import WORDS, CallFailure
from gateway.core.reason import REASONS
from gateway.policy.base.tools import Tools
from gateway.policy.breaker.breaker import Settings as BreakerSettings
from gateway.policy.breaker.breaker import build
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.deadline import Deadline
from gateway.proxy.upstream.retry import Retry
from gateway.proxy.upstream.upstream import Upstream
from gateway.state.memory.store import MemoryStore
from tests.proxy.upstream_calls import call, calling, exchange, slug
from tests.upstream_fixture import OK, Script, running_upstream
from tests.upstream_fixture import Upstream as Fake

Failing = Callable[[], AbstractAsyncContextManager[Upstream]]


class Asked(frozenset[CallFailure | int]):
    """What is retried, and which kinds were looked up in it."""

    def __init__(self, kinds: object = ()) -> None:
        self.kinds: list[object] = []

    def __contains__(self, kind: object) -> bool:
        self.kinds.append(kind)
        return super().__contains__(kind)


class Ejection:
    """Notes what outlier ejection is to count."""

    def __init__(self) -> None:
        self.kinds: list[object] = []

    def record(self, endpoint: object, outcome: object) -> bool:
        self.kinds.append(outcome)
        return False


def says(data: bytes, *, then_close: bool) -> Script:
    """Answers every request with ``data``, and closes or says no more."""

    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(data)
        if not then_close:
            await reader.read()

    return script


def failing(script: Script, **timeouts: float) -> Failing:
    """An upstream behind which ``script`` runs."""

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[Upstream]:
        async with running_upstream(script=script) as fake, calling(fake.port, **timeouts) as upstream:
            yield upstream

    return running


@contextlib.asynccontextmanager
async def refused() -> AsyncIterator[Upstream]:
    async with running_upstream() as gone:
        pass
    async with calling(gone.port) as upstream:
        yield upstream


@contextlib.asynccontextmanager
async def unanswered() -> AsyncIterator[Upstream]:
    """A listener whose queue is full lets connections hang."""
    with socket.socket() as full, socket.socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.setblocking(False)
        waiting.connect_ex(full.getsockname())
        async with calling(full.getsockname()[1], connect=0.05) as upstream:
            yield upstream


@contextlib.asynccontextmanager
async def full() -> AsyncIterator[Upstream]:
    async with running_upstream() as fake, calling(fake.port) as upstream:
        upstream.pool.max_connections = 0
        yield upstream


@contextlib.asynccontextmanager
async def closed_when_reused() -> AsyncIterator[Upstream]:
    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(OK)
        await reader.readexactly(1)

    async with running_upstream(script=script) as fake, calling(fake.port) as upstream:
        first = await call(upstream)
        first.finish()  # type: ignore[union-attr]  # the first call is answered
        yield upstream


HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
WAYS = {
    "refused": (refused, CallFailure.CONNECT, {"connect"}),
    "no connection in time": (unanswered, CallFailure.CONNECT_TIMEOUT, {"connect", "timeout"}),
    "closed at once": (failing(says(b"", then_close=True)), CallFailure.RESET, {"connect", "broken"}),
    "closed when reused": (closed_when_reused, CallFailure.RESET_REUSED, {"connect", "broken"}),
    "silent": (failing(says(b"", then_close=False), response=0.05), CallFailure.TIMEOUT, {"timeout"}),
    "stalled": (failing(says(HALF, then_close=False), silence=0.05), CallFailure.STALLED, {"timeout"}),
    "garbage": (failing(says(b"nonsense\r\n\r\n", then_close=True)), CallFailure.BROKEN, {"broken"}),
    "cut": (failing(says(HALF, then_close=True)), CallFailure.BROKEN, {"broken"}),
    "full": (full, CallFailure.BUSY, set()),
}


def counted_by_breaker(made: Any) -> set[str]:
    """The words of a breaker's ``count`` under which the call is a failure."""
    tools = Tools(MemoryStore())
    listed = ("connect", "timeout", "broken")
    return {word for word in listed if build("x", BreakerSettings(count=(word,)), tools).failed(made)}


@pytest.mark.parametrize(("way", "kind", "words"), WAYS.values(), ids=WAYS.keys())
async def test_a_failure_is_one_kind_to_all_that_count_it(way: Failing, kind: CallFailure, words: set[str]) -> None:
    async with way() as plain:
        attempt, ejection = UpstreamAttempt("tutor", plain.pool), Ejection()
        settings = RetrySettings.model_validate({"on": WORDS, "attempt_timeout": 1.0})
        retry = Retry(settings, plain.pool.loop.time, lambda: 0.0, lambda: 0.0)
        retry.on = asked = Asked()
        upstream = Upstream(attempt, Attempts(attempt, retry, ejection))  # type: ignore[arg-type]  # what attempts use of it
        made = exchange("POST")  # which is not made again by itself where a reused connection was closed
        assert slug(await call(upstream, made)) == kind.slug
    assert (asked.kinds, ejection.kinds, made.failure) == ([kind], [kind], kind)
    made.reason = kind.slug
    assert counted_by_breaker(made) == words


async def test_a_call_that_takes_too_long_in_all_is_ended_from_above_its_attempts() -> None:
    async with failing(says(b"", then_close=False))() as plain:
        attempt, ejection = UpstreamAttempt("tutor", plain.pool), Ejection()
        attempts = Attempts(attempt, None, ejection)  # type: ignore[arg-type]  # what attempts use of it
        made = exchange()
        assert (
            slug(await call(Upstream(attempt, attempts, Deadline(0.05, plain.pool)), made)) == "upstream_total_timeout"
        )
    assert ejection.kinds == []
    made.reason = CallFailure.TOTAL_TIMEOUT.slug
    assert (made.failure, counted_by_breaker(made)) == (CallFailure.TOTAL_TIMEOUT, {"timeout"})


def test_every_kind_is_tried() -> None:
    assert {kind for _, kind, _ in WAYS.values()} == set(CallFailure) - {CallFailure.TOTAL_TIMEOUT}
    assert all(REASONS[kind.slug].status in (502, 503, 504) for kind in CallFailure)
