"""Which content types are JSON where a policy looks into it: one table, on the wire, for each way that JSON comes.

A backend goes by the field in its own way: @trpc/server by what is before the first semicolon, Express and aiohttp by the
charset, undici by the last of several types (WHATWG Fetch, "extract a MIME type"), others by a prefix. So there is one spelling
of what is read, and every other is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream, wire
from tests.wire.raw_client import reason_of

ENTRY = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}}}
bodies:
  json: {max: 64KiB, types: [application/json]}
  either: {max: 64KiB, types: [multipart/form-data, application/json]}
lockouts:
  accounts: {account: /email, failures: 50, within: 1m, lock_for: [1m]}
schemas:
  inputs: {files: inputs/*.json}
uploads:
  picture: {parts: {image: {types: [image/png], max: 1MB}, text: {max: 100}}}
defaults: {auth: public, body: json}
routes:
  - {name: body, paths: [/body], methods: [POST], upstream: tutor, schema: inputs}
  - {name: edit, paths: [/edit], methods: [POST], upstream: tutor, body: either, upload: picture, schema: inputs}
  - {name: login, paths: [/login], methods: [POST], upstream: tutor, lockout: accounts, schema: {none: "not tried here"}}
  - {name: plain, paths: [/plain], methods: [POST], upstream: tutor, schema: {none: "not tried here"}}
  - {name: calls, procedures: [chat.send, chat.list], upstream: tutor, schema: inputs}
"""
ANY: dict[str, object] = {}
FILES = {"body": ANY, "edit": ANY, "chat.send": ANY, "chat.list": ANY}
JSON = b'{"email": "a@b.co"}'
LOOKED_INTO = {
    b"/body": JSON,
    b"/edit": JSON,
    b"/login": JSON,
    b"/api/trpc/chat.send": b'{"json": {}}',
    b"/api/trpc/chat.send,chat.list?batch=1": b'{"0": {"json": {}}, "1": {"json": {}}}',
}

TAKEN = [
    b"application/json",
    b"application/json; charset=utf-8",
    b"application/json;charset=UTF-8",
    b'application/json; charset="utf-8"',
    b"Application/JSON; Charset=Utf-8",
    b"APPLICATION/JSON",
    b"application/json ;\tcharset=utf-8",
    b"  application/json  ",
]
REFUSED = [
    b"",
    b"text/plain",
    b"text/json",
    b"application/x-json",
    b"application/jsonp",
    b"application/json5",
    b"application/json-patch+json",
    b"application/vnd.api+json",
    b"application/ld+json",
    b"application/problem+json",
    b"application/json-seq",
    b"application/x-ndjson",
    b"application/octet-stream",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data",
    b"multipart/mixed; boundary=B",
    b"application/json, text/plain",
    b"text/plain, application/json",
    b"application/json, application/json",
    b"application/json,",
    b",application/json",
    b"application/json, multipart/form-data; boundary=B",
    b"application/x-www-form-urlencoded, multipart/form-data; boundary=B",
    b'application/json; a=", multipart/form-data; boundary=B',
    b"application/json;",
    b"application/json;;",
    b"application/json; ;charset=utf-8",
    b"application/json; charset=utf-8;",
    b"application/json; charset=utf-8; charset=utf-8",
    b"application/json; charset=utf-8; charset=utf-16",
    b"application/json; charset=utf-16",
    b"application/json; charset=utf-7",
    b"application/json; charset=iso-8859-1",
    b"application/json; charset=utf8",
    b"application/json; charset='utf-8'",
    b'application/json; charset="utf-8',
    b'application/json; charset="utf\\-8"',
    b"application/json; charset",
    b"application/json; charset=",
    b"application/json; charset = utf-8",
    b"application/json; charset*=utf-8",
    b"application/json; boundary=x",
    b"application/json; boundary=B; charset=utf-8",
    b"application/json; profile=x",
    b"application/json charset=utf-8",
    b"application/json:charset=utf-8",
    b"application /json",
    b"application/ json",
    b"application//json",
    b"application/json/json",
    b"json",
    b"*/*",
    b"application/*",
    b'"application/json"',
    b"application/json\xa0",
    b"\xa0application/json",
    b"application/json\xc2\xa0; charset=utf-8",
    b"appl\xc4\xb1cation/json",
]
# What no reader of HTTP takes for a field value, or for one field.
BROKEN = [b"application/json\x00", b"application/json\x0b", b"application/json\r\ncontent-type: application/json"]


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[tuple[Running, Upstream]]:
    (tmp_path / "inputs").mkdir()
    for name, schema in FILES.items():
        (tmp_path / "inputs" / f"{name}.json").write_text(json.dumps(schema))
    async with running_upstream() as upstream:
        (tmp_path / "upstreams.yaml").write_text(ENTRY.replace("URL", upstream.url))
        async with running_gateway(tmp_path / "upstreams.yaml") as gateway:
            yield gateway, upstream


