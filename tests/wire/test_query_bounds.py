"""How long a query may be and how many parameters it may have, where a policy of ``bodies`` says so."""

from __future__ import annotations

import pytest

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire
from tests.wire.raw_client import reason_of

ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}}
bodies:
  json: {max: 64KiB, types: [application/json], query: {max: 100, parameters: 3}}
  few: {max: 64KiB, types: [application/json], query: {max: 40}}
  none: {max: 64KiB, query: {parameters: 0}}
  report: {query: {max: 10}, mode: report, until: 2999-01-01}
  free: {max: 64KiB}
defaults: {auth: public, body: json}
routes:
  - {name: json, paths: [/json], methods: [GET, POST, HEAD], upstream: tutor}
  - {name: none, paths: [/none], methods: [GET], upstream: tutor, body: none}
  - {name: report, paths: [/report], methods: [GET], upstream: tutor, body: report}
  - {name: free, paths: [/free], methods: [GET], upstream: tutor, body: free}
  - {name: calls, procedures: [chat.list], upstream: tutor}
  - {name: fewer, procedures: [chat.few], upstream: tutor, body: few}
"""
LONG = "a" * 98
CALL = "/api/trpc/chat.list?input="
BATCH = "/api/trpc/chat.list,chat.few?batch=1&input="
PASS, LONGER = (200, ""), (414, "target_too_long")


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        ("/json", PASS),
        ("/json?", PASS),
        (f"/json?q={LONG}", PASS),
        (f"/json?q={LONG}a", LONGER),
        ("/json?a&b&c", PASS),
        ("/json?a&b&c&d", LONGER),
        ("/json?a&&&", LONGER),
        ("/json?a;b;c;d", LONGER),  # some readers separate at it
        ("/json?a%26b%26c%26d", PASS),  # this is data for all of them
        ("/none?a", LONGER),
        ("/none", PASS),
        (f"/free?q={LONG}{LONG}", PASS),
        (f"/report?q={LONG}", PASS),
        (f"{CALL}{'a' * 94}", PASS),
        (f"{CALL}{'a' * 95}", LONGER),
        (f"{CALL}{chr(34) * 31}", PASS),  # goes on as %22, three bytes each
        (f"{CALL}{chr(34) * 32}", LONGER),
        (f"{CALL}{{}}&batch=1&x&y", LONGER),
        (f"{BATCH}{'a' * 26}", PASS),
        (f"{BATCH}{'a' * 27}", LONGER),  # the bound of the stricter one of its calls
    ],
)
async def test_bounds(target: str, outcome: tuple[int, str]) -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        async with wire(gateway.port) as client:
            response = await client.ask(b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n" % target.encode())
            assert (response.status, reason_of(response)) == outcome
            # the connection goes on
            assert (await client.ask(b"GET /json HTTP/1.1\r\nhost: a\r\n\r\n")).status == 200
        assert len(upstream.requests) == (2 if outcome == PASS else 1)


async def test_a_body_is_judged_beside_the_query() -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY.replace("URL", upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        fields = b" HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-type: "
        assert (await client.ask(b"POST /json?a&b" + fields + b"application/json\r\n\r\n{}")).status == 200
        assert (await client.ask(b"POST /json?a&b" + fields + b"text/plain\r\n\r\n{}")).status == 415
        assert (await client.ask(b"POST /json?a&b&c&d" + fields + b"application/json\r\n\r\n{}")).status == 414
