"""The run as its operators see and steer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gateway.config.model import Config
from gateway.config.routes import described
from gateway.core.secret import Secret
from gateway.ops.clients import merged_clients
from gateway.ops.health.whole import merge, reasons
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.plain import Pseudonyms
from gateway.ops.shortages import ShortageStatus, merged_shortages
from gateway.policy.base.pointer import account_name
from gateway.process.stores import Stores
from gateway.state.store import (
    CircuitStore,
    LockoutStore,
    RemoteLockoutStore,
    RemoteRevocationStore,
    RevocationStore,
)


class WorkerStatus(Protocol):
    """What is read of a worker: its process id while it lives, whether it takes requests, its last status, its
    busiest clients, and why it does
    not serve as it should (empty when it does)."""

    @property
    def pid(self) -> int | None: ...
    @property
    def ready(self) -> bool: ...
    @property
    def status(self) -> dict[str, Any] | None: ...
    @property
    def clients(self) -> dict[str, Any] | None: ...
    @property
    def trouble(self) -> str: ...


class RunAdmin:
    """The ``Admin`` (``ops.api.admin``) of a run.

    ``config`` gives the configuration that is served now; ``workers`` is the supervisor's own list; ``key`` is the one
    of the log's pseudonyms; ``shortages`` gives those of this process. ``draining`` never goes back.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        workers: Sequence[WorkerStatus],
        metrics: RunMetrics,
        log: Log,
        key: bytes,
        stores: Stores,
        version: str,
        wall: Callable[[], float] = time.time,
        shortages: Callable[[], list[ShortageStatus]] = list,
    ) -> None:
        self.draining = False
        self.now = wall
        self.audit = log.event
        self.pseudonym = Pseudonyms(key).of
        self._config = config
        self._workers = workers
        self._metrics = metrics
        self._stores = stores
        self._version = version
        self._shortages = shortages
        self._started = wall()

    def token(self) -> Secret | None:
        return self._config().ops.token

    def origins(self) -> Sequence[str]:
        return self._config().ops.origins

    def status(self) -> dict[str, Any]:
        statuses = [worker.status for worker in self._workers if worker.status is not None]
        ready = sum(worker.ready for worker in self._workers)
        troubles = [f"worker {n}: {worker.trouble}" for n, worker in enumerate(self._workers) if worker.trouble]
        if statuses:
            status = merge(statuses)
            status["shortages"] = merged_shortages([status["shortages"], self._shortages()])
            if status["status"] == "ok" and (ready < len(self._workers) or troubles or status["shortages"]):
                status["status"] = "degraded"
        else:
            status = {"status": "starting", "config": {}, "state": {}, "shortages": self._shortages(), "upstreams": {}}
        if self.draining:
            status["status"] = "draining"
        pids = [worker.pid for worker in self._workers]
        return {
            **status,
            "reasons": [*reasons(status), *troubles],
            "version": self._version,
            "uptime_s": int(self.now() - self._started),
            "workers": {"wanted": len(self._workers), "ready": ready, "pids": pids},
        }

    def metrics(self) -> bytes:
        return self._metrics.exposition()

    def clients(self) -> dict[str, Any]:
        return merged_clients([worker.clients for worker in self._workers if worker.clients is not None])

    def routes(self) -> Sequence[dict[str, Any]]:
        return [described(route) for route in self._config().routes]

    def lockouts(self) -> Sequence[str]:
        return list(self._config().policies.get("lockouts", {}))

    def breakers(self) -> Mapping[str, str]:
        return {name: one.breaker for name, one in self._config().upstreams.items() if one.breaker is not None}

    def circuit_store(self) -> CircuitStore:
        return self._stores.local()

    def lockout_store(self) -> LockoutStore | RemoteLockoutStore:
        return self._stores.used()

    def revocation_store(self) -> RevocationStore | RemoteRevocationStore:
        return self._stores.used()

    def account_pseudonym(self, account: str) -> str:
        return self.pseudonym(account_name(account))
