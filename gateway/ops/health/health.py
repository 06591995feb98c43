"""The health of a worker: its body of /health, and whether it lives and takes requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import orjson

from gateway.core.verdict import Reply
from gateway.ops.health.store import StoreStatus, store_status
from gateway.ops.health.upstreams import BreakerStatus, EndpointStatus, upstream_status
from gateway.ops.health.whole import overall, reasons, without_endpoints
from gateway.ops.plain import rfc3339
from gateway.ops.shortages import ShortageStatus

_FIELDS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


@dataclass(frozen=True, slots=True)
class Serving:
    """The configuration that is served: its digest, when it was loaded (Unix seconds), the store it uses, by upstream the
    endpoints and its breaker, the names of the upstreams without which nothing works, and its environment."""

    digest: str
    loaded_at: float
    store: StoreStatus
    upstreams: Mapping[str, Sequence[EndpointStatus]] = field(default_factory=dict)
    breakers: Mapping[str, BreakerStatus] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    environment: str = ""


class ConnectionsStatus(TypedDict):
    """How many client connections a worker takes on each listener, and how many are ``written`` in the configuration:
    more than its file descriptors may carry."""

    limit: int
    written: int


class Health:
    """The health of one worker. ``serving`` is None until a configuration is compiled; ``draining`` never goes back."""

    def __init__(self, version: str, wall: Callable[[], float] = time.time, revision: str = "") -> None:
        self.serving: Serving | None = None
        self.draining = False
        self.refused_at: float | None = None
        """When the last reload was refused (Unix seconds), None where it was served or there was none."""
        self.connections = ConnectionsStatus(limit=0, written=0)
        self.shortages: Callable[[], list[ShortageStatus]] = list
        """Gives what the gateway has run out of (``ops.shortages``)."""
        self._build = build_status(version, revision)
        self._wall = wall
        self._started = wall()

    def ready(self) -> bool:
        """Whether the worker takes new requests."""
        return self.serving is not None and not self.draining

    def status(self) -> dict[str, Any]:
        """The whole body of /health, endpoints included: one section for each part of the gateway."""
        serving = self.serving
        store = serving.store if serving else None
        upstreams = self._upstreams()
        shortages = self.shortages()
        status = {
            "status": self._word(upstreams, store is not None and store.ok and not shortages),
            "version": self._build["version"],
            "build": self._build,
            "environment": serving.environment if serving else None,
            "uptime_s": int(self._wall() - self._started),
            "config": {
                "digest": serving.digest if serving else None,
                "loaded_at": rfc3339(serving.loaded_at) if serving else None,
                # For everybody, so without the problems, which name files and settings.
                "refused": None if self.refused_at is None else {"at": rfc3339(self.refused_at)},
            },
            "state": store_status(store),
            "connections": self.connections,
            "shortages": shortages,
            "upstreams": upstreams,
        }
        return {**status, "reasons": reasons(status)}

    def _word(self, upstreams: Mapping[str, Mapping[str, Any]], sound: bool) -> str:
        if self.draining:
            return "draining"
        return "starting" if self.serving is None else overall(upstreams, sound)

    def _upstreams(self) -> dict[str, dict[str, Any]]:
        serving, now = self.serving, self._wall()
        if serving is None:
            return {}
        return {
            name: upstream_status(ends, serving.breakers.get(name), now, name in serving.required)
            for name, ends in serving.upstreams.items()
        }

    def public(self, path: str) -> Reply | None:
        """The response to a health path of the public listener; None for every other path."""
        if path == "/health":
            return health_response(without_endpoints(self.status()))
        if path == "/health/live":
            return Reply(200, _FIELDS, b'{"status":"alive"}')
        if path == "/health/ready":
            if self.ready():
                if self.serving is not None and self.serving.store.broken():
                    return Reply(503, _FIELDS, b'{"status":"state broken"}')
                return Reply(200, _FIELDS, b'{"status":"ready"}')
            return Reply(503, _FIELDS, b'{"status":"draining"}' if self.draining else b'{"status":"starting"}')
        return None


def build_status(version: str, revision: str) -> dict[str, str | None]:
    """The build as health shows it; an empty ``revision`` is not known."""
    return {"version": version, "revision": revision or None}


def health_response(status: Mapping[str, Any]) -> Reply:
    """The response with ``status`` as its body: 503 unless that says that requests are served."""
    return Reply(200 if status["status"] in ("ok", "degraded") else 503, _FIELDS, orjson.dumps(status))
