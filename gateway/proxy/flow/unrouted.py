"""The limit of what no rate limit counts, by client address: preflights, health, refusals before a route's limits, TLS
handshakes.

Each costs some 100 us of processor and a line in the log, and limits of routes are taken behind them: an unknown origin is
refused before, a head that cannot be read has no route. Kept in the memory of a worker, since it is coarse and must cost
less than what it refuses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import time

from gateway.core.exchange import Exchange
from gateway.core.loopback import is_loopback
from gateway.core.units import Rate
from gateway.core.verdict import Refusal, by_limit, refuse
from gateway.policy.base.bucket import address_key
from gateway.policy.client import Client
from gateway.state.rules.gcra import NEVER, Take, Taken, decide_one, ticks

MOST = 8192  # addresses that are remembered; one that is forgotten has its whole burst again
_OURS = 500  # the first status that is no fault of the client (RFC 9110 15.6)
_PROBES = frozenset(("/health/live", "/health/ready"))


class UnroutedLimit:
    """``rate`` for each address: of health, of TLS handshakes, and of all else. ``proxies`` knows the client behind a trusted proxy.

    A trusted proxy's own requests have no limit: they are checks of its own, or heads that cannot be read of any client. No
    probe of this machine is refused, which would end a gateway that is well.
    """

    def __init__(self, rate: Rate | None, proxies: Client, wall: Callable[[], float] = time) -> None:
        self._rate = rate
        self._proxies = proxies
        self._wall = wall
        self._tats: dict[bytes, float] = {}

    @property
    def addresses(self) -> int:
        """Addresses that are remembered."""
        return len(self._tats)

    def refusal(self, exchange: Exchange, status: int) -> Refusal | None:
        """Charge a request that is about to have a response with ``status``; the refusal when there are too many."""
        rate = self._rate
        if rate is None or status >= _OURS:
            return None
        if not isinstance(self._proxies.on_request(exchange), Refusal) and self._proxies.trusts(exchange.client):
            return None
        health = exchange.path.startswith("/health")
        if health and exchange.path in _PROBES and is_loopback(exchange.client):
            return None
        taken = self._take((b"h" if health else b"r") + address_key(exchange.client), rate, rate.limit)
        if taken.ok:
            return None
        return refuse(
            "rate_limited",
            "requests that no limit of a route counts",
            retry_after=max(1, math.ceil(taken.retry_after)),
            close=True,
            limits=(by_limit("per_address", "unrouted"),),
        )

    def admits_handshake(self, address: str, at_once: int) -> bool:
        """Charge a TLS handshake of ``address``, which is no trusted proxy; whether it may begin. ``at_once`` may come
        together.

        It costs the gateway some 0.6 ms of processor and its client next to nothing, who can send the same first message
        over and over, and is done before anything that a limit of a route counts.
        """
        rate = self._rate
        return rate is None or self._take(b"t" + address_key(address), rate, max(at_once, rate.limit)).ok

    def _take(self, key: bytes, rate: Rate, burst: int) -> Taken:
        now = ticks(self._wall())
        taken, tat = decide_one(Take(key, 1, rate.limit, rate.period, burst), self._tats.get(key, NEVER), now)
        if tat is not None:
            if key not in self._tats and len(self._tats) >= MOST:
                self._forget(now)
            self._tats[key] = tat
        return taken

    def _forget(self, now: float) -> None:
        """Forget the addresses whose burst is whole again, and the older half of the others where those are too many."""
        kept = [(key, tat) for key, tat in self._tats.items() if tat > now]
        self._tats = dict(kept[len(kept) - MOST // 2 :] if len(kept) > MOST // 2 else kept)
