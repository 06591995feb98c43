"""A worker's health with endpoints that a test sets, and the responses to its paths."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway.core.failure import Cause
from gateway.ops.health.health import Health, Serving
from gateway.ops.health.store import StoreStatus

CLOSED = {
    "state": "closed",
    "forced": False,
    "failures": 0,
    "opened_at": None,
    "retry_in_s": None,
    "due": False,
    "last_failure": None,
}


@dataclass
class Endpoint:
    label: str = "127.0.0.1:8787"
    address: str = ""
    unreachable: frozenset[str] = frozenset()
    weight: int = 1
    priority: int = 0
    region: str = ""
    ejected_for: float = 0.0
    healthy: bool = True
    never_responded: bool = False
    failures: int = 0
    in_flight: int = 0
    cause: Cause | None = None


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def serving(*endpoints: Endpoint, store: StoreStatus | None = None) -> Health:
    health = Health("1.2.3", Clock())
    health.serving = Serving(
        "d1gest", 1_700_000_000.0, store or StoreStatus("embedded"), {"tutor": endpoints or (Endpoint(),)}
    )
    return health


def body(health: Health, path: str) -> tuple[int, Any]:
    reply = health.public(path)
    assert reply is not None
    assert (b"cache-control", b"no-store") in reply.headers
    return reply.status, json.loads(reply.body)
