"""The settings of the public listener and of its limits. Durations are seconds and sizes are bytes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from gateway.config import listen_orders
from gateway.config.drain import DrainField, DrainTimes
from gateway.config.names import Count, FilePath, LoopbackHost, Port, Positive, ViaName
from gateway.config.worker_count import Workers
from gateway.core.units import Rate
from gateway.core.via import DEFAULT_NAME
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import ByteSize, Model, Network, RateField
from gateway.policy.base.trusted_fields import ANY_FIELDS, TrustedFields


def _roomy(value: int) -> int:
    if value < 1024:
        raise ValueError("must be at least 1KiB: shorter than that no browser's request fits")
    return value


def _some_responses(value: int) -> int:
    if value < 1024 * 1024:
        raise ValueError("must be at least 1MiB: a few responses on their way to clients are more than that")
    return value


HeaderBytes = Annotated[ByteSize, AfterValidator(_roomy)]


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

    ORDERS: ClassVar[Orders] = listen_orders.OF_PER_ADDRESS


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

    ORDERS: ClassVar[Orders] = listen_orders.OF_LIMITS


class Tls(Model):
    """Certificate chain and key, PEM."""

    cert: FilePath
    """The certificate chain, a PEM file."""
    key: FilePath
    """Its key, a PEM file."""

    ORDERS: ClassVar[Orders] = listen_orders.OF_TLS


class EgressSettings(Model):
    """The listener for the backend's own calls to other services. Its routes say ``listener: egress``."""

    host: LoopbackHost = "127.0.0.1"
    """A loopback address, because the listener requires no token."""
    port: Port = 8181
    """The port of the listener."""

    ORDERS: ClassVar[Orders] = listen_orders.OF_EGRESS


class Listen(Model):
    """The public listener."""

    host: Annotated[str, Field(min_length=1)] = "0.0.0.0"
    """The address to listen at; 0.0.0.0 is every one of this machine."""
    port: Port = 8080
    """The port for clients."""
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
    watch: Annotated[bool, Field(strict=True)] = False
    """``true``: a change of the files is loaded by itself, as after SIGHUP."""

    ORDERS: ClassVar[Orders] = listen_orders.ORDERS
