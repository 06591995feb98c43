"""A worker: one server on one event loop, with its health, its metrics and what the supervisor may order.

Keep its imports lean: every megabyte here is paid once per core.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.config.certificates import Certificates, tls_context, use
from gateway.config.model import Config
from gateway.core.addresses import Resolver
from gateway.core.shortage import Shortage, shortage_of
from gateway.ops.clients import share
from gateway.ops.health.health import ConnectionsStatus, Health, Serving
from gateway.ops.log import Log
from gateway.ops.metrics.families import LISTENER_EGRESS, LISTENER_PUBLIC
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.observer import WorkerObserver
from gateway.ops.plain import Pseudonyms
from gateway.policy.base.tools import Tools
from gateway.process.channel import Drain, Reload, Start
from gateway.process.descriptors import Room, fitted, limit_in_force, room
from gateway.process.drain import order_now
from gateway.process.heap import settle, tidier
from gateway.process.report_end import ReportEnd
from gateway.process.resolver_threads import lookups_at_once, make_resolver_threads
from gateway.process.token_keys import fingerprints
from gateway.process.upkeep import keep_up
from gateway.process.worker_state import WorkerState
from gateway.proxy.compile.limits import egress_limits_of, limits_of
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.server.server import Server
from gateway.state.store import Store

ORDER_WAIT = 0.5  # seconds that a signal to a worker waits for an order of the supervisor


class _Compiled(NamedTuple):
    """A configuration as it can be served: what this machine leaves of it, and its runtime, which is not started and has taken over what it
    can from that ``before``."""

    config: Config
    loaded_at: float
    runtime: Runtime
    room: Room
    before: Runtime | None


class Worker:
    """The parts of a running worker. ``send`` takes its reports to the supervisor, JSON objects."""

    def __init__(self, start: Start, log: Log, store: Store, send: Callable[[Mapping[str, object]], None]) -> None:
        config = start.config
        self.config = config
        self.metrics = WorkerMetrics()
        self.observer = WorkerObserver(log, self.metrics)
        self.health = Health(start.version, revision=start.revision)
        self.health.refused_at = start.refused_at
        self.health.shortages = self.observer.shortages.lasting
        self._descriptors = limit_in_force()
        self._log = log
        self._name = Pseudonyms(start.key).of
        self._has_resolver_threads = False
        self.server = Server(limits_of(config), self.observer, self.health.public)
        # The socket decides, not the configuration: a reload opens no port.
        self.egress = (
            Server(egress_limits_of(config), self.observer.for_listener(LISTENER_EGRESS))
            if start.egress is not None
            else None
        )
        self.stopping = asyncio.Event()
        self._drain = order_now(config.listen.drain.finish, 0.0)  # until there is an order
        self._accepting = False
        self._announced = False
        self._start = start
        self._resolver = Resolver()  # of all runtimes: a lookup that hangs is not begun again by a reload
        self.state = WorkerState(config.state, store, self.observer, self._resolver)
        self._runtime: Runtime | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._prepared: tuple[_Compiled, Certificates | None] | None = None
        self._report_end = ReportEnd(self.show, lambda *args, **fields: self.observer.event(*args, **fields))
        self._tls = tls_context(start.certificates)
        self._others = {
            number: (socket.socket(fileno=public), socket.socket(fileno=egress) if egress is not None else None)
            for number, (public, egress) in start.others.items()
        }
        self._uncovered: frozenset[int] | None = None  # what ``cover`` had no descriptor for, to be tried again
        self._send = send
        self._tidy = tidier()

    async def serve(self) -> None:
        """Compile, listen, and serve until ``stop``; then drain. Raises RuntimeError without threads for lookups."""
        await self._prepare_lookups(self.config)
        self.show(self.config, self._start.loaded_at)
        await self.server.start(socket.socket(fileno=self._start.listener), self._tls)
        if self.egress is not None:
            await self.egress.start(socket.socket(fileno=self._start.egress))
        for _ in self._tidy():
            pass
        settle()
        self._accepting = True
        upkeep = asyncio.create_task(keep_up(self.metrics.gather, self.check_and_report, self._tidy))
        self.report()
        await self.stopping.wait()
        await self._end()
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep
        self.report()

    async def _end(self) -> None:
        """Drain as the order says."""
        order = self._drain
        end = time.monotonic() + order.seconds
        self.health.draining = True
        await self.server.stop_accepting(order.closing)
        self._accepting = False
        self.report()
        for sock in (sock for pair in self._others.values() for sock in pair if sock is not None):
            sock.close()  # or the port would go on listening for as long as this worker drains
        self._others.clear()
        await self.server.drain(end - time.monotonic(), order.idle, order.streams)
        if self.egress is not None:  # only now: requests that the backend still worked on may have needed it
            await self.egress.stop_accepting(order.closing)
            await self.egress.drain(max(0.1, end - time.monotonic()), order.idle, order.streams)
        if self._runtime is not None:
            await self._runtime.close()

    async def _prepare_lookups(self, config: Config) -> None:
        if not self._has_resolver_threads and (lookups := lookups_at_once(config)):
            await make_resolver_threads(lookups)
            self._has_resolver_threads = True

    def announce(self) -> None:
        """Say on the health paths that the run ends soon, and go on serving."""
        self._announced = self.health.draining = True

    def drain(self, order: Drain) -> None:
        """Have ``serve`` drain and return. A second order changes nothing."""
        if not self.stopping.is_set():
            self._drain = order
            self.stopping.set()

    def end_alone(self) -> None:
        """The process was asked to end by a signal of its own. A signal to the whole group or service reaches the supervisor
        too, whose order comes first then: it knows when the others end."""
        asyncio.get_running_loop().call_later(ORDER_WAIT, self._drain_alone)

    def _drain_alone(self) -> None:
        if not self._announced:
            self.drain(order_now(self.config.listen.drain.finish, 0.0))

    def show(self, config: Config, loaded_at: float) -> None:
        """Compile ``config`` and serve it. Raises what compiling raises."""
        self._swap(self._compiled(config, loaded_at))

    def _compiled(self, config: Config, loaded_at: float) -> _Compiled:
        """``config`` compiled beside what is served, which it changes nothing of."""
        found = room(config, self._descriptors)
        config = fitted(config, found)
        listen = config.listen
        tools = Tools(
            self.state.store,
            time.time,
            listen.trusted_proxies,
            self.state.shared,
            self.observer,
            listen.limits.per_address.requests,
            listen.trusted_fields,
            self._resolver,
            self._start.instance,
        )
        return _Compiled(config, loaded_at, Runtime(config, tools, self._runtime), found, self._runtime)

    def _swap(self, compiled: _Compiled) -> None:
        """Serve ``compiled`` from now on. Requests in flight finish on the runtime that they began with."""
        config, runtime = compiled.config, compiled.runtime
        before, self._runtime = self._runtime, runtime
        runtime.start()
        if before is not None:
            self._count_calls(before)  # the next report asks only the new one
        self._log.serve(runtime.digest)
        self.server.swap(runtime)
        self.server.limit(limits_of(config))
        if self.egress is not None:
            self.egress.swap(runtime.egress)
            self.egress.limit(egress_limits_of(config))
        upstreams = {name: upstream.endpoints for name, upstream in runtime.upstreams.items()}
        required = frozenset(name for name, upstream in config.upstreams.items() if upstream.required)
        self.health.serving = Serving(
            config.digest,
            compiled.loaded_at,
            self.state.status,
            upstreams,
            runtime.breakers,
            required,
            config.environment,
        )
        self.health.connections = ConnectionsStatus(limit=compiled.room.connections, written=compiled.room.written)
        self.config = config
        self._report_end.watch(config, compiled.loaded_at)
        if before is not None:
            closing = asyncio.create_task(before.close(runtime))
            self._closing.add(closing)  # or the task would be collected
            closing.add_done_callback(self._closing.discard)

    async def prepare(self, order: Reload) -> None:
        """Build another configuration beside the one that is served; a report says why it cannot be built."""
        self._prepared = None
        try:
            if order.certificates and self._tls:
                tls_context(order.certificates)  # a bad pair must not replace the good one
            await self._prepare_lookups(order.config)
            self._prepared = self._compiled(order.config, order.loaded_at), order.certificates
        except Exception as error:
            self._send({"reload": order.config.digest, "why": f"{type(error).__name__}: {error}"})
            return
        self._send({"reload": order.config.digest, "why": ""})

    def swap(self, serve: bool) -> None:
        """Serve what was built, or drop it; a report says why it cannot be served."""
        prepared, self._prepared = self._prepared, None
        why = "" if prepared is not None or not serve else "nothing was built"
        if prepared is not None and serve:
            compiled, certificates = prepared
            try:
                if compiled.before is not self._runtime:  # what it has taken over may have been closed since
                    compiled = self._compiled(compiled.config, compiled.loaded_at)
                if certificates and self._tls:
                    use(self._tls, certificates)
                self._swap(compiled)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
        self._send({"reload": self.config.digest, "why": why})
        if serve:
            self.report()

    def cover(self, numbers: frozenset[int]) -> None:
        """Take the connections of the workers of these ``numbers`` too, which cannot. Where there is no descriptor for that,
        it is tried again each second: the order comes once."""
        self._uncovered = None
        if self.stopping.is_set():
            return
        pairs = {number: pair for number, pair in self._others.items() if number in numbers}
        try:
            self.server.cover({number: public for number, (public, _) in pairs.items()})
            if self.egress is not None:
                self.egress.cover({number: egress for number, (_, egress) in pairs.items() if egress is not None})
        except OSError as error:
            self._uncovered = numbers
            self.observer.shortage(shortage_of(error) or Shortage.DESCRIPTORS, "covering another worker")

    def check_and_report(self) -> Iterator[None]:
        """Sweep the store, see whether it works, and report; and cover whom there was no descriptor for."""
        self._report_end.check()
        yield from self.state.check()
        yield
        if self._uncovered is not None:
            self.cover(self._uncovered)
        yield from self._report_in_slices()

    def report_refusal(self, request_id: str) -> None:
        """Send what is kept of the request of that id, which was refused."""
        self._send({"found": self._log.refusal(request_id)})

    def report(self) -> None:
        """Send the status and the metrics to the supervisor."""
        for _ in self._report_in_slices():
            pass

    def _report_in_slices(self) -> Iterator[None]:
        self._log.renew_limited()
        short = self._log.sink.take_shortage()
        if short is not None:
            self.observer.shortage(short, "writing the log")
        status = self.health.status()
        for name, upstream in status["upstreams"].items():
            self.observer.endpoints(name, upstream["endpoints"])
        runtime = self._runtime
        if runtime is not None:
            for name in runtime.breakers:
                breaker = status["upstreams"][name]["breaker"]
                self.metrics.breaker(name, breaker["state"], breaker["forced"])
            self._count_calls(runtime)
            for name, concurrency in runtime.concurrency.items():
                self.metrics.concurrency(name, concurrency.taken, concurrency.waiting)
        yield
        self.metrics.listener(LISTENER_PUBLIC, self.server.dispatcher.in_flight, self.server.connections)
        if self.egress is not None:
            self.metrics.listener(LISTENER_EGRESS, self.egress.dispatcher.in_flight, self.egress.connections)
        self.metrics.taking(LISTENER_PUBLIC, self.server.ended, self.server.unsent)
        if self.egress is not None:
            self.metrics.taking(LISTENER_EGRESS, self.egress.ended, self.egress.unsent)
        limit = self.config.listen.limits.connections
        self.metrics.connections_limit(LISTENER_PUBLIC, limit)
        if self.egress is not None:
            self.metrics.connections_limit(LISTENER_EGRESS, limit)
        self.metrics.state_store(self.state.status.ok)
        self.metrics.lines_dropped(self.observer.lines_dropped)
        yield from self.metrics.gather()
        metrics = self.metrics.report()
        yield
        clients = self._clients()
        yield
        self._send({"ready": self._accepting, "status": status, "metrics": metrics, "clients": clients})

    def _clients(self) -> dict[str, Any]:
        """The busiest clients, and of each upstream with a limit on calls at once, and of the requests of one address, who has
        them."""
        runtime, number, name = self._runtime, self._start.number, self._name
        shares = []
        for upstream, concurrency in runtime.concurrency.items() if runtime is not None else ():
            shares.append(share(number, upstream, concurrency, name))
        if runtime is not None and runtime.in_flight is not None:
            shares.append(share(number, None, runtime.in_flight, name))
        return {**self.metrics.clients.report(name), "shares": shares}

    def _count_calls(self, runtime: Runtime) -> None:
        for name, attempts in runtime.attempts.items():
            self.metrics.calls(name, attempts.take_counts(), attempts.budgets_left())
        for name, ring in runtime.key_rings.items():
            prints = fingerprints(runtime.config, self._start.key).get(name, ())
            for key, taken in zip(prints, ring.take_uses(), strict=True):
                self.metrics.token_key(name, key, taken.verified, taken.last)
            self.metrics.token_lifetime(name, ring.lifetime)
