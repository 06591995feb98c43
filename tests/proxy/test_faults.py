"""Every way in which the toolkit can fail, over real sockets: what clients get, how fast, and what reaches it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from gateway.demo.toolkit import DemoToolkit
from tests.eventually import eventually
from tests.free_port import free_port
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Response, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  toolkit:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 3s, response: {response}}}
    request_headers: {{set: {{authorization: Bearer key}}}}
    breaker: external
  stt:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 3s, response: {response}}}
    request_headers: {{set: {{authorization: Bearer key}}}}
    breaker: external
    fallback: stt-mock
  unguarded:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 3s, response: {response}}}
    request_headers: {{set: {{authorization: Bearer key}}}}
  tutor: {{endpoints: [{{url: "{tutor}"}}]}}
routes:
  - {{name: text, paths: [/text], methods: [POST], upstream: toolkit, rewrite: /text/llm/, auth: public}}
  - {{name: speech, paths: [/speech], methods: [POST], upstream: stt, rewrite: /stt/transcribe/, auth: public}}
  - {{name: hanging, paths: [/hanging], methods: [POST], upstream: unguarded, rewrite: /text/llm/, auth: public}}
  - {{name: lessons, paths: [/lessons], methods: [POST], upstream: tutor, auth: public}}
"""
RESTING = """\
breakers:
  external: {failures: 5, recover_after: 60s, slow_after: 500ms, count: [connect, timeout, broken, 500, 502, 503, 504]}
fallbacks:
  stt-mock: {json: {text: "", mock: true}}
"""
MOCK = b'{"text":"","mock":true}'


class Fault(NamedTuple):
    """``reason`` is empty for a response of the toolkit's own; ``arrives``: the calls reach the toolkit; ``cut``: a response
    without a length is passed on as it comes, so that it can only be cut when it breaks off."""

    mode: str
    status: int
    reason: str
    rests: bool = True
    arrives: bool = True
    cut: bool = False


FAULTS = (
    Fault("refused", 502, "upstream_unreachable", arrives=False),
    Fault("TLS failure", 502, "upstream_unreachable", arrives=False),
    Fault("DNS failure", 502, "upstream_unreachable", arrives=False),
    Fault("reset", 502, "upstream_broken"),
    Fault("cut", 502, "upstream_broken"),
    Fault("short", 502, "upstream_broken"),
    Fault("chunk", 200, "upstream_broken", cut=True),
    Fault("garbage", 502, "upstream_broken"),
    Fault("hang", 504, "upstream_timeout"),
    Fault("crawl", 504, "upstream_stalled"),
    Fault("slow", 200, ""),
    Fault("fail", 500, ""),
    Fault("busy", 429, "", rests=False),
)


class Faulty:
    """A gateway before a toolkit and a tutor that is well."""

    def __init__(self, toolkit: DemoToolkit) -> None:
        self.toolkit = toolkit
        self.now = 1_767_268_800.0
        self.gateway: Running = None  # type: ignore[assignment]  # the gateway needs the clock first

    async def post(self, path: str) -> Response:
        async with wire(self.gateway.port) as client:
            head = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n"
            return await client.ask(head.encode() + b"{}")


T = TypeVar("T")


async def timed(asked: Awaitable[T]) -> tuple[T, float]:
    began = asyncio.get_running_loop().time()
    return await asked, asyncio.get_running_loop().time() - began


async def gathered(asked: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*asked))


