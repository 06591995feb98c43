"""A field that is there more than once: refused where something depends on it, and otherwise passed on as it came."""

from __future__ import annotations

import pytest

from tests.upstream_fixture import wire
from tests.wire.raw_client import HOST, head, serving

SEVERAL = [
    b"user-agent", b"referer", b"accept", b"accept-language", b"cache-control", b"dnt", b"from-nobody", b"if-modified-since",
    b"content-range", b"content-location", b"max-forwards", b"date", b"traceparent", b"priority", b"pragma", b"range",
]  # fmt: skip


@pytest.mark.parametrize("target", [b"/api/info", b"/bare"])
async def test_what_nothing_depends_on_goes_on_as_it_came(target: bytes):
    """A backend that takes the first of two User-Agent fields would take all of a joined one."""
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        for names in [[name] for name in SEVERAL] + [SEVERAL]:
            lines = b"".join(b"%b: %b-1\r\n" % (name, name) for name in names)
            lines += b"".join(b"%b: %b-2, x \r\n" % (name.title(), name) for name in names)
            for _ in range(2):
                assert (await client.ask(head(b"GET " + target + b" HTTP/1.1", HOST + lines))).status == 200
                found = [upstream.requests[-1].all(name) for name in names]
                assert found == [[] if name == b"from-nobody" else [name + b"-1", name + b"-2, x"] for name in names]


async def test_what_a_policy_goes_by_is_one_line_upstream():
    lines = b"".join(
        b"%b: a\r\n%b: b\r\n" % (name, name)
        for name in (b"cookie", b"trpc-accept", b"x-api-key", b"x-session-id", b"x-note")
    )
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        assert (await client.ask(head(fields=HOST + lines))).status == 200
    (request,) = upstream.requests
    assert request.all(b"cookie") == [b"a; b"]
    assert request.all(b"x-api-key") == [b"key"]
    assert [request.all(name) for name in (b"trpc-accept", b"x-session-id", b"x-note")] == [[b"a, b"]] * 3


@pytest.mark.parametrize("target", [b"/api/info", b"/bare"])
@pytest.mark.parametrize("name", [b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"origin"])
async def test_what_tells_of_a_page_is_refused_where_it_is_there_twice(name: bytes, target: bytes):
    """By its head, or by the CORS policy that stands before that refusal and reads no such value."""
    value = b"https://linguamate.app" if name == b"origin" else b"same-origin"
    lines = b"%b: %b\r\n" % (name, value) * 2
    async with serving() as (gateway, upstream), wire(gateway.port) as client:
        response = await client.ask(head(b"GET " + target + b" HTTP/1.1", HOST + lines))
        assert (response.status, response[b"connection"]) in [(400, b"close"), (403, b"close")]
    assert upstream.requests == []
