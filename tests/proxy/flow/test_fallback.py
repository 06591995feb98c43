"""Fallbacks that store responses or call another upstream, over real sockets: which response, and how many calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import Response, Script, Upstream, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  first:
    endpoints: [{{url: "{first}"}}]
    timeouts: {{connect: 300ms, response: 200ms}}
    request_headers: {{set: {{authorization: Bearer first-key}}}}
    breaker: strict
    fallback: {chain}
  second:
    endpoints: [{{url: "{second}"}}]
    timeouts: {{connect: 300ms, response: 200ms}}
    request_headers: {{set: {{x-key: second-key}}, remove: [authorization]}}
    breaker: strict
    fallback: never
defaults: {{auth: public, body: any, response_headers: cached}}
routes:
  - {{name: all, paths: [/a/*], methods: [GET, POST, PUT], upstream: first}}
"""
MORE = """\
  cached: {set: {cache-control: "public, max-age=60"}}
breakers:
  strict: {failures: 3, recover_after: 60s, count: [connect, timeout, broken, 500]}
fallbacks:
  last: {stale: {for: 1h, max: 1MB}}
  other: {upstream: second}
  static: {json: {mock: true}}
  never: {json: {never: true}}
  quiet: {mode: report, json: {}}
"""
GOOD = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\netag: "1"\r\n\r\n{"real":1}'
DEAD = "http://127.0.0.1:1"


@dataclass
class Chain:
    gateway: Running
    first: Upstream
    second: Upstream
    now: float = 1_767_268_800.0

    def make_ill(self, script: Script) -> None:
        """The first upstream behaves so from now on, on kept connections too: they are closed."""
        self.first.script = script
        runtime = self.gateway.runtime
        for connection in list(runtime.upstreams["first"].endpoints[0].idle):
            connection.close()

    async def ask(self, method: str = "GET", path: str = "/a/x", body: bytes = b"", more: str = "") -> Response:
        length = f"content-length: {len(body)}\r\n" if body or method != "GET" else ""
        async with wire(self.gateway.port) as client:
            return await client.ask(f"{method} {path} HTTP/1.1\r\nhost: a\r\n{length}{more}\r\n".encode() + body)


@contextlib.asynccontextmanager
async def running(chain: str, first: str = "", second: str = "") -> AsyncIterator[Chain]:
    policies = POLICIES.replace("bodies:\n", "bodies:\n  any: {max: 10MB}\n") + MORE
    async with running_upstream(GOOD) as one, running_upstream(GOOD.replace(b"real", b"next")) as two:
        made = Chain(None, one, two)  # type: ignore[arg-type]  # the gateway needs its clock first
        entry = ENTRY.format(chain=chain, first=first or one.url, second=second or two.url)
        async with running_gateway(entry, policies=policies, wall=lambda: made.now) as made.gateway:
            yield made


