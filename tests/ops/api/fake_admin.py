"""An admin whose stores are in memory, whose clock stands still, and whose events are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gateway.core.secret import Secret
from gateway.ops.api.admin import NotExplained
from gateway.policy.rate_limit.rate_limit import Settings as LimitSettings
from gateway.state.memory.store import MemoryStore
from gateway.state.store import StateError

NOON = 1_767_268_800.0
TOKEN = "an-operators-token-of-some-length"
DASHBOARD = "https://dash.example"
LOCAL = "http://localhost:5173"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class FakeAdmin:
    """``bearer``, ``allowed`` and ``health`` may be set before a request. ``kept`` is the store; with None it cannot be opened."""

    def __init__(self) -> None:
        self.bearer = TOKEN
        self.allowed: list[str] = []
        self.health = "ok"
        self.clock = NOON
        self.upstreams: dict[str, Any] = {}
        self.kept: MemoryStore | None = MemoryStore()
        self.reloaded: dict[str, Any] = {"reloaded": True, "digest": "d", "problems": [], "needs_restart": []}
        self.acknowledged: list[str] = []
        self.explained: list[dict[str, Any]] = []
        self.unexplained: NotExplained | None = None
        self.compared: dict[str, Any] = {"compared": True, "digest": "d", "problems": [], "changes": []}
        self.rate_limits: dict[str, LimitSettings] = {}
        self.events: list[tuple[str, dict[str, object]]] = []

    @property
    def memory(self) -> MemoryStore:
        if self.kept is None:
            raise StateError("the state folder is gone")
        return self.kept

    def token(self) -> Secret | None:
        return Secret(self.bearer) if self.bearer else None

    def origins(self) -> list[str]:
        return self.allowed

    def now(self) -> float:
        return self.clock

    def status(self) -> dict[str, Any]:
        return {"status": self.health, "version": "1", "upstreams": self.upstreams}

    def configuration(self) -> dict[str, Any]:
        return {"digest": "d", "settings": []}

    async def explain(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self.explained.append(dict(order))
        if self.unexplained is not None:
            raise self.unexplained
        return {"verdict": "pass"}

    async def reload(self, acknowledged: Collection[str]) -> dict[str, Any]:
        self.acknowledged = sorted(acknowledged)
        return self.reloaded

    async def differences(self) -> dict[str, Any]:
        return self.compared

    def limits(self) -> dict[str, LimitSettings]:
        return self.rate_limits

    def limit_store(self) -> MemoryStore:
        return self.memory

    def known_revocations(self) -> MemoryStore:
        return self.memory

    def metrics(self) -> bytes:
        return b"gateway_up 1.0\n"

    def clients(self) -> dict[str, Any]:
        return {"since": None, "clients": [], "shares": []}

    def routes(self) -> list[dict[str, Any]]:
        return [{"name": "chat"}]

    def lockouts(self) -> list[str]:
        return ["accounts", "codes"]

    def breakers(self) -> dict[str, str]:
        return {"stt": "external", "toolkit": "external"}

    def circuit_store(self) -> MemoryStore:
        return self.memory

    def lockout_store(self) -> MemoryStore:
        return self.memory

    def revocation_store(self) -> MemoryStore:
        return self.memory

    def pseudonym(self, name: str) -> str:
        return "a-hash"

    def account_pseudonym(self, account: str) -> str:
        return "a-hash"

    def audit(self, name: str, **fields: object) -> None:
        self.events.append((name, fields))
