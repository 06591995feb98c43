"""Every request reaches the figures and the log."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

from prometheus_client import CollectorRegistry

from gateway.core.exchange import Exchange
from gateway.ops.log import Log
from gateway.ops.metrics import Metrics
from gateway.ops.observer import Watcher
from gateway.ops.sink import Sink


def test_a_refused_request_has_two_lines_and_is_counted(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    sink = Sink(fd)
    watcher = Watcher(Log(sink, b"k"), Metrics(registry))
    exchange = Exchange("GET", "/", {}, "127.0.0.1", 0.0)
    watcher.begin(exchange)
    assert watcher.in_flight == 1
    exchange.route, exchange.status, exchange.reason = SimpleNamespace(name="chat"), 429, "rate_limited"
    watcher.done(exchange, 0.01)
    watcher.event("drain_cut", in_flight=1)
    watcher.tick(connections=4)
    assert watcher.in_flight == 0
    sink.close()
    os.close(fd)
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events == ["request", "refused", "drain_cut"]
    labels = {"route": "chat", "status": "429", "reason": "rate_limited"}
    assert registry.get_sample_value("gateway_requests_total", labels) == 1
    assert registry.get_sample_value("gateway_connections", {"listener": "public"}) == 4
    assert registry.get_sample_value("gateway_events_total", {"event": "drain_cut"}) == 1


def test_events_of_upstreams_and_breakers_and_how_endpoints_stand(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    sink = Sink(fd)
    watcher = Watcher(Log(sink, b"k"), Metrics(registry))
    watcher.told("endpoint_ejected", upstream="tutor", endpoint="a:1", failures=5, for_s=30.0)
    watcher.told("breaker_open", upstream="tutor", before="closed", failures=5)
    watcher.endpoints(
        "tutor",
        [
            {"address": "a:1", "healthy": True},
            {"address": "a:1", "healthy": False},
            {"address": "b:1", "healthy": True},
        ],
    )
    watcher.called("tutor", {("retries", "reset"): 2}, {"retries": 5})
    watcher.tick(connections=0)
    sink.close()
    os.close(fd)
    first, second = (json.loads(line) for line in (tmp_path / "log").read_text().splitlines())
    assert (first["event"], first["endpoint"], first["for_s"]) == ("endpoint_ejected", "a:1", 30.0)
    assert second["event"] == "breaker_open"

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"upstream": "tutor", **labels})

    assert value("gateway_endpoint_healthy", endpoint="a:1") == 0, "a name is well when all it leads to is"
    assert value("gateway_endpoint_healthy", endpoint="b:1") == 1
    assert value("gateway_breaker_state") == 2
    assert value("gateway_retries_total", why="reset") == 2
    assert value("gateway_budget_left", budget="retries") == 5
