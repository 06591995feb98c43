"""A store that fails, as the health paths show it."""

from __future__ import annotations

from gateway.ops.health.store import StoreStatus
from gateway.ops.health.whole import merge
from tests.ops.health.serving import body, serving


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


def test_the_failing_store_of_one_worker_counts() -> None:
    failing = StoreStatus("embedded")
    failing.update(False, 5.0)
    whole = merge([serving().status(), serving(store=failing).status()])
    assert (whole["status"], whole["state"]["ok"]) == ("degraded", False)
