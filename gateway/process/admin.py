"""The run as its operators see and steer it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gateway.config.cpus import Cpus, available
from gateway.config.model import Config
from gateway.config.reporting import reporting, reporting_on
from gateway.config.routes import described
from gateway.core.secret import Secret, fingerprint
from gateway.ops.clients import merged_clients
from gateway.ops.health.configuration import RefusedStatus, listed, reload_reasons, reload_status
from gateway.ops.health.health import build_status
from gateway.ops.health.token_keys import KeyFigures, token_keys
from gateway.ops.health.whole import merge, reasons
from gateway.ops.log import Log
from gateway.ops.metrics import families
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.plain import Pseudonyms, rfc3339
from gateway.ops.shortages import ShortageStatus, merged_shortages
from gateway.policy.base.pointer import account_name
from gateway.policy.rate_limit.rate_limit import Settings as LimitSettings
from gateway.process.comparison import NOTHING, ConfigComparison
from gateway.process.explaining import Explaining
from gateway.process.reload import ReloadAttempt, ReloadOutcome
from gateway.process.stores import Stores
from gateway.process.token_keys import fingerprints
from gateway.state.store import (
    CircuitStore,
    LimitStore,
    LockoutStore,
    RemoteLimitStore,
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
    async def find(self, request_id: str, timeout: float) -> dict[str, Any] | None: ...


class ReloadState(Protocol):
    """What is read of the reloader: since when the configuration is served (Unix seconds), why the last reload changed
    nothing, and the settings that wait for a restart."""

    @property
    def loaded_at(self) -> float: ...
    @property
    def refused(self) -> RefusedStatus | None: ...
    @property
    def pending(self) -> Sequence[str]: ...


class NeverReloaded(NamedTuple):
    """The ``ReloadState`` of a run that reloads nothing."""

    loaded_at: float = 0.0
    refused: RefusedStatus | None = None
    pending: Sequence[str] = ()


NEVER_RELOADED = NeverReloaded()


async def _reload_nothing(acknowledged: Collection[str]) -> ReloadAttempt:
    return ReloadAttempt(ReloadOutcome.UNCHANGED)


async def _nothing_differs() -> ConfigComparison:
    return NOTHING


class RunAdmin:
    """The ``Admin`` (``ops.api.admin``) of a run.

    ``config`` gives the configuration that is served now; ``workers`` is the supervisor's own list; ``key`` is the one
    of the log's pseudonyms and of fingerprints; ``shortages`` gives those of this process; ``reload`` reads the files
    anew, with the ids of loosenings that are acknowledged, ``reloads`` has what came of it; ``differences`` compares them only; ``cpus`` counts the processors that the run
    may use now. ``draining`` never goes back.
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
        reloads: ReloadState = NEVER_RELOADED,
        reload: Callable[[Collection[str]], Awaitable[ReloadAttempt]] = _reload_nothing,
        differences: Callable[[], Awaitable[ConfigComparison | list[str]]] = _nothing_differs,
        revision: str = "",
        cpus: Callable[[], Cpus] = available,
    ) -> None:
        self.draining = False
        self.now = wall
        self.audit = log.event
        self.pseudonym = Pseudonyms(key).of
        self._config = config
        self._workers = workers
        self._metrics = metrics
        self._stores = stores
        self._build = build_status(version, revision)
        self._key = key
        self._reloads = reloads
        self._reload = reload
        self._differences = differences
        self._shortages = shortages
        self._explaining = Explaining(workers)
        self._cpus = cpus
        self._started = wall()

    def token(self) -> Secret | None:
        return self._config().ops.token

    def origins(self) -> Sequence[str]:
        return self._config().ops.origins

    def status(self) -> dict[str, Any]:
        statuses = [worker.status for worker in self._workers if worker.status is not None]
        ready = sum(worker.ready for worker in self._workers)
        troubles = [f"worker {n}: {worker.trouble}" for n, worker in enumerate(self._workers) if worker.trouble]
        refused, pending = self._reloads.refused, self._reloads.pending
        if statuses:
            status = merge(statuses)
            status["shortages"] = merged_shortages([status["shortages"], self._shortages()])
            if status["status"] == "ok" and (ready < len(self._workers) or troubles or status["shortages"]):
                status["status"] = "degraded"
        else:
            status = {"status": "starting", "config": {}, "state": {}, "shortages": self._shortages(), "upstreams": {}}
        if self.draining:
            status["status"] = "draining"
        config, cpus = self._config(), self._cpus()
        pids = [worker.pid for worker in self._workers]
        return {
            **status,
            # What keeps the files from running is no reason not to serve: the status stays as it is.
            "reasons": [*reasons(status), *troubles, *reload_reasons(refused, pending)],
            "version": self._build["version"],
            "build": self._build,
            "environment": config.environment,
            "reporting": [
                {"policy": f"{one.section}.{one.name}", "until": str(one.until) if one.until else None}
                for one in reporting(config, self.now())
            ],
            "uptime_s": int(self.now() - self._started),
            "workers": {"wanted": len(self._workers), "ready": ready, "pids": pids},
            "cpus": {"usable": cpus.workers, "cores": cpus.cores, "quota": cpus.quota},
            "config": {**status["config"], **reload_status(refused, pending)},
            "token_keys": self._token_keys(config),
        }

    def _token_keys(self, config: Config) -> dict[str, list[dict[str, Any]]]:
        figures = KeyFigures(
            self._metrics.counted(families.TOKENS_VERIFIED),
            self._metrics.levels(families.TOKEN_KEY_LAST),
            self._metrics.levels(families.TOKEN_LIFETIME),
        )
        return token_keys(fingerprints(config, self._key), figures, self._reloads.loaded_at, self.now())

    def configuration(self) -> dict[str, Any]:
        config = self._config()
        return {
            "environment": config.environment,
            "build": self._build,
            "digest": config.digest,
            "loaded_at": rfc3339(self._reloads.loaded_at),
            "files": [str(path) for path in config.files],
            **reload_status(self._reloads.refused, self._reloads.pending),
            "settings": listed(config.settings, self._fingerprint),
        }

    def _fingerprint(self, secret: Secret) -> str:
        return fingerprint(secret.reveal().encode("utf-8", "surrogatepass"), self._key)

    async def reload(self, acknowledged: Collection[str]) -> dict[str, Any]:
        attempt = await self._reload(acknowledged)
        asked = {"loosenings": attempt.loosenings, "acknowledged": attempt.acknowledged}
        return {
            "reloaded": attempt.served,
            "digest": self._config().digest,
            "problems": list(attempt.problems),
            **{name: list(found) for name, found in asked.items() if found},
            "needs_restart": list(self._reloads.pending),
        }

    async def differences(self) -> dict[str, Any]:
        found = await self._differences()
        if isinstance(found, list):
            return {"compared": False, "digest": self._config().digest, "problems": found, "changes": []}
        problems = [f"the comparison failed: {found.failed}"] if found.failed else []
        return {
            "compared": not problems,
            "digest": self._config().digest,
            "problems": problems,
            "changes": list(found.changes),
            "acknowledgements": [
                {
                    "loosens": one.loosens,
                    "by": one.by,
                    "reason": one.reason,
                    "until": str(one.until),
                    "where": f"{one.position.file}:{one.position.line}",
                }
                for one in found.acknowledgements
                if one.loosens is not None
            ],
        }

    async def explain(self, order: Mapping[str, Any]) -> dict[str, Any]:
        return await self._explaining.explain(self._config(), order, self.now())

    def metrics(self) -> bytes:
        return self._metrics.exposition()

    def clients(self) -> dict[str, Any]:
        return merged_clients([worker.clients for worker in self._workers if worker.clients is not None])

    def routes(self) -> Sequence[dict[str, Any]]:
        config = self._config()
        return [described(route, reporting_on(route, config, self.now())) for route in config.routes]

    def lockouts(self) -> Sequence[str]:
        return list(self._config().policies.get("lockouts", {}))

    def breakers(self) -> Mapping[str, str]:
        return {name: one.breaker for name, one in self._config().upstreams.items() if one.breaker is not None}

    def circuit_store(self) -> CircuitStore:
        return self._stores.local()

    def lockout_store(self) -> LockoutStore | RemoteLockoutStore:
        return self._stores.used()

    def limits(self) -> Mapping[str, LimitSettings]:
        policies = self._config().policies.get("rate_limits", {})
        return {name: settings for name, settings in policies.items() if isinstance(settings, LimitSettings)}

    def limit_store(self) -> LimitStore | RemoteLimitStore:
        return self._stores.used()

    def known_revocations(self) -> RevocationStore:
        return self._stores.local()

    def revocation_store(self) -> RevocationStore | RemoteRevocationStore:
        return self._stores.used()

    def account_pseudonym(self, account: str) -> str:
        return self.pseudonym(account_name(account))
