"""What the supervisor knows for the operators who look at locks: it opens the store when first asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.ops.plain import Pseudonyms
from gateway.state.lmdb.store import LmdbStore
from gateway.state.store import RemoteStore, Store

if TYPE_CHECKING:
    from gateway.state.failover.store import FailoverStore


class StoreDesk:
    """``config`` gives the configuration as it is now; ``key`` is the one the log's names for people are made with."""

    def __init__(self, config: Callable[[], Config], log: Log, key: bytes) -> None:
        self._config = config
        self._person = Pseudonyms(key).of
        self._store: LmdbStore | None = None
        self._shared: FailoverStore | None = None
        self.audit = log.event

    def lockouts(self) -> Sequence[str]:
        return list(self._config().policies.get("lockouts", {}))

    def breakers(self) -> Mapping[str, str]:
        return {name: one.breaker for name, one in self._config().upstreams.items() if one.breaker is not None}

    def circuits(self) -> Store:
        state = self._config().state
        if self._store is None:
            self._store = LmdbStore(state.path, state.key.reveal().encode() if state.key else None)
        return self._store

    def store(self) -> Store | RemoteStore:
        state = self._config().state
        embedded = self.circuits()
        if state.redis is None:
            return embedded
        if self._shared is None:
            # Here and not above: redis-py is some megabytes that most gateways do without.
            from gateway.state.failover.store import FailoverStore
            from gateway.state.redis.store import RedisStore

            key = state.key.reveal().encode() if state.key else b""
            self._shared = FailoverStore(
                RedisStore(state.redis.reveal(), key), embedded, locks_file=state.path / "locks.json"
            )
        return self._shared

    def person(self, account: str) -> str:
        return self._person(account.strip().casefold())

    def subject(self, name: str) -> str:
        return self._person(name)

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.close()
        if self._store is not None:
            self._store.close()
