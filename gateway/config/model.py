"""The settings in ``upstreams.yaml``, and the one frozen value that all files become.

Durations are seconds and sizes are bytes. Every default is defined here, in ``config.listen_settings`` or in ``config.upstream_settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from gateway.config import ops_orders, upstream_orders
from gateway.config.acknowledgements import Acknowledgement, WrittenAcknowledgement
from gateway.config.listen_settings import Listen
from gateway.config.names import (
    Count,
    EnvironmentName,
    ExactOrigins,
    FilePath,
    Method,
    Name,
    PathPattern,
    Port,
    Positive,
    Procedure,
    Procedures,
    RedisUrl,
    UrlPath,
    UrlPrefix,
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
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import Day, Model, Policy, SecretField, Share
from gateway.policy.concurrency import Settings as Concurrency

Fallbacks = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str) else () if value is None else value,
        json_schema_input_type=str | tuple[str, ...] | None,
    ),
]

NOWHERE = Position("", 0, 0)


class Ops(Model):
    """The operators' listener: health in full, metrics, admin API."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen at: a loopback one, or one that only operators reach."""
    port: Port = 9090
    """The port for operators."""
    token: SecretField | None = None
    """The bearer token that operators send."""
    origins: ExactOrigins = ()
    """Origins whose pages may use this API from a browser, with the token: https://host or https://host:port."""

    ORDERS: ClassVar[Orders] = ops_orders.OF_OPS

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

    ORDERS: ClassVar[Orders] = ops_orders.OF_STATE

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

    ORDERS: ClassVar[Orders] = upstream_orders.OF_TIMEOUTS


class Trpc(Model):
    """How an upstream speaks tRPC."""

    prefix: UrlPrefix
    max_batch: Count = 10
    """The most calls of one batch."""
    transformer: Literal["superjson", "none"] = "superjson"
    aliases: dict[Procedure, Procedure] = Field(default_factory=dict)
    """Other names of procedures; routes name the procedure itself."""

    ORDERS: ClassVar[Orders] = upstream_orders.OF_TRPC


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

    ORDERS: ClassVar[Orders] = upstream_orders.orders(PathSettings())


@keys_of_defaults()
class Defaults(Model):
    """The policies of a route that names no others."""


@keys_of_routes()
class WrittenRoute(Model):
    """One route as it is written. The first route that matches a request applies to it."""

    name: Name
    """Its name in the log, the metrics and the tests."""
    listener: Literal["public", "egress"] = "public"
    """``egress``: for the backend's calls to ``listen.egress``; such a route has nothing from ``defaults``."""
    procedures: tuple[Procedures, ...] = ()
    """tRPC procedures, such as ``auth.login`` or ``lessons.*``."""
    paths: tuple[PathPattern, ...] = ()
    """Paths, exact or ending with ``/*``."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] | None = None
    """GET and POST for procedures, GET for paths, unless written."""
    upstream: str | None = None
    """The upstream that its requests go to."""
    rewrite: UrlPath | None = None
    """The path that the upstream sees instead."""
    deny: Annotated[str, Field(min_length=1)] | None = None
    """Closes the route; says why."""
    batch: Literal["allow", "deny"] = "allow"
    """``deny``: these procedures do not travel beside others."""
    mode: Literal["enforce", "report"] = "enforce"
    """``report``: its policies let every request pass, and what they would have refused is counted."""
    until: Day | None = None
    """The last day (UTC) of ``mode: report``, after which the route is enforced; required in production."""


class Head(Model):
    """The keys of the entry file that decide how the rest is read."""

    version: Literal[1]
    """The version of this language: 1."""
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
    """The services behind the gateway, by name."""
    defaults: Defaults = Defaults()
    routes: tuple[WrittenRoute, ...] = ()
    """Which requests pass: the first route that matches one applies to it. What no route names is refused."""
    acknowledge: tuple[WrittenAcknowledgement, ...] = ()
    """What changes and findings somebody answers for: docs/reviewing.md."""


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
    mode: Literal["enforce", "report"] = "enforce"
    until: date | None = None
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked and frozen. ``digest`` is that of the settings in effect (``config.digest``), in hex.
    ``warnings`` keep nothing from running. ``settings`` is where each comes from, ``named_at`` where each policy and each
    upstream is named: file:line by its path.
    ``acknowledgements`` are of reviewers, the expired ones too."""

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
    named_at: dict[str, str] = field(default_factory=dict, repr=False)
    acknowledgements: tuple[Acknowledgement, ...] = ()

    def served(self) -> Config:
        """This configuration without what only operators look at: a worker does without."""
        return replace(self, warnings=(), settings=(), named_at={}, acknowledgements=())
