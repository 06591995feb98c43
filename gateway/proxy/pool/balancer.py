"""The choice of the endpoint for the next call: of two drawn at random the less busy one.

Two draws instead of one keep the longest queue exponentially shorter. Two instead of all keep workers, which do not know
of each other's calls, from all choosing the same endpoint (M. Mitzenmacher, The Power of Two Choices in Randomized
Load Balancing, IEEE Transactions on Parallel and Distributed Systems 12(10), 2001).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from itertools import accumulate

from gateway.proxy.pool.endpoint import Endpoint


class Balancer:
    """Chooses among ``endpoints``. ``changed`` has to be called when the sequence changes, or the health of one of them.

    Of the endpoints with the lowest priority those in ``region`` are used if any of them is healthy, else the others.
    The next priority joins them while less than ``spill_below`` of their weight is healthy. ``random`` gives numbers
    from 0.0 up to but not including 1.0, ``clock`` seconds.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        random: Callable[[], float],
        clock: Callable[[], float],
        *,
        region: str = "",
        spill_below: float = 0.5,
    ) -> None:
        self._endpoints = endpoints
        self._random = random
        self._clock = clock
        self._region = region
        self._spill_below = spill_below
        self._best: list[Endpoint] = []
        self._ends: list[int] = []
        self._until = -math.inf  # the clock's time at which an ejection ends, and another endpoint may be chosen

    def changed(self) -> None:
        """Read the endpoints and their health again before the next choice."""
        self._until = -math.inf

    def choose(self, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        """A healthy endpoint that is not among ``tried``, None when there is none."""
        if self._clock() >= self._until:
            self._renew()
        best, ends = self._best, self._ends
        if tried:
            best = [endpoint for endpoint in best if endpoint not in tried] or self._others(tried)
            ends = list(accumulate(endpoint.weight for endpoint in best))
        if len(best) < 2:
            return best[0] if best else None
        total, last = ends[-1], len(ends) - 1  # the last as a bound, since a product may be rounded up to the total
        index = bisect_right(ends, self._random() * total, 0, last)
        first = best[index]
        # The second draw is among the others: the span of the first is left out of the line and jumped over.
        drawn = self._random() * (total - first.weight)
        if drawn >= ends[index] - first.weight:
            drawn += first.weight
        second = best[bisect_right(ends, drawn, 0, last)]
        chosen = second if second.in_flight * first.weight < first.in_flight * second.weight else first
        if chosen.on_probation and chosen.in_flight:
            return self._free(best) or chosen
        return chosen

    @staticmethod
    def _free(best: list[Endpoint]) -> Endpoint | None:
        """The least busy of those that are not on probation with a call under way."""
        free = [endpoint for endpoint in best if not (endpoint.on_probation and endpoint.in_flight)]
        return min(free, key=lambda endpoint: endpoint.in_flight / endpoint.weight, default=None)

    def _others(self, tried: Collection[Endpoint]) -> list[Endpoint]:
        """Where all of the best were tried: the untried healthy endpoints of the lowest priority that has any."""
        left = [endpoint for endpoint in self._endpoints if endpoint.healthy and endpoint not in tried]
        lowest = min((endpoint.priority for endpoint in left), default=0)
        return [endpoint for endpoint in left if endpoint.priority == lowest]

    def _renew(self) -> None:
        best: list[Endpoint] = []
        for priority in sorted({endpoint.priority for endpoint in self._endpoints}):
            group = [endpoint for endpoint in self._endpoints if endpoint.priority == priority]
            healthy = [endpoint for endpoint in group if endpoint.healthy]
            wanted = [endpoint for endpoint in healthy if not endpoint.avoidable]
            best += [endpoint for endpoint in wanted if self._near(endpoint)] or wanted
            if healthy and _weight(healthy) >= self._spill_below * _weight(group):
                break
        self._best = best
        self._ends = list(accumulate(endpoint.weight for endpoint in best))
        waiting = [endpoint.ejected_until for endpoint in self._endpoints if endpoint.ejected_for]
        self._until = min(waiting, default=math.inf)

    def _near(self, endpoint: Endpoint) -> bool:
        return not self._region or endpoint.region in ("", self._region)


def _weight(endpoints: list[Endpoint]) -> int:
    return sum(endpoint.weight for endpoint in endpoints)
