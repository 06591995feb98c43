"""The first process of a run: it owns the ports, keeps the workers running, and serves the operators."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from itertools import zip_longest

from gateway.config.certificates import read_certificates
from gateway.config.files_read import FilesRead
from gateway.config.model import Config
from gateway.core.shortage import Shortage
from gateway.core.via import INSTANCE_BYTES
from gateway.ops.log import Bridge, Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.shortages import Shortages
from gateway.ops.sink import Sink
from gateway.process.admin import RunAdmin
from gateway.process.channel import Start
from gateway.process.child import YOUNG, Child, ChildEvents
from gateway.process.coverage import Coverage
from gateway.process.descriptors import raise_limit
from gateway.process.drain import CLOSING, order_announced, order_now
from gateway.process.file_watch import FileWatch
from gateway.process.listeners import Addresses, CannotStart, Listeners
from gateway.process.loading import Loader
from gateway.process.operations import operations
from gateway.process.reload import ReloadAttempt, Reloader, ReloadOutcome, Trigger
from gateway.process.remarks import remarks
from gateway.process.run_directory import RunDirectory, log_lock
from gateway.process.stores import Stores

GRACE = 2.0  # seconds a worker gets beyond the drain time before it is killed
CLOSED = 1.0  # seconds a worker gets to close its listener itself
LOOK = 1.0  # seconds between two looks for workers that do not report
CRASHES = frozenset({-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT})
CRASHES_OF_STATE = 2  # young workers that end by such a signal, after which the next one sets the state file aside
ATTEMPTS = 4  # deaths before the first worker was ever ready, after which the run is given up


class Supervisor:
    """One run. ``load`` reads and checks the configuration anew; ``on_serving`` is called once all workers take requests.

    ``hangup_stops``: SIGHUP ends the run in place of reloading, for a run that belongs to a terminal.
    """

    def __init__(
        self,
        config: Config,
        load: Loader,
        version: str,
        on_serving: Callable[[Addresses], None],
        hangup_stops: bool = False,
        revision: str = "",
        reads: FilesRead | None = None,
    ) -> None:
        self._version = version
        self._revision = revision
        self._on_serving = on_serving
        self._hangup_stops = hangup_stops
        self._children: list[Child] = []
        self._reloader = Reloader(config, load, self._children, reads=reads)
        self._files: FileWatch | None = None
        self._metrics = RunMetrics()
        self._shortages = Shortages()
        self._coverage = Coverage(self._children, self._event)
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._hangups = asyncio.Lock()
        self._hangup_waits = False  # for the lock
        self._hurry = False  # announce nothing, or no longer
        self._finishing = False
        self._why_not = ""
        self._was_ready = False
        self._deaths = 0
        self._crashes = 0  # since the last worker that had to distrust the state file
        self._tasks: set[asyncio.Task[object]] = set()
        self._instance = secrets.token_hex(INSTANCE_BYTES)
        state_key = config.state.key
        # Derived, so that the pseudonyms in the log stay the same over restarts without being the store's own.
        self._key = (
            hashlib.blake2s(state_key.reveal().encode(), person=b"log").digest() if state_key else os.urandom(32)
        )

    async def run(self) -> int:
        """Run until a signal ends it; the exit code. Raises CannotStart."""
        self._descriptors = raise_limit()
        config = self._reloader.config
        try:
            self._reloader.certificates = read_certificates(config.listen.tls)
        except OSError as error:
            raise CannotStart(str(error)) from error
        try:
            self._directory = RunDirectory(config.state.path)
            sink = Sink(1, log_lock(self._directory.path))
        except OSError as error:
            raise CannotStart(f"the state folder {config.state.path} cannot be used: {error.strerror}") from error
        self._sink = sink
        self._log = Log(sink, self._key, worker="supervisor")
        Bridge(self._log).install()
        try:
            return await self._run()
        finally:
            sink.close()
            self._directory.remove()

    async def _run(self) -> int:
        config = self._reloader.config
        self._metrics.workers(0, config.listen.workers)
        stores = Stores(lambda: self._reloader.config)
        self._admin = RunAdmin(
            lambda: self._reloader.config,
            self._children,
            self._metrics,
            self._log,
            self._key,
            stores,
            self._version,
            shortages=self._shortages.lasting,
            reloads=self._reloader,
            reload=partial(self._reload, Trigger.API),
            differences=self._reloader.differences,
            revision=self._revision,
        )
        async with contextlib.AsyncExitStack() as stack:
            listeners = Listeners(config)
            stack.callback(listeners.close)
            stack.push_async_callback(stores.close)
            await stack.enter_async_context(operations(self._admin, listeners.ops[0]))
            self._handle_signals()
            stack.push_async_callback(self._end_children)
            events = ChildEvents(
                on_change=self._changed.set,
                on_metrics=self._metrics.reported,
                on_end=self._metrics.ended,
                on_death=self._on_death,
                on_cannot_serve=self._on_cannot_serve,
                make_start=self._start_order,
                environment=dict(os.environ),
                inherited=tuple(sock.fileno() for sock in (*listeners.public, *listeners.egress)),
                on_shortage=self._on_shortage,
            )
            for number, (public, egress) in enumerate(zip_longest(listeners.public, listeners.egress)):
                self._children.append(Child(number, public, events, egress))
            await self._watch(listeners.addresses(config))
            return await self._drain(listeners)

    async def _end_children(self) -> None:
        for child in self._children:
            child.kill()
        await asyncio.gather(*(child.retire(GRACE) for child in self._children))

    async def _watch(self, addresses: Addresses) -> None:
        """Follow the workers until the run is to end. Raises CannotStart when none can ever serve."""
        while not self._stop.is_set():
            ready = await self._look(LOOK)
            if ready == len(self._children) and not self._was_ready:
                self._was_ready = True
                self._log.event("started", version=self._version, digest=addresses.digest, workers=ready)
                self._remark()
                self._watch_files()
                self._on_serving(addresses)
        if self._why_not:
            raise CannotStart(self._why_not)

    async def _look(self, seconds: float) -> int:
        """Wait for a change, ``seconds`` at most, and do what the workers need; how many of them take connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()
        short = self._sink.take_shortage()
        if short is not None:
            self._on_shortage(short, "writing the log")
        ready = sum(child.ready for child in self._children)
        self._metrics.workers(ready, len(self._children))
        if self._was_ready:
            self._coverage.renew()
        if self._reloader.must_catch_up():
            self._spawn(self._reloader.catch_up())
        return ready

    async def _drain(self, listeners: Listeners) -> int:
        times = self._reloader.config.listen.drain
        self._admin.draining = True
        if self._files is not None:
            self._files.stop()
        self._log.event("draining", announce=0.0 if self._hurry else times.announce, seconds=times.finish)
        await self._announce(times.announce)
        self._finishing = True
        order = order_now(times.finish, CLOSING) if self._hurry else order_announced(times.finish)
        for child in self._children:
            child.order(order)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(order.closing + CLOSED):
                while any(child.ready for child in self._children):
                    self._changed.clear()
                    await self._changed.wait()
        listeners.close_shared()  # the workers have closed theirs, and from here on the port refuses
        alone = await asyncio.gather(*(child.retire(times.finish + GRACE) for child in self._children))
        for task in self._tasks:
            task.cancel()
        self._log.event("stopped", clean=all(alone))
        return 0 if all(alone) else 1

    async def _announce(self, seconds: float) -> None:
        """Have the workers say for ``seconds`` that the run ends, and keep them serving."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._was_ready and not self._hurry and (left := until - loop.time()) > 0:
            for child in self._children:
                child.announce()
            await self._look(min(left, LOOK))

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_stop)
        loop.add_signal_handler(signal.SIGINT, self._on_stop, True)
        if self._hangup_stops:
            loop.add_signal_handler(signal.SIGHUP, self._on_stop, True)
        else:
            loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_stop(self, by_hand: bool = False) -> None:
        """End the run. A further signal ends what is under way then: the announcement, and after that the requests. One
        ``by_hand``, from a terminal, announces nothing: no balancer sends it, and somebody waits."""
        if self._finishing:
            for child in self._children:
                child.kill()
        elif by_hand or self._stop.is_set():
            self._hurry = True
        self._stop.set()
        self._changed.set()

    def _on_hangup(self) -> None:
        if not self._hangup_waits:
            self._hangup_waits = True
            self._spawn(self._reload_for_hangups())

    async def _reload_for_hangups(self) -> None:
        """Reload for a signal, and for all that come before this begins: one reload after the last of many is enough, and each
        one counts towards the end of what lasts."""
        async with self._hangups:
            self._hangup_waits = False
            attempt = await self._reload(Trigger.SIGNAL)
        await self._reloader.report_differences(attempt, self._log)

    def _watch_files(self) -> None:
        """Watch the files while ``listen.watch`` says so."""
        if self._reloader.config.listen.watch is (self._files is not None):
            return
        if self._files is not None:
            self._files.stop()
            self._files = None
            return
        self._files = FileWatch(lambda: self._reloader.reads, self._reload_for_files, self._event)
        self._files.start()

    async def _reload_for_files(self, is_there: Callable[[FilesRead], bool]) -> None:
        """Reload, and look afterwards at what that has loosened: who can write the files needs no leave of anybody."""
        attempt = await self._reload(Trigger.FILES, (), is_there)
        await self._reloader.report_differences(attempt, self._log)

    async def _reload(
        self,
        trigger: Trigger,
        acknowledged: Collection[str] = (),
        is_there: Callable[[FilesRead], bool] = lambda _: True,
    ) -> ReloadAttempt:
        attempt = await self._reloader.reload(self._metrics, self._log, trigger, acknowledged, is_there)
        if attempt.outcome is ReloadOutcome.SERVED:
            self._remark()
            self._watch_files()
            self._changed.set()
        return attempt

    def _remark(self) -> None:
        for name, fields in remarks(self._reloader.config, self._descriptors, time.time()):
            self._event(name, **fields)

    def _event(self, name: str, **fields: object) -> None:
        self._log.event(name, **fields)

    def _on_shortage(self, kind: Shortage, where: str) -> None:
        self._metrics.shortage(kind)
        times = self._shortages.note(kind, where)
        if times:
            self._event("shortage", kind=kind, where=where, times=times)

    def _spawn(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_death(self, child: Child, code: int, age: int) -> None:
        if not self._finishing:
            self._metrics.restarted()
            self._log.event("worker_died", place=child.number, code=code, age_s=age)
        self._deaths += 1
        self._crashes += code in CRASHES and age < YOUNG
        if not self._was_ready and self._deaths >= ATTEMPTS:
            self._on_cannot_serve(f"workers end before they take requests (exit code {code})")

    def _on_cannot_serve(self, why: str) -> None:
        self._log.event("worker_cannot_serve", why=why)
        if not self._was_ready:
            self._why_not = why
            self._on_stop()

    def _start_order(self, child: Child) -> Start:
        distrust = self._crashes >= CRASHES_OF_STATE
        if distrust:
            self._crashes = 0
        return Start(
            self._reloader.config.served(),
            child.number,
            child.listener.fileno(),
            self._directory.path,
            self._key,
            self._version,
            self._reloader.loaded_at,
            child.egress.fileno() if child.egress is not None else None,
            self._reloader.certificates,
            {
                other.number: (other.listener.fileno(), other.egress.fileno() if other.egress is not None else None)
                for other in self._children
                if other is not child
            },
            replaces=self._was_ready,
            distrust=distrust,
            refused_at=self._reloader.refused.at if self._reloader.refused is not None else None,
            instance=self._instance,
            revision=self._revision,
        )