@contextlib.asynccontextmanager
async def faulty(mode: str) -> AsyncIterator[Faulty]:
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        toolkit = DemoToolkit(port=port, crawl_seconds=0.02, slow_seconds=0.6)
        if mode != "refused":
            await stack.enter_async_context(toolkit)
        urls = {"TLS failure": f"https://127.0.0.1:{port}", "DNS failure": "http://nowhere.invalid"}
        tutor = await stack.enter_async_context(running_upstream())
        response = "400ms" if mode in ("hang", "crawl") else "5s"  # short only where it is waited for
        entry = ENTRY.format(response=response, url=urls.get(mode, f"http://127.0.0.1:{port}"), tutor=tutor.url)
        made = Faulty(toolkit)
        running = running_gateway(entry, policies=POLICIES + RESTING, wall=lambda: made.now)
        made.gateway = await stack.enter_async_context(running)
        yield made


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.mode)
async def test_what_clients_get_and_what_reaches_the_toolkit(fault: Fault) -> None:
    async with faulty(fault.mode) as here:
        toolkit = here.toolkit
        if fault.arrives:
            toolkit.set_mode(fault.mode)
        failing = [asyncio.create_task(timed(here.post("/text"))) for _ in range(5)]
        lessons = [await timed(here.post("/lessons")) for _ in range(3)]
        assert {response.status for response, _ in lessons} == {200}
        assert min(took for _, took in lessons) < 0.2, "the tutor's routes feel nothing"
        for response, took in await asyncio.gather(*failing):
            assert response.status == fault.status
            assert response.whole is not fault.cut
            assert fault.cut or json.loads(response.body).get("reason", "") == fault.reason
            assert took < 2
        assert sorted(here.gateway.seen.reasons) == ["", "", "", *[fault.reason] * 5]
        assert toolkit.requests == 5 * fault.arrives

        rounds = [await timed(gathered(here.post("/text") for _ in range(20))) for _ in range(3)]
        responses = [response for asked, _ in rounds for response in asked]
        if not fault.rests:
            assert {response.status for response in responses} == {fault.status}
            return
        assert {response.status for response in responses} == {503}
        assert {json.loads(response.body)["reason"] for response in responses} == {"upstream_resting"}
        assert min(took for _, took in rounds) < 0.2, "at once, whatever the toolkit does"
        assert toolkit.requests == 5 * fault.arrives, "nothing reaches it while it rests"
        assert {response[b"retry-after"] for response in responses} == {b"60"}

        mocked = await asyncio.gather(*(here.post("/speech") for _ in range(5)))
        for response in mocked:
            assert (response.body == MOCK) == bool(fault.reason and not fault.cut), (
                "an answer of its own passes as it is"
            )
        resting = await here.post("/speech")
        assert (resting.status, resting.body, resting[b"x-gateway-fallback"]) == (200, MOCK, b"stt-mock")


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.rests and "failure" not in fault.mode], ids=lambda fault: fault.mode
)
async def test_it_comes_back_by_itself_after_the_time_and_one_try(fault: Fault) -> None:
    async with faulty(fault.mode) as here, contextlib.AsyncExitStack() as stack:
        if fault.mode != "refused":
            here.toolkit.set_mode(fault.mode)
        await asyncio.gather(*(here.post("/text") for _ in range(5)))
        before = here.toolkit.requests
        if fault.mode == "refused":
            await stack.enter_async_context(here.toolkit)
        else:
            here.toolkit.set_mode("ok")
        here.now += 59
        assert (await here.post("/text")).status == 503
        assert here.toolkit.requests == before
        here.now += 1
        assert (await here.post("/text")).status == 200, "the try itself is answered"
        responses = await asyncio.gather(*(here.post("/text") for _ in range(20)))
        assert {response.status for response in responses} == {200}
        assert here.toolkit.requests == before + 21


def test_the_table_for_people_says_the_same() -> None:
    page = (Path(__file__).parents[2] / "docs/faults.md").read_text()
    rows = re.findall(
        r"^\| `?([A-Za-z ]+?)`? \|[^|]*\| (\d+)(?: \[(\w+)\]\([^)]*\))?[^|]*\| (yes|no)[^|]*\|$", page, re.M
    )
    listed = [(mode, int(status), reason, rests == "yes") for mode, status, reason, rests in rows]
    assert listed == [(fault.mode, fault.status, fault.reason, fault.rests) for fault in FAULTS]


def worst_of_100(samples: list[float]) -> float:
    """The 99th percentile."""
    return sorted(samples)[len(samples) * 99 // 100]


async def test_the_tutor_is_as_quick_as_ever_while_the_toolkit_hangs_under_load() -> None:
    """The same calls before and during. A busy machine only ever adds time, so the best of ten rounds counts."""
    async with faulty("hang") as here:

        async def tutor(count: int) -> float:
            samples = []
            async with wire(here.gateway.port) as client:
                for _ in range(count):
                    _, took = await timed(client.ask(b"POST /lessons HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"))
                    samples.append(took)
            return worst_of_100(samples)

        async def user() -> None:
            while True:
                await here.post("/hanging")

        # The middle of the quiet samples and the best of the busy ones: what other programs do meanwhile is in both.
        quiet = sorted([await tutor(200) for _ in range(3)])[1]
        here.toolkit.set_mode("hang")
        users = [asyncio.create_task(user()) for _ in range(50)]
        await eventually(lambda: here.toolkit.requests >= 50)
        bound, busy = max(3 * quiet, 0.05), math.inf
        for _ in range(10):
            busy = min(busy, await tutor(200))
            if busy < bound:
                break
        assert here.toolkit.requests >= 50
        for task in users:
            task.cancel()
        await asyncio.gather(*users, return_exceptions=True)
        assert busy < bound, f"p99 was {quiet * 1000:.1f} ms and became {busy * 1000:.1f} ms"
