"""The settings in ``upstreams.yaml``, and the one frozen value that all files become.

Durations are seconds and sizes are bytes. Every default is defined here or in ``config.upstream_settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gateway.config.drain import DrainField, DrainTimes
from gateway.config.names import (
    EnvironmentName,
    ExactOrigins,
    FilePath,
    LoopbackHost,
    Method,
    Name,
    PathPattern,
    Positive,
    Procedure,
    Procedures,
    RedisUrl,
    UrlPath,
    UrlPrefix,
    ViaName,
    none_if_empty,
)
from gateway.config.policy_keys import keys_of_defaults, keys_of_routes
from gateway.config.problem import Problem
from gateway.config.setting import Setting
from gateway.config.tree import Position
from gateway.config.upstream_settings import (
    EjectionSettings,
    EndpointSettings,
    HeaderEdits,
    HealthCheckSettings,
    HedgeSettings,
    LookupInterval,
    PathSettings,
    Region,
    RetrySettings,
)
from gateway.config.worker_count import Workers
from gateway.core.units import Rate
from gateway.core.via import DEFAULT_NAME
from gateway.policy.base.settings import ByteSize, Model, Network, Policy, RateField, SecretField, Share, whole
from gateway.policy.base.trusted_fields import ANY_FIELDS, TrustedFields
from gateway.policy.concurrency import Settings as Concurrency


def _roomy(value: int) -> int:
    if value < 1024:
        raise ValueError("must be at least 1KiB: shorter than that no browser's request fits")
    return value


def _some_responses(value: int) -> int:
    if value < 1024 * 1024:
        raise ValueError("must be at least 1MiB: a few responses on their way to clients are more than that")
    return value


Count = Annotated[int, Field(ge=1), BeforeValidator(whole)]
Port = Annotated[int, Field(ge=0, le=65535), BeforeValidator(whole)]
Fallbacks = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str) else () if value is None else value,
        json_schema_input_type=str | tuple[str, ...] | None,
    ),
]
HeaderBytes = Annotated[ByteSize, AfterValidator(_roomy)]

NOWHERE = Position("", 0, 0)


class PerAddress(Model):
    """Limits of one address in one worker. IPv6 addresses of one /64 are one; a proxy of ``trusted_proxies`` has none, its
    requests count for their clients."""

    connections: Count | None = None
    """Open connections; no bound by default."""
    requests: Count | None = None
    """Requests in flight; no bound by default."""
    unrouted: RateField = Rate(1000, 1.0)
    """Requests that no rate limit counts: preflights, health, refusals of unknown origins and unreadable heads. And as many
    TLS handshakes."""


class Limits(Model):
    """Limits of one worker, beyond which it refuses."""

    connections: Count = 10_000
    """Open client connections of one worker, from accept to their end."""
    header_bytes: HeaderBytes = 16 * 1024
    """Request line and headers together."""
    header_timeout: Positive = 10.0
    """From the first byte of a request's head to its last."""
    body_timeout: Positive = 30.0
    """For a whole request body to arrive."""
    keepalive: Positive = 75.0
    """How long a connection without a request stays open."""
    send_timeout: Positive = 30.0
    """How long a client may take nothing of what it is sent, or less than 4 KiB a second."""
    unsent: Annotated[ByteSize, AfterValidator(_some_responses)] = 64 * 1024 * 1024
    """Bytes that wait for clients to take them, of all connections of one worker."""
    per_address: PerAddress = PerAddress()


class Tls(Model):
    """Certificate chain and key, PEM."""

    cert: FilePath
    key: FilePath


class EgressSettings(Model):
    """The listener for the backend's own calls to other services. Its routes say ``listener: egress``."""

    host: LoopbackHost = "127.0.0.1"
    """A loopback address, because the listener requires no token."""
    port: Port = 8181


class Listen(Model):
    """The public listener."""

    host: Annotated[str, Field(min_length=1)] = "0.0.0.0"
    port: Port = 8080
    workers: Workers = 1
    """Processes that share the port; ``auto`` is one for each processor that they may use."""
    trusted_proxies: tuple[Network, ...] = ()
    """Networks whose forwarding headers are believed."""
    trusted_fields: TrustedFields = ANY_FIELDS
    """Which of them they write: X-Forwarded-*, Forwarded (RFC 7239), or either, which then have to agree; or a list of names."""
    limits: Limits = Limits()
    tls: Tls | None = None
    drain: DrainField = Field(default_factory=DrainTimes)
    """How a run ends after SIGTERM: ``announce``, then ``finish``, or a plain duration for both."""
    egress: EgressSettings | None = None
    via: ViaName = DEFAULT_NAME
    """The name of this gateway in Via, which it adds to requests and responses that it passes on."""


