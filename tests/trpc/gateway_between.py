"""The gateway between the real client and the real server, tokens for it, and what the client must make of a refusal."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import jwt

from gateway.core.reason import REASONS
from tests.gateway_fixture import SECRET, Running, running_gateway

LINKS = ("http", "batch", "stream")
WIRE_STATUS = {"http": None, "batch": 207, "stream": 200}

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {host: 127.0.0.1, port: 8080, workers: 1}
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR_URL}"}]
    timeouts: {connect: 2s, response: "${RESPONSE:-14s}", idle: 4s}
    trpc: {prefix: /api/trpc, max_batch: 3, transformer: superjson, aliases: {auth.signin: auth.login}}
defaults: {auth: access-token, cors: app, rate_limits: [], body: json, response_headers: secure}
routes:
  - {name: closed, procedures: [auth.resetPassword], deny: "closed in this test", auth: public}
  - {name: login, procedures: [auth.login], upstream: tutor, auth: public, batch: deny}
  - {name: open, procedures: ["lessons.getAll", "lessons.getById", "lessons.export", "lessons.held"], upstream: tutor, auth: public}
  - {name: translate, procedures: [chat.translate], upstream: tutor, auth: public, rate_limits: [translations], body: small}
  - {name: own, procedures: [auth.getCurrentUser, chat.sendMessage, chat.stream, analytics.trackEvent], upstream: tutor}
"""
POLICIES = """\
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}, leeway: 5s}
cors:
  app:
    origins: ["https://linguamate.app"]
    methods: [GET, POST]
    request_headers: [content-type, authorization, trpc-accept]
    credentials: true
rate_limits:
  translations: {limit: 3/minute, key: [address]}
bodies:
  json: {max: 64KiB, types: [application/json]}
  small: {max: 512, types: [application/json]}
response_headers:
  secure: {}
"""


@asynccontextmanager
async def gateway_before(url: str, wall: Callable[[], float] = time.time, **env: str) -> AsyncIterator[Running]:
    """The gateway of ENTRY in front of the tRPC server at ``url``."""
    async with running_gateway(ENTRY, {"TUTOR_URL": url, **env}, policies=POLICIES, wall=wall) as gateway:
        yield gateway


def bearer(**claims: Any) -> dict[str, str]:
    """The header of a good access token, or of one with these claims instead."""
    now = int(time.time())
    whole = {"sub": "u-ada", "sid": "s-1", "type": "access", "expInSec": 900, "iat": now, "exp": now + 900, **claims}
    return {"authorization": f"Bearer {jwt.encode(whole, SECRET, algorithm='HS256')}"}


def expected(slug: str, retry_after: int = 0) -> dict[str, Any]:
    """What the real client must make of a refusal of the gateway."""
    reason = REASONS[slug]
    return {
        "kind": "TRPCClientError",
        "message": reason.sentence.format(retry_after=retry_after),
        "code": reason.rpc_name,
        "httpStatus": reason.status,
        "rpcCode": reason.rpc_code,
        "status": reason.status,
        "reason": slug,
    }


def seen(outcome: dict[str, Any]) -> dict[str, Any]:
    """The same fields of what the real client reported for one call."""
    assert outcome["event"] == "error", outcome
    error = outcome["error"]
    return {
        **{name: error[name] for name in expected("no_route") if name != "reason"},
        "reason": (error["data"] or {}).get("reason"),
    }
