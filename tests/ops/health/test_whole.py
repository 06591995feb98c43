"""The statuses of upstreams and workers as one."""

from __future__ import annotations

from dataclasses import replace

from gateway.ops.health.health import Health, Serving, health_response
from gateway.ops.health.store import StoreStatus
from gateway.ops.health.whole import merge
from tests.ops.health.serving import CLOSED, Endpoint, body, serving


def test_one_of_two_upstreams_down_is_degraded() -> None:
    health = serving()
    assert health.serving is not None
    upstreams = {**health.serving.upstreams, "stt": (Endpoint(healthy=False),)}
    health.serving = Serving("d", 0.0, health.serving.store, upstreams)
    assert body(health, "/health")[1]["status"] == "degraded"


def test_workers_merge() -> None:
    second = Endpoint("b:80", "192.0.2.1", frozenset(("::2",)), weight=2, priority=1, region="eu")
    one = serving(Endpoint(failures=1, in_flight=2), replace(second, unreachable=frozenset(("::1",)))).status()
    ejected = Endpoint(healthy=False, ejected_for=30, failures=5, in_flight=3)
    other = serving(ejected, second, Endpoint("b:80", "192.0.2.2")).status()
    whole = merge([one, other])
    assert whole["status"] == "degraded"
    assert whole["upstreams"]["tutor"] == {
        "status": "degraded",
        "required": False,
        "breaker": CLOSED,
        "endpoints": [
            {
                "address": "127.0.0.1:8787",
                "resolved": None,
                "unreachable": [],
                "weight": 1,
                "priority": 0,
                "region": None,
                "healthy": False,
                "ejected_until": "2023-11-14T22:13:50Z",
                "failures": 5,
                "in_flight": 5,
                "last_failure": None,
            },
            {
                "address": "b:80",
                "resolved": "192.0.2.1",
                "unreachable": ["::1", "::2"],
                "weight": 2,
                "priority": 1,
                "region": "eu",
                "healthy": True,
                "ejected_until": None,
                "failures": 0,
                "in_flight": 0,
                "last_failure": None,
            },
            {
                "address": "b:80",
                "resolved": "192.0.2.2",
                "unreachable": [],
                "weight": 1,
                "priority": 0,
                "region": None,
                "healthy": True,
                "ejected_until": None,
                "failures": 0,
                "in_flight": 0,
                "last_failure": None,
            },
        ],
    }


def test_why_it_is_not_ok_is_in_the_body() -> None:
    store = StoreStatus("embedded")
    store.update(False, 2.0)
    _, health_body = body(serving(Endpoint(), Endpoint(healthy=False), store=store), "/health")
    assert health_body["reasons"] == ["the state store fails since 1970-01-01T00:00:02Z", "upstream tutor is degraded"]


def test_a_worker_that_starts_beside_one_that_serves_is_degraded() -> None:
    whole = merge([serving().status(), Health("1").status()])
    assert whole["status"] == "degraded"
    assert health_response(whole).status == 200
    assert health_response(merge([Health("1").status()])).status == 503
