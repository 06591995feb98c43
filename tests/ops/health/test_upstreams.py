"""The endpoints of upstreams, and the status that they make."""

from __future__ import annotations

import pytest

from gateway.ops.health.whole import without_endpoints
from tests.ops.health.serving import Endpoint, body, serving


def test_the_full_body_has_the_endpoints() -> None:
    whole = serving(Endpoint(failures=2, in_flight=3)).status()
    assert whole["upstreams"]["tutor"]["endpoints"] == [
        {
            "address": "127.0.0.1:8787",
            "resolved": None,
            "weight": 1,
            "priority": 0,
            "region": None,
            "healthy": True,
            "ejected_until": None,
            "failures": 2,
            "in_flight": 3,
        }
    ]
    assert "endpoints" not in without_endpoints(whole)["upstreams"]["tutor"]


@pytest.mark.parametrize(
    ("healthy", "status", "overall", "code"),
    [
        ((True, True), "ok", "ok", 200),
        ((True, False), "degraded", "degraded", 200),
        ((False, False), "down", "down", 503),
    ],
)
def test_endpoints_decide_the_status(healthy: tuple[bool, ...], status: str, overall: str, code: int) -> None:
    health = serving(*(Endpoint(healthy=each) for each in healthy))
    answered, health_body = body(health, "/health")
    assert (answered, health_body["status"]) == (code, overall)
    assert health_body["upstreams"]["tutor"]["status"] == status
