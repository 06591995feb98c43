"""Reloading: the files are checked anew, and either all workers serve what they say or none does."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.config.certificates import Certificates, read_certificates
from gateway.config.files_read import FilesRead
from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.plain import redact
from gateway.process.channel import LastReload, Reload
from gateway.process.child import Child
from gateway.process.comparison import NOTHING, ConfigComparison, Record, compare
from gateway.process.in_force import in_force, needs_restart
from gateway.process.loading import Loader, Loading
from gateway.process.loosening import Judged, judged, sentences

TIMEOUT = 10.0  # seconds a worker may take to compile a configuration

MOST_WAITING = 4
"""Reloads that nobody was asked about whose comparison may wait, each with two configurations, and a second of a processor."""

MOST_PROBLEMS = 20  # of a refused reload that are kept and logged, and characters of each:
LONGEST_PROBLEM = 512

Compare = Callable[[Config, Config], Awaitable[ConfigComparison]]


class Trigger(enum.StrEnum):
    """What asks for a reload: a label of ``gateway_config_reload_attempts_total``."""

    API = "api"
    SIGNAL = "signal"
    FILES = "files"


class ReloadOutcome(enum.StrEnum):
    """What becomes of one: a label of the same."""

    SERVED = "served"
    UNCHANGED = "unchanged"
    """The files say what is served."""
    INVALID = "invalid"
    LOOSENS = "loosens"
    """It opens a door that nobody has answered for."""
    FAILED = "failed"
    """A worker cannot serve it."""
    TORN = "torn"
    """The files went on changing while they were read: they are read again, and nothing is said of these. It is not counted."""


@dataclass(frozen=True, slots=True)
class RefusedReload:
    """The last reload was refused ``at`` this moment (Unix seconds), for these ``problems``, which hold no secrets."""

    at: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReloadAttempt:
    """What a reload came to. ``loosenings`` are those that nobody has acknowledged, ``acknowledged`` the ids that have let the
    others pass. ``compared``: what was served and what is served now, where they are still to be compared."""

    outcome: ReloadOutcome
    problems: tuple[str, ...] = ()
    loosenings: tuple[Record, ...] = ()
    acknowledged: tuple[str, ...] = ()
    compared: tuple[Config, Config] | None = None

    @property
    def served(self) -> bool:
        """Whether the files are what is served."""
        return self.outcome in (ReloadOutcome.SERVED, ReloadOutcome.UNCHANGED)


class Reloader:
    """Holds the configuration that is served, and its certificates. ``load`` reads and checks the files; ``children`` is the
    supervisor's own list; ``compare`` says what differs in effect.

    ``refused`` is why the last reload changed nothing, None when it did or there was none. ``pending`` are the settings
    that were loaded and wait for a restart. ``loaded`` is what the files said that were served last, these included.
    """

    def __init__(
        self,
        config: Config,
        load: Loader,
        children: Sequence[Child],
        compare: Compare = compare,
        reads: FilesRead | None = None,
    ) -> None:
        self.certificates: Certificates | None = None
        self.config = config
        self.loaded = config
        self.reads = reads or FilesRead()
        """What was read by the last load that was to be served, or at the start."""
        self.loaded_at = time.time()
        self.refused: RefusedReload | None = None
        self.pending: list[str] = []
        self._running = config
        self._loading = Loading(load)
        self._compare = compare
        self._children = children
        self._with_old_certificates: set[Child] = (
            set()
        )  # starting while others got new ones, with the same files or not
        self._lock = asyncio.Lock()
        self._comparing = asyncio.Lock()  # one process, beside that of a reload
        self._waiting = 0  # of the comparisons that nobody waits for

    async def reload(
        self,
        metrics: RunMetrics,
        log: Log,
        trigger: Trigger = Trigger.SIGNAL,
        acknowledged: Collection[str] = (),
        is_there: Callable[[FilesRead], bool] = lambda _: True,
    ) -> ReloadAttempt:
        """Check the files and serve what they say; bad ones change nothing. ``metrics`` and ``log`` get what it came to.

        By the API, a loosening is refused unless its id is ``acknowledged``, there or in the files: the token of operators is
        not that of reviewers. Who can write the files or signal the process needs no leave of theirs. Nothing is done where
        ``is_there`` says that what was read is not what is there.
        """
        async with self._lock:
            loading = await self._loading.load(is_there)
            if loading.torn:
                return ReloadAttempt(ReloadOutcome.TORN)
            self.reads = loading.reads
            attempt = await self._attempt(loading.found, log, trigger, acknowledged)
            metrics.attempted(trigger, attempt.outcome)
            metrics.reloaded(attempt.served, len(self.pending))
            was = None if self.refused is None else self.refused.at
            self.refused = None if attempt.served else RefusedReload(time.time(), attempt.problems)
            at = None if self.refused is None else self.refused.at
            if at != was:
                for child in self._children:
                    child.order(LastReload(at))
            return attempt

    async def _attempt(
        self, loaded: Config | list[str], log: Log, trigger: Trigger, acknowledged: Collection[str]
    ) -> ReloadAttempt:
        before = self.config
        if isinstance(loaded, list):
            return _refused(loaded, log)
        served = in_force(self._running, loaded)
        try:
            certificates = self._read_certificates(loaded, served)
        except OSError as error:
            return _refused([str(error)], log)
        if trigger is Trigger.FILES and loaded.digest == self.loaded.digest and certificates == self.certificates:
            self.config, self.loaded = served, loaded  # the same on other lines
            return ReloadAttempt(ReloadOutcome.UNCHANGED)
        found = Judged((), (), ())
        if trigger is Trigger.API:
            found = judged(await self._compare(before, served), before, served, acknowledged, time.time())
            if found.open:
                return _refused(sentences(found.open), log, found.open)
        why = await self._serve(Reload(served, time.time(), certificates))
        if why:
            log.event("reload_failed", why=why, digest=self.config.digest)
            return ReloadAttempt(ReloadOutcome.FAILED, (redact(why, LONGEST_PROBLEM),))
        self.loaded, self.pending = loaded, needs_restart(self._running, loaded)
        log.event("reloaded", digest=served.digest)
        if self.pending:
            log.event("reload_needs_restart", settings=self.pending)
        if trigger is Trigger.API:
            if found.all:
                report_loosenings(found, log)
            return ReloadAttempt(ReloadOutcome.SERVED, acknowledged=found.acknowledged)
        return ReloadAttempt(ReloadOutcome.SERVED, compared=(before, served))

    async def _serve(self, order: Reload) -> str:
        """Have all workers serve ``order``, or none; why one cannot, empty when they do."""
        if order.certificates != self.certificates:
            self._with_old_certificates |= {child for child in self._children if not child.ready}
        asked = {child: child.pid for child in self._children if child.ready}
        why = await self._prepare(order)
        if why:
            await self._swap(order, False, asked)
            return why
        # From here on it is in force: a worker that starts now begins with it, and so does what replaces one that fails.
        self.config, self.loaded_at, self.certificates = order.config, order.loaded_at, order.certificates
        await self._swap(order, True, asked)
        return ""

    async def differences(self) -> ConfigComparison | list[str]:
        """What the files would change now, with witnesses, compared with what was loaded last; nothing is changed. The problems
        of files that cannot be loaded."""
        loaded = (await self._loading.load()).found
        if isinstance(loaded, list):
            return loaded
        async with self._comparing:
            found = await compare(self.loaded, loaded, witnesses=True)
        return replace(found, acknowledgements=loaded.acknowledgements)

    async def report_differences(self, attempt: ReloadAttempt, log: Log) -> None:
        """Log what an ``attempt`` has loosened that asked nobody. Where reloads follow each other faster than they are compared, it
        may have opened any door."""
        if attempt.compared is None:
            return
        old, new = attempt.compared
        if self._waiting < MOST_WAITING:
            comparison = await self._compared(old, new)
        elif old.digest != new.digest:
            comparison = ConfigComparison(failed=f"{MOST_WAITING} other reloads are still to be compared")
        else:
            comparison = NOTHING
        found = judged(comparison, old, new, (), time.time())
        if found.all:
            report_loosenings(found, log)

    async def _compared(self, old: Config, new: Config) -> ConfigComparison:
        self._waiting += 1
        try:
            async with self._comparing:
                return await self._compare(old, new)
        finally:
            self._waiting -= 1

    def _read_certificates(self, loaded: Config, served: Config) -> Certificates | None:
        """Those to serve with: read anew, unless the files turn TLS on or off, which waits for a restart. Raises OSError for
        a pair that cannot be used, then or now."""
        read = read_certificates(loaded.listen.tls)
        return read if (loaded.listen.tls is None) == (served.listen.tls is None) else self.certificates

    async def _prepare(self, order: Reload) -> str:
        """Have all workers build what ``order`` says beside what they serve; why one cannot, empty when they have."""
        order = replace(order, config=order.config.served())
        reasons = await asyncio.gather(*(child.prepare(order, TIMEOUT) for child in self._children))
        return next(filter(None, reasons), "")

    async def _swap(self, order: Reload, serve: bool, asked: Mapping[Child, int | None]) -> None:
        """Have the processes that were ``asked`` to build it serve it, or drop it. One that cannot is ended: another one takes its
        place. A process that began to take requests since has built nothing, and catches up."""
        children = [child for child, pid in asked.items() if child.pid == pid]
        reasons = await asyncio.gather(*(child.swap(order, serve, TIMEOUT) for child in children))
        for child, why in zip(children, reasons, strict=True):
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
            order = Reload(self.config.served(), self.loaded_at, self.certificates)
            for child in self._children:
                if self._lags(child) and (
                    await child.prepare(order, TIMEOUT) or await child.swap(order, True, TIMEOUT)
                ):
                    child.end()
                if child.ready:
                    self._with_old_certificates.discard(child)


def _refused(problems: Sequence[str], log: Log, loosenings: tuple[Record, ...] = ()) -> ReloadAttempt:
    kept = tuple(problem[:LONGEST_PROBLEM] for problem in problems[:MOST_PROBLEMS])
    log.event("reload_refused", problems=list(kept))
    return ReloadAttempt(ReloadOutcome.LOOSENS if loosenings else ReloadOutcome.INVALID, kept, loosenings)


def report_loosenings(found: Judged, log: Log) -> None:
    """Log what a reload has loosened, and by which acknowledgements."""
    shown = [line[:LONGEST_PROBLEM] for line in sentences(found.all[:MOST_PROBLEMS])]
    log.event("reload_loosens", count=len(found.all), acknowledged=list(found.acknowledged), changes=shown)
