"""A listener of one worker: its sockets, and how they are drained."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf

from gateway.core.shortage import Shortage
from gateway.core.verdict import Reply, refuse
from gateway.policy.base.bucket import address_key
from gateway.policy.base.proxies import TrustedProxies
from gateway.proxy.flow.arrival import HealthPaths, ListenerLimits, Served
from gateway.proxy.flow.dispatcher import Dispatcher
from gateway.proxy.flow.lasting import MOST_OLD
from gateway.proxy.observer import Observer
from gateway.proxy.server.admission import ConnectionCount
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.server.listener import Listener, ListenerTls
from gateway.proxy.server.overflow import Overflow, too_many
from gateway.proxy.server.refused_wire import RefusedSockets, RefusedWire
from gateway.proxy.server.send_clock import Overdue, SendClock
from gateway.proxy.wire.tls import HalfCloseTls
from gateway.proxy.wire.write_batch import WriteBatch

SWEEP = 0.5  # seconds between looks for heads that take too long, and for connections that idle
SLICE = 500  # connections looked at in one go, some 100 us
HANDSHAKE = 10.0  # seconds that a TLS handshake may take at most, where ``header_timeout`` is longer
HANDSHAKES = 1000  # of one address that may come at once, where its connections have no bound
SHUTDOWN = 3600.0  # seconds after which TLS ends a connection that is closed; ``SendClock`` does long before
LAST_RESORT = (
    2  # times ``send_timeout``, after which the kernel ends a connection that was closed here with bytes untaken
)
HIGH_WATER = 64 * 1024  # bytes in a transport's buffer above which it pauses its protocol (asyncio's default)
EXPLAINED = 16  # refused connections between two sweeps that get a response and a line in the log; more are closed only
DRAIN_LOOK = 0.05  # seconds between two looks in a drain for connections that idle
STREAM_END = 1.0  # seconds before the end of a drain in which event streams are ended between two events
_LAST_WORDS = 0.1  # seconds for what was cut to be logged


def _none(_: str) -> Reply | None:
    """No health path."""
    return None


class Server:
    """The data plane of one worker on one listener. ``swap`` gives it the runtime for requests to come.

    ``health`` has the responses to the health paths, of which a listener may have none. ``count`` has the connections that
    are open; ``ended`` is how many the listener has ended, by why: a label of ``gateway_connections_ended_total``.
    """

    def __init__(self, limits: ListenerLimits, observer: Observer, health: HealthPaths | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.count: ConnectionCount[ClientConnection] = ConnectionCount()
        self.clients = self.count.connections
        self.ended: Counter[str] = Counter()
        self.write_batch = WriteBatch(self.loop)
        self._changed = asyncio.Event()  # nothing is in flight, or a client has left
        self.dispatcher = Dispatcher(self.loop, limits, observer, health or _none, self._changed.set)
        self._overflow = Overflow(self.dispatcher) if health is not None else None
        self._proxies = TrustedProxies(limits.trusted_proxies)
        self._clock: SendClock[ClientConnection] = SendClock()
        self._paused = 0  # clients that began to take less than they are sent since the last sweep
        self._refused = RefusedSockets(self.loop)
        self._explained = 0  # refused connections since the last sweep that had a response
        self._tls: ListenerTls | None = None
        self._listener: Listener | None = None
        self._covered: dict[int, Listener] = {}
        self._sweeper: asyncio.Handle | None = None

    @property
    def connections(self) -> int:
        """Open client connections, those in their handshake included."""
        return len(self.clients)

    @property
    def unsent(self) -> int:
        """Bytes that waited for clients at the last sweep."""
        return self._clock.unsent

    def swap(self, runtime: Served) -> None:
        """Serve ``runtime`` from now on. Requests in flight finish on the one before, which the caller closes."""
        self.dispatcher.runtime = runtime
        self.dispatcher.lasting.swapped(refuse("draining", f"it began more than {MOST_OLD} reloads ago"))

    def limit(self, limits: ListenerLimits) -> None:
        """Have ``limits`` for connections and requests to come."""
        self.dispatcher.limit(limits)
        if self._overflow is not None:
            self._overflow.dispatcher.limit(limits)
        for listener in (self._listener, *self._covered.values()):
            if listener is not None:
                listener.bound_sending(LAST_RESORT * limits.send_timeout)
        self._proxies = TrustedProxies(limits.trusted_proxies)

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections on ``sock``, which is bound."""
        if tls is not None:
            tls.sslobject_class = HalfCloseTls
            self._tls = ListenerTls(tls, min(HANDSHAKE, self.dispatcher.limits.header_timeout), SHUTDOWN)
        self._listener = self._listen(sock)
        self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    def cover(self, sockets: Mapping[int, socket.socket]) -> None:
        """Accept on ``sockets`` as well, and on no others any more besides its own. They stay the caller's. Raises OSError
        when there is no descriptor for one more."""
        for number in self._covered.keys() - sockets.keys():
            self._covered.pop(number).stop()
        for number in sockets.keys() - self._covered.keys():
            self._covered[number] = self._listen(sockets[number].dup())

    def _listen(self, sock: socket.socket) -> Listener:
        listener = Listener(self.loop, sock, self, self._tls)
        listener.bound_sending(LAST_RESORT * self.dispatcher.limits.send_timeout)
        return listener

    async def stop_accepting(self, seconds: float = 0.0) -> None:
        """Take no more connections. With ``seconds`` the sockets are about to end: what waits in them, and handshakes under
        way that end by then, are taken first. Without, it waits for whoever else has the sockets. Each
        response to a request that begins from now on says ``connection: close``."""
        self.dispatcher.draining = True
        listeners = [*self._covered.values()] if self._listener is None else [self._listener, *self._covered.values()]
        self._listener = None
        self._covered.clear()
        if seconds:
            for listener in listeners:
                listener.begin_end()
            await asyncio.sleep(seconds)
            for listener in listeners:
                listener.take_rest()
        for listener in listeners:
            listener.stop()

    async def drain(self, seconds: float, idle: float = 0.0, streams: float = inf) -> None:
        """Take no more connections, finish what is in progress within ``seconds``, then cut what is left.

        Each response that is not on its way yet says ``connection: close``. A kept connection has ``idle`` seconds for one more
        request. Event streams are ended between two events after ``streams`` seconds, at the latest ``STREAM_END`` before what is left is cut.
        """
        await self.stop_accepting()
        dispatcher = self.dispatcher
        began = self.loop.time()
        for connection in self.clients:
            connection.close_after_response()
        self._end_idle(began, idle)
        ending = began + max(0.0, min(streams, seconds - min(STREAM_END, seconds / 4)))
        if not await self._none_left(ending, lambda: self._end_idle(began, idle)):
            dispatcher.lasting.end_streams(refuse("draining"))
        if not await self._none_left(began + seconds, lambda: self._end_idle(began, idle)) and dispatcher.pending:
            dispatcher.observer.event("drain_cut", in_flight=dispatcher.in_flight)
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._refused.close()
        for connection in self._all_connections():
            connection.abort()
        await self._none_left(self.loop.time() + _LAST_WORDS, lambda: dispatcher.in_flight)

    def _end_idle(self, began: float, idle: float) -> int:
        """End the connections that have waited for a request for ``idle`` seconds since the drain ``began``; how many are
        left, ending or not."""
        late = self.loop.time() - idle
        if began <= late:
            for connection in list(self.clients):
                if 0.0 < connection.silent_since <= late:
                    connection.end_idle()
        return len(self.clients)

    async def _none_left(self, until: float, left: Callable[[], int]) -> bool:
        """Whether nothing is ``left`` by the loop's time ``until``."""
        try:
            async with asyncio.timeout_at(until):
                while left():
                    self._changed.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(DRAIN_LOOK):
                            await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def admit(self, accepted: socket.socket, address: str) -> ClientConnection | None:
        """The protocol of a connection from ``address``, counted from now on; None when it is one too many and closed."""
        limits = self.dispatcher.limits
        bound = limits.connections_of_address
        trusted, handshakes = self._proxies.peer(address)[1], self.dispatcher.unrouted_limit
        if self._tls and not trusted and not handshakes.admits_handshake(address, bound or HANDSHAKES):
            self._refuse(accepted, address, "of this address")
            return None
        key = b"" if bound is None or trusted else address_key(address)
        if self.count.make_room(key, limits.connections, bound, self.loop.time()):
            connection = ClientConnection(self.dispatcher, self, address, key)
            self.count.add(connection)
            return connection
        if len(self.clients) < limits.connections:
            self._refuse(accepted, address, "of this address")
            return None
        beyond = None
        if self._overflow is not None:
            of = b"" if trusted else address_key(address)
            beyond = self._overflow.admit(lambda dispatcher: ClientConnection(dispatcher, self, address), of)
        if beyond is None:
            self._refuse(accepted, address)
        return beyond

    def relieve(self, kind: Shortage) -> bool:
        """See ``Admission``."""
        self.dispatcher.observer.shortage(kind, "accepting a connection")
        return self.count.end_longest_waiting(self.loop.time())

    def refuse(self, accepted: socket.socket, address: str, detail: str) -> None:
        """See ``Admission``."""
        try:
            self._explain(accepted, address, detail)
        finally:
            accepted.close()

    def _refuse(self, accepted: socket.socket, address: str, detail: str = "") -> None:
        """Refuse one that is too many; one that has a response may still send what it began."""
        explained = False
        try:
            explained = self._explain(accepted, address, detail)
        finally:
            if explained:
                self._refused.close_later(accepted)
            else:
                accepted.close()

    def _explain(self, accepted: socket.socket, address: str, detail: str) -> bool:
        """Whether the client has a response. A few in a while have: one costs more than closing."""
        self.ended["too_many"] += 1
        if self._tls is not None or self._explained >= EXPLAINED:
            return False
        self._explained += 1
        self.dispatcher.refuse_head(RefusedWire(accepted), address, too_many(detail))
        return True

    def disconnected(self, connection: ClientConnection) -> None:
        """Count ``connection`` no longer."""
        self.count.remove(connection)
        if self._overflow is not None:
            self._overflow.count.remove(connection)
        self._changed.set()

    def paused(self) -> None:
        """A client takes less than it is sent. When many do at once, what waits for them is looked at before the sweep."""
        self._paused += 1
        if self._paused * HIGH_WATER > self.dispatcher.limits.unsent // 4:
            self._paused = 0
            self.loop.call_soon(self._look_at_unsent)

    def _sweep(self) -> None:
        self._explained = self._paused = 0
        self._go_on(self._sweep_in_slices())

    def _go_on(self, sweep: Iterator[None]) -> None:
        """Do one slice of ``sweep``, and the next in the next iteration of the loop: 1,000 busy connections take 4 ms."""
        done = True
        try:
            done = next(sweep, True) is True
        finally:
            if done:
                crowded = self._clock.unsent * 2 > self.dispatcher.limits.unsent
                self._sweeper = self.loop.call_later(SWEEP / 10 if crowded else SWEEP, self._sweep)
            else:
                self._sweeper = self.loop.call_soon(self._go_on, sweep)

    def _sweep_in_slices(self) -> Iterator[None]:
        limits = self.dispatcher.limits
        clients = list(self.clients)
        for start in range(0, len(clients), SLICE):
            self._end_late(clients[start : start + SLICE])
            yield
        if self._overflow is not None:
            self._overflow.sweep()
        look = self._clock.look_in_slices(self._all_connections(), self.loop.time(), limits.send_timeout, limits.unsent)
        self._end_overdue((yield from look))

    def _end_late(self, clients: Iterable[ClientConnection]) -> None:
        """End those whose head takes too long, and those that have been idle for too long."""
        now, limits = self.loop.time(), self.dispatcher.limits
        late, idle = now - limits.header_timeout, now - limits.keepalive
        for connection in clients:
            if connection not in self.clients:  # it has ended since the sweep began
                continue
            head_since = connection.parser.head_since
            if 0.0 < head_since < late:
                connection.refuse_head(refuse("head_timeout", close=True))
            elif connection.idle_since > 0.0:
                # A client that is idle for so long does not miss it, and those of 10,000 clients would hold 20 MB.
                connection.head = None
                if connection.idle_since < idle and not head_since:
                    connection.end_idle()

    def _look_at_unsent(self) -> None:
        limits = self.dispatcher.limits
        connections = self._all_connections()
        self._end_overdue(self._clock.look(connections, self.loop.time(), limits.send_timeout, limits.unsent))

    def _end_overdue(self, found: Overdue[ClientConnection]) -> None:
        """End the connections whose clients do not take what they are sent."""
        for connection in found.closed:
            connection.abort()
        ends = (("stalled", "clients_stalled", found.stalled), ("unsent", "unsent_over", found.over))
        for why, event, all_overdue in ends:
            overdue = [connection for connection in all_overdue if connection.transport is not None]
            for connection in overdue:
                connection.end_untaken(why)
            if overdue:
                self.dispatcher.observer.event(event, connections=len(overdue), unsent=self._clock.unsent)

    def _all_connections(self) -> list[ClientConnection]:
        """The connections, those beyond the limit included."""
        return [*self.clients, *(self._overflow.count.connections if self._overflow is not None else ())]
