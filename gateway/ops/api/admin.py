"""The run as its operators see and steer it: everything that the endpoints of ``ops.api`` need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from gateway.core.secret import Secret
from gateway.policy.rate_limit.rate_limit import Settings as LimitSettings
from gateway.state.store import (
    CircuitStore,
    LimitStore,
    LockoutStore,
    RemoteLimitStore,
    RemoteLockoutStore,
    RemoteRevocationStore,
    RevocationStore,
)


class NotExplained(Exception):
    """There is no explanation. The sentence says why, and repeats nothing of the request; ``status`` is that of the response."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Admin(Protocol):
    """What a run offers its operators (``process.admin`` implements it). The stores raise StateError when they cannot be
    opened."""

    def token(self) -> Secret | None:
        """The bearer token that operators send, None when none is configured."""

    def origins(self) -> Collection[str]:
        """The origins whose pages may use the operations; ``*`` stands for all."""

    def now(self) -> float:
        """Unix seconds."""

    def status(self) -> dict[str, Any]:
        """The body of /health, over all workers."""

    def configuration(self) -> dict[str, Any]:
        """The body of /v1/config: what is served, and what is set from where."""

    async def reload(self, acknowledged: Collection[str]) -> dict[str, Any]:
        """Reads the files anew and serves what they say, or changes nothing. The body of the response: whether, and the
        problems if not; and what it would loosen that is not among the ids that are ``acknowledged``."""

    async def differences(self) -> dict[str, Any]:
        """What the files would change in effect if they were loaded now; nothing is changed. The body of the response: the
        changes, or why nobody knows."""

    async def explain(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What becomes of the request that ``order`` describes, or has become of the refused one whose ``request_id`` it has.
        Raises NotExplained."""

    def metrics(self) -> bytes:
        """The body of /metrics, over all workers."""

    def clients(self) -> dict[str, Any]:
        """The busiest clients under their hashes, and who has the calls to each upstream with a limit on them."""

    def routes(self) -> Sequence[dict[str, Any]]:
        """The routes that are served, defaults filled in."""

    def lockouts(self) -> Sequence[str]:
        """The names of the configured lockouts."""

    def breakers(self) -> Mapping[str, str]:
        """By upstream the name of its breaker; upstreams without one are left out."""

    def circuit_store(self) -> CircuitStore:
        """The circuits of this host, which its workers share."""

    def lockout_store(self) -> LockoutStore | RemoteLockoutStore:
        """The lockouts of the workers."""

    def limits(self) -> Mapping[str, LimitSettings]:
        """The configured rate limits by name."""

    def limit_store(self) -> LimitStore | RemoteLimitStore:
        """The rate limits of the workers."""

    def known_revocations(self) -> RevocationStore:
        """The revocations as this host knows them."""

    def revocation_store(self) -> RevocationStore | RemoteRevocationStore:
        """The revocations of the workers."""

    def pseudonym(self, name: str) -> str:
        """The text that stands for the name of a subject or a session in the log."""

    def account_pseudonym(self, account: str) -> str:
        """The text that stands for an account in the log, however its name is spelled."""

    def audit(self, name: str, **fields: object) -> None:
        """Writes an event to the log."""
