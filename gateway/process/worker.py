"""A worker process: one data plane on one event loop. Started by the supervisor, never by hand.

Keep its imports lean: every megabyte here is paid once per core.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson
import uvloop

import gateway.process.lean  # noqa: F401  # for its effect, before structlog is loaded
from gateway.config.model import Config, Tls
from gateway.ops import metrics
from gateway.ops.health import Health, StoreView, View
from gateway.ops.log import Bridge, Log
from gateway.ops.observer import Watcher
from gateway.ops.sink import Sink
from gateway.policy.base.tools import Tools
from gateway.process.channel import Drain, Order, Reload, Start, receive
from gateway.process.heap import trimmer
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.server.egress import EgressServer
from gateway.proxy.server.server import ListenerLimits, Server
from gateway.state.lmdb.store import LmdbStore
from gateway.state.store import StateError, Store

if TYPE_CHECKING:
    from gateway.state.failover.store import FailoverStore

TICK = 0.25  # seconds between two looks at the levels
STATUS = 4  # ticks between two reports to the supervisor
TRIM = 40  # ticks between two times that free memory is given back
SWEEP = 512  # records of the store looked at per report: some 200 us

CANNOT = 2  # exit code: this configuration cannot be served, trying again does not help


class Worker:
    """The parts of a running worker and what the supervisor may ask of it."""

    def __init__(self, start: Start, log: Log, store: Store, report: Callable[[bytes], None]) -> None:
        config = start.config
        self.start_order = start
        self.config = config
        self.log = log
        self.store = store
        self.shared: FailoverStore | None = None
        self.view_of_store = StoreView("embedded")
        self.health = Health(start.version)
        self.plane: Runtime | None = None
        figures = start.run / "figures"
        self.watcher = Watcher(log, metrics.Metrics(room=lambda: metrics.has_room(figures)))
        self.gateway = Server(limits_of(config), self.watcher, self.health)
        inner = start.egress is not None  # the socket says, not the configuration: a reload opens no port
        self.egress = EgressServer(limits_of(config), self.watcher.beside("egress")) if inner else None
        self.tls = tls_context(config.listen.tls)
        self.stopping = asyncio.Event()
        self.seconds = config.listen.drain
        self._report = report
        self._trim = trimmer()

    async def share(self) -> None:
        """Connect to the Redis of all replicas where there is one. Raises StateError for an address that cannot be."""
        state = self.config.state
        if state.redis is None:
            return
        # Here and not above: redis-py is some megabytes that most workers do without.
        from gateway.state.failover.store import FailoverStore
        from gateway.state.redis.store import RedisStore

        shared = RedisStore(state.redis.reveal(), state.key.reveal().encode() if state.key else b"")
        self.view_of_store = StoreView("redis")
        self.shared = FailoverStore(shared, self.store, self._shared_changed, state.path / "locks.json")
        await self.shared.start()

    def _shared_changed(self, up: bool, why: str) -> None:
        was = self.view_of_store.ok
        self.view_of_store.seen(up, time.time())
        self.watcher.store_ok = up
        if not up:
            self.watcher.event("state_away", error=why)
        elif not was:
            self.watcher.event("state_back")

    async def serve(self) -> None:
        """Compile, listen, and stay until told to stop; then drain."""
        self.show(self.config, self.start_order.loaded_at)
        listener = socket.socket(fileno=self.start_order.listener)
        await self.gateway.start(listener, self.tls)
        if self.egress is not None:
            await self.egress.start(socket.socket(fileno=self.start_order.egress))
        gc.collect()
        gc.freeze()  # what is here now stays: no need to look through it again
        self._trim()
        ticking = asyncio.create_task(self._tick())
        self.report()
        await self.stopping.wait()
        self.health.draining = True
        self.report()
        end = time.monotonic() + self.seconds
        await self.gateway.drain(self.seconds)
        if self.egress is not None:  # only now: what the backend still had to answer may have needed it
            await self.egress.drain(max(0.1, end - time.monotonic()))
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        self._figures()
        self.report()

    def show(self, config: Config, loaded_at: float) -> Runtime | None:
        """Build the plane for ``config`` and serve it; gives back the one before. Raises what compiling raises."""
        tools = Tools(self.store, time.time, tuple(config.listen.trusted_proxies), self.shared, self.watcher.told)
        plane = Runtime(config, tools)
        before, self.plane = self.plane, plane
        self.gateway.swap(plane)
        self.gateway.limits = limits_of(config)  # for connections to come
        if self.egress is not None:
            self.egress.swap(plane.egress)
            self.egress.limits = self.gateway.limits
        upstreams = {name: upstream.endpoints for name, upstream in plane.upstreams.items()}
        looks = {name: breaker.circuit for name, breaker in plane.breakers.items()}
        self.health.view = View(config.digest, loaded_at, self.view_of_store, upstreams, looks)
        self.config = config
        return before

    async def reload(self, order: Reload) -> None:
        """Serve another configuration, or go on with this one and say why."""
        try:
            certificates = order.config.listen.tls
            if certificates and self.tls:
                tls_context(certificates)  # a bad pair must not take the place of the good one
            before = self.show(order.config, order.loaded_at)
            if certificates and self.tls:
                self.tls.load_cert_chain(certificates.cert, certificates.key)
        except Exception as error:
            self._send({"reload": order.config.digest, "why": f"{type(error).__name__}: {error}"})
            return
        if before is not None:
            await before.close()
        self._send({"reload": order.config.digest, "why": ""})
        self.report()

    def report(self) -> None:
        """Tell the supervisor how it goes."""
        picture = self.health.picture()
        for name in self.health.view.breakers if self.health.view else ():
            breaker = picture["upstreams"][name]["breaker"]
            self.watcher.stands(name, breaker["state"], breaker["forced"])
        for name, upstream in picture["upstreams"].items():
            self.watcher.endpoints(name, upstream["endpoints"])
        self._send({"ready": self.health.ready(), "picture": picture})

    def stop(self) -> None:
        self.stopping.set()

    def _send(self, message: dict[str, object]) -> None:
        self._report(orjson.dumps(message) + b"\n")

    async def _tick(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(TICK)
            count += 1
            self._figures()
            if count % STATUS == 0:
                self._look()
                self.report()
            if count % TRIM == 0:
                self._trim()

    def _figures(self) -> None:
        plane = self.plane
        with contextlib.suppress(OSError):  # an ill disk costs figures, not the worker
            for name, calls in plane.attempts.items() if plane is not None else ():
                self.watcher.called(name, calls.take_counts(), calls.left())
            for name, places in plane.concurrency.items() if plane is not None else ():
                self.watcher.places(name, places.taken, places.waiting)
            self.watcher.tick(self.gateway.connections)
            if self.egress is not None:
                self.egress.tick()

    def _look(self) -> None:
        now = time.time()
        was = self.view_of_store.ok
        away = self.shared is not None and not self.shared.up
        try:
            self.store.sweep(now, SWEEP)
            self.view_of_store.seen(not away, now)
        except Exception as error:  # whatever ails the store, the worker lives on and says so
            self.view_of_store.seen(False, now)
            if was:
                self.watcher.event("state_failing", error=str(error))
        self.watcher.store_ok = self.view_of_store.ok
        if self.view_of_store.ok and not was:
            self.watcher.event("state_well")


def limits_of(config: Config) -> ListenerLimits:
    """The server's limits as the configuration has them."""
    limits = config.listen.limits
    return ListenerLimits(
        limits.connections, limits.header_bytes, limits.header_timeout, limits.body_timeout, limits.keepalive
    )


