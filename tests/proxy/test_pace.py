"""A client's pace: what it holds while it sends slowly, and that nobody is judged by it, as other clients see it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.access_token import make_token
from gateway.demo.toolkit import DemoToolkit
from gateway.policy.base import candidates
from gateway.proxy.flow import respond
from gateway.proxy.upstream import upload
from gateway.state.rules.circuit import Circuit
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, SECRET, Running, running_gateway
from tests.held_backend import HeldBackend
from tests.upstream_fixture import OK, Response, Script, Upstream, Wire, running_upstream

SHIPPED = Path(__file__).parents[2] / "upstreams.yaml"
KIB = 1024
LONG = 400 * KIB  # bytes of an upload that is sent on before all of it is here
NOON = 1_767_268_800.0

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{body_timeout: 10s}}}}
upstreams:
  stt:
    endpoints: [{endpoints}]
    timeouts: {{connect: 300ms, response: 300ms}}
{more}
routes:
  - {{name: stt, paths: [/stt, /api/*], methods: [GET, POST], upstream: stt, auth: public, body: audio}}
"""
MORE_POLICIES = """\
breakers:
  external: {failures: 5, recover_after: 60s}
"""


def audio(policies: str = MORE_POLICIES) -> str:
    return POLICIES.replace("bodies:\n", "bodies:\n  audio: {max: 11MB}\n") + policies


def upload_head(length: int = LONG, path: str = "/stt", *fields: str) -> bytes:
    lines = "".join(f"{field}\r\n" for field in fields)
    return (
        f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=x\r\n"
        f"content-length: {length}\r\n{lines}\r\n"
    ).encode()


class Pace:
    """A gateway on a wall clock moved by hand, with slow and honest clients."""

    def __init__(self) -> None:
        self.now = NOON
        self.gateway: Running

    @property
    def circuit(self) -> Circuit:
        return self.gateway.runtime.breakers["stt"].circuit()

    @property
    def state(self) -> str:
        return self.circuit.state

    async def begin(self, stack: contextlib.AsyncExitStack, data: bytes, source: str = "127.0.0.1") -> Wire:
        """A client at ``source`` that sends ``data`` and then stands still."""
        client = Wire(*await asyncio.open_connection("127.0.0.1", self.gateway.port, local_addr=(source, 0)))
        stack.push_async_callback(client.close)
        client.send(data)
        return client

    async def stall(self, stack: contextlib.AsyncExitStack, count: int, data: bytes) -> list[Wire]:
        """So many clients that send ``data`` and then stand still, each at an address of its own."""
        return [await self.begin(stack, data, f"127.0.1.{number + 1}") for number in range(count)]

    async def ask(self, data: bytes, source: str = "127.0.0.9") -> Response:
        async with contextlib.AsyncExitStack() as stack:
            return await (await self.begin(stack, data, source)).response()

    async def honest(self) -> Response:
        return await self.ask(upload_head(2) + b"{}")


@contextlib.asynccontextmanager
async def pace(more: str, *urls: str, policies: str = MORE_POLICIES, total: str = "0s") -> AsyncIterator[Pace]:
    made = Pace()
    endpoints = ", ".join(f'{{url: "{url}"}}' for url in urls)
    entry = ENTRY.format(endpoints=endpoints, more=more)
    if total != "0s":
        entry = entry.replace("response: 300ms", f"response: 300ms, total: {total}")
    async with running_gateway(entry, policies=audio(policies), wall=lambda: made.now) as made.gateway:
        yield made


def token(sub: str) -> str:
    made, _ = make_token({"JWT_SECRET": SECRET}, sub.ljust(32, "0"), "15m", "access", time.time())
    return f"authorization: Bearer {made}"


async def test_uploads_of_one_byte_by_ten_accounts_hold_no_permit_of_the_shipped_gateway() -> None:
    async with DemoToolkit() as toolkit, contextlib.AsyncExitStack() as stack:
        env = {
            "STT_URL": toolkit.url,
            "TOOLKIT_URL": toolkit.url,
            "TOOLKIT_API_KEY": "k" * 32,
            "GATEWAY_OPS_TOKEN": "t" * 40,
        }
        here = Pace()
        here.gateway = await stack.enter_async_context(running_gateway(SHIPPED, env))
        path = "/api/stt/transcribe"
        for account in range(10):
            field = token(f"account-{account}")
            for _ in range(10):
                await here.begin(stack, upload_head(5_000_000, path, field) + b"-", f"127.0.0.{account + 2}")
        await eventually(lambda: here.gateway.seen.begun == 100)
        permits = here.gateway.runtime.concurrency["stt"]
        honest = await here.ask(upload_head(2, path, token("honest")) + b"{}")
        assert (honest.status, b"x-gateway-fallback" in honest) == (200, False)
        assert (permits.taken, permits.waiting, len(here.gateway.runtime.upstreams["stt"].pool.open)) == (0, 0, 1)


