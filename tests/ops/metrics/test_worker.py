"""A worker counts every request once, in memory that does not grow with the requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from gateway.core.verdict import by_limit, refuse
from gateway.ops.metrics import worker
from gateway.ops.metrics.families import MetricsReport
from gateway.ops.metrics.histogram import Observations
from gateway.ops.metrics.worker import SLICE, WorkerMetrics
from tests.ops.metrics.exchanges import exchange


def value(report: MetricsReport, name: str, *labels: str) -> float | None:
    """The value of a counter or gauge in a report; None when it is not there."""
    rows: list[tuple[Sequence[str], float]] = report["counters"].get(name) or report["gauges"].get(name) or []
    return next((value for row, value in rows if tuple(row) == labels), None)


def observed(report: MetricsReport, name: str, route: str) -> tuple[int, float] | None:
    """How many seconds of a route a histogram in a report has observed, and their sum."""
    rows = report["histograms"][name]
    return next(((sum(counts), total) for labels, counts, total in rows if tuple(labels) == (route,)), None)


def test_requests_are_counted_by_route_status_and_reason() -> None:
    metrics = WorkerMetrics()
    for made in (exchange(), exchange(), exchange(status=429, reason="rate_limited"), exchange(route=None, status=404)):
        metrics.done(made, 0.001)
    metrics.report()
    report = metrics.report()  # nothing is counted twice
    assert value(report, "gateway_requests_total", "chat", "200", "") == 2
    assert value(report, "gateway_requests_total", "chat", "429", "rate_limited") == 1
    assert value(report, "gateway_requests_total", "unmatched", "404", "") == 1
    metrics.done(exchange(), 0.001)
    assert value(metrics.report(), "gateway_requests_total", "chat", "200", "") == 3


def test_observations_add_up_over_reports_and_do_not_gather() -> None:
    metrics = WorkerMetrics()
    metrics.done(exchange(upstream=0.5), 1.0)
    metrics.done(exchange(), 1.0)
    report = metrics.report()
    assert observed(report, "gateway_request_seconds", "chat") == (2, 2.0)
    assert observed(report, "gateway_upstream_seconds", "chat") == (1, 0.5)
    for _ in range(1000):
        metrics.done(exchange(upstream=0.5), 1.0)
    list(metrics.gather())
    assert not any(series.durations or series.upstream_durations for series in metrics._series.values())
    report = metrics.report()
    assert observed(report, "gateway_request_seconds", "chat") == (1002, 1002.0)
    assert observed(report, "gateway_upstream_seconds", "chat") == (1001, 500.5)


def test_upstream_time_is_measured_only_where_one_answered() -> None:
    metrics = WorkerMetrics()
    metrics.done(exchange(upstream=0.02), 0.03)
    metrics.done(exchange(route="closed", status=403), 0.001)
    report = metrics.report()
    assert observed(report, "gateway_upstream_seconds", "chat") == (1, 0.02)
    assert observed(report, "gateway_upstream_seconds", "closed") is None
    assert observed(report, "gateway_request_seconds", "closed") == (1, 0.001)


def test_calls_beyond_the_first_are_added_and_levels_are_set() -> None:
    metrics = WorkerMetrics()
    metrics.calls("tutor", {("retries", "reset"): 2, ("retries", "503"): 1}, {"retries": 30})
    metrics.calls("tutor", {("retries", "reset"): 1, ("hedges", "won"): 4}, {"retries": 7})
    metrics.calls("tutor", {("ejections", "a:1"): 1}, {})
    metrics.endpoints("tutor", {"a:1": False, "b:1": True})
    metrics.concurrency("tutor", 3, 2)
    report = metrics.report()
    assert value(report, "gateway_retries_total", "tutor", "reset") == 3
    assert value(report, "gateway_retries_total", "tutor", "503") == 1
    assert value(report, "gateway_hedges_total", "tutor", "won") == 4
    assert value(report, "gateway_ejections_total", "tutor", "a:1") == 1
    assert value(report, "gateway_endpoint_healthy", "tutor", "a:1") == 0
    assert value(report, "gateway_endpoint_healthy", "tutor", "b:1") == 1
    assert value(report, "gateway_budget_left", "tutor", "retries") == 7
    assert value(report, "gateway_upstream_calls", "tutor", "taken") == 3
    assert value(report, "gateway_upstream_calls", "tutor", "waiting") == 2


def test_policies_breakers_and_fallbacks() -> None:
    metrics = WorkerMetrics()
    reported, rejected, replaced = exchange(), exchange(status=503, reason="upstream_resting"), exchange()
    limits = (by_limit("rate_limits", "per-user"), by_limit("rate_limits", "per-client"))
    reported.reported = [refuse("rate_limited", limits=limits), replace(refuse("token_missing"), policy="auth.token")]
    rejected.detail = "tutor"
    replaced.fallback, replaced.reason = "static", "upstream_timeout"
    for made in (reported, rejected, replaced):
        metrics.done(made, 0.001)
    metrics.locked("accounts", "address")
    metrics.breaker_changed("tutor", "open")
    metrics.breaker("tutor", "open", True)
    report = metrics.report()
    assert value(report, "gateway_reported_total", "chat", "rate_limited") == 1
    for policy, reason in (
        ("rate_limits.per-user", "rate_limited"),
        ("rate_limits.per-client", "rate_limited"),
        ("auth.token", "token_missing"),
    ):
        assert value(report, "gateway_would_refuse_total", "chat", policy, reason) == 1
    assert value(report, "gateway_breaker_rejected_total", "tutor") == 1
    assert value(report, "gateway_fallbacks_total", "chat", "static", "upstream_timeout") == 1
    assert value(report, "gateway_locks_total", "accounts", "address") == 1
    assert value(report, "gateway_breaker_transitions_total", "tutor", "open") == 1
    assert value(report, "gateway_breaker_state", "tutor") == 2
    assert value(report, "gateway_breaker_forced", "tutor") == 1


def test_events_and_levels_of_the_process() -> None:
    metrics = WorkerMetrics()
    report = metrics.report()
    assert value(report, "gateway_requests_in_flight", "public") == 0, "there from the beginning"
    assert value(report, "gateway_connections", "public") == 0
    assert value(report, "gateway_state_ok") == 1
    metrics.event("drain_cut")
    metrics.listener("public", 3, 7)
    metrics.listener("public", 2, 6)
    metrics.listener("egress", 1, 5)
    metrics.taking("public", {"stalled": 2}, 4096)
    metrics.taking("public", {"stalled": 3, "too_many": 1}, 1024)
    metrics.lines_dropped(5)
    metrics.lines_dropped(9)
    metrics.state_store(False)
    report = metrics.report()
    assert value(report, "gateway_events_total", "drain_cut") == 1
    assert value(report, "gateway_requests_in_flight", "public") == 2
    assert value(report, "gateway_connections", "public") == 6
    assert value(report, "gateway_connections", "egress") == 5
    assert value(report, "gateway_connections_ended_total", "public", "stalled") == 3
    assert value(report, "gateway_connections_ended_total", "public", "too_many") == 1
    assert value(report, "gateway_unsent_bytes", "public") == 1024
    assert value(report, "gateway_log_lines_dropped_total") == 9
    assert value(report, "gateway_state_ok") == 0


@pytest.mark.parametrize("bound", ["MOST_SERIES", "MOST_OF_ROUTE"])
def test_an_upstream_that_makes_up_statuses_adds_no_series_without_end(
    monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(worker, bound, 3)
    metrics = WorkerMetrics()
    for status in (200, 201, 202, 451, 499, 599, 200):
        metrics.done(exchange(status=status, upstream=0.1), 0.5)
    report = metrics.report()
    counted = {status: count for (_, status, _), count in report["counters"]["gateway_requests_total"]}
    assert counted == {"200": 2, "201": 1, "202": 1, "400": 2, "500": 1}
    assert observed(report, "gateway_request_seconds", "chat") == (7, 3.5)


def test_a_report_goes_over_the_channel_as_it_is() -> None:
    metrics = WorkerMetrics()
    metrics.done(exchange(upstream=0.1), 1 / 3)
    report = metrics.report()
    received: MetricsReport = orjson.loads(orjson.dumps(report))
    assert observed(received, "gateway_request_seconds", "chat") == (1, 1 / 3)
    assert value(received, "gateway_requests_total", "chat", "200", "") == 1


def test_what_has_gathered_is_counted_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[int] = []
    add = Observations.add

    def counted(self: Observations, values: list[float]) -> None:
        worked[-1] += len(values)
        add(self, values)

    monkeypatch.setattr(Observations, "add", counted)
    metrics = WorkerMetrics()
    for status in range(200, 260):
        for _ in range(100):
            metrics.done(exchange(status=status, upstream=0.001), 0.001)
    worked.append(0)
    for _ in metrics.gather():
        worked.append(0)
    assert sum(worked) == 2 * 6000
    assert max(worked) < 2 * SLICE + 200, "no slice counts more, whatever has gathered"
    assert sum(value for _, value in metrics.report()["counters"]["gateway_requests_total"]) == 6000


def test_many_series_with_nothing_to_count_are_looked_at_in_slices() -> None:
    metrics = WorkerMetrics()
    for number in range(100):
        for status in range(200, 260):
            metrics.done(exchange(route=f"route-{number}", status=status), 0.001)
    list(metrics.gather())
    assert len(list(metrics.gather())) >= 6000 // SLICE


def test_what_a_limit_refuses_is_counted_by_its_name_and_mode() -> None:
    metrics = WorkerMetrics()
    refused = exchange(status=429, reason="rate_limited")
    refused.refused_by = (("rate_limits", "tight", "enforce"), ("rate_limits", "wide", "enforce"))
    passed = exchange()
    passed.reported, passed.refused_by = [refuse("rate_limited")], (("rate_limits", "tight", "report"),)
    for made in (refused, refused, passed, exchange()):
        metrics.done(made, 0.001)
    report = metrics.report()
    assert value(report, "gateway_limited_total", "rate_limits", "tight", "enforce") == 2
    assert value(report, "gateway_limited_total", "rate_limits", "wide", "enforce") == 2
    assert value(report, "gateway_limited_total", "rate_limits", "tight", "report") == 1


def test_clients_are_counted_with_their_requests_and_nothing_of_them_gathers() -> None:
    metrics = WorkerMetrics()
    for number in range(1000):
        made = exchange(status=429, reason="rate_limited")
        made.client, made.principal = "192.0.2.7", "ada" if number % 2 else ""
        metrics.done(made, 0.001)
    list(metrics.gather())
    rows = {row["client"]: row for row in metrics.clients.report(str)["clients"]}
    assert {name: (row["requests"], row["refusals"]) for name, row in rows.items()} == {
        "ada": (500, 500),
        "192.0.2.7": (500, 500),
    }
    assert not any(series.clients for series in metrics._series.values())
