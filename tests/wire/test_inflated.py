"""Compressed bodies on the wire: inflated for every policy and for the upstream, or refused."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Response, Upstream, running_upstream, wire
from tests.wire.raw_client import reason_of, settle

ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}}
  several: {endpoints: [{url: "URL"}], retries: {on: [connect, 503]}, concurrency: {limit: 5}, breaker: once}
breakers: {once: {failures: 1, recover_after: 1m}}
bodies:
  json: {max: 64KiB, types: [application/json], inflate: {}}
  gzip: {max: 64KiB, types: [application/json], inflate: {codings: [gzip], ratio: 3}}
  plain: {max: 64KiB, types: [application/json]}
  upload: {max: 2MiB, inflate: {ratio: 1032}}
lockouts:
  accounts: {account: /email, failures: 5, within: 1m, lock_for: [1m], on_status: [401]}
schemas:
  inputs: {files: inputs/*.json}
uploads:
  form: {parts: {text: {max: 100, required: true}}}
defaults: {auth: public, body: json}
routes:
  - {name: json, paths: [/json], methods: [POST], upstream: tutor, schema: {none: "not tried here"}}
  - {name: several, paths: [/several], methods: [POST], upstream: several, schema: {none: "not tried here"}}
  - {name: gzip, paths: [/gzip], methods: [POST], upstream: tutor, body: gzip, schema: {none: "not tried here"}}
  - {name: plain, paths: [/plain], methods: [POST], upstream: tutor, body: plain, schema: {none: "not tried here"}}
  - {name: upload, paths: [/upload], methods: [POST], upstream: tutor, body: upload, schema: {none: "not tried here"}}
  - {name: streamed, paths: [/streamed], methods: [POST], upstream: several, body: upload, schema: {none: "not tried here"}}
  - {name: login, paths: [/login], methods: [POST], upstream: tutor, lockout: accounts, schema: inputs}
  - {name: form, paths: [/form], methods: [POST], upstream: tutor, body: upload, upload: form, schema: {none: "not tried here"}}
  - {name: calls, procedures: [chat.send], upstream: tutor, schema: {none: "not tried here"}}
  - {name: fewer, procedures: [chat.zipped], upstream: tutor, body: gzip, schema: {none: "not tried here"}}
  - {name: none, procedures: [chat.plain], upstream: tutor, body: plain, schema: {none: "not tried here"}}
"""
TEXT = b'{"email": "a@b.co", "note": "%s"}' % (b"ab, " * 40)
LOGIN = {"type": "object", "properties": {"email": {"type": "string", "maxLength": 20}}, "required": ["email"]}


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODED = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "x-gzip": (b"x-gzip", gzip.compress(TEXT)),
    "upper case": (b"GZip", gzip.compress(TEXT)),
    "zlib": (b"deflate", zlib.compress(TEXT)),
    "raw": (b"deflate", raw(TEXT)),
}


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[tuple[Running, Upstream]]:
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "login.json").write_text(json.dumps(LOGIN))
    async with running_upstream() as upstream:
        (tmp_path / "upstreams.yaml").write_text(ENTRY.replace("URL", upstream.url))
        async with running_gateway(tmp_path / "upstreams.yaml") as gateway:
            yield gateway, upstream


Stand = tuple[Running, Upstream]