async def opened(here: Pace, fake: Upstream) -> None:
    """Open the breaker, and let the time for a try come, when the upstream is well again."""
    fake.response = OK.replace(b"200 OK", b"503 Oh")
    for _ in range(5):
        assert (await here.honest()).status == 503
    assert here.state == "open"
    fake.response = OK
    here.now += 61


async def test_a_stalled_upload_is_no_probe() -> None:
    async with (
        running_upstream() as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await opened(here, fake)
        await here.begin(stack, upload_head() + b"-" * 200 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 6)
        assert (await here.honest()).status == 200
        assert here.state == "closed"


async def silent(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes some of the content, and closes."""
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(64 * KIB)


async def early(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes some of the content, and answers that it gives up."""
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


async def test_a_client_that_stands_still_gives_permit_and_connection_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "STILL", 0.2)
    more = "    concurrency: {limit: 4, queue: 0}"
    async with running_upstream() as fake, pace(more, fake.url) as here, contextlib.AsyncExitStack() as stack:
        permits, pool = here.gateway.runtime.concurrency["stt"], here.gateway.runtime.upstreams["stt"].pool
        one = await here.begin(stack, upload_head() + b"-" * 100 * KIB, "127.0.0.2")
        other = await here.begin(stack, upload_head() + b"-" * (LONG - 1), "127.0.0.3")
        await eventually(lambda: permits.taken == 2)
        assert (await here.honest()).status == 200
        assert [(await client.response()).status for client in (one, other)] == [408, 408]
        await eventually(lambda: (permits.taken, len(pool.open), pool.endpoints[0].in_flight) == (0, 1, 0))
        assert here.gateway.seen.reasons == ["", "body_timeout", "body_timeout"]


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
    monkeypatch.setattr(respond, "SLOW", 0.1)
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


CHUNKED = b"POST /stt HTTP/1.1\r\nhost: a\r\ncontent-type: audio/mp4\r\ntransfer-encoding: chunked\r\n\r\n"
LIMITED = "    concurrency: {limit: 2, queue: 0}\n    breaker: external"
STALLED = {
    "one byte": upload_head() + b"-",
    "a short one without its last byte": upload_head(60 * KIB) + b"-" * (60 * KIB - 1),
    "tiny chunks": CHUNKED + b"1\r\n-\r\n" * 2000,
    "a chunk that does not end": CHUNKED + b"ffff\r\n" + b"-" * 60 * KIB,
    "nothing, since it waits to be invited": upload_head(LONG, "/stt", "expect: 100-continue"),
}


@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED)
async def test_content_that_is_still_to_come_holds_nothing(sent: bytes) -> None:
    async with running_upstream() as fake, pace(LIMITED, fake.url) as here, contextlib.AsyncExitStack() as stack:
        await here.stall(stack, 10, sent)
        await eventually(lambda: here.gateway.seen.begun == 10)
        for _ in range(3):
            assert (await here.honest()).status == 200
        pool = here.gateway.runtime.upstreams["stt"].pool
        assert (here.gateway.runtime.concurrency["stt"].taken, len(pool.open), fake.connections) == (0, 1, 1)


async def test_uploads_that_are_far_on_their_way_leave_a_permit_to_whole_requests() -> None:
    async with running_upstream() as fake, pace(LIMITED, fake.url) as here, contextlib.AsyncExitStack() as stack:
        slow = await here.stall(stack, 10, upload_head() + b"-" * 100 * KIB)
        for client in slow[1:]:
            await client.reader.readuntil(b"upstream_busy")
        for _ in range(3):
            assert (await here.honest()).status == 200
        assert here.gateway.runtime.concurrency["stt"].taken == 1


async def test_a_client_that_ends_its_side_in_the_middle_holds_nothing() -> None:
    async with running_upstream() as fake, pace(LIMITED, fake.url) as here, contextlib.AsyncExitStack() as stack:
        (client,) = await here.stall(stack, 1, upload_head() + b"-" * 100 * KIB)
        permits = here.gateway.runtime.concurrency["stt"]
        await eventually(lambda: permits.taken == 1)
        client.writer.write_eof()
        await eventually(lambda: permits.taken == 0)
        assert here.circuit.failures == 0


async def test_a_failure_to_connect_counts_however_slowly_the_client_sends() -> None:
    async with pace("    breaker: external", "http://127.0.0.1:1") as here, contextlib.AsyncExitStack() as stack:
        slow = await here.stall(stack, 5, upload_head() + b"-" * 100 * KIB)
        assert {(await client.response(head_only=True)).status for client in slow} == {502}
        await eventually(lambda: here.state == "open")


