"""Content beside a method that has none (RFC 9110 9.3.1): refused where a policy of ``bodies`` says so."""

from __future__ import annotations

import pytest

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire
from tests.wire.raw_client import BEHIND, reason_of

ENTRY = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}}}
bodies:
  strict: {max: 64KiB, types: [application/json], without_content: [GET, HEAD, DELETE, OPTIONS], inflate: {}}
  today: {max: 64KiB, types: [application/json]}
defaults: {auth: public, body: strict}
routes:
  - {name: strict, paths: [/strict], methods: [GET, HEAD, POST, PUT, DELETE, OPTIONS], upstream: tutor}
  - {name: today, paths: [/today], methods: [GET, HEAD, POST, DELETE], upstream: tutor, body: today}
  - {name: calls, procedures: [chat.send], upstream: tutor}
"""
JSON = b"content-type: application/json\r\n"
WITH = {
    "a length": (b"content-length: 2\r\n", b"{}"),
    "chunks": (b"transfer-encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
    "a coding": (b"content-encoding: gzip\r\ncontent-length: 2\r\n", b"{}"),
    "another request": (b"content-length: %d\r\n" % len(BEHIND), BEHIND),
}
NONE = {
    "nothing": (b"", b""),
    "a length of 0": (b"content-length: 0\r\n", b""),
    "a last chunk": (b"transfer-encoding: chunked\r\n", b"0\r\n\r\n"),
}
METHODS = (b"GET", b"HEAD", b"DELETE", b"OPTIONS")


@pytest.mark.parametrize("framing", WITH)
async def test_content_is_refused_and_the_connection_ends(framing: str) -> None:
    fields, content = WITH[framing]
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        for line in [*(method + b" /strict" for method in METHODS), b"GET /api/trpc/chat.send"]:
            async with wire(gateway.port) as client:
                client.send(line + b" HTTP/1.1\r\nhost: a\r\n" + JSON + fields + b"\r\n" + content)
                response = await client.response(head_only=line.startswith(b"HEAD"))
                assert (response.status, response[b"connection"]) == (400, b"close"), line
                if not line.startswith(b"HEAD"):
                    assert reason_of(response) == "body_malformed"
                assert await client.ended()
        assert upstream.requests == []


@pytest.mark.parametrize("framing", NONE)
async def test_no_bytes_are_no_content(framing: str) -> None:
    fields, content = NONE[framing]
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        lines = [*(method + b" /strict" for method in METHODS), b"GET /api/trpc/chat.send"]
        for line in lines:
            async with wire(gateway.port) as client:
                client.send(line + b" HTTP/1.1\r\nhost: a\r\n" + JSON + fields + b"\r\n" + content)
                assert (await client.response(head_only=line.startswith(b"HEAD"))).status == 200, line
        assert len(upstream.requests) == len(lines)


async def test_other_methods_and_other_policies_are_as_before() -> None:
    fields, content = WITH["a length"]
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        for line in (b"POST /strict", b"PUT /strict", b"GET /today", b"DELETE /today", b"POST /api/trpc/chat.send"):
            async with wire(gateway.port) as client:
                response = await client.ask(line + b" HTTP/1.1\r\nhost: a\r\n" + JSON + fields + b"\r\n" + content)
                assert response.status == 200, line
                assert upstream.requests[-1].body == b"{}"
