"""The endpoints of upstreams, and the status that they make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.failure import Cause
from gateway.ops.health.health import Serving
from gateway.ops.health.upstreams import merged_upstream, upstream_status
from gateway.ops.health.whole import without_endpoints
from gateway.state.rules.circuit import HALF_OPEN, OPEN, Circuit
from tests.ops.health.serving import Endpoint, body, serving


def test_the_full_body_has_the_endpoints() -> None:
    whole = serving(Endpoint(failures=2, in_flight=3, unreachable=frozenset(("::2", "::1")))).status()
    assert whole["upstreams"]["tutor"]["endpoints"] == [
        {
            "address": "127.0.0.1:8787",
            "resolved": None,
            "unreachable": ["::1", "::2"],
            "weight": 1,
            "priority": 0,
            "region": None,
            "healthy": True,
            "ejected_until": None,
            "failures": 2,
            "in_flight": 3,
            "last_failure": None,
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


def test_an_endpoint_that_nobody_has_seen_alive_is_not_healthy_in_health() -> None:
    shown = upstream_status([Endpoint(never_responded=True)], None, NOW, True)
    assert (shown["status"], shown["endpoints"][0]["healthy"]) == ("down", False)
    shown = upstream_status([Endpoint(never_responded=True), Endpoint()], None, NOW, True)
    assert shown["status"] == "degraded"


NOW = 1_700_000_000.0
REFUSED = Cause("connect", 0, "refused\nby 10.0.0.7", "10.0.0.7:80", NOW - 5)


class Breaker:
    def __init__(self, circuit: Circuit, enforced: bool = True, cause: Cause | None = None) -> None:
        self._circuit, self.enforced, self.cause = circuit, enforced, cause

    def circuit(self) -> Circuit:
        return self._circuit


OPENED = Circuit(OPEN, 1, 5, opened_at=NOW - 10, retry_at=NOW + 50)
DUE = OPENED._replace(retry_at=NOW - 1)
HELD = DUE._replace(forced=OPEN)


@pytest.mark.parametrize(
    ("circuit", "enforced", "healthy", "required", "other"),
    [
        (Circuit(), True, True, "ok", "ok"),
        (Circuit(), True, False, "down", "down"),
        (OPENED, True, True, "down", "degraded"),
        (OPENED, False, True, "degraded", "degraded"),
        (HELD, True, True, "down", "degraded"),
        (DUE, True, True, "degraded", "degraded"),
        (DUE, True, False, "down", "down"),
        (DUE._replace(state=HALF_OPEN), True, True, "degraded", "degraded"),
    ],
    ids=["well", "unreachable", "open", "reports", "held", "due", "due-unreachable", "half-open"],
)
def test_what_counts_as_dead(circuit: Circuit, enforced: bool, healthy: bool, required: str, other: str) -> None:
    endpoints = [Endpoint(healthy=healthy)]
    for needed, status in ((True, required), (False, other)):
        shown = upstream_status(endpoints, Breaker(circuit, enforced), NOW, needed)
        assert (shown["status"], shown["required"]) == (status, needed)
        assert shown["breaker"]["due"] is (circuit is DUE)


@pytest.mark.parametrize(
    ("required", "statuses", "word", "code"),
    [
        ((), ("down", "ok"), "degraded", 200),
        ((), ("down", "down"), "down", 503),
        (("one",), ("down", "ok"), "down", 503),
        (("one",), ("ok", "down"), "degraded", 200),
        (("one", "two"), ("ok", "down"), "down", 503),
        (("one",), ("ok", "ok"), "ok", 200),
    ],
)
def test_required_upstreams_decide_the_whole(
    required: tuple[str, ...], statuses: tuple[str, ...], word: str, code: int
) -> None:
    health = serving()
    assert health.serving is not None
    upstreams = {
        name: (Endpoint(healthy=status == "ok"),) for name, status in zip(("one", "two"), statuses, strict=True)
    }
    health.serving = Serving("d", 0.0, health.serving.store, upstreams, {}, frozenset(required))
    answered, shown = body(health, "/health")
    assert (answered, shown["status"]) == (code, word)
    assert body(health, "/health/ready")[0] == 200, (
        "taken out, every gateway would be, and clients get no reason at all"
    )
    for name, status in zip(("one", "two"), statuses, strict=True):
        needed = ", and it is required" if name in required else ""
        assert (f"upstream {name} is down{needed}" in shown["reasons"]) is (status == "down")


def test_a_worker_alone_that_cannot_reach_a_required_upstream_is_degraded_in_the_whole() -> None:
    def seen(healthy: bool) -> dict[str, Any]:
        return upstream_status([Endpoint(healthy=healthy)], None, NOW, True)

    for workers, status in (((True, False), "degraded"), ((False, False), "down"), ((True, True), "ok")):
        assert merged_upstream([seen(healthy) for healthy in workers])["status"] == status


def test_the_last_failure_is_shown_and_the_public_body_has_no_address_of_it() -> None:
    health = serving(Endpoint(cause=REFUSED))
    assert health.serving is not None
    breaker = Breaker(DUE, True, REFUSED)
    health.serving = replace(health.serving, breakers={"tutor": breaker}, required=frozenset(("tutor",)))
    whole = health.status()
    last = {
        "failure": "connect",
        "error": "refused\\nby 10.0.0.7",
        "address": "10.0.0.7:80",
        "at": "2023-11-14T22:13:15Z",
    }
    assert whole["upstreams"]["tutor"]["breaker"]["last_failure"] == last
    assert whole["upstreams"]["tutor"]["endpoints"][0]["last_failure"] == last
    assert "the breaker of tutor is due: the next call tries the upstream" in whole["reasons"]
    _, public = body(health, "/health")
    assert public["upstreams"]["tutor"]["breaker"]["last_failure"] == {"failure": "connect", "at": last["at"]}
    assert "10.0.0.7" not in str(public)


def test_the_last_failure_of_several_workers_is_the_latest() -> None:
    later = REFUSED._replace(failure="status", status=503, at=NOW)
    seen = [
        upstream_status([Endpoint(cause=cause)], Breaker(OPENED, True, cause), NOW)
        for cause in (REFUSED, None, later, REFUSED)
    ]
    merged = merged_upstream(seen)
    assert merged["breaker"]["last_failure"]["status"] == 503
    assert merged["endpoints"][0]["last_failure"]["status"] == 503


TIMED_OUT = Cause("total_timeout", 0, "after 3 s", "10.0.0.8:80", NOW - 3)
ANSWERED = Cause("status", 502, "status 502", "10.0.0.7:80", NOW - 5)


@pytest.mark.parametrize(
    ("endpoint", "circuit", "last"),
    [
        (Endpoint(healthy=False, cause=REFUSED), Circuit(), {"failure": "connect", "at": "2023-11-14T22:13:15Z"}),
        (
            Endpoint(healthy=False, cause=ANSWERED),
            Circuit(),
            {"failure": "status", "status": 502, "at": "2023-11-14T22:13:15Z"},
        ),
        (Endpoint(), OPENED, {"failure": "total_timeout", "at": "2023-11-14T22:13:17Z"}),
        (Endpoint(healthy=False, cause=REFUSED), OPENED, {"failure": "total_timeout", "at": "2023-11-14T22:13:17Z"}),
        (Endpoint(healthy=False), Circuit(), None),
        (Endpoint(cause=REFUSED), Circuit(), None),
    ],
    ids=["refused", "status", "breaker", "both", "unknown", "an-old-failure-of-a-healthy-one"],
)
def test_the_public_body_says_why_an_upstream_is_not_well_and_nothing_that_it_has_chosen(
    endpoint: Endpoint, circuit: Circuit, last: dict[str, Any] | None
) -> None:
    health = serving(endpoint)
    assert health.serving is not None
    health.serving = replace(health.serving, breakers={"tutor": Breaker(circuit, True, TIMED_OUT)})
    assert body(health, "/health")[1]["upstreams"]["tutor"].get("last_failure") == last
