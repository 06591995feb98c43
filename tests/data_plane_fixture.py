"""One gateway with a route of every kind, in front of one scripted upstream: for all tests of the data plane."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import OK, Script, Upstream, running_upstream

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen:
  limits: {{connections: 50, header_bytes: 8KiB, header_timeout: {header_timeout}, body_timeout: {body_timeout}}}
upstreams:
  tutor:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 1s, response: {response}, body: {response}, idle: 4s}}
    trpc: {{prefix: /api/trpc, max_batch: 5, aliases: {{auth.signin: auth.login}}}}
    request_headers: {{set: {{x-api-key: "${{UPSTREAM_KEY:-key}}"}}, pass: [x, x-note, x-stays]}}
defaults: {{auth: access-token, cors: app, rate_limits: [per-client], body: json, response_headers: secure}}
routes:
  - {{name: login, procedures: [auth.login], upstream: tutor, auth: public}}
  - {{name: alone, procedures: [auth.alone], upstream: tutor, auth: public, batch: deny}}
  - {{name: lessons, procedures: ["lessons.*"], upstream: tutor, auth: public}}
  - {{name: chat, procedures: ["chat.*"], upstream: tutor}}
  - {{name: closed, procedures: [auth.resetPassword], deny: "not yet"}}
  - {{name: info, paths: [/api/info], upstream: tutor, auth: public}}
  - {{name: files, paths: [/files/*], methods: [GET, POST, PUT], upstream: tutor, auth: public, body: any}}
  - {{name: speech, paths: [/speech], methods: [POST], upstream: tutor, auth: public, rewrite: /stt/transcribe/, body: any}}
  - {{name: bare, paths: [/bare], upstream: tutor, auth: public, cors: null, rate_limits: [], response_headers: null}}
"""

POLICIES_MORE = "  any: {max: 50MB}\n"


@contextlib.asynccontextmanager
async def serving(
    answer: bytes = OK,
    script: Script | None = None,
    response: str = "2s",
    header_timeout: str = "10s",
    body_timeout: str = "10s",
) -> AsyncIterator[tuple[Running, Upstream]]:
    """A gateway with the routes above, and the upstream behind it."""
    policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
    async with running_upstream(answer, script) as upstream:
        entry = ENTRY.format(
            url=upstream.url, response=response, header_timeout=header_timeout, body_timeout=body_timeout
        )
        async with running_gateway(entry, policies=policies) as gateway:
            yield gateway, upstream
