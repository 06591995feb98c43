"""The requests of a replay that have come and are not over: what counts them meanwhile, and what counts how they end."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from gateway.config.model import Config
from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.policy.base.proxies import TrustedProxies
from gateway.policy.base.stage import Stage
from gateway.policy.breaker.breaker import Breaker
from gateway.policy.breaker.breaker import Settings as BreakerSettings
from gateway.policy.in_flight import InFlight
from gateway.review.replay.doubt import Doubt
from gateway.review.replay.evidence import OUTCOMES
from gateway.review.replay.recorded import RecordedRequest

Done = Callable[[Exchange], None]

_FAILURES = {failure.slug: failure for failure in reversed(CallFailure)}
"""The failure behind a reason; of two with one reason the commoner."""


def came_of_it(line: RecordedRequest) -> bool:
    """Whether ``line`` says what came of a call to the upstream."""
    return line.reached or line.reason in OUTCOMES


class UnderWay:
    """The requests under way of a side that has ``config``. ``wall`` gives Unix seconds, by the log."""

    def __init__(self, config: Config, wall: Callable[[], float]) -> None:
        self._config = config
        self._wall = wall
        self._most = config.listen.limits.per_address.requests or 0
        self._proxies = TrustedProxies(config.listen.trusted_proxies)
        self._in_flight: dict[int, InFlight] = {}
        self._doubts: dict[str, Doubt] = {}
        self._ends: list[tuple[float, int, Exchange, list[Done]]] = []
        self._held = 0

    def due(self, moment: float) -> Iterator[float]:
        """When each request ends that does by ``moment``, the first one first; ``end_first`` has to be called for each."""
        while self._ends and self._ends[0][0] <= moment:
            yield self._ends[0][0]

    def end_first(self) -> None:
        """Have the request end that ends first."""
        _, _, exchange, dones = heapq.heappop(self._ends)
        _leave(exchange, dones)

    def hold(self, line: RecordedRequest, exchange: Exchange, upstream: str, dones: list[Done]) -> None:
        """Have ``dones`` done when the request ends that has called ``upstream``: at once where that is none."""
        if upstream and came_of_it(line) and line.called == upstream:
            exchange.status, exchange.reason = line.status, line.reason
            exchange.upstream_time = line.upstream_time
            exchange.failure = _FAILURES.get(line.reason)
        if upstream and line.end > self._wall():
            self._held += 1
            heapq.heappush(self._ends, (line.end, self._held, exchange, dones))
        else:
            _leave(exchange, dones)

    def in_flight(self, worker: int) -> InFlight:
        """What counts the requests of each address in the worker of that number: each has a count of its own."""
        found = self._in_flight.get(worker)
        if found is None:
            found = self._in_flight[worker] = InFlight(self._most, self._proxies)
        return found

    def ending(self, breaker: Stage) -> Done:
        """Has ``breaker`` count how a call went, as far as that is known."""
        assert isinstance(breaker, Breaker), "of its kind"
        return partial(self._end_call, breaker, self._doubt_of(breaker))

    def _end_call(self, breaker: Breaker, doubt: Doubt, exchange: Exchange) -> None:
        if exchange.slot is not None:
            if not exchange.status and not exchange.reason:
                doubt.unknown(self._wall())
            elif (failed := breaker.failed(exchange)) is not None:
                (doubt.failed if failed else doubt.succeeded)(self._wall())
        breaker.on_done(exchange)

    def doubt(self, stages: Iterable[Stage]) -> None:
        """A call may have been made behind the breaker among ``stages``, or not."""
        for stage in stages:
            if isinstance(stage, Breaker):
                self._doubt_of(stage).unknown(self._wall())

    def is_doubtful(self, breaker: Stage) -> bool:
        """Whether ``breaker`` may be open or closed."""
        assert isinstance(breaker, Breaker), "of its kind"
        return self._doubt_of(breaker).open

    def _doubt_of(self, breaker: Breaker) -> Doubt:
        found = self._doubts.get(breaker.upstream)
        if found is None:
            settings = self._config.policies["breakers"][str(self._config.upstreams[breaker.upstream].breaker)]
            assert isinstance(settings, BreakerSettings), "of its section"
            found = self._doubts[breaker.upstream] = Doubt(settings)
        return found


def _leave(exchange: Exchange, dones: list[Done]) -> None:
    for done in reversed(dones):
        done(exchange)
