"""Requests that have ended, and what the text format says of them."""

from __future__ import annotations

from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from gateway.core.exchange import Exchange
from gateway.ops.metrics.run import RunMetrics


def exchange(
    route: str | None = "chat", status: int = 200, reason: str = "", upstream: float | None = None
) -> Exchange:
    """A request of ``route`` that has ended, ``upstream`` seconds of which an upstream took."""
    made = Exchange("GET", "/", {}, "127.0.0.1", 0.0)
    if route:
        made.route = SimpleNamespace(name=route, config="")
    made.status, made.reason = status, reason
    if upstream is not None:
        made.endpoint, made.upstream_time = "127.0.0.1:1", upstream
    return made


def samples(metrics: RunMetrics) -> dict[str, float]:
    """The samples of an exposition by name and labels, as in ``name|label=value``."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        "|".join([sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))]): sample.value
        for family in families
        for sample in family.samples
    }
