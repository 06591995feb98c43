"""The bodies and statuses of the health paths."""

from __future__ import annotations

import pytest

from gateway.ops.health.health import Health, Serving
from gateway.ops.health.store import StoreStatus
from tests.ops.health.serving import CLOSED, Clock, Endpoint, body, serving


def test_the_public_body_is_the_contract_without_endpoints() -> None:
    clock = Clock()
    health = Health("1.2.3", clock, "c0ffee")
    store = StoreStatus("embedded")
    health.serving = Serving("d1gest", clock.now, store, {"tutor": (Endpoint(),)}, environment="production")
    clock.now += 61.9
    assert body(health, "/health") == (
        200,
        {
            "status": "ok",
            "version": "1.2.3",
            "build": {"version": "1.2.3", "revision": "c0ffee"},
            "environment": "production",
            "uptime_s": 61,
            "config": {"digest": "d1gest", "loaded_at": "2023-11-14T22:13:20Z", "refused": None},
            "state": {"store": "embedded", "ok": True, "since": None},
            "connections": {"limit": 0, "written": 0},
            "shortages": [],
            "upstreams": {"tutor": {"status": "ok", "breaker": CLOSED}},
            "reasons": [],
        },
    )


def test_a_shortage_is_degraded_and_the_public_body_does_not_say_where() -> None:
    health = serving()
    health.shortages = lambda: [
        {"kind": "ports", "where": "connecting to 10.0.0.7:80", "since": "1970-01-01T00:00:02Z", "times": 9}
    ]
    code, health_body = body(health, "/health")
    assert (code, health_body["status"]) == (200, "degraded")
    assert health_body["reasons"] == ["out of ports since 1970-01-01T00:00:02Z"]
    assert health_body["shortages"] == [{"kind": "ports", "since": "1970-01-01T00:00:02Z", "times": 9}]
    assert health.status()["shortages"][0]["where"] == "connecting to 10.0.0.7:80"


def test_live_and_ready() -> None:
    health = Health("1")
    assert body(health, "/health/live") == (200, {"status": "alive"})
    assert body(health, "/health/ready") == (503, {"status": "starting"})
    assert body(health, "/health")[0] == 503
    health = serving()
    assert body(health, "/health/ready") == (200, {"status": "ready"})
    health.draining = True
    assert body(health, "/health/live") == (200, {"status": "alive"})
    assert body(health, "/health/ready") == (503, {"status": "draining"})
    assert body(health, "/health")[0] == 503


@pytest.mark.parametrize("path", ["/", "/healthz", "/health/", "/health/ready/", "/Health", ""])
def test_other_paths_are_not_ours(path: str) -> None:
    assert serving().public(path) is None