class Ops(Model):
    """The operators' listener: health in full, metrics, admin API."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 9090
    token: SecretField | None = None
    """The bearer token that operators send."""
    origins: ExactOrigins = ()
    """Origins whose pages may use this API from a browser, with the token: https://host or https://host:port."""

    _empty = field_validator("token", mode="before")(none_if_empty)

    @field_validator("origins")
    @classmethod
    def _with_token(cls, origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if origins and "token" in info.data and not info.data["token"]:
            raise ValueError("needs ops.token: a page has to show that its user is an operator")
        return origins


class State(Model):
    """Where limits and lockouts are kept."""

    path: FilePath = Path("var/state")
    """Folder of the embedded store."""
    redis: RedisUrl | None = None
    """Address of a Redis that all replicas share."""
    key: SecretField | None = None
    """Account names are stored as hashes under this key."""

    _empty = field_validator("redis", "key", mode="before")(none_if_empty)


class Timeouts(Model):
    """How long an upstream may take for each part of its response."""

    connect: Positive = 2.0
    response: Positive = 14.0
    """From the end of the request to the head of the response; the app gives up after 15 s."""
    body: Positive = 60.0
    """The longest silence within a response."""
    total: Positive | None = None
    """The whole call, from the wait for a connection to the last byte of the response; no limit by default."""
    idle: Positive = 4.0
    """How long a connection waits for its next request; stay below the upstream's own limit."""


class Trpc(Model):
    """How an upstream speaks tRPC."""

    prefix: UrlPrefix
    max_batch: Count = 10
    """The most calls of one batch."""
    transformer: Literal["superjson", "none"] = "superjson"
    aliases: dict[Procedure, Procedure] = Field(default_factory=dict)
    """Other names of procedures; routes name the procedure itself."""


class UpstreamSettings(Model):
    """A service behind the gateway."""

    endpoints: Annotated[tuple[EndpointSettings, ...], Field(min_length=1)]
    timeouts: Timeouts = Timeouts()
    resolve: LookupInterval | None = None
    """How often the names of the endpoints are resolved, each address being an endpoint. By default a name is one endpoint,
    and is resolved for each new connection and every 5 s."""
    spill_below: Share = 0.5
    """The next priority of endpoints gets calls too while less than this share of the one before is healthy."""
    health_check: HealthCheckSettings | None = None
    ejection: EjectionSettings | None = None
    """Ejects an endpoint whose calls fail while those of others succeed; off by default."""
    trpc: Trpc | None = None
    request_headers: HeaderEdits = HeaderEdits()
    paths: PathSettings | None = None
    """How it compares paths; all is ``ignored`` unless written."""
    required: bool = False
    """``true``: without it nothing works, so ``/health`` is ``down`` (503) while it is dead."""
    breaker: str | None = None
    """Stops calls to it for a while when it fails; a policy from ``breakers``."""
    fallback: Fallbacks = ()
    """What the client gets instead of nothing: a policy from ``fallbacks``, or a list of them, tried in order."""
    retries: RetrySettings | None = None
    """When a failed call is made again; never by default."""
    hedge: HedgeSettings | None = None
    """Sends a safe call that takes long to a second endpoint too; never by default."""
    concurrency: Concurrency | None = None
    """How many calls it gets at once; by default as many as there are connections."""
    max_connections: Count = 1000
    """Open connections of one worker to one endpoint."""


@keys_of_defaults()
class Defaults(Model):
    """The policies of a route that names no others."""


@keys_of_routes()
class WrittenRoute(Model):
    """One route as it is written. The first route that matches a request applies to it."""

    name: Name
    listener: Literal["public", "egress"] = "public"
    """``egress``: for the backend's calls to ``listen.egress``; such a route has nothing from ``defaults``."""
    procedures: tuple[Procedures, ...] = ()
    """tRPC procedures, such as ``auth.login`` or ``lessons.*``."""
    paths: tuple[PathPattern, ...] = ()
    """Paths, exact or ending with ``/*``."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] | None = None
    """GET and POST for procedures, GET for paths, unless written."""
    upstream: str | None = None
    rewrite: UrlPath | None = None
    """The path that the upstream sees instead."""
    deny: Annotated[str, Field(min_length=1)] | None = None
    """Closes the route; says why."""
    batch: Literal["allow", "deny"] = "allow"
    """``deny``: these procedures do not travel beside others."""


class Head(Model):
    """The keys of the entry file that decide how the rest is read."""

    version: Literal[1]
    environment: EnvironmentName = "development"
    """``production`` turns on the strict checks."""
    region: Region = None
    """Where this gateway stands; endpoints in the same region are preferred."""
    include: tuple[str, ...] = ()
    """Files with policies, as patterns from the folder of this file."""


class Entry(Head):
    """The whole entry file, as editors know it from its JSON Schema."""

    listen: Listen = Listen()
    ops: Ops = Ops()
    state: State = State()
    upstreams: dict[Name, UpstreamSettings] = Field(default_factory=dict)
    defaults: Defaults = Defaults()
    routes: tuple[WrittenRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A route with the defaults filled in. All names in it exist.

    ``policies`` has the names of its policies by section: none for ``auth: public``, and no entry where a kind that every
    route must decide about is missing. ``waivers`` has why it goes without those of a section.
    """

    name: str
    listener: Literal["public", "egress"] = "public"
    procedures: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET",)
    upstream: str | None = None
    rewrite: str | None = None
    deny: str | None = None
    policies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    waivers: Mapping[str, str] = field(default_factory=dict)
    batch: Literal["allow", "deny"] = "allow"
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked and frozen. ``digest`` is that of the settings in effect (``config.digest``), in hex.
    ``warnings`` keep nothing from running. ``settings`` is where each comes from."""

    version: int = 1
    environment: str = "development"
    region: str = ""
    listen: Listen = field(default_factory=Listen)
    ops: Ops = field(default_factory=Ops)
    state: State = field(default_factory=State)
    defaults: Defaults = field(default_factory=Defaults)
    upstreams: dict[str, UpstreamSettings] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    policies: dict[str, dict[str, Policy]] = field(default_factory=dict)
    digest: str = ""
    files: tuple[Path, ...] = ()
    warnings: tuple[Problem, ...] = ()
    settings: tuple[Setting, ...] = field(default=(), repr=False)

    def served(self) -> Config:
        """This configuration without what only operators look at: a worker does without."""
        return replace(self, warnings=(), settings=())
