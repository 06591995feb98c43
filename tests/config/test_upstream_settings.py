"""Settings of endpoints, health checks, ejection, retries and hedging: defaults and contradictions."""

import pytest
from pydantic import ValidationError

from gateway.config.upstream_settings import (
    EjectionSettings,
    EndpointSettings,
    HealthCheckSettings,
    HedgeSettings,
    RetrySettings,
    is_name,
)
from gateway.policy.base.settings import Model


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8787", ("http", "127.0.0.1", 8787)),
        ("https://toolkit.rork.com/", ("https", "toolkit.rork.com", 443)),
        ("http://[::1]", ("http", "::1", 80)),
    ],
)
def test_endpoints(url: str, expected: tuple[str, str, int]) -> None:
    endpoint = EndpointSettings(url=url)
    assert (endpoint.scheme, endpoint.host, endpoint.port) == expected


@pytest.mark.parametrize(
    ("host", "name"), [("backend.example", True), ("localhost", True), ("127.0.0.1", False), ("::1", False)]
)
def test_names_and_addresses(host: str, name: bool) -> None:
    assert is_name(host) is name


def test_statuses_are_single_or_a_span() -> None:
    settings = HealthCheckSettings.model_validate({"path": "/health", "expect": [204, "301-308"]})
    assert settings.expect == ((204, 204), (301, 308))


@pytest.mark.parametrize("status", [99, 600, "300-200", "2xx", True, "200-"])
def test_statuses_that_are_none(status: object) -> None:
    with pytest.raises(ValidationError, match="is not a status or a span of them"):
        HealthCheckSettings.model_validate({"path": "/health", "expect": [status]})


@pytest.mark.parametrize(("after", "quantile"), [("p95", 0.95), ("p50", 0.5), (0.2, None)])
def test_a_hedge_waits_for_a_quantile_or_a_duration(after: object, quantile: float | None) -> None:
    assert HedgeSettings.model_validate({"after": after}).quantile == quantile


@pytest.mark.parametrize("after", ["p49", "p100", "soon", 0, -1.0])
def test_a_hedge_that_is_neither(after: object) -> None:
    with pytest.raises(ValidationError, match="is neither a duration nor a quantile"):
        HedgeSettings.model_validate({"after": after})


@pytest.mark.parametrize("failure", ["slow", 404, 499, 600, True, "503"])
def test_failures_that_are_none(failure: object) -> None:
    with pytest.raises(ValidationError, match="is not a way to fail"):
        RetrySettings.model_validate({"on": [failure]})


@pytest.mark.parametrize(
    ("model", "settings", "sentence"),
    [
        (
            EjectionSettings,
            {"eject_for": 60.0, "max_eject_for": 5.0},
            "max_eject_for must not be shorter than eject_for",
        ),
        (RetrySettings, {"backoff": 1.0, "max_backoff": 0.5}, "max_backoff must not be shorter than backoff"),
        (RetrySettings, {"on": ["timeout"]}, "needs attempt_timeout to retry on timeout"),
    ],
)
def test_contradictions(model: type[Model], settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        model.model_validate(settings)


def test_what_is_retried_by_default() -> None:
    # After a timeout or a broken response the upstream may be at work; 429 asks for fewer calls, not for more.
    assert RetrySettings().on == ("connect", "reset", 502, 503, 504)
