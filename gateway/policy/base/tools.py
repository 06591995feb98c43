"""What the builder of a policy needs from outside: the stores, the clock, the trusted networks, the events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from secrets import token_hex
from typing import Protocol

from gateway.core.addresses import Resolver
from gateway.core.failure import Cause
from gateway.core.shortage import Shortage
from gateway.core.via import INSTANCE_BYTES
from gateway.policy.base.parts import NOT_KEPT, Parts
from gateway.policy.base.trusted_fields import ANY_FIELDS, ForwardingField
from gateway.state.rules.lockout import Lock
from gateway.state.store import RemoteStore, Store


class OperatorEvents(Protocol):
    """Events outside of a single request that operators see in the log and in the metrics (``ops.observer``)."""

    def event(self, name: str, **fields: object) -> None:
        """Any event that is only logged and counted. Fields hold no secrets."""
        ...

    def breaker_changed(
        self, upstream: str, before: str, state: str, failures: int, cause: Cause | None = None
    ) -> None:
        """The breaker of ``upstream`` went from the state ``before`` to ``state``, after ``failures`` in a row; ``cause`` is that
        of the last one where it opened."""
        ...

    def locked(self, lockout: str, lock: Lock) -> None:
        """The policy ``lockout`` has set a lock."""
        ...

    def shortage(self, kind: Shortage, where: str) -> None:
        """The gateway has run out of ``kind`` at ``where``, for operators."""
        ...


class NoEvents:
    """OperatorEvents that nobody watches."""

    def event(self, name: str, **fields: object) -> None:
        pass

    def breaker_changed(
        self, upstream: str, before: str, state: str, failures: int, cause: Cause | None = None
    ) -> None:
        pass

    def locked(self, lockout: str, lock: Lock) -> None:
        pass

    def shortage(self, kind: Shortage, where: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Tools:
    """``wall`` gives Unix seconds; ``trusted_proxies`` are the networks whose forwarding headers are believed, and
    ``trusted_fields`` which of these headers they write.

    ``remote`` is the store of all replicas, if there is one. Then ``store`` serves only what belongs to this host: the
    circuits of breakers, and the revocations as the host knows them. ``requests_of_address`` is how many requests of one
    address may be in flight, None for no bound. ``resolver`` looks up the names of upstreams; ``instance``
    tells this run from those of other gateways (``core.via``). ``parts`` makes what remembers nothing.
    """

    store: Store
    wall: Callable[[], float] = time.time
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    remote: RemoteStore | None = None
    events: OperatorEvents = field(default_factory=NoEvents)
    requests_of_address: int | None = None
    trusted_fields: tuple[ForwardingField, ...] = ANY_FIELDS
    resolver: Resolver = field(default_factory=Resolver)
    instance: str = field(default_factory=lambda: token_hex(INSTANCE_BYTES))
    parts: Parts = field(default=NOT_KEPT, compare=False)
