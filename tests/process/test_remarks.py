"""What is worth a line when a configuration comes into force."""

from __future__ import annotations

from datetime import UTC, date, datetime

from gateway.config.model import Config
from gateway.policy.base.settings import Policy
from gateway.process.remarks import remarks

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp()


def test_nothing_where_all_is_as_written() -> None:
    assert list(remarks(Config(), 1_000_000, NOON)) == []


def test_too_few_descriptors_and_policies_that_only_report() -> None:
    trial = Policy(mode="report", until=date(2027, 1, 31))
    found = dict(remarks(Config(policies={"cors": {"a": trial}}), 1000, NOON))
    assert found["connections_limited"]["descriptors"] == 1000
    assert found["reporting_only"] == {"policies": ["cors.a until 2027-01-31"]}
    assert "reporting_only" not in dict(remarks(Config(policies={"cors": {"a": trial}}), 1000, NOON + 86_400))
