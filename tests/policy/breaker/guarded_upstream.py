"""Workers of one host in front of one upstream with a breaker, on a clock moved by hand."""

from __future__ import annotations

from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure, Cause
from gateway.policy.base.tools import NoEvents, Tools
from gateway.policy.breaker.breaker import Settings, build
from gateway.state.memory.store import MemoryStore

NOON = 1_767_268_800.0


class GuardedUpstream(NoEvents):
    """Workers of one host in front of one upstream: each has a breaker of its own over one store."""

    def __init__(self, workers: int = 1, store: Any = None, **more: Any) -> None:
        self.now = NOON
        self.store = store or MemoryStore()
        self.events: list[tuple[str, str, str, int]] = []
        self.causes: list[Cause] = []
        settings = Settings.model_validate({"failures": 3, "count": ["connect", "timeout", "broken", 500, 503], **more})
        tools = Tools(self.store, lambda: self.now, events=self)
        self.stages = [build("stt", settings, tools) for _ in range(workers)]

    def breaker_changed(
        self, upstream: str, before: str, state: str, failures: int, cause: Cause | None = None
    ) -> None:
        self.events.append((upstream, before, state, failures))
        if cause is not None:
            self.causes.append(cause)

    def begin(self, worker: int = 0) -> tuple[Exchange, Any]:
        exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
        return exchange, self.stages[worker].on_request(exchange)

    def call(self, status: int = 200, reason: str | CallFailure = "", worker: int = 0, took: float = 0.1) -> Any:
        """A whole call; its refusal, or None."""
        exchange, refusal = self.begin(worker)
        exchange.status, exchange.upstream_time = status, took
        exchange.failure = reason if isinstance(reason, CallFailure) else None
        exchange.reason = reason.slug if isinstance(reason, CallFailure) else reason
        if exchange.failure is None:
            exchange.endpoint = "192.0.2.9:80"
        else:
            exchange.failed_at, exchange.detail = "192.0.2.9:80", "why it failed"
        self.stages[worker].on_done(exchange)
        return refusal

    @property
    def state(self) -> str:
        return self.stages[0].circuit().state
