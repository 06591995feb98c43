"""A policy of ``bodies`` with ``mode: report`` refuses nothing, and takes nothing away: the body goes on whole."""

from __future__ import annotations

import gzip

import pytest

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire
from tests.wire.raw_client import reason_of, settle

ENTRY = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}}}
bodies:
  tried: {max: 10, types: [application/json], without_content: [DELETE], mode: report, until: 2999-01-01}
  inflated: {max: 1MiB, types: [application/json], inflate: {}, mode: report, until: 2999-01-01}
  small: {max: 100}
defaults: {auth: public, body: tried}
routes:
  - {name: tried, paths: [/tried], methods: [POST, DELETE], upstream: tutor}
  - {name: inflated, paths: [/inflated], methods: [POST], upstream: tutor, body: inflated}
  - {name: chat, procedures: [chat.tried], upstream: tutor}
  - {name: small, procedures: [chat.small], upstream: tutor, body: small}
"""
TEXT = b"hello " * 9
PLAIN = b"content-type: text/plain\r\n"
CODED = {coding: PLAIN + b"content-encoding: %b\r\n" % coding for coding in (b"gzip", b"br")}
REPORTED = {"body_too_large", "body_malformed", "media_type_refused"}


def request(line: bytes, fields: bytes, body: bytes, chunked: bool) -> bytes:
    framing = b"transfer-encoding: chunked\r\n" if chunked else b"content-length: %d\r\n" % len(body)
    content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    return line + b" HTTP/1.1\r\nhost: a\r\n" + fields + framing + b"\r\n" + content


@pytest.mark.parametrize("apart", [False, True], ids=["at once", "apart"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_a_body_that_would_be_refused_arrives_whole(chunked: bool, apart: bool) -> None:
    packed = gzip.compress(TEXT)
    rows = [
        (b"POST /tried", PLAIN, TEXT, TEXT),
        (b"DELETE /tried", PLAIN, TEXT, TEXT),
        (b"POST /tried", CODED[b"gzip"], packed, packed),
        (b"POST /inflated", CODED[b"gzip"], packed, TEXT),
        (b"POST /inflated", CODED[b"br"], TEXT, TEXT),
        (b"POST /api/trpc/chat.tried,chat.small?batch=1", PLAIN, TEXT, TEXT),
    ]
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        for line, fields, sent, arrives in rows:
            data = request(line, fields, sent, chunked)
            head = data.index(b"\r\n\r\n") + 4 if apart else 0
            async with wire(gateway.port) as client:
                client.send(data[:head])
                await settle()
                assert (await client.ask(data[head:])).status == 200, line
            assert upstream.requests[-1].body == arrives, line
        reported = [{refusal.reason.slug for refusal in one.reported} for one in gateway.seen.exchanges]
        assert all(slugs and slugs <= REPORTED for slugs in reported)


@pytest.mark.parametrize("names", [b"chat.tried,chat.small", b"chat.small,chat.tried"])
async def test_the_bound_of_a_policy_beside_it_holds(names: bytes) -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        async with wire(gateway.port) as client:
            data = request(b"POST /api/trpc/" + names + b"?batch=1", PLAIN, b"a" * 101, True)
            response = await client.ask(data)
            assert (response.status, reason_of(response)) == (413, "body_too_large")
        assert upstream.requests == []
