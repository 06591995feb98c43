"""Reloading: the files are checked anew, and either all workers serve what they say or none does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.config.certificates import Certificates, read_certificates
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.plain import redact
from gateway.process.channel import Reload
from gateway.process.child import Child
from gateway.process.in_force import in_force, needs_restart

TIMEOUT = 10.0  # seconds a worker may take to compile a configuration

MOST_PROBLEMS = 20  # of a refused reload that are kept and logged, and characters of each:
LONGEST_PROBLEM = 512

Loader = Callable[[], Config | list[Problem]]


@dataclass(frozen=True, slots=True)
class RefusedReload:
    """The last reload was refused ``at`` this moment (Unix seconds), for these ``problems``, which hold no secrets."""

    at: float
    problems: tuple[str, ...]


class Reloader:
    """Holds the configuration that is served, and its certificates. ``load`` reads and checks the files; ``children`` is the
    supervisor's own list.

    ``refused`` is why the last reload changed nothing, None when it did or there was none. ``pending`` are the settings
    that were loaded and wait for a restart.
    """

    def __init__(self, config: Config, load: Loader, children: Sequence[Child]) -> None:
        self.certificates: Certificates | None = None
        self.config = config
        self.loaded_at = time.time()
        self.refused: RefusedReload | None = None
        self.pending: list[str] = []
        self._running = config
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
                return self._refuse([str(problem) for problem in loaded], metrics, log)
            served = in_force(self._running, loaded)
            try:
                certificates = self._read_certificates(loaded, served)
            except OSError as error:
                return self._refuse([str(error)], metrics, log)
            order = Reload(served, time.time(), certificates)
            if certificates != self.certificates:
                self._with_old_certificates |= {child for child in self._children if not child.ready}
            reasons = await self._prepare(order)
            why = next((reason for reason in reasons if reason), "")
            if why:
                await self._swap(order, False)
                self._note(RefusedReload(time.time(), (redact(why, LONGEST_PROBLEM),)), self.pending, metrics)
                log.event("reload_failed", why=why, digest=self.config.digest)
                return False
            # From here on it is in force: a worker that starts now begins with it, and so does what replaces one that fails.
            self.config, self.loaded_at, self.certificates = order.config, order.loaded_at, order.certificates
            await self._swap(order, True)
            self._note(None, needs_restart(self._running, loaded), metrics)
            log.event("reloaded", digest=served.digest)
            if self.pending:
                log.event("reload_needs_restart", settings=self.pending)
            return True

    def _read_certificates(self, loaded: Config, served: Config) -> Certificates | None:
        """Those to serve with: read anew, unless the files turn TLS on or off, which waits for a restart. Raises OSError for
        a pair that cannot be used, then or now."""
        read = read_certificates(loaded.listen.tls)
        return read if (loaded.listen.tls is None) == (served.listen.tls is None) else self.certificates

    def _refuse(self, problems: Sequence[str], metrics: RunMetrics, log: Log) -> bool:
        kept = tuple(problem[:LONGEST_PROBLEM] for problem in problems[:MOST_PROBLEMS])
        self._note(RefusedReload(time.time(), kept), self.pending, metrics)
        log.event("reload_refused", problems=list(kept))
        return False

    def _note(self, refused: RefusedReload | None, pending: list[str], metrics: RunMetrics) -> None:
        self.refused, self.pending = refused, pending
        metrics.reloaded(refused is None, len(pending))

    async def _prepare(self, order: Reload) -> list[str]:
        """Have all workers build what ``order`` says beside what they serve; why they cannot."""
        order = replace(order, config=order.config.served())
        return await asyncio.gather(*(child.prepare(order, TIMEOUT) for child in self._children))

    async def _swap(self, order: Reload, serve: bool) -> None:
        """Have all workers serve what they have built, or drop it. One that cannot is ended: another one takes its place."""
        reasons = await asyncio.gather(*(child.swap(order, serve, TIMEOUT) for child in self._children))
        for child, why in zip(self._children, reasons, strict=True):
            if why and child.ready:
                child.end()

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
                if self._lags(child) and (
                    await child.prepare(order, TIMEOUT) or await child.swap(order, True, TIMEOUT)
                ):
                    child.end()
                if child.ready:
                    self._with_old_certificates.discard(child)