async def hang(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await upstream.read(reader)


async def cut(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await upstream.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 200000\r\n\r\n" + b"x" * 100_000)
    await writer.drain()


async def test_the_last_good_response_is_given_and_then_the_next_fallback() -> None:
    async with running("[last, static]") as here:
        real = await here.ask()
        assert b"x-gateway-fallback" not in real
        assert real[b"cache-control"] == b"public, max-age=60"
        here.make_ill(hang)
        here.now += 90
        stale = await here.ask()
        assert (stale.status, stale.body, stale[b"x-gateway-fallback"]) == (200, real.body, b"last")
        assert (stale[b"age"], stale[b"etag"]) == (b"90", b'"1"')
        assert stale[b"cache-control"] == b"no-store", "whatever the policy says of real answers"
        assert stale[b"warning"].startswith(b"110")
        other = await here.ask(path="/a/y")
        assert (json.loads(other.body), other[b"x-gateway-fallback"]) == ({"mock": True}, b"static")
        assert other[b"cache-control"] == b"no-store"
        posted = await here.ask("POST", body=b"{}")
        assert posted[b"x-gateway-fallback"] == b"static"
        exchanges = here.gateway.seen.exchanges
        assert [exchange.fallback for exchange in exchanges] == ["", "last", "static", "static"]
        assert [exchange.reason for exchange in exchanges] == ["", *["upstream_timeout"] * 3]
        here.now += 3600
        assert (await here.ask())[b"x-gateway-fallback"] == b"static"


async def test_what_is_stored_does_not_change_what_passes_meanwhile() -> None:
    async with running("last") as here:
        here.first.response = GOOD.replace(b"200 OK", b"500 Oh")
        assert (await here.ask()).status == 500
        here.make_ill(cut)
        response = await here.ask()
        assert (response.status, response.whole) == (200, False)
        here.make_ill(hang)
        assert json.loads((await here.ask()).body)["reason"] == "upstream_timeout", "neither was worth keeping"


async def test_without_a_response_of_the_chain_the_refusal_stays() -> None:
    async with running("last", first=DEAD) as here:
        response = await here.ask()
        assert (response.status, json.loads(response.body)["reason"]) == (502, "upstream_unreachable")
        assert b"x-gateway-fallback" not in response
        assert here.gateway.seen.exchanges[-1].fallback == ""


@pytest.mark.parametrize("size", [0, 5, 100_000])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_was_never_sent_is_sent_to_the_other_upstream_whole(method: str, size: int) -> None:
    async with running("[other, static]", first=DEAD) as here:
        for _ in range(5):  # three that cannot connect, two while the breaker of the first upstream is open
            response = await here.ask(method, body=b"x" * size, more="authorization: Bearer users\r\n")
            assert (response.status, json.loads(response.body)) == (200, {"next": 1})
            assert (response[b"x-gateway-fallback"], response[b"cache-control"]) == (b"other", b"no-store")
        assert [len(received.body) for received in here.second.requests] == [size] * 5
        for received in here.second.requests:
            assert (received.line, received.all(b"x-key")) == (f"{method} /a/x HTTP/1.1".encode(), [b"second-key"])
            assert b"first-key" not in repr(received.fields).encode()
            assert received.all(b"authorization") == []
        assert here.gateway.seen.reasons == ["upstream_unreachable"] * 3 + ["upstream_resting"] * 2
        assert {exchange.endpoint for exchange in here.gateway.seen.exchanges} == {f"127.0.0.1:{here.second.port}"}


async def test_what_may_have_been_done_is_not_done_again() -> None:
    async with running("[other, static]") as here:
        here.first.script = hang
        assert (await here.ask())[b"x-gateway-fallback"] == b"other"
        assert (await here.ask("PUT", body=b"{}"))[b"x-gateway-fallback"] == b"other"
        assert (await here.ask("POST", body=b"{}"))[b"x-gateway-fallback"] == b"static"
        assert len(here.second.requests) == 2
        assert (await here.ask("POST", body=b"{}"))[b"x-gateway-fallback"] == b"other", (
            "now the breaker of the first one is open"
        )
        assert (len(here.first.requests), len(here.second.requests)) == (3, 3)


async def test_a_large_body_that_is_on_its_way_is_gone() -> None:
    async with running("[other, static]") as here:
        begun = asyncio.Event()

        async def swallow(_: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"x")
            begun.set()
            while await reader.read(65536):
                pass

        here.first.script = swallow
        async with wire(here.gateway.port) as client:
            client.send(b"PUT /a/x HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n" + b"x" * 100_000)
            await begun.wait()
            response = await client.ask(b"x" * 100_000)
        assert response[b"x-gateway-fallback"] == b"static"
        assert here.second.requests == []


async def test_the_breaker_of_the_other_upstream_opens_too_and_its_own_fallback_is_not_asked() -> None:
    async with running("[other, static]", first=DEAD) as here:
        here.second.script = hang
        responses = [(await here.ask())[b"x-gateway-fallback"] for _ in range(6)]
        assert responses == [b"static"] * 6
        assert len(here.second.requests) == 3
        runtime = here.gateway.runtime
        assert {name: breaker.circuit().state for name, breaker in runtime.breakers.items()} == {
            "first": "open",
            "second": "open",
        }


async def test_a_response_of_the_other_that_breaks_off_counts_for_the_other() -> None:
    async with running("[other, static]", first=DEAD) as here:
        here.second.script = cut
        for _ in range(3):
            response = await here.ask()
            assert (response.status, response.whole) == (200, False)
        assert (await here.ask())[b"x-gateway-fallback"] == b"static"
        assert set(here.gateway.seen.reasons) == {"upstream_unreachable", "upstream_resting"}


async def test_a_response_of_the_other_that_breaks_off_as_the_first_did_counts_for_the_other_too() -> None:
    async with running("[other, static]") as here:
        here.first.response = b"no response of HTTP"
        here.second.script = cut
        for _ in range(3):
            response = await here.ask()
            assert (response.status, response.whole) == (200, False)
        assert (await here.ask())[b"x-gateway-fallback"] == b"static"
        assert {name: breaker.circuit().state for name, breaker in here.gateway.runtime.breakers.items()} == {
            "first": "open",
            "second": "open",
        }


async def test_report_mode_counts_and_goes_on() -> None:
    async with running("[quiet, other]", first=DEAD) as here:
        assert (await here.ask())[b"x-gateway-fallback"] == b"other"
    async with running("quiet", first=DEAD) as here:
        assert (await here.ask()).status == 502
        noted = [(refusal.reason.slug, refusal.detail) for refusal in here.gateway.seen.exchanges[-1].reported]
        assert noted == [("upstream_unreachable", "")]


async def test_responses_are_stored_from_kept_connections_and_from_new_ones_and_those_of_the_other_upstream_are_not() -> (
    None
):
    async with running("[last, other]") as here:
        for path in ("/a/new", "/a/kept"):
            assert (await here.ask(path=path)).status == 200
        here.make_ill(hang)
        for path in ("/a/new", "/a/kept"):
            assert (await here.ask(path=path))[b"x-gateway-fallback"] == b"last"
        for _ in range(2):
            assert (await here.ask(path="/a/unknown"))[b"x-gateway-fallback"] == b"other", (
                "what the other one gave is not kept"
            )
