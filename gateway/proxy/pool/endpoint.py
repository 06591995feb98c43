"""One server of an upstream: its address, its share of the calls, and the state of its health."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from time import monotonic, time

from gateway.core.failure import BY_STATUS, CallFailure, Cause
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError


class Endpoint:
    """One address of an upstream with its idle connections, the last used first, so that the others time out.

    ``host`` is its name for Host and TLS, ``address`` its IP address if the name was looked up for an endpoint of each; then
    ``siblings`` are all of these, itself included. ``unreachable`` has the addresses that did not take a connection while
    another one of the name did. ``weight`` is its share among the endpoints of its ``priority``; lower priorities come first.
    """

    __slots__ = (
        "address", "authority", "cause", "checked_healthy", "clock", "ejected_until", "ejections", "failures", "host", "host_field", "idle",
        "in_flight", "never_responded", "on_probation", "port", "priority", "region", "removed", "siblings", "tls", "unreachable", "weight",
    )  # fmt: skip

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        *,
        weight: int = 1,
        priority: int = 0,
        region: str = "",
        address: str = "",
    ) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        named = f"[{host}]" if ":" in host else host
        # The port only where it is not the scheme's own (RFC 9110 7.2).
        self.authority = named if port == (443 if tls else 80) else f"{named}:{port}"
        self.host_field = self.authority.encode()
        self.weight = weight
        self.priority = priority
        self.region = region
        self.address = address
        self.clock: Callable[[], float] = monotonic  # the pool's own, once the endpoint is in one
        self.checked_healthy = True  # by its health checks; true without any
        self.never_responded = False  # to a check, of which one was made: it gets calls, but is not healthy in health
        self.failures = 0  # in a row
        self.cause: Cause | None = None  # of its last failure
        self.ejected_until = 0.0  # the clock's seconds
        self.ejections = 0  # in a row, each longer than the one before
        self.on_probation = False  # back from an ejection, before its first good call
        self.removed = False  # its name no longer has this address
        self.siblings: list[Endpoint] = []
        self.unreachable: set[str] = set()
        self.in_flight = 0
        self.idle: list[UpstreamConnection] = []

    @property
    def label(self) -> str:
        """Its name in the log, the metrics and the operators' API: as configured, never a looked-up address."""
        return f"{self.host}:{self.port}"

    @property
    def ejected_for(self) -> float:
        """Seconds until its ejection ends; 0.0 when it is not ejected."""
        return max(0.0, self.ejected_until - self.clock()) if self.ejected_until else 0.0

    @property
    def healthy(self) -> bool:
        """Whether it may get calls."""
        return self.checked_healthy and not self.ejected_for

    @property
    def avoidable(self) -> bool:
        """Whether its address is unreachable while another one of its name is healthy and is not."""
        return bool(self.unreachable) and any(other.healthy and not other.unreachable for other in self.siblings)

    @property
    def why(self) -> dict[str, object]:
        """The fields of an event that say how it failed last; none where it has not."""
        return {} if self.cause is None else self.cause.fields

    def note_failure(self, error: UpstreamError, address: str = "") -> None:
        """Keep why a call or a check failed here, at ``address`` where one was reached, and have ``error`` say where; nothing
        of the gateway's own limits."""
        if error.kind is CallFailure.BUSY:
            return
        error.address = self._called_at(address)
        self.cause = Cause(error.kind.label, 0, error.detail, error.address, time())

    def note_status(self, status: int, address: str = "") -> None:
        """Keep that a response with ``status``, from ``address``, counts as a failure."""
        self.cause = Cause(BY_STATUS, status, f"status {status}", self._called_at(address), time())

    def _called_at(self, address: str) -> str:
        host = address or self.address or self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def at(self, address: str) -> Endpoint:
        """The same server at one of the addresses of its name."""
        return Endpoint(
            self.host,
            self.port,
            self.tls,
            weight=self.weight,
            priority=self.priority,
            region=self.region,
            address=address,
        )
