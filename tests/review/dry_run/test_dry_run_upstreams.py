"""A dry run and a gateway on real sockets come to the same where upstreams fail: retries, breakers and each kind of fallback."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from gateway.core.failure import CallFailure
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ReadResponse, ScriptedResponse
from gateway.review.dry_run.trace import PASS
from tests.gateway_fixture import running_gateway
from tests.review.dry_run.backend import Backend
from tests.review.dry_run.configs import NOON
from tests.review.dry_run.requests import CLOSE, WELL
from tests.upstream_fixture import running_upstream

ENTRY = """\
version: 1
listen: {{trusted_proxies: [127.0.0.0/8]}}
upstreams:
  first: {{endpoints: [{{url: "{first}"}}], breaker: two, fallback: [other, stale, fixed], retries: {{on: [503], attempts: 2, backoff: 1ms, max_backoff: 1ms}}}}
  second: {{endpoints: [{{url: "{second}"}}], breaker: two}}
  plain: {{endpoints: [{{url: "{first}"}}]}}
breakers: {{two: {{failures: 2, recover_after: 10s}}}}
fallbacks:
  other: {{upstream: second}}
  stale: {{stale: {{for: 1h}}}}
  fixed: {{status: 200, json: {{here: soon}}}}
rate_limits: {{few: {{limit: 6/minute, burst: 3, key: [address]}}}}
defaults: {{auth: public}}
routes:
  - {{name: a, paths: [/a], methods: [GET, POST], upstream: first}}
  - {{name: files, paths: ["/f/*"], methods: [GET, PUT], upstream: plain}}
  - {{name: few, paths: [/few], upstream: plain, rate_limits: [few]}}
"""

RESET = ScriptedResponse(failure=CallFailure.RESET)
CHUNKED = ScriptedResponse(
    200, {**CLOSE, "transfer-encoding": "chunked", "content-type": "text/event-stream"}, b"2\r\nab\r\n0\r\n\r\n"
)


async def asked(port: int, request: DryRequest) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.octets())
    octets = bytearray()
    async with asyncio.timeout(5):
        while piece := await reader.read(2**16):
            octets += piece
            if ReadResponse(bytes(octets), request.method).whole:
                break
    writer.close()
    response = ReadResponse(bytes(octets), request.method)
    return response.status, response.body


def random_steps(count: int) -> list[tuple[DryRequest, ScriptedResponse, ScriptedResponse, float]]:
    chance = random.Random(7)
    responses = (WELL, RESET, RESET, ScriptedResponse(503, CLOSE), ScriptedResponse(404, CLOSE, b"{}"), CHUNKED)
    targets = ("/a", "/a", "/a", "/a?x=1", "/f/b%2fc", "/f/ü", "/few", "/none")
    steps = []
    for _ in range(count):
        method = chance.choice(("GET", "GET", "POST", "PUT"))
        body = b"x" * chance.choice((0, 3, 200_000)) if method in ("POST", "PUT") else b""
        fields = {"x-forwarded-for": chance.choice(("198.51.100.1", "nobody", "198.51.100.2, 127.0.0.9"))}
        request = DryRequest(method, chance.choice(targets), fields, body, "127.0.0.1")
        steps.append((request, chance.choice(responses), chance.choice(responses), chance.choice((0.0, 1.0, 11.0))))
    return steps


async def test_upstreams_that_fail_come_to_the_same() -> None:
    one, two, now = Backend(), Backend(), NOON
    async with running_upstream(script=one.talk) as first, running_upstream(script=two.talk) as second:
        entry = ENTRY.format(first=first.url, second=second.url)
        async with running_gateway(entry, policies="", wall=lambda: now) as gateway:
            dry_run = DryRun(gateway.config, at=NOON)
            seen = set()
            for request, response, other, after in random_steps(250):
                now += after
                dry_run.clock.advance(max(0.0, now - dry_run.clock.wall()))
                one.response, two.response = response, other
                before = len(gateway.seen.exchanges)
                status, body = await asked(gateway.port, request)
                while len(gateway.seen.exchanges) == before:
                    await asyncio.sleep(0)
                exchange = gateway.seen.exchanges[-1]
                found = dry_run.run(request, response, {"second": other})
                real = (status, exchange.reason or PASS, exchange.fallback)
                assert (found.status, found.verdict, found.fallback) == real, (request, response, other)
                if not exchange.reason or exchange.fallback:
                    assert found.body == body, (request, response)
                seen.add((*real, len(found.forwarded)))
    assert {fallback for _, _, fallback, _ in seen} == {"", "other", "stale", "fixed"}
    assert len(seen) > 12, seen


def test_a_request_says_nothing_of_what_is_in_it() -> None:
    request = replace(DryRequest("GET", "/"), fields={"authorization": "hush"}, body=b"hush", claims=None)
    assert "hush" not in repr(request) + repr(replace(DryRequest("GET", "/"), claims={"sub": "hush"}))
