"""A limit on calls at once, and health checks that try an upstream, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from gateway.demo.toolkit import DemoToolkit
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Response, Upstream, running_upstream, wire

CROWDED = """\
version: 1
include: [policies/*.yaml]
upstreams:
  stt:
    endpoints: [{{url: "{url}"}}]
    request_headers: {{set: {{authorization: Bearer key}}}}
    concurrency: {{limit: 3, queue: 4, wait: {wait}}}
    breaker: external
    fallback: mock
  bare:
    endpoints: [{{url: "{url}"}}]
    request_headers: {{set: {{authorization: Bearer key}}}}
    concurrency: {{limit: 3, queue: 4, wait: {wait}}}
routes:
  - {{name: speech, paths: [/speech], methods: [POST], upstream: stt, rewrite: /stt/transcribe/, auth: public}}
  - {{name: bare, paths: [/bare], methods: [POST], upstream: bare, rewrite: /stt/transcribe/, auth: public}}
breakers:
  external: {{failures: 5, recover_after: 60s}}
fallbacks:
  mock: {{json: {{mock: true}}}}
"""


async def post(port: int, path: str) -> Response:
    async with wire(port) as client:
        head = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n"
        return await client.ask(head.encode() + b"{}")


@contextlib.asynccontextmanager
async def crowded(wait: str = "5s") -> AsyncIterator[tuple[Running, DemoToolkit]]:
    async with (
        DemoToolkit() as toolkit,
        running_gateway(CROWDED.format(url=toolkit.url, wait=wait), policies=POLICIES) as gateway,
    ):
        yield gateway, toolkit


async def test_a_slow_upstream_gets_its_limit_and_the_rest_of_a_full_queue_are_refused() -> None:
    async with crowded() as (gateway, toolkit):
        toolkit.set_mode("hang")
        asked = [asyncio.create_task(post(gateway.port, "/bare")) for _ in range(20)]
        await eventually(lambda: sum(task.done() for task in asked) == 13 and toolkit.requests == 3)
        refused = [task.result() for task in asked if task.done()]
        assert {(response.status, json.loads(response.body)["reason"]) for response in refused} == {
            (503, "upstream_busy")
        }
        assert {response[b"retry-after"] for response in refused} == {b"5"}
        toolkit.set_mode("ok")
        responses = await asyncio.gather(*asked)
        assert [response.status for response in responses].count(200) == 7
        assert toolkit.requests == 7


async def test_the_fallback_stands_in_for_want_of_a_place_and_the_breaker_does_not_count_it() -> None:
    async with crowded(wait="50ms") as (gateway, toolkit):
        toolkit.set_mode("hang")
        asked = [asyncio.create_task(post(gateway.port, "/speech")) for _ in range(20)]
        await eventually(lambda: sum(task.done() for task in asked) == 17)
        responses = [task.result() for task in asked if task.done()]
        assert {(response.status, response.body, response[b"x-gateway-fallback"]) for response in responses} == {
            (200, b'{"mock":true}', b"mock")
        }
        assert gateway.seen.reasons == ["upstream_busy"] * 17
        toolkit.set_mode("ok")
        await asyncio.gather(*asked)
        assert b"x-gateway-fallback" not in await post(gateway.port, "/speech")
        assert toolkit.requests == 4, "17 calls never came, and none of them opened the breaker"


async def test_a_client_that_leaves_gives_up_its_place_and_its_place_in_line() -> None:
    async with crowded() as (gateway, toolkit):
        toolkit.set_mode("hang")
        places = gateway.runtime.concurrency["bare"]
        assert places is not None
        asked = [asyncio.create_task(post(gateway.port, "/bare")) for _ in range(7)]
        await eventually(lambda: (places.taken, places.waiting) == (3, 4))
        for task in asked:
            task.cancel()
        await eventually(lambda: (places.taken, places.waiting) == (0, 0))
        toolkit.set_mode("ok")
        assert (await post(gateway.port, "/bare")).status == 200


CHECKED = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{{url: "{url}"}}]
    health_check: {{path: /health, interval: 30ms, timeout: 500ms}}
    breaker: checked
routes:
  - {{name: all, paths: [/x], upstream: tutor, auth: public}}
breakers:
  checked: {{failures: 3, recover_after: 60s, successes: 2, probe: health_check, count: [500]}}
"""


async def get(port: int) -> Response:
    async with wire(port) as client:
        return await client.ask(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n")


async def test_health_checks_try_it_and_no_users_call_is_spent() -> None:
    ill = True

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await fake.read(reader)
            writer.write(b"HTTP/1.1 %d \r\ncontent-length: 0\r\n\r\n" % (500 if ill else 200))

    now = 1_767_268_800.0
    async with (
        running_upstream(script=script) as upstream,
        running_gateway(CHECKED.format(url=upstream.url), policies=POLICIES, wall=lambda: now) as gateway,
    ):

        def calls() -> int:
            return sum(received.line.startswith(b"GET /x ") for received in upstream.requests)

        def checks() -> int:
            return len(upstream.requests) - calls()

        def state() -> str:
            return gateway.store.circuit(b"tutor", now).state

        for _ in range(3):
            assert (await get(gateway.port)).status == 500
        assert (state(), calls()) == ("open", 3)
        now += 61  # time for a try, but it is still ill: the check finds that out
        first = gateway.store.circuit(b"tutor", now).opened_at
        await eventually(lambda: gateway.store.circuit(b"tutor", now).opened_at > first)
        assert {(await get(gateway.port)).status for _ in range(10)} == {503}
        assert (state(), calls()) == ("open", 3)
        ill = False
        seen = checks()
        await eventually(lambda: checks() > seen + 2)
        assert state() == "open", "left in peace for as long as was said, whatever the checks find"
        now += 60
        assert {(await get(gateway.port)).status for _ in range(10)} <= {503, 200}
        await eventually(lambda: state() == "closed")
        assert (await get(gateway.port)).status == 200