Stand = tuple[Running, Upstream]


async def asked(gateway: Running, path: bytes, content_type: bytes, body: bytes) -> tuple[int, str]:
    field = b"content-type: " + content_type + b"\r\n" if content_type else b""
    head = b"POST %b HTTP/1.1\r\nhost: a\r\n%bcontent-length: %d\r\n\r\n" % (path, field, len(body))
    async with wire(gateway.port) as client:
        response = await client.ask(head + body)
        return response.status, reason_of(response)


async def test_what_is_taken(stand: Stand) -> None:
    gateway, upstream = stand
    for content_type in TAKEN:
        for path, body in {**LOOKED_INTO, b"/plain": JSON}.items():
            assert await asked(gateway, path, content_type, body) == (200, ""), (content_type, path)
            # it goes on as it came, but for the blanks around it, which are none of the value (RFC 9110 5.5)
            assert upstream.requests[-1].all(b"content-type") == [content_type.strip()]


async def test_what_is_refused(stand: Stand) -> None:
    gateway, upstream = stand
    for content_type in REFUSED:
        for path, body in LOOKED_INTO.items():
            status, reason = await asked(gateway, path, content_type, body)
            form = path == b"/edit" and content_type.startswith(b"multipart/form-data")
            expected = (400, "upload_malformed") if form else (415, "media_type_refused")
            assert (status, reason) == expected, (content_type, path)
    for content_type in BROKEN:
        for path, body in LOOKED_INTO.items():
            assert await asked(gateway, path, content_type, body) == (400, "head_malformed"), (content_type, path)
    assert upstream.requests == []


async def test_calls_without_content_are_not_read_as_a_form(stand: Stand) -> None:
    """@trpc/server reads a form, or a stream, where the content type says so, whether there is content or not."""
    gateway, upstream = stand
    for path in (b"/api/trpc/chat.send", b"/api/trpc/chat.send,chat.list?batch=1"):
        for content_type in (b"", b"application/json", b"application/json; charset=utf-8"):
            assert await asked(gateway, path, content_type, b"") == (200, ""), content_type
        before = len(upstream.requests)
        for content_type in (
            b"multipart/form-data; boundary=B",
            b"application/octet-stream",
            b"text/plain",
            b"Multipart/form-data",
        ):
            assert await asked(gateway, path, content_type, b"") == (415, "media_type_refused"), content_type
        assert len(upstream.requests) == before


PIECES = (
    b"application/json", b"Application/Json", b"text/plain", b"multipart/form-data", b"; ", b";", b" ", b"\t", b",", b"charset=",
    b"charset=utf-8", b'charset="utf-8"', b"CHARSET=UTF-8", b"utf-16", b"boundary=B", b'"', b"\\", b"=", b"+json", b"/", b"\xa0",
)  # fmt: skip
# RFC 9110 8.3.1 and RFC 8259: JSON, which is UTF-8, with at most the one parameter that says so.
ONE = re.compile(rb'application/json([ \t]*;[ \t]*charset=("utf-8"|utf-8))?', re.IGNORECASE)


async def test_whatever_passes_is_json_in_utf_8_for_every_reader(stand: Stand) -> None:
    gateway, upstream = stand
    chance = Random(7)
    rows = [b"".join(chance.choices(PIECES, k=chance.randint(1, 5))) for _ in range(600)]
    rows += [chance.choice(TAKEN) + chance.choice(PIECES) for _ in range(200)]
    taken = 0
    async with wire(gateway.port) as client:
        for content_type in rows:
            head = b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
            response = await client.ask(head % (content_type, len(JSON)) + JSON)
            passes = ONE.fullmatch(content_type.strip(b" \t")) is not None
            assert response.status == (200 if passes else 415), content_type
            taken += passes
    assert taken > 25 and len(upstream.requests) == taken