def tls_context(tls: Tls | None) -> ssl.SSLContext | None:
    """The server's TLS. Raises OSError (ssl.SSLError is one) when the files are no good."""
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(tls.cert, tls.key)
    return context


async def work(control: socket.socket) -> int:
    """Take the first order and serve; the exit code."""
    reader, writer = await asyncio.open_connection(sock=control)
    order = await receive(reader)
    if not isinstance(order, Start):
        return 1  # the supervisor went before it said anything
    alive = os.open(order.run / "alive", os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(alive, fcntl.LOCK_SH)  # the folder is in use, whatever becomes of the supervisor
    log = Log(Sink(1, order.run / "turn"), order.key, worker=order.place)
    Bridge(log).install()
    store: LmdbStore | None = None
    code = 0
    try:
        key = order.config.state.key
        store = LmdbStore(order.config.state.path, key.reveal().encode() if key else None)
        worker = Worker(order, log, store, writer.write)
        await worker.share()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, worker.stop)
        orders = asyncio.create_task(_obey(worker, reader))
        await worker.serve()
        orders.cancel()
        if worker.shared is not None:
            await worker.shared.close()
    except (StateError, OSError, RuntimeError, ValueError) as error:
        writer.write(orjson.dumps({"cannot": f"{type(error).__name__}: {error}"}) + b"\n")
        code = CANNOT
    finally:
        if store is not None:
            store.close()
        log.sink.close()
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
    return code


async def _obey(worker: Worker, reader: asyncio.StreamReader) -> None:
    while True:
        order: Order | None = await receive(reader)
        if isinstance(order, Reload):
            await worker.reload(order)
        elif isinstance(order, Drain):
            worker.seconds = order.seconds
            worker.stop()
        elif order is None:
            if not worker.stopping.is_set():
                worker.watcher.event("supervisor_gone")
            worker.stop()
            return


def main(arguments: list[str]) -> int:
    """``arguments``: the number of the inherited control socket and this worker's place."""
    # Ctrl-C and a closed terminal reach the whole process group; ending is the supervisor's to order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    metrics.use_files(arguments[1])
    return uvloop.run(work(socket.socket(fileno=int(arguments[0]))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
