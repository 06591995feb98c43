"""Settings of an upstream: its endpoints, health checks, ejection, retries, hedging, headers and paths.

Durations are seconds. Every default is defined here and nowhere else.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from gateway.config import upstream_orders
from gateway.config.names import (
    EndpointUrl,
    FieldName,
    FieldValue,
    HostValue,
    Name,
    PassedField,
    Positive,
    UrlPath,
    none_if_empty,
)
from gateway.core.failure import WORDS
from gateway.core.path_reading import PathReading
from gateway.core.units import DURATION_PATTERN, parse_duration
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import Model, Share

STATUSES = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


def is_name(host: str) -> bool:
    """Whether ``host`` is a name and not an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _counted_outcome(value: Any) -> str | int:
    if value in WORDS:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and (value == 429 or 500 <= value <= 599):
        return value
    raise ValueError(f"is not a way to fail: write {', '.join(WORDS)}, 429 or a status from 500 to 599")


CountedOutcome = Annotated[
    str | int,
    PlainValidator(_counted_outcome),
    WithJsonSchema({"anyOf": [{"enum": [*WORDS, 429]}, {"type": "integer", "minimum": 500, "maximum": 599}]}),
]


def _statuses(value: Any) -> tuple[int, int]:
    match = STATUSES.fullmatch(str(value)) if not isinstance(value, bool) else None
    if match and int(match[1]) <= int(match[2] or match[1]):
        return int(match[1]), int(match[2] or match[1])
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
    """Endpoints of the lowest priority are used first, the next only when too few of them are healthy."""
    region: Region = None
    """Its region; endpoints in the gateway's own region are preferred."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_ENDPOINTS

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The host without the brackets of an IPv6 address."""
        return urlsplit(self.url).hostname or ""

    @property
    def named(self) -> bool:
        """Whether the host is a name, which has to be resolved."""
        return is_name(self.host)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or (443 if self.scheme == "https" else 80)


class HealthCheckSettings(Model):
    """Regular requests to each endpoint that show whether it is healthy."""

    path: UrlPath
    interval: Positive = 5.0
    timeout: Positive = 2.0
    """For one check, from connecting to the head of the response."""
    healthy: Times = 2
    """After so many good checks in a row an unhealthy endpoint is healthy again."""
    unhealthy: Times = 3
    """After so many failed checks in a row an endpoint is unhealthy."""
    jitter: Share = 0.1
    """Each interval is longer or shorter by up to this share, so that workers do not check at the same moment."""
    expect: Annotated[tuple[Statuses, ...], Field(min_length=1)] = ((200, 499),)
    """Statuses of a healthy endpoint."""
    host: HostValue | None = None
    """Host of the checks; the endpoint's own by default."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_HEALTH_CHECKS


class EjectionSettings(Model):
    """Ejection of an endpoint whose calls fail while those of others succeed."""

    failures: Times = 5
    """After so many failed calls in a row it is ejected."""
    count: Annotated[tuple[CountedOutcome, ...], Field(min_length=1)] = (
        "connect",
        "reset",
        "timeout",
        "broken",
        502,
        503,
        504,
    )
    """What counts as a failure."""
    eject_for: Positive = 30.0
    """How long the first ejection lasts; each further one lasts twice as long."""
    max_eject_for: Positive = 300.0
    most: Share = 0.5
    """At most this share of the endpoints is out at once, unhealthy ones included."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_EJECTION

    @model_validator(mode="after")
    def _makes_sense(self) -> EjectionSettings:
        if self.max_eject_for < self.eject_for:
            raise ValueError("max_eject_for must not be shorter than eject_for")
        return self


class RetrySettings(Model):
    """When a failed call is made again."""

    attempts: Annotated[int, Field(strict=True, ge=2, le=5)] = 2
    """How many calls are made at most, the first included."""
    on: Annotated[tuple[CountedOutcome, ...], Field(min_length=1)] = ("connect", "reset", 502, 503, 504)
    """Failures that are retried; all but ``connect`` only for idempotent methods."""
    budget: Share = 0.2
    """Retries as a share of the calls of the last ten seconds, in each worker."""
    min_per_second: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    """So many retries a second are allowed beside the budget, so that an upstream with little traffic has some too."""
    backoff: Positive = 0.025
    """The longest pause before the first retry, doubled for each further one. The pause is drawn from zero to that."""
    max_backoff: Positive = 0.25
    attempt_timeout: Positive | None = None
    """How long one attempt may take; without it, a call that is too slow leaves no time for another."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_RETRIES

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
    """A second request, to another endpoint, for a safe call that takes long."""

    after: After = "p95"
    """When it is sent: a duration, or a quantile from p50 to p99 of the latest calls, in each worker."""
    budget: Share = 0.05
    """Second requests as a share of the calls of the last ten seconds."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_HEDGES

    @property
    def quantile(self) -> float | None:
        """The quantile between 0 and 1, or None when ``after`` is a duration."""
        return int(self.after[1:]) / 100 if isinstance(self.after, str) else None


class HeaderEdits(Model):
    """Which headers of requests go to an upstream, and changes to them on the way."""

    pass_: Annotated[tuple[PassedField, ...], Field(alias="pass")] = ()
    """Headers that pass besides those of HTTP itself: names, or beginnings such as ``x-app-*``."""
    set: dict[FieldName, FieldValue] = Field(default_factory=dict)
    remove: tuple[FieldName, ...] = ()

    ORDERS: ClassVar[Orders] = upstream_orders.OF_HEADERS

    @field_validator("set", mode="before")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        names = [str(name).lower() for name in value] if isinstance(value, dict) else []
        if len(names) > len(set(names)):
            raise ValueError("names one header twice: upper and lower case are the same")
        return value

    @field_validator("set", "remove")
    @classmethod
    def _not_via(cls, value: Any) -> Any:
        if "via" in value:
            raise ValueError("names via, by which a request that goes round is found: listen.via is the name in it")
        return value


class PathSettings(Model):
    """How an upstream compares paths: ``same`` when two spellings that differ so are two paths, ``ignored`` when they are
    one."""

    case: Literal["same", "ignored"] = "ignored"
    """Upper and lower case, and what servers fold with it: compatibility forms, dots and blanks at the end of a segment."""
    slash: Literal["same", "ignored"] = "ignored"
    """A slash at the end."""
    suffix: Literal["same", "ignored"] = "ignored"
    """A format at the end, such as ``.json``."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_PATHS

    @property
    def reading(self) -> PathReading:
        return PathReading(self.case == "ignored", self.slash == "ignored", self.suffix == "ignored")
