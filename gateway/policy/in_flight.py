"""How many requests of one client address are in flight at once. ``listen.limits.per_address.requests``.

A rate limit does not bound them: requests that each take long gather, and those of one client must not be all that a worker
or an upstream has room for. A request counts from its head until the last byte of its response is written.
"""

from __future__ import annotations

from heapq import nlargest
from operator import itemgetter

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, by_limit, refuse
from gateway.policy.base.bucket import address_key
from gateway.policy.base.proxies import TrustedProxies
from gateway.policy.base.shares import ClientKey
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools

_SLASH_64 = 12  # bytes of the ``address_key`` of an IPv6 client, of which
_SLASH_48 = slice(4, 10)  # are its network

_LIMITS = (by_limit("per_address", "requests"),)

NETWORK = 3
"""Times what one address may have that its /48 of IPv6 may have: one customer has up to 65,536 addresses (RFC 6177). Where
descriptors are few, one address has a quarter of the connections with requests, and its network does not have all."""


class InFlight(Stage):
    """Counts the requests of each address, of which ``limit`` may be in flight; refuses with ``rate_limited``.

    The addresses of one /48 of IPv6 may have ``NETWORK`` times as many together. A proxy that is trusted may have any number
    for itself: those of its clients count for them.
    """

    __slots__ = ("_counted", "_in_flight", "_limit", "_proxies")

    def __init__(self, limit: int, proxies: TrustedProxies) -> None:
        self._limit = limit
        self._proxies = proxies
        self._in_flight: dict[bytes, int] = {}
        self._counted: dict[Exchange, bytes] = {}

    @property
    def limit(self) -> int:
        """Requests that each address may have in flight."""
        return self._limit

    @property
    def taken(self) -> int:
        """Requests in flight that are counted."""
        return len(self._counted)

    @property
    def waiting(self) -> int:
        """None waits: one too many is refused."""
        return 0

    def held_by(self, most: int) -> list[tuple[ClientKey, int]]:
        """The addresses with most requests in flight, by ``address_key``, and how many: so many addresses at most."""
        held = ((key, count) for key, count in self._in_flight.items() if len(key) != _SLASH_48.stop - _SLASH_48.start)
        return nlargest(most, held, key=itemgetter(1))

    @property
    def addresses(self) -> int:
        """Addresses and networks of IPv6 that have requests in flight."""
        return len(self._in_flight)

    def on_request(self, exchange: Exchange) -> Refusal | None:
        client = exchange.client
        if self._proxies.peer(client)[1]:
            return None
        address = address_key(client)
        in_flight = self._in_flight.get(address, 0)
        if in_flight >= self._limit:
            return refuse(
                "rate_limited", f"{in_flight} requests of this address are in flight", retry_after=1, limits=_LIMITS
            )
        if len(address) == _SLASH_64:
            network = address[_SLASH_48]
            of_network = self._in_flight.get(network, 0)
            if of_network >= NETWORK * self._limit:
                return refuse(
                    "rate_limited",
                    f"{of_network} requests of this network are in flight",
                    retry_after=1,
                    limits=_LIMITS,
                )
            self._in_flight[network] = of_network + 1
        self._in_flight[address] = in_flight + 1
        self._counted[exchange] = address
        return None

    def on_done(self, exchange: Exchange) -> None:
        address = self._counted.pop(exchange, None)
        if address is None:
            return
        self._one_less(address)
        if len(address) == _SLASH_64:
            self._one_less(address[_SLASH_48])

    def _one_less(self, key: bytes) -> None:
        left = self._in_flight[key] - 1
        if left:
            self._in_flight[key] = left
        else:
            del self._in_flight[key]


def build(tools: Tools) -> InFlight | None:
    """The stage, None where there is no bound."""
    limit = tools.requests_of_address
    return None if limit is None else InFlight(limit, TrustedProxies(tools.trusted_proxies))
