"""Every request reaches the metrics and the log."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.core.exchange import Exchange
from gateway.core.shortage import Shortage
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.observer import WorkerObserver
from gateway.ops.sink import Sink
from gateway.state.rules.lockout import Lock
from tests.ops.metrics.exchanges import samples

Lines = Callable[[], list[dict[str, object]]]


class Observed:
    """An observer, the log that it writes, and the samples of its metrics."""

    def __init__(self, path: Path, fd: int) -> None:
        self.sink = Sink(fd)
        self.metrics = WorkerMetrics()
        self.observer = WorkerObserver(Log(self.sink, b"k"), self.metrics)
        self._path = path

    def lines(self) -> list[dict[str, object]]:
        """The lines of the log, which is closed."""
        self.sink.close()
        return [json.loads(line) for line in self._path.read_text().splitlines()]

    def samples(self) -> dict[str, float]:
        run = RunMetrics()
        run.reported(0, self.metrics.report())
        return samples(run)


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Observed]:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    made = Observed(tmp_path / "log", fd)
    yield made
    made.sink.close()
    os.close(fd)


def exchange() -> Exchange:
    made = Exchange("GET", "/", {}, "127.0.0.1", 0.0)
    made.route, made.status, made.reason = SimpleNamespace(name="chat", config=""), 429, "rate_limited"
    return made


def test_a_refused_request_has_one_line_and_is_counted(observed: Observed) -> None:
    refused = exchange()
    observed.observer.begin(refused)
    observed.observer.done(refused, 0.01)
    observed.observer.event("drain_cut", in_flight=1)
    assert [line["event"] for line in observed.lines()] == ["request", "drain_cut"]
    found = observed.samples()
    assert found["gateway_requests_total|reason=rate_limited|route=chat|status=429"] == 1
    assert found["gateway_events_total|event=drain_cut"] == 1


def test_another_listener_has_its_name_in_the_log_and_the_same_metrics(observed: Observed) -> None:
    egress = observed.observer.for_listener("egress")
    for observer in (observed.observer, egress):
        observer.begin(exchange())
        observer.done(exchange(), 0.01)
    requests = [line.get("listener") for line in observed.lines() if line["event"] == "request"]
    assert requests == [None, "egress"]
    assert observed.samples()["gateway_requests_total|reason=rate_limited|route=chat|status=429"] == 2


def test_events_of_upstreams_and_breakers_and_the_health_of_endpoints(observed: Observed) -> None:
    observer = observed.observer
    observer.event("endpoint_ejected", upstream="tutor", endpoint="a:1", failures=5, for_s=30.0)
    observer.breaker_changed("tutor", before="closed", state="open", failures=5)
    observer.endpoints(
        "tutor",
        [
            {"address": "a:1", "healthy": True},
            {"address": "a:1", "healthy": False},
            {"address": "b:1", "healthy": True},
        ],
    )
    first, second = observed.lines()
    assert (first["event"], first["endpoint"], first["for_s"]) == ("endpoint_ejected", "a:1", 30.0)
    assert second["event"] == "breaker_open"
    found = observed.samples()
    assert found["gateway_endpoint_healthy|endpoint=a:1|upstream=tutor"] == 0, "healthy when all behind the name are"
    assert found["gateway_endpoint_healthy|endpoint=b:1|upstream=tutor"] == 1
    assert found["gateway_breaker_state|upstream=tutor"] == 2
    assert found["gateway_breaker_transitions_total|state=open|upstream=tutor"] == 1


def test_a_lock_is_counted_and_its_end_is_written_as_a_date(observed: Observed) -> None:
    observed.observer.locked("accounts", Lock("address", "a", 0.0, 0.0, 3, "failed attempts from one address"))
    assert [line["until"] for line in observed.lines()] == ["1970-01-01T00:00:00Z"]
    assert observed.samples()["gateway_locks_total|kind=address|lockout=accounts"] == 1


def test_each_shortage_is_counted_and_the_log_has_one_line_in_a_while(observed: Observed) -> None:
    other = observed.observer.for_listener("egress")
    for _ in range(5):
        observed.observer.shortage(Shortage.DESCRIPTORS, "accepting a connection")
        other.shortage(Shortage.DESCRIPTORS, "accepting a connection")
    other.shortage(Shortage.PORTS, "connecting to a:80")
    assert observed.samples()["gateway_shortages_total|kind=descriptors"] == 10
    assert [(line["kind"], line["where"], line["times"]) for line in observed.lines()] == [
        ("descriptors", "accepting a connection", 1),
        ("ports", "connecting to a:80", 1),
    ]
    assert [(one["kind"], one["times"]) for one in observed.observer.shortages.lasting()] == [
        ("descriptors", 10),
        ("ports", 1),
    ]


def test_lines_that_were_dropped_are_counted(observed: Observed) -> None:
    observed.sink.close()
    observed.observer.event("late")
    assert observed.observer.lines_dropped == 1
