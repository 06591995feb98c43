"""A field of a response is there once, whoever wrote it: the upstream, a stage, the gateway itself, or a policy that sets it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire

ENTRY = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "URL"}]}}
cors: {app: {origins: ["https://a.example"]}}
rate_limits: {few: {limit: 3/day, key: [address]}}
response_headers: {own: {EDIT}}
defaults: {auth: public, cors: app, rate_limits: [few], response_headers: own}
routes:
  - {name: info, paths: [/info], upstream: tutor}
  - {name: closed, paths: [/closed], deny: closed}
"""
NAMES = [
    "ratelimit",
    "ratelimit-policy",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "retry-after",
    "content-type",
    "cache-control",
    "etag",
    "server",
    "x-powered-by",
    "set-cookie",
    "x-frame-options",
    "allow",
    "link",
    "x-own",
]
SENT = b"".join(f"{name}: theirs\r\n{name.title()}: theirs too\r\n".encode() for name in NAMES)
ANSWER = b"HTTP/1.1 200 OK\r\n" + SENT + b"content-length: 2\r\n\r\n{}"


@pytest.mark.parametrize("edit", ["set", "remove"])
@pytest.mark.parametrize("name", NAMES)
async def test_what_is_set_is_there_once_and_what_is_removed_is_not(name: str, edit: str) -> None:
    written = f"set: {{{name}: ours}}" if edit == "set" else f"remove: [{name}]"
    async with running_upstream(ANSWER) as upstream:
        entry = ENTRY.replace("URL", upstream.url).replace("EDIT", written)
        async with running_gateway(entry) as gateway, wire(gateway.port) as client:
            for path in (b"/info", b"/info", b"/closed", b"/info", b"/nowhere"):
                response = await client.ask(b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n" % path)
                found = [value for key, value in response.fields if key == name.encode()]
                assert found == ([b"ours"] if edit == "set" else []), (path, response.fields)
                counted = Counter(key for key, _ in response.fields)
                own = (b"date", b"content-length", b"x-request-id", b"x-correlation-id", b"vary", b"ratelimit")
                assert all(counted[one] < 2 for one in own)
