"""A request has content when bytes of it come, however it is framed (RFC 9110 6.4)."""

from __future__ import annotations

import pytest

from tests.eventually import eventually
from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Wire, running_upstream, wire
from tests.wire.raw_client import reason_of, settle

ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}}
  several: {endpoints: [{url: "URL"}], retries: {on: [connect, 503]}, concurrency: {limit: 5}, breaker: once}
  away: {endpoints: [{url: "http://127.0.0.1:9"}], fallback: other}
breakers: {once: {failures: 5, recover_after: 1m}}
fallbacks: {other: {upstream: several}}
bodies:
  json: {max: 64KiB, types: [application/json]}
  sound: {max: 64KiB, types: [audio/*, video/webm]}
  none: {max: 0}
  any: {max: 64KiB}
lockouts:
  accounts: {account: /email, failures: 5, within: 1m, lock_for: [1m]}
rate_limits:
  by-input: {limit: 100/minute, key: [address, "input:/email"]}
defaults: {auth: public, body: json}
routes:
  - {name: json, paths: [/json], methods: [GET, POST, DELETE], upstream: tutor}
  - {name: sound, paths: [/sound], methods: [POST], upstream: tutor, body: sound}
  - {name: none, paths: [/none], methods: [POST], upstream: tutor, body: none}
  - {name: several, paths: [/several], methods: [POST, PUT], upstream: several, body: json}
  - {name: away, paths: [/away], methods: [POST, GET], upstream: away}
  - {name: login, paths: [/login], methods: [POST], upstream: tutor, lockout: accounts}
  - {name: limited, paths: [/limited], methods: [POST], upstream: tutor, rate_limits: [by-input]}
  - {name: call, procedures: [chat.send], upstream: tutor}
"""

EMPTY = {
    "nothing": (b"", b""),
    "a length of 0": (b"content-length: 0\r\n", b""),
    "many zeros": (b"content-length: 0000\r\n", b""),
    "a last chunk": (b"transfer-encoding: chunked\r\n", b"0\r\n\r\n"),
    "a last chunk with an extension and trailers": (b"transfer-encoding: chunked\r\n", b"000;a=b\r\nx-sum: 1\r\n\r\n"),
}
TYPES = {
    "no type": b"",
    "JSON": b"content-type: application/json\r\n",
    "text": b"content-type: text/plain\r\n",
    "coded": b"content-encoding: gzip\r\n",
}


def entry(url: str) -> str:
    return ENTRY.replace("URL", url)


async def parts(gateway: Running, client: Wire, head: bytes, rest: bytes, split: bool) -> None:
    """Send ``head`` and ``rest``; where they are ``split``, the second when the request has begun and waits for it."""
    before = gateway.seen.begun
    client.send(head)
    if split:
        await eventually(lambda: gateway.seen.begun > before)
        await settle()
    client.send(rest)


@pytest.mark.parametrize("split", [False, True], ids=["at once", "in parts"])
@pytest.mark.parametrize("framing", EMPTY)
@pytest.mark.parametrize("kind", TYPES)
async def test_framing_alone_is_no_body_wherever_a_policy_asks(kind: str, framing: str, split: bool) -> None:
    fields, rest = EMPTY[framing]
    if kind == "coded" and framing == "nothing":
        fields = b"content-length: 0\r\n"
    expected = {
        b"POST /json": (200, ""),
        b"GET /json": (200, ""),
        b"DELETE /json": (200, ""),
        b"POST /sound": (200, ""),
        b"POST /none": (200, ""),
        b"POST /several": (200, ""),
        b"PUT /several": (200, ""),
        b"POST /away": (200, ""),
        b"GET /away": (200, ""),
        b"POST /login": (400, "body_malformed"),  # names no account
        b"POST /limited": (400, "body_malformed"),
        b"POST /api/trpc/chat.send": (200, ""),
    }
    async with running_upstream() as upstream, running_gateway(entry(upstream.url)) as gateway:
        for line, outcome in expected.items():
            async with wire(gateway.port) as client:
                await parts(
                    gateway, client, line + b" HTTP/1.1\r\nhost: a\r\n" + TYPES[kind] + fields + b"\r\n", rest, split
                )
                response = await client.response()
                assert (response.status, reason_of(response)) == outcome, line
        assert len(upstream.requests) == len(expected) - 2
        for request in upstream.requests:
            anticipated = not request.line.startswith((b"GET", b"DELETE"))
            assert request.all(b"content-length") == ([b"0"] if anticipated else []), request.line
            assert request.all(b"transfer-encoding") == [] and request.body == b""


@pytest.mark.parametrize("split", [False, True], ids=["at once", "in parts"])
@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        (b"", (b"accept", b"application/json")),
        (b"content-type: text/plain\r\n", (b"accept", b"application/json")),
        (b"content-type: application/json\r\ncontent-encoding: gzip\r\n", (b"accept-encoding", b"identity")),
        (b"content-encoding: br\r\n", (b"accept-encoding", b"identity")),
    ],
)
@pytest.mark.parametrize("framing", [b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n"])
async def test_one_byte_is_a_body_and_a_refusal_says_what_is_taken(
    framing: bytes, kind: bytes, accept: tuple[bytes, bytes], split: bool
) -> None:
    rest = b"{}" if b"length" in framing else b"2\r\n{}\r\n0\r\n\r\n"
    async with running_upstream() as upstream, running_gateway(entry(upstream.url)) as gateway:
        for line in (b"POST /json", b"POST /several", b"POST /api/trpc/chat.send"):
            async with wire(gateway.port) as client:
                await parts(gateway, client, line + b" HTTP/1.1\r\nhost: a\r\n" + kind + framing + b"\r\n", rest, split)
                response = await client.response()
                assert (response.status, reason_of(response)) == (415, "media_type_refused")
                # RFC 9110 15.5.16: which of the two was to blame
                assert [pair for pair in response.fields if pair[0] in (b"accept", b"accept-encoding")] == [accept]
        assert upstream.requests == []


async def test_each_list_of_types_is_named() -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        response = await client.ask(
            b"POST /sound HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-length: 1\r\n\r\nx"
        )
        assert (response.status, response[b"accept"]) == (415, b"audio/*, video/webm")


async def test_a_client_that_waits_for_100_has_a_body_and_is_not_asked_for_it() -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        fields = b"transfer-encoding: chunked\r\nexpect: 100-continue\r\ncontent-type: text/plain\r\n"
        response = await client.ask(b"POST /json HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n")
        assert response.status == 415


async def test_chunks_that_never_come_have_a_clock_and_broken_ones_a_name() -> None:
    head = b"POST /json HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    text = entry("http://127.0.0.1:9").replace("version: 1\n", "version: 1\nlisten: {limits: {body_timeout: 50ms}}\n")
    async with running_gateway(text) as gateway:
        async with wire(gateway.port) as client:
            response = await client.ask(head)
            assert (response.status, reason_of(response)) == (408, "body_timeout")
        async with wire(gateway.port) as client:
            await parts(gateway, client, head, b"zz\r\n", True)
            response = await client.response()
            assert (response.status, reason_of(response)) == (400, "body_malformed")
