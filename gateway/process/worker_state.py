"""The state of a worker: the store of its host, that of all replicas where there is one, and whether both work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.config.model import State
from gateway.core.addresses import Resolver
from gateway.core.shortage import Shortage, shortage_in, shortage_of
from gateway.ops.health.store import StoreStatus
from gateway.ops.observer import WorkerObserver
from gateway.state.store import Store

if TYPE_CHECKING:
    from gateway.state.failover.store import FailoverStore

SWEEPS, SWEEP = 4, 128  # sweeps of the store per report, and records looked at in one: some 50 us


class WorkerState:
    """``store`` is that of this host; ``shared`` that of all replicas, None where there is none. ``status`` is what /health shows
    of them."""

    def __init__(self, settings: State, store: Store, observer: WorkerObserver, resolver: Resolver) -> None:
        self.store = store
        self.shared: FailoverStore | None = None
        self.status = StoreStatus("embedded", broken=lambda: store.condition.mending)
        self._settings = settings
        self._observer = observer
        self._resolver = resolver

    async def connect(self) -> None:
        """Connect to the Redis of all replicas where there is one. Raises StateError for an address that cannot be."""
        state = self._settings
        if state.redis is None:
            return
        # Here and not above: redis-py is some megabytes that most workers do without.
        from gateway.state.failover.store import FailoverStore
        from gateway.state.redis.store import RedisStore

        key = state.key.reveal().encode() if state.key else b""
        remote = RedisStore(state.redis.reveal(), key, resolver=self._resolver)
        self.status = StoreStatus("redis", broken=lambda: self.store.condition.mending)
        self.shared = FailoverStore(
            remote, self.store, self.on_shared_change, state.path / "locks.json", steady=self.store.steady
        )
        await self.shared.start()

    async def disconnect(self) -> None:
        """Close the connection to Redis where there is one."""
        if self.shared is not None:
            await self.shared.close()

    def on_shared_change(self, up: bool, why: str) -> None:
        """The store of all replicas is away, for this reason, or back."""
        was = self.status.ok
        self.status.update(up, time.time())
        if not up:
            self._note(shortage_in(why))
            self._observer.event("state_away", error=why)
        elif not was:
            self._observer.event("state_back")

    def check(self) -> Iterator[None]:
        """Sweep the store of this host and see whether it works, in slices."""
        now = time.time()
        was = self.status.ok
        away = self.shared is not None and not self.shared.up
        try:
            for _ in range(SWEEPS):
                self.store.sweep(now, SWEEP)
                yield
            condition = self.store.check()
        except Exception as error:  # whatever is wrong with the store, the worker lives on and reports it
            self.status.update(False, now, str(error))
            self._note(shortage_of(error) or shortage_in(str(error)))
            if was:
                self._observer.event("state_failing", error=str(error))
        else:
            self.status.update(not (away or condition.why), now, condition.why)
            for name, fields in condition.events:
                self._observer.event(name, **fields)
            if condition.why:
                self._note(shortage_in(condition.why))
            was = was or bool(condition.events)  # it says by itself when it is well
        if self.status.ok and not was:
            self._observer.event("state_well")

    def _note(self, short: Shortage | None) -> None:
        if short is not None:
            self._observer.shortage(short, f"the state store ({self.status.name})")
