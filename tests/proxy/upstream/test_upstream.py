"""The door to an upstream: a call is started at once where nothing has to be waited for, and awaited otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.response import ignore_informational
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.call import LATER, STARTED, Progress, UpstreamCall
from gateway.proxy.upstream.deadline import Deadline
from gateway.proxy.upstream.upstream import Upstream
from tests.proxy.upstream_calls import call, calling, exchange, responded, slug
from tests.upstream_fixture import OK, running_upstream
from tests.upstream_fixture import Upstream as Fake


class Starting:
    """A call that is started, and awaited when it is ready."""

    def __init__(self, upstream: Upstream, made: Exchange | None = None) -> None:
        self.upstream = upstream
        self.ready = asyncio.Event()
        self.call = UpstreamCall(made or exchange(), "/a", ignore_informational, self.ready.set)

    def start(self) -> Progress | Refusal:
        return self.upstream.start(self.call)

    async def take(self) -> UpstreamConnection | None:
        await asyncio.wait_for(self.ready.wait(), 5)
        return self.upstream.take(self.call)


class Content:
    """The content of a request, as much of it as is here."""

    length = None

    def __init__(self, whole: bytes | Refusal | None) -> None:
        self._whole = whole
        self.complete = whole is not None

    def whole(self) -> bytes | Refusal | None:
        return self._whole


def posting(whole: bytes | Refusal | None) -> Exchange:
    made = exchange("POST")
    made.stream = Content(whole)
    return made


async def test_a_call_is_started_on_an_idle_connection_and_taken_when_it_is_ready():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        starting = Starting(upstream)
        assert starting.start() is STARTED
        assert upstream.endpoints[0].in_flight == 1
        response = await starting.take()
        assert response is not None
        assert (response.status, response.take()) == (200, b"{}")
        assert (upstream.endpoints[0].in_flight, starting.call.exchange.endpoint) == (0, f"127.0.0.1:{fake.port}")
        assert fake.connections == 1


async def test_a_connection_has_to_be_waited_for():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        starting = Starting(upstream)
        assert starting.start() is LATER
        assert responded(await upstream.response(starting.call)).status == 200


async def test_content_is_sent_at_once_when_all_of_it_is_here_and_awaited_when_it_is_not():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        assert Starting(upstream, posting(None)).start() is LATER
        refusal = refuse("body_malformed")
        assert Starting(upstream, posting(refusal)).start() is refusal
        starting = Starting(upstream, posting(b'{"a":1}'))
        assert starting.start() is STARTED
        assert await starting.take() is not None
        assert fake.requests[-1].body == b'{"a":1}'


@pytest.mark.parametrize(("method", "outcome"), [("GET", 200), ("POST", "upstream_unreachable")])
async def test_a_started_call_that_failed_is_made_again_only_where_that_is_safe(method: str, outcome: object):
    async def closing(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(OK)
        fake.script = None
        await reader.readexactly(1)

    async with running_upstream(script=closing) as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        starting = Starting(upstream, exchange(method))
        assert starting.start() is STARTED
        assert await starting.take() is None
        response = await upstream.response(starting.call)
        assert (response.status if isinstance(response, UpstreamConnection) else slug(response)) == outcome
        assert fake.connections == (2 if outcome == 200 else 1)


async def test_a_refusal_says_on_the_request_how_the_call_failed():
    async with running_upstream(b"nonsense\r\n\r\n") as fake, calling(fake.port) as upstream:
        made = exchange()
        assert slug(await call(upstream, made)) == "upstream_broken"
        assert made.failure is CallFailure.BROKEN


async def test_what_is_bounded_in_all_or_may_take_several_attempts_is_never_started_at_once():
    async with running_upstream() as fake, calling(fake.port) as plain, calling(fake.port, fake.port) as several:
        bounded = Upstream(UpstreamAttempt("tutor", plain.pool), deadline=Deadline(5.0, plain.pool))
        for upstream in (bounded, several):
            responded(await call(upstream)).finish()
            assert Starting(upstream).start() is LATER
        assert (plain.attempts, several.attempts is None) == (None, False)


async def test_an_abandoned_call_closes_its_connection():
    async with running_upstream() as fake, calling(fake.port) as upstream:
        responded(await call(upstream)).finish()
        starting = Starting(upstream)
        starting.start()
        starting.call.abandon()
        assert upstream.endpoints[0].in_flight == 0
        await asyncio.wait_for(fake.gone.wait(), 5)
        assert upstream.endpoints[0].idle == []


async def test_no_second_attempt_is_made_while_a_condition_holds():
    async with running_upstream() as fake, calling(fake.port, fake.port) as several, calling(fake.port) as plain:
        condition: Any = lambda: True  # noqa: E731  # compared below
        several.single_attempts_while(condition)
        plain.single_attempts_while(condition)
        assert several.attempts is not None
        assert several.attempts.single_while is condition
