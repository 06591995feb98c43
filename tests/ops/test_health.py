"""The bodies and statuses of the health paths."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.ops.health import Health, Serving, StoreStatus, health_response, merge, without_endpoints

CLOSED = {"state": "closed", "forced": False, "failures": 0, "opened_at": None, "retry_in_s": None}


@dataclass
class Endpoint:
    label: str = "127.0.0.1:8787"
    address: str = ""
    weight: int = 1
    priority: int = 0
    region: str = ""
    ejected_for: float = 0.0
    healthy: bool = True
    failures: int = 0
    in_flight: int = 0


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


def test_the_public_body_is_the_contract_without_endpoints() -> None:
    clock = Clock()
    health = Health("1.2.3", clock)
    health.serving = Serving("d1gest", clock.now, StoreStatus("embedded"), {"tutor": (Endpoint(),)})
    clock.now += 61.9
    assert body(health, "/health") == (
        200,
        {
            "status": "ok",
            "version": "1.2.3",
            "uptime_s": 61,
            "config": {"digest": "d1gest", "loaded_at": "2023-11-14T22:13:20Z"},
            "state": {"store": "embedded", "ok": True, "since": None},
            "connections": {"limit": 0, "written": 0},
            "shortages": [],
            "upstreams": {"tutor": {"status": "ok", "breaker": CLOSED}},
            "reasons": [],
        },
    )


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


def test_one_of_two_upstreams_down_is_degraded() -> None:
    health = serving()
    assert health.serving is not None
    upstreams = {**health.serving.upstreams, "stt": (Endpoint(healthy=False),)}
    health.serving = Serving("d", 0.0, health.serving.store, upstreams)
    assert body(health, "/health")[1]["status"] == "degraded"


def test_a_store_that_fails_is_degraded_since_the_first_failure() -> None:
    store = StoreStatus("embedded")
    store.update(True, 1.0)
    store.update(False, 2.0)
    store.update(False, 3.0)
    code, health_body = body(serving(store=store), "/health")
    assert (code, health_body["status"]) == (200, "degraded")
    assert health_body["state"] == {"store": "embedded", "ok": False, "since": "1970-01-01T00:00:02Z"}
    store.update(True, 4.0)
    assert body(serving(store=store), "/health")[1]["state"]["since"] is None


def test_a_store_in_memory_is_degraded_and_only_operators_read_of_its_file() -> None:
    store = StoreStatus("embedded")
    store.update(False, 2.0, "/var/state/data.mdb: it fails")
    health = serving(store=store)
    assert health.status()["state"]["why"] == "/var/state/data.mdb: it fails"
    code, public = body(health, "/health")
    assert (code, public["status"]) == (200, "degraded")
    assert public["reasons"] == ["the state store fails since 1970-01-01T00:00:02Z, each worker counts in its memory"]
    assert "data.mdb" not in str(public)
    assert body(health, "/health/ready") == (200, {"status": "ready"}), "requests are decided"


def test_a_broken_file_that_nothing_has_replaced_yet_is_not_ready() -> None:
    broken = [True]
    health = serving(store=StoreStatus("embedded", broken=lambda: broken[0]))
    assert body(health, "/health/ready") == (503, {"status": "state broken"})
    assert body(health, "/health/live")[0] == 200
    broken[0] = False
    assert body(health, "/health/ready")[0] == 200


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


def test_why_it_is_not_ok_is_in_the_body() -> None:
    store = StoreStatus("embedded")
    store.update(False, 2.0)
    _, health_body = body(serving(Endpoint(), Endpoint(healthy=False), store=store), "/health")
    assert health_body["reasons"] == ["the state store fails since 1970-01-01T00:00:02Z", "upstream tutor is degraded"]


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


def test_workers_merge() -> None:
    second = Endpoint("b:80", "192.0.2.1", weight=2, priority=1, region="eu")
    one = serving(Endpoint(failures=1, in_flight=2), second).status()
    ejected = Endpoint(healthy=False, ejected_for=30, failures=5, in_flight=3)
    other = serving(ejected, second, Endpoint("b:80", "192.0.2.2")).status()
    whole = merge([one, other])
    assert whole["status"] == "degraded"
    assert whole["upstreams"]["tutor"] == {
        "status": "degraded",
        "breaker": CLOSED,
        "endpoints": [
            {
                "address": "127.0.0.1:8787",
                "resolved": None,
                "weight": 1,
                "priority": 0,
                "region": None,
                "healthy": False,
                "ejected_until": "2023-11-14T22:13:50Z",
                "failures": 5,
                "in_flight": 5,
            },
            {
                "address": "b:80",
                "resolved": "192.0.2.1",
                "weight": 2,
                "priority": 1,
                "region": "eu",
                "healthy": True,
                "ejected_until": None,
                "failures": 0,
                "in_flight": 0,
            },
            {
                "address": "b:80",
                "resolved": "192.0.2.2",
                "weight": 1,
                "priority": 0,
                "region": None,
                "healthy": True,
                "ejected_until": None,
                "failures": 0,
                "in_flight": 0,
            },
        ],
    }


def test_the_failing_store_of_one_worker_counts() -> None:
    failing = StoreStatus("embedded")
    failing.update(False, 5.0)
    whole = merge([serving().status(), serving(store=failing).status()])
    assert (whole["status"], whole["state"]["ok"]) == ("degraded", False)


def test_a_worker_that_starts_beside_one_that_serves_is_degraded() -> None:
    whole = merge([serving().status(), Health("1").status()])
    assert whole["status"] == "degraded"
    assert health_response(whole).status == 200
    assert health_response(merge([Health("1").status()])).status == 503
