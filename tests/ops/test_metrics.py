"""Figures add up over processes and replaced workers, and cost little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from gateway.core.exchange import Exchange
from gateway.ops.metrics import Metrics, Overseer, exposition, forget_place, has_room
from gateway.ops.tally import BUCKETS


def exchange(
    route: str | None = "chat", status: int = 200, reason: str = "", upstream: float | None = None
) -> Exchange:
    made = Exchange("GET", "/", {}, "127.0.0.1", 0.0)
    made.route = SimpleNamespace(name=route) if route else None
    made.status, made.reason = status, reason
    if upstream is not None:
        made.endpoint, made.upstream_time = "127.0.0.1:1", upstream
    return made


def test_requests_are_counted_by_route_status_and_reason() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for made in (exchange(), exchange(), exchange(status=429, reason="rate_limited"), exchange(route=None, status=404)):
        metrics.done(made, 0.001)
    metrics.flush(0, 0, 0)
    metrics.flush(0, 0, 0)  # nothing is counted twice

    def count(route: str, status: str, reason: str) -> float | None:
        labels = {"route": route, "status": status, "reason": reason}
        return registry.get_sample_value("gateway_requests_total", labels)

    assert count("chat", "200", "") == 2
    assert count("chat", "429", "rate_limited") == 1
    assert count("unmatched", "404", "") == 1
    metrics.done(exchange(), 0.001)
    metrics.flush(0, 0, 0)
    assert count("chat", "200", "") == 3


def test_observations_are_handed_on_once_and_wait_while_the_disk_is_full() -> None:
    registry = CollectorRegistry()
    full = False
    metrics = Metrics(registry, lambda: not full)

    def seen() -> list[float | None]:
        metrics.flush(0, 0, 0)
        return [
            registry.get_sample_value(f"{name}_{what}", {"route": "chat"})
            for name in ("gateway_request_seconds", "gateway_upstream_seconds")
            for what in ("count", "sum")
        ]

    metrics.done(exchange(upstream=0.5), 1.0)
    metrics.done(exchange(), 1.0)
    assert seen() == [2, 2.0, 1, 0.5]
    full = True
    metrics.done(exchange(upstream=0.5), 1.0)
    assert seen() == seen() == [2, 2.0, 1, 0.5]
    assert not any(kind.took or kind.waited for kind in metrics._kinds.values()), "they do not gather without bound"
    metrics.done(exchange(upstream=0.5), 1.0)
    full = False
    assert seen() == seen() == [4, 4.0, 3, 1.5]


def test_what_was_done_beyond_first_attempts_is_added_and_what_is_left_is_told() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.called("tutor", {("retries", "reset"): 2, ("retries", "503"): 1}, {"retries": 30})
    metrics.called("tutor", {("retries", "reset"): 1}, {"retries": 7})
    metrics.called("tutor", {("ejections", "a:1"): 1}, {})
    metrics.endpoints_stand("tutor", {"a:1": False, "b:1": True})
    metrics.flush(0, 0, 0)
    assert registry.get_sample_value("gateway_ejections_total", {"upstream": "tutor", "endpoint": "a:1"}) == 1
    for endpoint, healthy in (("a:1", 0), ("b:1", 1)):
        labels = {"upstream": "tutor", "endpoint": endpoint}
        assert registry.get_sample_value("gateway_endpoint_healthy", labels) == healthy
    assert registry.get_sample_value("gateway_retries_total", {"upstream": "tutor", "why": "reset"}) == 3
    assert registry.get_sample_value("gateway_retries_total", {"upstream": "tutor", "why": "503"}) == 1
    assert registry.get_sample_value("gateway_budget_left", {"upstream": "tutor", "budget": "retries"}) == 7


def test_gathered_observations_are_what_the_library_would_have_observed() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    metrics = Metrics(ours)
    expected = Histogram("gateway_request_seconds", "", ("route",), buckets=BUCKETS, registry=theirs)
    for seconds in (0.0, 0.0005, 0.00051, 0.003, 0.1, 14.9, 15.0, 15.1, 1000.0):
        metrics.done(exchange(), seconds)
        expected.labels("chat").observe(seconds)
    metrics.flush(0, 0, 0)
    for bound in (*BUCKETS, float("inf")):
        labels = {"route": "chat", "le": "+Inf" if bound == float("inf") else str(float(bound))}
        got = ours.get_sample_value("gateway_request_seconds_bucket", labels)
        assert got is not None
        assert got == theirs.get_sample_value("gateway_request_seconds_bucket", labels)
    got = ours.get_sample_value("gateway_request_seconds_sum", {"route": "chat"})
    assert got == theirs.get_sample_value("gateway_request_seconds_sum", {"route": "chat"})


def test_upstream_time_is_measured_only_where_one_answered() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.done(exchange(upstream=0.02), 0.03)
    metrics.done(exchange(route="closed", status=403), 0.001)
    metrics.flush(0, 0, 0)
    assert registry.get_sample_value("gateway_upstream_seconds_count", {"route": "chat"}) == 1
    assert registry.get_sample_value("gateway_upstream_seconds_count", {"route": "closed"}) is None


def test_report_mode_events_and_levels() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    reported = exchange()
    reported.reported = ["rate_limited"]
    metrics.done(reported, 0.001)
    metrics.event("drain_cut")
    metrics.flush(3, 7, 5)
    metrics.flush(2, 6, 9)
    value = registry.get_sample_value
    assert value("gateway_reported_total", {"route": "chat", "reason": "rate_limited"}) == 1
    assert value("gateway_events_total", {"event": "drain_cut"}) == 1
    assert value("gateway_requests_in_flight", {"listener": "public"}) == 2
    assert value("gateway_connections", {"listener": "public"}) == 6
    metrics.levels("egress", 1, 5)
    assert value("gateway_connections", {"listener": "egress"}) == 5
    assert value("gateway_log_lines_dropped_total") == 9


def test_while_the_disk_is_full_figures_are_kept_in_memory() -> None:
    registry = CollectorRegistry()
    full = [False, True]
    metrics = Metrics(registry, lambda: full.pop(0))
    metrics.done(exchange(), 0.001)
    metrics.event("odd")
    metrics.flush(1, 1, 1)
    labels = {"route": "chat", "status": "200", "reason": ""}
    assert registry.get_sample_value("gateway_requests_total", labels) is None
    metrics.done(exchange(), 0.001)
    metrics.flush(1, 1, 1)
    assert registry.get_sample_value("gateway_requests_total", labels) == 2
    assert registry.get_sample_value("gateway_events_total", {"event": "odd"}) == 1


def test_there_is_room_where_this_test_writes(tmp_path: Path) -> None:
    assert has_room(tmp_path)


def test_the_supervisor_has_its_own_figures() -> None:
    registry = CollectorRegistry()
    overseer = Overseer(registry)
    overseer.workers(1, 2)
    overseer.restarted()
    overseer.reloaded(True)
    overseer.reloaded(False)
    value = registry.get_sample_value
    assert value("gateway_up") == 1
    assert value("gateway_workers", {"state": "ready"}) == 1
    assert value("gateway_workers", {"state": "missing"}) == 1
    assert value("gateway_worker_restarts_total") == 1
    assert value("gateway_config_reloads_total", {"result": "bad"}) == 1


WORKER = """
import sys
from types import SimpleNamespace
from gateway.core.exchange import Exchange
from gateway.ops import metrics
metrics.use_files(sys.argv[1])
made = metrics.Metrics()
done = Exchange("GET", "/", {}, "127.0.0.1", 0.0)
done.route, done.status = SimpleNamespace(name="chat"), 200
for _ in range(int(sys.argv[2])):
    made.done(done, 0.001)
