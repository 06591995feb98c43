"""Reloading: the files are checked anew, and either all workers serve what they say or none does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from gateway.config.certificates import Certificates, read_certificates
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.process.channel import Reload
from gateway.process.child import Child

TIMEOUT = 10.0  # seconds a worker may take to compile a configuration

Loader = Callable[[], Config | list[Problem]]


class Reloader:
    """Holds the configuration that is served, and its certificates. ``load`` reads and checks the files; ``children`` is the
    supervisor's own list."""

    def __init__(self, config: Config, load: Loader, children: Sequence[Child]) -> None:
        self.certificates: Certificates | None = None
        self.config = config
        self.loaded_at = time.time()
        self._load = load
        self._children = children
        self._with_old_certificates: set[Child] = (
            set()
        )  # starting while others got new ones, with the same files or not
        self._lock = asyncio.Lock()

    async def reload(self, metrics: RunMetrics, log: Log) -> bool:
        """Check the files and serve what they say; a bad file changes nothing. Returns whether they are served now;
        ``metrics`` and ``log`` get the reason when not."""
        async with self._lock:
            loaded = self._load()
            if isinstance(loaded, list):
                metrics.reloaded(False)
                log.event("reload_refused", problems=[str(problem)[:512] for problem in loaded[:20]])
                return False
            try:
                certificates = read_certificates(loaded.listen.tls)
            except OSError as error:
                metrics.reloaded(False)
                log.event("reload_refused", problems=[str(error)[:512]])
                return False
            order = Reload(loaded, time.time(), certificates)
            before = Reload(self.config, self.loaded_at, self.certificates)
            if certificates != self.certificates:
                self._with_old_certificates |= {child for child in self._children if not child.ready}
            reasons = await self._order(order)
            why = next((reason for reason in reasons if reason), "")
            if why:
                await self._order(before)
                metrics.reloaded(False)
                log.event("reload_failed", why=why, digest=before.config.digest)
                return False
            self.config, self.loaded_at, self.certificates = order.config, order.loaded_at, order.certificates
            metrics.reloaded(True)
            log.event("reloaded", digest=loaded.digest)
            fixed = needs_restart(before.config, loaded)
            if fixed:
                log.event("reload_needs_restart", settings=fixed)
            return True

    async def _order(self, order: Reload) -> list[str]:
        return await asyncio.gather(*(child.reload(order, TIMEOUT) for child in self._children))

    def must_catch_up(self) -> bool:
        """Whether a worker that was starting while the others reloaded still has the configuration of before."""
        return not self._lock.locked() and any(self._lags(child) for child in self._children)

    def _lags(self, child: Child) -> bool:
        return child.ready and (child.digest != self.config.digest or child in self._with_old_certificates)

    async def catch_up(self) -> None:
        """Give such workers the configuration that is served. One that cannot follow is ended: the process after it
        starts with the right one."""
        async with self._lock:
            order = Reload(self.config, self.loaded_at, self.certificates)
            for child in self._children:
                if self._lags(child) and await child.reload(order, TIMEOUT):
                    child.end()
                if child.ready:
                    self._with_old_certificates.discard(child)


def needs_restart(before: Config, after: Config) -> list[str]:
    """The settings that differ and that a reload cannot change: what they describe is made once in a run."""
    fixed = {
        "listen.host": (before.listen.host, after.listen.host),
        "listen.port": (before.listen.port, after.listen.port),
        "listen.workers": (before.listen.workers, after.listen.workers),
        "listen.tls": (before.listen.tls is None, after.listen.tls is None),
        "listen.egress": (before.listen.egress, after.listen.egress),
        "ops.host": (before.ops.host, after.ops.host),
        "ops.port": (before.ops.port, after.ops.port),
        "ops.origins": (before.ops.origins, after.ops.origins),
        "state": (before.state, after.state),
    }
    return [name for name, (old, new) in fixed.items() if old != new]
