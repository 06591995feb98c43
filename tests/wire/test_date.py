"""Every final response has one Date (RFC 9110 6.6.1): that of the backend, or that of its arrival here."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from time import time

import pytest

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire

ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "URL"}], fallback: [kept, other]}
  spare: {endpoints: [{url: "URL2"}]}
fallbacks:
  kept: {stale: {for: 1h, public: true}}
  other: {upstream: spare}
cors: {app: {origins: ["https://a.example"]}}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}"}}
defaults: {auth: public, cors: app}
routes:
  - {name: info, paths: [/info, /other], methods: [GET, HEAD, POST], upstream: tutor}
  - {name: closed, paths: [/closed], deny: closed}
  - {name: locked, paths: [/locked], upstream: tutor, auth: token}
"""
SENT = b"Sun, 06 Nov 1994 08:49:37 GMT"


def answer(status: bytes = b"200 OK", fields: bytes = b"content-length: 2\r\n", body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\ncontent-type: application/json\r\n" + fields + b"\r\n" + body


RESPONSES = {
    "with a length": answer(),
    "in chunks": answer(fields=b"transfer-encoding: chunked\r\n", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "in chunks with a trailer": answer(fields=b"transfer-encoding: chunked\r\n", body=b"2\r\n{}\r\n0\r\nx: 1\r\ndate: x\r\n\r\n"),
    "large": answer(fields=b"content-length: 100000\r\n", body=b"x" * 100_000),
    "none": answer(b"204 No Content", b"", b""),
    "not modified": answer(b"304 Not Modified", b"", b""),
    "an error": answer(b"500 Internal Server Error"),
    "behind a 103": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + answer(),
}  # fmt: skip


def get(path: bytes = b"/info", fields: bytes = b"", method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n"


def is_now(value: bytes) -> bool:
    return abs(parsedate_to_datetime(value.decode()).timestamp() - time()) < 3


@pytest.mark.parametrize("sent", RESPONSES.values(), ids=RESPONSES)
async def test_a_response_without_date_gets_that_of_its_arrival(sent: bytes) -> None:
    async with (
        running_upstream(sent) as upstream,
        running_gateway(ENTRY.replace("URL2", upstream.url).replace("URL", upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        for _ in range(3):
            response = await client.ask(get())
            if response.status == 103:
                assert b"date" not in response
                response = await client.response()
            assert is_now(response[b"date"])  # which fails where it is there twice
        upstream.response = sent.replace(b"\r\ncontent-type", b"\r\nDate: " + SENT + b"\r\ncontent-type")
        for _ in range(3):
            response = await client.ask(get())
            if response.status == 103:
                response = await client.response()
            assert response[b"date"] == SENT
        upstream.response = sent.replace(b"\r\ncontent-type", b"\r\ndate: " + SENT + b"\r\nDate: x\r\ncontent-type")
        for _ in range(2):
            response = await client.ask(get())
            if response.status == 103:
                response = await client.response()
            assert response[b"date"] == SENT


async def test_what_the_gateway_responds_itself_has_one_too() -> None:
    async with running_upstream() as upstream, running_upstream() as spare:
        entry = ENTRY.replace("URL2", spare.url).replace("URL", upstream.url)
        async with running_gateway(entry) as gateway, wire(gateway.port) as client:
            preflight = b"origin: https://a.example\r\naccess-control-request-method: GET\r\n"
            for request in (
                get(b"/nowhere"),
                get(b"/closed"),
                get(b"/locked"),
                get(b"/info", preflight, b"OPTIONS"),
                get(b"/info", b"", b"DELETE"),
                get(b"/info", b"origin: https://evil.example\r\n"),
            ):
                response = await client.ask(request)
                assert is_now(response[b"date"]), request
            assert (await client.ask(get())).status == 200
            upstream.response = b"nonsense\r\n\r\n"
            stale = await client.ask(get())
            assert (stale.status, is_now(stale[b"date"]), b"age" in stale) == (200, True, True)
            second = await client.ask(get(b"/other"))
            assert (second.status, is_now(second[b"date"])) == (200, True)
            assert len(spare.requests) == 1
