"""Calls to an upstream without a gateway around it, for the tests of what a call goes through."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool
from gateway.proxy.pool.response import OnInformational, ignore_informational
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.upstream import Upstream


@contextlib.asynccontextmanager
async def calling(*ports: int, **timeouts: float) -> AsyncIterator[Upstream]:
    """An upstream whose endpoints are on ``ports`` of loopback; ``timeouts`` are those of ``Pool``, in seconds."""
    times = {"connect": 1.0, "response": 1.0, "silence": 1.0, "idle": 4.0, **timeouts}
    pool = Pool([Endpoint("127.0.0.1", port, None) for port in ports], max_connections=10, **times)
    try:
        yield Upstream(UpstreamAttempt("tutor", pool, [(b"authorization", b"Bearer key")], [b"x-drop"]))
    finally:
        for connection in list(pool.open):
            connection.close()
        await pool.close()


def exchange(method: str = "GET", **fields: str) -> Exchange:
    """A request for ``/a`` with ``fields``, whose names have underscores for hyphens."""
    raw = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    made = Exchange(method, "/a", {b"host": b"gateway", **raw}, "192.0.2.1", 0.0)
    made.id, made.correlation, made.path = "request-1", b"request-1", "/a"
    return made


async def call(
    upstream: Upstream, made: Exchange | None = None, on_informational: OnInformational = ignore_informational
) -> UpstreamConnection | Refusal:
    """What comes of a call for ``/a``."""
    return await upstream.response(UpstreamCall(made or exchange(), "/a", on_informational))


def responded(response: UpstreamConnection | Refusal) -> UpstreamConnection:
    """The connection with the response; fails where there is a refusal."""
    assert isinstance(response, UpstreamConnection), response
    return response


def slug(response: UpstreamConnection | Refusal) -> str:
    """The reason of a refusal; fails where there is a response."""
    assert isinstance(response, Refusal), "a response was taken for whole"
    return response.reason.slug
