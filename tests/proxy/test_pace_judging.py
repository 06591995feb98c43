"""Nobody is judged by a client's pace: what an upstream does with slow clients counts for nothing."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.proxy.flow import stream
from gateway.proxy.upstream import upload
from tests.eventually import eventually
from tests.proxy.pacing import KIB, LONG, Pace, pace, upload_head
from tests.upstream_fixture import Script, Upstream, running_upstream


async def silent(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes some of the content, and closes."""
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(64 * KIB)


async def early(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes some of the content, and responds that it gives up."""
    await silent(fake, reader, writer)
    writer.write(b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n")
    await reader.read()


async def never(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes all of the content, and gave up before its end without a word."""
    await reader.readuntil(b"\r\n\r\n")
    while await reader.read(64 * KIB):
        pass


@pytest.mark.parametrize("script", [silent, early])
async def test_an_upstream_that_gives_up_on_slow_uploads_is_not_judged_by_them(script: Script) -> None:
    async with (
        running_upstream(script=script) as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        slow = await here.stall(stack, 6, upload_head() + b"-" * 100 * KIB)
        statuses = [(await client.response(head_only=True)).status for client in slow]
        assert set(statuses) <= {502, 503}
        await eventually(lambda: len(here.gateway.seen.exchanges) == 6)
        assert here.circuit.failures == 0
        fake.script = None
        assert (await here.honest()).status == 200


async def test_an_upstream_that_gave_up_on_an_upload_that_was_finished_slowly_is_not_judged_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "SLOW", 0.05)
    async with running_upstream(script=never) as fake, pace("    breaker: external", fake.url) as here:
        async with contextlib.AsyncExitStack() as stack:
            slow = await here.stall(stack, 6, upload_head() + b"-" * 100 * KIB)
            await eventually(lambda: fake.connections == 6)
            await asyncio.sleep(0.1)
            for client in slow:
                client.send(b"-" * 300 * KIB)
            assert [(await client.response()).status for client in slow] == [504] * 6
            assert here.circuit.failures == 0
        quick = await asyncio.gather(*(here.ask(upload_head() + b"-" * LONG) for _ in range(5)))
        assert [response.status for response in quick] == [504] * 5
        assert here.state == "open", "an upload that does not keep it waiting judges it"


async def test_endpoints_are_not_ejected_for_slow_uploads() -> None:
    more = "    ejection: {failures: 2, eject_for: 60s}"
    async with (
        running_upstream(script=silent) as one,
        running_upstream(script=silent) as other,
        pace(more, one.url, other.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        slow = await here.stall(stack, 8, upload_head() + b"-" * 100 * KIB)
        assert {(await client.response()).status for client in slow} == {502}
        endpoints = here.gateway.runtime.upstreams["stt"].endpoints
        assert [(endpoint.failures, endpoint.ejected_for) for endpoint in endpoints] == [(0, 0.0)] * 2


async def cut_off(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Has more to send than anybody takes, and closes when it has waited for a while."""
    await fake.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"-" * 20_000_000)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.3)
    writer.transport.abort()


async def untaken(here: Pace, stack: contextlib.AsyncExitStack) -> None:
    """Six clients that take their responses when it is too late."""
    takers = [await here.begin(stack, b"GET /stt HTTP/1.1\r\nhost: a\r\n\r\n") for _ in range(6)]
    await eventually(lambda: here.gateway.seen.begun == 6)
    await asyncio.sleep(0.6)
    for taker in takers:
        with contextlib.suppress(ConnectionError):
            while await taker.reader.read(1_000_000):
                pass
    await eventually(lambda: len(here.gateway.seen.exchanges) == 6)


async def test_an_upstream_that_gives_up_on_a_response_that_nobody_takes_is_not_judged_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "SLOW", 0.1)
    async with (
        running_upstream(script=cut_off) as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await untaken(here, stack)
        assert set(here.gateway.seen.reasons) == {"upstream_broken"}
        assert here.circuit.failures == 0


async def endless(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends as long as somebody takes it."""
    await fake.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"-" * 100_000)
        await writer.drain()


async def test_the_time_of_the_whole_call_that_a_client_spends_on_taking_it_is_not_the_upstreams() -> None:
    async with (
        running_upstream(script=endless) as fake,
        pace("    breaker: external", fake.url, total="300ms") as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await untaken(here, stack)
        assert set(here.gateway.seen.reasons) == {"upstream_total_timeout"}
        assert here.circuit.failures == 0


async def test_the_time_of_the_whole_call_that_a_client_spends_on_an_upload_is_not_the_upstreams() -> None:
    async with (
        running_upstream(script=never) as fake,
        pace("    breaker: external", fake.url, total="300ms") as here,
        contextlib.AsyncExitStack() as stack,
    ):
        slow = await here.stall(stack, 6, upload_head() + b"-" * 100 * KIB)
        assert [(await client.response()).status for client in slow] == [504] * 6
        assert here.circuit.failures == 0


async def test_a_failure_to_connect_counts_however_slowly_the_client_sends() -> None:
    async with pace("    breaker: external", "http://127.0.0.1:1") as here, contextlib.AsyncExitStack() as stack:
        slow = await here.stall(stack, 5, upload_head() + b"-" * 100 * KIB)
        assert {(await client.response(head_only=True)).status for client in slow} == {502}
        await eventually(lambda: here.state == "open")


async def stuck(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes no more content than fits on the way."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket
    await asyncio.Event().wait()


async def test_an_upstream_that_takes_no_more_content_has_failed() -> None:
    async with running_upstream(script=stuck) as fake, pace("    breaker: external", fake.url) as here:
        assert (await here.ask(upload_head(10_500_000) + b"-" * 10_500_000)).status == 504
        assert (here.gateway.seen.reasons, here.circuit.failures) == (["upstream_timeout"], 1)
