"""Seconds are counted in the bucket that they belong to."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from gateway.ops.metrics.histogram import BUCKETS, Observations
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.metrics.worker import WorkerMetrics
from tests.ops.metrics.exchanges import exchange, samples

SECONDS = [0.0, 0.0005, 0.00051, 0.003, 0.1, 14.9, 15.0, 15.1, 1000.0]


def test_a_bound_belongs_to_its_own_bucket() -> None:
    seen = Observations()
    seen.add([0.0005, 0.00051, 15.0, 15.1])
    seen.add([0.0])
    assert [seen.counts[0], seen.counts[1], seen.counts[-2], seen.counts[-1]] == [2, 1, 1, 1]
    assert seen.total == 0.0005 + 0.00051 + 15.0 + 15.1


def test_the_exposition_is_what_the_library_would_have_observed() -> None:
    theirs = CollectorRegistry()
    expected = Histogram("gateway_request_seconds", "", ("route",), buckets=BUCKETS, registry=theirs)
    worker, run = WorkerMetrics(), RunMetrics()
    for seconds in SECONDS:
        worker.done(exchange(), seconds)
        expected.labels("chat").observe(seconds)
    run.reported(0, worker.report())
    ours = samples(run)
    for bound in (*map(str, BUCKETS), "+Inf"):
        labels = {"route": "chat", "le": bound}
        assert ours[f"gateway_request_seconds_bucket|le={bound}|route=chat"] == theirs.get_sample_value(
            "gateway_request_seconds_bucket", labels
        )
    for what in ("sum", "count"):
        assert ours[f"gateway_request_seconds_{what}|route=chat"] == theirs.get_sample_value(
            f"gateway_request_seconds_{what}", {"route": "chat"}
        )
