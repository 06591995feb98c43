"""The state stores as the supervisor has them: opened when an operator first needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.config.model import Config
from gateway.state.lmdb.clock import FileClock, since_boot
from gateway.state.lmdb.store import LmdbStore
from gateway.state.store import StateError

if TYPE_CHECKING:
    from gateway.state.failover.store import FailoverStore


class Stores:
    """``config`` gives the configuration that is served now."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._local: LmdbStore | None = None
        self._shared: FailoverStore | None = None

    def local(self) -> LmdbStore:
        """The embedded store of this host. Raises StateError when there is none that the workers share."""
        state = self._config().state
        if self._local is None:
            key = state.key.reveal().encode() if state.key else None
            self._local = LmdbStore(state.path, key, clock=FileClock(since_boot))
        condition = self._local.check()  # the workers may have begun another file
        if condition.why:
            raise StateError(condition.why)
        return self._local

    def used(self) -> LmdbStore | FailoverStore:
        """The store that the workers use: that of all replicas where there is one. Raises StateError."""
        state = self._config().state
        local = self.local()
        if state.redis is None:
            return local
        if self._shared is None:
            # Here and not above: redis-py is some megabytes that most gateways do without.
            from gateway.state.failover.store import FailoverStore
            from gateway.state.redis.store import RedisStore

            key = state.key.reveal().encode() if state.key else b""
            remote = RedisStore(state.redis.reveal(), key)
            self._shared = FailoverStore(remote, local, locks_file=state.path / "locks.json", steady=local.steady)
        return self._shared

    async def close(self) -> None:
        """Close the stores that were opened."""
        if self._shared is not None:
            await self._shared.close()
        if self._local is not None:
            self._local.close()
