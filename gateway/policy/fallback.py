"""The fallback: what the client gets instead when an upstream rests or fails, in the shape its code reads."""

from __future__ import annotations

from typing import Annotated

import orjson
from pydantic import Field, JsonValue

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal, Reply
from gateway.core.trpc import is_batch
from gateway.policy.fields import Policy

SECTION = "fallbacks"

COVERS = frozenset(
    {"upstream_resting", "upstream_unreachable", "upstream_timeout", "upstream_broken", "no_healthy_endpoint"}
)
"""The refusals that it stands in for: those that mean that nothing came from the upstream."""

_JSON = (b"content-type", b"application/json")
_UNCACHED = (b"cache-control", b"no-store")


class Settings(Policy):
    """One answer that stands in for an upstream's."""

    status: Annotated[int, Field(strict=True, ge=200, le=599)] = 200
    json_: Annotated[JsonValue, Field(alias="json")]
    """The body, in whatever shape the client reads; for tRPC calls it is the result of each call."""


class Fallback:
    """``name`` tells the client, the log and the figures that the answer is not the real thing."""

    __slots__ = ("_mark", "_plain", "_result", "_status", "_wrapped", "name", "report")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.report = settings.mode == "report"
        self._status = settings.status
        self._mark = (b"x-gateway-fallback", name.encode())
        self._plain = orjson.dumps(settings.json_)
        # @trpc/server 11: the envelope of one call's result, with superjson and without
        self._wrapped = orjson.dumps({"result": {"data": {"json": settings.json_}}})
        self._result = orjson.dumps({"result": {"data": settings.json_}})

    def stand_in(self, exchange: Exchange, refusal: Refusal, shape: str) -> Refusal | Reply:
        """The answer in place of ``refusal``, or the refusal itself where this is none of its business."""
        slug = refusal.reason.slug
        if slug not in COVERS:
            return refusal
        if self.report:
            exchange.reported.append(slug)
            return refusal
        exchange.fallback = self.name
        exchange.reason, exchange.detail = slug, refusal.detail
        headers = [_JSON, _UNCACHED, self._mark]
        if refusal.retry_after and self._status >= 400:
            headers.append((b"retry-after", b"%d" % refusal.retry_after))
        return Reply(self._status, tuple(headers), self._body(exchange, shape))

    def _body(self, exchange: Exchange, shape: str) -> bytes:
        if shape == "problem":
            return self._plain
        one = self._wrapped if shape == "superjson" else self._result
        return b"[%b]" % b",".join([one] * len(exchange.calls)) if is_batch(exchange.query) else one


def build(name: str, settings: Settings) -> Fallback:
    """The fallback ``name``."""
    return Fallback(name, settings)
