"""The first process of a run: it owns the ports, keeps the workers going, and answers the operators."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from aiohttp import web

from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.config.routes import described
from gateway.core.secret import Secret
from gateway.ops import metrics
from gateway.ops.api import breakers, lockouts, revocations
from gateway.ops.api.app import application
from gateway.ops.health import together
from gateway.ops.log import Bridge, Log
from gateway.ops.sink import Sink
from gateway.process.channel import Drain, Reload, Start
from gateway.process.desk import StoreDesk
from gateway.process.run_directory import RunFolder
from gateway.process.slot import Calls, Slot
from gateway.process.sockets import listeners, url

RELOAD_TIMEOUT = 10.0  # seconds a worker may take to compile a configuration
GRACE = 2.0  # seconds a worker gets beyond the drain time before it is killed
ATTEMPTS = 4  # deaths before the first worker was ever ready, after which the run is given up

Loader = Callable[[], Config | list[Problem]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the run can be reached, and on what."""

    gateway: str
    ops: str
    workers: int
    digest: str
    egress: str = ""
    """Empty when that listener is not opened."""


class CannotStart(Exception):
    """The run cannot begin; the message says why, for people."""


class Supervisor:
    """One run. ``load`` reads and checks the configuration anew; ``told`` is called once all workers take requests.

    ``hangup_stops``: SIGHUP ends the run in place of reloading, for a run that belongs to a terminal.
    """

    def __init__(
        self,
        config: Config,
        load: Loader,
        version: str,
        told: Callable[[Addresses], None],
        hangup_stops: bool = False,
    ) -> None:
        self._config = config
        self._load = load
        self._version = version
        self._told = told
        self._hangup_stops = hangup_stops
        self._loaded_at = time.time()
        self._started = time.time()
        self._slots: list[Slot] = []
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._why_not = ""
        self._was_ready = False
        self._draining = False
        self._deaths = 0
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Run until a signal says otherwise; the exit code. Raises CannotStart."""
        try:
            self._folder = RunFolder(self._config.state.path)
        except OSError as error:
            raise CannotStart(f"the state folder {self._config.state.path} cannot be used: {error.strerror}") from error
        sink = Sink(1, self._folder.turn)
        try:
            return await self._run(sink)
        finally:
            sink.close()
            self._folder.remove()

    async def _run(self, sink: Sink) -> int:
        state_key = self._config.state.key
        # Derived, so that the names in the log stay the same over restarts without being the store's own.
        self._key = (
            hashlib.blake2s(state_key.reveal().encode(), person=b"log").digest() if state_key else os.urandom(32)
        )
        self._log = Log(sink, self._key, worker="supervisor")
        Bridge(self._log).install()
        self._environment = {**os.environ, metrics.DIRECTORY: str(self._folder.figures)}
        os.environ[metrics.DIRECTORY] = str(self._folder.figures)
        metrics.use_files("supervisor")
        self._overseer = metrics.Overseer()
        listen, ops = self._config.listen, self._config.ops
        public = _bound("listen", listen.host, listen.port, listen.workers)
        private: list[socket.socket] = []
        inner: list[socket.socket] = []
        app = application(self)
        desk = StoreDesk(lambda: self._config, self._log, self._key)
        lockouts.add(app, desk)
        revocations.add(app, desk)
        breakers.add(app, desk)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=15.0)
        try:
            private = _bound("ops", ops.host, ops.port, 1)
            if listen.egress is not None:
                inner = _bound("listen.egress", listen.egress.host, listen.egress.port, listen.workers)
            await runner.setup()
            await web.SockSite(runner, private[0]).start()
            self._signals()
            calls = Calls(self._on_change, self._on_death, self._on_cannot, self._start_order, self._environment)
            pairs = zip_longest(public, inner)
            self._slots = [Slot(place, sock, calls, second) for place, (sock, second) in enumerate(pairs)]
            scheme = "https" if listen.tls else "http"
            return await self._watch(
                Addresses(
                    url(scheme, listen.host, public[0].getsockname()[1]),
                    url("http", ops.host, private[0].getsockname()[1]),
                    len(public),
                    self._config.digest,
                    url("http", listen.egress.host, inner[0].getsockname()[1]) if listen.egress else "",
                ),
                (*public, *inner),
            )
        finally:
            for slot in self._slots:
                slot.kill()
            await asyncio.gather(*(slot.retire(GRACE) for slot in self._slots))
            await runner.cleanup()
            await desk.close()
            for sock in (*public, *private, *inner):
                sock.close()

    async def _watch(self, addresses: Addresses, bound: Sequence[socket.socket]) -> int:
        while not self._stop.is_set():
            await self._changed.wait()
            self._changed.clear()
            ready = sum(slot.ready for slot in self._slots)
            self._overseer.workers(ready, len(self._slots))
            if ready == len(self._slots) and not self._was_ready:
                self._was_ready = True
                self._log.event("started", version=self._version, digest=self._config.digest, workers=ready)
                self._told(addresses)
            if not self._reloading.locked() and any(self._lags(slot) for slot in self._slots):
                self._spawn(self._catch_up())
        if self._why_not:
            raise CannotStart(self._why_not)
        return await self._drain(bound)

    async def _drain(self, bound: Sequence[socket.socket]) -> int:
        seconds = self._config.listen.drain
        self._draining = True
        self._log.event("draining", seconds=seconds)
        for slot in self._slots:
            slot.order(Drain(seconds))
        for sock in bound:
            sock.close()  # ours; the workers close theirs, and only then does the port refuse
        alone = await asyncio.gather(*(slot.retire(seconds + GRACE) for slot in self._slots))
        for task in self._tasks:
            task.cancel()
        self._log.event("stopped", clean=all(alone))
        return 0 if all(alone) else 1

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_stop if self._hangup_stops else self._on_hangup)

    def _on_stop(self) -> None:
        if self._stop.is_set():  # asked twice: at once
            for slot in self._slots:
                slot.kill()
        self._stop.set()
        self._changed.set()

    def _lags(self, slot: Slot) -> bool:
        """Whether a worker that was starting while the others reloaded still has the configuration of before."""
        return slot.ready and slot.follows != self._config.digest

    async def _catch_up(self) -> None:
        async with self._reloading:
            order = Reload(self._config, self._loaded_at)
            for slot in self._slots:
                if self._lags(slot) and await slot.reload(order, RELOAD_TIMEOUT):
                    slot.end()  # its successor starts with the right one

    def _on_hangup(self) -> None:
        self._spawn(self.reload())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_change(self) -> None:
        self._changed.set()

    def _on_death(self, slot: Slot, code: int, age: int) -> None:
        metrics.forget_place(self._folder.figures, str(slot.place))
        if not self._stop.is_set():
            self._overseer.restarted()
            self._log.event("worker_died", place=slot.place, code=code, age_s=age)
        self._deaths += 1
        if not self._was_ready and self._deaths >= ATTEMPTS:
            self._on_cannot(f"workers end before they take requests (exit code {code})")

    def _on_cannot(self, why: str) -> None:
        self._log.event("worker_cannot_serve", why=why)
        if not self._was_ready:
            self._why_not = why
            self._on_stop()

    def _start_order(self, slot: Slot) -> Start:
        return Start(
            self._config,
            slot.place,
            slot.listener.fileno(),
            self._folder.path,
            self._key,
            self._version,
            self._loaded_at,
            slot.egress.fileno() if slot.egress is not None else None,
        )

    async def reload(self) -> None:
        """Check the files and serve what they say; a bad file changes nothing. All workers follow, or none does."""
        async with self._reloading:
            loaded = self._load()
            if isinstance(loaded, list):
                self._overseer.reloaded(False)
                self._log.event("reload_refused", problems=[str(problem)[:512] for problem in loaded[:20]])
                return
            order = Reload(loaded, time.time())
            before = Reload(self._config, self._loaded_at)
            answers = await asyncio.gather(*(slot.reload(order, RELOAD_TIMEOUT) for slot in self._slots))
            why = next((answer for answer in answers if answer), "")
            if why:
                await asyncio.gather(*(slot.reload(before, RELOAD_TIMEOUT) for slot in self._slots))
                self._overseer.reloaded(False)
                self._log.event("reload_failed", why=why, digest=before.config.digest)
                return
            self._config, self._loaded_at = order.config, order.loaded_at
            self._changed.set()
            self._overseer.reloaded(True)
            self._log.event("reloaded", digest=loaded.digest)
            fixed = needs_restart(before.config, loaded)
            if fixed:
                self._log.event("reload_needs_restart", settings=fixed)

    # What the operators' listener asks (ops.api.app.Facts).

    def token(self) -> Secret | None:
        return self._config.ops.token

    def picture(self) -> dict[str, Any]:
        pictures = [slot.picture for slot in self._slots if slot.picture is not None]
        ready = sum(slot.ready for slot in self._slots)
        if pictures:
            picture = together(pictures)
            if picture["status"] == "ok" and ready < len(self._slots):
                picture["status"] = "degraded"
        else:
            picture = {"status": "starting", "config": {}, "state": {}, "upstreams": {}}
        if self._draining:
            picture["status"] = "draining"
        workers = {"wanted": len(self._slots), "ready": ready, "pids": [slot.pid for slot in self._slots]}
        return {
            **picture,
            "version": self._version,
            "uptime_s": int(time.time() - self._started),
            "workers": workers,
        }

    def figures(self) -> bytes:
        return metrics.exposition(self._folder.figures)

    def routes(self) -> Sequence[dict[str, Any]]:
        return [described(route) for route in self._config.routes]


def needs_restart(before: Config, after: Config) -> list[str]:
    """The settings that differ and that a reload cannot change: sockets and processes are made once."""
    fixed = {
        "listen.host": (before.listen.host, after.listen.host),
        "listen.port": (before.listen.port, after.listen.port),
        "listen.workers": (before.listen.workers, after.listen.workers),
        "listen.tls": (before.listen.tls is None, after.listen.tls is None),
        "listen.egress": (before.listen.egress, after.listen.egress),
        "ops.host": (before.ops.host, after.ops.host),
        "ops.port": (before.ops.port, after.ops.port),
        "state": (before.state, after.state),
    }
    return [name for name, (old, new) in fixed.items() if old != new]


def _bound(setting: str, host: str, port: int, count: int) -> list[socket.socket]:
    try:
        return listeners(host, port, count)
    except OSError as error:
        raise CannotStart(f"{setting}: cannot listen on {host}:{port}: {error.strerror or error}") from error
