"""What an upstream may say about its endpoints and how they are called.

Durations are seconds. Every default stands here and nowhere else.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from gateway.config.names import EndpointUrl, HostValue, Name, Positive, UrlPath, none_if_empty
from gateway.core.units import DURATION_PATTERN, parse_duration
from gateway.policy.base.settings import Model, Share

STATUSES = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")

FAILURES = ("connect", "reset", "timeout", "broken")
"""How a call comes to nothing: no connection; closed before any answer; no answer in time; an unreadable answer."""


def is_name(host: str) -> bool:
    """Whether ``host`` is a name, and no address."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _failure(value: Any) -> str | int:
    if value in FAILURES:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and (value == 429 or 500 <= value <= 599):
        return value
    raise ValueError(f"is not a way to fail: write {', '.join(FAILURES)}, 429 or a status from 500 to 599")


Failure = Annotated[
    str | int,
    PlainValidator(_failure),
    WithJsonSchema({"anyOf": [{"enum": [*FAILURES, 429]}, {"type": "integer", "minimum": 500, "maximum": 599}]}),
]


def _statuses(value: Any) -> tuple[int, int]:
    found = STATUSES.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found and int(found[1]) <= int(found[2] or found[1]):
        return int(found[1]), int(found[2] or found[1])
    raise ValueError("is not a status or a span of them: write 200 or 200-299")


Statuses = Annotated[
    tuple[int, int],
    PlainValidator(_statuses),
    PlainSerializer(lambda span: f"{span[0]}-{span[1]}", return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": f"^{STATUSES.pattern}$"}]}),
]
"""A first and a last status, written ``200`` or ``200-299``."""


def _not_too_often(seconds: float) -> float:
    if seconds < 1:
        raise ValueError("must be at least 1s: name servers remember their answers for longer than that")
    return seconds


LookupInterval = Annotated[Positive, AfterValidator(_not_too_often)]

QUANTILE = re.compile(r"p([5-9][0-9])")


def _after(value: Any, info: ValidationInfo) -> float | str:
    if isinstance(value, str) and QUANTILE.fullmatch(value):
        return value
    try:
        seconds = parse_duration(value) if isinstance(value, str) or info.context else float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if seconds <= 0:
        raise ValueError("is neither a duration nor a quantile: write 200ms, or p95 for what 95% of calls stay below")
    return seconds


After = Annotated[
    float | str,
    PlainValidator(_after),
    WithJsonSchema({"type": "string", "pattern": f"{DURATION_PATTERN}|^{QUANTILE.pattern}$"}),
]

Times = Annotated[int, Field(strict=True, ge=1, le=1000)]
Region = Annotated[Name | None, BeforeValidator(none_if_empty)]


class EndpointSettings(Model):
    """One server of an upstream."""

    url: EndpointUrl
    weight: Times = 1
    """Its share of the calls beside the others of its priority."""
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] = 0
    """The lowest is used first, the next only when too few of it are healthy."""
    region: Region = None
    """Where it stands; those in the gateway's own region are preferred."""

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The host without the brackets of an IPv6 address."""
        return urlsplit(self.url).hostname or ""

    @property
    def named(self) -> bool:
        """Whether the host is a name that has to be looked up."""
        return is_name(self.host)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or (443 if self.scheme == "https" else 80)


class HealthCheckSettings(Model):
    """Asking each endpoint now and then whether it is well."""

    path: UrlPath
    interval: Positive = 5.0
    timeout: Positive = 2.0
    """For one check, from connecting to the head of the answer."""
    healthy: Times = 2
    """So many good checks in a row bring an endpoint back."""
    unhealthy: Times = 3
    """So many bad ones in a row take it out."""
    jitter: Share = 0.1
    """Each interval is longer or shorter by up to this share, so that workers do not march in step."""
    expect: Annotated[tuple[Statuses, ...], Field(min_length=1)] = ((200, 499),)
    """Statuses of an endpoint that is well."""
    host: HostValue | None = None
    """Host of the checks; the endpoint's own unless written."""


class EjectionSettings(Model):
    """Leaving out an endpoint that fails its calls while the others do not."""

    failures: Times = 5
    """So many failed calls in a row eject it."""
    count: Annotated[tuple[Failure, ...], Field(min_length=1)] = (
        "connect",
        "reset",
        "timeout",
        "broken",
        502,
        503,
        504,
    )
    """What is a failure."""
    eject_for: Positive = 30.0
    """The first time; twice as long with each further one."""
    max_eject_for: Positive = 300.0
    most: Share = 0.5
    """No more of the endpoints than this are out at once, the unhealthy ones counted in."""

    @model_validator(mode="after")
    def _makes_sense(self) -> EjectionSettings:
        if self.max_eject_for < self.eject_for:
            raise ValueError("max_eject_for must not be shorter than eject_for")
        return self


class RetrySettings(Model):
    """When a call that came to nothing is made again."""

    attempts: Annotated[int, Field(strict=True, ge=2, le=5)] = 2
    """Calls in all, the first among them."""
    on: Annotated[tuple[Failure, ...], Field(min_length=1)] = ("connect", "reset", 502, 503, 504)
    """What is tried again; all but ``connect`` only for idempotent methods."""
    budget: Share = 0.2
    """Retries as a share of the calls of the last ten seconds, in each worker."""
    min_per_second: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    """So many a second besides, so that an upstream with little traffic is tried again too."""
    backoff: Positive = 0.025
    """The longest pause before the first retry; doubled for each further one, and drawn from zero to that."""
    max_backoff: Positive = 0.25
    attempt_timeout: Positive | None = None
    """How long one attempt may take; without it a call that is too slow leaves no time for another."""

    @model_validator(mode="after")
    def _makes_sense(self) -> RetrySettings:
        if self.max_backoff < self.backoff:
            raise ValueError("max_backoff must not be shorter than backoff")
        if "timeout" in self.on and self.attempt_timeout is None:
            raise ValueError(
                "needs attempt_timeout to retry on timeout: otherwise the first attempt takes all the time"
            )
        return self


class HedgeSettings(Model):
    """Sending a safe call that takes long to a second endpoint too."""

    after: After = "p95"
    """When: a duration, or a quantile from p50 to p99 of the latest calls, in each worker."""
    budget: Share = 0.05
    """Second calls as a share of the calls of the last ten seconds."""

    @property
    def quantile(self) -> float | None:
        """The quantile as a part of one, None where ``after`` is a duration."""
        return int(self.after[1:]) / 100 if isinstance(self.after, str) else None
