"""The few connections beyond a listener's limit, so that health has a response while all others serve requests.

An orchestrator that gets none would restart a gateway that is merely busy, and make it worse. Here a health path is
responded to and everything else refused, within a second. The one that has waited longest makes room for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.flow.dispatcher import Dispatcher
from gateway.proxy.routing.route import CompiledRoute, with_verdict
from gateway.proxy.server.admission import ConnectionCount
from gateway.proxy.server.connection import ClientConnection

MOST = 8  # connections at once
EACH_SWEEP = 128  # connections between two sweeps: each costs more than refusing it at once, and many come from a flood
OF_ADDRESS = 32  # of these of one address, so that one that connects without end leaves the others theirs
SECONDS = 1.0  # for a request to arrive


def too_many(detail: str = "") -> Refusal:
    """The refusal of a connection that is one too many."""
    return refuse("too_many_connections", detail, retry_after=1, close=True)


class _NothingElse:
    """A ``Served`` (``flow.arrival``) that refuses every request."""

    def __init__(self, main: Dispatcher) -> None:
        self._main = main
        self.routes = self

    @property
    def unrouted(self) -> CompiledRoute:
        runtime = self._main.runtime
        return self._main.unrouted if runtime is None else runtime.unrouted

    @property
    def group(self) -> AbstractContextManager[object]:
        return nullcontext()

    def find(self, exchange: Exchange, method: str) -> CompiledRoute:
        return with_verdict(self.unrouted, too_many())


class Overflow:
    """The connections beyond the limit of the listener of ``main``."""

    def __init__(self, main: Dispatcher) -> None:
        self.count: ConnectionCount[ClientConnection] = ConnectionCount()
        self.dispatcher = Dispatcher(main.loop, main.limits, main.observer, main.health, lambda: None)
        self.dispatcher.runtime = _NothingElse(main)
        self._left = EACH_SWEEP
        self._of_address: Counter[bytes] = Counter()

    def admit(self, make: Callable[[Dispatcher], ClientConnection], address: bytes) -> ClientConnection | None:
        """The connection that ``make`` makes, counted here; None when it is one too many here too. ``address`` is the key of
        its address, empty for one that has no bound."""
        if address and self._of_address[address] >= OF_ADDRESS:
            return None
        if not self._left or not self.count.make_room(b"", MOST, None, self.dispatcher.loop.time()):
            return None
        self._left -= 1
        self._of_address[address] += 1
        connection = make(self.dispatcher)
        self.count.add(connection)
        return connection

    def sweep(self) -> None:
        """End those that have waited long enough."""
        self._left = EACH_SWEEP
        self._of_address.clear()
        late = self.dispatcher.loop.time() - SECONDS
        for connection in list(self.count.connections):
            if not 0.0 < connection.waiting_since < late:
                continue
            if connection.parser.head_since:
                connection.refuse_head(too_many())
            else:
                connection.close_when_taken()