async def test_calls_of_one_client_leave_permits_and_the_queue_to_others() -> None:
    more = "    concurrency: {limit: 20, queue: 20, wait: 10s}"
    held = HeldBackend()
    await held.start()
    async with pace(more, held.url) as here, contextlib.AsyncExitStack() as stack:
        here.gateway.runtime.upstreams["stt"].pool.response_timeout = 10.0
        permits = here.gateway.runtime.concurrency["stt"]
        waiting = b"GET /api/wait/x HTTP/1.1\r\nhost: a\r\n\r\n"
        crowd = [await here.begin(stack, waiting) for _ in range(100)]
        await eventually(lambda: len(here.gateway.seen.exchanges) == 90)
        assert (permits.taken, permits.waiting, held.waiting) == (5, 5, 5)
        assert (await here.ask(b"GET /api/info HTTP/1.1\r\nhost: a\r\n\r\n")).status == 200
        held.release.set()
        assert [(await client.response()).status for client in crowd].count(200) == 10
    await held.stop()


async def test_an_upstream_that_gets_nothing_but_uploads_is_tried_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "SETTLED", 0.01)
    async with (
        running_upstream() as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await opened(here, fake)
        await here.stall(stack, 8, upload_head() + b"-" * 200 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 13)
        await asyncio.sleep(0.02)
        (client,) = await here.stall(stack, 1, upload_head() + b"-" * 100 * KIB)
        await eventually(lambda: here.gateway.seen.begun == 14)
        client.send(b"-" * 300 * KIB)
        assert ((await client.response()).status, here.state) == (200, "closed")


async def long_response(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """More than fits on the way to a client that takes nothing."""
    while True:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 30000000\r\n\r\n" + b"-" * 30_000_000)
        await writer.drain()


async def test_a_client_that_takes_nothing_holds_up_no_try() -> None:
    async with (
        running_upstream() as fake,
        pace("    breaker: external", fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        await opened(here, fake)
        fake.script = long_response
        here.gateway.runtime.upstreams["stt"].endpoints[0].idle[0].close()
        await here.begin(stack, b"GET /stt HTTP/1.1\r\nhost: a\r\n\r\n")
        await eventually(lambda: here.state == "closed")


async def test_a_client_that_leaves_and_comes_again_does_not_keep_a_circuit_half_open() -> None:
    held = HeldBackend()
    await held.start()
    async with pace("    breaker: external", held.url) as here, contextlib.AsyncExitStack() as stack:
        here.gateway.runtime.upstreams["stt"].pool.response_timeout = 10.0
        here.gateway.store.force(b"stt", "open", here.now)
        here.gateway.store.force(b"stt", "", here.now)
        waiting = b"GET /api/wait/x HTTP/1.1\r\nhost: a\r\n\r\n"
        for number in range(3):
            client = await here.begin(stack, waiting)
            await eventually(lambda number=number: held.waiting == number + 1)
            await client.close()
            await eventually(lambda: not here.gateway.server.clients)
        assert here.state == "half_open"
        held.release.set()
        await eventually(lambda: here.state == "closed")
        await eventually(lambda: len(here.gateway.seen.exchanges) == 3)
        assert here.gateway.server.dispatcher.in_flight == 0
    await held.stop()


async def test_an_endpoint_that_comes_back_is_tried_by_a_whole_request() -> None:
    more = "    ejection: {failures: 2, eject_for: 100ms, most: 50%}"
    bad = OK.replace(b"200 OK", b"503 Oh")
    async with (
        running_upstream(bad) as one,
        running_upstream() as other,
        pace(more, one.url, other.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        endpoint = here.gateway.runtime.upstreams["stt"].endpoints[0]
        while not endpoint.ejected_for:
            await here.honest()
        await eventually(lambda: endpoint.healthy)
        one.response = OK
        before = other.connections
        await here.stall(stack, 12, upload_head() + b"-" * 100 * KIB)
        await eventually(lambda: other.connections >= before + 7)
        assert (endpoint.on_probation, endpoint.in_flight) == (True, 0)
        while endpoint.on_probation:
            assert (await here.honest()).status == 200


async def test_a_stalled_upload_is_no_probe_of_a_fallback_either() -> None:
    entry = """\
  other:
    endpoints: [{{url: "{url}"}}]
    breaker: external
"""
    more = "    fallback: to-other\n"
    policies = MORE_POLICIES + "fallbacks:\n  to-other: {upstream: other}\n"
    async with running_upstream() as fake:
        second = more + entry.format(url=fake.url)
        async with pace(second, "http://127.0.0.1:1", policies=policies) as here, contextlib.AsyncExitStack() as stack:
            here.gateway.store.force(b"other", "open", here.now)
            here.gateway.store.force(b"other", "", here.now)
            await here.stall(stack, 3, upload_head() + b"-" * 100 * KIB)
            await eventually(lambda: here.gateway.seen.begun == 3)
            assert (await here.honest()).status == 200
            assert here.gateway.store.circuit(b"other", here.now).state == "closed"
