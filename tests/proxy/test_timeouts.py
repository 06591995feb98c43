"""Each time an upstream may take ends by itself, with a name of its own, in the breaker's count and the fallback's cover."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import pytest

from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Response, Script, Upstream, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  plain:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{{times}}}
  guarded:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{{times}}}
    breaker: external
    fallback: mock
routes:
  - {{name: plain, paths: [/plain], upstream: plain, auth: public}}
  - {{name: guarded, paths: [/guarded], upstream: guarded, auth: public}}
breakers:
  external: {{failures: 2, count: [timeout]}}
fallbacks:
  mock: {{json: {{mock: true}}}}
"""
GENEROUS = {"connect": "5s", "response": "5s", "body": "5s"}


@contextlib.asynccontextmanager
async def gateway(port: int, **times: str) -> AsyncIterator[Running]:
    written = ", ".join(f"{name}: {value}" for name, value in {**GENEROUS, **times}.items())
    async with running_gateway(ENTRY.format(url=f"http://127.0.0.1:{port}", times=written), policies=POLICIES) as made:
        yield made


async def ask(running: Running, path: str) -> Response:
    async with wire(running.port) as client:
        return await client.ask(b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode())


def after(head: bytes, byte: bytes = b"", pause: float = 0.0) -> Script:
    """A conversation that says ``head`` and then nothing, or ``byte`` again and again."""

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(head)
        while byte:
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(pause)
        await reader.read()

    return script


SHORT = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"
ENDLESS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CASES = [
    ("upstream_timeout", after(b""), {"response": "200ms"}),
    ("upstream_timeout", after(b"HTTP/1.1 200 OK\r\nconte"), {"response": "200ms"}),
    ("upstream_stalled", after(SHORT), {"body": "200ms"}),
    ("upstream_stalled", after(SHORT, b" ", 0.02), {"response": "200ms"}),
    ("upstream_total_timeout", after(b""), {"total": "200ms"}),
    ("upstream_total_timeout", after(SHORT, b" ", 0.02), {"total": "200ms"}),
]


@pytest.mark.parametrize(("slug", "script", "times"), CASES)
async def test_what_takes_too_long_ends_with_a_name(slug: str, script: Script, times: dict[str, str]) -> None:
    async with running_upstream(script=script) as upstream, gateway(upstream.port, **times) as running:
        await refused_and_counted(running, slug)
        assert len(upstream.requests) == 3


async def refused_and_counted(running: Running, slug: str) -> None:
    """Calls are refused as ``slug`` within a second; two of them open the breaker, and clients get the fallback."""
    began = asyncio.get_running_loop().time()
    plain, *guarded = await asyncio.gather(*(ask(running, path) for path in ("/plain", "/guarded", "/guarded")))
    assert (plain.status, json.loads(plain.body)["reason"]) == (504, slug)
    assert asyncio.get_running_loop().time() - began < 1
    for response in (*guarded, await ask(running, "/guarded")):
        assert (response.status, json.loads(response.body), response[b"x-gateway-fallback"]) == (
            200,
            {"mock": True},
            b"mock",
        )
    assert running.seen.reasons == [slug] * 3 + ["upstream_resting"]


async def test_connecting_that_takes_too_long_has_a_name_of_its_own() -> None:
    with socket.socket() as full, socket.socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.setblocking(False)
        waiting.connect_ex(full.getsockname())  # the one place in the queue is taken, so nobody else gets an answer
        async with gateway(full.getsockname()[1], connect="200ms") as running:
            await refused_and_counted(running, "upstream_connect_timeout")


LARGE = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT_STREAM = EVENTS % b"Text/Event-Stream; charset=utf-8"
STREAMS = [
    ("upstream_stalled", after(ENDLESS), {"body": "200ms"}),
    ("upstream_stalled", after(LARGE), {"body": "200ms"}),
    ("upstream_stalled", after(EVENTS % b"application/jsonl"), {"body": "200ms"}),
    ("upstream_total_timeout", after(ENDLESS, b"1\r\na\r\n", 0.02), {"total": "300ms"}),
]


@pytest.mark.parametrize(("slug", "script", "times"), STREAMS)
async def test_a_response_on_its_way_is_cut_and_the_log_says_why(
    slug: str, script: Script, times: dict[str, str]
) -> None:
    async with running_upstream(script=script) as upstream, gateway(upstream.port, **times) as running:
        for response in await asyncio.gather(ask(running, "/guarded"), ask(running, "/guarded")):
            assert (response.status, response.whole) == (200, False)
        assert b"x-gateway-fallback" in await ask(running, "/guarded"), "it counts against the upstream"
        assert running.seen.reasons == [slug] * 2 + ["upstream_resting"]


QUIET = {
    "chunks": ENDLESS + b"1\r\na\r\n",
    "events": EVENT_STREAM + b"8\r\ndata: 1\n\r\n",
    "no-event-yet": EVENT_STREAM,
    "large": LARGE + b"x" * 100_000,
    "until-it-closes": b"HTTP/1.1 200 OK\r\n\r\nsome",
}


@pytest.mark.parametrize("begun", QUIET.values(), ids=QUIET)
async def test_silence_in_a_stream_that_began_well_says_nothing_about_its_upstream(begun: bytes) -> None:
    async with running_upstream(script=after(begun)) as upstream, gateway(upstream.port, body="200ms") as running:
        for response in await asyncio.gather(*(ask(running, "/guarded") for _ in range(4))):
            assert (response.status, response.whole) == (200, False)
            assert b"x-gateway-fallback" not in response, "the breaker, which opens after two failures, is closed"
        assert running.seen.reasons == ["stream_quiet"] * 4
        (breaker,) = running.runtime.breakers.values()
        assert (breaker.circuit().failures, breaker.cause) == (0, None)


async def test_a_slow_but_steady_stream_is_nobodys_business_without_a_total() -> None:
    steady = after(ENDLESS, b"1\r\na\r\n", 0.05)
    async with (
        running_upstream(script=steady) as upstream,
        gateway(upstream.port, body="300ms") as running,
        wire(running.port) as client,
    ):
        client.send(b"GET /plain HTTP/1.1\r\nhost: a\r\n\r\n")
        for _ in range(12):
            await client.reader.readuntil(b"a\r\n")


async def test_calls_one_after_the_other_on_one_connection_have_each_their_own_time() -> None:
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await fake.read(reader)
            writer.write(SHORT)
            await asyncio.sleep(0.15)
            writer.write(b" " * 998 + b"}")

    async with (
        running_upstream(script=script) as upstream,
        gateway(upstream.port, body="300ms", total="400ms", response="400ms") as running,
    ):
        assert [(await ask(running, "/plain")).status for _ in range(5)] == [200] * 5
        assert upstream.connections == 1