def request(path: bytes, body: bytes, coding: bytes, chunked: bool = False, more: bytes = b"") -> bytes:
    framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % len(body)
    if chunked:
        pieces = [body[at : at + 999] for at in range(0, len(body), 999)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    fields = b"content-type: application/json\r\ncontent-encoding: " + coding + b"\r\n" + more + framing
    return b"POST " + path + b" HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n\r\n" + body


async def asked(gateway: Running, data: bytes, split: int = 0) -> Response:
    async with wire(gateway.port) as client:
        if split:
            client.send(data[:split])
            await settle()
        return await client.ask(data[split:])


def outcome(response: Response) -> tuple[int, str]:
    return response.status, reason_of(response)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("kind", CODED)
async def test_the_upstream_gets_the_content_without_its_coding(stand: Stand, kind: str, chunked: bool) -> None:
    gateway, upstream = stand
    coding, body = CODED[kind]
    of_the_coded = b"content-digest: sha-256=:aa:\r\nrepr-digest: sha-256=:aa:\r\ncontent-md5: x\r\ndigest: sha=x\r\n"
    more = of_the_coded + b"accept: a\r\naccept: b\r\naccept-encoding: gzip\r\n"
    for path in (b"/json", b"/several", b"/login", b"/api/trpc/chat.send"):
        data = request(path, body, coding, chunked, more)
        for split in (0, 40, data.index(b"\r\n\r\n") + 4, len(data) - 3):
            response = await asked(gateway, data, split)
            assert outcome(response) == (200, ""), path
            got = upstream.requests[-1]
            assert got.body == TEXT
            assert got.all(b"content-length") == [b"%d" % len(TEXT)]
            for name in (b"content-encoding", b"content-digest", b"repr-digest", b"content-md5", b"digest"):
                assert got.all(name) == [], name
            assert got.all(b"accept") == ([b"a", b"b"] if path != b"/login" else [b"application/json"])


async def test_the_next_request_of_a_connection_is_another_one(stand: Stand) -> None:
    """Heads of one connection are read by what differs: what was taken out of one is there in the next."""
    gateway, upstream = stand
    coded = request(b"/json", gzip.compress(TEXT), b"gzip")
    async with wire(gateway.port) as client:
        for _ in range(3):
            assert (await client.ask(coded)).status == 200
            refused = await client.ask(request(b"/plain", gzip.compress(TEXT), b"gzip"))
            assert outcome(refused) == (415, "media_type_refused")
            assert (await client.ask(request(b"/json", TEXT, b"identity"))).status == 200
    assert [one.body for one in upstream.requests] == [TEXT] * 6


async def test_policies_look_into_what_the_upstream_gets(stand: Stand) -> None:
    gateway, upstream = stand
    long = json.dumps({"email": "a" * 21}).encode()
    assert outcome(await asked(gateway, request(b"/login", gzip.compress(long), b"gzip"))) == (422, "schema_refused")
    twice = b'{"email": "a", "email": "b"}'
    assert outcome(await asked(gateway, request(b"/login", zlib.compress(twice), b"deflate")))[0] == 400
    assert outcome(await asked(gateway, request(b"/login", gzip.compress(b"{}"), b"gzip"))) == (422, "schema_refused")
    assert upstream.requests == []
    upstream.response = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
    guess = request(b"/login", gzip.compress(b'{"email": "v@b.co"}'), b"gzip")
    assert [(await asked(gateway, guess)).status for _ in range(6)] == [401] * 5 + [429]


REFUSED = {
    "a bomb": (b"gzip", gzip.compress(b"[" + b" " * 60_000 + b"]"), 413, "body_too_large"),
    "longer than max": (
        b"gzip",
        gzip.compress(random.Random(1).randbytes(65_536 // 4).hex().encode() * 3),
        413,
        "body_too_large",
    ),
    "sixty megabytes": (b"gzip", gzip.compress(b" " * 60_000_000), 413, "body_too_large"),
    "cut": (b"gzip", gzip.compress(TEXT)[:-1], 400, "body_malformed"),
    "a byte behind": (b"gzip", gzip.compress(TEXT) + b" ", 400, "body_malformed"),
    "a second member": (b"gzip", gzip.compress(TEXT) * 2, 400, "body_malformed"),
    "not compressed": (b"gzip", TEXT, 400, "body_malformed"),
    "the other coding": (b"deflate", gzip.compress(TEXT), 400, "body_malformed"),
    "deflate twice": (b"deflate", zlib.compress(TEXT) + raw(TEXT), 400, "body_malformed"),
    "two codings": (b"gzip, gzip", gzip.compress(gzip.compress(TEXT)), 415, "media_type_refused"),
    "two fields": (b"gzip\r\ncontent-encoding: gzip", gzip.compress(gzip.compress(TEXT)), 415, "media_type_refused"),
    "identity and gzip": (b"identity, gzip", gzip.compress(TEXT), 415, "media_type_refused"),
    "br": (b"br", TEXT, 415, "media_type_refused"),
    "zstd": (b"zstd", TEXT, 415, "media_type_refused"),
    "compress": (b"compress", TEXT, 415, "media_type_refused"),
    "a parameter": (b"gzip;q=1", gzip.compress(TEXT), 415, "media_type_refused"),
    "an empty name": (b"", gzip.compress(TEXT), 415, "media_type_refused"),
    "a comma": (b"gzip,", gzip.compress(TEXT), 415, "media_type_refused"),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused_and_never_complete_upstream(stand: Stand, name: str, chunked: bool) -> None:
    gateway, upstream = stand
    coding, body, status, reason = REFUSED[name]
    for path in (b"/json", b"/several", b"/login", b"/api/trpc/chat.send"):
        response = await asked(gateway, request(path, body, coding, chunked))
        assert outcome(response) == (status, reason), path
        if status == 415:
            assert response[b"accept-encoding"] == b"gzip, deflate"
    assert upstream.requests == []
    assert (
        await asked(gateway, request(b"/several", gzip.compress(TEXT), b"gzip"))
    ).status == 200  # no breaker is open


async def test_a_policy_says_what_it_inflates(stand: Stand) -> None:
    gateway, _ = stand
    assert (await asked(gateway, request(b"/gzip", gzip.compress(TEXT), b"gzip"))).status == 200
    refused = await asked(gateway, request(b"/gzip", zlib.compress(TEXT), b"deflate"))
    assert (outcome(refused), refused[b"accept-encoding"]) == ((415, "media_type_refused"), b"gzip")
    plain = await asked(gateway, request(b"/plain", gzip.compress(TEXT), b"gzip"))
    assert (outcome(plain), plain[b"accept-encoding"]) == ((415, "media_type_refused"), b"identity")
    dense = gzip.compress(b"[" + b"1," * 5_000 + b"1]")  # allowed at 20 times and not at 3
    assert (await asked(gateway, request(b"/gzip", dense, b"gzip"))).status == 413


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_a_batch_is_inflated_as_the_strictest_of_its_policies_says(stand: Stand, chunked: bool) -> None:
    gateway, _ = stand

    async def batch(names: bytes, body: bytes, coding: bytes) -> tuple[int, str]:
        return outcome(await asked(gateway, request(b"/api/trpc/" + names + b"?batch=1", body, coding, chunked)))

    ok, refused = (200, ""), (415, "media_type_refused")
    dense = gzip.compress(b'{"0": [' + b"1," * 5_000 + b"1]}")
    for one, other in ((b"chat.send", b"chat.zipped"), (b"chat.zipped", b"chat.send")):
        names = one + b"," + other
        assert await batch(names, gzip.compress(TEXT), b"gzip") == ok
        assert await batch(names, zlib.compress(TEXT), b"deflate") == refused
        assert await batch(names, dense, b"gzip") == (413, "body_too_large")
    for one, other in ((b"chat.send", b"chat.plain"), (b"chat.plain", b"chat.send")):
        assert await batch(one + b"," + other, gzip.compress(TEXT), b"gzip") == refused
        assert await batch(one + b"," + other, TEXT, b"identity") == ok


@pytest.mark.parametrize("path", [b"/upload", b"/streamed"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_a_long_body_is_inflated_as_it_is_passed_on(stand: Stand, path: bytes, chunked: bool) -> None:
    gateway, upstream = stand
    data = random.Random(2).randbytes(500_000).hex().encode()
    packed = gzip.compress(data, compresslevel=1)
    response = await asked(gateway, request(path, packed, b"gzip", chunked), split=200_000)
    assert (response.status, upstream.requests[-1].body == data) == (200, True)
    before = len(upstream.requests)
    for wrong, reason in ((packed[:-9], "body_malformed"), (packed + b"x", "body_malformed")):
        async with wire(gateway.port) as client:
            client.send(request(path, wrong, b"gzip", chunked)[:300_000])
            await settle()
            response = await client.ask(request(path, wrong, b"gzip", chunked)[300_000:])
            assert outcome(response) == (400, reason)
    bomb = gzip.compress(b"a" * 3_000_000)
    assert outcome(await asked(gateway, request(path, bomb, b"gzip", chunked))) == (413, "body_too_large")
    assert len(upstream.requests) == before  # nothing of it was complete there
    assert (await asked(gateway, request(path, packed, b"gzip", chunked))).status == 200


async def test_no_bytes_are_no_body_whatever_their_coding(stand: Stand) -> None:
    gateway, upstream = stand
    for chunked in (False, True):
        assert (await asked(gateway, request(b"/json", b"", b"gzip", chunked))).status == 200
        assert upstream.requests[-1].body == b"" and upstream.requests[-1].all(b"content-length") == [b"0"]


async def test_a_client_that_waits_for_100_is_asked_for_its_body(stand: Stand) -> None:
    gateway, upstream = stand
    for path in (b"/json", b"/several", b"/login"):
        data = request(path, gzip.compress(TEXT), b"gzip", more=b"expect: 100-continue\r\n")
        head, _, body = data.partition(b"\r\n\r\n")
        async with wire(gateway.port) as client:
            assert (await client.ask(head + b"\r\n\r\n")).status == 100
            assert (await client.ask(body)).status == 200
        assert upstream.requests[-1].body == TEXT


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_a_form_is_judged_as_it_inflates(stand: Stand, chunked: bool) -> None:
    gateway, upstream = stand
    part = b'--B\r\ncontent-disposition: form-data; name="%b"\r\n\r\nhello\r\n--B--\r\n'
    for name, status in ((b"text", 200), (b"other", 400)):
        data = request(b"/form", gzip.compress(part % name), b"gzip", chunked)
        data = data.replace(b"application/json", b"multipart/form-data; boundary=B")
        assert (await asked(gateway, data)).status == status
        assert (await asked(gateway, data, split=len(data) - 30)).status == status
    assert [one.body for one in upstream.requests] == [part % b"text"] * 2
