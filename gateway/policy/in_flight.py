"""How many requests of one client address are in flight at once. ``listen.limits.per_address.requests``.

A rate limit does not bound them: requests that each take long gather, and those of one client must not be all that a worker
or an upstream has room for. A request counts from its head until the last byte of its response is written.
"""

from __future__ import annotations

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.bucket import address_key
from gateway.policy.base.proxies import TrustedProxies
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools


class InFlight(Stage):
    """Counts the requests of each address, of which ``limit`` may be in flight; refuses with ``rate_limited``.

    A proxy that is trusted may have any number for itself: those of its clients count for them.
    """

    __slots__ = ("_counted", "_in_flight", "_limit", "_proxies")

    def __init__(self, limit: int, proxies: TrustedProxies) -> None:
        self._limit = limit
        self._proxies = proxies
        self._in_flight: dict[bytes, int] = {}
        self._counted: dict[Exchange, bytes] = {}

    @property
    def addresses(self) -> int:
        """Addresses that have requests in flight."""
        return len(self._in_flight)

    def on_request(self, exchange: Exchange) -> Refusal | None:
        client = exchange.client
        if self._proxies.peer(client)[1]:
            return None
        address = address_key(client)
        in_flight = self._in_flight.get(address, 0)
        if in_flight >= self._limit:
            return refuse("rate_limited", f"{in_flight} requests of this address are in flight", retry_after=1)
        self._in_flight[address] = in_flight + 1
        self._counted[exchange] = address
        return None

    def on_done(self, exchange: Exchange) -> None:
        address = self._counted.pop(exchange, None)
        if address is None:
            return
        left = self._in_flight[address] - 1
        if left:
            self._in_flight[address] = left
        else:
            del self._in_flight[address]


def build(tools: Tools) -> InFlight | None:
    """The stage, None where there is no bound."""
    limit = tools.requests_of_address
    return None if limit is None else InFlight(limit, TrustedProxies(tools.trusted_proxies))