made.flush(1, 2, 0)
"""


def run_worker(folder: Path, place: str, requests: int) -> None:
    command = [sys.executable, "-c", WORKER, place, str(requests)]
    subprocess.run(command, env={"PROMETHEUS_MULTIPROC_DIR": str(folder)}, check=True, cwd=Path.cwd(), timeout=30)


def samples(folder: Path) -> dict[str, float]:
    families = text_string_to_metric_families(exposition(folder).decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_processes_add_up_and_a_replaced_worker_counts_on(tmp_path: Path) -> None:
    run_worker(tmp_path, "0", 3)
    run_worker(tmp_path, "1", 4)
    assert samples(tmp_path)["gateway_requests_total"] == 7
    assert samples(tmp_path)["gateway_request_seconds_count"] == 7
    assert samples(tmp_path)["gateway_requests_in_flight"] == 2
    files = sorted(tmp_path.iterdir())

    forget_place(tmp_path, "0")  # it died: its gauges go, its counters stay
    assert samples(tmp_path)["gateway_requests_total"] == 7
    assert samples(tmp_path)["gateway_connections"] == 2

    run_worker(tmp_path, "0", 5)
    assert samples(tmp_path)["gateway_requests_total"] == 12
    assert samples(tmp_path)["gateway_requests_in_flight"] == 2
    assert sorted(tmp_path.iterdir()) == files  # no file more, however often workers are replaced
