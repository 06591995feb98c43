"""What the supervisor knows for the operators who look at locks: it opens the store when first asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.ops.plain import Pseudonyms
from gateway.state.embedded import EmbeddedStore


class StoreDesk:
    """``config`` gives the configuration as it is now; ``key`` is the one the log's names for people are made with."""

    def __init__(self, config: Callable[[], Config], log: Log, key: bytes) -> None:
        self._config = config
        self._person = Pseudonyms(key).of
        self._store: EmbeddedStore | None = None
        self.audit = log.event

    def lockouts(self) -> Sequence[str]:
        return list(self._config().policies.get("lockouts", {}))

    def store(self) -> EmbeddedStore:
        if self._store is None:
            state = self._config().state
            self._store = EmbeddedStore(state.path, state.key.reveal().encode() if state.key else None)
        return self._store

    def person(self, account: str) -> str:
        return self._person(account.strip().casefold())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
