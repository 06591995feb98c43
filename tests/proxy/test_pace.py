"""Clients that send slowly, and many calls of one client: what they hold, as other clients see it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from pathlib import Path

import pytest

from gateway.demo.access_token import make_token
from gateway.demo.toolkit import DemoToolkit
from gateway.proxy.upstream import upload
from tests.eventually import eventually
from tests.gateway_fixture import SECRET, running_gateway
from tests.held_backend import HeldBackend
from tests.policy.upload.made_files import wav
from tests.proxy.pacing import KIB, LONG, Pace, pace, upload_head
from tests.upstream_fixture import Upstream, running_upstream

SHIPPED = Path(__file__).parents[2] / "upstreams.yaml"


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
        part = (
            b'--x\r\ncontent-disposition: form-data; name="audio"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n'
        )
        form = part + wav() + b"\r\n--x--\r\n"
        honest = await here.ask(upload_head(len(form), path, token("honest")) + form)
        assert (honest.status, b"x-gateway-fallback" in honest) == (200, False)
        assert (permits.taken, permits.waiting, len(here.gateway.runtime.upstreams["stt"].pool.open)) == (0, 0, 1)


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


CHUNKED = b"POST /stt HTTP/1.1\r\nhost: a\r\ncontent-type: audio/mp4\r\ntransfer-encoding: chunked\r\n\r\n"


LIMITED = "    concurrency: {limit: 2, queue: 0}\n    breaker: external"


STALLED = {
    "one byte": upload_head() + b"-",
    "a short one without its last byte": upload_head(60 * KIB) + b"-" * (60 * KIB - 1),
    "tiny chunks": CHUNKED + b"1\r\n-\r\n" * 2000,
    "a chunk that does not end": CHUNKED + b"ffff\r\n" + b"-" * 60 * KIB,
    "nothing, since it waits to be invited": upload_head(LONG, "/stt", "expect: 100-continue"),
}


@pytest.mark.parametrize("more", ["", LIMITED], ids=["no limit", "a limit and a breaker"])
@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED)
async def test_content_that_is_still_to_come_holds_nothing(sent: bytes, more: str) -> None:
    async with running_upstream() as fake, pace(more, fake.url) as here, contextlib.AsyncExitStack() as stack:
        await here.stall(stack, 10, sent)
        await eventually(lambda: here.gateway.seen.begun == 10)
        for _ in range(3):
            assert (await here.honest()).status == 200
        permits = here.gateway.runtime.concurrency.get("stt")
        assert permits is None or permits.taken == 0
        assert (len(here.gateway.runtime.upstreams["stt"].pool.open), fake.connections) == (1, 1)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_part_of_a_content_is_missing_nothing_is_held(seed: int) -> None:
    """Of each request less than a head start is sent, and never all."""
    draw = random.Random(seed)
    async with running_upstream() as fake, pace(LIMITED, fake.url) as here, contextlib.AsyncExitStack() as stack:
        for number in range(20):
            length = draw.choice([2, 1000, 64 * KIB, 65 * KIB, LONG, 10_000_000])
            part = draw.randrange(min(length, 64 * KIB))
            head = upload_head(length) if draw.random() < 0.6 else CHUNKED + b"%x\r\n" % length
            await here.begin(stack, head + b"-" * part, f"127.0.1.{number + 1}")
        await eventually(lambda: here.gateway.seen.begun == 20)
        assert (await here.honest()).status == 200
        upstream = here.gateway.runtime.upstreams["stt"]
        assert (here.gateway.runtime.concurrency["stt"].taken, len(upstream.pool.open)) == (0, 1)
        assert [endpoint.in_flight for endpoint in upstream.endpoints] == [0]


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


async def endless(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends as long as somebody takes it."""
    await fake.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"-" * 100_000)
        await writer.drain()


async def test_a_client_that_takes_nothing_gives_all_back_when_its_connection_is_ended() -> None:
    async with (
        running_upstream(script=endless) as fake,
        pace(LIMITED, fake.url) as here,
        contextlib.AsyncExitStack() as stack,
    ):
        permits, pool = here.gateway.runtime.concurrency["stt"], here.gateway.runtime.upstreams["stt"].pool
        await here.begin(stack, b"GET /stt HTTP/1.1\r\nhost: a\r\n\r\n")
        await eventually(lambda: any(connection.paused for connection in pool.open))
        assert permits.taken == 1
        (client,) = here.gateway.server.clients
        client.abort()
        await eventually(lambda: (permits.taken, len(pool.open)) == (0, 0))
        assert here.circuit.failures == 0
